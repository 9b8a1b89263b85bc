import { Avatar } from '../ui/Avatar';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';
import { SidePanel } from '../ui/SidePanel';
import { useCopy } from '../ui/useCopy';

export interface Person {
  identity: string;
  name: string;
  local: boolean;
  host: boolean;
  microphone: boolean;
  camera: boolean;
  screen: boolean;
}

export function PeoplePanel({ people, link, onClose }: { people: readonly Person[]; link: string; onClose: () => void }) {
  const { copied, copy } = useCopy();
  return (
    <SidePanel title="People" onClose={onClose}>
      <div className="panel-action">
        <Button icon={copied ? 'check' : 'link'} onClick={() => copy(link)}>
          {copied ? 'Link copied' : 'Copy the meeting link'}
        </Button>
      </div>
      <ul className="people" aria-label={`${people.length} in the meeting`} tabIndex={0}>
        {people.map((person) => (
          <Row key={person.identity} person={person} />
        ))}
      </ul>
    </SidePanel>
  );
}

function Row({ person }: { person: Person }) {
  return (
    <li className="person" data-participant={person.identity}>
      <Avatar name={person.name} identity={person.identity} small />
      <span className="person-name">
        <span className="person-text">{person.local ? `${person.name} (you)` : person.name}</span>
        {person.host && (
          <span className="person-host">
            <Icon name="host" size={14} /> Host
          </span>
        )}
      </span>
      {person.screen && (
        <span role="img" aria-label="shares the screen" title="Shares the screen">
          <Icon name="screen" size={18} />
        </span>
      )}
      <State on={person.microphone} yes="microphone on" no="microphone off" icon="mic" iconOff="micOff" />
      <State on={person.camera} yes="camera on" no="camera off" icon="camera" iconOff="cameraOff" />
    </li>
  );
}

function State({ on, yes, no, icon, iconOff }: {
  on: boolean;
  yes: string;
  no: string;
  icon: 'mic' | 'camera';
  iconOff: 'micOff' | 'cameraOff';
}) {
  return (
    <span className={on ? 'state' : 'state state-off'} role="img" aria-label={on ? yes : no} title={on ? yes : no}>
      <Icon name={on ? icon : iconOff} size={18} />
    </span>
  );
}
