//! Arithmetic on numbers that wrap.

use std::time::Duration;

/// Widens 16-bit sequence numbers to 64 bits: the number of the packet in a
/// stream that never wraps. The first one lands in the second cycle, so that
/// packets that were overtaken by it do not fall below 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extender {
    highest: Option<u64>,
}

impl Extender {
    /// The number that is nearest to the highest so far; it becomes the
    /// highest if it is higher.
    pub fn extend(&mut self, sequence: u16) -> u64 {
        let extended = self.nearest(sequence);
        if self.highest.is_none_or(|highest| extended > highest) {
            self.highest = Some(extended);
        }
        extended
    }

    /// As [`Self::extend`], but remembers nothing.
    #[must_use]
    pub fn nearest(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else {
            return 0x1_0000 + u64::from(sequence);
        };
        let ahead = sequence.wrapping_sub((highest & 0xffff) as u16);
        if ahead < 0x8000 {
            highest.saturating_add(u64::from(ahead))
        } else {
            // Never below 0: the first number was at least 0x1_0000, and one
            // that would be is taken for one of the next cycle.
            let behind = u64::from(ahead.wrapping_neg());
            highest
                .checked_sub(behind)
                .unwrap_or_else(|| highest.saturating_add(u64::from(ahead)))
        }
    }

    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Starts over in the cycle after the highest, so that numbers of a
    /// restarted stream never meet those from before.
    pub fn restart(&mut self, sequence: u16) -> u64 {
        let extended = match self.highest {
            Some(highest) => (highest | 0xffff) + 1 + u64::from(sequence),
            None => self.nearest(sequence),
        };
        self.highest = Some(extended);
        extended
    }
}

/// Whether RTP timestamp `a` is later than `b`, half the circle being the limit.
#[must_use]
pub const fn is_newer(a: u32, b: u32) -> bool {
    let ahead = a.wrapping_sub(b);
    ahead != 0 && ahead < 0x8000_0000
}

/// A duration in ticks of a clock of `rate` Hz, rounded down; wraps as RTP
/// timestamps do.
#[must_use]
pub fn ticks(duration: Duration, rate: u32) -> u32 {
    let ticks = duration.as_micros() * u128::from(rate) / 1_000_000;
    (ticks & 0xffff_ffff) as u32
}
