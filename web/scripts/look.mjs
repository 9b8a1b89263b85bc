// Takes pictures of every page and state at phone and desktop size, without a
// server (its answers are made up here), and checks each with axe.
//   npx vite --port 5199 & node scripts/look.mjs http://localhost:5199 out-folder [filter]
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const [base = 'http://localhost:5173', out = 'shots', filter = ''] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const DEVICES = ['--use-fake-device-for-media-stream=fps=30', '--use-fake-ui-for-media-stream'];
const SIZES = { phone: { width: 360, height: 640 }, desktop: { width: 1440, height: 900 } };

const problem = (status, slug, headers = {}) => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify({ type: `urn:plenary:problem:${slug}`, title: slug, status, detail: '' }),
});
const json = (status, value) => ({ status, contentType: 'application/json', body: JSON.stringify(value) });
const FACTS = { id: 'abc-defg-hij', title: 'Weekly review', passcode_required: false };

/** name, path, how the server answers, and what is done on the page. */
const SCENES = [
  { name: 'landing', path: '/' },
  { name: 'landing-dark', path: '/', dark: true },
  {
    name: 'landing-ready',
    path: '/',
    act: async (page) => {
      await page.getByLabel('Title').fill('Weekly review');
      await page.getByLabel('Passcode').fill('tulip-42');
      await page.getByRole('button', { name: 'Start a meeting' }).click();
      await page.getByText('is ready').waitFor();
    },
  },
  {
    name: 'landing-errors',
    path: '/',
    post: problem(429, 'too-many-tries', { 'retry-after': '60' }),
    act: async (page) => {
      await page.getByLabel('Link or code').fill('nonsense');
      await page.getByRole('button', { name: 'Join', exact: true }).click();
      await page.getByRole('button', { name: 'Start a meeting' }).click();
      await page.getByText('Too many tries').waitFor();
    },
  },
  { name: 'prejoin', path: '/m/abc-defg-hij', wait: 1500 },
  { name: 'prejoin-dark', path: '/m/abc-defg-hij', wait: 1500, dark: true },
  { name: 'prejoin-nodevice', path: '/m/abc-defg-hij', wait: 1000, deny: 'NotFoundError', facts: json(200, { ...FACTS, passcode_required: true }) },
  { name: 'prejoin-denied', path: '/m/abc-defg-hij', wait: 1000, deny: 'NotAllowedError' },
  {
    name: 'prejoin-wrong-passcode',
    path: '/m/abc-defg-hij',
    facts: json(200, { ...FACTS, passcode_required: true }),
    post: problem(403, 'wrong-passcode'),
    act: async (page) => {
      await page.getByLabel('Your name').fill('Amara Okafor');
      await page.getByLabel('Passcode').fill('tulip');
      await page.getByRole('button', { name: 'Join meeting' }).click();
      await page.getByText('That is not the passcode').waitFor();
    },
  },
  { name: 'not-found', path: '/m/abc-defg-hij', facts: problem(404, 'no-such-meeting') },
  { name: 'ended', path: '/m/abc-defg-hij', facts: problem(410, 'meeting-ended'), dark: true },
  { name: 'unreachable', path: '/m/abc-defg-hij', facts: 'abort' },
  { name: 'bad-link', path: '/m/abc' },
  ...[1, 2, 5, 9, 25, 40].map((n) => ({ name: `meeting-${n}`, path: `/story.html?people=${n}`, wait: 700 })),
  { name: 'meeting-screen', path: '/story.html?people=6&screen', wait: 700 },
  { name: 'meeting-chat', path: '/story.html?people=5&panel=chat', wait: 700 },
  { name: 'meeting-chat-empty', path: '/story.html?people=5&panel=chat&empty', wait: 700 },
  { name: 'meeting-people', path: '/story.html?people=12&panel=people&screen', wait: 700 },
  { name: 'meeting-help', path: '/story.html?people=3&sheet=help', wait: 500 },
  { name: 'meeting-leave', path: '/story.html?people=3&sheet=leave&off', wait: 500 },
  { name: 'meeting-troubles', path: '/story.html?people=3&banner&notice', wait: 500 },
];

await mkdir(out, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...DEVICES],
});
let faults = 0;
for (const scene of SCENES.filter((one) => one.name.includes(filter))) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    const context = await browser.newContext({ viewport, colorScheme: scene.dark ? 'dark' : 'light', hasTouch: size === 'phone', permissions: ['camera', 'microphone'] });
    const page = await context.newPage();
    page.on('pageerror', (error) => console.log(scene.name, 'page error:', error.message));
    page.on('console', (message) => message.type() === 'error' && !/Failed to load resource/.test(message.text()) && console.log(scene.name, message.text()));
    if (scene.deny) {
      await page.addInitScript((name) => {
        navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', name));
        navigator.mediaDevices.enumerateDevices = () => Promise.resolve([]);
      }, scene.deny);
    }
    await page.route('**/api/v1/**', (route) => {
      const answer = route.request().method() === 'POST'
        ? (scene.post ?? json(201, { id: 'abc-defg-hij', url: `${base}/m/abc-defg-hij`, host_token: 'host' }))
        : (scene.facts ?? json(200, FACTS));
      return answer === 'abort' ? route.abort() : route.fulfill(answer);
    });
    await page.goto(base + scene.path);
    await page.waitForSelector('h1');
    await scene.act?.(page);
    await page.waitForTimeout(scene.wait ?? 200);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (wide > 0) console.log(`${scene.name} ${size}: ${wide} px wider than the window`), (faults += 1);
    await page.screenshot({ path: `${out}/${scene.name}-${size}.png`, fullPage: !scene.path.startsWith('/story') });
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    for (const violation of violations) {
      faults += 1;
      console.log(`${scene.name} ${size}: ${violation.id} (${violation.impact}) ${violation.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`);
    }
    await context.close();
  }
}
await browser.close();
console.log(faults === 0 ? 'no faults' : `${faults} faults`);
process.exitCode = faults === 0 ? 0 : 1;
