//! H.264's NAL units as RTP carries them (RFC 6184 §5).

use super::KeyFrame;
use crate::rtp::be16;

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// NAL units of an aggregate that are looked at: parameter sets come first.
const UNITS: usize = 16;

pub(super) fn key_frame(payload: &[u8]) -> KeyFrame {
    let Some((&head, rest)) = payload.split_first() else {
        return KeyFrame::No;
    };
    match head & 0x1f {
        STAP_A => aggregate(rest),
        FU_A => match rest.first() {
            // Only the fragment with the start bit is a beginning (§5.8).
            Some(fragment) if fragment & 0x80 != 0 => unit(*fragment),
            _ => KeyFrame::No,
        },
        _ => unit(head),
    }
}

fn unit(head: u8) -> KeyFrame {
    match head & 0x1f {
        SPS => KeyFrame::Start,
        IDR => KeyFrame::IfFirst,
        _ => KeyFrame::No,
    }
}

/// §5.7.1: 16-bit length and unit, again and again.
fn aggregate(mut rest: &[u8]) -> KeyFrame {
    let mut found = KeyFrame::No;
    for _ in 0..UNITS {
        let (Some(length), Some(&head)) = (be16(rest, 0), rest.get(2)) else {
            break;
        };
        match unit(head) {
            KeyFrame::Start => return KeyFrame::Start,
            KeyFrame::IfFirst => found = KeyFrame::IfFirst,
            KeyFrame::No => {}
        }
        rest = rest.get(2 + usize::from(length)..).unwrap_or(&[]);
    }
    found
}
