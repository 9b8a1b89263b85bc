import { useLocalParticipant } from '@livekit/components-react';
import { useCallback, useState } from 'react';
import { readCall, rememberCall, writePreferences } from '../lib/remember';
import { lasting, tab } from '../lib/storage';
import type { Call } from './call';
import { SCREEN_CAPTURE, SCREEN_PUBLISH } from './options';

export interface Switches {
  microphone: boolean;
  camera: boolean;
  screen: boolean;
  toggleMicrophone: () => void;
  toggleCamera: () => void;
  /** Undefined where the browser cannot share a screen, as on phones. */
  toggleScreen: (() => void) | undefined;
}

const CAN_SHARE = 'getDisplayMedia' in (navigator.mediaDevices as MediaDevices | undefined ?? {});

/** One's own microphone, camera and screen, on and off. */
export function useSwitches({ room, meetingId }: Call, onScreenError: (error: unknown) => void): Switches {
  const { isMicrophoneEnabled, isCameraEnabled, isScreenShareEnabled, localParticipant: me } = useLocalParticipant({ room });
  const [busy, setBusy] = useState<'' | 'microphone' | 'camera' | 'screen'>('');

  const run = useCallback(
    async (what: typeof busy, change: () => Promise<unknown>) => {
      if (busy === what) return;
      setBusy(what);
      try {
        await change();
      } finally {
        setBusy('');
      }
    },
    [busy],
  );

  // Remembered when the person switches, and only then: leaving a page also
  // stops the tracks, and a reload must bring them back.
  const remember = useCallback(
    (change: { microphone: boolean } | { camera: boolean }) => {
      const call = readCall(tab, meetingId);
      if (call) rememberCall(tab, meetingId, { ...call, ...change });
      writePreferences(lasting, change);
    },
    [meetingId],
  );

  const toggleMicrophone = useCallback(() => {
    const microphone = !isMicrophoneEnabled;
    void run('microphone', () => me.setMicrophoneEnabled(microphone).then(() => remember({ microphone }), () => undefined));
  }, [run, remember, me, isMicrophoneEnabled]);

  const toggleCamera = useCallback(() => {
    const camera = !isCameraEnabled;
    void run('camera', () => me.setCameraEnabled(camera).then(() => remember({ camera }), () => undefined));
  }, [run, remember, me, isCameraEnabled]);

  const toggleScreen = useCallback(() => {
    void run('screen', () => me.setScreenShareEnabled(!isScreenShareEnabled, SCREEN_CAPTURE, SCREEN_PUBLISH).catch(onScreenError));
  }, [run, me, isScreenShareEnabled, onScreenError]);

  return {
    microphone: isMicrophoneEnabled,
    camera: isCameraEnabled,
    screen: isScreenShareEnabled,
    toggleMicrophone,
    toggleCamera,
    toggleScreen: CAN_SHARE ? toggleScreen : undefined,
  };
}
