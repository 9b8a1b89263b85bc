//! One subscription.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::media::{ExtensionIds, Kind, Mid, Wish};

use crate::{
    codec::Vp8Patch,
    rtcp::{ReportBlock, SenderInfo},
    rtp::{Header, Outgoing, PayloadTypes},
    uplink::{Encodings, Packet},
};

/// Where the numbers of a stream begin: random, as RFC 3550 §5.1 asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The top bit is ignored (see [`crate::srtp::Outbound::seal_rtp`]).
    pub sequence: u16,
    pub rtx_sequence: u16,
    pub timestamp: u32,
    pub picture_id: u16,
}

/// What does not change in the life of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    pub kind: Kind,
    pub mid: Mid,
    pub ssrc: u32,
    pub rtx_ssrc: Option<u32>,
    pub origin: Origin,
}

/// How a packet is to be sent to this subscriber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rewritten {
    pub header: Header,
    /// The packet index for SRTP: the sequence number extended.
    pub index: u64,
    /// What else is rewritten in a copy of the payload.
    pub patch: Option<Vp8Patch>,
    /// Send no payload: the packet is not wanted but its number is taken.
    pub blank: bool,
    /// The receiver may not know yet which section the SSRC belongs to.
    pub introduce: Option<Mid>,
}

/// What to do about a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Forward {
    pub send: Option<Rewritten>,
    /// The encoding that a key frame is needed of, to show or switch.
    pub key_frame: Option<u8>,
}

/// A packet to be sent again, wrapped as RFC 4588 §4 says.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// Of the repair stream.
    pub header: Header,
    pub index: u64,
    pub original: Rewritten,
    pub packet: Arc<Packet>,
}

/// One track on its way to one subscriber.
#[derive(Debug)]
pub struct Stream {
    settings: Settings,
    wish: Wish,
}

impl Stream {
    #[must_use]
    pub const fn new(settings: Settings, wish: Wish) -> Self {
        Self { settings, wish }
    }

    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.settings.ssrc
    }

    /// Changes what is wanted; returns the encoding that a key frame is needed
    /// of, if any.
    pub fn set_wish(&mut self, wish: Wish, live: Encodings) -> Option<u8> {
        let _ = live;
        self.wish = wish;
        None
    }

    /// Decides about a packet of the track. To be called with every packet of
    /// all encodings, in the order of their arrival; `payloads` are the
    /// subscriber's, `live` the encodings that arrive just now.
    pub fn forward(
        &mut self,
        packet: &Arc<Packet>,
        payloads: &PayloadTypes,
        live: Encodings,
        now: Instant,
    ) -> Forward {
        let _ = (packet, payloads, live, now);
        Forward::default()
    }

    /// The subscriber's decoder needs a key frame (PLI, FIR): of which encoding.
    #[must_use]
    pub fn decoder_needs(&self, live: Encodings) -> Option<u8> {
        let _ = live;
        None
    }

    /// The subscriber misses a packet: what to send, if it is still there, was
    /// not sent again just now, and the budget allows.
    pub fn repeat(
        &mut self,
        sequence: u16,
        payloads: &PayloadTypes,
        round_trip: Duration,
        now: Instant,
    ) -> Option<Repeat> {
        let _ = (sequence, payloads, round_trip, now);
        None
    }

    /// What to report on the stream; `None` while nothing is sent. `ntp` is the
    /// node's wall clock, seconds since 1900 in 32.32 fixed point.
    pub fn report(&mut self, ntp: u64, now: Instant) -> Option<SenderInfo> {
        let _ = (ntp, now);
        None
    }

    /// The subscriber's report on this stream came.
    pub fn report_received(&mut self, block: &ReportBlock, now: Instant) {
        let _ = (block, now);
    }

    /// As of the last report from the subscriber.
    #[must_use]
    pub const fn round_trip(&self) -> Option<Duration> {
        None
    }

    /// Fraction lost in 1/256, as of the last report.
    #[must_use]
    pub const fn fraction_lost(&self) -> Option<u8> {
        None
    }
}

/// What the transport stamps on each packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stamp {
    pub transport_cc: Option<u16>,
    /// 24 bits, seconds in 6.18 fixed point.
    pub abs_send_time: Option<u32>,
}

impl Rewritten {
    /// Appends the packet in clear and returns the length of its header, in bytes.
    pub fn write(
        &self,
        packet: &Packet,
        ids: &ExtensionIds,
        stamp: Stamp,
        out: &mut Vec<u8>,
    ) -> usize {
        let extensions = Outgoing {
            mid: self.introduce,
            transport_cc: stamp.transport_cc,
            abs_send_time: stamp.abs_send_time,
            audio_level: packet.audio_level,
            video_orientation: packet.video_orientation,
            dependency_descriptor: packet.dependency_descriptor(),
        };
        let header_len = crate::rtp::write_header(out, &self.header, ids, &extensions);
        self.write_payload(packet, out);
        header_len
    }

    fn write_payload(&self, packet: &Packet, out: &mut Vec<u8>) {
        if self.blank {
            return;
        }
        let start = out.len();
        out.extend_from_slice(packet.payload());
        if let (Some(vp8), Some(patch)) = (packet.vp8, self.patch) {
            vp8.patch(out.get_mut(start..).unwrap_or_default(), patch);
        }
    }
}

impl Repeat {
    /// Appends the repair packet in clear and returns the length of its header, in bytes.
    pub fn write(&self, ids: &ExtensionIds, stamp: Stamp, out: &mut Vec<u8>) -> usize {
        let extensions = Outgoing {
            mid: self.original.introduce,
            transport_cc: stamp.transport_cc,
            abs_send_time: stamp.abs_send_time,
            audio_level: self.packet.audio_level,
            video_orientation: self.packet.video_orientation,
            dependency_descriptor: self.packet.dependency_descriptor(),
        };
        let header_len = crate::rtp::write_header(out, &self.header, ids, &extensions);
        out.extend_from_slice(&self.original.header.sequence.to_be_bytes());
        self.original.write_payload(&self.packet, out);
        header_len
    }
}
