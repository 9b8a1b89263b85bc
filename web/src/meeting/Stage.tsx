import { type ReactNode, useState } from 'react';
import { type Box, pageOf, paging, placeFocus, placeGrid, type Rect } from '../lib/grid';
import { IconButton } from '../ui/Button';
import { focusOf, type TileItem } from './tiles';

export type RenderTile = (item: TileItem, focused: boolean, onPin: () => void) => ReactNode;

export interface StageProps {
  items: readonly TileItem[];
  box: Box;
  page: number;
  onPage: (page: number) => void;
  renderTile: RenderTile;
}

/**
 * Everybody in a grid, or one tile on the stage with the others in a strip.
 *
 * All tiles are siblings with a place of their own: when the layout changes they
 * move, and no picture has to be set up again.
 */
export function Stage({ items, box, page, onPage, renderTile }: StageProps) {
  const [pinned, setPinned] = useState<string | null>(null);
  // Whoever unpins a shared screen wants the grid, until another one is shared.
  const [dismissed, setDismissed] = useState<string | null>(null);
  const candidate = focusOf(items, pinned);
  const focus = candidate !== null && candidate.key !== dismissed ? candidate : null;
  if (box.width === 0) return null;

  const others = focus === null ? items : items.filter((item) => item.key !== focus.key);
  const { size, box: inner } = paging(others.length, focus !== null, box);
  const { shown, page: at, pages } = pageOf(others, page, size);
  const { places, tiles } = arrange(focus, shown, inner);

  function pin(item: TileItem) {
    const release = focus?.key === item.key;
    setPinned(release ? null : item.key);
    setDismissed(release && item.source === 'screen_share' ? item.key : null);
  }

  return (
    <>
      {tiles.map((item, index) => {
        const place = places[index];
        return (
          place && (
            <div key={item.key} className="place" style={{ ...place }}>
              {renderTile(item, item.key === focus?.key, () => pin(item))}
            </div>
          )
        );
      })}
      {pages > 1 && <Pages page={at} pages={pages} onPage={onPage} />}
    </>
  );
}

function arrange(focus: TileItem | null, shown: readonly TileItem[], box: Box): { places: Rect[]; tiles: TileItem[] } {
  if (focus === null) return { places: placeGrid(shown.length, box), tiles: [...shown] };
  const { focus: stage, strip } = placeFocus(shown.length, box);
  return { places: [stage, ...strip], tiles: [focus, ...shown] };
}

function Pages({ page, pages, onPage }: { page: number; pages: number; onPage: (page: number) => void }) {
  return (
    <nav className="pages" aria-label="Pages of people">
      <IconButton label="Previous page" hint="Page Up" icon="left" size={18} disabled={page === 0} onClick={() => onPage(page - 1)} />
      <span aria-live="polite">
        {page + 1} of {pages}
      </span>
      <IconButton label="Next page" hint="Page Down" icon="right" size={18} disabled={page === pages - 1} onClick={() => onPage(page + 1)} />
    </nav>
  );
}
