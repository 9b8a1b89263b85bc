/** The whole of the page that tests livekit-client: the library itself, and the barcode. */

import * as livekit from 'livekit-client';
import * as barcode from './barcode';

declare global {
  interface Window {
    livekit: typeof livekit;
    barcode: typeof barcode;
    room: livekit.Room;
    /** What the room told, in order. */
    told: string[];
    direct: RTCPeerConnection;
    samples: barcode.Sample[];
  }
}

window.livekit = livekit;
window.barcode = barcode;
window.told = [];
