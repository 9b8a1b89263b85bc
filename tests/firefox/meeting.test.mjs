/** Firefox and Chromium in one room, with npm's livekit-client, against the real server. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launchChromium, launchFirefox } from './support/browsers.mjs';
import { openLink, ssrcOf } from './support/link.mjs';
import { Person, until } from './support/people.mjs';
import { RTC_PORT, startServer } from './support/server.mjs';
import { serveSite } from './support/site.mjs';

/** Two browsers start, and a room of a few seconds. */
const LIMIT_MS = 240_000;

let server, link, site, firefox, chromium;

before(async () => {
  [server, link, site] = await Promise.all([startServer(), openLink(RTC_PORT), serveSite()]);
  firefox = await launchFirefox();
  chromium = await launchChromium();
}, { timeout: LIMIT_MS });

after(async () => {
  await Promise.all([firefox?.close(), chromium?.close()]);
  site?.close();
  link?.close();
  await server?.stop();
}, { timeout: LIMIT_MS });

/** LiveKit's two dialects. */
const DIALECTS = [{ name: 'over one connection', one: true }, { name: 'over two connections', one: false }];

async function inOneRoom(room, dialect, work) {
  room = `${room} ${dialect.name}`;
  const fox = await Person.join(firefox, site, room, 'fox', dialect);
  const cher = await Person.join(chromium, site, room, 'cher', dialect);
  try {
    await work(fox, cher);
  } catch (error) {
    for (const person of [fox, cher]) {
      console.log(person.identity, 'was told', await person.told(), 'errors', person.errors);
    }
    console.log(server.said);
    throw error;
  } finally {
    await Promise.all([fox.page.close(), cher.page.close()]);
  }
}

for (const dialect of DIALECTS) test(`both see and hear each other, sealed with AES-256, ${dialect.name}`, { timeout: LIMIT_MS }, async () => {
  await inOneRoom('media', dialect, async (fox, cher) => {
    await fox.hears('joined cher');
    for (const person of [fox, cher]) {
      await person.page.evaluate(() => window.room.localParticipant.enableCameraAndMicrophone());
    }
    for (const [person, other] of [[fox, 'cher'], [cher, 'fox']]) {
      await person.hears(`subscribed ${other} camera`);
      await person.hears(`subscribed ${other} microphone`);
      await person.sees(other);
      await person.grows('video', 'framesDecoded');
      await person.grows('audio', 'packetsReceived');
      await checkSound(person);
      await checkCodec(person);
      await checkCipher(person);
    }
  });
});

/** What arrives is sound, not silence: both browsers' fake microphones beep. */
async function checkSound(person) {
  await until(`${person.identity} hears sound`, async () => {
    const [line] = await person.inbound('audio');
    return line.totalAudioEnergy > 0.001;
  });
}

async function checkCodec(person) {
  const codecs = await person.lines('codec');
  for (const line of await person.inbound('video')) {
    const codec = codecs.find((codec) => codec.id === line.codecId);
    assert.equal(codec.mimeType, 'video/VP8', person.identity);
  }
}

async function checkCipher(person) {
  const transports = await person.lines('transport');
  assert.ok(transports.length > 0, `${person.identity} has a transport`);
  for (const { dtlsState, srtpCipher } of transports) {
    assert.equal(dtlsState, 'connected', person.identity);
    // Firefox gives the name of RFC 7714 in full, Chromium without `SRTP_`.
    assert.equal(srtpCipher.replace(/^SRTP_/, ''), 'AEAD_AES_256_GCM', person.identity);
  }
}

for (const dialect of DIALECTS) test(`what is lost on the way is repaired, ${dialect.name}`, { timeout: LIMIT_MS }, async () => {
  await inOneRoom('loss', dialect, async (fox, cher) => {
    for (const [person, other] of [[fox, cher], [cher, fox]]) {
      await other.page.evaluate(() => window.room.localParticipant.setCameraEnabled(true));
      await person.hears(`subscribed ${other.identity} camera`);
      await person.grows('video', 'framesDecoded');
      await checkRepairDown(person);
      await checkRepairUp(other, person);
    }
  });
});

/** Packets lost in each direction, one in ten. */
const LOST = 40;

/** A judge of datagrams that loses every tenth packet of some streams. */
function tenth(ssrcs) {
  let packets = 0;
  const judge = (datagram) => {
    if (!ssrcs.includes(ssrcOf(datagram))) return false;
    packets += 1;
    if (packets % 10 !== 0) return false;
    judge.lost += 1;
    return true;
  };
  judge.lost = 0;
  return judge;
}

/**
 * What the server sends again is of use: each packet is asked for about once.
 * A receiver that can't use it asks ten times before it gives up.
 */
async function checkRepairDown(receiver) {
  const [before] = await receiver.inbound('video');
  const judge = tenth([before.ssrc]);
  link.losesDown = judge;
  await until(`${LOST} packets to ${receiver.identity} are lost`, () => judge.lost >= LOST);
  link.losesDown = () => false;
  await receiver.grows('video', 'framesDecoded');
  const [after] = await receiver.inbound('video');
  const requests = after.nackCount - before.nackCount;
  const seen = `${receiver.identity}: ${requests} requests for ${judge.lost} packets`;
  assert.ok(requests > 0 && requests <= 2 * judge.lost, seen);
}

/** The server asks the sender again, so that the receiver misses next to nothing. */
async function checkRepairUp(sender, receiver) {
  const streams = async () => (await sender.lines('outbound-rtp')).filter((line) => line.kind === 'video');
  const repeated = async () => (await streams()).reduce((sum, line) => sum + line.retransmittedPacketsSent, 0);
  const before = await repeated();
  const [first] = await receiver.inbound('video');
  const judge = tenth((await streams()).map((line) => line.ssrc));
  link.losesUp = judge;
  await until(`${LOST} packets of ${sender.identity} are lost`, () => judge.lost >= LOST);
  link.losesUp = () => false;
  await until(`${sender.identity} repeats them`, async () => (await repeated()) - before >= judge.lost / 2);
  await receiver.grows('video', 'framesDecoded');
  const [last] = await receiver.inbound('video');
  const missed = last.packetsLost - first.packetsLost;
  assert.ok(missed <= judge.lost / 4, `${receiver.identity} misses ${missed} of ${judge.lost} packets`);
}

for (const dialect of DIALECTS) test(`muting, text and leaving pass both ways, ${dialect.name}`, { timeout: LIMIT_MS }, async () => {
  await inOneRoom('words', dialect, async (fox, cher) => {
    for (const [person, other] of [[fox, cher], [cher, fox]]) {
      const name = person.identity;
      await person.page.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
      await other.hears(`subscribed ${name} microphone`);
      await person.page.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(false));
      await other.hears(`muted ${name} microphone`);
      await person.page.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
      await other.hears(`unmuted ${name} microphone`);
      await person.page.evaluate(() => window.room.localParticipant.sendText('hello', { topic: 'chat' }));
      await other.hears(`text ${name} hello`);
    }
    await fox.page.evaluate(() => window.room.disconnect());
    await cher.hears('left fox');
  });
});
