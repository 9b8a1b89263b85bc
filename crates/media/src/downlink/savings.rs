//! What a stream may spend on repeats: a receiver on a poor network asks for
//! the more of them the less they help.

use std::time::{Duration, Instant};

/// Repeats may take a quarter of what is sent…
const REPEAT_SHARE: usize = 4;
/// …and always this much per second: the loss of a few packets of a thumbnail.
const REPEAT_FLOOR: u64 = 12_500;
/// What may be saved up: a burst of 200 packets.
const REPEAT_SAVINGS: u64 = 250_000;

/// Bytes that may be spent on repeats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Savings {
    bytes: u64,
    filled: Option<Instant>,
}

impl Default for Savings {
    fn default() -> Self {
        Self {
            bytes: REPEAT_FLOOR,
            filled: None,
        }
    }
}

impl Savings {
    /// So many bytes were sent.
    pub(super) fn earn(&mut self, bytes: usize) {
        let earned = (bytes / REPEAT_SHARE) as u64;
        self.bytes = (self.bytes + earned).min(REPEAT_SAVINGS);
    }

    /// Whether so many bytes may be repeated; if so, they are taken as spent.
    pub(super) fn spend(&mut self, bytes: usize, now: Instant) -> bool {
        if let Some(filled) = self.filled {
            let elapsed = now
                .saturating_duration_since(filled)
                .min(Duration::from_secs(60));
            let floor = u64::try_from(elapsed.as_millis()).unwrap_or(0) * REPEAT_FLOOR / 1_000;
            self.bytes = (self.bytes + floor).min(REPEAT_SAVINGS);
        }
        self.filled = Some(now);
        let enough = self.bytes >= bytes as u64;
        if enough {
            self.bytes -= bytes as u64;
        }
        enough
    }
}
