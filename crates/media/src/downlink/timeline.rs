//! One RTP clock over all encodings. Each has its own random origin; sender
//! reports tell how they relate (RFC 3550 §6.4.1), and until those have come
//! the times of arrival do.

use std::time::Instant;

use super::segment::Segment;
use crate::{
    rtp::{is_newer, ticks},
    uplink::{Packet, Reference},
};

/// Timestamps that are further than a second from what the time of arrival
/// suggests are not believed: reports are only as good as the sender.
const BELIEF_SECONDS: u32 = 1;

/// The newest packet sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Latest {
    pub(super) timestamp: u32,
    pub(super) received: Instant,
}

/// A moment on the sender's wall clock and on the clock that we send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Anchor {
    ntp: u64,
    timestamp: u32,
}

#[derive(Debug)]
pub(super) struct Timeline {
    origin: u32,
    /// The highest timestamp sent, and when the packet came.
    pub(super) latest: Option<Latest>,
    anchor: Option<Anchor>,
}

impl Timeline {
    pub(super) const fn new(origin: u32) -> Self {
        Self {
            origin,
            latest: None,
            anchor: None,
        }
    }

    /// Lines a new segment up behind what was sent. `before` is the segment
    /// that was sent last.
    pub(super) fn align(
        &mut self,
        segment: &mut Segment,
        packet: &Packet,
        before: Option<&Segment>,
    ) {
        let rate = packet.format.codec.clock_rate();
        let Some(latest) = self.latest else {
            segment.timestamp_shift = self.origin.wrapping_sub(packet.timestamp);
            return;
        };
        let elapsed = packet.received.saturating_duration_since(latest.received);
        let predicted = latest.timestamp.wrapping_add(ticks(elapsed, rate));
        let believed = |candidate: &u32| {
            let error = candidate
                .wrapping_sub(predicted)
                .cast_signed()
                .unsigned_abs();
            error <= BELIEF_SECONDS * rate
        };
        let same = before
            .filter(|before| before.encoding == packet.encoding)
            .map(|before| {
                let shift = before.timestamp_shift.wrapping_sub(before.bump);
                packet.timestamp.wrapping_add(shift)
            });
        let anchored = self
            .anchor
            .zip(packet.reference)
            .map(|(anchor, reference)| {
                // Where the report's moment is on our clock, and from there the packet.
                let moment = after(anchor.ntp, reference.ntp, rate);
                let offset = packet.timestamp.wrapping_sub(reference.timestamp);
                anchor.timestamp.wrapping_add(moment).wrapping_add(offset)
            });
        let found = same.filter(believed).or(anchored.filter(believed));
        if found.is_none() {
            self.anchor = None;
        }
        let aligned = found.unwrap_or(predicted);
        let timestamp = if is_newer(aligned, latest.timestamp) {
            aligned
        } else {
            latest.timestamp.wrapping_add(1)
        };
        segment.bump = timestamp.wrapping_sub(aligned);
        segment.timestamp_shift = timestamp.wrapping_sub(packet.timestamp);
    }

    /// A packet goes out, not overtaken, with this timestamp.
    pub(super) fn sent(&mut self, timestamp: u32, packet: &Packet) {
        if self
            .latest
            .is_none_or(|latest| is_newer(timestamp, latest.timestamp))
        {
            self.latest = Some(Latest {
                timestamp,
                received: packet.received,
            });
        }
    }

    /// Follows the sender's clocks, which drift apart by some 50 ppm.
    pub(super) fn follow(&mut self, segment: &Segment, reference: Reference) {
        if self
            .anchor
            .is_some_and(|anchor| anchor.ntp == reference.ntp)
        {
            return;
        }
        let shift = segment.timestamp_shift.wrapping_sub(segment.bump);
        self.anchor = Some(Anchor {
            ntp: reference.ntp,
            timestamp: reference.timestamp.wrapping_add(shift),
        });
    }
}

/// From one NTP time to another in ticks; wraps as timestamps do.
fn after(from: u64, to: u64, rate: u32) -> u32 {
    let difference = i128::from(to.wrapping_sub(from).cast_signed());
    let ticks = (difference * i128::from(rate)) >> 32;
    (ticks & 0xffff_ffff) as u32
}
