/** How a session of npm's livekit-client bears what goes wrong: each fault that it can have the server pretend. */

import type { Page } from '@playwright/test';
import type { SimulationScenario } from 'livekit-client';
import { expect, test } from './support/fixtures';
import { moves } from './support/probes';
import { connect, told, track } from './support/sdk';

// A client waits up to half a second before it tries again, and longer before each further time.
const WITHIN = { timeout: 30_000 };

function simulate(page: Page, scenario: SimulationScenario): Promise<void> {
  return page.evaluate(async (what) => window.room.simulateScenario(what), scenario);
}

/** The session goes on by another signalling connection; nobody sees it leave. */
const RESUMED: SimulationScenario[] = [
  'signal-reconnect',
  'migration',
  'disconnect-signal-on-resume',
  'disconnect-signal-on-resume-no-messages',
];

/** The client joins anew and publishes again; in the first after a resume that fails. */
const ANEW: SimulationScenario[] = ['resume-reconnect', 'full-reconnect', 'leave-full-reconnect', 'node-failure', 'force-tcp'];

/** Again and again: the library drops what is said while it exchanges its channels, without a word. */
async function says(speaker: Page, listener: Page, what: string): Promise<void> {
  const identity = await speaker.evaluate(() => window.room.localParticipant.identity);
  await expect(async () => {
    await speaker.evaluate((text) => window.room.localParticipant.sendText(text, { topic: 'chat' }), what);
    await expect.poll(() => told(listener), { timeout: 1_000 }).toContain(`text ${identity} ${what}`);
  }).toPass(WITHIN);
}

for (const scenario of [...RESUMED, ...ANEW]) {
  test(`${scenario} is got over`, async ({ open, sdkPage, server }) => {
    const ada = await connect(open, sdkPage, server, `session-${scenario}`, 'ada');
    const bob = await connect(open, sdkPage, server, `session-${scenario}`, 'bob');
    for (const page of [ada, bob]) await page.evaluate(() => window.room.localParticipant.setCameraEnabled(true));
    await expect.poll(() => moves(track(bob, 'ada', 'camera'))).toBe(true);
    await expect.poll(() => moves(track(ada, 'bob', 'camera'))).toBe(true);
    await simulate(ada, scenario);
    await expect.poll(() => told(ada), WITHIN).toContain('reconnected');
    await expect.poll(() => track(bob, 'ada', 'camera').count(), WITHIN).toBe(1);
    await expect.poll(() => moves(track(bob, 'ada', 'camera')), WITHIN).toBe(true);
    await expect.poll(() => moves(track(ada, 'bob', 'camera')), WITHIN).toBe(true);
    if (RESUMED.includes(scenario)) expect(await told(bob)).not.toContain('left ada');
    // What is published now arrives as before.
    await says(ada, bob, 'still here');
    await says(bob, ada, 'so am I');
  });
}

test('a server that sends someone away is obeyed', async ({ open, sdkPage, server }) => {
  const ada = await connect(open, sdkPage, server, 'session-leave', 'ada');
  const bob = await connect(open, sdkPage, server, 'session-leave', 'bob');
  await simulate(ada, 'server-leave');
  // DisconnectReason.SERVER_SHUTDOWN
  await expect.poll(() => told(ada)).toContain('disconnected 3');
  await expect.poll(() => told(bob)).toContain('left ada');
});

test('who pretends to speak is seen to speak', async ({ open, sdkPage, server }) => {
  const ada = await connect(open, sdkPage, server, 'session-speaker', 'ada');
  const bob = await connect(open, sdkPage, server, 'session-speaker', 'bob');
  await expect.poll(() => told(ada)).toContain('joined bob');
  await simulate(ada, 'speaker');
  await expect.poll(() => told(bob)).toContain('speaking ada');
  await expect.poll(() => told(bob)).toContain('speaking ');
});
