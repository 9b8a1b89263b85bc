/** What people do in our web app, and where they look: by the names that a screen reader says. */

import type { Locator, Page } from '@playwright/test';
import { expect, type Look, type Open } from './fixtures';
import type { Server } from './server';

/** Plays the part of a host: creates a meeting on the start page. Returns the link that is given to others. */
export async function create(page: Page, server: Server, title: string, passcode = ''): Promise<string> {
  await page.goto(server.url);
  await page.getByRole('textbox', { name: 'Title' }).fill(title);
  if (passcode !== '') await page.getByRole('textbox', { name: 'Passcode' }).fill(passcode);
  await page.getByRole('button', { name: 'Start a meeting' }).click();
  await expect(page.getByRole('heading', { name: `${title} is ready` })).toBeVisible();
  const link = await page.getByRole('status', { name: 'Meeting link' }).textContent();
  if (link === null) throw new Error('the meeting has no link');
  expect(link).toMatch(new RegExp(`^${server.url}/m/[a-z]{3}-[a-z]{4}-[a-z]{3}$`));
  return link;
}

/** A meeting by its interface, where creating it is not what is tested. */
export async function createQuickly(server: Server, title: string, passcode?: string): Promise<string> {
  const answer = await fetch(`${server.url}/api/v1/meetings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ title, passcode }),
  });
  expect(answer.status).toBe(201);
  const { id } = (await answer.json()) as { id: string };
  return `${server.url}/m/${id}`;
}

/** From the door into the meeting. */
export async function enter(page: Page, name: string, passcode = ''): Promise<Person> {
  await page.getByRole('textbox', { name: 'Your name' }).fill(name);
  if (passcode !== '') await page.getByRole('textbox', { name: 'Passcode' }).fill(passcode);
  // What one is going to show is shown before, and that one is going to be heard.
  await expect.poll(() => page.getByLabel('Your camera').evaluate((video: HTMLVideoElement) => video.videoWidth)).toBeGreaterThan(0);
  await expect(page.getByRole('img', { name: 'Microphone level' })).toBeVisible();
  await page.getByRole('button', { name: 'Join meeting' }).click();
  const person = new Person(page, name);
  await expect(person.controls).toBeVisible();
  return person;
}

/** With a browser of its own, by the link. */
export async function join(open: Open, link: string, name: string, look: Look = {}): Promise<Person> {
  const page = await open(look);
  await page.goto(link);
  return enter(page, name);
}

/** Someone in a meeting. */
export class Person {
  constructor(
    readonly page: Page,
    readonly name: string,
  ) {}

  get controls(): Locator {
    return this.page.getByRole('toolbar', { name: 'Meeting controls' });
  }

  button(name: string | RegExp): Locator {
    return this.controls.getByRole('button', { name });
  }

  /** Somebody else's tile. */
  tile(name: string): Locator {
    return this.page.getByRole('article', { name, exact: true });
  }

  picture(name: string): Locator {
    return this.page.getByLabel(`Picture of ${name}`, { exact: true });
  }

  /** The rows of the list of people, which is opened when it is not. */
  async people(): Promise<Locator> {
    const panel = this.page.getByRole('complementary', { name: 'People' });
    if (!(await panel.isVisible())) await this.button(/^People/).click();
    return panel.getByRole('listitem');
  }

  async row(name: string): Promise<Locator> {
    return (await this.people()).filter({ hasText: name });
  }

  async say(text: string): Promise<void> {
    await this.openChat();
    await this.page.getByRole('textbox', { name: 'Message to everyone' }).fill(text);
    await this.page.getByRole('button', { name: 'Send message' }).click();
  }

  async openChat(): Promise<void> {
    const panel = this.page.getByRole('complementary', { name: 'Chat' });
    if (!(await panel.isVisible())) await this.button(/^Chat/).click();
  }

  get messages(): Locator {
    return this.page.getByRole('log', { name: 'Messages' });
  }
}
