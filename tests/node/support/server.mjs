/** A fresh Plenary of one's own: a process with its ports and its folder. */

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const KEY = 'devkey';
export const SECRET = 'secret';

const READY_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 10_000;

const root = fileURLToPath(new URL('../../..', import.meta.url));
const binary = process.env.PLENARY_BINARY ?? path.join(root, 'target/release/plenary');
const python = process.env.PLENARY_PYTHON ?? path.join(root, 'target/test-venv/bin/python');

async function freeTcpPort() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

async function freeUdpPort() {
  const probe = createSocket('udp4').bind(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  return port;
}

/** `more` are further flags of `plenary serve`. */
export async function startServer(...more) {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'plenary-node-'));
  const address = `127.0.0.1:${await freeTcpPort()}`;
  const flags = ['serve', '--dev', '--http', address, '--rtc', `127.0.0.1:${await freeUdpPort()}`];
  flags.push('--node-ip', '127.0.0.1', '--data', path.join(folder, 'data'), ...more);
  const child = spawn(binary, flags, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const ended = once(child, 'exit');
  const server = {
    url: `http://${address}`,
    async stop() {
      const slow = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN_MS);
      child.kill('SIGTERM');
      await ended;
      clearTimeout(slow);
      await rm(folder, { recursive: true, force: true });
    },
  };
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    const answer = await fetch(`${server.url}/readyz`).catch(() => null);
    if (answer?.ok) return server;
    await pause(50);
  }
  await server.stop();
  throw new Error(`the server is not ready:\n${said}`);
}

/** Someone with a microphone, in a process of its own: PyPI's `livekit`. */
export async function enter(server, token) {
  const program = path.join(root, 'tests/python/ghost.py');
  const child = spawn(python, [program, server.url.replace('http', 'ws'), token], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [said] = await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  if (!String(said).includes('joined')) throw new Error(`nobody joined: ${said}`);
  return {
    leave() {
      child.kill('SIGKILL');
    },
  };
}

/** The first true value of a condition that nothing announces. */
export async function eventually(condition, what, withinMs = 15_000) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(20);
  }
}
