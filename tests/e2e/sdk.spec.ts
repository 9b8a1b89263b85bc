/** npm's livekit-client, unchanged, in Chromium: by URL and token alone. */

import { expect, test } from './support/fixtures';
import { count, inbound, look, moves, stats, voices } from './support/probes';
import { connect, told, track } from './support/sdk';

test('publish, subscribe, mute, unmute, unpublish', async ({ open, sdkPage, server }) => {
  const ada = await connect(open, sdkPage, server, 'sdk-media', 'ada');
  const bob = await connect(open, sdkPage, server, 'sdk-media', 'bob');
  await expect.poll(() => told(ada)).toContain('joined bob');

  await ada.evaluate(() => window.room.localParticipant.enableCameraAndMicrophone());
  await expect(track(bob, 'ada', 'camera')).toBeVisible();
  await expect.poll(() => moves(track(bob, 'ada', 'camera'))).toBe(true);
  await expect.poll(() => voices(bob)).toBe(1);

  await ada.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(false));
  await expect.poll(() => told(bob)).toContain('muted ada microphone');
  await expect.poll(() => voices(bob)).toBe(0);
  await ada.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
  await expect.poll(() => told(bob)).toContain('unmuted ada microphone');
  await expect.poll(() => voices(bob)).toBe(1);

  await ada.evaluate(async () => {
    const { Track } = window.livekit;
    const camera = window.room.localParticipant.getTrackPublication(Track.Source.Camera)?.track;
    if (camera === undefined) throw new Error('no camera');
    await window.room.localParticipant.unpublishTrack(camera.mediaStreamTrack);
  });
  await expect.poll(() => told(bob)).toContain('unsubscribed ada camera');
  await expect(track(bob, 'ada', 'camera')).toHaveCount(0);

  await ada.evaluate(() => window.room.disconnect());
  await expect.poll(() => told(bob)).toContain('left ada');
});

test('a camera arrives in 720p as VP8, sealed with AES-256', async ({ open, sdkPage, server }) => {
  const ada = await connect(open, sdkPage, server, 'sdk-720p', 'ada');
  const bob = await connect(open, sdkPage, server, 'sdk-720p', 'bob');
  await ada.evaluate(() => window.room.localParticipant.setCameraEnabled(true));
  await expect.poll(async () => (await look(track(bob, 'ada', 'camera').first()))?.width, { timeout: 30_000 }).toBe(1280);
  expect((await look(track(bob, 'ada', 'camera')))?.height).toBe(720);

  for (const page of [ada, bob]) {
    const lines = await stats(page);
    const transports = lines.filter((line) => line.type === 'transport' && line['dtlsState'] === 'connected');
    expect(transports.map((line) => line['srtpCipher'])).toEqual(transports.map(() => 'SRTP_AEAD_AES_256_GCM'));
    expect(transports.length).toBeGreaterThan(0);
  }
  const lines = await stats(bob);
  const video = lines.find((line) => line.type === 'inbound-rtp' && line['kind'] === 'video' && count(line, 'framesDecoded') > 0);
  expect(lines.find((line) => line.id === video?.['codecId'])?.['mimeType']).toBe('video/VP8');
});

test('H.264 passes', async ({ open, sdkPage, server }) => {
  const ada = await connect(open, sdkPage, server, 'sdk-h264', 'ada');
  const bob = await connect(open, sdkPage, server, 'sdk-h264', 'bob');
  await ada.evaluate(() => window.room.localParticipant.setCameraEnabled(true, undefined, { videoCodec: 'h264' }));
  await expect(track(bob, 'ada', 'camera')).toBeVisible();
  await expect.poll(() => moves(track(bob, 'ada', 'camera'))).toBe(true);
  const lines = await stats(bob);
  const video = lines.find((line) => line.type === 'inbound-rtp' && line['kind'] === 'video' && count(line, 'framesDecoded') > 0);
  expect(lines.find((line) => line.id === video?.['codecId'])?.['mimeType']).toBe('video/H264');
});

