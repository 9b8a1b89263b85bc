/** What a tile is, apart from its picture. */

export type TileSource = 'camera' | 'screen_share';

export interface TileItem {
  /** Unique among the tiles, and the same as long as the tile stays. */
  key: string;
  identity: string;
  source: TileSource;
  name: string;
  local: boolean;
}

export function tileKey(identity: string, source: TileSource): string {
  return `${source}/${identity}`;
}

/** The tile that has the stage: what the person pinned, else the newest shared screen. */
export function focusOf(tiles: readonly TileItem[], pinned: string | null): TileItem | null {
  const chosen = tiles.find((tile) => tile.key === pinned);
  if (chosen) return chosen;
  return tiles.filter((tile) => tile.source === 'screen_share').at(-1) ?? null;
}

/** What a screen reader calls the tile. */
export function tileLabel(tile: TileItem): string {
  const who = tile.local ? `${tile.name} (you)` : tile.name;
  return tile.source === 'camera' ? who : `${tile.name}’s screen`;
}
