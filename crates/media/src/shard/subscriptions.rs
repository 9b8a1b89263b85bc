//! Who publishes and who receives.

use std::time::Instant;

use protocol::{
    ids::{PeerId, SlotId, TrackId},
    media::{Downlink, Uplink, Wish},
};
use rand::RngExt;
use smallvec::SmallVec;

use super::Shard;
use crate::{
    ShardMessage,
    downlink::{Origin, Settings, Stream},
    peer::{DownTrack, Reporting},
    slab::Key,
    tracks::{Home, Subscriber},
};

impl Shard {
    pub(super) fn publish(&mut self, peer: PeerId, uplink: &Uplink) -> Option<()> {
        let key = *self.by_id.get(&peer)?;
        let track = self.tracks.ensure(uplink.track, Home::Awaited)?;
        let free = match self.tracks.get(track)?.home {
            Home::Awaited => true,
            Home::Here { peer, .. } => peer == key,
            Home::There(_) => false,
        };
        let number = if free {
            self.peers.get_mut(key)?.up.publish(uplink, track)
        } else {
            None
        };
        let Some(number) = number else {
            self.tracks.tidy(track);
            return None;
        };
        let published = self.tracks.get_mut(track)?;
        published.home = Home::Here {
            peer: key,
            uplink: number,
        };
        published.publisher = Some(peer);
        self.tell_facts(track, None);
        Some(())
    }

    pub(super) fn unpublish(&mut self, peer: PeerId, track: TrackId) -> Option<()> {
        let key = *self.by_id.get(&peer)?;
        let track = self.peers.get_mut(key)?.up.unpublish(track)?;
        self.end_publication(track);
        Some(())
    }

    /// The subscriptions stay until control ends them, one by one.
    pub(super) fn end_publication(&mut self, key: Key) {
        if let Some(track) = self.tracks.get_mut(key) {
            track.home = Home::Awaited;
            track.live = crate::uplink::Encodings::default();
            track.muted = false;
        }
        self.tracks.tidy(key);
    }

    pub(super) fn mute(
        &mut self,
        peer: PeerId,
        track: TrackId,
        muted: bool,
        now: Instant,
    ) -> Option<()> {
        let key = *self.by_id.get(&peer)?;
        self.peers.get(key)?.up.find(track)?;
        let track = self.tracks.find(track)?;
        self.set_muted(track, muted, now)?;
        self.tell_facts(track, None);
        Some(())
    }

    /// Streams of a muted track are paused, so that no number of theirs is missing after.
    pub(super) fn set_muted(&mut self, key: Key, muted: bool, now: Instant) -> Option<()> {
        let track = self.tracks.get_mut(key)?;
        track.muted = muted;
        let live = track.live;
        let mut needed: SmallVec<[u8; 4]> = SmallVec::new();
        for subscriber in &track.subscribers {
            let Some(peer) = self.peers.get_mut(subscriber.peer) else {
                continue;
            };
            let connected = peer.ciphers.is_some();
            if let Some(down) = peer.down.at_mut(subscriber.place) {
                let wish = effective(down.wish, muted);
                let need = down.stream.set_wish(wish, live);
                needed.extend(need.filter(|_| connected));
                needed.dedup();
            }
        }
        for encoding in needed {
            self.need_key_frame(key, encoding, now);
        }
        Some(())
    }

    pub(super) fn subscribe(
        &mut self,
        peer: PeerId,
        downlink: &Downlink,
        now: Instant,
    ) -> Option<()> {
        let key = *self.by_id.get(&peer)?;
        let ssrcs: SmallVec<[u32; 2]> = std::iter::once(downlink.ssrc)
            .chain(downlink.rtx_ssrc)
            .collect();
        if !self.peers.get(key)?.down.accepts(downlink.slot, &ssrcs) {
            return None;
        }
        let home = if downlink.home == self.config.id {
            Home::Awaited
        } else {
            Home::There(downlink.home)
        };
        let track = self.tracks.ensure(downlink.track, home)?;
        let origin = self.origin();
        let muted = self.tracks.get(track)?.muted;
        let settings = Settings {
            kind: downlink.kind,
            mid: downlink.mid,
            ssrc: downlink.ssrc,
            rtx_ssrc: downlink.rtx_ssrc,
            origin,
        };
        let subscription = DownTrack {
            slot: downlink.slot,
            id: downlink.track,
            track,
            wish: downlink.wish,
            stream: Stream::new(settings, effective(downlink.wish, muted)),
            reporting: Reporting::default(),
        };
        let place = self
            .peers
            .get_mut(key)?
            .down
            .subscribe(subscription, &ssrcs)?;
        let subscriber = Subscriber { peer: key, place };
        self.tracks.get_mut(track)?.subscribers.push(subscriber);
        self.subscriptions += 1;
        self.ask_for(key, place, now);
        self.update_want(track);
        Some(())
    }

