//! One participant's wish to receive one track.

use protocol::{
    ids::SlotId,
    media::{Kind, Wish},
};

use super::Track;

#[derive(Clone, Debug)]
pub(crate) struct Subscription {
    pub(crate) kind: Kind,
    pub(crate) setting: Setting,
    /// `None` while there is no section for it.
    pub(crate) slot: Option<Slot>,
}

/// Where the track arrives at the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Slot {
    pub(crate) id: SlotId,
    pub(crate) ssrc: u32,
    pub(crate) rtx_ssrc: Option<u32>,
    /// What the media plane was last told, or is going to be.
    pub(crate) wish: Wish,
    /// The media plane knows of it; where we offer, only once the client agreed.
    pub(crate) ordered: bool,
}

/// What the client last asked of the track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Setting {
    pub(crate) disabled: bool,
    /// 0 low, 1 medium, 2 high.
    pub(crate) quality: Option<u8>,
    /// Pixels of the tile.
    pub(crate) tile: Option<(u32, u32)>,
    /// Frames per second that suffice.
    pub(crate) frames: Option<u32>,
    /// Asked for high quality, or nothing yet, by a client that will tell the
    /// size of its tiles: begin low rather than send what nobody sees.
    pub(crate) begin_low: bool,
}

impl Setting {
    pub(crate) fn wish(&self, track: &Track) -> Wish {
        if self.disabled {
            return Wish::Paused;
        }
        if track.kind == Kind::Audio {
            return Wish::BEST;
        }
        Wish::UpTo {
            encoding: self.encoding(track),
            temporal: self.temporal(),
        }
    }

    /// The size of the tile wins over the name of a quality.
    fn encoding(&self, track: &Track) -> u8 {
        if let Some((width, height)) = self.tile {
            return track.smallest_covering(width, height);
        }
        match self.quality {
            Some(quality) => quality,
            None if self.begin_low => 0,
            None => u8::MAX,
        }
    }

    /// Encoders halve the frame rate with each temporal layer left out: of 30
    /// frames, three layers give 30, 15 and 7.5.
    const fn temporal(&self) -> u8 {
        match self.frames {
            Some(1..=8) => 0,
            Some(9..=15) => 1,
            Some(_) | None => u8::MAX,
        }
    }
}
