import type { LocalAudioTrack, Room } from 'livekit-client';
import { Track } from 'livekit-client';
import { useState } from 'react';
import { readPreferences, writePreferences } from '../lib/remember';
import { lasting } from '../lib/storage';
import { useDevices } from '../lib/useDevices';
import { type DeviceIds, DevicePickers } from '../prejoin/DevicePickers';
import { LevelMeter } from '../prejoin/LevelMeter';
import { Dialog } from '../ui/Dialog';
import { Trouble } from '../ui/Notice';

const KINDS = {
  camera: { kind: 'videoinput', preference: 'cameraId' },
  microphone: { kind: 'audioinput', preference: 'microphoneId' },
  speaker: { kind: 'audiooutput', preference: 'speakerId' },
} as const;

/** Changes devices while the meeting goes on. */
export function SettingsDialog({ room, onClose }: { room: Room; onClose: () => void }) {
  const devices = useDevices(room);
  const [failed, setFailed] = useState(false);
  const [chosen, setChosen] = useState<DeviceIds>(() => activeDevices(room));
  const track = room.localParticipant.getTrackPublication(Track.Source.Microphone)?.track as LocalAudioTrack | undefined;

  async function choose(what: keyof DeviceIds, id: string) {
    const { kind, preference } = KINDS[what];
    setFailed(false);
    try {
      await room.switchActiveDevice(kind, id);
      writePreferences(lasting, { [preference]: id });
      setChosen((old) => ({ ...old, [what]: id }));
    } catch {
      setFailed(true);
    }
  }

  return (
    <Dialog title="Devices" onClose={onClose}>
      <DevicePickers devices={devices} chosen={chosen} onChoose={(what, id) => void choose(what, id)} />
      {failed && (
        <Trouble title="This device could not be used">Close other programs that use it, or choose another one. The one before stays in use.</Trouble>
      )}
      {track && !track.isMuted && <LevelMeter track={track.mediaStreamTrack} />}
    </Dialog>
  );
}

function activeDevices(room: Room): DeviceIds {
  const remembered = readPreferences(lasting);
  return {
    camera: room.getActiveDevice('videoinput') ?? remembered.cameraId,
    microphone: room.getActiveDevice('audioinput') ?? remembered.microphoneId,
    speaker: room.getActiveDevice('audiooutput') ?? remembered.speakerId,
  };
}
