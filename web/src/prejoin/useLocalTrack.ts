import { createLocalAudioTrack, createLocalVideoTrack, type LocalAudioTrack, type LocalVideoTrack } from 'livekit-client';
import { useEffect, useRef, useState } from 'react';
import { type DeviceKind, type DeviceTrouble, explainDevice } from '../lib/devices';
import { CAMERA_CAPTURE, MICROPHONE_CAPTURE } from '../meeting/options';

export interface LocalTrackState<T> {
  track: T | null;
  trouble: DeviceTrouble | null;
  starting: boolean;
}

interface Want {
  /** Whether the person wants it on. */
  on: boolean;
  deviceId: string;
  /** False while permission for both devices is being asked for at once. */
  ready: boolean;
}

/**
 * Keeps one device open while it is wanted. `release` leaves the track running
 * when the page goes on to the meeting, which publishes the very same track.
 */
function useLocalTrack<T extends LocalAudioTrack | LocalVideoTrack>(
  kind: DeviceKind,
  want: Want,
  create: (deviceId: string) => Promise<T>,
): LocalTrackState<T> & { release: () => void } {
  const [state, setState] = useState<LocalTrackState<T>>({ track: null, trouble: null, starting: false });
  const kept = useRef(false);
  const { on, deviceId, ready } = want;

  useEffect(() => {
    if (!on || !ready) {
      setState({ track: null, trouble: null, starting: on });
      return;
    }
    let gone = false;
    let opened: T | null = null;
    const close = () => {
      if (!kept.current) opened?.stop();
    };
    setState((old) => ({ ...old, trouble: null, starting: true }));
    create(deviceId).then(
      (track) => {
        opened = track;
        if (gone) close();
        else setState({ track, trouble: null, starting: false });
      },
      (error: unknown) => {
        if (!gone) setState({ track: null, trouble: explainDevice(nameOf(error), kind), starting: false });
      },
    );
    return () => {
      gone = true;
      close();
    };
  }, [kind, on, deviceId, ready, create]);

  return { ...state, release: () => void (kept.current = true) };
}

/** The name of the failure; a page without a secure connection has no devices at all. */
export function nameOf(error: unknown): string {
  if (!window.isSecureContext) return 'InsecureContext';
  return error instanceof Error ? error.name : '';
}

const createCamera = (deviceId: string) =>
  createLocalVideoTrack({ ...CAMERA_CAPTURE, ...(deviceId === '' ? {} : { deviceId }) });
const createMicrophone = (deviceId: string) =>
  createLocalAudioTrack({ ...MICROPHONE_CAPTURE, ...(deviceId === '' ? {} : { deviceId }) });

export function useCameraTrack(want: Want) {
  return useLocalTrack<LocalVideoTrack>('camera', want, createCamera);
}

export function useMicrophoneTrack(want: Want) {
  return useLocalTrack<LocalAudioTrack>('microphone', want, createMicrophone);
}
