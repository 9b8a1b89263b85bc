import { type TrackReferenceOrPlaceholder, useTracks } from '@livekit/components-react';
import { type Participant, type Room, RoomEvent, Track } from 'livekit-client';
import { useEffect, useMemo, useRef, useState } from 'react';
import { keepOrder, promoteSpeakers } from '../lib/grid';
import { type TileItem, tileKey } from './tiles';

export interface Tiles {
  items: TileItem[];
  /** The track behind each tile, by its key. */
  tracks: ReadonlyMap<string, TrackReferenceOrPlaceholder>;
}

const SOURCES = [
  { source: Track.Source.Camera, withPlaceholder: true },
  { source: Track.Source.ScreenShare, withPlaceholder: false },
];

export function displayName(participant: Participant): string {
  return participant.name || participant.identity || 'Guest';
}

/**
 * Everybody's tiles in an order that stays: oneself first, then as they came.
 * Only a speaker who is not on the first page moves.
 */
export function useTiles(room: Room, firstPage: number): Tiles {
  const refs = useTracks(SOURCES, { room, onlySubscribed: false });
  const moved = useSpeakerOrder(room, firstPage);

  return useMemo(() => {
    const tracks = new Map<string, TrackReferenceOrPlaceholder>();
    const byKey = new Map<string, TileItem>();
    for (const ref of refs) {
      const item = itemOf(ref);
      // One's own screen on that screen would be a hall of mirrors; a banner tells of it.
      if (item.local && item.source === 'screen_share') continue;
      tracks.set(item.key, ref);
      byKey.set(item.key, item);
    }
    const keys = keepOrder(moved.map((identity) => tileKey(identity, 'camera')), [...byKey.keys()]);
    const items = keys.flatMap((key) => byKey.get(key) ?? []);
    items.sort((a, b) => rank(a) - rank(b));
    return { items, tracks };
  }, [refs, moved]);
}

/** Oneself first, screens last; the sort is stable for the rest. */
function rank(item: TileItem): number {
  if (item.source === 'screen_share') return 2;
  return item.local ? 0 : 1;
}

function itemOf(ref: TrackReferenceOrPlaceholder): TileItem {
  const source = ref.source === Track.Source.ScreenShare ? 'screen_share' : 'camera';
  const { identity, isLocal } = ref.participant;
  return { key: tileKey(identity, source), identity, source, name: displayName(ref.participant), local: isLocal };
}

/** Identities in the order of their tiles, with speakers brought to the first page. */
function useSpeakerOrder(room: Room, firstPage: number): string[] {
  const [order, setOrder] = useState<string[]>([]);
  const spokeAt = useRef(new Map<string, number>());

  useEffect(() => {
    const present = () => [
      room.localParticipant.identity,
      ...[...room.remoteParticipants.values()]
        .sort((a, b) => (a.joinedAt?.getTime() ?? 0) - (b.joinedAt?.getTime() ?? 0))
        .map((participant) => participant.identity),
    ];
    const update = () => {
      const speaking = room.activeSpeakers.map((participant) => participant.identity);
      for (const identity of speaking) spokeAt.current.set(identity, performance.now());
      setOrder((old) => {
        const next = promoteSpeakers(keepOrder(old, present()), spokeAt.current, speaking, firstPage, 1);
        return next.length === old.length && next.every((id, index) => id === old[index]) ? old : next;
      });
    };
    update();
    const events = [RoomEvent.ActiveSpeakersChanged, RoomEvent.ParticipantConnected, RoomEvent.ParticipantDisconnected, RoomEvent.Reconnected] as const;
    for (const event of events) room.on(event, update);
    return () => {
      for (const event of events) room.off(event, update);
    };
  }, [room, firstPage]);

  return order;
}
