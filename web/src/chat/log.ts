/** The chat's messages, as data. */

export interface ChatMessage {
  id: string;
  identity: string;
  name: string;
  text: string;
  /** Unix time in milliseconds, by this device's clock. */
  at: number;
  mine: boolean;
}

/** Longest message that is sent or shown, in UTF-16 units. */
export const MESSAGE_MAX = 4000;
/** So many messages are kept; a flood must not fill the memory. */
const LOG_MAX = 500;
/** Messages of one person within this time stand under one name, in milliseconds. */
const GROUP_MS = 120_000;

export function append(log: readonly ChatMessage[], message: ChatMessage): ChatMessage[] {
  return [...log, message].slice(-LOG_MAX);
}

/** Whether a message needs its sender's name and the time above it. */
export function startsGroup(message: ChatMessage, before: ChatMessage | undefined): boolean {
  return before === undefined || before.identity !== message.identity || message.at - before.at > GROUP_MS;
}

/** Messages of others that came after the one last seen. */
export function countUnread(log: readonly ChatMessage[], seen: string | null): number {
  const from = log.findIndex((message) => message.id === seen) + 1;
  return log.slice(from).filter((message) => !message.mine).length;
}
