/** What `examples/browser` shows to developers does what it says. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from './support/fixtures';
import { moves } from './support/probes';
import { SdkPage } from './support/sdkPage';
import { mint } from './support/server';

const EXAMPLE = path.resolve(import.meta.dirname, '../../examples/browser');

test('the smallest video call', async ({ open, server }) => {
  const html = await readFile(path.join(EXAMPLE, 'index.html'), 'utf8');
  const example = await SdkPage.bundle(path.join(EXAMPLE, 'call.js'), html, '/call.js');
  for (const identity of ['ada', 'bob']) {
    const page = await open();
    await page.goto(example.url);
    await page.getByLabel('Server').fill(server.webSocketUrl);
    await page.getByLabel('Token').fill(mint('example', identity));
    await page.getByRole('button', { name: 'Join' }).click();
    await expect(page.getByRole('status')).toHaveText('In example');
    // Its own picture, and that of whoever was there before.
    const others = identity === 'bob' ? ['ada'] : [];
    for (const shown of [identity, ...others]) {
      const tile = page.locator(`video[title="${shown}"]`);
      await expect(tile).toHaveCount(1);
      await expect.poll(() => moves(tile)).toBe(true);
    }
  }
  await example.close();
});
