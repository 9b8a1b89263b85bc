//! VP8's picture ids and base-layer counter over switches and dropped frames
//! (RFC 7741 §4.2), and which temporal layers may be dropped.
//!
//! Receivers take a hole in the picture ids for a frame that is still to come
//! and wait for it, so dropped frames must leave none.

use super::offsets::{Offsets, Place};
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
    tl0_shift: u8,
    /// Layers above are not decodable by now: what they depend on was dropped.
    decodable: u8,
}

/// Where the next segment's numbers begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NextPicture {
    pub(super) id: u64,
    pub(super) tl0: u8,
}

/// What is to be done with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Send(Vp8Patch),
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
            tl0_shift: next.tl0.wrapping_sub(vp8.tl0.unwrap_or(0)),
            decodable: u8::MAX,
        })
    }

    /// A packet in order: decides about its frame if it is the first of it.
    pub(super) fn newest(&mut self, vp8: &Vp8, limit: u8) -> Fate {
        let Some(id) = vp8.picture_id else {
            return Fate::Send(Vp8Patch {
                picture_id: 0,
                tl0: self.tl0(vp8),
            });
        };
        let number = nearest(self.highest, id);
        if number > self.highest {
            self.highest = number;
            self.kept = self.keeps(vp8, limit) || !self.ids.drop(number);
        }
        if number == self.highest && !self.kept {
            return Fate::Drop;
        }
        self.late(vp8).map_or(Fate::Drop, Fate::Send)
    }

    /// A packet that was overtaken: `None` when its frame was dropped.
    pub(super) fn late(&self, vp8: &Vp8) -> Option<Vp8Patch> {
        let tl0 = self.tl0(vp8);
        let Some(id) = vp8.picture_id else {
            return Some(Vp8Patch { picture_id: 0, tl0 });
        };
        match self.ids.place(nearest(self.highest, id)) {
            Place::At(number) => Some(Vp8Patch {
                picture_id: (number & 0x7fff) as u16,
                tl0,
            }),
            Place::Dropped | Place::Forgotten => None,
        }
    }

    /// Whether a new frame is sent. Upper layers never serve lower ones, so
    /// dropping is always safe; to take a layer up again needs a frame that
    /// depends on the base layer alone, and the layer below it whole.
    fn keeps(&mut self, vp8: &Vp8, limit: u8) -> bool {
        let (Some(layer), Some(_)) = (vp8.temporal, vp8.tl0) else {
            return true;
        };
        self.decodable = self.decodable.min(limit);
        if vp8.key_frame {
            self.decodable = limit;
        } else if layer <= limit && vp8.layer_sync && layer.checked_sub(1) == Some(self.decodable) {
            self.decodable = layer;
        }
        layer == 0 || layer <= self.decodable
    }

    const fn tl0(&self, vp8: &Vp8) -> u8 {
        match vp8.tl0 {
            Some(tl0) => tl0.wrapping_add(self.tl0_shift),
            None => 0,
        }
    }

    /// Where a segment after this one begins.
    pub(super) fn next(&self, last_tl0: u8) -> NextPicture {
        let id = match self.ids.place(self.highest + 1) {
            Place::At(id) => id,
            // Nothing above the highest was dropped.
            Place::Dropped | Place::Forgotten => self.highest,
        };
        NextPicture {
            id,
            tl0: last_tl0.wrapping_add(1),
        }
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
