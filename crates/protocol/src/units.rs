//! Units that must not be taken for one another.

use std::{fmt, time::Duration};

/// Bits per second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Bitrate(u64);

impl Bitrate {
    pub const ZERO: Self = Self(0);
    /// No limit.
    pub const MAX: Self = Self(u64::MAX);

    #[must_use]
    pub const fn from_bps(bits: u64) -> Self {
        Self(bits)
    }

    #[must_use]
    pub const fn from_kbps(kilobits: u64) -> Self {
        Self(kilobits.saturating_mul(1_000))
    }

    /// What so many bytes in so much time are; [`Self::ZERO`] for no time.
    #[must_use]
    pub fn of(bytes: u64, time: Duration) -> Self {
        let bits = u128::from(bytes) * 8 * 1_000_000;
        let rate = bits.checked_div(time.as_micros()).unwrap_or(0);
        Self(u64::try_from(rate).unwrap_or(u64::MAX))
    }

    #[must_use]
    pub const fn bps(self) -> u64 {
        self.0
    }

    /// Bytes in so much time, rounded down.
    #[must_use]
    pub fn bytes_in(self, time: Duration) -> u64 {
        let bits = u128::from(self.0).saturating_mul(time.as_micros());
        let bytes = bits / 8_000_000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }

    /// How long so many bytes take; [`Duration::MAX`] at a rate of zero.
    #[must_use]
    pub fn time_for(self, bytes: u64) -> Duration {
        let micros = (u128::from(bytes) * 8_000_000).checked_div(u128::from(self.0));
        micros.map_or(Duration::MAX, |micros| {
            Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
        })
    }

    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// So many hundredths of it, rounded down.
    #[must_use]
    pub fn percent(self, hundredths: u32) -> Self {
        let bits = u128::from(self.0) * u128::from(hundredths) / 100;
        Self(u64::try_from(bits).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Bitrate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} kbit/s", self.0 / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_time_make_a_rate_and_a_rate_makes_them() {
        let rate = Bitrate::of(1_250, Duration::from_millis(10));
        assert_eq!(rate, Bitrate::from_kbps(1_000));
        assert_eq!(rate.bytes_in(Duration::from_millis(10)), 1_250);
        assert_eq!(rate.time_for(1_250), Duration::from_millis(10));
        assert_eq!(rate.percent(85).to_string(), "850 kbit/s");
    }

    #[test]
    fn the_edges_hold() {
        assert_eq!(Bitrate::of(1, Duration::ZERO), Bitrate::ZERO);
        assert_eq!(Bitrate::ZERO.time_for(1), Duration::MAX);
        assert_eq!(Bitrate::MAX.bytes_in(Duration::MAX), u64::MAX);
        assert_eq!(Bitrate::MAX.percent(200), Bitrate::MAX);
        assert_eq!(Bitrate::ZERO.saturating_sub(Bitrate::MAX), Bitrate::ZERO);
    }
}
