//! Transport-wide feedback: when each packet of a transport arrived
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1).

use super::{RtcpError, STATUSES, write::packet};
use crate::rtp::{be16, be32};

/// Bytes before the chunks: two SSRCs, base, count, reference time, number.
const FIELDS: usize = 16;
/// Packets in a run-length chunk: 13 bits.
const RUN: usize = 8_191;

/// What became of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    pub sequence: u16,
    /// `None` when it did not arrive. Else the time since the arrival of the
    /// received packet before it in this feedback (for the first: since the
    /// reference time), in 250 µs.
    pub delta: Option<i16>,
}

/// A feedback packet whose chunks and deltas have been checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransportFeedback<'a> {
    /// Transport sequence number of the first packet.
    pub base: u16,
    /// Packets that it speaks of, at most [`STATUSES`].
    pub count: u16,
    /// In 64 ms since an arbitrary moment; 24 bits, signed.
    pub reference: i32,
    /// Counts the feedback packets.
    pub number: u8,
    chunks: &'a [u8],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, RtcpError> {
        let short = RtcpError::Truncated;
        let base = be16(body, 8).ok_or(short)?;
        let count = be16(body, 10).ok_or(short)?;
        if usize::from(count) > STATUSES {
            return Err(RtcpError::TooMany);
        }
        let time = be32(body, 12).ok_or(short)?;
        let rest = body.get(FIELDS..).ok_or(short)?;
        let (chunks, delta_bytes) = measure(rest, usize::from(count)).ok_or(short)?;
        let (chunks, deltas) = rest.split_at_checked(chunks).ok_or(short)?;
        if deltas.len() < delta_bytes {
            return Err(short);
        }
        Ok(Self {
            base,
            count,
            reference: time.cast_signed() >> 8,
            number: (time & 0xff) as u8,
            chunks,
            deltas,
        })
    }

    /// In order of sequence number.
    #[must_use]
    pub fn statuses(&self) -> Statuses<'a> {
        Statuses {
            sequence: self.base,
            left: self.count,
            symbols: Symbols::new(self.chunks),
            deltas: self.deltas,
        }
    }
}

/// Bytes of chunks and of deltas that `count` statuses take.
fn measure(chunks: &[u8], count: usize) -> Option<(usize, usize)> {
    let mut symbols = Symbols::new(chunks);
    let mut deltas = 0;
    for _ in 0..count {
        deltas += match symbols.next()? {
            1 => 1,
            2 => 2,
            _ => 0,
        };
    }
    Some((chunks.len() - symbols.rest.len(), deltas))
}

/// Two-bit symbols out of chunks: 0 not received, 1 small delta, 2 large
/// delta, 3 reserved (taken as not received).
#[derive(Clone, PartialEq, Eq, Debug)]
struct Symbols<'a> {
    rest: &'a [u8],
    chunk: u16,
    /// Symbols left in the chunk.
    left: u16,
}

impl<'a> Symbols<'a> {
    const fn new(rest: &'a [u8]) -> Self {
        Self {
            rest,
            chunk: 0,
            left: 0,
        }
    }
}

impl Iterator for Symbols<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        while self.left == 0 {
            self.chunk = be16(self.rest, 0)?;
            self.rest = self.rest.get(2..)?;
            self.left = match self.chunk >> 14 {
                0 | 1 => self.chunk & 0x1fff,
                2 => 14,
                _ => 7,
            };
        }
        self.left -= 1;
        let symbol = match self.chunk >> 14 {
            0 | 1 => self.chunk >> 13,
            2 => self.chunk >> self.left & 1,
            _ => self.chunk >> (2 * self.left),
        };
        Some((symbol & 3) as u8)
    }
}

/// See [`TransportFeedback::statuses`].
#[derive(Clone, Debug)]
pub struct Statuses<'a> {
    sequence: u16,
    left: u16,
    symbols: Symbols<'a>,
    deltas: &'a [u8],
}

impl Iterator for Statuses<'_> {
    type Item = Status;

    fn next(&mut self) -> Option<Status> {
        self.left = self.left.checked_sub(1)?;
        let delta = match self.symbols.next()? {
            1 => {
                let (&small, rest) = self.deltas.split_first()?;
                self.deltas = rest;
                Some(i16::from(small))
            }
            2 => {
                let (large, rest) = self.deltas.split_first_chunk()?;
                self.deltas = rest;
                Some(i16::from_be_bytes(*large))
            }
            _ => None,
        };
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        Some(Status { sequence, delta })
    }
}

/// Writes a feedback packet that speaks of `deltas.len()` packets from `base`
/// on (at most [`STATUSES`]; more are left out). `reference` is in 64 ms.
pub fn write_transport_feedback(
    out: &mut Vec<u8>,
    media: u32,
    number: u8,
    (base, reference): (u16, i32),
    deltas: &[Option<i16>],
) {
    let deltas = deltas.get(..STATUSES).unwrap_or(deltas);
    packet(out, 205, 15, |out| {
        // Sender SSRC: feedback belongs to the transport, not to a stream.
        out.extend_from_slice(&1_u32.to_be_bytes());
        out.extend_from_slice(&media.to_be_bytes());
        out.extend_from_slice(&base.to_be_bytes());
        let count = u16::try_from(deltas.len()).unwrap_or(0);
        out.extend_from_slice(&count.to_be_bytes());
        let time = (reference << 8).cast_unsigned() | u32::from(number);
        out.extend_from_slice(&time.to_be_bytes());
        write_chunks(out, deltas);
        for delta in deltas.iter().flatten() {
            match u8::try_from(*delta) {
                Ok(small) => out.push(small),
                Err(_) => out.extend_from_slice(&delta.to_be_bytes()),
            }
        }
    });
}

fn symbol(delta: Option<i16>) -> u16 {
    match delta {
        None => 0,
        Some(0..=255) => 1,
        Some(_) => 2,
    }
}

/// Runs of at least 7 as run-length chunks (a vector would hold no more), the
/// rest as vectors: of 14 one-bit symbols when no large delta is among them.
fn write_chunks(out: &mut Vec<u8>, mut rest: &[Option<i16>]) {
    while let Some(&first) = rest.first() {
        let kind = symbol(first);
        let run = rest
            .iter()
            .take(RUN)
            .take_while(|delta| symbol(**delta) == kind)
            .count();
        let (chunk, length) = if run >= 7 || run == rest.len() {
            (kind << 13 | u16::try_from(run).unwrap_or(0), run)
        } else {
            vector(rest)
        };
        out.extend_from_slice(&chunk.to_be_bytes());
        rest = rest.get(length..).unwrap_or(&[]);
    }
}

fn vector(rest: &[Option<i16>]) -> (u16, usize) {
    let one_bit = rest.iter().take(14).all(|delta| symbol(*delta) < 2);
    let (header, symbols, bits) = if one_bit {
        (0x8000, 14, 1)
    } else {
        (0xc000, 7, 2)
    };
    let mut chunk = 0;
    for at in 0..symbols {
        let delta = rest.get(at).copied().flatten();
        chunk = chunk << bits | symbol(delta);
    }
    (header | chunk, symbols.min(rest.len()))
}
