import { DisconnectReason } from 'livekit-client';
import { describe, expect, it } from 'vitest';
import { append, countUnread, startsGroup, type ChatMessage } from '../chat/log';
import { endReason } from '../meeting/endReason';
import { focusOf, tileKey, tileLabel, type TileItem } from '../meeting/tiles';
import { explainDevice, explainDevices, explainScreen } from './devices';
import { explainEnd } from './ended';
import { linkify } from './linkify';
import { hueOf, initials, listNames, sayChanges } from './people';
import { actionOf, type KeyPress } from './shortcuts';
import { duration } from './time';

describe('names', () => {
  it.each([
    ['Amara Okafor', 'AO'],
    ['  dmitri ', 'D'],
    ['Katharina von Hohenberg', 'KH'],
    ['😀 Smile', '😀S'],
    ['', '?'],
  ])('initials of %j are %s', (name, letters) => expect(initials(name)).toBe(letters));

  it('gives everyone a hue', () => {
    for (const identity of ['', 'a', 'b', '😀']) expect(hueOf(identity)).toBeGreaterThanOrEqual(0);
    expect(Math.abs(hueOf('person-1') - hueOf('person-2'))).toBeGreaterThan(40);
  });

  it('lists people', () => {
    expect(listNames(['A'])).toBe('A');
    expect(listNames(['A', 'B'])).toBe('A and B');
    expect(listNames(['A', 'B', 'C'])).toBe('A, B and 1 other');
    expect(listNames(['A', 'B', 'C', 'D'])).toBe('A, B and 2 others');
    expect(sayChanges([], [])).toBeNull();
    expect(sayChanges(['A'], ['B'])).toBe('A joined. B left');
  });
});

describe('linkify', () => {
  it('finds links and leaves the marks around them', () => {
    expect(linkify('See (https://a.example/x_(y)), or http://b.example.')).toEqual([
      { kind: 'text', text: 'See (' },
      { kind: 'link', text: 'https://a.example/x_(y)', href: 'https://a.example/x_(y)' },
      { kind: 'text', text: '), or ' },
      { kind: 'link', text: 'http://b.example', href: 'http://b.example/' },
      { kind: 'text', text: '.' },
    ]);
  });

  it.each(['javascript:alert(1)', 'data:text/html,x', '<b>bold</b>', 'https://', ''])('makes no link of %j', (text) => {
    expect(linkify(text).every((piece) => piece.kind === 'text')).toBe(true);
    expect(linkify(text).map((piece) => piece.text).join('')).toBe(text);
  });
});

describe('keys', () => {
  const press = (key: string, more: Partial<KeyPress> = {}): KeyPress => ({ key, ctrl: false, meta: false, alt: false, shift: false, typing: false, ...more });

  it('maps letters, chords and the rest', () => {
    expect(actionOf(press('m'), true)).toBe('microphone');
    expect(actionOf(press('V'), true)).toBe('camera');
    expect(actionOf(press('?', { shift: true }), true)).toBe('help');
    expect(actionOf(press('d', { ctrl: true }), true)).toBe('microphone');
    expect(actionOf(press('e', { meta: true }), true)).toBe('camera');
    expect(actionOf(press('PageDown'), true)).toBe('next');
  });

  it('leaves typing, foreign chords and switched-off letters alone', () => {
    expect(actionOf(press('m', { typing: true }), true)).toBeNull();
    expect(actionOf(press('m'), false)).toBeNull();
    expect(actionOf(press('c', { ctrl: true }), true)).toBeNull();
    expect(actionOf(press('m', { alt: true }), true)).toBeNull();
    expect(actionOf(press('d', { ctrl: true }), false)).toBe('microphone');
    expect(actionOf(press('Escape', { typing: true }), true)).toBe('close');
  });
});

describe('chat log', () => {
  const message = (id: string, identity: string, at = 0): ChatMessage => ({ id, identity, name: identity, text: id, at, mine: identity === 'me' });

  it('keeps the newest five hundred', () => {
    let log: ChatMessage[] = [];
    for (let i = 0; i < 510; i += 1) log = append(log, message(String(i), 'a'));
    expect(log).toHaveLength(500);
    expect(log.at(-1)?.id).toBe('509');
  });

  it('groups by sender and time', () => {
    expect(startsGroup(message('1', 'a'), undefined)).toBe(true);
    expect(startsGroup(message('2', 'a', 1000), message('1', 'a'))).toBe(false);
    expect(startsGroup(message('2', 'b', 1000), message('1', 'a'))).toBe(true);
    expect(startsGroup(message('2', 'a', 200_000), message('1', 'a'))).toBe(true);
  });

  it('counts what others wrote since', () => {
    const log = [message('1', 'a'), message('2', 'me'), message('3', 'a')];
    expect(countUnread(log, null)).toBe(2);
    expect(countUnread(log, '1')).toBe(1);
    expect(countUnread(log, '3')).toBe(0);
  });
});

describe('tiles', () => {
  const tile = (identity: string, source: TileItem['source']): TileItem => ({ key: tileKey(identity, source), identity, source, name: identity, local: identity === 'me' });

  it('gives the stage to what is pinned, else to the newest screen', () => {
    const tiles = [tile('me', 'camera'), tile('a', 'camera'), tile('a', 'screen_share'), tile('b', 'screen_share')];
    expect(focusOf(tiles, null)?.key).toBe('screen_share/b');
    expect(focusOf(tiles, 'camera/a')?.key).toBe('camera/a');
    expect(focusOf(tiles.slice(0, 2), null)).toBeNull();
    expect(focusOf(tiles.slice(0, 2), 'camera/gone')).toBeNull();
  });

  it('names them', () => {
    expect(tileLabel(tile('me', 'camera'))).toBe('me (you)');
    expect(tileLabel(tile('a', 'screen_share'))).toBe('a’s screen');
  });
});

describe('reasons', () => {
  it('tells why a device fails and what helps', () => {
    for (const name of ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'InsecureContext', 'Other']) {
      expect(explainDevice(name, 'camera').title).toContain('camera');
      expect(explainDevice(name, 'microphone').remedy).not.toBe('');
    }
    expect(explainDevices({ camera: 'NotAllowedError', microphone: 'NotAllowedError' })).toHaveLength(1);
    expect(explainDevices({ camera: 'NotAllowedError', microphone: 'NotFoundError' })).toHaveLength(2);
    expect(explainDevices({ camera: null, microphone: null })).toEqual([]);
  });

  it('says nothing when the person only closed the picker', () => {
    expect(explainScreen(new DOMException('', 'NotAllowedError'))).toBeNull();
    expect(explainScreen(new DOMException('', 'NotReadableError'))).not.toBeNull();
  });

  it('tells why a call is over', () => {
    expect(endReason(DisconnectReason.DUPLICATE_IDENTITY)).toBe('duplicate');
    expect(endReason(DisconnectReason.PARTICIPANT_REMOVED)).toBe('removed');
    expect(endReason(DisconnectReason.ROOM_DELETED)).toBe('ended');
    expect(endReason(undefined)).toBe('lost');
    for (const reason of ['left', 'ended-by-me', 'ended', 'removed', 'duplicate', 'shutdown', 'lost'] as const) {
      expect(explainEnd(reason).remedy).not.toBe('');
    }
    expect(explainEnd('ended').rejoin).toBe(false);
  });
});

describe('duration', () => {
  it.each([
    [0, '0:00'],
    [247_900, '4:07'],
    [3_847_000, '1:04:07'],
    [-5, '0:00'],
  ])('%i ms is %s', (ms, text) => expect(duration(ms)).toBe(text));
});
