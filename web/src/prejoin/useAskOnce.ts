import { useEffect, useState } from 'react';

/**
 * Asks for camera and microphone in one question instead of two, where the
 * browser would ask at all. True when the devices may be opened one by one.
 */
export function useAskOnce(camera: boolean, microphone: boolean): boolean {
  const [both] = useState(camera && microphone);
  const [ready, setReady] = useState(!both);

  useEffect(() => {
    if (!both) return;
    let gone = false;
    void askOnce().then(() => {
      if (!gone) setReady(true);
    });
    return () => {
      gone = true;
    };
  }, [both]);

  return ready;
}

let asked: Promise<void> | null = null;

function askOnce(): Promise<void> {
  asked ??= ask();
  return asked;
}

async function ask(): Promise<void> {
  try {
    const states = await Promise.all(
      ['camera', 'microphone'].map((name) => navigator.permissions.query({ name: name as PermissionName })),
    );
    if (states.every((status) => status.state !== 'prompt')) return;
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
    for (const track of stream.getTracks()) track.stop();
  } catch {
    // Opening them one by one will tell what is wrong with which.
  }
}
