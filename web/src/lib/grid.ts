/** Where the tiles go: the largest tiles that a count of people and a box allow. */

export interface Box {
  width: number;
  height: number;
}

export interface Grid {
  columns: number;
  rows: number;
  tileWidth: number;
  tileHeight: number;
}

/** Pixels between tiles. */
export const GAP = 8;
/** A camera is 16:9; wider tiles would only show bars. */
const WIDEST = 16 / 9;
/** Tiles may be cropped to upright on a phone, but a face still needs its shoulders. */
const TALLEST = 3 / 4;
/** More pictures than this at once cost more to decode than anybody looks at. */
const PAGE_MAX = 25;
/** Below this a face is no longer a face. */
const SMALLEST: Box = { width: 150, height: 100 };

/**
 * The best grid for `count` tiles: the one with the largest tiles, where what a
 * tile would cut off a camera's picture counts against it.
 */
export function fitGrid(count: number, box: Box, gap: number = GAP): Grid {
  let best: Grid = { columns: 1, rows: Math.max(1, count), tileWidth: 0, tileHeight: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    // A narrower grid with as many rows holds the same tiles at a larger size.
    if (columns > 1 && Math.ceil(count / (columns - 1)) === rows) continue;
    const tile = fitTile({
      width: (box.width - gap * (columns - 1)) / columns,
      height: (box.height - gap * (rows - 1)) / rows,
    });
    if (worth(tile) > worth({ width: best.tileWidth, height: best.tileHeight })) {
      best = { columns, rows, tileWidth: tile.width, tileHeight: tile.height };
    }
  }
  return best;
}

/** Area, weighted by the root of the share of a 16:9 picture that can be seen. */
function worth({ width, height }: Box): number {
  return height === 0 ? 0 : width * height * Math.sqrt(Math.min(1, width / height / WIDEST));
}

function fitTile(cell: Box): Box {
  if (cell.width <= 0 || cell.height <= 0) return { width: 0, height: 0 };
  const shape = Math.min(WIDEST, Math.max(TALLEST, cell.width / cell.height));
  const width = Math.floor(Math.min(cell.width, cell.height * shape));
  return { width, height: Math.floor(Math.min(cell.height, width / shape)) };
}

/** How many tiles a page can hold before they get too small to be of use. */
export function pageSize(box: Box, gap: number = GAP): number {
  for (let count = PAGE_MAX; count > 1; count -= 1) {
    const grid = fitGrid(count, box, gap);
    if (grid.tileWidth >= SMALLEST.width && grid.tileHeight >= SMALLEST.height) return count;
  }
  return 1;
}

/** The tiles of one page, and how many pages there are. A page that no longer exists becomes the last. */
export function pageOf<T>(items: readonly T[], page: number, size: number): { shown: T[]; page: number; pages: number } {
  const pages = Math.max(1, Math.ceil(items.length / size));
  const at = Math.min(Math.max(0, page), pages - 1);
  return { shown: items.slice(at * size, (at + 1) * size), page: at, pages };
}

/**
 * Brings whoever speaks onto the first page, and moves nobody else.
 *
 * `order` is what is on the screen now; a speaker from a later page changes
 * places with the one of the first page who has been silent longest. The first
 * `kept` places are never given away (oneself, for example).
 */
export function promoteSpeakers(
  order: readonly string[],
  spokeAt: ReadonlyMap<string, number>,
  speaking: readonly string[],
  size: number,
  kept: number,
): string[] {
  const next = [...order];
  for (const speaker of speaking) {
    const from = next.indexOf(speaker);
    if (from < size) continue;
    let to = -1;
    for (let place = kept; place < size; place += 1) {
      const one = next[place];
      if (one === undefined || speaking.includes(one)) continue;
      const best = to < 0 ? undefined : next[to];
      if (best === undefined || (spokeAt.get(one) ?? 0) < (spokeAt.get(best) ?? 0)) to = place;
    }
    const displaced = next[to];
    if (displaced === undefined) return next;
    next[to] = speaker;
    next[from] = displaced;
  }
  return next;
}

