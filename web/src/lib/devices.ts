/** Why a camera or microphone could not be used, and what helps. */

export type DeviceKind = 'camera' | 'microphone' | 'camera and microphone';

export interface DeviceTrouble {
  title: string;
  remedy: string;
}

/** Maps the name of a `getUserMedia` failure (W3C Media Capture §10.2.1) to words. */
export function explainDevice(errorName: string, word: DeviceKind): DeviceTrouble {
  switch (errorName) {
    case 'NotAllowedError':
    case 'SecurityError':
      return {
        title: `The browser may not use your ${word}`,
        remedy: `Allow the ${word} for this site: choose the icon beside the address. Until then you can join without.`,
      };
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return {
        title: `No ${word} found`,
        remedy: 'Connect one, then turn it on again. You can also join without.',
      };
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return {
        title: `The ${word} is in use or not working`,
        remedy: 'Close other programs that use it, then turn it on again.',
      };
    case 'InsecureContext':
      return {
        title: `No ${word} without a secure connection`,
        remedy: 'Browsers give out camera and microphone only over https. Open the link with https://.',
      };
    default:
      return {
        title: `The ${word} could not be started`,
        remedy: 'Turn it on again, or choose another one. You can join without.',
      };
  }
}

/** One text for both devices where the cause is the same, else one for each. */
export function explainDevices(failures: { camera: string | null; microphone: string | null }): DeviceTrouble[] {
  const { camera, microphone } = failures;
  if (camera !== null && camera === microphone) return [explainDevice(camera, 'camera and microphone')];
  return [
    ...(camera === null ? [] : [explainDevice(camera, 'camera')]),
    ...(microphone === null ? [] : [explainDevice(microphone, 'microphone')]),
  ];
}

/** A picker's label; before permission is given browsers hide the names. */
export function deviceLabel(device: { label: string }, index: number, kind: string): string {
  return device.label === '' ? `${kind} ${index + 1}` : device.label;
}

/** Why the screen is not shared; null when the person only changed their mind. */
export function explainScreen(error: unknown): string | null {
  const name = error instanceof Error ? error.name : '';
  switch (name) {
    case 'NotAllowedError':
    case 'AbortError':
      return null;
    case 'NotFoundError':
      return 'There is no screen that could be shared.';
    case 'NotReadableError':
      return 'The system does not let the browser see the screen. Allow it in the system’s privacy settings, then share again.';
    default:
      return 'The screen could not be shared. Try again, or choose another window.';
  }
}
