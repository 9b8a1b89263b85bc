//! How loud a track is, from the audio-level extension (RFC 6464).

use std::time::Duration;

use protocol::{ids::TrackId, plane::AudioLevel};

use crate::rtp::VoiceLevel;

/// Louder than this counts as voice, in −dBov.
const VOICED: u8 = 35;
/// The usual length of an Opus packet.
const PACKET: Duration = Duration::from_millis(20);

/// Collects the levels of one track between two reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Levels {
    packets: u32,
    sum: u32,
    voiced: u32,
}

impl Levels {
    pub const fn record(&mut self, level: VoiceLevel) {
        self.packets = self.packets.saturating_add(1);
        self.sum = self.sum.saturating_add(level.level as u32);
        if level.level < VOICED {
            self.voiced = self.voiced.saturating_add(1);
        }
    }

    /// The report over `interval`, after which counting starts anew; `None`
    /// when nothing was heard.
    pub fn report(&mut self, track: TrackId, interval: Duration) -> Option<AudioLevel> {
        let Self {
            packets,
            sum,
            voiced,
        } = std::mem::take(self);
        let mean = sum.checked_div(packets)?;
        let expected = (interval.as_millis() / PACKET.as_millis()).max(1);
        let percent = (u128::from(voiced) * 100 / expected).min(100);
        Some(AudioLevel {
            track,
            level: u8::try_from(mean).unwrap_or(127).min(127),
            voiced_percent: u8::try_from(percent).unwrap_or(100),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_packets_are_voice() {
        let mut levels = Levels::default();
        let interval = Duration::from_millis(200);
        assert_eq!(levels.report(TrackId(1), interval), None);
        for level in [20, 20, 20, 20, 20, 100, 100, 100, 100, 100] {
            levels.record(VoiceLevel { voice: true, level });
        }
        let expected = AudioLevel {
            track: TrackId(1),
            level: 60,
            voiced_percent: 50,
        };
        assert_eq!(levels.report(TrackId(1), interval), Some(expected));
        assert_eq!(levels.report(TrackId(1), interval), None);
    }
}
