//! Redundant audio (RFC 2198): older sound before the newest, so that a lost
//! packet is made up for by the next.

/// Blocks of one packet, the newest included. Senders put in one or two old
/// ones; libwebrtc allows nine.
const BLOCKS: usize = 32;

/// Bytes of the header of an old block; that of the newest has one.
const HEADER: usize = 4;

/// Where the newest block's sound begins, in bytes; `None` when the packet is
/// malformed or has no such sound.
#[must_use]
pub fn primary(payload: &[u8]) -> Option<usize> {
    let (mut at, mut old) = (0, 0);
    for _ in 0..BLOCKS {
        if payload.get(at)? & 0x80 == 0 {
            let start = at + 1 + old;
            return (start < payload.len()).then_some(start);
        }
        let length = payload.get(at + 2..at + HEADER)?;
        if let [high, low] = *length {
            old += usize::from(high & 0x03) << 8 | usize::from(low);
        }
        at += HEADER;
    }
    None
}

/// Names the payload type of all blocks anew, in a copy of a payload that
/// [`primary`] could read.
pub fn renumber(payload: &mut [u8], payload_type: u8) {
    let mut at = 0;
    for _ in 0..BLOCKS {
        let Some(head) = payload.get_mut(at) else {
            return;
        };
        let more = *head & 0x80;
        *head = more | (payload_type & 0x7f);
        if more == 0 {
            return;
        }
        at += HEADER;
    }
}

/// The payload type of the newest block.
#[must_use]
pub fn payload_type(payload: &[u8]) -> Option<u8> {
    let heads = payload.iter().step_by(HEADER).take(BLOCKS);
    heads.copied().find(|head| head & 0x80 == 0)
}
