//! Reading compound packets.

use super::{ReportBlock, RtcpError, SenderInfo, TransportFeedback};
use crate::rtp::{be16, be32};

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
const TRANSPORT_SPECIFIC: u8 = 205;
const PAYLOAD_SPECIFIC: u8 = 206;
const EXTENDED_REPORT: u8 = 207;

/// Sender report's own fields after the common header, in bytes.
const SENDER_FIELDS: usize = 24;

/// One packet of a compound. Where there is a sender SSRC it is left out
/// unless somebody needs it: many receivers put 1 there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Packet<'a> {
    SenderReport {
        info: SenderInfo,
        blocks: ReportBlocks<'a>,
    },
    ReceiverReport {
        ssrc: u32,
        blocks: ReportBlocks<'a>,
    },
    Sdes,
    Bye(Bye<'a>),
    Nack(Nack<'a>),
    /// The media SSRC whose decoder needs a key frame.
    Pli {
        media: u32,
    },
    Fir(Fir<'a>),
    TransportFeedback(TransportFeedback<'a>),
    Remb(Remb),
    ExtendedReport,
    /// Of a type, and feedback format, that we have no use for.
    Other {
        packet_type: u8,
        format: u8,
    },
}

/// Reads the packets of a decrypted compound one by one. After an error there
/// are no more.
#[must_use]
pub const fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

/// See [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, RtcpError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let packet = self.cut();
        if packet.is_err() {
            self.rest = &[];
        }
        Some(packet)
    }
}

impl<'a> Packets<'a> {
    /// RFC 3550 §6.4.1: the length counts 32-bit words less one.
    fn cut(&mut self) -> Result<Packet<'a>, RtcpError> {
        let [flags, packet_type, ..] = *self.rest else {
            return Err(RtcpError::Truncated);
        };
        if flags >> 6 != 2 {
            return Err(RtcpError::Version);
        }
        let words = be16(self.rest, 2).ok_or(RtcpError::Truncated)?;
        let length = 4 * (usize::from(words) + 1);
        let (packet, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(RtcpError::Truncated)?;
        self.rest = rest;
        let mut body = packet.get(4..).unwrap_or(&[]);
        if flags & 0x20 != 0 {
            let padding = body.last().copied().map_or(0, usize::from);
            if padding == 0 || padding > body.len() {
                return Err(RtcpError::Padding);
            }
            body = body.get(..body.len() - padding).unwrap_or(&[]);
        }
        read(packet_type, flags & 0x1f, body)
    }
}

fn read(packet_type: u8, count: u8, body: &[u8]) -> Result<Packet<'_>, RtcpError> {
    match (packet_type, count) {
        (SENDER_REPORT, _) => Ok(Packet::SenderReport {
            info: sender_info(body).ok_or(RtcpError::Truncated)?,
            blocks: ReportBlocks::new(body, SENDER_FIELDS, count)?,
        }),
        (RECEIVER_REPORT, _) => Ok(Packet::ReceiverReport {
            ssrc: be32(body, 0).ok_or(RtcpError::Truncated)?,
            blocks: ReportBlocks::new(body, 4, count)?,
        }),
        (SDES, _) => Ok(Packet::Sdes),
        (BYE, _) => Ok(Packet::Bye(Bye {
            sources: body
                .get(..4 * usize::from(count))
                .ok_or(RtcpError::Truncated)?,
        })),
        (TRANSPORT_SPECIFIC, 1) => Ok(Packet::Nack(Nack {
            media: be32(body, 4).ok_or(RtcpError::Truncated)?,
            pairs: body.get(8..).unwrap_or(&[]),
        })),
        (TRANSPORT_SPECIFIC, 15) => TransportFeedback::read(body).map(Packet::TransportFeedback),
        (PAYLOAD_SPECIFIC, 1) => Ok(Packet::Pli {
            media: be32(body, 4).ok_or(RtcpError::Truncated)?,
        }),
        (PAYLOAD_SPECIFIC, 4) => Ok(Packet::Fir(Fir {
            entries: body.get(8..).ok_or(RtcpError::Truncated)?,
        })),
        (PAYLOAD_SPECIFIC, 15) => Ok(Remb::read(body).map_or(
            Packet::Other {
                packet_type,
                format: count,
            },
            Packet::Remb,
        )),
        (EXTENDED_REPORT, _) => Ok(Packet::ExtendedReport),
        _ => Ok(Packet::Other {
            packet_type,
            format: count,
        }),
    }
}

