//! Which tracks there are, where they come from and who wants them.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use protocol::ids::{PeerId, ShardId, TrackId};
use smallvec::SmallVec;

use crate::{
    slab::{Key, Slab},
    uplink::Encodings,
};

/// Key-frame requests to another shard are at least so far apart: the broker
/// there spaces those to the publisher further (see [`crate::uplink::KeyFrames`]).
const REQUEST_SPACING: Duration = Duration::from_millis(100);

/// Where a track is published.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Home {
    /// By a peer of this shard, as its uplink of this number.
    Here { peer: Key, uplink: usize },
    /// On another shard.
    There(ShardId),
    /// On this shard, but the order to publish has not come yet.
    Awaited,
}

/// One subscription of a peer here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Subscriber {
    pub(crate) peer: Key,
    /// Place among the peer's downlinks.
    pub(crate) place: u32,
}

/// Another shard that wants packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Outlet {
    pub(crate) shard: ShardId,
    /// Encodings above are of no use to it; `None`: nothing is, just now.
    pub(crate) limit: Option<u8>,
}

#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) home: Home,
    /// Who publishes it, once known; names the source in sender reports.
    pub(crate) publisher: Option<PeerId>,
    pub(crate) muted: bool,
    /// As of the last packet.
    pub(crate) live: Encodings,
    pub(crate) subscribers: Vec<Subscriber>,
    pub(crate) outlets: SmallVec<[Outlet; 4]>,
    /// What the home shard was told last, when that is another one.
    pub(crate) told: Option<Option<u8>>,
    /// When the home shard was last asked for a key frame, by encoding.
    asked: [Option<Instant>; 3],
}

impl Track {
    fn new(id: TrackId, home: Home) -> Self {
        Self {
            id,
            home,
            publisher: None,
            muted: false,
            live: Encodings::default(),
            subscribers: Vec::new(),
            outlets: SmallVec::new(),
            told: None,
            asked: [None; 3],
        }
    }

    pub(crate) fn unsubscribe(&mut self, subscriber: Subscriber) {
        if let Some(at) = self.subscribers.iter().position(|s| *s == subscriber) {
            self.subscribers.swap_remove(at);
        }
    }

    pub(crate) fn set_outlet(&mut self, shard: ShardId, limit: Option<u8>) {
        match self.outlets.iter_mut().find(|o| o.shard == shard) {
            Some(outlet) => outlet.limit = limit,
            None => self.outlets.push(Outlet { shard, limit }),
        }
    }

    /// Whether to pass a key-frame request on to the home shard now.
    pub(crate) fn may_ask(&mut self, encoding: u8, now: Instant) -> bool {
        let Some(asked) = self.asked.get_mut(usize::from(encoding)) else {
            return false;
        };
        if asked.is_some_and(|at| now.saturating_duration_since(at) < REQUEST_SPACING) {
            return false;
        }
        *asked = Some(now);
        true
    }

    /// Nobody publishes it and nobody waits for it.
    fn is_idle(&self) -> bool {
        match self.home {
            Home::Here { .. } => false,
            Home::There(_) => self.subscribers.is_empty(),
            Home::Awaited => self.subscribers.is_empty() && self.outlets.is_empty(),
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tracks {
    slab: Slab<Track>,
    by_id: HashMap<TrackId, Key>,
}

impl Tracks {
    pub(crate) fn find(&self, id: TrackId) -> Option<Key> {
        self.by_id.get(&id).copied()
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Track> {
        self.slab.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut Track> {
        self.slab.get_mut(key)
    }

    /// The track, made if it is not there yet.
    pub(crate) fn ensure(&mut self, id: TrackId, home: Home) -> Option<Key> {
        if let Some(key) = self.find(id) {
            return Some(key);
        }
        let key = self.slab.insert(Track::new(id, home))?;
        self.by_id.insert(id, key);
        Some(key)
    }

    /// Forgets the track if nobody needs it any more.
    pub(crate) fn tidy(&mut self, key: Key) {
        if self.slab.get(key).is_some_and(Track::is_idle)
            && let Some(track) = self.slab.remove(key)
        {
            self.by_id.remove(&track.id);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (Key, &mut Track)> {
        self.slab.iter_mut()
    }
}
