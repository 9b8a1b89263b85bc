//! VP8's picture ids and base-layer counter over switches and dropped frames
//! (RFC 7741 §4.2), and which temporal layers may be dropped.
//!
//! Receivers take a hole in the picture ids for a frame that is still to come
//! and wait for it, so dropped frames must leave none.

use super::{
    offsets::{Offsets, Place},
    write::Patch,
};
use crate::codec::{PictureId, Vp8, Vp8Patch};

/// Bits of the picture ids that we keep count with.
const LONG: u32 = 15;
const SHORT: u32 = 7;

/// What a segment's pictures become.
#[derive(Clone, Debug)]
pub(super) struct Pictures {
    ids: Offsets,
    /// The highest picture id so far, extended.
    highest: u64,
    /// Whether the frame with the highest id is sent.
    kept: bool,
    /// After the highest that was sent.
    next: NextPicture,
    /// Ids from here on belong to the next segment.
    end: u64,
    tl0_shift: u8,
    levels: Levels,
}

/// Where the next segment's numbers begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NextPicture {
    pub(super) id: u64,
    pub(super) tl0: u8,
    /// Of dependency descriptors.
    pub(super) frame: u16,
}

/// What is to be done with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Send(Patch),
    Drop,
}

impl Pictures {
    /// Begins with a key frame; `None` when its descriptor has no picture id, as
    /// then there is nothing to keep continuous.
    pub(super) fn begin(vp8: &Vp8, next: NextPicture) -> Option<Self> {
        let id = vp8.picture_id?;
        let first = (1 << 20) + u64::from(id.value);
        Some(Self {
            ids: Offsets::new(first, next.id),
            highest: first,
            kept: true,
            next,
            end: u64::MAX,
            tl0_shift: next.tl0.wrapping_sub(vp8.tl0.unwrap_or(0)),
            levels: Levels::new(first),
        })
    }

    /// A packet in order: decides about its frame if it is the first of it.
    pub(super) fn newest(&mut self, vp8: &Vp8, limit: u8) -> Fate {
        let Some(id) = vp8.picture_id else {
            return Fate::Send(Patch::Vp8(Vp8Patch {
                picture_id: 0,
                tl0: self.tl0(vp8),
            }));
        };
        let number = nearest(self.highest, id);
        if number > self.highest {
            self.highest = number;
            self.kept = self.keeps(number, vp8, limit) || !self.ids.drop(number);
        }
        if number == self.highest && !self.kept {
            return Fate::Drop;
        }
        let patch = self.place(number, vp8).map(Patch::Vp8);
        patch.map_or(Fate::Drop, Fate::Send)
    }

    /// A packet that was overtaken: `None` when its frame was dropped, or cannot
    /// be decoded since what it depends on was. In the second case its id stays
    /// a hole, which costs the receiver some upper-layer frames; a wrong picture
    /// would cost more.
    pub(super) fn late(&mut self, vp8: &Vp8) -> Option<Vp8Patch> {
        let Some(id) = vp8.picture_id else {
            return Some(Vp8Patch {
                picture_id: 0,
                tl0: self.tl0(vp8),
            });
        };
        let number = nearest(self.highest, id);
        let layer = vp8
            .temporal
            .filter(|_| vp8.tl0.is_some() && !vp8.layer_sync);
        if layer.is_some_and(|layer| layer > self.levels.at(number)) {
            return None;
        }
        self.place(number, vp8)
    }

    fn place(&mut self, number: u64, vp8: &Vp8) -> Option<Vp8Patch> {
        let id = match self.ids.place(number) {
            Place::At(id) if id < self.end => id,
            Place::At(_) | Place::Dropped | Place::Forgotten => return None,
        };
        let tl0 = self.tl0(vp8);
        self.next.id = self.next.id.max(id + 1);
        // Upper layers name the base-layer frame before them, which may be lost.
        // Half the circle tells ahead from behind.
        let ahead = tl0.wrapping_sub(self.next.tl0);
        if ahead < 0x80 {
            self.next.tl0 = tl0.wrapping_add(1);
        }
        Some(Vp8Patch {
            picture_id: (id & 0x7fff) as u16,
            tl0,
        })
    }

    /// Whether a new frame is sent. Upper layers never serve lower ones, so
    /// dropping is always safe; to take a layer up again needs a frame that
    /// depends on the base layer alone, and the layer below it whole.
    fn keeps(&mut self, number: u64, vp8: &Vp8, limit: u8) -> bool {
        let (Some(layer), Some(_)) = (vp8.temporal, vp8.tl0) else {
            return true;
        };
        let level = self.levels.newest().min(limit);
        let level = if vp8.key_frame {
            limit
        } else if layer <= limit && vp8.layer_sync && layer.checked_sub(1) == Some(level) {
            layer
        } else {
            level
        };
        self.levels.set(number, level);
        layer <= level
    }

    const fn tl0(&self, vp8: &Vp8) -> u8 {
        match vp8.tl0 {
            Some(tl0) => tl0.wrapping_add(self.tl0_shift),
            None => 0,
        }
    }

    /// The segment ends: where the one after it begins. What is missing behind
    /// the last picture sent has lost its place, so that no hole is left.
    pub(super) const fn close(&mut self) -> NextPicture {
        self.end = self.next.id;
        self.next
    }
}

/// Up to which temporal layer frames are decodable for the receiver: above it,
/// what they depend on was dropped. The last changes are remembered for frames
/// that come late.
#[derive(Clone, Copy, Debug)]
struct Levels {
    /// From this picture on, this layer; the newest first.
    changes: [(u64, u8); 4],
}

impl Levels {
    const fn new(first: u64) -> Self {
        Self {
            changes: [(first, u8::MAX), (0, 0), (0, 0), (0, 0)],
        }
    }

    const fn newest(&self) -> u8 {
        let [(_, level), ..] = self.changes;
        level
    }

    fn set(&mut self, number: u64, level: u8) {
        if level != self.newest() {
            let [a, b, c, _] = self.changes;
            self.changes = [(number, level), a, b, c];
        }
    }

    fn at(&self, number: u64) -> u8 {
        let change = self.changes.iter().find(|(from, _)| number >= *from);
        change.map_or(0, |(_, level)| *level)
    }
}

/// The extended id nearest to the highest.
const fn nearest(highest: u64, id: PictureId) -> u64 {
    let cycle = 1_u64 << if id.long { LONG } else { SHORT };
    let ahead = (id.value as u64).wrapping_sub(highest) % cycle;
    if ahead < cycle / 2 {
        highest + ahead
    } else {
        (highest + ahead).saturating_sub(cycle)
    }
}
