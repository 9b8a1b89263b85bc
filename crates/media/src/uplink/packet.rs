//! The packet that all subscribers of a track share.

use std::time::Instant;

use protocol::{ids::TrackId, media::Format};

use crate::codec::{Dependency, Layer, Vp8, Vp9};

/// A moment on an encoding's RTP clock and on its sender's wall clock, from the
/// last sender report.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reference {
    /// Seconds since 1900 in 32.32 fixed point.
    pub ntp: u64,
    pub timestamp: u32,
    /// When the report came.
    pub received: Instant,
}

/// A received packet without anything that belongs to its way up. Made once,
/// then only read, by every subscriber's [`crate::downlink::Stream`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    pub track: TrackId,
    /// 0 is the lowest quality.
    pub encoding: u8,
    pub format: Format,
    /// Of the encoding; never wraps.
    pub sequence: u64,
    pub timestamp: u32,
    pub marker: bool,
    /// A decoder can start with this packet.
    pub key_frame: bool,
    /// Packets that follow it came before it.
    pub overtaken: bool,
    /// 0 is the base layer.
    pub temporal: u8,
    pub vp8: Option<Vp8>,
    pub vp9: Option<Vp9>,
    /// Of a scalable codec, when it can be told.
    pub layer: Option<Layer>,
    /// What the dependency descriptor says.
    pub dependency: Option<Dependency>,
    /// It is the track's only encoding: qualities are its spatial layers.
    pub alone: bool,
    /// Where the newest sound of redundant audio begins, in bytes.
    pub primary: Option<usize>,
    /// As RFC 6464 has it.
    pub audio_level: Option<u8>,
    pub video_orientation: Option<u8>,
    /// Of the encoding's clock, when a sender report has come.
    pub reference: Option<Reference>,
    pub received: Instant,
    /// The payload, and the dependency descriptor behind it.
    pub(super) data: Vec<u8>,
    pub(super) payload_len: usize,
}

impl Packet {
    /// What it counts as among the qualities of its track, 0 being the lowest.
    #[must_use]
    pub fn quality(&self) -> u8 {
        match self.layer {
            Some(layer) if self.alone => layer.spatial,
            Some(_) | None => self.encoding,
        }
    }

    /// Last packet of a frame, of a spatial layer where there are any.
    #[must_use]
    pub fn ends_frame(&self) -> bool {
        self.marker || self.layer.is_some_and(|layer| layer.ends)
    }

    /// Empty when the packet was nothing but padding, which is not forwarded
    /// but has its place among the sequence numbers.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        self.data.get(..self.payload_len).unwrap_or(&[])
    }

    /// As it came, at most 255 bytes.
    #[must_use]
    pub fn dependency_descriptor(&self) -> Option<&[u8]> {
        self.data
            .get(self.payload_len..)
            .filter(|bytes| !bytes.is_empty())
    }
}