/** Keeps the order of those who stay, drops those who left, appends those who came. */
export function keepOrder(previous: readonly string[], present: readonly string[]): string[] {
  const here = new Set(present);
  const known = new Set(previous);
  return [...previous.filter((id) => here.has(id)), ...present.filter((id) => !known.has(id))];
}

/** Where one tile stands, in pixels from the top left of the stage. */
export interface Rect {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Places `count` tiles in the middle of the box; a last row that is not full is centred. */
export function placeGrid(count: number, box: Box, gap: number = GAP): Rect[] {
  const { columns, rows, tileWidth, tileHeight } = fitGrid(count, box, gap);
  const top = (box.height - rows * tileHeight - (rows - 1) * gap) / 2;
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns);
    const inRow = Math.min(columns, count - row * columns);
    const left = (box.width - inRow * tileWidth - (inRow - 1) * gap) / 2;
    return {
      left: Math.round(left + (index % columns) * (tileWidth + gap)),
      top: Math.round(top + row * (tileHeight + gap)),
      width: tileWidth,
      height: tileHeight,
    };
  });
}

/** Smallest and largest width of a tile in the strip beside the stage, in pixels. */
const STRIP_MIN = 104;
const STRIP_MAX = 240;
/** Height kept free for turning pages, in pixels. */
export const PAGER = 44;

interface Strip {
  beside: boolean;
  tile: Box;
  fits: number;
}

/** The strip's tiles: as large as all of them fit, within limits. */
function stripOf(count: number, box: Box, gap: number): Strip {
  const beside = box.width > box.height * 1.15;
  const most = Math.min(STRIP_MAX, beside ? box.width * 0.18 : Math.min(box.width * 0.36, box.height * 0.3));
  const room = (tile: number): number => ((beside ? box.height : box.width) + gap) / (tile + gap);
  const tileOf = (width: number): Box => ({ width, height: Math.floor(width / WIDEST) });
  const along = (tile: Box): number => (beside ? tile.height : tile.width);
  let width = Math.max(STRIP_MIN, Math.floor(most));
  while (width > STRIP_MIN && Math.floor(room(along(tileOf(width)))) < count) width -= 1;
  return { beside, tile: tileOf(width), fits: Math.max(1, Math.floor(room(along(tileOf(width))))) };
}

/** Places one tile on the stage and `count` in a strip: at its right on wide screens, below on upright ones. */
export function placeFocus(count: number, box: Box, gap: number = GAP): { focus: Rect; strip: Rect[] } {
  if (count === 0) return { focus: { left: 0, top: 0, width: box.width, height: box.height }, strip: [] };
  const { beside, tile } = stripOf(count, box, gap);
  const focus = beside
    ? { left: 0, top: 0, width: Math.max(0, box.width - tile.width - gap), height: box.height }
    : { left: 0, top: 0, width: box.width, height: Math.max(0, box.height - tile.height - gap) };
  const long = count * ((beside ? tile.height : tile.width) + gap) - gap;
  const start = Math.max(0, ((beside ? box.height : box.width) - long) / 2);
  const strip = Array.from({ length: count }, (_, index): Rect => {
    const along = Math.round(start + index * ((beside ? tile.height : tile.width) + gap));
    return beside
      ? { left: box.width - tile.width, top: along, ...tile }
      : { left: along, top: box.height - tile.height, ...tile };
  });
  return { focus, strip };
}

/** What is shown of `count` tiles (beside one on the stage, if `focused`), and the box that is left for it. */
export function paging(count: number, focused: boolean, box: Box): { size: number; box: Box } {
  const fits = (inside: Box): number => (focused ? stripOf(count, inside, GAP).fits : pageSize(inside));
  if (fits(box) >= count) return { size: fits(box), box };
  const smaller = { width: box.width, height: Math.max(0, box.height - PAGER) };
  return { size: fits(smaller), box: smaller };
}
