import { createLocalAudioTrack, createLocalVideoTrack, type LocalAudioTrack, type LocalVideoTrack } from 'livekit-client';
import { useEffect, useRef, useState } from 'react';
import { CAMERA_CAPTURE, MICROPHONE_CAPTURE } from '../meeting/options';

export interface LocalTrackState<T> {
  track: T | null;
  /** The name of the failure, see `explainDevice`. */
  failure: string | null;
  starting: boolean;
}

interface Want {
  /** Whether the person wants it on. */
  on: boolean;
  deviceId: string;
  /** False while permission for both devices is being asked for at once. */
  ready: boolean;
  /** Counts up to try again after a failure. */
  attempt: number;
}

/**
 * Keeps one device open while it is wanted. `release` leaves the track running
 * when the page goes on to the meeting, which publishes the very same track.
 */
function useLocalTrack<T extends LocalAudioTrack | LocalVideoTrack>(
  want: Want,
  create: (deviceId: string) => Promise<T>,
): LocalTrackState<T> & { release: () => void } {
  const [state, setState] = useState<LocalTrackState<T>>({ track: null, failure: null, starting: false });
  const kept = useRef(false);
  const { on, deviceId, ready, attempt } = want;

  useEffect(() => {
    if (!on || !ready) {
      setState({ track: null, failure: null, starting: on });
      return;
    }
    let gone = false;
    let opened: T | null = null;
    const close = () => {
      if (!kept.current) opened?.stop();
    };
    setState((old) => ({ ...old, failure: null, starting: true }));
    create(deviceId).then(
      (track) => {
        opened = track;
        if (gone) close();
        else setState({ track, failure: null, starting: false });
      },
      (error: unknown) => {
        if (!gone) setState({ track: null, failure: nameOf(error), starting: false });
      },
    );
    return () => {
      gone = true;
      close();
    };
  }, [on, deviceId, ready, attempt, create]);

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
  return useLocalTrack<LocalVideoTrack>(want, createCamera);
}

export function useMicrophoneTrack(want: Want) {
  return useLocalTrack<LocalAudioTrack>(want, createMicrophone);
}
