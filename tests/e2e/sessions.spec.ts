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
  'resume-reconnect',
  'migration',
  'disconnect-signal-on-resume',
  'disconnect-signal-on-resume-no-messages',
];

/** The client joins anew and publishes again. */
const ANEW: SimulationScenario[] = ['full-reconnect', 'leave-full-reconnect', 'node-failure', 'force-tcp'];

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
    await ada.evaluate(() => window.room.localParticipant.sendText('still here', { topic: 'chat' }));
    await expect.poll(() => told(bob)).toContain('text ada still here');
    await bob.evaluate(() => window.room.localParticipant.sendText('so am I', { topic: 'chat' }));
    await expect.poll(() => told(ada)).toContain('text bob so am I');
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
