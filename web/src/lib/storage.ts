/** The browser's stores, or one that forgets where the browser forbids them. */

import type { Store } from './remember';

function memory(): Store {
  const map = new Map<string, string>();
  return {
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => void map.set(key, value),
    removeItem: (key) => void map.delete(key),
  };
}

function open(pick: () => Storage): Store {
  try {
    return pick();
  } catch {
    return memory();
  }
}

export const lasting: Store = open(() => window.localStorage);
export const tab: Store = open(() => window.sessionStorage);
