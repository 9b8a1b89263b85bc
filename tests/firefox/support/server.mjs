/** A fresh Plenary of one's own: a process with its ports and its folder. */

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ADDRESS, binary } from './place.mjs';

const READY_WITHIN_MS = 30_000;
const STOPPED_WITHIN_MS = 10_000;

/** Free: nobody else is in this network. */
const HTTP_PORT = 7880;
export const RTC_PORT = 7882;

export const webSocketUrl = `ws://localhost:${HTTP_PORT}`;

/**
 * Signalling on loopback, where pages count as secure. Media there too, but
 * told to clients at the address that Firefox can reach, where `openLink` is.
 */
export async function startServer() {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'plenary-firefox-'));
  const child = spawn(
    binary,
    ['serve', '--dev', '--http', `127.0.0.1:${HTTP_PORT}`, '--rtc', `127.0.0.1:${RTC_PORT}`]
      .concat(['--node-ip', ADDRESS, '--data', path.join(folder, 'data')]),
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const ended = once(child, 'exit');
  const server = {
    get said() {
      return said;
    },
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
    const answer = await fetch(`http://127.0.0.1:${HTTP_PORT}/readyz`).catch(() => null);
    if (answer?.ok) return server;
    await pause(50);
  }
  await server.stop();
  throw new Error(`the server is not ready:\n${said}`);
}

/** A join token as anyone's backend makes it (HS256, RFC 7515), for the keys of development. */
export function mint(room, identity) {
  const now = Math.floor(Date.now() / 1_000);
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: 'devkey', sub: identity, nbf: now - 5, exp: now + 600, video: { roomJoin: true, room } };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', 'secret').update(signed).digest('base64url')}`;
}
