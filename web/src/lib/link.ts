/** Meeting ids and links: what a person may paste, and what we make of it. */

/** Three, four and three lower-case letters, like `abc-defg-hij`. */
const ID = /^[a-z]{3}-[a-z]{4}-[a-z]{3}$/;
const PATH = /^\/m\/([^/]+)\/?$/;

export type MeetingRef =
  | { kind: 'meeting'; id: string }
  | { kind: 'elsewhere'; url: string; host: string }
  | { kind: 'empty' }
  | { kind: 'unreadable' };

/** The id in its one written form, or null when it cannot be one. */
export function normalizeId(text: string): string | null {
  const letters = text.toLowerCase().replace(/[\s\-–—_.]/g, '');
  if (!/^[a-z]{10}$/.test(letters)) return null;
  const id = `${letters.slice(0, 3)}-${letters.slice(3, 7)}-${letters.slice(7)}`;
  return ID.test(id) ? id : null;
}

/** The id in a path of ours, or null when the path is not a meeting's. */
export function idFromPath(path: string): string | null {
  const raw = PATH.exec(path)?.[1];
  if (raw === undefined) return null;
  try {
    return normalizeId(decodeURIComponent(raw));
  } catch {
    return null;
  }
}

/** Reads a link or a code as people paste them: whole, partial, upper case, with or without dashes. */
export function readMeetingRef(text: string, here: string): MeetingRef {
  const trimmed = text.trim();
  if (trimmed === '') return { kind: 'empty' };
  const direct = normalizeId(trimmed);
  if (direct !== null) return { kind: 'meeting', id: direct };
  const url = parseUrl(trimmed);
  const id = url === null ? null : idFromPath(url.pathname);
  if (url === null || id === null) return { kind: 'unreadable' };
  const ours = new URL(here);
  if (url.host === ours.host) return { kind: 'meeting', id };
  return { kind: 'elsewhere', url: `${url.origin}/m/${id}`, host: url.host };
}

function parseUrl(text: string): URL | null {
  const candidate = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text.replace(/^\/\//, '')}`;
  try {
    const url = new URL(candidate);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
  } catch {
    return null;
  }
}

/** The path of a meeting in this app. */
export function meetingPath(id: string): string {
  return `/m/${encodeURIComponent(id)}`;
}

/** The link to give to others. */
export function meetingLink(id: string, origin: string): string {
  return `${origin}${meetingPath(id)}`;
}
