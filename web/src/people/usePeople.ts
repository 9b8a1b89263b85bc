import { useParticipants } from '@livekit/components-react';
import type { Participant } from 'livekit-client';
import { useMemo } from 'react';
import type { Call } from '../meeting/call';
import { displayName } from '../meeting/useTiles';
import type { Person } from './PeoplePanel';

/** The attribute in which the server tells everybody who hosts. */
const ROLE = 'plenary.role';

/** Everybody in the meeting: oneself first, then hosts, then by name. */
export function usePeople({ room, role }: Call): Person[] {
  const participants = useParticipants({ room });
  return useMemo(() => {
    const people = participants.map((participant) => personOf(participant, role === 'host'));
    return people.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
  }, [participants, role]);
}

function rank(person: Person): number {
  if (person.local) return 0;
  return person.host ? 1 : 2;
}

function personOf(participant: Participant, iAmHost: boolean): Person {
  return {
    identity: participant.identity,
    name: displayName(participant),
    local: participant.isLocal,
    host: participant.isLocal ? iAmHost : participant.attributes[ROLE] === 'host',
    microphone: participant.isMicrophoneEnabled,
    camera: participant.isCameraEnabled,
    screen: participant.isScreenShareEnabled,
  };
}
