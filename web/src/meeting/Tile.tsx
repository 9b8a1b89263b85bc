import { memo } from 'react';
import { Avatar } from '../ui/Avatar';
import { IconButton } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { Video, type VideoSource } from '../ui/Video';
import { QualityMark, type Quality } from './QualityMark';
import { type TileItem, tileLabel } from './tiles';

export interface TileState {
  video: VideoSource | null;
  speaking: boolean;
  microphoneOn: boolean;
  quality: Quality;
  mirrored: boolean;
}

/** One person's camera, or one shared screen. */
export const Tile = memo(function Tile({ item, state, focused, onPin }: {
  item: TileItem;
  state: TileState;
  /** It has the stage. */
  focused: boolean;
  /** Gives it the stage, or takes the stage from it. */
  onPin: () => void;
}) {
  const screen = item.source === 'screen_share';
  const label = tileLabel(item);
  const classes = ['tile', screen && 'tile-screen', state.speaking && !screen && 'tile-speaks'].filter(Boolean).join(' ');
  return (
    <article className={classes} aria-label={label} data-participant={item.identity} data-source={item.source} data-local={item.local || undefined}>
      {state.video === null ? (
        <div className="tile-empty">
          <Avatar name={item.name} identity={item.identity} />
        </div>
      ) : (
        <Video source={state.video} mirrored={state.mirrored} whole={screen} label={`Picture of ${label}`} />
      )}
      <footer className="tile-foot">
        <span className="tile-name">
          {!screen && !state.microphoneOn && (
            <span className="tile-muted" role="img" aria-label="muted">
              <Icon name="micOff" size={16} />
            </span>
          )}
          {screen && <Icon name="screen" size={16} />}
          <span className="tile-text">{screen ? label : item.local ? `${item.name} (you)` : item.name}</span>
        </span>
        {!screen && <QualityMark quality={state.quality} />}
      </footer>
      <IconButton
        className="tile-pin"
        label={focused ? `Unpin ${label}` : `Pin ${label}`}
        icon="pin"
        size={18}
        aria-pressed={focused}
        onClick={onPin}
      />
    </article>
  );
});
