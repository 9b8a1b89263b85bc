//! Who speaks: a pure judgement on the reports of audio levels.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use protocol::plane::LEVELS_INTERVAL;

use crate::desk::PersonKey;

/// Reports looked at together: 400 ms, in which a syllable and the gap after
/// it both fall.
const WINDOW: usize = 2;
/// Percent of the window that must be loud to begin a turn…
const BEGIN_PERCENT: u16 = 40;
/// …and to go on with it.
const GO_ON_PERCENT: u16 = 15;
/// A turn outlasts pauses between words and sentences.
const HOLD: Duration = Duration::from_millis(800);
/// Changes of loudness alone are told no more often than this.
const LEVEL_INTERVAL: Duration = Duration::from_millis(400);
/// Loudness is told in steps, so that breathing is not news.
const LEVEL_STEPS: f32 = 8.0;

/// −dBov of silence (RFC 6464 §3).
const SILENCE: u8 = 127;

/// A change to be told to the room.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Turn {
    pub(crate) person: PersonKey,
    /// 0 to 1.
    pub(crate) level: f32,
    pub(crate) active: bool,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    level: u8,
    voiced: u8,
}

const QUIET: Report = Report {
    level: SILENCE,
    voiced: 0,
};

#[derive(Clone, Debug)]
struct Voice {
    /// Loudest track since the last judgement.
    latest: Option<Report>,
    window: [Report; WINDOW],
    /// When it was last loud enough to go on.
    loud_at: Instant,
    active: bool,
    told: f32,
    told_at: Instant,
}

/// Everyone in a room who was heard lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Speakers {
    voices: BTreeMap<PersonKey, Voice>,
}

impl Speakers {
    /// How often [`Speakers::judge`] wants to be called while it is not idle.
    pub(crate) const INTERVAL: Duration = LEVELS_INTERVAL;

    pub(crate) fn idle(&self) -> bool {
        self.voices.is_empty()
    }

    pub(crate) fn heard(&mut self, person: PersonKey, level: u8, voiced: u8, now: Instant) {
        let voice = self.voices.entry(person).or_insert(Voice {
            latest: None,
            window: [QUIET; WINDOW],
            loud_at: now,
            active: false,
            told: 0.0,
            told_at: now,
        });
        let latest = voice.latest.get_or_insert(QUIET);
        latest.level = latest.level.min(level);
        latest.voiced = latest.voiced.max(voiced);
    }

    /// Someone left, or has no sound any more.
    pub(crate) fn forget(&mut self, person: PersonKey) -> Option<Turn> {
        let voice = self.voices.remove(&person)?;
        voice.active.then_some(Turn {
            person,
            level: 0.0,
            active: false,
        })
    }

    /// Those who speak now, for someone who has just come.
    pub(crate) fn current(&self) -> impl Iterator<Item = Turn> + '_ {
        self.voices
            .iter()
            .filter(|(_, voice)| voice.active)
            .map(|(person, voice)| Turn {
                person: *person,
                level: voice.told,
                active: true,
            })
    }

    pub(crate) fn judge(&mut self, now: Instant) -> Vec<Turn> {
        let mut turns = Vec::new();
        for (person, voice) in &mut self.voices {
            if let Some((level, active)) = voice.judge(now) {
                turns.push(Turn {
                    person: *person,
                    level,
                    active,
                });
            }
        }
        self.voices
            .retain(|_, voice| voice.active || voice.window.iter().any(|r| r.voiced > 0));
        turns
    }
}

impl Voice {
    fn judge(&mut self, now: Instant) -> Option<(f32, bool)> {
        self.window.rotate_right(1);
        if let Some(first) = self.window.first_mut() {
            *first = self.latest.take().unwrap_or(QUIET);
        }
        let voiced: u16 = self
            .window
            .iter()
            .map(|report| u16::from(report.voiced))
            .sum();
        let voiced = voiced / 2;
        if voiced >= GO_ON_PERCENT {
            self.loud_at = now;
        }
        let active =
            voiced >= BEGIN_PERCENT || (self.active && now.duration_since(self.loud_at) < HOLD);
        let level = if active { self.loudness() } else { 0.0 };
        let turned = active != self.active;
        // Both are multiples of 1/8, which are exact.
        let changed = (level - self.told).abs() > f32::EPSILON
            && now.duration_since(self.told_at) >= LEVEL_INTERVAL;
        self.active = active;
        if !(turned || active && changed) {
            return None;
        }
        self.told = level;
        self.told_at = now;
        Some((level, active))
    }

    /// Linear, 1 at full scale, in steps; an active speaker is never at 0.
    fn loudness(&self) -> f32 {
        let loudest = self
            .window
            .iter()
            .map(|report| report.level)
            .min()
            .unwrap_or(SILENCE);
        let linear = 10_f32.powf(-f32::from(loudest) / 20.0);
        (linear * LEVEL_STEPS).ceil().clamp(1.0, LEVEL_STEPS) / LEVEL_STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: PersonKey = PersonKey(1);

    fn run(
        speakers: &mut Speakers,
        now: &mut Instant,
        voiced: Option<u8>,
        ticks: u32,
    ) -> Vec<Turn> {
        let mut turns = Vec::new();
        for _ in 0..ticks {
            *now += LEVELS_INTERVAL;
            if let Some(voiced) = voiced {
                speakers.heard(ANNA, 20, voiced, *now);
            }
            turns.extend(speakers.judge(*now));
        }
        turns
    }

    #[test]
    fn speech_begins_within_the_window_and_outlasts_a_pause() {
        let (mut speakers, mut now) = (Speakers::default(), crate::tests::start());
        let turns = run(&mut speakers, &mut now, Some(90), 2);
        assert_eq!(turns.len(), 1);
        assert!(turns[0].active && turns[0].level > 0.0);
        assert_eq!(run(&mut speakers, &mut now, None, 2), vec![]);
        assert_eq!(run(&mut speakers, &mut now, Some(90), 2), vec![]);
        let end = run(&mut speakers, &mut now, None, 10);
        assert_eq!(
            end,
            vec![Turn {
                person: ANNA,
                level: 0.0,
                active: false
            }]
        );
        assert!(speakers.idle());
    }

    #[test]
    fn a_click_is_no_speech() {
        let (mut speakers, mut now) = (Speakers::default(), crate::tests::start());
        assert_eq!(run(&mut speakers, &mut now, Some(20), 1), vec![]);
        assert_eq!(run(&mut speakers, &mut now, None, 5), vec![]);
        assert!(speakers.idle());
    }

    #[test]
    fn whoever_leaves_in_mid_sentence_is_silenced() {
        let (mut speakers, mut now) = (Speakers::default(), crate::tests::start());
        run(&mut speakers, &mut now, Some(90), 3);
        assert_eq!(speakers.current().count(), 1);
        assert_eq!(speakers.forget(ANNA).map(|turn| turn.active), Some(false));
        assert!(speakers.forget(ANNA).is_none());
    }
}
