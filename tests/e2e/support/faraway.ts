/**
 * The server as if it were far away: whatever passes, either way, by TCP or
 * UDP, is held back for so long. It stands on 127.0.0.2 with the server's own
 * ports, so that the addresses in descriptions are right.
 */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Server as TcpServer, type Socket } from 'node:net';

export const FARAWAY_IP = '127.0.0.2';

export class Faraway {
  private readonly sockets = new Set<Socket | UdpSocket>();
  private tcp: TcpServer | undefined;

  private constructor(private readonly oneWayMs: number) {}

  static async open(oneWayMs: number, ports: { http: number; rtc: number }): Promise<Faraway> {
    const faraway = new Faraway(oneWayMs);
    await faraway.carryTcp(ports.http);
    await faraway.carryUdp(ports.rtc);
    return faraway;
  }

  private async carryTcp(port: number): Promise<void> {
    this.tcp = createServer({ noDelay: true }, (near) => {
      const far = connect({ port, host: '127.0.0.1', noDelay: true });
      // The handshake's own round trip: nothing of the client's is answered before.
      const opened = Date.now() + 2 * this.oneWayMs;
      this.pipe(near, far, opened);
      this.pipe(far, near, 0);
    }).listen(port, FARAWAY_IP);
    await once(this.tcp, 'listening');
  }

  /** Order is kept: timers of the same length fire in the order in which they were set. */
  private pipe(from: Socket, to: Socket, notBefore: number): void {
    this.sockets.add(from);
    const wait = (): number => Math.max(this.oneWayMs, notBefore + this.oneWayMs - Date.now());
    from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), wait()));
    from.on('close', () => setTimeout(() => to.destroy(), wait()));
    from.on('error', () => from.destroy());
  }

  private async carryUdp(port: number): Promise<void> {
    const near = createSocket('udp4').bind(port, FARAWAY_IP);
    this.sockets.add(near);
    const ways = new Map<string, UdpSocket>();
    near.on('message', (datagram, client) => {
      const source = `${client.address}:${client.port}`;
      let far = ways.get(source);
      if (far === undefined) {
        far = createSocket('udp4').bind(0, '127.0.0.1');
        far.on('message', (answer) => this.later(() => near.send(answer, client.port, client.address)));
        ways.set(source, far);
        this.sockets.add(far);
      }
      const way = far;
      this.later(() => way.send(datagram, port, '127.0.0.1'));
    });
    await once(near, 'listening');
  }

  private later(act: () => void): void {
    setTimeout(() => this.tcp !== undefined && act(), this.oneWayMs);
  }

  close(): void {
    this.tcp?.close();
    this.tcp = undefined;
    for (const socket of this.sockets) 'destroy' in socket ? socket.destroy() : socket.close();
  }
}
