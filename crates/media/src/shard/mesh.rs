//! One room on many shards: packets go to each other shard at most once, and
//! only while somebody there wants them.

use std::time::Instant;

use protocol::ids::{PeerId, ShardId, TrackId};

use super::Shard;
use crate::{
    Output, ShardMessage,
    slab::Key,
    tracks::{Home, Outlet},
};

impl Shard {
    pub(super) fn tell(&mut self, to: ShardId, message: ShardMessage) {
        self.outputs.push_back(Output::Shard { to, message });
    }

    pub(super) fn handle_shard(&mut self, from: ShardId, message: ShardMessage, now: Instant) {
        let known = match message {
            ShardMessage::Datagram {
                source,
                destination,
                bytes,
            } => {
                self.handle_passed_on(from, (source, destination), bytes, now);
                Some(())
            }
            ShardMessage::Bound { address } => {
                self.addresses.claim(address, from, now);
                Some(())
            }
            ShardMessage::Want { track, limit } => self.handle_want(from, track, limit, now),
            ShardMessage::Unwant { track } => self.handle_unwant(from, track),
            ShardMessage::Facts {
                track,
                publisher,
                muted,
            } => self.handle_facts(track, publisher, muted, now),
            ShardMessage::Packet { packet, live } => match self.tracks.find(packet.track) {
                Some(track) => {
                    self.fan_out(track, &packet, live);
                    Some(())
                }
                None => {
                    // It crossed our last word, or that was lost.
                    let track = packet.track;
                    self.tell(from, ShardMessage::Unwant { track });
                    None
                }
            },
            ShardMessage::KeyFrame { track, encoding } => self.handle_ask(track, encoding, now),
        };
        if known.is_none() {
            self.stats.dropped.shard_messages += 1;
        }
    }

    fn handle_want(
        &mut self,
        from: ShardId,
        track: TrackId,
        limit: Option<u8>,
        now: Instant,
    ) -> Option<()> {
        let key = self.tracks.ensure(track, Home::Awaited)?;
        let track = self.tracks.get_mut(key)?;
        if matches!(track.home, Home::There(_)) {
            return None;
        }
        let known = track.outlets.iter().find(|o| o.shard == from);
        if known.map(|outlet| outlet.limit) == Some(limit) {
            return Some(());
        }
        track.set_outlet(from, limit);
        let best = limit.and_then(|limit| track.live.best(limit));
        self.tell_facts(key, Some(from));
        if let Some(encoding) = best {
            self.need_key_frame(key, encoding, now);
        }
        Some(())
    }

    fn handle_unwant(&mut self, from: ShardId, track: TrackId) -> Option<()> {
        let key = self.tracks.find(track)?;
        let track = self.tracks.get_mut(key)?;
        track.outlets.retain(|outlet| outlet.shard != from);
        self.tracks.tidy(key);
        Some(())
    }

    fn handle_facts(
        &mut self,
        track: TrackId,
        publisher: PeerId,
        muted: bool,
        now: Instant,
    ) -> Option<()> {
        let key = self.tracks.find(track)?;
        let track = self.tracks.get_mut(key)?;
        track.publisher = Some(publisher);
        if track.muted != muted {
            self.set_muted(key, muted, now)?;
        }
        Some(())
    }

    fn handle_ask(&mut self, track: TrackId, encoding: u8, now: Instant) -> Option<()> {
        let key = self.tracks.find(track)?;
        match self.tracks.get(key)?.home {
            Home::Here { .. } => self.need_key_frame(key, encoding, now),
            // Never passed on twice.
            Home::There(_) | Home::Awaited => {}
        }
        Some(())
    }

    /// Tells those who want the track, or one of them, what is known of it.
    pub(super) fn tell_facts(&mut self, key: Key, only: Option<ShardId>) {
        let Some(track) = self.tracks.get(key) else {
            return;
        };
        let (Home::Here { .. }, Some(publisher)) = (track.home, track.publisher) else {
            return;
        };
        let message = ShardMessage::Facts {
            track: track.id,
            publisher,
            muted: track.muted,
        };
        let outlets = track.outlets.iter();
        let wanted = outlets.filter(|o| only.is_none_or(|only| o.shard == only));
        self.outputs
            .extend(wanted.map(|Outlet { shard, .. }| Output::Shard {
                to: *shard,
                message: message.clone(),
            }));
    }

    /// Says again what is wanted of other shards: the word may have been lost.
    pub(super) fn repeat_wants(&mut self) {
        let outputs = &mut self.outputs;
        for (_, track) in self.tracks.iter_mut() {
            if let (Home::There(to), Some(limit)) = (track.home, track.told) {
                let track = track.id;
                let message = ShardMessage::Want { track, limit };
                outputs.push_back(Output::Shard { to, message });
            }
        }
    }

    /// Somebody needs a key frame of a track, wherever it comes from.
    pub(super) fn need_key_frame(&mut self, key: Key, encoding: u8, now: Instant) {
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        match track.home {
            Home::Here { peer, uplink } => {
                let publisher = self.peers.get_mut(peer);
                let at = publisher.and_then(|p| p.up.want_key_frame(uplink, encoding, now));
                if let Some(at) = at {
                    self.arm(peer, at);
                }
            }
            Home::There(home) => {
                if track.may_ask(encoding, now) {
                    let track = track.id;
                    self.tell(home, ShardMessage::KeyFrame { track, encoding });
                }
            }
            Home::Awaited => {}
        }
    }
}