    fn origin(&mut self) -> Origin {
        Origin {
            sequence: self.rng.random(),
            rtx_sequence: self.rng.random(),
            timestamp: self.rng.random(),
            picture_id: self.rng.random(),
        }
    }

    /// A new subscription needs a key frame to begin with, as soon as its peer
    /// is connected: one that came before would be lost, and encoders take
    /// their time between two.
    fn ask_for(&mut self, peer: Key, place: u32, now: Instant) {
        let peer = self.peers.get(peer).filter(|peer| peer.ciphers.is_some());
        let Some(down) = peer.and_then(|peer| peer.down.at(place)) else {
            return;
        };
        let track = down.track;
        let live = self.tracks.get(track).map(|t| t.live).unwrap_or_default();
        if let Some(encoding) = down.stream.decoder_needs(live) {
            self.need_key_frame(track, encoding, now);
        }
    }

    /// So do all that waited for the peer to be connected.
    pub(super) fn ask_for_all(&mut self, key: Key, now: Instant) {
        let Some(peer) = self.peers.get(key) else {
            return;
        };
        let places: Vec<u32> = peer.down.iter().map(|(place, _)| place).collect();
        for place in places {
            self.ask_for(key, place, now);
        }
    }

    pub(super) fn change_wish(
        &mut self,
        peer: PeerId,
        slot: SlotId,
        wish: Wish,
        now: Instant,
    ) -> Option<()> {
        let key = *self.by_id.get(&peer)?;
        let peer = self.peers.get_mut(key)?;
        let connected = peer.ciphers.is_some();
        let down = peer.down.at_mut(peer.down.place(slot)?)?;
        let key = down.track;
        let track = self.tracks.get(key)?;
        down.wish = wish;
        let needed = down
            .stream
            .set_wish(effective(wish, track.muted), track.live);
        if let Some(encoding) = needed.filter(|_| connected) {
            self.need_key_frame(key, encoding, now);
        }
        self.update_want(key);
        Some(())
    }

    pub(super) fn unsubscribe(&mut self, peer: PeerId, slot: SlotId, now: Instant) -> Option<()> {
        let key = *self.by_id.get(&peer)?;
        let (place, track) = self.peers.get_mut(key)?.down.unsubscribe(slot)?;
        self.end_subscription(key, place, track.track, now);
        Some(())
    }

    pub(super) fn end_subscription(&mut self, peer: Key, place: u32, key: Key, _now: Instant) {
        self.subscriptions = self.subscriptions.saturating_sub(1);
        if let Some(track) = self.tracks.get_mut(key) {
            track.unsubscribe(Subscriber { peer, place });
            self.update_want(key);
            self.tracks.tidy(key);
        }
    }

    /// Tells the home shard of a track what its subscribers here want, if
    /// that has changed.
    fn update_want(&mut self, key: Key) {
        let Some(track) = self.tracks.get(key) else {
            return;
        };
        let Home::There(home) = track.home else {
            return;
        };
        let (id, told) = (track.id, track.told);
        if track.subscribers.is_empty() {
            self.tell(home, ShardMessage::Unwant { track: id });
            return;
        }
        let limit = track.subscribers.iter().filter_map(|subscriber| {
            let peer = self.peers.get(subscriber.peer)?;
            match peer.down.at(subscriber.place)?.wish {
                Wish::Paused => None,
                Wish::UpTo { encoding, .. } => Some(encoding),
            }
        });
        let limit = limit.max();
        if told != Some(limit) {
            self.tell(home, ShardMessage::Want { track: id, limit });
        }
        if let Some(track) = self.tracks.get_mut(key) {
            track.told = Some(limit);
        }
    }
}

const fn effective(wish: Wish, muted: bool) -> Wish {
    if muted { Wish::Paused } else { wish }
}
