/** A clean network: no picture freezes and no sound is missing, for a minute here and for ten with `cargo xtask soak`. */

import os from 'node:os';
import type { Page } from '@playwright/test';
import { expect, test } from './support/fixtures';
import { createQuickly, join, type Person } from './support/meeting';
import { count, inbound, type Stat, stats } from './support/probes';
import { CLEAN_RUN_SECONDS } from './support/place';

/** The first seconds belong to the bandwidth estimate: the picture may change its size. */
const SETTLING_MS = 8_000;

/** The call is judged in pieces of this length. */
const PIECE_SECONDS = 5;

/** An Opus packet is 20 ms of sound: whoever makes up for more has missed one. */
const CONCEALED_MS = 20;

/**
 * The call itself leaves two cores idle for 40 % of the time. Where next to
 * nothing is left, browsers stall by themselves, which says nothing about the
 * network: such a piece counts neither way.
 */
const IDLE_SHARE = 0.1;

/** So long the test looks for its clean seconds on a machine that is busy with other things. */
const PATIENCE_SECONDS = 3 * CLEAN_RUN_SECONDS + 60;

test(`${CLEAN_RUN_SECONDS} s without a freeze or an audio gap`, async ({ open, server }) => {
  test.setTimeout((PATIENCE_SECONDS + 90) * 1_000);
  const link = await createQuickly(server, 'Clean');
  const people = [await join(open, link, 'Ada'), await join(open, link, 'Bob')];
  for (const person of people) {
    await expect.poll(async () => count((await inbound(person.page, 'video'))[0], 'framesDecoded')).toBeGreaterThan(0);
    await expect.poll(async () => count((await inbound(person.page, 'audio'))[0], 'packetsReceived')).toBeGreaterThan(0);
  }
  await until(SETTLING_MS);

  const deadline = Date.now() + PATIENCE_SECONDS * 1_000;
  let [clean, hadTime] = [0, true];
  let before = await observe(people);
  let idleBefore = processors();
  while (clean < CLEAN_RUN_SECONDS) {
    expect(Date.now(), `the machine was too busy: clean for ${clean} s only`).toBeLessThan(deadline);
    await until(PIECE_SECONDS * 1_000);
    const [after, idleAfter] = [await observe(people), processors()];
    const pieces = people.map((person, index) => compare(person, before[index], after[index]));
    const idle = (idleAfter.idle - idleBefore.idle) / (idleAfter.all - idleBefore.all);
    [before, idleBefore] = [after, idleAfter];

    for (const piece of pieces) expect(piece).toMatchObject({ lostVideo: 0, lostAudio: 0 });
    // What was late in a busy moment may be seen in the next piece.
    const hasTime = idle >= IDLE_SHARE;
    const faulty = pieces.filter((piece) => piece.freezes > 0 || piece.concealedMs > CONCEALED_MS || piece.shown < 25);
    if (faulty.length === 0) clean += PIECE_SECONDS;
    else if (hasTime && hadTime) expect(faulty, `after ${clean} clean seconds, ${Math.round(idle * 100)} % idle`).toEqual([]);
    hadTime = hasTime;
  }
});

/** Time of all processors since they started, in milliseconds. */
function processors(): { idle: number; all: number } {
  const total = { idle: 0, all: 0 };
  for (const { times } of os.cpus()) {
    total.idle += times.idle;
    total.all += times.idle + times.user + times.nice + times.sys + times.irq;
  }
  return total;
}

interface Traffic {
  audio: Stat | undefined;
  video: Stat | undefined;
}

function observe(people: Person[]): Promise<Traffic[]> {
  return Promise.all(people.map(({ page }) => traffic(page)));
}

/** The busiest stream of each kind. */
async function traffic(page: Page): Promise<Traffic> {
  const lines = await stats(page);
  const busiest = (kind: string): Stat | undefined =>
    lines
      .filter((line) => line.type === 'inbound-rtp' && line['kind'] === kind)
      .sort((a, b) => count(b, 'packetsReceived') - count(a, 'packetsReceived'))[0];
  return {
    audio: busiest('audio'),
    video: busiest('video'),
  };
}

function compare(person: Person, before: Traffic | undefined, after: Traffic | undefined) {
  const grown = (way: keyof Traffic, name: string): number => count(after?.[way], name) - count(before?.[way], name);
  return {
    who: person.name,
    freezes: grown('video', 'freezeCount'),
    lostVideo: grown('video', 'packetsLost'),
    lostAudio: grown('audio', 'packetsLost'),
    concealedMs: Math.round((grown('audio', 'concealedSamples') - grown('audio', 'silentConcealedSamples')) / 48),
    /** Pictures a second. */
    shown: grown('video', 'framesDecoded') / PIECE_SECONDS,
  };
}

/** Time itself is what is waited for here. */
function until(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
