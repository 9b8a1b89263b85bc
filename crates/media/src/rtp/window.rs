//! Which of the latest numbers of a stream have been seen.

/// Numbers behind the highest that can be told apart: one second of repairs at
/// 1,000 packets/s.
pub(crate) const WINDOW: u64 = 1_024;
const WORDS: usize = 16;

/// Whether a number was seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Novelty {
    New,
    Seen,
    /// [`WINDOW`] or more behind the highest.
    TooOld,
}

/// A set of the numbers seen, sliding with the highest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    highest: Option<u64>,
    /// Number n is bit n mod 1,024.
    bits: [u64; WORDS],
}

impl Window {
    /// Takes in a number and says whether it was there already.
    pub(crate) fn insert(&mut self, number: u64) -> Novelty {
        match self.highest {
            Some(highest) if number <= highest => {
                if highest - number >= WINDOW {
                    return Novelty::TooOld;
                }
            }
            Some(highest) => self.slide(highest, number),
            None => self.highest = Some(number),
        }
        let mask = 1 << (number % 64);
        let word = self.word(number);
        if *word & mask != 0 {
            return Novelty::Seen;
        }
        *word |= mask;
        Novelty::New
    }

    /// Forgets what the new numbers' bits stood for, 1,024 numbers ago.
    fn slide(&mut self, highest: u64, number: u64) {
        if number - highest >= WINDOW {
            self.bits = [0; WORDS];
        } else {
            for passed in highest + 1..=number {
                *self.word(passed) &= !(1 << (passed % 64));
            }
        }
        self.highest = Some(number);
    }

    fn word(&mut self, number: u64) -> &mut u64 {
        let at = (number / 64 % WORDS as u64) as usize;
        #[expect(clippy::indexing_slicing, reason = "the remainder is below the length")]
        &mut self.bits[at]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_set(steps in prop::collection::vec((any::<bool>(), 0_u64..1_500), 1..400)) {
            let mut window = Window::default();
            let mut seen = BTreeSet::new();
            let mut at = 100_000_u64;
            for (forward, step) in steps {
                let number = if forward { at + step % 40 } else { at - step };
                let novelty = window.insert(number);
                let highest = seen.last().copied().unwrap_or(number);
                let expected = if number + WINDOW <= highest {
                    Novelty::TooOld
                } else if seen.insert(number) {
                    Novelty::New
                } else {
                    Novelty::Seen
                };
                prop_assert_eq!(novelty, expected);
                at = at.max(number);
            }
        }
    }
}
