//! Key-frame requests for one encoding. Many subscribers ask; the sender is
//! asked as rarely as does any good, since a key frame costs everybody quality.

use std::time::{Duration, Instant};

/// Requests to a sender are at least so far apart, or one round trip if that
/// is longer: an encoder needs about one frame, and the answer one round trip.
const SPACING: Duration = Duration::from_millis(300);
/// When no key frame came by then, the request is taken for lost.
const REPEAT: Duration = Duration::from_millis(500);
/// Requests without an answer, before the sender is left alone until somebody
/// asks anew: five seconds of [`REPEAT`].
const TRIES: u8 = 10;

/// Decides when a PLI goes out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeyFrames {
    wanted: bool,
    /// Requests sent since somebody began to want one.
    tries: u8,
    last_sent: Option<Instant>,
}

impl KeyFrames {
    /// Somebody needs a key frame.
    pub const fn want(&mut self) {
        if !self.wanted {
            self.wanted = true;
            self.tries = 0;
        }
    }

    /// A key frame begins to arrive.
    pub const fn arrived(&mut self) {
        self.wanted = false;
        self.tries = 0;
    }

    /// When [`Self::poll`] has something to say.
    #[must_use]
    pub fn due(&self, round_trip: Duration, now: Instant) -> Option<Instant> {
        if !self.wanted {
            return None;
        }
        let Some(last) = self.last_sent else {
            return Some(now);
        };
        let spacing = if self.tries == 0 { SPACING } else { REPEAT };
        Some(last + spacing.max(round_trip))
    }

    /// Whether to send a PLI now; if so, it is taken as sent.
    pub fn poll(&mut self, round_trip: Duration, now: Instant) -> bool {
        if self.due(round_trip, now).is_none_or(|due| due > now) {
            return false;
        }
        if self.tries == TRIES {
            self.wanted = false;
            return false;
        }
        self.tries += 1;
        self.last_sent = Some(now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::testing::start;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn many_wishes_make_one_request() {
        let now = start();
        let mut frames = KeyFrames::default();
        assert!(!frames.poll(50 * MS, now));
        for _ in 0..100 {
            frames.want();
        }
        assert!(frames.poll(50 * MS, now));
        frames.want();
        assert!(!frames.poll(50 * MS, now + 499 * MS));
        assert!(frames.poll(50 * MS, now + 500 * MS), "the first was lost");
    }

    #[test]
    fn spacing_holds_after_an_answer() {
        let now = start();
        let mut frames = KeyFrames::default();
        frames.want();
        assert!(frames.poll(50 * MS, now));
        frames.arrived();
        assert_eq!(frames.due(50 * MS, now), None);
        frames.want();
        assert!(!frames.poll(50 * MS, now + 299 * MS));
        assert!(frames.poll(50 * MS, now + 300 * MS));
        frames.arrived();
        frames.want();
        assert!(
            !frames.poll(900 * MS, now + 1_199 * MS),
            "a long round trip"
        );
        assert!(frames.poll(900 * MS, now + 1_200 * MS));
    }

    #[test]
    fn gives_up_on_a_dead_sender() {
        let mut now = start();
        let mut frames = KeyFrames::default();
        frames.want();
        let mut sent = 0;
        for _ in 0..1_000 {
            sent += u32::from(frames.poll(50 * MS, now));
            now += 100 * MS;
        }
        assert_eq!(sent, u32::from(TRIES));
        frames.want();
        assert!(frames.poll(50 * MS, now), "until somebody asks anew");
    }
}
