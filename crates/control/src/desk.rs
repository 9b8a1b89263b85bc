//! What every room works with: the clock, chance, the outbox, the shards'
//! loads, and who is where on this node.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use livekit_protocol::signal_response;
use protocol::{
    ids::{PeerId, SessionId, ShardId, TrackId},
    plane::Command,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    face::{Config, Output, SessionEnd, Stats, Wake},
    room::Errand,
    wire::Notice,
};

/// A room for as long as it lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct RoomKey(pub(crate) u64);

/// A participant for as long as it stays.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct PersonKey(pub(crate) u64);

/// A participant's place on this node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Seat {
    pub(crate) room: RoomKey,
    pub(crate) person: PersonKey,
}

/// Letters after the prefix of a sid, as LiveKit has them: 62¹² is more than 2⁷¹.
const SID_LETTERS: usize = 12;

#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) config: Config,
    start: Instant,
    /// The time of the input at hand.
    pub(crate) now: Instant,
    rng: StdRng,
    pub(crate) outputs: VecDeque<Output>,
    pub(crate) sessions: BTreeMap<SessionId, Seat>,
    pub(crate) peers: BTreeMap<PeerId, Seat>,
    pub(crate) tracks: BTreeMap<TrackId, Seat>,
    /// Peers, and participants that are going to have one, by shard.
    loads: Vec<usize>,
    last_id: u64,
    /// When which room wants to be woken for what.
    pub(crate) alarms: BTreeSet<(Instant, Wake, RoomKey)>,
    pub(crate) stats: Stats,
    /// What one room has to say to another.
    pub(crate) errands: VecDeque<Errand>,
}

impl Desk {
    pub(crate) fn new(config: Config, now: Instant) -> Self {
        Self {
            start: now,
            now,
            rng: StdRng::from_seed(config.seed),
            outputs: VecDeque::new(),
            sessions: BTreeMap::new(),
            peers: BTreeMap::new(),
            tracks: BTreeMap::new(),
            loads: vec![0; usize::from(config.plane.shards.max(1))],
            last_id: 0,
            alarms: BTreeSet::new(),
            stats: Stats::default(),
            errands: VecDeque::new(),
            config,
        }
    }

    /// Unix time in milliseconds.
    pub(crate) fn unix_ms(&self) -> i64 {
        let since = self.now.duration_since(self.start).as_millis();
        self.config
            .unix_ms
            .saturating_add(i64::try_from(since).unwrap_or(i64::MAX))
    }

    /// A number never given out before.
    pub(crate) const fn id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Random text of letters and digits: the alphabet of sids, and lawful in
    /// ICE credentials.
    pub(crate) fn letters(&mut self, count: usize) -> String {
        const ALPHABET: [u8; 62] =
            *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        (0..count)
            .map(|_| {
                let index = self.rng.random_range(0..ALPHABET.len());
                char::from(ALPHABET.get(index).copied().unwrap_or(b'A'))
            })
            .collect()
    }

    pub(crate) fn sid(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.letters(SID_LETTERS))
    }

    /// Never 0, which some clients take for "none".
    pub(crate) fn ssrc(&mut self) -> u32 {
        self.rng.random_range(1..u32::MAX)
    }

    pub(crate) fn origin(&mut self) -> u64 {
        // RFC 8829 §5.2.1: 63 bits.
        self.rng.random_range(1..u64::MAX >> 1)
    }

    /// Seats someone on the shard with the fewest.
    pub(crate) fn take_shard(&mut self) -> ShardId {
        let least = self.loads.iter().copied().min().unwrap_or(0);
        let index = self
            .loads
            .iter()
            .position(|load| *load == least)
            .unwrap_or(0);
        if let Some(load) = self.loads.get_mut(index) {
            *load += 1;
        }
        ShardId(u16::try_from(index).unwrap_or(0))
    }

    pub(crate) fn leave_shard(&mut self, shard: ShardId) {
        if let Some(load) = self.loads.get_mut(usize::from(shard.0)) {
            *load = load.saturating_sub(1);
        }
    }

    pub(crate) fn send(
        &mut self,
        session: SessionId,
        message: signal_response::Message,
        text: bool,
    ) {
        let frame = Notice::new(message).frame(text);
        self.outputs.push_back(Output::Frame { session, frame });
    }

    pub(crate) fn close(&mut self, session: SessionId, end: SessionEnd) {
        self.sessions.remove(&session);
        self.outputs.push_back(Output::Close { session, end });
    }

    pub(crate) fn order(&mut self, shard: ShardId, command: Command) {
        self.outputs.push_back(Output::Plane { shard, command });
    }

    pub(crate) fn wake(&mut self, room: RoomKey, wake: Wake, after: Duration) {
        self.alarms.insert((self.now + after, wake, room));
    }
}
