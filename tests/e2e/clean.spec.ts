/** A clean network: no picture freezes and no sound is missing, for a minute here and for ten with `cargo xtask soak`. */

import type { Page } from '@playwright/test';
import { expect, test } from './support/fixtures';
import { createQuickly, join } from './support/meeting';
import { count, inbound, type Stat, stats } from './support/probes';
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
  const before = await Promise.all(people.map((person) => traffic(person.page)));
  await until(CLEAN_RUN_SECONDS * 1_000);
  const after = await Promise.all(people.map((person) => traffic(person.page)));

  const reports = people.map((person, index) => {
    const grown = (way: keyof Traffic, name: string): number =>
      count(after[index]?.[way], name) - count(before[index]?.[way], name);
    return {
      who: person.name,
      freezes: grown('video', 'freezeCount'),
      lostVideo: grown('video', 'packetsLost'),
      lostAudio: grown('audio', 'packetsLost'),
      concealedMs: Math.round((grown('audio', 'concealedSamples') - grown('audio', 'silentConcealedSamples')) / 48),
      decodedPerSecond: Math.round(grown('video', 'framesDecoded') / CLEAN_RUN_SECONDS),
      encodedPerSecond: Math.round(grown('sent', 'framesEncoded') / CLEAN_RUN_SECONDS),
    };
  });
  console.log(JSON.stringify(reports));
  for (const report of reports) {
    expect(report).toMatchObject({ freezes: 0, lostVideo: 0, lostAudio: 0 });
    expect(report.decodedPerSecond).toBeGreaterThan(25);
    // Of a thousand: what a browser that was late itself stretches over; 12 to 18 ms in 40 s were measured.
    expect(report.concealedMs).toBeLessThan(CLEAN_RUN_SECONDS);
  }
});

interface Traffic {
  audio: Stat | undefined;
  video: Stat | undefined;
  sent: Stat | undefined;
}

/** The busiest stream of each kind. */
async function traffic(page: Page): Promise<Traffic> {
  const lines = await stats(page);
  const busiest = (type: string, kind: string, name: string): Stat | undefined =>
    lines
      .filter((line) => line.type === type && line['kind'] === kind)
      .sort((a, b) => count(b, name) - count(a, name))[0];
  return {
    audio: busiest('inbound-rtp', 'audio', 'packetsReceived'),
    video: busiest('inbound-rtp', 'video', 'packetsReceived'),
    sent: busiest('outbound-rtp', 'video', 'packetsSent'),
  };
}

/** Time itself is what is waited for here. */
function until(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
