/** Which key does what in a meeting. */

export type Action = 'microphone' | 'camera' | 'screen' | 'chat' | 'people' | 'settings' | 'help' | 'close' | 'previous' | 'next';

export interface KeyPress {
  key: string;
  ctrl: boolean;
  meta: boolean;
  alt: boolean;
  shift: boolean;
  /** The focus is where letters are text. */
  typing: boolean;
}

const LETTERS: Readonly<Record<string, Action>> = {
  m: 'microphone',
  v: 'camera',
  s: 'screen',
  c: 'chat',
  p: 'people',
  '?': 'help',
};

const CHORDS: Readonly<Record<string, Action>> = { d: 'microphone', e: 'camera' };

export interface ShortcutLine {
  keys: string[];
  what: string;
}

export const SHORTCUTS: readonly ShortcutLine[] = [
  { keys: ['M', 'Ctrl D'], what: 'Mute or unmute the microphone' },
  { keys: ['V', 'Ctrl E'], what: 'Turn the camera on or off' },
  { keys: ['S'], what: 'Share the screen, or stop sharing' },
  { keys: ['C'], what: 'Open or close the chat' },
  { keys: ['P'], what: 'Open or close the list of people' },
  { keys: ['Page Up', 'Page Down'], what: 'Turn the pages of people' },
  { keys: ['Esc'], what: 'Close what is open' },
  { keys: ['?'], what: 'Show this help' },
];

/** The action of a key press; null when it is none of ours. */
export function actionOf(press: KeyPress, letterKeys: boolean): Action | null {
  if (press.alt) return null;
  const key = press.key.toLowerCase();
  if (press.ctrl || press.meta) return press.shift ? null : (CHORDS[key] ?? null);
  if (press.key === 'Escape') return 'close';
  if (press.typing) return null;
  if (press.key === 'PageUp') return 'previous';
  if (press.key === 'PageDown') return 'next';
  return letterKeys ? (LETTERS[key] ?? null) : null;
}
