import type { LocalAudioTrack, LocalVideoTrack } from 'livekit-client';
import { type SyntheticEvent, useState } from 'react';
import { Header } from '../app/Header';
import type { MeetingFacts } from '../lib/api';
import { explainDevices } from '../lib/devices';
import type { Explanation } from '../lib/problem';
import { NAME_MAX, type Preferences, readPreferences, writePreferences } from '../lib/remember';
import { lasting } from '../lib/storage';
import { useDevices } from '../lib/useDevices';
import { Button } from '../ui/Button';
import { Field } from '../ui/Field';
import { Trouble } from '../ui/Notice';
import { DevicePickers } from './DevicePickers';
import { LevelMeter } from './LevelMeter';
import { Preview } from './Preview';
import { useAskOnce } from './useAskOnce';
import { useCameraTrack, useMicrophoneTrack } from './useLocalTrack';

export interface Entry {
  name: string;
  passcode: string;
  camera: LocalVideoTrack | null;
  microphone: LocalAudioTrack | null;
}

/** The check before the door: how one looks and sounds, one's name, the passcode. */
export function Prejoin({ facts, isHost, known, problem, onJoin }: {
  facts: MeetingFacts;
  isHost: boolean;
  /** This person was in before, and need not show the passcode again. */
  known: boolean;
  problem: Explanation | null;
  /** Calls `onEntered` when the meeting has been entered and owns the tracks. */
  onJoin: (entry: Entry, onEntered: () => void) => Promise<void>;
}) {
  const [wish, setWish] = useState<Preferences>(() => readPreferences(lasting));
  const [passcode, setPasscode] = useState('');
  const [nameError, setNameError] = useState('');
  const [busy, setBusy] = useState(false);

  const ready = useAskOnce(wish.camera, wish.microphone);
  const [attempts, setAttempts] = useState({ camera: 0, microphone: 0 });
  const camera = useCameraTrack({ on: wish.camera, deviceId: wish.cameraId, ready, attempt: attempts.camera });
  const microphone = useMicrophoneTrack({ on: wish.microphone, deviceId: wish.microphoneId, ready, attempt: attempts.microphone });
  const devices = useDevices(camera.track ?? microphone.track);
  const asksPasscode = (facts.needsPasscode && !isHost && !known) || problem?.kind === 'passcode';

  function change(part: Partial<Preferences>) {
    setWish((old) => ({ ...old, ...part }));
    writePreferences(lasting, part);
  }

  /** A switch whose device failed reads as off, and tries again. */
  function toggle(what: 'camera' | 'microphone', failed: boolean) {
    if (failed) setAttempts((old) => ({ ...old, [what]: old[what] + 1 }));
    else change(what === 'camera' ? { camera: !wish.camera } : { microphone: !wish.microphone });
  }

  async function join(event: SyntheticEvent) {
    event.preventDefault();
    const name = wish.name.trim();
    if (name === '') {
      setNameError('Enter the name that others will see.');
      return;
    }
    writePreferences(lasting, { name });
    setBusy(true);
    await onJoin({ name, passcode: passcode.trim(), camera: camera.track, microphone: microphone.track }, () => {
      camera.release();
      microphone.release();
    });
    setBusy(false);
  }

  return (
    <>
      <Header />
      <main className="prejoin">
        <div className="prejoin-title">
          <h1>{facts.title || 'Video meeting'}</h1>
          <p>{isHost ? 'You are the host. ' : ''}Check how you look and sound, then join.</p>
        </div>
        <section className="prejoin-devices" aria-label="Camera and microphone">
          <Preview
            name={wish.name}
            camera={camera.track}
            cameraOn={wish.camera && camera.failure === null}
            cameraStarting={camera.starting}
            microphoneOn={wish.microphone && microphone.failure === null}
            onCamera={() => toggle('camera', camera.failure !== null)}
            onMicrophone={() => toggle('microphone', microphone.failure !== null)}
          />
          {microphone.track && <LevelMeter track={microphone.track.mediaStreamTrack} />}
          {explainDevices({ camera: camera.failure, microphone: microphone.failure }).map(({ title, remedy }) => (
            <Trouble key={title} title={title}>
              {remedy}
            </Trouble>
          ))}
        </section>
        <form className="card prejoin-form" onSubmit={(event) => void join(event)} noValidate>
          <Field
            label="Your name"
            value={wish.name}
            maxLength={NAME_MAX}
            autoComplete="name"
            error={nameError}
            onChange={(event) => {
              setNameError('');
              setWish((old) => ({ ...old, name: event.target.value }));
            }}
          />
          {asksPasscode && (
            <Field
              label="Passcode"
              value={passcode}
              maxLength={128}
              autoComplete="off"
              autoCapitalize="none"
              spellCheck={false}
              error={problem?.kind === 'passcode' ? `${problem.title}. ${problem.remedy}` : undefined}
              onChange={(event) => setPasscode(event.target.value)}
            />
          )}
          {problem && problem.kind !== 'passcode' && <Trouble title={problem.title}>{problem.remedy}</Trouble>}
          <Button type="submit" look="primary" disabled={busy}>
            {busy ? 'Joining…' : 'Join meeting'}
          </Button>
        </form>
        <section className="prejoin-pickers" aria-label="Devices">
          <DevicePickers
            devices={devices}
            chosen={{ camera: wish.cameraId, microphone: wish.microphoneId, speaker: wish.speakerId }}
            onChoose={(kind, id) => change(kind === 'camera' ? { cameraId: id } : kind === 'microphone' ? { microphoneId: id } : { speakerId: id })}
          />
        </section>
      </main>
    </>
  );
}
