//! What is reported on a sent stream, and what the receiver reports back
//! (RFC 3550 §6.4).

use std::time::{Duration, Instant};

use crate::rtcp::ReportBlock;

/// Reports of ours that an answer may still refer to: receivers answer within
/// about five seconds, and we report each second.
const REMEMBERED: usize = 8;
/// A round trip beyond this is a mistake or a lie.
const ROUND_TRIP_MAX: Duration = Duration::from_secs(10);

/// A report that we sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Stamp {
    /// The middle 32 bits of its NTP time.
    ntp: u32,
    sent: Instant,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Reports {
    stamps: [Option<Stamp>; REMEMBERED],
    next: usize,
    pub(super) packets: u32,
    /// Of payload.
    pub(super) bytes: u32,
    /// Packets as of our last report.
    told: u32,
    pub(super) round_trip: Option<Duration>,
    pub(super) fraction_lost: Option<u8>,
}

impl Reports {
    pub(super) fn count(&mut self, payload: usize) {
        self.packets = self.packets.wrapping_add(1);
        let payload = u32::try_from(payload).unwrap_or(u32::MAX);
        self.bytes = self.bytes.wrapping_add(payload);
    }

    /// Whether anything was sent since the last report.
    pub(super) const fn news(&self) -> bool {
        self.told != self.packets
    }

    pub(super) fn sent(&mut self, ntp: u64, now: Instant) {
        self.told = self.packets;
        if let Some(slot) = self.stamps.get_mut(self.next % REMEMBERED) {
            *slot = Some(Stamp {
                ntp: (ntp >> 16 & 0xffff_ffff) as u32,
                sent: now,
            });
        }
        self.next = self.next.wrapping_add(1);
    }

    pub(super) fn received(&mut self, block: &ReportBlock, now: Instant) {
        self.fraction_lost = Some(block.fraction_lost);
        let stamp = self.stamps.iter().flatten().find(|stamp| {
            // Who keeps the time as a float gives back a neighbour.
            let apart = stamp.ntp.wrapping_sub(block.last_report);
            apart.wrapping_add(1) <= 2 && block.last_report != 0
        });
        if let Some(stamp) = stamp {
            let held = Duration::from_micros(u64::from(block.delay) * 1_000_000 / 65_536);
            let round_trip = now
                .saturating_duration_since(stamp.sent)
                .saturating_sub(held);
            if round_trip <= ROUND_TRIP_MAX {
                self.round_trip = Some(round_trip);
            }
        }
    }
}

/// A duration in seconds of 32.32 fixed point.
pub(super) fn ntp(duration: Duration) -> u64 {
    let fraction = (u64::from(duration.subsec_nanos()) << 32) / 1_000_000_000;
    duration.as_secs() << 32 | fraction
}
