/** Why a camera or microphone could not be used, and what helps. */

export type DeviceKind = 'camera' | 'microphone';

export interface DeviceTrouble {
  title: string;
  remedy: string;
}

const WORD: Readonly<Record<DeviceKind, string>> = { camera: 'camera', microphone: 'microphone' };

/** Maps the name of a `getUserMedia` failure (W3C Media Capture §10.2.1) to words. */
export function explainDevice(errorName: string, kind: DeviceKind): DeviceTrouble {
  const word = WORD[kind];
  switch (errorName) {
    case 'NotAllowedError':
    case 'SecurityError':
      return {
        title: `The browser may not use your ${word}`,
        remedy: `Allow the ${word} for this site: choose the icon beside the address, then reload the page.`,
      };
    case 'NotFoundError':
    case 'DevicesNotFoundError':
    case 'OverconstrainedError':
      return {
        title: `No ${word} found`,
        remedy: `Connect one and choose it here. You can join without.`,
      };
    case 'NotReadableError':
    case 'TrackStartError':
    case 'AbortError':
      return {
        title: `The ${word} is in use or not working`,
        remedy: `Close other programs that use it, then turn it on again.`,
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
