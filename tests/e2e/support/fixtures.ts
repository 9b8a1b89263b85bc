/** What a test is given: a server, and people with a browser process each. */

import { test as base, chromium, type Browser, type BrowserContext, type Page } from '@playwright/test';
import { collectConnections } from './probes';
import * as place from './place';
import { Server } from './server';
import { SdkPage } from './sdkPage';

export interface Look {
  viewport?: { width: number; height: number };
  /** The browser's camera and microphone; on by default. */
  devices?: boolean;
}

/** Opens browsers, each with its own process and profile. */
export type Open = (look?: Look) => Promise<Page>;

interface Given {
  /** Which of LiveKit's two dialects its client speaks: one connection, or one up and one down. */
  singlePeerConnection: boolean;
  open: Open;
}

declare global {
  interface Window {
    singlePeerConnection: boolean;
  }
}

interface GivenToAll {
  server: Server;
  sdkPage: SdkPage;
}

export const test = base.extend<Given, GivenToAll>({
  server: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      const { alive, said } = server;
      await server.stop();
      if (!alive) throw new Error(`the server ended by itself:\n${said}`);
    },
    { scope: 'worker' },
  ],

  sdkPage: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const page = await SdkPage.serve();
      await use(page);
      await page.close();
    },
    { scope: 'worker' },
  ],

  singlePeerConnection: [true, { option: true }],

  open: async ({ server, singlePeerConnection }, use, info) => {
    const browsers: Browser[] = [];
    const complaints: string[] = [];
    await use(async (look = {}) => {
      const browser = await launch();
      browsers.push(browser);
      const page = await (await context(browser, look)).newPage();
      await page.addInitScript(collectConnections);
      await page.addInitScript((single) => void (window.singlePeerConnection = single), singlePeerConnection);
      page.on('pageerror', (error) => complaints.push(String(error)));
      return page;
    });
    await Promise.all(browsers.map((browser) => browser.close()));
    if (info.status !== info.expectedStatus) {
      await info.attach('server', { body: server.said, contentType: 'text/plain' });
      console.log(server.said.split('\n').slice(-80).join('\n'));
    }
    if (complaints.length > 0) throw new Error(`a page failed:\n${complaints.join('\n')}`);
  },
});

function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: place.chromium,
    headless: true,
    args: [
      '--use-fake-ui-for-media-stream',
      // 20 a second is the default; a screen share is the tab itself.
      '--use-fake-device-for-media-stream=fps=30,display-media-type=browser',
      '--autoplay-policy=no-user-gesture-required',
      // Pages that nobody looks at must not be slowed down.
      '--disable-background-timer-throttling',
      '--disable-renderer-backgrounding',
      '--disable-backgrounding-occluded-windows',
    ],
  });
}

function context(browser: Browser, look: Look): Promise<BrowserContext> {
  const devices = look.devices ?? true;
  return browser.newContext({
    viewport: look.viewport ?? { width: 1280, height: 800 },
    permissions: devices ? ['camera', 'microphone', 'clipboard-write'] : [],
    reducedMotion: 'reduce',
  });
}

export { expect } from '@playwright/test';
