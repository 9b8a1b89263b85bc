/**
 * What the browser keeps for us. Everything read back is checked: another
 * version of this app, or a person with the developer tools, may have written it.
 *
 * For good (localStorage): the name, the devices, what a host may do. Until the
 * tab is closed (sessionStorage): the call that a reload comes back to.
 */

export interface Store {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Preferences {
  name: string;
  camera: boolean;
  microphone: boolean;
  cameraId: string;
  microphoneId: string;
  speakerId: string;
  /** Shortcuts of one letter, which some people need to turn off (WCAG 2.1.4). */
  letterKeys: boolean;
}

export interface HostedMeeting {
  id: string;
  title: string;
  token: string;
  /** Unix time in milliseconds. */
  createdAt: number;
}

export interface OngoingCall {
  name: string;
  token: string;
  camera: boolean;
  microphone: boolean;
}

const PREFERENCES = 'plenary.preferences';
const HOSTED = 'plenary.hosted';
const CALL = 'plenary.call.';
/** Meetings we remember as host; the oldest are forgotten first. */
const HOSTED_MAX = 20;
/** Longest name the app lets a person enter, in UTF-16 units. */
export const NAME_MAX = 60;

const DEFAULTS: Preferences = {
  name: '',
  camera: true,
  microphone: true,
  cameraId: '',
  microphoneId: '',
  speakerId: '',
  letterKeys: true,
};

export function readPreferences(store: Store): Preferences {
  const raw = readObject(store, PREFERENCES);
  return {
    name: str(raw['name']).slice(0, NAME_MAX),
    camera: bool(raw['camera'], DEFAULTS.camera),
    microphone: bool(raw['microphone'], DEFAULTS.microphone),
    cameraId: str(raw['cameraId']),
    microphoneId: str(raw['microphoneId']),
    speakerId: str(raw['speakerId']),
    letterKeys: bool(raw['letterKeys'], DEFAULTS.letterKeys),
  };
}

export function writePreferences(store: Store, change: Partial<Preferences>): void {
  write(store, PREFERENCES, { ...readPreferences(store), ...change });
}

export function readHosted(store: Store): HostedMeeting[] {
  const list = readObject(store, HOSTED)['meetings'];
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown): HostedMeeting[] => {
    const item = object(entry);
    const id = str(item['id']);
    const token = str(item['token']);
    if (id === '' || token === '') return [];
    const createdAt = typeof item['createdAt'] === 'number' ? item['createdAt'] : 0;
    return [{ id, token, title: str(item['title']), createdAt }];
  });
}

export function rememberHosted(store: Store, meeting: HostedMeeting): void {
  const others = readHosted(store).filter((other) => other.id !== meeting.id);
  write(store, HOSTED, { meetings: [meeting, ...others].slice(0, HOSTED_MAX) });
}

export function forgetHosted(store: Store, id: string): void {
  write(store, HOSTED, { meetings: readHosted(store).filter((other) => other.id !== id) });
}

export function hostTokenOf(store: Store, id: string): string | undefined {
  return readHosted(store).find((meeting) => meeting.id === id)?.token;
}

export function readCall(store: Store, id: string): OngoingCall | null {
  const raw = readObject(store, CALL + id);
  const token = str(raw['token']);
  if (token === '') return null;
  return {
    token,
    name: str(raw['name']).slice(0, NAME_MAX),
    camera: bool(raw['camera'], false),
    microphone: bool(raw['microphone'], false),
  };
}

export function rememberCall(store: Store, id: string, call: OngoingCall): void {
  write(store, CALL + id, call);
}

export function forgetCall(store: Store, id: string): void {
  try {
    store.removeItem(CALL + id);
  } catch {
    // No storage: there is nothing to forget.
  }
}

function readObject(store: Store, key: string): Record<string, unknown> {
  try {
    return object(JSON.parse(store.getItem(key) ?? 'null'));
  } catch {
    return {};
  }
}

/** Storage may be full or forbidden (private windows). The app works without: it only forgets. */
function write(store: Store, key: string, value: unknown): void {
  try {
    store.setItem(key, JSON.stringify(value));
  } catch {
    // Nothing is lost that this page still needs.
  }
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function str(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function bool(value: unknown, otherwise: boolean): boolean {
  return typeof value === 'boolean' ? value : otherwise;
}
