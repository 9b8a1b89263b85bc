import { type DisconnectReason, RoomEvent } from 'livekit-client';
import { useEffect } from 'react';
import type { EndReason } from '../lib/ended';
import type { Call } from './call';
import { endReason } from './endReason';

/** Tells when the call is over, and leaves it when its page goes away. */
export function useCallEnd(call: Call | null, onEnd: (reason: EndReason) => void): void {
  useEffect(() => {
    if (call === null) return;
    const { room } = call;
    let unloading = false;
    const unload = () => {
      unloading = true;
    };
    // A page taken out of the back-forward cache has lost its call: load it anew.
    const onShow = (event: PageTransitionEvent) => {
      if (event.persisted) window.location.reload();
    };
    // A reload also disconnects; the call must still be known after it.
    const ended = (reason?: DisconnectReason) => {
      if (!unloading) onEnd(endReason(reason));
    };
    // Captured: the library listens too, and must not be the first to know.
    window.addEventListener('pagehide', unload, { capture: true });
    window.addEventListener('beforeunload', unload, { capture: true });
    window.addEventListener('pageshow', onShow);
    room.on(RoomEvent.Disconnected, ended);
    return () => {
      window.removeEventListener('pagehide', unload, { capture: true });
      window.removeEventListener('beforeunload', unload, { capture: true });
      window.removeEventListener('pageshow', onShow);
      room.off(RoomEvent.Disconnected, ended);
    };
  }, [call, onEnd]);

  useEffect(() => {
    if (call === null) return;
    return () => void call.room.disconnect();
  }, [call]);
}
