//! RTP packets on the wire (RFC 3550 §5.1) and their header extensions
//! (RFC 8285): parsing what peers sent, writing what we send.
//!
//! Knows nothing of encryption, streams or time. Every byte that it reads is
//! hostile.

mod extensions;
mod payloads;
mod sequence;
mod window;

use std::ops::Range;

pub use extensions::{Extensions, Outgoing, VoiceLevel, write_header};
pub use payloads::{Meaning, PayloadTypes};
pub use sequence::{Extender, is_newer, ticks};
pub(crate) use window::{Novelty, WINDOW, Window};

/// The fixed header without CSRCs and extensions, in bytes.
pub const FIXED_HEADER: usize = 12;

/// Why bytes are not an RTP packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RtpError {
    #[error("the packet is shorter than its header says")]
    Truncated,
    #[error("the version is not 2")]
    Version,
    #[error("the padding is empty or longer than the payload")]
    Padding,
    #[error("a header extension runs past the end of the extension block")]
    Extension,
}

/// The fields of the fixed header that matter to a forwarder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    pub marker: bool,
    /// 7 bits.
    pub payload_type: u8,
    pub sequence: u16,
    /// In ticks of the codec's clock.
    pub timestamp: u32,
    pub ssrc: u32,
}

/// A packet whose header has been read. The payload may still be encrypted:
/// padding is looked at only by [`Parsed::payload`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parsed {
    pub header: Header,
    /// Fixed header, CSRCs and extension block, in bytes: what SRTP
    /// authenticates but does not encrypt.
    pub header_len: usize,
    /// The "defined by profile" field of the extension block and where in the
    /// packet its elements are.
    pub extension: Option<(u16, Range<usize>)>,
    /// The padding flag.
    pub padded: bool,
}

impl Parsed {
    /// Reads the header of a packet, encrypted or not.
    ///
    /// # Errors
    /// When the version is not 2 or the header runs past the end.
    pub fn read(packet: &[u8]) -> Result<Self, RtpError> {
        let [flags, kind, ..] = *packet else {
            return Err(RtpError::Truncated);
        };
        if flags >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let header = Header {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7f,
            sequence: be16(packet, 2).ok_or(RtpError::Truncated)?,
            timestamp: be32(packet, 4).ok_or(RtpError::Truncated)?,
            ssrc: be32(packet, 8).ok_or(RtpError::Truncated)?,
        };
        let mut header_len = FIXED_HEADER + 4 * usize::from(flags & 0x0f);
        let mut extension = None;
        if flags & 0x10 != 0 {
            let profile = be16(packet, header_len).ok_or(RtpError::Truncated)?;
            let words = be16(packet, header_len + 2).ok_or(RtpError::Truncated)?;
            let start = header_len + 4;
            header_len = start + 4 * usize::from(words);
            extension = Some((profile, start..header_len));
        }
        if packet.len() < header_len {
            return Err(RtpError::Truncated);
        }
        Ok(Self {
            header,
            header_len,
            extension,
            padded: flags & 0x20 != 0,
        })
    }

    /// Where the payload is in the decrypted packet, without padding; empty for
    /// packets that are nothing but padding (probes of bandwidth).
    ///
    /// # Errors
    /// When the padding's length is impossible (RFC 3550 §5.1: at least 1, and
    /// within the packet).
    pub fn payload(&self, packet: &[u8]) -> Result<Range<usize>, RtpError> {
        let end = packet.len();
        if !self.padded {
            return Ok(self.header_len..end.max(self.header_len));
        }
        let padding = packet.last().copied().map_or(0, usize::from);
        if padding == 0 || self.header_len + padding > end {
            return Err(RtpError::Padding);
        }
        Ok(self.header_len..end - padding)
    }
}

/// A big-endian number at `at`, if it is all there.
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// A big-endian number at `at`, if it is all there.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