fn sender_info(body: &[u8]) -> Option<SenderInfo> {
    Some(SenderInfo {
        ssrc: be32(body, 0)?,
        ntp: u64::from(be32(body, 4)?) << 32 | u64::from(be32(body, 8)?),
        timestamp: be32(body, 12)?,
        packets: be32(body, 16)?,
        bytes: be32(body, 20)?,
    })
}

/// The blocks of a report, at most 31.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportBlocks<'a> {
    bytes: &'a [u8],
}

impl<'a> ReportBlocks<'a> {
    /// RFC 3550 §6.4.1.
    const LENGTH: usize = 24;

    fn new(body: &'a [u8], start: usize, count: u8) -> Result<Self, RtcpError> {
        let end = start + usize::from(count) * Self::LENGTH;
        let bytes = body.get(start..end).ok_or(RtcpError::Truncated)?;
        Ok(Self { bytes })
    }
}

impl Iterator for ReportBlocks<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.bytes.split_at_checked(Self::LENGTH)?;
        self.bytes = rest;
        let loss = be32(block, 4)?;
        Some(ReportBlock {
            ssrc: be32(block, 0)?,
            fraction_lost: (loss >> 24) as u8,
            // Moves the sign bit of the 24 to the top and back.
            lost: (loss << 8).cast_signed() >> 8,
            highest_sequence: be32(block, 8)?,
            jitter: be32(block, 12)?,
            last_report: be32(block, 16)?,
            delay: be32(block, 20)?,
        })
    }
}

/// The sources that left (RFC 3550 §6.6), at most 31.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bye<'a> {
    sources: &'a [u8],
}

impl Iterator for Bye<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let ssrc = be32(self.sources, 0)?;
        self.sources = self.sources.get(4..)?;
        Some(ssrc)
    }
}

/// Packets that a receiver misses (RFC 4585 §6.2.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Nack<'a> {
    /// The stream that they are missing from.
    pub media: u32,
    pairs: &'a [u8],
}

impl Nack<'_> {
    /// At most 17 for each four bytes of the packet.
    pub fn sequences(&self) -> impl Iterator<Item = u16> {
        self.pairs.chunks_exact(4).flat_map(|pair| {
            let first = be16(pair, 0).unwrap_or(0);
            let following = be16(pair, 2).unwrap_or(0);
            let others = (0..16_u16)
                .filter(move |bit| following >> bit & 1 == 1)
                .map(move |bit| first.wrapping_add(bit + 1));
            std::iter::once(first).chain(others)
        })
    }
}

/// Full intra requests (RFC 5104 §4.3.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fir<'a> {
    entries: &'a [u8],
}

impl Fir<'_> {
    /// Media SSRC and command number of each request.
    pub fn requests(&self) -> impl Iterator<Item = (u32, u8)> {
        self.entries
            .chunks_exact(8)
            .filter_map(|entry| Some((be32(entry, 0)?, *entry.get(4)?)))
    }
}

/// Receiver-estimated maximum bitrate (draft-alvestrand-rmcat-remb-03), in bit/s.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Remb {
    pub bits_per_second: u64,
}

impl Remb {
    fn read(body: &[u8]) -> Option<Self> {
        if body.get(8..12)? != b"REMB" {
            return None;
        }
        let [_, exponent, high, low] = be32(body, 12)?.to_be_bytes();
        let mantissa = u64::from(u32::from_be_bytes([0, exponent & 0x03, high, low]));
        // 18 bits moved by at most 63: what overflows is "no limit".
        let shift = u32::from(exponent >> 2);
        let bits_per_second = if mantissa.leading_zeros() < shift {
            u64::MAX
        } else {
            mantissa << shift
        };
        Some(Self { bits_per_second })
    }
}
