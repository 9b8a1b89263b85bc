//! A stretch of one encoding as it was sent: from the packet that it was
//! switched to with, to the last before the next switch.

use protocol::media::{Format, Kind};

use super::{
    offsets::{Offsets, Place},
    pictures::{Fate, NextPicture, Pictures},
};
use crate::{
    codec::Vp8Patch,
    uplink::{Packet, Reference},
};

/// Packets that may be missing within a segment; a wider gap ends it, since
/// nobody repairs so much, and receivers lose count of roll-overs at 2^15.
const LEAP: u64 = 512;

#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) encoding: u8,
    pub(super) format: Format,
    first: u64,
    highest: u64,
    sequences: Offsets,
    /// Where the next segment begins: indices from here on are not ours.
    end: u64,
    pictures: Option<Pictures>,
    /// Added to timestamps.
    pub(super) timestamp_shift: u32,
    /// How much of it was needed only to go forward.
    pub(super) bump: u32,
    /// The newest of the encoding.
    pub(super) reference: Option<Reference>,
}

/// What becomes of a packet of the segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Send {
        index: u64,
        patch: Option<Vp8Patch>,
        blank: bool,
        /// Added to the timestamp.
        shift: u32,
        /// It was not overtaken.
        newest: bool,
    },
    Skip,
    /// The segment cannot go on to this packet.
    Broken,
}

impl Segment {
    /// Begins with a packet that a decoder can start with, which becomes `index`.
    pub(super) fn begin(packet: &Packet, index: u64, next: NextPicture) -> Self {
        Self {
            encoding: packet.encoding,
            format: packet.format,
            first: packet.sequence,
            // So that the packet itself is new to it.
            highest: packet.sequence.saturating_sub(1),
            sequences: Offsets::new(packet.sequence, index),
            end: u64::MAX,
            pictures: packet.vp8.and_then(|vp8| Pictures::begin(&vp8, next)),
            timestamp_shift: 0,
            bump: 0,
            reference: packet.reference,
        }
    }

    /// Finds the place of a packet of the segment's encoding. `temporal` is the
    /// highest layer wanted; what is not `sendable` is passed over.
    pub(super) fn take(&mut self, packet: &Packet, temporal: u8, sendable: bool) -> Outcome {
        if packet.sequence <= self.highest {
            return self.late(packet);
        }
        let kind = packet.format.codec.kind();
        let other_decoder = packet.format != self.format && kind == Kind::Video;
        if packet.sequence - self.highest > LEAP || other_decoder {
            return Outcome::Broken;
        }
        self.highest = packet.sequence;
        self.reference = packet.reference.or(self.reference);
        let fate = match (&mut self.pictures, &packet.vp8) {
            _ if packet.payload().is_empty() || !sendable => Some(Fate::Drop),
            (Some(pictures), Some(vp8)) => Some(pictures.newest(vp8, temporal)),
            (None, _) | (Some(_), None) => None,
        };
        if fate == Some(Fate::Drop) {
            self.sequences.drop(packet.sequence);
            return Outcome::Skip;
        }
        let patch = match fate {
            Some(Fate::Send(patch)) => Some(patch),
            Some(Fate::Drop) | None => None,
        };
        match self.sequences.place(packet.sequence) {
            Place::At(index) => Outcome::Send {
                index,
                patch,
                blank: false,
                shift: self.timestamp_shift,
                newest: true,
            },
            Place::Dropped | Place::Forgotten => Outcome::Skip,
        }
    }

    /// The next segment begins with this index. What is still missing behind the
    /// last packet sent has lost its place, so that no hole is left.
    /// Returns where its pictures begin.
    pub(super) fn close(&mut self, end: u64) -> Option<NextPicture> {
        self.end = end;
        self.pictures.as_mut().map(Pictures::close)
    }

    /// A packet that was overtaken goes where a hole was left for it. If it is
    /// not wanted it fills the hole with nothing, lest the receiver ask for it.
    pub(super) fn late(&mut self, packet: &Packet) -> Outcome {
        if packet.sequence < self.first || packet.sequence > self.highest {
            return Outcome::Skip;
        }
        let index = match self.sequences.place(packet.sequence) {
            Place::At(index) if index < self.end => index,
            Place::At(_) | Place::Dropped | Place::Forgotten => return Outcome::Skip,
        };
        let patch = match (&mut self.pictures, &packet.vp8) {
            (Some(pictures), Some(vp8)) => pictures.late(vp8),
            (None, _) | (Some(_), None) => None,
        };
        let unplaced = patch.is_none() && self.pictures.is_some() && packet.vp8.is_some();
        let blank = packet.payload().is_empty() || unplaced;
        Outcome::Send {
            index,
            patch: if blank { None } else { patch },
            blank,
            shift: self.timestamp_shift,
            newest: false,
        }
    }
}
