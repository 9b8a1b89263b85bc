/** npm's rtc-node, unchanged: two robots in one room. Its connections are LiveKit's native core, as PyPI's are. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  AudioFrame, AudioSource, AudioStream, LocalAudioTrack, LocalVideoTrack, Room, RoomEvent, TrackKind, VideoBufferType, VideoFrame,
  VideoSource, VideoStream, dispose,
} from '@livekit/rtc-node';
import { AccessToken } from 'livekit-server-sdk';
import { KEY, SECRET, eventually, startServer } from './support/server.mjs';

const [RATE, HUM_HZ] = [48_000, 440];
const [WIDTH, HEIGHT, GREEN] = [320, 180, [30, 200, 60, 255]];

let server;
const rooms = [];

before(async () => {
  server = await startServer();
});

after(async () => {
  await Promise.all(rooms.map((room) => room.disconnect()));
  await dispose();
  await server?.stop();
});

async function join(name, identity) {
  const token = new AccessToken(KEY, SECRET, { identity });
  token.addGrant({ roomJoin: true, room: name });
  const room = new Room();
  rooms.push(room);
  room.received = new Map();
  room.left = [];
  room.on(RoomEvent.TrackSubscribed, (track) => room.received.set(track.kind, track));
  room.on(RoomEvent.ParticipantDisconnected, (other) => room.left.push(other.identity));
  await room.connect(server.url.replace('http', 'ws'), await token.toJwt());
  return room;
}

/** Feeds the sources until the signal is given. */
async function hum(source, { signal }) {
  const count = RATE / 100;
  for (let at = 0; !signal.aborted; at += count) {
    const wave = Int16Array.from({ length: count }, (_, n) => 10_000 * Math.sin((2 * Math.PI * HUM_HZ * (at + n)) / RATE));
    await source.captureFrame(new AudioFrame(wave, RATE, 1, count));
  }
}

async function glow(source, { signal }) {
  const pixels = new Uint8Array(WIDTH * HEIGHT * 4).map((_, at) => GREEN[at % 4]);
  while (!signal.aborted) {
    source.captureFrame(new VideoFrame(pixels, WIDTH, HEIGHT, VideoBufferType.RGBA));
    await pause(66);
  }
}

test('two robots hear and see each other', { timeout: 60_000 }, async () => {
  const [ada, bob] = [await join('robots', 'ada'), await join('robots', 'bob')];
  const stop = new AbortController();
  const [voice, eye] = [new AudioSource(RATE, 1), new VideoSource(WIDTH, HEIGHT)];
  await ada.localParticipant.publishTrack(LocalAudioTrack.createAudioTrack('hum', voice), {});
  await ada.localParticipant.publishTrack(LocalVideoTrack.createVideoTrack('glow', eye), {});
  const feeding = [hum(voice, stop), glow(eye, stop)];

  const sound = await eventually(() => bob.received.get(TrackKind.KIND_AUDIO), 'bob gets the sound');
  for await (const frame of new AudioStream(sound, RATE, 1)) {
    if (Math.max(...frame.data) > 5_000) break;
  }
  const picture = await eventually(() => bob.received.get(TrackKind.KIND_VIDEO), 'bob gets the picture');
  for await (const { frame } of new VideoStream(picture)) {
    const [red, green, blue] = frame.convert(VideoBufferType.RGBA).data;
    if (green > 150 && red < 90 && blue < 110) break;
  }
  stop.abort();
  await Promise.all(feeding);
});

test('text, packets and calls reach the other', { timeout: 60_000 }, async () => {
  const [ada, bob] = [await join('words', 'ada'), await join('words', 'bob')];
  await eventually(() => ada.remoteParticipants.has('bob') && bob.remoteParticipants.has('ada'), 'they see each other');
  const texts = [];
  bob.registerTextStreamHandler('chat', async (reader, { identity }) => texts.push([identity, await reader.readAll()]));
  await ada.localParticipant.sendText('hello '.repeat(10_000), { topic: 'chat' });
  await eventually(() => texts.length === 1, 'the text came');
  assert.deepEqual(texts, [['ada', 'hello '.repeat(10_000)]]);

  const packets = [];
  bob.on(RoomEvent.DataReceived, (payload, from, _, topic) => packets.push([new TextDecoder().decode(payload), from?.identity, topic]));
  await ada.localParticipant.publishData(new TextEncoder().encode('ping'), { reliable: true, topic: 't' });
  await eventually(() => packets.length === 1, 'the packet came');
  assert.deepEqual(packets, [['ping', 'ada', 't']]);

  bob.localParticipant.registerRpcMethod('double', async ({ payload }) => payload + payload);
  const answer = await ada.localParticipant.performRpc({ destinationIdentity: 'bob', method: 'double', payload: 'ab' });
  assert.equal(answer, 'abab');

  await bob.disconnect();
  await eventually(() => ada.left.includes('bob'), 'ada sees bob leave');
});

test('what the example for developers says is so', { timeout: 60_000 }, async () => {
  const script = fileURLToPath(new URL('../../examples/node/roll-call.mjs', import.meta.url));
  const loader = fileURLToPath(new URL('./support/installed.mjs', import.meta.url));
  const child = spawn(process.execPath, ['--import', loader, script, 'example'], {
    env: { ...process.env, LIVEKIT_URL: server.url.replace('http', 'ws') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let said = '';
    child.stdout.on('data', (text) => (said += text));
    await eventually(() => said.includes('in the room example'), 'it joins');
    const ada = await join('example', 'ada');
    const answers = [];
    ada.registerTextStreamHandler('lk.chat', async (reader) => answers.push(await reader.readAll()));
    await eventually(() => said.includes('ada came'), 'it notes who comes');
    await ada.localParticipant.sendText('who?', { topic: 'lk.chat' });
    await eventually(() => answers.length === 1, 'it answers');
    assert.deepEqual(answers, ['Here: ada']);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
  }
});
