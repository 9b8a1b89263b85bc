/** Finds the links in a message. Only http and https become links; the rest stays text. */

export type Piece = { kind: 'text'; text: string } | { kind: 'link'; text: string; href: string };

const URL_LIKE = /\bhttps?:\/\/[^\s<>"'`]+/gi;
/** Marks that end a sentence rather than a link. */
const TRAILING = /[.,;:!?)\]}»”’]+$/;

export function linkify(message: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  const push = (text: string): void => {
    if (text !== '') pieces.push({ kind: 'text', text });
  };
  for (const match of message.matchAll(URL_LIKE)) {
    const text = trimEnd(match[0]);
    const href = safeHref(text);
    if (href === null) continue;
    push(message.slice(at, match.index));
    pieces.push({ kind: 'link', text, href });
    at = match.index + text.length;
  }
  push(message.slice(at));
  return pieces;
}

/** Drops closing marks, but keeps a bracket that the link itself opened. */
function trimEnd(link: string): string {
  const trimmed = link.replace(TRAILING, '');
  const rest = link.slice(trimmed.length);
  return rest.startsWith(')') && trimmed.includes('(') && !trimmed.includes(')') ? `${trimmed})` : trimmed;
}

function safeHref(text: string): string | null {
  try {
    const url = new URL(text);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.href : null;
  } catch {
    return null;
  }
}
