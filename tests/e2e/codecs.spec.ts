/** What livekit-client can encode beside VP8, and what it can ask of it. */

import { expect, test } from './support/fixtures';
import { count, look, moves, stats, voices } from './support/probes';
import { connect, track } from './support/sdk';

for (const codec of ['vp9', 'av1'] as const) {
  test(`${codec} comes in layers`, async ({ open, sdkPage, server }) => {
    const ada = await connect(open, sdkPage, server, `codecs-${codec}`, 'ada');
    const bob = await connect(open, sdkPage, server, `codecs-${codec}`, 'bob');
    await ada.evaluate((videoCodec) => window.room.localParticipant.setCameraEnabled(true, undefined, { videoCodec }), codec);
    const video = track(bob, 'ada', 'camera');
    await expect(video).toBeVisible();
    await expect.poll(() => moves(video)).toBe(true);
    await expect.poll(async () => (await look(video.first()))?.width, { timeout: 30_000 }).toBe(1280);

    const sent = (await stats(ada)).filter((line) => line.type === 'outbound-rtp' && line['kind'] === 'video');
    expect(sent.length).toBe(1);
    expect(sent[0]?.['scalabilityMode']).toBe('L3T3_KEY');
    const received = await stats(bob);
    const inbound = received.find((line) => line.type === 'inbound-rtp' && line['kind'] === 'video' && count(line, 'framesDecoded') > 0);
    expect(received.find((line) => line.id === inbound?.['codecId'])?.['mimeType']).toBe(`video/${codec.toUpperCase()}`);

    const ask = (quality: 'LOW' | 'HIGH') =>
      bob.evaluate((quality) => {
        const { RemoteTrackPublication, VideoQuality } = window.livekit;
        for (const publication of window.room.remoteParticipants.get('ada')?.trackPublications.values() ?? []) {
          if (publication instanceof RemoteTrackPublication) publication.setVideoQuality(VideoQuality[quality]);
        }
      }, quality);
    await ask('LOW');
    await expect.poll(async () => (await look(video))?.width).toBeLessThanOrEqual(320);
    await expect.poll(() => moves(video)).toBe(true);
    await ask('HIGH');
    await expect.poll(async () => (await look(video))?.width, { timeout: 30_000 }).toBe(1280);
    await expect.poll(() => moves(video)).toBe(true);
  });
}

test('sound is sent with redundancy, or without where the publisher says so', async ({ open, sdkPage, server }) => {
  const ada = await connect(open, sdkPage, server, 'codecs-red', 'ada');
  const bob = await connect(open, sdkPage, server, 'codecs-red', 'bob');
  const codec = async (page: typeof bob, direction: 'inbound-rtp' | 'outbound-rtp'): Promise<unknown> => {
    const lines = await stats(page);
    const packets = direction === 'inbound-rtp' ? 'packetsReceived' : 'packetsSent';
    const line = lines.find((line) => line.type === direction && line['kind'] === 'audio' && count(line, packets) > 10);
    return lines.find(({ id }) => id === line?.['codecId'])?.['mimeType'];
  };
  await ada.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
  await expect.poll(() => codec(ada, 'outbound-rtp')).toBe('audio/red');
  await expect.poll(() => codec(bob, 'inbound-rtp')).toBe('audio/red');
  await expect.poll(() => voices(bob)).toBe(1);

  await bob.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true, undefined, { red: false, dtx: false }));
  await expect.poll(() => codec(ada, 'inbound-rtp')).toBe('audio/opus');
  await expect.poll(() => voices(ada)).toBe(1);
});

test('what nobody watches is not encoded', async ({ open, sdkPage, server }) => {
  const ada = await connect(open, sdkPage, server, 'codecs-dynacast', 'ada', { dynacast: true });
  const bob = await connect(open, sdkPage, server, 'codecs-dynacast', 'bob');
  await ada.evaluate(() => window.room.localParticipant.setCameraEnabled(true));
  const video = track(bob, 'ada', 'camera');
  await expect.poll(async () => (await look(video.first()))?.width, { timeout: 30_000 }).toBe(1280);
  const active = async (): Promise<unknown[]> => {
    const lines = (await stats(ada)).filter((line) => line.type === 'outbound-rtp' && line['kind'] === 'video');
    return lines.filter((line) => line['active'] === true).map((line) => line['rid']).sort();
  };
  expect(await active()).toEqual(['f', 'h', 'q']);
  const watch = (quality: 'OFF' | 'LOW' | 'HIGH') =>
    bob.evaluate((quality) => {
      const { RemoteTrackPublication, VideoQuality } = window.livekit;
      for (const publication of window.room.remoteParticipants.get('ada')?.trackPublications.values() ?? []) {
        if (!(publication instanceof RemoteTrackPublication)) continue;
        publication.setEnabled(quality !== 'OFF');
        if (quality !== 'OFF') publication.setVideoQuality(VideoQuality[quality]);
      }
    }, quality);
  await watch('LOW');
  await expect.poll(active, { timeout: 20_000 }).toEqual(['q']);
  await watch('OFF');
  await expect.poll(active, { timeout: 20_000 }).toEqual([]);
  await watch('HIGH');
  await expect.poll(active).toEqual(['f', 'h', 'q']);
  await expect.poll(async () => (await look(video))?.width, { timeout: 30_000 }).toBe(1280);
  await expect.poll(() => moves(video)).toBe(true);
});
