/** People in a room, and what can be seen of them in their pages. */

import { setTimeout as pause } from 'node:timers/promises';
import { mint, webSocketUrl } from './server.mjs';

/** On a machine with two busy cores, everything comes late. */
const WITHIN_MS = 60_000;

export class Person {
  constructor(identity, page) {
    this.identity = identity;
    this.page = page;
  }

  static async join(browser, site, room, identity, dialect) {
    const page = await browser.newPage();
    const person = new Person(identity, page);
    person.errors = [];
    page.on('pageerror', (error) => person.errors.push(String(error)));
    await page.goto(site.url);
    await page.evaluate((url, token, one) => window.join(url, token, one), webSocketUrl, mint(room, identity), dialect.one);
    return person;
  }

  told() {
    return this.page.evaluate(() => window.told);
  }

  lines(type) {
    return this.page.evaluate(async (wanted) => (await window.lines()).filter((line) => line.type === wanted), type);
  }

  async inbound(kind) {
    return (await this.lines('inbound-rtp')).filter((line) => line.kind === kind);
  }

  picture(of) {
    return this.page.evaluate((name) => window.picture(name), of);
  }

  hears(text) {
    return until(`${this.identity} is told "${text}"`, async () => {
      const told = await this.told();
      return told.includes(text) ? told : refuse(told);
    });
  }

  /** The pictures of somebody's camera arrive, and change. */
  async sees(other) {
    const of = `${other} camera`;
    const first = await until(`${this.identity} sees ${of}`, () => this.picture(of));
    await until(`${this.identity} sees ${of} move`, async () => {
      const next = await this.picture(of);
      return next !== null && next !== first;
    });
  }

  /** Something of this kind counts more and more. */
  async grows(kind, what) {
    const total = async () => (await this.inbound(kind)).reduce((sum, line) => sum + (line[what] ?? 0), 0);
    const before = await total();
    // Three times in a row: it goes on.
    let last = before;
    for (let times = 0; times < 3; times += 1) {
      last = await until(`${what} of ${kind} grows at ${this.identity}`, async () => {
        const now = await total();
        return now > last ? now : refuse(now);
      });
      await pause(300);
    }
  }
}

/** Thrown by a probe that wants another try: carries what was seen instead. */
class NotYet extends Error {}

function refuse(seen) {
  throw new NotYet(JSON.stringify(seen));
}

/** Tries until the probe gives something that counts as true. */
export async function until(what, probe) {
  const deadline = Date.now() + WITHIN_MS;
  let seen = '';
  while (Date.now() < deadline) {
    try {
      const result = await probe();
      if (result) return result;
    } catch (error) {
      if (!(error instanceof NotYet)) throw error;
      seen = error.message;
    }
    await pause(100);
  }
  throw new Error(`not within ${WITHIN_MS / 1_000} s: ${what}; last seen: ${seen}`);
}
