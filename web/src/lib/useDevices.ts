import { useEffect, useState } from 'react';

export interface Devices {
  cameras: MediaDeviceInfo[];
  microphones: MediaDeviceInfo[];
  /** Empty where the browser leaves the choice to the system. */
  speakers: MediaDeviceInfo[];
}

const NONE: Devices = { cameras: [], microphones: [], speakers: [] };

export const CAN_CHOOSE_SPEAKER = 'setSinkId' in HTMLMediaElement.prototype;

/**
 * The devices there are. Their names become known with the permission, so the
 * list is read again whenever `changed` does.
 */
export function useDevices(changed: unknown): Devices {
  const [devices, setDevices] = useState<Devices>(NONE);

  useEffect(() => {
    // Absent on pages without a secure connection.
    const media = navigator.mediaDevices as MediaDevices | undefined;
    if (!media) return;
    let gone = false;
    const read = () => {
      media.enumerateDevices().then(
        (all) => {
          if (!gone) setDevices(sort(all));
        },
        () => undefined,
      );
    };
    read();
    media.addEventListener('devicechange', read);
    return () => {
      gone = true;
      media.removeEventListener('devicechange', read);
    };
  }, [changed]);

  return devices;
}

function sort(all: MediaDeviceInfo[]): Devices {
  const of = (kind: MediaDeviceKind) => all.filter((device) => device.kind === kind && device.deviceId !== '');
  return {
    cameras: of('videoinput'),
    microphones: of('audioinput'),
    speakers: CAN_CHOOSE_SPEAKER ? of('audiooutput') : [],
  };
}
