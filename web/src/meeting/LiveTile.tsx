import { type TrackReferenceOrPlaceholder, useConnectionQualityIndicator, useIsMuted, useIsSpeaking } from '@livekit/components-react';
import { ConnectionQuality, facingModeFromLocalTrack, LocalVideoTrack, Track } from 'livekit-client';
import { useMemo } from 'react';
import type { Quality } from './QualityMark';
import { Tile, type TileState } from './Tile';
import type { TileItem } from './tiles';

const QUALITY: Readonly<Record<ConnectionQuality, Quality>> = {
  [ConnectionQuality.Excellent]: 'excellent',
  [ConnectionQuality.Good]: 'good',
  [ConnectionQuality.Poor]: 'poor',
  [ConnectionQuality.Lost]: 'lost',
  [ConnectionQuality.Unknown]: 'unknown',
};

/** A tile fed by the room. */
export function LiveTile({ item, track, focused, onPin }: {
  item: TileItem;
  track: TrackReferenceOrPlaceholder;
  focused: boolean;
  onPin: () => void;
}) {
  const { participant } = track;
  const speaking = useIsSpeaking(participant);
  const muted = useIsMuted({ participant, source: Track.Source.Microphone });
  const videoMuted = useIsMuted(track);
  const { quality } = useConnectionQualityIndicator({ participant });
  const video = track.publication?.videoTrack;

  const state = useMemo<TileState>(
    () => ({
      video: videoMuted ? null : (video ?? null),
      speaking,
      microphoneOn: !muted,
      quality: QUALITY[quality],
      // One knows oneself from mirrors; what others see is not mirrored.
      mirrored:
        item.local &&
        item.source === 'camera' &&
        !(video instanceof LocalVideoTrack && facingModeFromLocalTrack(video).facingMode === 'environment'),
    }),
    [video, videoMuted, speaking, muted, quality, item.local, item.source],
  );
  return <Tile item={item} state={state} focused={focused} onPin={onPin} />;
}
