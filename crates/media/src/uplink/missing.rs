//! The packets of one stream that did not come, and when to ask for them.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use protocol::media::Kind;

/// Packets that may be missing at once: a burst beyond it (half a second of
/// 1080p) is not worth repairing, a key frame is smaller.
pub(super) const LIMIT: usize = 512;
/// A gap is not asked for at once: packets overtake each other by a few
/// milliseconds on Wi-Fi, and a needless repeat costs the sender.
const TOLERANCE: Duration = Duration::from_millis(10);
/// Requests for the same packet are at least so far apart, and a round trip.
const SPACING: Duration = Duration::from_millis(25);
/// Requests for the same packet.
const TRIES: u8 = 10;
/// A picture repaired later than this has long been replaced by a key frame…
const VIDEO_AGE: Duration = Duration::from_millis(1_000);
/// …and sound has been concealed: jitter buffers hold no more.
const AUDIO_AGE: Duration = Duration::from_millis(300);

#[derive(Clone, Copy, Debug)]
struct Hole {
    sequence: u64,
    since: Instant,
    due: Instant,
    tries: u8,
}

#[derive(Debug)]
pub(super) struct Missing {
    /// By sequence.
    holes: VecDeque<Hole>,
    age: Duration,
}

impl Missing {
    pub(super) const fn new(kind: Kind) -> Self {
        let age = match kind {
            Kind::Audio => AUDIO_AGE,
            Kind::Video => VIDEO_AGE,
        };
        Self {
            holes: VecDeque::new(),
            age,
        }
    }

    /// The packets from `first` up to but not including `end` were skipped.
    /// Returns whether that is too much, and all was given up.
    pub(super) fn skipped(&mut self, first: u64, end: u64, now: Instant) -> bool {
        let room = (LIMIT - self.holes.len().min(LIMIT)) as u64;
        if end.saturating_sub(first) > room {
            self.holes.clear();
            return true;
        }
        self.holes.extend((first..end).map(|sequence| Hole {
            sequence,
            since: now,
            due: now + TOLERANCE,
            tries: 0,
        }));
        false
    }

    pub(super) fn arrived(&mut self, sequence: u64) {
        if let Ok(at) = self
            .holes
            .binary_search_by_key(&sequence, |hole| hole.sequence)
        {
            self.holes.remove(at);
        }
    }

    /// Nobody needs what came before this any more.
    pub(super) fn forget_before(&mut self, sequence: u64) {
        while self
            .holes
            .front()
            .is_some_and(|hole| hole.sequence < sequence)
        {
            self.holes.pop_front();
        }
    }

    pub(super) fn clear(&mut self) {
        self.holes.clear();
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.holes.iter().map(|hole| hole.due).min()
    }

    /// Appends what to ask for now, and returns whether something was given up.
    pub(super) fn ask(&mut self, round_trip: Duration, out: &mut Vec<u16>, now: Instant) -> bool {
        let before = self.holes.len();
        let age = self.age;
        let spacing = SPACING.max(round_trip + TOLERANCE);
        self.holes.retain_mut(|hole| {
            if hole.due > now {
                return true;
            }
            if hole.tries == TRIES || now.saturating_duration_since(hole.since) > age {
                return false;
            }
            hole.tries += 1;
            hole.due = now + spacing;
            out.push((hole.sequence & 0xffff) as u16);
            true
        });
        self.holes.len() < before
    }
}
