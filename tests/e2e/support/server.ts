/** A fresh Plenary of one's own: a process with its ports and its folder. */

import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { binary } from './place';

const READY_WITHIN_MS = 15_000;
const STOPPED_WITHIN_MS = 10_000;

export class Server {
  private log = '';

  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    readonly ports: { http: number; rtc: number },
    private readonly host: string,
  ) {
    for (const stream of [process.stdout, process.stderr]) {
      stream?.on('data', (text: Buffer) => (this.log += text.toString()));
    }
  }

  /** Pages reach it at `nodeIp`, where something may stand in between. */
  static async start(nodeIp = '127.0.0.1'): Promise<Server> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'plenary-e2e-'));
    const ports = { http: await freeTcpPort(), rtc: await freeUdpPort() };
    const child = spawn(
      binary,
      ['serve', '--dev', '--http', `127.0.0.1:${ports.http}`, '--rtc', `127.0.0.1:${ports.rtc}`]
        .concat(['--node-ip', nodeIp, '--data', path.join(folder, 'data')]),
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const server = new Server(child, folder, ports, nodeIp === '127.0.0.1' ? 'localhost' : nodeIp);
    try {
      await server.untilReady();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  private async untilReady(): Promise<void> {
    const deadline = Date.now() + READY_WITHIN_MS;
    while (Date.now() < deadline) {
      if (this.process.exitCode !== null) break;
      const ready = await fetch(`http://127.0.0.1:${this.ports.http}/readyz`).then((answer) => answer.ok, () => false);
      if (ready) return;
      await pause(20);
    }
    throw new Error(`the server is not ready:\n${this.log}`);
  }

  /** Asks the process to stop, and ends it when it doesn't. */
  async stop(): Promise<void> {
    if (this.process.exitCode === null) {
      const ended = once(this.process, 'exit');
      this.process.kill('SIGTERM');
      const slow = setTimeout(() => this.process.kill('SIGKILL'), STOPPED_WITHIN_MS);
      await ended;
      clearTimeout(slow);
    }
    await rm(this.folder, { recursive: true, force: true });
  }

  get alive(): boolean {
    return this.process.exitCode === null;
  }

  get said(): string {
    return this.log;
  }

  /** A secure context, so that pages may use cameras. */
  get url(): string {
    return `http://${this.host}:${this.ports.http}`;
  }

  get webSocketUrl(): string {
    return `ws://${this.host}:${this.ports.http}`;
  }
}

async function freeTcpPort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

async function freeUdpPort(): Promise<number> {
  const probe = createSocket('udp4').bind(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address();
  probe.close();
  await once(probe, 'close');
  return port;
}

/** A join token as anyone's backend makes it (HS256, RFC 7515), for the keys of development. */
export function mint(room: string, identity: string): string {
  const now = Math.floor(Date.now() / 1_000);
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { iss: 'devkey', sub: identity, nbf: now - 5, exp: now + 600, video: { roomJoin: true, room } };
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', 'secret').update(signed).digest('base64url')}`;
}
