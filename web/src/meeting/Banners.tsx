import { useConnectionState } from '@livekit/components-react';
import { ConnectionState, type Room, RoomEvent } from 'livekit-client';
import { useEffect, useState } from 'react';
import { Button } from '../ui/Button';
import { Icon } from '../ui/Icon';

/** What stands above the stage: a connection under repair, a browser that holds the sound back, one's own shared screen. */
export function Banners({ room, sharing, onStopSharing }: { room: Room; sharing: boolean; onStopSharing: () => void }) {
  const state = useConnectionState(room);
  const silent = useSilent(room);
  const broken = state === ConnectionState.Reconnecting || state === ConnectionState.SignalReconnecting;

  return (
    <div className="banners">
      {broken && (
        <div className="banner banner-warn" role="alert">
          <span className="spinner" aria-hidden="true" />
          <p>The connection was interrupted. Reconnecting…</p>
        </div>
      )}
      {silent && !broken && (
        <div className="banner" role="alert">
          <p>Your browser holds back the sound until you allow it.</p>
          <Button look="primary" icon="speaker" onClick={() => void room.startAudio()}>
            Turn on sound
          </Button>
        </div>
      )}
      {sharing && (
        <div className="banner" role="status">
          <Icon name="screen" size={20} />
          <p>Everyone sees your screen.</p>
          <Button look="danger" onClick={onStopSharing}>
            Stop sharing
          </Button>
        </div>
      )}
    </div>
  );
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
