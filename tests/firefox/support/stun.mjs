/** As much of a STUN server (RFC 8489) as lets a browser begin with DTLS: every check succeeds. */

import { createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';

const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const COOKIE = 0x2112a442;
const HEADER_BYTES = 20;
const XOR_MAPPED_ADDRESS = 0x0020;
const MESSAGE_INTEGRITY = 0x0008;
const FINGERPRINT = 0x8028;

export function isCheck(datagram) {
  return datagram.length >= HEADER_BYTES && datagram.readUInt16BE(0) === BINDING_REQUEST;
}

/** The answer to a check that came from an IPv4 address and port. */
export function answer(check, { address, port }, password) {
  const mapped = Buffer.alloc(8);
  mapped.writeUInt16BE(0x0001, 0);
  mapped.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  const octets = address.split('.').map(Number);
  octets.forEach((octet, index) => mapped.writeUInt8(octet ^ check.readUInt8(4 + index), 4 + index));

  const header = Buffer.from(check.subarray(0, HEADER_BYTES));
  header.writeUInt16BE(BINDING_SUCCESS, 0);
  let message = Buffer.concat([header, attribute(XOR_MAPPED_ADDRESS, mapped)]);
  message = withLength(message, 24);
  const integrity = createHmac('sha1', password).update(message).digest();
  message = withLength(Buffer.concat([message, attribute(MESSAGE_INTEGRITY, integrity)]), 8);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE((crc32(message) ^ 0x5354554e) >>> 0);
  return Buffer.concat([message, attribute(FINGERPRINT, sum)]);
}

function attribute(type, value) {
  const header = Buffer.alloc(4);
  header.writeUInt16BE(type, 0);
  header.writeUInt16BE(value.length, 2);
  return Buffer.concat([header, value]);
}

/** The length field counts the attribute to come too, of `more` bytes. */
function withLength(message, more) {
  message.writeUInt16BE(message.length - HEADER_BYTES + more, 2);
  return message;
}
