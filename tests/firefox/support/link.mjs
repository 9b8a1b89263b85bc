/**
 * The way between the clients and the server's media port: a relay that can
 * lose what a test wants lost. Clients reach it at the address that the server
 * tells them, while the server itself is at the same port on loopback.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { ADDRESS } from './place.mjs';

const SERVER = '127.0.0.1';

export async function openLink(port) {
  const front = createSocket('udp4').bind(port, ADDRESS);
  await once(front, 'listening');
  // What the server sees of each client, by the client's own address. Firefox
  // would not believe to be seen at a loopback address.
  const backs = new Map();
  const link = {
    /** Decides about each datagram from the server, and to it: true loses it. */
    losesDown: () => false,
    losesUp: () => false,
    close() {
      front.close();
      for (const back of backs.values()) back.close();
    },
  };
  const backOf = ({ address, port: source }) => {
    const name = `${address} ${source}`;
    if (!backs.has(name)) {
      const back = createSocket('udp4').bind(0, ADDRESS);
      back.on('message', (datagram) => {
        if (!link.losesDown(datagram)) front.send(datagram, source, address);
      });
      backs.set(name, back);
    }
    return backs.get(name);
  };
  front.on('message', (datagram, source) => {
    if (!link.losesUp(datagram)) backOf(source).send(datagram, port, SERVER);
  });
  return link;
}

/** The stream that an RTP packet belongs to; null for anything else (RFC 7983 §7, RFC 5761 §4). */
export function ssrcOf(datagram) {
  const isMedia = datagram.length >= 12 && datagram[0] >= 128 && datagram[0] <= 191;
  const isRtcp = datagram[1] >= 192 && datagram[1] <= 223;
  return isMedia && !isRtcp ? datagram.readUInt32BE(8) : null;
}
