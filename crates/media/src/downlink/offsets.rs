//! From one sequence of numbers to another that closes up over what was
//! dropped, and stays the same for what comes late.

use std::collections::VecDeque;

/// Runs of dropped numbers that are remembered, so that what comes late finds
/// its place. Dropping the upper of three temporal layers at 30 frames/s makes
/// 15 runs per second; repairs are given up after one.
const RUNS: usize = 32;

/// Numbers dropped in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Run {
    first: u64,
    /// The one after the last.
    end: u64,
    /// What was added to numbers below `first`.
    shift: i64,
}

/// Where a number lands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    At(u64),
    /// It was dropped: there is no place for it.
    Dropped,
    /// Too old to tell.
    Forgotten,
}

#[derive(Clone, Debug)]
pub(super) struct Offsets {
    /// What is added to the newest numbers.
    shift: i64,
    /// Oldest first. No allocation before the first drop.
    runs: VecDeque<Run>,
    /// Places of numbers below are not known any more.
    forgotten: u64,
}

impl Offsets {
    /// `from` becomes `to`, and all others keep their distance.
    pub(super) const fn new(from: u64, to: u64) -> Self {
        Self {
            shift: to.cast_signed().wrapping_sub(from.cast_signed()),
            runs: VecDeque::new(),
            forgotten: 0,
        }
    }

    pub(super) fn place(&self, number: u64) -> Place {
        let mut shift = self.shift;
        for run in self.runs.iter().rev() {
            if number >= run.end {
                break;
            }
            if number >= run.first {
                return Place::Dropped;
            }
            shift = run.shift;
        }
        if number < self.forgotten {
            return Place::Forgotten;
        }
        number
            .checked_add_signed(shift)
            .map_or(Place::Forgotten, Place::At)
    }

    /// Takes a number out; those above move down by one. Only for numbers above
    /// all that were dropped before: returns whether it is.
    pub(super) fn drop(&mut self, number: u64) -> bool {
        match self.runs.back_mut() {
            Some(run) if number < run.end => return false,
            Some(run) if number == run.end => run.end += 1,
            _ => {
                if self.runs.len() == RUNS
                    && let Some(run) = self.runs.pop_front()
                {
                    self.forgotten = run.end;
                }
                self.runs.push_back(Run {
                    first: number,
                    end: number + 1,
                    shift: self.shift,
                });
            }
        }
        self.shift -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is not dropped lands gaplessly, however late it asks.
        #[test]
        fn closes_up(drops in prop::collection::vec(any::<bool>(), 1..200), origin in 1_u64..1 << 40) {
            let mut offsets = Offsets::new(1_000, origin);
            for (number, dropped) in (1_000..).zip(&drops) {
                if *dropped {
                    prop_assert!(offsets.drop(number));
                    prop_assert!(!offsets.drop(number));
                }
            }
            let mut expected = origin;
            for (number, dropped) in (1_000..).zip(&drops) {
                let place = offsets.place(number);
                if number >= offsets.forgotten {
                    let right = if *dropped { Place::Dropped } else { Place::At(expected) };
                    prop_assert_eq!(place, right);
                } else {
                    prop_assert!(place == Place::Forgotten);
                }
                expected += u64::from(!dropped);
            }
            prop_assert!(offsets.runs.len() <= RUNS);
        }
    }
}
