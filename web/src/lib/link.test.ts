import { describe, expect, it } from 'vitest';
import { idFromPath, meetingLink, normalizeId, readMeetingRef } from './link';

const HERE = 'https://meet.example.org/';

describe('normalizeId', () => {
  it.each(['abc-defg-hij', 'ABC-DEFG-HIJ', 'abcdefghij', ' abc defg hij ', 'abc–defg–hij'])('reads %j', (text) => {
    expect(normalizeId(text)).toBe('abc-defg-hij');
  });

  it.each(['', 'abc', 'abc-defg-hi1', 'abc-defg-hijk', '<script>', 'abc/defg/hij'])('refuses %j', (text) => {
    expect(normalizeId(text)).toBeNull();
  });
});

describe('idFromPath', () => {
  it('reads our paths and no others', () => {
    expect(idFromPath('/m/abc-defg-hij')).toBe('abc-defg-hij');
    expect(idFromPath('/m/abc-defg-hij/')).toBe('abc-defg-hij');
    expect(idFromPath('/m/%E0%A4%A')).toBeNull();
    expect(idFromPath('/m/')).toBeNull();
    expect(idFromPath('/x/abc-defg-hij')).toBeNull();
  });
});

describe('readMeetingRef', () => {
  it.each([
    'https://meet.example.org/m/abc-defg-hij',
    'meet.example.org/m/abc-defg-hij?x=1',
    'http://meet.example.org/m/ABC-DEFG-HIJ#top',
    'abcdefghij',
  ])('finds the meeting in %j', (text) => {
    expect(readMeetingRef(text, HERE)).toEqual({ kind: 'meeting', id: 'abc-defg-hij' });
  });

  it('knows the link of another server', () => {
    expect(readMeetingRef('https://other.example/m/abc-defg-hij', HERE)).toEqual({
      kind: 'elsewhere',
      url: 'https://other.example/m/abc-defg-hij',
      host: 'other.example',
    });
  });

  it.each(['javascript://meet.example.org/m/abc-defg-hij', 'https://meet.example.org/', 'hello', 'http://'])('refuses %j', (text) => {
    expect(readMeetingRef(text, HERE)).toEqual({ kind: 'unreadable' });
  });

  it('knows an empty field', () => {
    expect(readMeetingRef('  ', HERE)).toEqual({ kind: 'empty' });
  });

  it('writes the link it reads', () => {
    expect(readMeetingRef(meetingLink('abc-defg-hij', 'https://meet.example.org'), HERE)).toEqual({ kind: 'meeting', id: 'abc-defg-hij' });
  });
});
