/** From glass to glass: the same picture with and without the server in between. */

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from './support/fixtures';
import { resultsFolder } from './support/place';
import { connect } from './support/sdk';

const FPS = 30;
const SAMPLES = 240;

/** Half of what a conversation bears (ITU-T G.114 has 150 to 400 ms one way): a loose bound, for timing on a shared machine varies. */
const MEDIAN_BELOW_MS = 200;

interface Latency {
  shown: { p50: number; p95: number };
  received: { p50: number; p95: number };
  samples: number;
}

test('latency is reported, and sane', async ({ open, sdkPage, server }) => {
  const ada = await connect(open, sdkPage, server, 'latency', 'ada');
  const bob = await connect(open, sdkPage, server, 'latency', 'bob');
  // A page that may use the microphone gives its real addresses to its peers.
  for (const page of [ada, bob]) await page.evaluate(() => navigator.mediaDevices.getUserMedia({ audio: true }).then(() => undefined));

  await connectDirectly(ada, bob);
  const without = await measure(bob);
  for (const page of [ada, bob]) await page.evaluate(() => window.direct.close());
  await bob.evaluate(() => document.querySelectorAll('video').forEach((video) => video.remove()));

  await ada.evaluate(async (fps) => {
    const { Track } = window.livekit;
    await window.room.localParticipant.publishTrack(window.barcode.camera(fps), {
      source: Track.Source.Camera,
      simulcast: false,
      videoCodec: 'vp8',
    });
  }, FPS);
  const through = await measure(bob);

  await report({ without, through });
  expect(without.shown.p50).toBeLessThan(MEDIAN_BELOW_MS);
  expect(through.shown.p50).toBeLessThan(MEDIAN_BELOW_MS);
  expect(through.shown.p50).toBeGreaterThan(0);
});

/** Two pages, one connection, no server: the test carries the descriptions. */
async function connectDirectly(sender: Page, receiver: Page): Promise<void> {
  const offer = await sender.evaluate(async (fps) => {
    const connection = (window.direct = new RTCPeerConnection());
    connection.addTrack(window.barcode.camera(fps));
    await connection.setLocalDescription();
    while (connection.iceGatheringState !== 'complete') {
      await new Promise((resolve) => connection.addEventListener('icegatheringstatechange', resolve, { once: true }));
    }
    return connection.localDescription?.toJSON() as RTCSessionDescriptionInit;
  }, FPS);
  const answer = await receiver.evaluate(async (description) => {
    const connection = (window.direct = new RTCPeerConnection());
    connection.ontrack = ({ track }) => {
      const video = document.createElement('video');
      video.muted = true;
      video.srcObject = new MediaStream([track]);
      document.body.append(video);
      void video.play();
    };
    await connection.setRemoteDescription(description);
    await connection.setLocalDescription();
    while (connection.iceGatheringState !== 'complete') {
      await new Promise((resolve) => connection.addEventListener('icegatheringstatechange', resolve, { once: true }));
    }
    return connection.localDescription?.toJSON() as RTCSessionDescriptionInit;
  }, offer);
  await sender.evaluate((description) => window.direct.setRemoteDescription(description), answer);
}

/** Of the page's only video. The first pictures, while the encoder finds its rate, don't count. */
async function measure(page: Page): Promise<Latency> {
  await expect(page.locator('video')).toHaveCount(1);
  await page.evaluate(() => {
    window.samples = [];
    const video = document.querySelector('video');
    if (video !== null) window.barcode.read(video, window.samples);
  });
  const warmUp = 60;
  await expect.poll(() => page.evaluate(() => window.samples.length), { timeout: 30_000 }).toBeGreaterThan(warmUp + SAMPLES);
  const samples = (await page.evaluate(() => window.samples)).slice(warmUp);
  const of = (values: number[]) => {
    const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
    return { p50: at(0.5), p95: at(0.95) };
  };
  return {
    shown: of(samples.map((sample) => sample.shown)),
    received: of(samples.map((sample) => sample.received)),
    samples: samples.length,
  };
}

async function report(latency: { without: Latency; through: Latency }): Promise<void> {
  await mkdir(resultsFolder, { recursive: true });
  await writeFile(path.join(resultsFolder, 'latency.json'), JSON.stringify(latency, null, 2) + '\n');
  const line = (name: string, { shown, received, samples }: Latency): string =>
    `| ${name} | ${shown.p50} / ${shown.p95} | ${received.p50} / ${received.p95} | ${samples} |`;
  const text = [
    '# Latency from glass to glass, in milliseconds',
    '',
    `VP8, 640×360 at ${FPS} frames a second, two browser processes on this machine. The display's rhythm of 16.7 ms moves`,
    'each run as a whole, so compare the middle column (arrival of the frame) for the cost of the server.',
    '',
    '| way | shown p50 / p95 | received p50 / p95 | pictures |',
    '| --- | --- | --- | --- |',
    line('directly', latency.without),
    line('through Plenary', latency.through),
    '',
  ].join('\n');
  await writeFile(path.join(resultsFolder, 'latency.md'), text);
  console.log(text);
}
