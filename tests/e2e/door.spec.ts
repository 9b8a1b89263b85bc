/** The way in: passcodes, the keyboard alone, names for screen readers, and how it looks. */

import { createRequire } from 'node:module';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Page } from '@playwright/test';
import { expect, test } from './support/fixtures';
import { createQuickly, enter, join, Person } from './support/meeting';
import { screenshotFolder } from './support/place';

test('a wrong passcode is told, and guessing is stopped', async ({ open, server }) => {
  const link = await createQuickly(server, 'Secret', 'tulip-42');
  const page = await open();
  const statuses: number[] = [];
  page.on('response', (answer) => {
    if (answer.url().endsWith('/join')) statuses.push(answer.status());
  });
  await page.goto(link);
  await page.getByRole('textbox', { name: 'Your name' }).fill('Mallory');
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    await page.getByRole('textbox', { name: 'Passcode' }).fill(`guess-${attempt}`);
    await page.getByRole('button', { name: 'Join meeting' }).click();
    await expect.poll(() => statuses.length).toBe(attempt);
    await expect(page.getByText('That is not the passcode')).toBeVisible();
  }
  expect(statuses).toEqual([403, 403, 403, 403, 403]);
  const refusal = page.waitForResponse((answer) => answer.url().endsWith('/join'));
  await page.getByRole('textbox', { name: 'Passcode' }).fill('tulip-42');
  await page.getByRole('button', { name: 'Join meeting' }).click();
  const answer = await refusal;
  expect(answer.status()).toBe(429);
  expect(Number(answer.headers()['retry-after'])).toBeGreaterThan(0);
  await expect(page.getByText('Too many tries')).toBeVisible();
});

test('a meeting that does not exist is told', async ({ open, server }) => {
  const page = await open();
  await page.goto(`${server.url}/m/abc-defg-hij`);
  await expect(page.getByRole('heading', { name: 'There is no meeting at this link' })).toBeVisible();
});

test('the keyboard alone suffices', async ({ open, server }) => {
  const link = await createQuickly(server, 'Keys', 'abc');
  const page = await open();
  await page.goto(server.url);
  await reach(page, 'textbox', 'Link or code');
  await page.keyboard.type(link);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Keys' })).toBeVisible();
  await reach(page, 'textbox', 'Your name');
  await page.keyboard.type('Kim');
  await reach(page, 'textbox', 'Passcode');
  await page.keyboard.type('abc');
  await page.keyboard.press('Enter');
  const kim = new Person(page, 'Kim');
  await expect(kim.controls).toBeVisible();
  await reach(page, 'button', 'Mute microphone');
  await page.keyboard.press('Space');
  await expect(kim.button('Unmute microphone')).toBeVisible();
  await reach(page, 'button', 'Leave');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'You left the meeting' })).toBeVisible();
});

/** By Tab only. */
async function reach(page: Page, role: 'button' | 'textbox', name: string): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: role === 'button' });
  await expect(wanted).toBeVisible();
  for (let presses = 0; presses < 40; presses += 1) {
    if (await wanted.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`40 presses of Tab did not reach ${name}`);
}

for (const [size, viewport] of Object.entries({
  phone: { width: 360, height: 640 },
  desktop: { width: 1440, height: 900 },
})) {
  test(`everything has a name and fits on a ${size}`, async ({ open, server }) => {
    const link = await createQuickly(server, 'Appearance', 'abc');
    const other = await open();
    await other.goto(link);
    await enter(other, 'Olga', 'abc');

    const page = await open({ viewport });
    await page.goto(server.url);
    await expect(page.getByRole('button', { name: 'Start a meeting' })).toBeVisible();
    await examine(page, size, 'start');
    await page.goto(link);
    await expect.poll(() => page.getByLabel('Your camera').evaluate((video: HTMLVideoElement) => video.videoWidth)).toBeGreaterThan(0);
    await examine(page, size, 'door');
    const person = await enter(page, 'Petra', 'abc');
    await expect.poll(() => person.picture('Olga').evaluate((video: HTMLVideoElement) => video.videoWidth)).toBeGreaterThan(0);
    await examine(page, size, 'meeting');
    await person.people();
    await examine(page, size, 'people');
    await page.getByRole('button', { name: 'Close people' }).click();
    await person.say('Hello from the tests');
    await expect(person.messages).toContainText('Hello from the tests');
    await examine(page, size, 'chat');
    await page.getByRole('button', { name: 'Close chat' }).click();
    await person.button('Leave').click();
    await expect(page.getByRole('heading', { name: 'You left the meeting' })).toBeVisible();
    await examine(page, size, 'ended');
  });
}

/** A picture of the page for people, its faults of access by axe, and whether it fits the width. */
async function examine(page: Page, size: string, name: string): Promise<void> {
  await mkdir(screenshotFolder, { recursive: true });
  await page.screenshot({ path: path.join(screenshotFolder, `${name}-${size}.png`) });
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(overflow, `${name} is wider than a ${size}`).toBeLessThanOrEqual(0);
  // Not as a script of the page, which its security policy forbids.
  await page.evaluate(await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
  const faults = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    const { violations } = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] });
    return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(' ')}`);
  });
  expect(faults, `${name} on a ${size}`).toEqual([]);
}

test('without camera and microphone one still gets in', async ({ open, server }) => {
  const link = await createQuickly(server, 'Silent');
  const ada = await join(open, link, 'Ada');
  const page = await open();
  // As a browser answers when there is no device.
  await page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
  });
  await page.goto(link);
  await page.getByRole('textbox', { name: 'Your name' }).fill('Bob');
  await page.getByRole('button', { name: 'Join meeting' }).click();
  const bob = new Person(page, 'Bob');
  await expect(bob.tile('Ada')).toBeVisible();
  await expect(ada.tile('Bob')).toBeVisible();
});
