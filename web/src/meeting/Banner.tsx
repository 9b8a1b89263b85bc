import { useConnectionState } from '@livekit/components-react';
import { ConnectionState, type Room, RoomEvent } from 'livekit-client';
import { useEffect, useState } from 'react';
import { Button } from '../ui/Button';

/** What stands above the stage when the connection is being repaired or the browser holds the sound back. */
export function Banner({ room }: { room: Room }) {
  const state = useConnectionState(room);
  const silent = useSilent(room);

  if (state === ConnectionState.Reconnecting || state === ConnectionState.SignalReconnecting) {
    return (
      <div className="banner banner-warn" role="alert">
        <span className="spinner" aria-hidden="true" />
        <p>The connection was interrupted. Reconnecting…</p>
      </div>
    );
  }
  if (silent) {
    return (
      <div className="banner" role="alert">
        <p>Your browser holds back the sound until you allow it.</p>
        <Button look="primary" icon="speaker" onClick={() => void room.startAudio()}>
          Turn on sound
        </Button>
      </div>
    );
  }
  return null;
}

function useSilent(room: Room): boolean {
  const [silent, setSilent] = useState(!room.canPlaybackAudio);
  useEffect(() => {
    const update = () => setSilent(!room.canPlaybackAudio);
    update();
    room.on(RoomEvent.AudioPlaybackStatusChanged, update);
    return () => void room.off(RoomEvent.AudioPlaybackStatusChanged, update);
  }, [room]);
  return silent;
}
