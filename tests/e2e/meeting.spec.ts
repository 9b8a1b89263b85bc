/** A meeting as people have it, in our web app. */

import { expect, test } from './support/fixtures';
import { create, createQuickly, enter, join, Person } from './support/meeting';
import { count, hearing, inbound, look, moves, type Seen, stats, voices } from './support/probes';

test('a host creates a meeting with a passcode, a guest comes by the link, and they see and hear each other', async ({ open, server }) => {
  const hostPage = await open();
  const link = await create(hostPage, server, 'Weekly review', 'tulip-42');
  await hostPage.getByRole('button', { name: 'Go to the meeting' }).click();
  await expect(hostPage).toHaveURL(link);
  await expect(hostPage.getByRole('heading', { name: 'Weekly review' })).toBeVisible();
  // The browser remembers the host, who needs no passcode.
  const host = await enter(hostPage, 'Hanna');

  const guestPage = await open();
  await guestPage.goto(link);
  await expect(guestPage.getByRole('heading', { name: 'Weekly review' })).toBeVisible();
  const guest = await enter(guestPage, 'Gustav', 'tulip-42');

  for (const [one, other] of [[host, 'Gustav'], [guest, 'Hanna']] as const) {
    await expect(one.tile(other)).toBeVisible();
    await expect.poll(() => moves(one.picture(other))).toBe(true);
    await expect.poll(() => voices(one.page)).toBe(1);
  }
});

test('a big tile gets 720p in VP8, and everything is sealed with AES-256', async ({ open, server }) => {
  const link = await createQuickly(server, 'Quality');
  const ada = await join(open, link, 'Ada', { viewport: { width: 1440, height: 900 } });
  const bob = await join(open, link, 'Bob', { viewport: { width: 1440, height: 900 } });
  await ada.page.getByRole('button', { name: 'Pin Bob' }).click();
  await expect.poll(async () => (await look(ada.picture('Bob')))?.width, { timeout: 30_000 }).toBe(1280);
  expect((await look(ada.picture('Bob')))?.height).toBe(720);
  for (const { page } of [ada, bob]) {
    const lines = await stats(page);
    const ciphers = lines.filter((line) => line.type === 'transport').map((line) => line['srtpCipher']);
    expect(new Set(ciphers)).toEqual(new Set(['SRTP_AEAD_AES_256_GCM']));
  }
  const lines = await stats(ada.page);
  const video = lines.find((line) => line.type === 'inbound-rtp' && count(line, 'frameHeight') === 720);
  expect(lines.find((line) => line.id === video?.['codecId'])?.['mimeType']).toBe('video/VP8');
});

test('a thumbnail costs a thumbnail', async ({ open, server }) => {
  const link = await createQuickly(server, 'Thumbnail');
  await join(open, link, 'Ada');
  // On a small phone two tiles are small.
  const bob = await join(open, link, 'Bob', { viewport: { width: 360, height: 300 } });
  await expect.poll(() => moves(bob.picture('Ada'))).toBe(true);
  await expect.poll(async () => (await look(bob.picture('Ada')))?.width).toBeLessThanOrEqual(320);
  const received = async (): Promise<number> =>
    (await inbound(bob.page, 'video')).reduce((sum, line) => sum + count(line, 'bytesReceived'), 0);
  const [before, began] = [await received(), Date.now()];
  await expect.poll(() => Date.now() - began).toBeGreaterThan(3_000);
  const bitsPerSecond = (((await received()) - before) * 8_000) / (Date.now() - began);
  // 180p is encoded at 160 kbit/s; 720p would be 1,700.
  expect(bitsPerSecond).toBeGreaterThan(20_000);
  expect(bitsPerSecond).toBeLessThan(350_000);
});

test('chat is read on the other side', async ({ open, server }) => {
  const link = await createQuickly(server, 'Chat');
  const ada = await join(open, link, 'Ada');
  const bob = await join(open, link, 'Bob');
  await expect(ada.tile('Bob')).toBeVisible();
  await ada.say('Grüße an alle: https://example.org/agenda');
  await expect(bob.button('Chat, 1 unread')).toBeVisible();
  await bob.openChat();
  await expect(bob.messages).toContainText('Grüße an alle');
  await expect(bob.messages).toContainText('Ada');
  await expect(bob.messages.getByRole('link')).toHaveAttribute('href', 'https://example.org/agenda');
  await bob.say('<b>Gelesen</b>');
  await expect(ada.messages).toContainText('<b>Gelesen</b>');
});

test('a shared screen is seen in its colours', async ({ open, server }) => {
  const link = await createQuickly(server, 'Screen');
  const ada = await join(open, link, 'Ada');
  const bob = await join(open, link, 'Bob');
  await expect(bob.tile('Ada')).toBeVisible();
  const paint = (colour: string): Promise<void> =>
    ada.page.evaluate((css) => {
      const sheet = document.getElementById('paint') ?? document.body.appendChild(document.createElement('div'));
      sheet.id = 'paint';
      sheet.style.cssText = `position:fixed;inset:0;z-index:9999;pointer-events:none;background:${css}`;
    }, colour);
  const shows = async (wanted: Seen['colour']): Promise<boolean> => {
    const seen = await look(bob.picture('Ada’s screen'));
    return seen !== null && wanted.every((value, channel) => Math.abs(value - (seen.colour[channel] ?? 0)) < 32);
  };
  // The browser's fake picker shares this very page.
  await ada.button('Share screen').click();
  await expect(bob.tile('Ada’s screen')).toBeVisible();
  await paint('rgb(220, 30, 40)');
  await expect.poll(() => shows([220, 30, 40])).toBe(true);
  await paint('rgb(20, 60, 200)');
  await expect.poll(() => shows([20, 60, 200])).toBe(true);
  await expect(await bob.row('Ada')).toContainText('Ada');
  await expect((await bob.row('Ada')).getByRole('img', { name: 'shares the screen' })).toBeVisible();
  await ada.button('Stop sharing').click();
  await expect(bob.tile('Ada’s screen')).toHaveCount(0);
});

