/** What livekit-client can encode beside VP8, and what it can ask of it. */

import { expect, test } from './support/fixtures';
import { count, look, moves, stats } from './support/probes';
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
