/** A clean network: no picture freezes and no sound is missing, for a minute here and for ten with `cargo xtask soak`. */

import { expect, test } from './support/fixtures';
import { createQuickly, join } from './support/meeting';
import { count, inbound, type Stat } from './support/probes';
import { CLEAN_RUN_SECONDS } from './support/place';

/** The first seconds belong to the bandwidth estimate: the picture may change its size. */
const SETTLING_MS = 8_000;

test(`${CLEAN_RUN_SECONDS} s without a freeze or an audio gap`, async ({ open, server }) => {
  test.setTimeout((CLEAN_RUN_SECONDS + 90) * 1_000);
  const link = await createQuickly(server, 'Clean');
  const people = [await join(open, link, 'Ada'), await join(open, link, 'Bob')];
  for (const person of people) {
    await expect.poll(async () => count((await inbound(person.page, 'video'))[0], 'framesDecoded')).toBeGreaterThan(0);
    await expect.poll(async () => count((await inbound(person.page, 'audio'))[0], 'packetsReceived')).toBeGreaterThan(0);
  }
  await until(SETTLING_MS);
  const before = await Promise.all(people.map((person) => both(person.page)));
  await until(CLEAN_RUN_SECONDS * 1_000);
  const after = await Promise.all(people.map((person) => both(person.page)));

  people.forEach((person, index) => {
    const grown = (kind: 'audio' | 'video', name: string): number =>
      count(after[index]?.[kind], name) - count(before[index]?.[kind], name);
    const report = {
      who: person.name,
      freezes: grown('video', 'freezeCount'),
      lostVideo: grown('video', 'packetsLost'),
      lostAudio: grown('audio', 'packetsLost'),
      discardedAudio: grown('audio', 'packetsDiscarded'),
      concealedMs: (grown('audio', 'concealedSamples') - grown('audio', 'silentConcealedSamples')) / 48,
      fps: grown('video', 'framesDecoded') / CLEAN_RUN_SECONDS,
    };
    console.log(JSON.stringify(report));
    expect(report).toMatchObject({ freezes: 0, lostVideo: 0, lostAudio: 0 });
    expect(report.fps).toBeGreaterThan(25);
    // 50 packets a second came in; none was missing.
    expect(grown('audio', 'packetsReceived')).toBeGreaterThan(48 * CLEAN_RUN_SECONDS);
    // A browser that was late itself conceals some milliseconds; a gap of ours would be a packet of 20 ms or more.
    expect(report.concealedMs).toBeLessThan(20 * Math.max(1, CLEAN_RUN_SECONDS / 60));
  });
});

async function both(page: Parameters<typeof inbound>[0]): Promise<{ audio: Stat | undefined; video: Stat | undefined }> {
  const busiest = (lines: Stat[], name: string): Stat | undefined =>
    lines.sort((a, b) => count(b, name) - count(a, name))[0];
  return {
    audio: busiest(await inbound(page, 'audio'), 'packetsReceived'),
    video: busiest(await inbound(page, 'video'), 'packetsReceived'),
  };
}

/** Time itself is what is waited for here. */
function until(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