test('who is there, and whose microphone and camera are on, is seen by all', async ({ open, server }) => {
  const link = await createQuickly(server, 'People');
  const ada = await join(open, link, 'Ada');
  const bob = await join(open, link, 'Bob');
  await expect(await bob.people()).toHaveCount(2);
  const row = await bob.row('Ada');
  for (const name of ['microphone on', 'camera on']) await expect(row.getByRole('img', { name })).toBeVisible();

  await ada.button('Mute microphone').click();
  await expect(row.getByRole('img', { name: 'microphone off' })).toBeVisible();
  await expect(bob.tile('Ada').getByRole('img', { name: 'muted' })).toBeVisible();
  await expect.poll(() => voices(bob.page)).toBe(0);

  await ada.button('Turn off camera').click();
  await expect(row.getByRole('img', { name: 'camera off' })).toBeVisible();
  await expect(bob.picture('Ada')).toHaveCount(0);

  await ada.button('Unmute microphone').click();
  await ada.button('Turn on camera').click();
  for (const name of ['microphone on', 'camera on']) await expect(row.getByRole('img', { name })).toBeVisible();
  await expect.poll(() => moves(bob.picture('Ada'))).toBe(true);
  await expect.poll(() => voices(bob.page)).toBe(1);
});

test('who leaves is gone within a second', async ({ open, server }) => {
  const link = await createQuickly(server, 'Leave');
  const ada = await join(open, link, 'Ada');
  const bob = await join(open, link, 'Bob');
  await expect(ada.tile('Bob')).toBeVisible();
  await ada.page.evaluate(() => {
    const gone = new Promise<number>((resolve) => {
      const watch = (): void => {
        if (document.querySelector('[data-participant][aria-label="Bob"]') === null) resolve(Date.now());
        else requestAnimationFrame(watch);
      };
      watch();
    });
    Object.assign(window, { gone });
  });
  const left = Date.now();
  await bob.button('Leave').click();
  const gone = await ada.page.evaluate(() => (window as unknown as { gone: Promise<number> }).gone);
  expect(gone - left).toBeLessThan(1_000);
  await expect(bob.page.getByRole('heading', { name: 'You left the meeting' })).toBeVisible();
  await expect(await ada.people()).toHaveCount(1);
});

test('a reload comes back, as one person', async ({ open, server }) => {
  const link = await createQuickly(server, 'Reload', undefined);
  const ada = await join(open, link, 'Ada');
  const bob = await join(open, link, 'Bob');
  await expect(ada.tile('Bob')).toBeVisible();
  await bob.page.reload();
  await expect(bob.controls).toBeVisible();
  await expect(bob.tile('Ada')).toBeVisible();
  await expect.poll(() => moves(bob.picture('Ada'))).toBe(true);
  await expect.poll(() => moves(ada.picture('Bob'))).toBe(true);
  await expect(await ada.people()).toHaveCount(2);
  await expect(ada.tile('Bob')).toHaveCount(1);
  await expect.poll(() => voices(ada.page)).toBe(1);
});

test('a host ends the meeting for everyone', async ({ open, server }) => {
  const hostPage = await open();
  const link = await create(hostPage, server, 'Short');
  await hostPage.getByRole('button', { name: 'Go to the meeting' }).click();
  const host = await enter(hostPage, 'Hanna');
  const guest = await join(open, link, 'Gustav');
  await expect(guest.tile('Hanna')).toBeVisible();
  await host.button('Leave').click();
  await host.page.getByRole('dialog').getByRole('button', { name: 'End for everyone' }).click();
  await expect(guest.page.getByRole('heading', { name: 'The meeting has ended' })).toBeVisible();
  await guest.page.goto(link);
  await expect(guest.page.getByRole('heading', { name: 'This meeting has ended' })).toBeVisible();
});

test('five people see and hear one another', async ({ open, server }) => {
  test.setTimeout(180_000);
  const link = await createQuickly(server, 'Five');
  const names = ['Ada', 'Bob', 'Cleo', 'Dan', 'Eve'];
  const people: Person[] = [];
  // Small windows: five browsers share two cores.
  for (const name of names) people.push(await join(open, link, name, { viewport: { width: 800, height: 600 } }));
  for (const person of people) {
    const others = names.filter((name) => name !== person.name);
    await expect(await person.people()).toHaveCount(5);
    for (const other of others) await expect.poll(() => moves(person.picture(other)), { timeout: 20_000 }).toBe(true);
    await expect.poll(() => hearing(person.page), { timeout: 20_000 }).toEqual([true, true, true, true]);
  }
});
