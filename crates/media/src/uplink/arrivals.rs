//! Loss and jitter of a received stream, as receiver reports have them
//! (RFC 3550 §6.4.1, §A.3, §A.8).

use std::time::Instant;

use crate::{rtcp::ReportBlock, rtp::ticks};

/// Packets expected and received by the time of some report.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Tally {
    expected: u64,
    received: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Extent {
    first: u64,
    highest: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Clock {
    origin: Instant,
    /// Arrival less timestamp, in ticks; wraps.
    transit: u32,
}

#[derive(Debug, Default)]
pub(super) struct Arrivals {
    extent: Option<Extent>,
    /// What was counted before the stream started over.
    before: Tally,
    received: u64,
    reported: Tally,
    taken: Tally,
    clock: Option<Clock>,
    /// In 1/16 ticks.
    jitter: u32,
}

impl Arrivals {
    /// A packet came, not by retransmission.
    pub(super) fn record(&mut self, sequence: u64, timestamp: u32, rate: u32, now: Instant) {
        let extent = self.extent.get_or_insert(Extent {
            first: sequence,
            highest: sequence,
        });
        let newest = sequence >= extent.highest;
        extent.highest = extent.highest.max(sequence);
        self.received += 1;
        if newest {
            self.measure(timestamp, rate, now);
        }
    }

    /// RFC 3550 §A.8.
    fn measure(&mut self, timestamp: u32, rate: u32, now: Instant) {
        let origin = self.clock.map_or(now, |clock| clock.origin);
        let transit = ticks(now.saturating_duration_since(origin), rate).wrapping_sub(timestamp);
        if let Some(clock) = self.clock {
            let difference = transit
                .wrapping_sub(clock.transit)
                .cast_signed()
                .unsigned_abs();
            // A jump of the timestamp is no jitter: at most a second is.
            let difference = difference.min(rate);
            self.jitter = self.jitter + difference - ((self.jitter + 8) >> 4);
        }
        self.clock = Some(Clock { origin, transit });
    }

    /// The numbers begin anew elsewhere.
    pub(super) fn restart(&mut self) {
        self.before = self.tally();
        self.received = 0;
        self.extent = None;
        self.clock = None;
    }

    fn tally(&self) -> Tally {
        let expected = self
            .extent
            .map_or(0, |extent| extent.highest - extent.first + 1);
        Tally {
            expected: self.before.expected + expected,
            received: self.before.received + self.received,
        }
    }

    /// The block without the times of the sender's report.
    pub(super) fn report(&mut self, ssrc: u32) -> Option<ReportBlock> {
        let extent = self.extent?;
        let tally = self.tally();
        let expected = tally.expected - self.reported.expected;
        let received = tally.received - self.reported.received;
        self.reported = tally;
        let lost = expected.saturating_sub(received);
        let fraction = (lost * 256).checked_div(expected).unwrap_or(0).min(255);
        let total = tally.expected.cast_signed() - tally.received.cast_signed();
        Some(ReportBlock {
            ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: i32::try_from(total.clamp(-0x80_0000, 0x7f_ffff)).unwrap_or(0),
            // Our numbers begin in the second cycle, the report's in the first.
            highest_sequence: (extent.highest.wrapping_sub(0x1_0000) & 0xffff_ffff) as u32,
            jitter: self.jitter >> 4,
            last_report: 0,
            delay: 0,
        })
    }

    /// Received and lost since the last call of this.
    pub(super) fn take_loss(&mut self) -> (u32, u32) {
        let tally = self.tally();
        let expected = tally.expected - self.taken.expected;
        let received = tally.received - self.taken.received;
        self.taken = tally;
        let lost = expected.saturating_sub(received);
        ((received & 0xffff_ffff) as u32, (lost & 0xffff_ffff) as u32)
    }
}
