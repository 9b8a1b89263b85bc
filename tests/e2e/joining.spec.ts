/** How long it takes from `connect()` until somebody is heard and seen: near the server, and far from it. */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Page } from '@playwright/test';
import { Faraway, FARAWAY_IP } from './support/faraway';
import { expect, test } from './support/fixtures';
import { resultsFolder } from './support/place';
import { connect, told } from './support/sdk';
import { mint, Server } from './support/server';

const JOINS = 20;

/** Between two joins, as a publisher is asked for one key frame at a time. */
const PAUSE_MS = 1_000;

/** Added to every path, there and back together. */
const ROUND_TRIP_MS = 100;

/** What people accept as "at once": a loose bound, for timing on a shared machine varies; `joining.md` has the figures. */
const AT_ONCE_MS = 1_500;

interface Joining {
  heard: number[];
  seen: number[];
}

test('to be in is to hear and see at once', async ({ open, sdkPage, server }) => {
  test.setTimeout(240_000);
  const ada = await connect(open, sdkPage, server, 'joining', 'ada');
  await publish(ada);
  const page = await open();
  await page.goto(sdkPage.url);
  const near = await join(page, server.webSocketUrl);

  const far = await Server.start(FARAWAY_IP);
  const faraway = await Faraway.open(ROUND_TRIP_MS / 2, far.ports);
  const distant = await connect(open, sdkPage, far, 'joining', 'ada');
  await publish(distant);
  const through = await join(page, far.webSocketUrl);
  faraway.close();
  await far.stop();

  await report(near, through);
  expect(at(near.seen, 0.5)).toBeLessThan(AT_ONCE_MS);
  expect(at(through.seen, 0.5)).toBeLessThan(AT_ONCE_MS);
});

async function publish(page: Page): Promise<void> {
  await page.evaluate(() => window.room.localParticipant.enableCameraAndMicrophone());
  await expect.poll(() => told(page)).not.toContain('reconnecting');
}

/** Joins and leaves again and again, and takes the time of each. */
async function join(page: Page, url: string): Promise<Joining> {
  const joining: Joining = { heard: [], seen: [] };
  for (let round = 0; round < JOINS; round += 1) {
    const { heard, seen } = await page.evaluate(joinOnce, [url, mint('joining', `guest-${round}`)] as const);
    joining.heard.push(heard);
    joining.seen.push(seen);
    await pause(PAUSE_MS);
  }
  return joining;
}

/** Runs in the page. Sound counts when it is played, a picture when it is shown. */
async function joinOnce([url, token]: readonly [string, string]): Promise<{ heard: number; seen: number }> {
  const { Room, RoomEvent } = window.livekit;
  const room = new Room();
  window.connections.length = 0;
  const began = performance.now();
  const seen = new Promise<number>((resolve) => {
    room.on(RoomEvent.TrackSubscribed, (track) => {
      const element = track.attach();
      document.body.append(element);
      if (element instanceof HTMLVideoElement) element.requestVideoFrameCallback(() => resolve(performance.now() - began));
    });
  });
  const heard = new Promise<number>((resolve) => {
    const timer = setInterval(() => {
      const receivers = window.connections.flatMap((connection) => connection.getReceivers());
      const plays = receivers.some((receiver) => receiver.track.kind === 'audio' && receiver.getSynchronizationSources().length > 0);
      if (!plays) return;
      clearInterval(timer);
      resolve(performance.now() - began);
    }, 5);
  });
  await room.connect(url, token);
  const times = { heard: await heard, seen: await seen };
  await room.disconnect();
  document.querySelectorAll('audio, video').forEach((element) => element.remove());
  return times;
}

function at(values: number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? NaN;
}

async function report(near: Joining, far: Joining): Promise<void> {
  const line = (name: string, values: number[]): string => `| ${name} | ${at(values, 0.5).toFixed(0)} | ${at(values, 0.95).toFixed(0)} |`;
  const text = [
    '# From connect() to the first sound and the first picture, in milliseconds',
    '',
    `livekit-client in Chromium, ${JOINS} joins each. "Far": ${ROUND_TRIP_MS} ms round trip added to all TCP and UDP of every participant.`,
    '',
    '| what | p50 | p95 |',
    '| --- | --- | --- |',
    line('near, heard', near.heard),
    line('near, seen', near.seen),
    line('far, heard', far.heard),
    line('far, seen', far.seen),
    '',
  ].join('\n');
  await mkdir(resultsFolder, { recursive: true });
  await writeFile(path.join(resultsFolder, 'joining.md'), text);
  console.log(text);
}
