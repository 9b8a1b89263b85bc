//! Key frames of VP9 (RFC 9628 §4.2) and AV1 (AV1 RTP payload format §4.4), so
//! that a single stream of either can be forwarded.

/// A frame that is not predicted from others (P = 0) begins (B = 1), in the
/// lowest spatial layer.
pub(super) fn vp9_key_frame(payload: &[u8]) -> bool {
    let Some((&flags, _)) = payload.split_first() else {
        return false;
    };
    let predicted = flags & 0x40 != 0;
    let begins = flags & 0x08 != 0;
    begins && !predicted && vp9_spatial(payload, flags) == Some(0)
}

/// 0 without layer indices.
fn vp9_spatial(payload: &[u8], flags: u8) -> Option<u8> {
    if flags & 0x20 == 0 {
        return Some(0);
    }
    let mut at = 1;
    if flags & 0x80 != 0 {
        at += if payload.get(1)? & 0x80 != 0 { 2 } else { 1 };
    }
    Some(payload.get(at)? >> 1 & 0x07)
}

/// The aggregation header's N: first packet of a coded video sequence.
pub(super) fn av1_key_frame(payload: &[u8]) -> bool {
    payload.first().is_some_and(|header| header & 0x08 != 0)
}
