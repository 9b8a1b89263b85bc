import { useEffect, useRef, useState } from 'react';

/** Loudness below which we count a frame as silence (RMS, full scale 1). */
const SILENCE_RMS = 0.008;
/** RMS of loud speech near a microphone; the meter is full there. */
const LOUD_RMS = 0.25;
/** After so long without a sound we say so, in milliseconds. */
const QUIET_AFTER_MS = 6000;

/** Shows that the microphone hears, and says so when it does not. */
export function LevelMeter({ track }: { track: MediaStreamTrack }) {
  const bar = useRef<HTMLDivElement>(null);
  const [quiet, setQuiet] = useState(false);

  useEffect(() => watchLevel(track, (level) => bar.current?.style.setProperty('--level', level.toFixed(2)), setQuiet), [track]);

  return (
    <div className="level">
      <div className="level-bar" ref={bar} role="img" aria-label="Microphone level" />
      <p className="level-text" role="status">
        {quiet ? 'We hear nothing. Is this the right microphone?' : 'Speak: the bar moves when we hear you.'}
      </p>
    </div>
  );
}

/** Calls `onLevel` with 0 to 1 for every frame that is painted. Returns how to stop. */
function watchLevel(track: MediaStreamTrack, onLevel: (level: number) => void, onQuiet: (quiet: boolean) => void): () => void {
  const context = new AudioContext();
  const source = context.createMediaStreamSource(new MediaStream([track]));
  const analyser = context.createAnalyser();
  analyser.fftSize = 512;
  source.connect(analyser);
  // Without a click so far the browser may hold the sound back; the first click lets it go.
  const wake = () => void context.resume();
  window.addEventListener('pointerdown', wake, { once: true });

  const samples = new Float32Array(analyser.fftSize);
  let shown = 0;
  let heardAt = performance.now();
  let frame = requestAnimationFrame(function measure(now) {
    analyser.getFloatTimeDomainData(samples);
    const rms = Math.sqrt(samples.reduce((sum, value) => sum + value * value, 0) / samples.length);
    if (rms > SILENCE_RMS || context.state !== 'running') heardAt = now;
    onQuiet(now - heardAt > QUIET_AFTER_MS);
    // Up at once, down slowly: the eye follows that best.
    shown = Math.max(Math.min(1, rms / LOUD_RMS), shown * 0.9);
    onLevel(shown);
    frame = requestAnimationFrame(measure);
  });

  return () => {
    cancelAnimationFrame(frame);
    window.removeEventListener('pointerdown', wake);
    void context.close();
  };
}
