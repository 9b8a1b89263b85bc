import { IconButton } from '../ui/Button';
import type { Switches } from './useSwitches';

export type Panel = 'chat' | 'people' | null;

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
    <section className="controls" aria-label="Meeting controls">
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
    </section>
  );
}
