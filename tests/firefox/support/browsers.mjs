/** Both browsers, each with a profile of its own, a fake camera and a fake microphone. */

import puppeteer from 'puppeteer-core';
import { chromium, firefox } from './place.mjs';

/** @returns {Promise<puppeteer.Browser>} */
export function launchFirefox() {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: firefox,
    headless: true,
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      // 0: any page may play aloud at once.
      'media.autoplay.default': 0,
      // It would be fetched over a network that isn't there.
      'media.gmp-manager.updateEnabled': false,
    },
  });
}

/** @returns {Promise<puppeteer.Browser>} */
export function launchChromium() {
  return puppeteer.launch({
    executablePath: chromium,
    headless: true,
    args: [
      // Chromium refuses to run as root with its sandbox; it opens no pages but ours.
      '--no-sandbox',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream=fps=30',
      '--autoplay-policy=no-user-gesture-required',
    ],
  });
}
