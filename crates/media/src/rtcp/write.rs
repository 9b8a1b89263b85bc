//! Writing the packets that we send, each appended whole to the buffer. Several
//! in a row make a compound, which should begin with a report (RFC 3550 §6.1).

use super::{ReportBlock, SenderInfo};

/// Blocks that fit a report's 5-bit count.
const BLOCKS: usize = 31;

/// Appends the common header and what `body` writes, padded to whole words.
pub(super) fn packet(
    out: &mut Vec<u8>,
    packet_type: u8,
    count: u8,
    body: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0x80 | (count & 0x1f), packet_type, 0, 0]);
    body(out);
    let length = (out.len() - start).next_multiple_of(4);
    out.resize(start + length, 0);
    // Callers write less than a datagram; the field allows 262 kB.
    let words = u16::try_from(length / 4 - 1).unwrap_or(u16::MAX);
    if let Some(field) = out.get_mut(start + 2..start + 4) {
        field.copy_from_slice(&words.to_be_bytes());
    }
}

fn put(out: &mut Vec<u8>, word: u32) {
    out.extend_from_slice(&word.to_be_bytes());
}

fn put_blocks(out: &mut Vec<u8>, blocks: &[ReportBlock]) {
    for block in blocks.iter().take(BLOCKS) {
        put(out, block.ssrc);
        let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0x00ff_ffff;
        put(out, u32::from(block.fraction_lost) << 24 | lost);
        put(out, block.highest_sequence);
        put(out, block.jitter);
        put(out, block.last_report);
        put(out, block.delay);
    }
}

fn count(blocks: &[ReportBlock]) -> u8 {
    u8::try_from(blocks.len().min(BLOCKS)).unwrap_or(0)
}

/// A sender report with up to 31 blocks (RFC 3550 §6.4.1); more are left out.
pub fn write_sender_report(out: &mut Vec<u8>, info: &SenderInfo, blocks: &[ReportBlock]) {
    packet(out, 200, count(blocks), |out| {
        put(out, info.ssrc);
        out.extend_from_slice(&info.ntp.to_be_bytes());
        put(out, info.timestamp);
        put(out, info.packets);
        put(out, info.bytes);
        put_blocks(out, blocks);
    });
}

/// A receiver report with up to 31 blocks (RFC 3550 §6.4.2); more are left out.
pub fn write_receiver_report(out: &mut Vec<u8>, ssrc: u32, blocks: &[ReportBlock]) {
    packet(out, 201, count(blocks), |out| {
        put(out, ssrc);
        put_blocks(out, blocks);
    });
}

/// The canonical name of a source (RFC 3550 §6.5.1), cut after 255 bytes.
pub fn write_sdes_cname(out: &mut Vec<u8>, ssrc: u32, cname: &str) {
    let name = cname.as_bytes();
    let name = name.get(..255).unwrap_or(name);
    packet(out, 202, 1, |out| {
        put(out, ssrc);
        out.push(1);
        out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.extend_from_slice(name);
        // The list ends with a null byte, then the chunk with its padding.
        out.push(0);
    });
}

/// Asks for packets again (RFC 4585 §6.2.1). `sequences` in rising order make
/// the shortest packet; none at all make none.
pub fn write_nack(out: &mut Vec<u8>, sender: u32, media: u32, sequences: &[u16]) {
    let Some((&first, rest)) = sequences.split_first() else {
        return;
    };
    packet(out, 205, 1, |out| {
        put(out, sender);
        put(out, media);
        let (mut base, mut following) = (first, 0_u16);
        for &sequence in rest {
            let ahead = sequence.wrapping_sub(base);
            if (1..=16).contains(&ahead) {
                following |= 1 << (ahead - 1);
            } else if ahead != 0 {
                put(out, u32::from(base) << 16 | u32::from(following));
                (base, following) = (sequence, 0);
            }
        }
        put(out, u32::from(base) << 16 | u32::from(following));
    });
}

/// Asks for a key frame (RFC 4585 §6.3.1).
pub fn write_pli(out: &mut Vec<u8>, sender: u32, media: u32) {
    packet(out, 206, 1, |out| {
        put(out, sender);
        put(out, media);
    });
}

/// Says that a source ends (RFC 3550 §6.6).
pub fn write_bye(out: &mut Vec<u8>, ssrc: u32) {
    packet(out, 203, 1, |out| put(out, ssrc));
}
