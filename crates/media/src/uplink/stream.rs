//! One received stream: its packets in a form that can be shared, its loss and
//! jitter, and what to ask of its sender.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    ids::TrackId,
    media::{Format, Kind},
};

use super::{Packet, Reference};
use crate::{
    rtcp::{ReportBlock, SenderInfo},
    rtp::{Extensions, Header},
};

/// A decrypted and parsed packet.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    pub header: &'a Header,
    pub extensions: &'a Extensions<'a>,
    /// Without padding; may be empty.
    pub payload: &'a [u8],
    pub format: Format,
    /// It came by retransmission: `header.sequence` is the original one.
    pub repair: bool,
}

/// Why a packet is not forwarded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
pub enum Rejected {
    #[error("it came before")]
    Duplicate,
    #[error("it is too old to tell whether it came before")]
    TooOld,
    #[error("its number is far from all others")]
    Stray,
}

/// The original sequence number and payload of a retransmission (RFC 4588 §4);
/// `None` when it carries nothing (RTX streams are padded to probe for bandwidth).
#[must_use]
pub fn unwrap_repair(payload: &[u8]) -> Option<(u16, &[u8])> {
    let (original, payload) = payload.split_first_chunk()?;
    (!payload.is_empty()).then_some((u16::from_be_bytes(*original), payload))
}

/// One SSRC of a publisher.
#[derive(Debug)]
pub struct Stream {
    track: TrackId,
    encoding: u8,
    ssrc: u32,
    kind: Kind,
    reference: Option<Reference>,
}

impl Stream {
    #[must_use]
    pub const fn new(track: TrackId, encoding: u8, ssrc: u32, kind: Kind) -> Self {
        Self {
            track,
            encoding,
            ssrc,
            kind,
            reference: None,
        }
    }

    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Takes in a packet and makes of it what subscribers share.
    ///
    /// # Errors
    /// When it must not be forwarded.
    pub fn receive(
        &mut self,
        arrival: &Arrival<'_>,
        now: Instant,
    ) -> Result<Arc<Packet>, Rejected> {
        let _ = (arrival, now, self.track, self.encoding, self.kind);
        Err(Rejected::Stray)
    }

    /// The sender's report on this stream came.
    pub const fn report_received(&mut self, info: &SenderInfo, now: Instant) {
        self.reference = Some(Reference {
            ntp: info.ntp,
            timestamp: info.timestamp,
            received: now,
        });
    }

    /// What to tell the sender of its stream; `None` before the first packet.
    pub fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let _ = now;
        None
    }

    /// Packets received and lost (before repair) since the last call of this.
    pub fn take_loss(&mut self) -> (u32, u32) {
        (0, 0)
    }

    /// When [`Self::missing`] has something to ask for.
    #[must_use]
    pub fn missing_due(&self) -> Option<Instant> {
        None
    }

    /// Appends the packets to ask for again now, in rising order; they are
    /// taken as asked for.
    pub fn missing(&mut self, round_trip: Duration, out: &mut Vec<u16>, now: Instant) {
        let _ = (round_trip, out, now);
    }

    /// Whether a loss was given up that only a key frame mends; says so once.
    pub fn take_key_frame_need(&mut self) -> bool {
        false
    }
}
