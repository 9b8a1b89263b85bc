/** Names as they are shown. */

/** One or two letters for a person without a picture. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const first = words[0];
  if (first === undefined) return '?';
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return (letter(first) + (last === undefined ? '' : letter(last))).toUpperCase();
}

function letter(word: string): string {
  return Array.from(word)[0] ?? '';
}

/** A hue in degrees that stays the same for the same person, far from those of similar names. */
export function hueOf(identity: string): number {
  let hash = 0;
  for (const char of identity) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 65_521;
  // Steps of the golden angle spread neighbours around the circle.
  return Math.floor((hash * 137.508) % 360);
}

/** "Ana", "Ana and Ben", "Ana, Ben and 3 others". */
export function listNames(names: readonly string[]): string {
  const [first = '', second = ''] = names;
  if (names.length <= 1) return first;
  if (names.length === 2) return `${first} and ${second}`;
  const rest = names.length - 2;
  return `${first}, ${second} and ${rest === 1 ? '1 other' : `${rest} others`}`;
}

/** What a screen reader is told when people come and go; null when nothing changed. */
export function sayChanges(joined: readonly string[], left: readonly string[]): string | null {
  const parts: string[] = [];
  if (joined.length > 0) parts.push(`${listNames(joined)} joined`);
  if (left.length > 0) parts.push(`${listNames(left)} left`);
  return parts.length === 0 ? null : parts.join('. ');
}
