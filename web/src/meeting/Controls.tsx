import type { KeyboardEvent } from 'react';
import { IconButton } from '../ui/Button';
import type { Switches } from './useSwitches';

export type Panel = 'chat' | 'people' | null;

/** Arrow keys walk along a toolbar (ARIA Authoring Practices), beside Tab. */
function onArrow(event: KeyboardEvent<HTMLElement>) {
  const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (step === 0) return;
  const buttons = [...event.currentTarget.querySelectorAll<HTMLElement>('button:not(:disabled)')];
  const at = buttons.indexOf(event.target as HTMLElement);
  if (at < 0) return;
  event.preventDefault();
  buttons[(at + step + buttons.length) % buttons.length]?.focus();
}

/** The bar below: oneself at the left, the meeting at the right. */
export function Controls({ switches, panel, unread, people, onPanel, onSettings, onLeave }: {
  switches: Switches;
  panel: Panel;
  unread: number;
  people: number;
  onPanel: (panel: 'chat' | 'people') => void;
  onSettings: () => void;
  onLeave: () => void;
}) {
  const { microphone, camera, screen, toggleScreen } = switches;
  return (
    <footer>
      <div className="controls" role="toolbar" aria-label="Meeting controls" onKeyDown={onArrow}>
      <IconButton
        className={microphone ? 'control' : 'control control-off'}
        label={microphone ? 'Mute microphone' : 'Unmute microphone'}
        hint="M"
        icon={microphone ? 'mic' : 'micOff'}
        onClick={switches.toggleMicrophone}
      />
      <IconButton
        className={camera ? 'control' : 'control control-off'}
        label={camera ? 'Turn off camera' : 'Turn on camera'}
        hint="V"
        icon={camera ? 'camera' : 'cameraOff'}
        onClick={switches.toggleCamera}
      />
      {toggleScreen && (
        <IconButton
          className={screen ? 'control control-on' : 'control'}
          label={screen ? 'Stop sharing' : 'Share screen'}
          hint="S"
          icon={screen ? 'screenOff' : 'screen'}
          onClick={toggleScreen}
        />
      )}
      <span className="controls-gap" />
      <IconButton
        className={panel === 'chat' ? 'control control-on' : 'control'}
        label={unread > 0 ? `Chat, ${unread} unread` : 'Chat'}
        hint="C"
        icon="chat"
        aria-expanded={panel === 'chat'}
        onClick={() => onPanel('chat')}
        badge={unread > 0 && <span className="badge badge-unread">{unread > 99 ? '99+' : unread}</span>}
      />
      <IconButton
        className={panel === 'people' ? 'control control-on' : 'control'}
        label={`People, ${people} here`}
        hint="P"
        icon="people"
        aria-expanded={panel === 'people'}
        onClick={() => onPanel('people')}
        badge={<span className="badge">{people}</span>}
      />
      <IconButton className="control" label="Settings" icon="settings" onClick={onSettings} />
      <IconButton className="control control-leave" label="Leave" icon="leave" onClick={onLeave} />
      </div>
    </footer>
  );
}
