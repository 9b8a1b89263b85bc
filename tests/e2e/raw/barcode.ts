/**
 * Time in the picture: the sender paints the clock as black and white cells,
 * the receiver reads it back, and the difference is the latency from glass to
 * glass. Both pages are on one machine, so their clocks are one clock.
 */

const COLUMNS = 10;
const ROWS = 4;
const WIDTH = 640;
const HEIGHT = 360;
/** Pixels per cell when reading. */
const CELL = 8;

export interface Sample {
  /** From painting to the callback that hands the picture over, in milliseconds. */
  shown: number;
  /** From painting to the arrival of the frame's last packet, in milliseconds: without decoding and display. */
  received: number;
}

/** Milliseconds since the epoch, as fine as the browser allows. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** Tenths of milliseconds, in 32 bits: enough for five days. */
function stamp(): number {
  return Math.round(now() * 10) % 2 ** 32;
}

function bits(value: number): boolean[] {
  const cells: boolean[] = [];
  for (let bit = 31; bit >= 0; bit -= 1) cells.push(Math.floor(value / 2 ** bit) % 2 === 1);
  const sum = checksum(value);
  for (let bit = 7; bit >= 0; bit -= 1) cells.push(((sum >> bit) & 1) === 1);
  return cells;
}

function checksum(value: number): number {
  let sum = 0x5a;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) sum = (sum * 7 + (rest % 256)) & 0xff;
  return sum;
}

/** A track whose every picture says when it was painted. */
export function camera(fps: number): MediaStreamTrack {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const context = canvas.getContext('2d');
  const track = canvas.captureStream(0).getVideoTracks()[0] as CanvasCaptureMediaStreamTrack | undefined;
  if (context === null || track === undefined) throw new Error('no canvas');
  const paint = (): void => {
    context.fillStyle = '#808080';
    context.fillRect(0, 0, WIDTH, HEIGHT);
    const [width, height] = [WIDTH / COLUMNS, HEIGHT / 2 / ROWS];
    bits(stamp()).forEach((bit, index) => {
      context.fillStyle = bit ? '#fff' : '#000';
      context.fillRect((index % COLUMNS) * width, Math.floor(index / COLUMNS) * height, width, height);
    });
    track.requestFrame();
  };
  // A worker's timer is not slowed down in a page that nobody looks at.
  const clock = `setInterval(() => postMessage(0), ${1_000 / fps})`;
  new Worker(URL.createObjectURL(new Blob([clock], { type: 'text/javascript' }))).onmessage = paint;
  paint();
  return track;
}

/** Reads the clock in every picture of a video; those that can't be read are left out. */
export function read(video: HTMLVideoElement, samples: Sample[]): void {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [COLUMNS * CELL, ROWS * CELL];
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) throw new Error('no canvas');
  const next: VideoFrameRequestCallback = (_, frame) => {
    video.requestVideoFrameCallback(next);
    context.drawImage(video, 0, 0, video.videoWidth, video.videoHeight / 2, 0, 0, canvas.width, canvas.height);
    const painted = decode(context.getImageData(0, 0, canvas.width, canvas.height));
    if (painted === null) return;
    const received = performance.timeOrigin + (frame.receiveTime ?? NaN);
    samples.push({ shown: since(painted, now()), received: since(painted, received) });
  };
  video.requestVideoFrameCallback(next);
}

function decode(image: ImageData): number | null {
  const cells: boolean[] = [];
  for (let index = 0; index < COLUMNS * ROWS; index += 1) {
    const x = (index % COLUMNS) * CELL + CELL / 2;
    const y = Math.floor(index / COLUMNS) * CELL + CELL / 2;
    cells.push((image.data[(y * image.width + x) * 4] ?? 0) > 128);
  }
  const value = cells.slice(0, 32).reduce((sum, bit) => sum * 2 + Number(bit), 0);
  const sum = cells.slice(32).reduce((total, bit) => total * 2 + Number(bit), 0);
  return sum === checksum(value) ? value : null;
}

function since(painted: number, time: number): number {
  const difference = (Math.round(time * 10) - painted) % 2 ** 32;
  return (difference > 2 ** 31 ? difference - 2 ** 32 : difference) / 10;
}
