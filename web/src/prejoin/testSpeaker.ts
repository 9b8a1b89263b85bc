/** Plays two short tones on the chosen speaker. Rejects when the browser won't play. */
export async function testSpeaker(deviceId: string): Promise<void> {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const audio = new Audio();
  audio.srcObject = out.stream;
  try {
    if (deviceId !== '') await audio.setSinkId(deviceId);
    await audio.play();
    tone(context, out, 523, 0);
    tone(context, out, 659, 0.25);
    await new Promise((done) => setTimeout(done, 900));
  } finally {
    audio.srcObject = null;
    await context.close();
  }
}

function tone(context: AudioContext, out: AudioNode, hertz: number, after: number): void {
  const start = context.currentTime + after;
  const gain = context.createGain();
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(0.2, start + 0.03);
  gain.gain.exponentialRampToValueAtTime(0.001, start + 0.45);
  const oscillator = context.createOscillator();
  oscillator.frequency.value = hertz;
  oscillator.connect(gain).connect(out);
  oscillator.start(start);
  oscillator.stop(start + 0.5);
}
