import { describe, expect, it } from 'vitest';
import { type Box, fitGrid, keepOrder, pageOf, pageSize, paging, placeFocus, placeGrid, promoteSpeakers, type Rect } from './grid';

const DESKTOP: Box = { width: 1416, height: 780 };
const PHONE: Box = { width: 344, height: 520 };

function inside(rect: Rect, box: Box): boolean {
  return rect.left >= 0 && rect.top >= 0 && rect.left + rect.width <= box.width + 1 && rect.top + rect.height <= box.height + 1;
}

function overlap(a: Rect, b: Rect): boolean {
  return a.left < b.left + b.width && b.left < a.left + a.width && a.top < b.top + b.height && b.top < a.top + a.height;
}

describe('fitGrid', () => {
  it.each([
    [1, 1, 1],
    [2, 2, 1],
    [5, 3, 2],
    [9, 3, 3],
    [25, 5, 5],
  ])('lays %i tiles out in %i columns and %i rows on a desktop', (count, columns, rows) => {
    expect(fitGrid(count, DESKTOP)).toMatchObject({ columns, rows });
  });

  it('stacks two people on a phone', () => {
    expect(fitGrid(2, PHONE)).toMatchObject({ columns: 1, rows: 2 });
  });

  it('shows no tile wider than a camera, and none narrower than a face', () => {
    for (let count = 1; count <= 25; count += 1) {
      for (const box of [DESKTOP, PHONE]) {
        const { tileWidth, tileHeight } = fitGrid(count, box);
        expect(tileWidth / tileHeight).toBeLessThan(16 / 9 + 0.05);
        expect(tileWidth / tileHeight).toBeGreaterThan(3 / 4 - 0.05);
      }
    }
  });

  it('copes with a box of no size', () => {
    expect(fitGrid(3, { width: 0, height: 0 })).toMatchObject({ tileWidth: 0, tileHeight: 0 });
  });
});

describe('placing', () => {
  const boxes = [DESKTOP, PHONE, { width: 500, height: 500 }, { width: 640, height: 260 }];

  it('keeps grid tiles inside the box and apart', () => {
    for (const box of boxes) {
      for (let count = 1; count <= 25; count += 1) {
        const rects = placeGrid(count, box);
        expect(rects).toHaveLength(count);
        rects.forEach((rect, index) => {
          expect(inside(rect, box)).toBe(true);
          expect(rects.slice(index + 1).some((other) => overlap(rect, other))).toBe(false);
        });
      }
    }
  });

  it('keeps the stage and its strip inside the box and apart', () => {
    for (const box of boxes) {
      for (let count = 0; count <= 40; count += 1) {
        const { size, box: inner } = paging(count, true, box);
        const { focus, strip } = placeFocus(Math.min(count, size), inner);
        for (const rect of strip) {
          expect(inside(rect, box)).toBe(true);
          expect(overlap(rect, focus)).toBe(false);
        }
        expect(focus.width * focus.height).toBeGreaterThan(box.width * box.height * 0.3);
      }
    }
  });

  it('gives the stage everything when nobody else is there', () => {
    expect(placeFocus(0, DESKTOP)).toEqual({ focus: { left: 0, top: 0, ...DESKTOP }, strip: [] });
  });

  it('keeps room for turning pages only when there are pages', () => {
    expect(paging(5, false, DESKTOP).box).toEqual(DESKTOP);
    expect(paging(40, false, DESKTOP).box.height).toBeLessThan(DESKTOP.height);
  });
});

describe('pages', () => {
  it('holds 25 on a desktop and fewer on a phone', () => {
    expect(pageSize(DESKTOP)).toBe(25);
    expect(pageSize(PHONE)).toBeGreaterThanOrEqual(6);
    expect(pageSize(PHONE)).toBeLessThanOrEqual(10);
    expect(pageSize({ width: 10, height: 10 })).toBe(1);
  });

  it('turns a page that is gone into the last one', () => {
    const items = [1, 2, 3, 4, 5];
    expect(pageOf(items, 1, 2)).toEqual({ shown: [3, 4], page: 1, pages: 3 });
    expect(pageOf(items, 9, 2)).toEqual({ shown: [5], page: 2, pages: 3 });
    expect(pageOf([], 0, 2)).toEqual({ shown: [], page: 0, pages: 1 });
  });
});

describe('order', () => {
  it('keeps those who stay in place and appends those who come', () => {
    expect(keepOrder(['me', 'a', 'b'], ['b', 'me', 'c'])).toEqual(['me', 'b', 'c']);
  });

  it('moves nobody when the speaker is on the first page', () => {
    const order = ['me', 'a', 'b', 'c'];
    expect(promoteSpeakers(order, new Map(), ['b'], 3, 1)).toEqual(order);
  });

  it('swaps a speaker of a later page with the longest silent of the first', () => {
    const spokeAt = new Map([
      ['a', 50],
      ['b', 10],
    ]);
    expect(promoteSpeakers(['me', 'a', 'b', 'c', 'd'], spokeAt, ['d'], 3, 1)).toEqual(['me', 'a', 'd', 'c', 'b']);
  });

  it('never displaces oneself or another speaker', () => {
    expect(promoteSpeakers(['me', 'a', 'b'], new Map(), ['a', 'b'], 2, 1)).toEqual(['me', 'a', 'b']);
    expect(promoteSpeakers(['me', 'a'], new Map(), ['stranger'], 1, 1)).toEqual(['me', 'a']);
  });
});
