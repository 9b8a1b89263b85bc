/**
 * What can be observed in a page without its help: its peer connections, what
 * they count, the pixels of its videos and the sound of its audio elements.
 * The functions run inside the page.
 */

import type { Locator, Page } from '@playwright/test';

declare global {
  interface Window {
    connections: RTCPeerConnection[];
  }
}

/** Runs before the page's own scripts: remembers every connection that they make. */
export function collectConnections(): void {
  window.connections = [];
  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      window.connections.push(this);
    }
  };
}

/** One line of getStats(), of all connections of the page. */
export type Stat = { type: string; id: string } & Record<string, unknown>;

export function stats(page: Page): Promise<Stat[]> {
  return page.evaluate(async () => {
    const lines: Stat[] = [];
    for (const connection of window.connections) {
      if (connection.connectionState === 'closed') continue;
      (await connection.getStats()).forEach((line: Stat) => lines.push(line));
    }
    return lines;
  });
}

export async function inbound(page: Page, kind: 'audio' | 'video'): Promise<Stat[]> {
  return (await stats(page)).filter((line) => line.type === 'inbound-rtp' && line['kind'] === kind);
}

export function count(line: Stat | undefined, name: string): number {
  const value = line?.[name];
  return typeof value === 'number' ? value : 0;
}

/** Mean red, green and blue of the picture that a video shows, and a hash that changes with it. */
export interface Seen {
  width: number;
  height: number;
  colour: [number, number, number];
  hash: number;
}

/** What a video element shows just now; null before its first picture. */
export function look(video: Locator): Promise<Seen | null> {
  return video.evaluate((element: HTMLVideoElement): Seen | null => {
    const { videoWidth: width, videoHeight: height } = element;
    if (width === 0 || height === 0) return null;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [64, 36];
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (context === null) return null;
    context.drawImage(element, 0, 0, canvas.width, canvas.height);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    const colour: [number, number, number] = [0, 0, 0];
    let hash = 0;
    for (let at = 0; at < data.length; at += 4) {
      for (const channel of [0, 1, 2] as const) {
        const value = data[at + channel] ?? 0;
        colour[channel] += (value * 4) / data.length;
        hash = (hash * 31 + value) | 0;
      }
    }
    return { width, height, colour, hash };
  });
}

/** Whether the pixels of a video change within a while: it lives. */
export async function moves(video: Locator): Promise<boolean> {
  const first = await look(video);
  if (first === null) return false;
  const deadline = Date.now() + 3_000;
  while (Date.now() < deadline) {
    const next = await look(video);
    if (next !== null && next.hash !== first.hash) return true;
  }
  return false;
}

/** For each audio element that plays aloud: its highest peak within two seconds (0 to 1). */
export function loudness(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const context = new AudioContext();
    await context.resume();
    const elements = [...document.querySelectorAll('audio, video')].filter(
      (element): element is HTMLMediaElement =>
        element instanceof HTMLMediaElement &&
        !element.paused &&
        !element.muted &&
        element.volume > 0 &&
        element.srcObject instanceof MediaStream &&
        element.srcObject.getAudioTracks().length > 0,
    );
    // The last 683 ms at 48 kHz: a busy page that looks only now and then still hears each beep.
    const wave = new Float32Array(32_768);
    const analysers = elements.map((element) => {
      const analyser = context.createAnalyser();
      analyser.fftSize = wave.length;
      context.createMediaStreamSource(element.srcObject as MediaStream).connect(analyser);
      return analyser;
    });
    const peaks = analysers.map(() => 0);
    const end = performance.now() + 2_000;
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      analysers.forEach((analyser, index) => {
        analyser.getFloatTimeDomainData(wave);
        peaks[index] = wave.reduce((peak, value) => Math.max(peak, Math.abs(value)), peaks[index] ?? 0);
      });
    }
    await context.close();
    return peaks;
  });
}

/** The fake microphone's beeps come through with peaks above 0.1, silence with less than 0.001. */
const AUDIBLE = 0.02;

/** How many voices are heard. */
export async function voices(page: Page): Promise<number> {
  return (await hearing(page)).filter(Boolean).length;
}

/** For each voice that should be heard, whether it is. */
export async function hearing(page: Page): Promise<boolean[]> {
  return (await loudness(page)).map((level) => level > AUDIBLE);
}
