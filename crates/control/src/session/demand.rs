//! What the subscribers of one track want, together, and what its publisher was
//! told of it.

use std::time::{Duration, Instant};

use livekit_protocol::{SubscribedQuality, VideoQuality};
use protocol::media::Wish;

/// What is watched has to be less for so long before the publisher is told, as
/// LiveKit has it: people who scroll or switch views come back.
const PATIENCE: Duration = Duration::from_secs(5);

/// LiveKit's qualities, from the lowest.
const QUALITIES: [VideoQuality; 3] = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High];

/// What the subscribers of one track want, together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Demand {
    /// Subscribers by the highest quality that they want.
    counts: [u32; QUALITIES.len()],
    /// Lowest qualities that the publisher was told to leave out, counted from
    /// the highest: it begins with all of them.
    spared: usize,
    /// When less is told, unless more is wanted by then.
    lower_at: Option<Instant>,
}

/// What to do after a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    Nothing,
    Tell,
    Wait,
}

impl Demand {
    /// A subscriber's wish becomes another one; `None` is no subscriber.
    pub(crate) fn change(&mut self, from: Option<Wish>, to: Option<Wish>) {
        if let Some(count) = from.and_then(|wish| self.count(wish)) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = to.and_then(|wish| self.count(wish)) {
            *count = count.saturating_add(1);
        }
    }

    fn count(&mut self, wish: Wish) -> Option<&mut u32> {
        match wish {
            Wish::Paused => None,
            Wish::UpTo { encoding, .. } => {
                let last = self.counts.len() - 1;
                self.counts.get_mut(usize::from(encoding).min(last))
            }
        }
    }

    /// How many qualities, from the lowest, somebody wants.
    pub(crate) fn wanted(&self) -> usize {
        let highest = self.counts.iter().rposition(|count| *count > 0);
        highest.map_or(0, |at| at + 1)
    }

    /// In another room others watch; what the publisher was told still holds.
    pub(crate) const fn forget_watchers(&mut self) {
        self.counts = [0; QUALITIES.len()];
        self.lower_at = None;
    }

    /// Whether the publisher was told to leave something out.
    pub(crate) const fn spares(&self) -> bool {
        self.spared > 0
    }

    const fn told(&self) -> usize {
        QUALITIES.len() - self.spared
    }

    /// Decides what is to be done about it now. `elsewhere`: how many qualities
    /// are wanted by those in other rooms.
    pub(crate) fn settle(&mut self, elsewhere: usize, now: Instant) -> Step {
        let wanted = self.wanted().max(elsewhere).min(QUALITIES.len());
        if wanted == self.told() {
            self.lower_at = None;
            return Step::Nothing;
        }
        let due = *self.lower_at.get_or_insert(now + PATIENCE);
        if wanted < self.told() && now < due {
            return Step::Wait;
        }
        self.lower_at = None;
        self.spared = QUALITIES.len() - wanted;
        Step::Tell
    }

    /// What the publisher is to encode.
    pub(crate) fn qualities(&self) -> Vec<SubscribedQuality> {
        let told = self.told();
        (0..)
            .zip(QUALITIES)
            .map(|(at, quality)| SubscribedQuality {
                quality: quality.into(),
                enabled: at < told,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wish(quality: u8) -> Option<Wish> {
        match quality {
            0..=3 => Some(Wish::UpTo {
                encoding: quality,
                temporal: 0,
            }),
            4 => Some(Wish::Paused),
            _ => None,
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test needs some instant to start from"
    )]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn more_at_once_less_after_a_while() {
        let now = start();
        let mut demand = Demand::default();
        assert_eq!(demand.settle(0, now), Step::Wait, "nobody watches");
        demand.change(None, wish(0));
        assert_eq!(demand.settle(0, now + PATIENCE), Step::Tell);
        assert_eq!(demand.told(), 1);
        demand.change(None, wish(3));
        assert_eq!(demand.settle(0, now + PATIENCE), Step::Tell);
        assert_eq!(demand.told(), 3);
        demand.change(wish(3), wish(4));
        assert_eq!(demand.settle(0, now + PATIENCE), Step::Wait);
        demand.change(wish(4), wish(2));
        assert_eq!(demand.settle(0, now + PATIENCE), Step::Nothing);
        demand.change(wish(2), None);
        demand.change(wish(0), None);
        assert_eq!(demand.settle(0, now + 2 * PATIENCE), Step::Wait);
        assert_eq!(demand.settle(0, now + 3 * PATIENCE), Step::Tell);
        assert!(demand.qualities().iter().all(|quality| !quality.enabled));
    }

    proptest! {
        /// Whatever happens, nobody waits for a quality that the publisher was
        /// told to leave out, and what nobody wants ends.
        #[test]
        fn never_less_than_wanted(changes in prop::collection::vec((0_usize..4, 0_u8..6, 0_u64..4_000), 1..60)) {
            let mut now = start();
            let mut demand = Demand::default();
            let mut wishes = [None; 4];
            for (who, quality, wait) in changes {
                let new = wish(quality);
                demand.change(wishes[who], new);
                wishes[who] = new;
                demand.settle(0, now);
                let most = wishes.iter().flatten().map(|wish| match wish {
                    Wish::Paused => 0,
                    Wish::UpTo { encoding, .. } => usize::from(*encoding).min(2) + 1,
                }).max().unwrap_or(0);
                prop_assert!(demand.told() >= most);
                now += Duration::from_millis(wait);
            }
            demand.settle(0, now);
            demand.settle(0, now + PATIENCE);
            prop_assert_eq!(demand.told(), demand.wanted());
        }
    }
}
