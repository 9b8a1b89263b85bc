//! Which encodings of a track arrive just now. A sender stops its best ones
//! when the network or the machine is short, and says so to nobody.

use std::time::{Duration, Instant};

/// An encoding that is silent for so long…
const SILENCE: Duration = Duration::from_secs(1);
/// …while another one completed so many frames, has ended. The count keeps
/// a still screen, of which all encodings come once in a while, from flapping.
const FRAMES: u8 = 4;
/// Encodings of a track.
const ENCODINGS: usize = 3;

/// A set of encodings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Encodings(u8);

impl Encodings {
    /// Encodings from 8 on are not kept: no track has them.
    #[must_use]
    pub const fn with(self, encoding: u8) -> Self {
        match 1_u8.checked_shl(encoding as u32) {
            Some(bit) => Self(self.0 | bit),
            None => self,
        }
    }

    #[must_use]
    pub const fn contains(self, encoding: u8) -> bool {
        encoding < 8 && self.0 >> encoding & 1 == 1
    }

    /// The best that is not above `limit`.
    #[must_use]
    pub const fn best(self, limit: u8) -> Option<u8> {
        let mut encoding = if limit < 7 { limit } else { 7 };
        loop {
            if self.contains(encoding) {
                return Some(encoding);
            }
            match encoding.checked_sub(1) {
                Some(below) => encoding = below,
                None => return None,
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Life {
    last: Instant,
    /// Frames that other encodings completed since.
    others: u8,
}

/// Watches the encodings of one track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Liveness {
    lives: [Option<Life>; ENCODINGS],
}

impl Liveness {
    /// A packet of the encoding arrived.
    pub fn observe(&mut self, encoding: u8, marker: bool, now: Instant) {
        for (at, life) in (0_u8..).zip(&mut self.lives) {
            if at == encoding {
                *life = Some(Life {
                    last: now,
                    others: 0,
                });
            } else if let Some(life) = life
                && marker
            {
                life.others = life.others.saturating_add(1);
            }
        }
    }

    /// The encodings that arrive. A track that fell silent altogether keeps
    /// those that it had.
    #[must_use]
    pub fn live(&self, now: Instant) -> Encodings {
        let mut live = Encodings::default();
        for (at, life) in (0_u8..).zip(&self.lives) {
            if let Some(life) = life
                && (life.others < FRAMES || now.saturating_duration_since(life.last) < SILENCE)
            {
                live = live.with(at);
            }
        }
        live
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::testing::start;

    #[test]
    fn best_obeys_the_limit() {
        let live = Encodings::default().with(0).with(2).with(200);
        assert_eq!(live.best(0), Some(0));
        assert_eq!(live.best(1), Some(0));
        assert_eq!(live.best(2), Some(2));
        assert_eq!(live.best(u8::MAX), Some(2));
        assert_eq!(Encodings::default().with(1).best(0), None);
        assert!(!live.contains(200));
    }

    #[test]
    fn an_encoding_ends_when_the_others_go_on() {
        let mut now = start();
        let mut liveness = Liveness::default();
        assert_eq!(liveness.live(now), Encodings::default());
        liveness.observe(2, true, now);
        for frame in 0..40_u32 {
            assert!(liveness.live(now).contains(2), "frame {frame}");
            if now.duration_since(start()) > SILENCE {
                break;
            }
            liveness.observe(0, true, now);
            now += Duration::from_millis(33);
            if frame >= 29 {
                now += SILENCE;
                break;
            }
        }
        assert!(!liveness.live(now).contains(2));
        assert!(liveness.live(now).contains(0));
    }

    #[test]
    fn a_still_picture_does_not_flap() {
        let mut now = start();
        let mut liveness = Liveness::default();
        for _ in 0..10 {
            liveness.observe(0, true, now);
            now += Duration::from_millis(1);
            let live = liveness.live(now);
            liveness.observe(1, true, now);
            assert!(live == Encodings::default().with(0) || live.contains(1));
            now += Duration::from_secs(5);
            assert!(liveness.live(now).contains(0) && liveness.live(now).contains(1));
        }
    }
}
