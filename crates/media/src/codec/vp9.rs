//! VP9's payload descriptor (RFC 9628 §4.2).

use super::PictureId;

/// What a descriptor says, and where in the payload the fields are that a
/// forwarder rewrites.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vp9 {
    pub picture_id: Option<PictureId>,
    /// Counts base-layer pictures. Not there in flexible mode.
    pub tl0: Option<u8>,
    pub spatial: u8,
    pub temporal: u8,
    /// First packet of a frame of one spatial layer (bit B).
    pub begins: bool,
    /// Last packet of a frame of one spatial layer (bit E).
    pub ends: bool,
    /// Predicted from an earlier picture (bit P).
    pub predicted: bool,
    /// Later pictures of higher temporal layers need nothing above this one's
    /// temporal layer that came before it (bit U).
    pub switch_up: bool,
    /// Offset of TL0PICIDX; 0 without.
    tl0_at: u8,
}

/// How far the numbers of a packet are moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Vp9Shift {
    pub picture_id: u16,
    pub tl0: u8,
}

impl Vp9 {
    /// The picture id, when present, begins at the second byte of the payload.
    const PICTURE_ID_AT: usize = 1;

    /// `None` when the payload ends within the descriptor, whose scalability
    /// structure is not looked at.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let &flags = payload.first()?;
        let mut vp9 = Self {
            picture_id: None,
            tl0: None,
            spatial: 0,
            temporal: 0,
            begins: flags & 0x08 != 0,
            ends: flags & 0x04 != 0,
            predicted: flags & 0x40 != 0,
            switch_up: false,
            tl0_at: 0,
        };
        let mut at = Self::PICTURE_ID_AT;
        if flags & 0x80 != 0 {
            let (id, end) = PictureId::read(payload, at)?;
            vp9.picture_id = Some(id);
            at = end;
        }
        if flags & 0x20 != 0 {
            let layers = *payload.get(at)?;
            vp9.temporal = layers >> 5;
            vp9.switch_up = layers & 0x10 != 0;
            vp9.spatial = layers >> 1 & 0x07;
            at += 1;
            if flags & 0x10 == 0 {
                vp9.tl0 = Some(*payload.get(at)?);
                vp9.tl0_at = u8::try_from(at).ok()?;
            }
        }
        Some(vp9)
    }

    /// A decoder can start with this packet.
    pub(super) const fn key_frame(&self) -> bool {
        self.begins && !self.predicted && self.spatial == 0
    }

    /// Moves the numbers in a copy of the payload that this was read from.
    pub fn shift(&self, payload: &mut [u8], shift: Vp9Shift) {
        if let Some(id) = self.picture_id {
            let [high, low] = id.value.wrapping_add(shift.picture_id).to_be_bytes();
            match payload.get_mut(Self::PICTURE_ID_AT..).unwrap_or_default() {
                [first, second, ..] if id.long => {
                    *first = 0x80 | high;
                    *second = low;
                }
                [first, ..] if !id.long => *first = low & 0x7f,
                _ => {}
            }
        }
        if let Some(tl0) = self.tl0
            && let Some(field) = payload.get_mut(usize::from(self.tl0_at))
        {
            *field = tl0.wrapping_add(shift.tl0);
        }
    }
}
