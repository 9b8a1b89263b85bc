import { describe, expect, it } from 'vitest';
import { explain, readProblem, sayWait, UNREACHABLE } from './problem';

const doc = (slug: string) => ({ type: `urn:plenary:problem:${slug}`, title: 'T', status: 400, detail: 'D' });

describe('readProblem', () => {
  it('reads a problem document', () => {
    expect(readProblem(403, doc('wrong-passcode'), null)).toEqual({ slug: 'wrong-passcode', status: 403, title: 'T', detail: 'D', retryAfter: null });
  });

  it('takes whatever else comes for an unknown problem', () => {
    for (const body of [null, 'text', 3, [], { type: 7, title: {}, detail: null }]) {
      expect(readProblem(500, body, null)).toMatchObject({ slug: 'unknown', status: 500, detail: '' });
    }
  });

  it('reads Retry-After in seconds and nothing else', () => {
    expect(readProblem(429, doc('too-many-tries'), '42').retryAfter).toBe(42);
    expect(readProblem(429, null, 'Wed, 21 Oct 2026 07:28:00 GMT')).toMatchObject({ slug: 'too-many-tries', retryAfter: null });
  });
});

describe('explain', () => {
  it.each([
    'unreachable', 'no-such-meeting', 'meeting-ended', 'passcode-required', 'wrong-passcode', 'too-many-tries', 'something-new',
  ])('names cause and remedy of %s', (slug) => {
    const { title, remedy } = explain({ ...UNREACHABLE, slug, status: 400 });
    expect(title).not.toBe('');
    expect(remedy).not.toBe('');
  });

  it('says how long to wait', () => {
    expect(explain(readProblem(429, doc('too-many-tries'), '42')).remedy).toContain('42 seconds');
  });

  it('lets an unknown problem speak for itself', () => {
    expect(explain(readProblem(400, doc('new-thing'), null))).toEqual({ title: 'T', remedy: 'D', kind: 'retry' });
  });

  it('puts passcode problems beside the field', () => {
    expect(explain(readProblem(403, doc('wrong-passcode'), null)).kind).toBe('passcode');
  });
});

describe('sayWait', () => {
  it.each([
    [1, '1 second'],
    [59, '59 seconds'],
    [60, '1 minute'],
    [61, '2 minutes'],
  ])('%i s is %s', (seconds, text) => expect(sayWait(seconds)).toBe(text));
});
