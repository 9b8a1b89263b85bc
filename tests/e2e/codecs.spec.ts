/** What livekit-client can encode beside VP8, and what it can ask of it. */

import { expect, test } from './support/fixtures';
import { count, look, moves, stats, voices } from './support/probes';
import { connect, told, track } from './support/sdk';

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
  // Statistics name the codec within, so what is looked at is the sound that came twice and was thrown away.
  const twice = async (page: typeof bob): Promise<number[]> => {
    const lines = (await stats(page)).filter((line) => line.type === 'inbound-rtp' && line['kind'] === 'audio');
    return lines.filter((line) => count(line, 'packetsReceived') > 100).map((line) => count(line, 'packetsDiscarded'));
  };
  await ada.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true));
  await expect.poll(async () => (await twice(bob))[0]).toBeGreaterThan(50);
  await expect.poll(() => voices(bob)).toBe(1);

  await bob.evaluate(() => window.room.localParticipant.setMicrophoneEnabled(true, undefined, { red: false, dtx: false }));
  await expect.poll(async () => (await twice(ada)).map((discarded) => discarded < 10)).toEqual([true]);
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

test('data tracks reach those who ask for them', async ({ open, sdkPage, server }) => {
  const ada = await connect(open, sdkPage, server, 'codecs-data-tracks', 'ada');
  const bob = await connect(open, sdkPage, server, 'codecs-data-tracks', 'bob');
  await bob.evaluate(() => {
    window.room.on(window.livekit.RoomEvent.DataTrackPublished, async (remote) => {
      window.told.push(`data track ${remote.info.name}`);
      const reader = remote.subscribe().getReader();
      const { value } = await reader.read();
      window.told.push(`frame ${value?.payload.length} ${value?.payload.at(-1)}`);
    });
  });
  const refused = await ada.evaluate(async () => {
    const local = await window.room.localParticipant.publishDataTrack({ name: 'pose' });
    const frame = new Uint8Array(40_000).fill(7);
    setInterval(() => local.tryPush({ payload: frame }), 100);
    return window.room.localParticipant.publishDataTrack({ name: 'pose' }).catch((error: Error) => error.name);
  });
  expect(refused).toBe('DataTrackPublishError');
  await expect.poll(() => told(bob)).toEqual(expect.arrayContaining(['data track pose', 'frame 40000 7']));
});
