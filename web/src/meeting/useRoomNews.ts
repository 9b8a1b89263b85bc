import { MediaDeviceFailure, type Participant, type Room, RoomEvent } from 'livekit-client';
import { useEffect } from 'react';
import { explainDevice } from '../lib/devices';
import { sayChanges } from '../lib/people';
import { displayName } from './useTiles';

/** Joins and leaves within this time are told in one sentence, in milliseconds. */
const GATHER_MS = 800;

/** Tells who comes and goes, and what goes wrong with one's own devices. */
export function useRoomNews(room: Room, tell: (text: string, bad?: boolean) => void): void {
  useEffect(() => {
    let joined: string[] = [];
    let left: string[] = [];
    let timer: ReturnType<typeof setTimeout> | undefined;

    const flush = () => {
      timer = undefined;
      const text = sayChanges(joined, left);
      joined = [];
      left = [];
      if (text !== null) tell(text);
    };
    const later = () => {
      timer ??= setTimeout(flush, GATHER_MS);
    };
    const onJoin = (participant: Participant) => {
      joined.push(displayName(participant));
      later();
    };
    const onLeave = (participant: Participant) => {
      left.push(displayName(participant));
      later();
    };
    const onDevice = (error: Error, kind?: MediaDeviceKind) => {
      const device = kind === 'audioinput' ? 'microphone' : 'camera';
      if (kind === undefined && MediaDeviceFailure.getFailure(error) === undefined) {
        tell('Your picture or sound could not be sent. Turn it off and on again.', true);
        return;
      }
      const { title, remedy } = explainDevice(error.name, device);
      tell(`${title}. ${remedy}`, true);
    };

    room.on(RoomEvent.ParticipantConnected, onJoin);
    room.on(RoomEvent.ParticipantDisconnected, onLeave);
    room.on(RoomEvent.MediaDevicesError, onDevice);
    return () => {
      clearTimeout(timer);
      room.off(RoomEvent.ParticipantConnected, onJoin);
      room.off(RoomEvent.ParticipantDisconnected, onLeave);
      room.off(RoomEvent.MediaDevicesError, onDevice);
    };
  }, [room, tell]);
}
