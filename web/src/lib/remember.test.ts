import { describe, expect, it } from 'vitest';
import {
  forgetCall,
  forgetHosted,
  hostTokenOf,
  NAME_MAX,
  readCall,
  readHosted,
  readPreferences,
  rememberCall,
  rememberHosted,
  type Store,
  writePreferences,
} from './remember';

function store(): Store & { map: Map<string, string> } {
  const map = new Map<string, string>();
  return { map, getItem: (key) => map.get(key) ?? null, setItem: (key, value) => void map.set(key, value), removeItem: (key) => void map.delete(key) };
}

const BROKEN: Store = {
  getItem: () => {
    throw new Error('forbidden');
  },
  setItem: () => {
    throw new Error('full');
  },
  removeItem: () => {
    throw new Error('forbidden');
  },
};

describe('preferences', () => {
  it('start with everything on and no name', () => {
    expect(readPreferences(store())).toMatchObject({ name: '', camera: true, microphone: true, letterKeys: true });
  });

  it('keep what is not changed', () => {
    const kept = store();
    writePreferences(kept, { name: 'Ana', camera: false });
    writePreferences(kept, { microphone: false });
    expect(readPreferences(kept)).toMatchObject({ name: 'Ana', camera: false, microphone: false });
  });

  it('survive nonsense', () => {
    const kept = store();
    for (const value of ['', '{', 'null', '[]', '{"name":7,"camera":"no"}', `{"name":"${'x'.repeat(1000)}"}`]) {
      kept.map.set('plenary.preferences', value);
      const { name, camera } = readPreferences(kept);
      expect(name.length).toBeLessThanOrEqual(NAME_MAX);
      expect(camera).toBe(true);
    }
  });

  it('do without a store', () => {
    writePreferences(BROKEN, { name: 'Ana' });
    forgetCall(BROKEN, 'x');
    expect(readPreferences(BROKEN).name).toBe('');
  });
});

describe('hosted meetings', () => {
  it('are found, kept once, and forgotten', () => {
    const kept = store();
    rememberHosted(kept, { id: 'a', title: 'A', token: 't1', createdAt: 1 });
    rememberHosted(kept, { id: 'b', title: 'B', token: 't2', createdAt: 2 });
    rememberHosted(kept, { id: 'a', title: 'A', token: 't3', createdAt: 3 });
    expect(readHosted(kept).map((meeting) => meeting.id)).toEqual(['a', 'b']);
    expect(hostTokenOf(kept, 'a')).toBe('t3');
    forgetHosted(kept, 'a');
    expect(hostTokenOf(kept, 'a')).toBeUndefined();
  });

  it('are at most twenty', () => {
    const kept = store();
    for (let i = 0; i < 30; i += 1) rememberHosted(kept, { id: `m${i}`, title: '', token: 't', createdAt: i });
    expect(readHosted(kept)).toHaveLength(20);
    expect(hostTokenOf(kept, 'm29')).toBe('t');
  });
});

describe('the call to come back to', () => {
  it('is kept per meeting until it is left', () => {
    const kept = store();
    rememberCall(kept, 'a', { name: 'Ana', token: 't', camera: true, microphone: false });
    expect(readCall(kept, 'a')).toEqual({ name: 'Ana', token: 't', camera: true, microphone: false });
    expect(readCall(kept, 'b')).toBeNull();
    forgetCall(kept, 'a');
    expect(readCall(kept, 'a')).toBeNull();
  });
});