test('a thumbnail costs a thumbnail', async ({ open, sdkPage, server }) => {
  const ada = await connect(open, sdkPage, server, 'sdk-thumbnail', 'ada');
  const bob = await connect(open, sdkPage, server, 'sdk-thumbnail', 'bob');
  await ada.evaluate(() => window.room.localParticipant.setCameraEnabled(true));
  const video = track(bob, 'ada', 'camera');
  await expect.poll(async () => (await look(video.first()))?.width, { timeout: 30_000 }).toBe(1280);
  await bob.evaluate(() => {
    const { RemoteTrackPublication, VideoQuality } = window.livekit;
    for (const publication of window.room.remoteParticipants.get('ada')?.trackPublications.values() ?? []) {
      if (publication instanceof RemoteTrackPublication) publication.setVideoQuality(VideoQuality.LOW);
    }
  });
  await expect.poll(async () => (await look(video))?.width).toBeLessThanOrEqual(320);
  const received = async (): Promise<number> => {
    const lines = await inbound(bob, 'video');
    return lines.reduce((sum, line) => sum + count(line, 'bytesReceived'), 0);
  };
  const [before, began] = [await received(), Date.now()];
  await expect.poll(() => Date.now() - began).toBeGreaterThan(3_000);
  const bitsPerSecond = ((await received()) - before) * 8_000 / (Date.now() - began);
  // The lowest layer is encoded at 160 kbit/s (livekit-client's h180), 720p at 1,700.
  expect(bitsPerSecond).toBeGreaterThan(20_000);
  expect(bitsPerSecond).toBeLessThan(350_000);
});

test('data and text reach whom they are for', async ({ open, sdkPage, server }) => {
  const [ada, bob, cleo] = [
    await connect(open, sdkPage, server, 'sdk-data', 'ada'),
    await connect(open, sdkPage, server, 'sdk-data', 'bob'),
    await connect(open, sdkPage, server, 'sdk-data', 'cleo'),
  ];
  await expect.poll(() => told(ada)).toContain('joined cleo');
  await ada.evaluate(async () => {
    const me = window.room.localParticipant;
    const payload = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(new TextEncoder().encode(text));
    await me.publishData(payload('to bob'), { reliable: true, topic: 't', destinationIdentities: ['bob'] });
    await me.publishData(payload('lossy to bob'), { reliable: false, topic: 't', destinationIdentities: ['bob'] });
    await me.publishData(payload('to all'), { reliable: true, topic: 't' });
    await me.sendText('hello '.repeat(10_000), { topic: 'chat' });
  });
  for (const page of [bob, cleo]) {
    await expect.poll(() => told(page)).toContain('data ada t to all');
    await expect.poll(() => told(page)).toContain(`text ada ${'hello '.repeat(10_000)}`);
  }
  await expect.poll(() => told(bob)).toEqual(expect.arrayContaining(['data ada t to bob', 'data ada t lossy to bob']));
  expect((await told(cleo)).filter((line) => line.includes('to bob'))).toEqual([]);

  await cleo.evaluate(() => window.room.localParticipant.sendText('and back', { topic: 'chat' }));
  await expect.poll(() => told(ada)).toContain('text cleo and back');
});

test('who is not let in is told why', async ({ open, sdkPage, server }) => {
  const page = await open();
  await page.goto(sdkPage.url);
  const refusal = await page.evaluate(async (url) => {
    try {
      await new window.livekit.Room({ singlePeerConnection: window.singlePeerConnection }).connect(url, 'not.a.token');
      return 'let in';
    } catch (error) {
      if (!(error instanceof window.livekit.ConnectionError)) return String(error);
      // Its `reasonName` is that of the error around it.
      return `${window.livekit.ConnectionErrorReason[error.reason]} ${error.status}`;
    }
  }, server.webSocketUrl);
  expect(refusal).toBe('NotAllowed 401');
});
