//! What was sent, for as long as a receiver may ask for it again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::write::Patch;
use crate::uplink::Packet;

/// Packets kept at first…
const SMALL: usize = 64;
/// …and at most: a second of 10 Mbit/s.
const LARGE: usize = 1_024;
/// The ring doubles rather than forget a packet younger than this.
const KEEP: Duration = Duration::from_secs(1);
/// A packet is repeated at most once in this time, or a round trip if that is
/// longer: the request and the first repeat may have crossed.
const COOL_DOWN: Duration = Duration::from_millis(15);

/// One packet as it was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) index: u64,
    pub(super) packet: Arc<Packet>,
    pub(super) timestamp: u32,
    pub(super) patch: Option<Patch>,
    pub(super) blank: bool,
    pub(super) repeated: Option<Instant>,
}

/// A ring by index; its size is a power of two.
#[derive(Debug, Default)]
pub(super) struct History {
    ring: Vec<Option<Sent>>,
}

impl History {
    pub(super) fn push(&mut self, sent: Sent) {
        if self.ring.is_empty() {
            self.ring.resize(SMALL, None);
        }
        while self.ring.len() < LARGE && self.would_forget_young(&sent) {
            self.double();
        }
        if let Some(slot) = self.slot(sent.index) {
            *slot = Some(sent);
        }
    }

    fn would_forget_young(&mut self, sent: &Sent) -> bool {
        self.slot(sent.index).is_some_and(|slot| {
            slot.as_ref().is_some_and(|old| {
                sent.packet
                    .received
                    .saturating_duration_since(old.packet.received)
                    < KEEP
            })
        })
    }

    fn double(&mut self) {
        let size = self.ring.len() * 2;
        let old = std::mem::replace(&mut self.ring, vec![None; size]);
        for sent in old.into_iter().flatten() {
            if let Some(slot) = self.slot(sent.index) {
                *slot = Some(sent);
            }
        }
    }

    fn slot(&mut self, index: u64) -> Option<&mut Option<Sent>> {
        let mask = (self.ring.len() as u64).checked_sub(1)?;
        let at = usize::try_from(index & mask).ok()?;
        self.ring.get_mut(at)
    }

    /// The packet with this index, if it is still there and not on its way again.
    pub(super) fn find(
        &mut self,
        index: u64,
        round_trip: Duration,
        now: Instant,
    ) -> Option<&mut Sent> {
        let sent = self.slot(index)?.as_mut()?;
        let cool_down = COOL_DOWN.max(round_trip);
        let ready = sent
            .repeated
            .is_none_or(|last| now.saturating_duration_since(last) >= cool_down);
        (sent.index == index && ready).then_some(sent)
    }

    /// Reads the places of the packets to come; how many are taken.
    pub(super) fn touch(&self, index: u64, packets: usize) -> usize {
        let mask = self.ring.len().wrapping_sub(1);
        let first = usize::try_from(index & mask as u64).unwrap_or(0);
        let taken = |at: &usize| {
            let slot = self.ring.get(first.wrapping_add(*at) & mask);
            slot.is_some_and(Option::is_some)
        };
        (0..packets).filter(taken).count()
    }

    /// Lets go of the packets; the ring stays.
    pub(super) fn clear(&mut self) {
        self.ring.fill(None);
    }
}
