//! How good a participant's connection is, from what the media plane counts.

use livekit_protocol::ConnectionQuality;
use protocol::plane::LinkQuality;

/// LiveKit's grades but for LOST: whose media is lost is closed instead, and
/// clients that see themselves as lost for 10 s start all over.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Grade {
    Poor,
    Good,
    Excellent,
}

impl Grade {
    /// Repair hides up to about 2 % of loss, and conversation bears a round
    /// trip of 300 ms; beyond 8 % or 600 ms people notice.
    pub(crate) fn of(quality: &LinkQuality) -> Self {
        let loss = quality
            .uplink_loss_permille
            .max(quality.downlink_loss_permille);
        match (loss, quality.round_trip_ms) {
            (0..20, 0..300) => Self::Excellent,
            (0..80, 0..600) => Self::Good,
            _ => Self::Poor,
        }
    }

    pub(crate) const fn wire(self) -> ConnectionQuality {
        match self {
            Self::Poor => ConnectionQuality::Poor,
            Self::Good => ConnectionQuality::Good,
            Self::Excellent => ConnectionQuality::Excellent,
        }
    }

    /// On the scale of a mean opinion score.
    pub(crate) const fn score(self) -> f32 {
        match self {
            Self::Poor => 2.0,
            Self::Good => 3.5,
            Self::Excellent => 4.5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grades_follow_the_worse_direction() {
        let grade = |up, down, rtt| {
            Grade::of(&LinkQuality {
                uplink_loss_permille: up,
                downlink_loss_permille: down,
                round_trip_ms: rtt,
            })
        };
        assert_eq!(grade(0, 0, 0), Grade::Excellent);
        assert_eq!(grade(19, 0, 299), Grade::Excellent);
        assert_eq!(grade(0, 20, 10), Grade::Good);
        assert_eq!(grade(0, 0, 599), Grade::Good);
        assert_eq!(grade(80, 0, 10), Grade::Poor);
        assert_eq!(grade(u16::MAX, u16::MAX, u32::MAX), Grade::Poor);
    }
}
