/**
 * `npm run capture -- FOLDER`: the datagrams of each browser's first DTLS
 * flight, as `crates/media/tests/fixtures` keeps them.
 */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { launchChromium, launchFirefox } from './support/browsers.mjs';
import { ADDRESS } from './support/place.mjs';
import { answer, isCheck } from './support/stun.mjs';

const PASSWORD = 'capture-capture-capture-';
const HANDSHAKE = 22;
const RECORD_HEADER_BYTES = 13;

/** Begins a connection as a client of LiveKit's does: with tracks and data. */
async function connect([address, port, password]) {
  const peer = new RTCPeerConnection();
  window.peer = peer;
  peer.createDataChannel('_reliable');
  peer.addTransceiver('audio', { direction: 'recvonly' });
  await peer.setLocalDescription();
  const offer = peer.localDescription.sdp;
  const opus = /a=rtpmap:(\d+) opus/i.exec(offer)[1];
  const sections = offer.split('\r\nm=').slice(1);
  const transport = [
    'c=IN IP4 0.0.0.0',
    'a=ice-ufrag:0000capture',
    `a=ice-pwd:${password}`,
    `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
    'a=setup:passive',
    `a=candidate:1 1 udp 2130706431 ${address} ${port} typ host`,
    'a=end-of-candidates',
  ];
  const answers = sections.map((section) => {
    const mid = /a=mid:(\S+)/.exec(section)[0];
    return section.startsWith('audio')
      ? [`m=audio 9 UDP/TLS/RTP/SAVPF ${opus}`, ...transport, mid, 'a=sendonly', 'a=rtcp-mux', `a=rtpmap:${opus} opus/48000/2`]
      : ['m=application 9 UDP/DTLS/SCTP webrtc-datachannel', ...transport, mid, 'a=sctp-port:5000'];
  });
  const mids = sections.map((section) => /a=mid:(\S+)/.exec(section)[1]);
  const lines = ['v=0', 'o=- 1 1 IN IP4 0.0.0.0', 's=-', 't=0 0', 'a=ice-lite', `a=group:BUNDLE ${mids.join(' ')}`, ...answers.flat()];
  await peer.setRemoteDescription({ type: 'answer', sdp: `${lines.join('\r\n')}\r\n` });
}

/** Answers every check; gives the datagrams up to the end of the ClientHello. */
function firstFlight(socket) {
  const flight = [];
  return new Promise((resolve) => {
    socket.on('message', (datagram, source) => {
      if (isCheck(datagram)) {
        socket.send(answer(datagram, source, PASSWORD), source.port, source.address);
      } else if (datagram[0] === HANDSHAKE) {
        flight.push(datagram);
        if (endsMessage(datagram)) resolve(flight.slice());
      }
    });
  });
}

/** Whether the fragment in this record is its message's last (RFC 6347 §4.2.2). */
function endsMessage(record) {
  const message = record.subarray(RECORD_HEADER_BYTES);
  const [length, offset, fragment] = [1, 6, 9].map((at) => message.readUIntBE(at, 3));
  return offset + fragment === length;
}

async function capture(name, launch, folder) {
  const socket = createSocket('udp4').bind(0, ADDRESS);
  await once(socket, 'listening');
  const flight = firstFlight(socket);
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.evaluate(connect, [ADDRESS, socket.address().port, PASSWORD]);
    for (const [index, datagram] of (await flight).entries()) {
      await writeFile(path.join(folder, `${name}-${index + 1}.bin`), datagram);
      console.log(`${await browser.version()}: ${name}-${index + 1}.bin, ${datagram.length} bytes`);
    }
  } finally {
    await browser.close();
    socket.close();
  }
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('say where to: npm run capture -- FOLDER');
await mkdir(folder, { recursive: true });
await capture('chromium', launchChromium, folder);
await capture('firefox', launchFirefox, folder);
