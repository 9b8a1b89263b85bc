//! A stretch of one encoding as it was sent: from the packet that it was
//! switched to with, to the last before the next switch.

use protocol::media::{Format, Kind};

use super::{
    layers::{Layers, Level, Verdict},
    offsets::{Offsets, Place},
    pictures::{Fate, NextPicture, Pictures},
    write::Patch,
};
use crate::uplink::{Packet, Reference};

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
    frames: Frames,
    /// Its qualities are spatial layers, not encodings.
    alone: bool,
    /// Added to timestamps.
    pub(super) timestamp_shift: u32,
    /// How much of it was needed only to go forward.
    pub(super) bump: u32,
    /// The newest of the encoding.
    pub(super) reference: Option<Reference>,
}

/// What is known of the segment's frames.
#[derive(Clone, Debug)]
enum Frames {
    /// Nothing that has to go on.
    Plain,
    Vp8(Pictures),
    Scalable(Layers),
}

impl Frames {
    fn begin(packet: &Packet, next: NextPicture) -> Self {
        let vp8 = packet.vp8.and_then(|vp8| Pictures::begin(&vp8, next));
        match vp8 {
            Some(pictures) => Self::Vp8(pictures),
            None => Layers::begin(packet, next).map_or(Self::Plain, Self::Scalable),
        }
    }

    /// Whether to send a packet in order, and how: `Err` when it can't be told.
    fn newest(&mut self, packet: &Packet, limit: Level) -> Result<Option<Fate>, Unknown> {
        match (self, &packet.vp8) {
            (Self::Vp8(pictures), Some(vp8)) => Ok(Some(pictures.newest(vp8, limit.temporal))),
            (Self::Scalable(layers), _) => match layers.newest(packet, limit) {
                Verdict::Send(patch) => Ok(Some(Fate::Send(Patch::Layers(patch)))),
                Verdict::Drop => Ok(Some(Fate::Drop)),
                Verdict::Unknown => Err(Unknown),
            },
            (Self::Plain, _) | (Self::Vp8(_), None) => Ok(None),
        }
    }

    /// As [`Self::newest`] for a packet that was overtaken.
    fn late(&mut self, packet: &Packet) -> Option<Fate> {
        let patch = match (self, &packet.vp8) {
            (Self::Vp8(pictures), Some(vp8)) => pictures.late(vp8).map(Patch::Vp8),
            (Self::Scalable(layers), _) => layers.late(packet).map(Patch::Layers),
            (Self::Plain, _) | (Self::Vp8(_), None) => return None,
        };
        Some(patch.map_or(Fate::Drop, Fate::Send))
    }
}

/// It can't be told what a packet is needed for.
struct Unknown;

/// What becomes of a packet of the segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    Send {
        index: u64,
        patch: Option<Patch>,
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
            frames: Frames::begin(packet, next),
            alone: packet.alone,
            timestamp_shift: 0,
            bump: 0,
            reference: packet.reference,
        }
    }

    /// The highest spatial layer that is sent, where layers are the qualities.
    pub(super) const fn spatial(&self) -> Option<u8> {
        match &self.frames {
            Frames::Scalable(layers) if self.alone => Some(layers.spatial()),
            Frames::Plain | Frames::Vp8(_) | Frames::Scalable(_) => None,
        }
    }

    /// Finds the place of a packet of the segment's encoding. `limit` has the
    /// highest layers wanted; what is not `sendable` is passed over.
    pub(super) fn take(&mut self, packet: &Packet, limit: Level, sendable: bool) -> Outcome {
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
        let fate = if packet.payload().is_empty() || !sendable {
            Some(Fate::Drop)
        } else {
            match self.frames.newest(packet, limit) {
                Ok(fate) => fate,
                Err(Unknown) => return Outcome::Broken,
            }
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
        match &mut self.frames {
            Frames::Plain => None,
            Frames::Vp8(pictures) => Some(pictures.close()),
            Frames::Scalable(layers) => Some(layers.close()),
        }
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
        let fate = if packet.payload().is_empty() {
            Some(Fate::Drop)
        } else {
            self.frames.late(packet)
        };
        let (patch, blank) = match fate {
            Some(Fate::Send(patch)) => (Some(patch), false),
            Some(Fate::Drop) => (None, true),
            None => (None, false),
        };
        Outcome::Send {
            index,
            patch,
            blank,
            shift: self.timestamp_shift,
            newest: false,
        }
    }
}
