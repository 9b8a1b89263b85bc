//! VP8's payload descriptor (RFC 7741 §4.2).

/// What a descriptor says, and where in the payload the fields are that a
/// forwarder rewrites.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vp8 {
    /// First packet of a frame: start of partition 0.
    pub start: bool,
    /// First packet of a key frame.
    pub key_frame: bool,
    pub picture_id: Option<PictureId>,
    /// Counts base-layer frames.
    pub tl0: Option<u8>,
    pub temporal: Option<u8>,
    /// The frame depends on nothing but the base layer (bit Y).
    pub layer_sync: bool,
    /// Offset of TL0PICIDX; 0 without.
    tl0_at: u8,
}

/// A picture id with its width.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PictureId {
    pub value: u16,
    /// 15 bits rather than 7.
    pub long: bool,
}

impl PictureId {
    /// VP8 and VP9 write it alike: a bit for the width, then the number
    /// (RFC 7741 §4.2, RFC 9628 §4.2). Also returns where it ends.
    pub(super) fn read(payload: &[u8], at: usize) -> Option<(Self, usize)> {
        let high = *payload.get(at)?;
        let short = u16::from(high & 0x7f);
        if high & 0x80 == 0 {
            let id = Self {
                value: short,
                long: false,
            };
            return Some((id, at + 1));
        }
        let id = Self {
            value: short << 8 | u16::from(*payload.get(at + 1)?),
            long: true,
        };
        Some((id, at + 2))
    }
}

/// Numbers of the stream that a packet is sent in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vp8Patch {
    /// Cut to the width of the field that is there.
    pub picture_id: u16,
    pub tl0: u8,
}

impl Vp8 {
    /// The picture id, when present, begins at the third byte of the payload.
    const PICTURE_ID_AT: usize = 2;

    /// `None` when the payload ends within the descriptor.
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (&first, _) = payload.split_first()?;
        let start = first & 0x10 != 0 && first & 0x07 == 0;
        let mut vp8 = Self {
            start,
            key_frame: false,
            picture_id: None,
            tl0: None,
            temporal: None,
            layer_sync: false,
            tl0_at: 0,
        };
        let mut at = 1;
        if first & 0x80 != 0 {
            let flags = *payload.get(1)?;
            at = vp8.read_extended(payload, flags)?;
        }
        // The inverse key frame flag is the lowest bit of the frame (RFC 6386 §9.1).
        vp8.key_frame = start && payload.get(at)? & 0x01 == 0;
        Some(vp8)
    }

    /// Reads the optional fields and returns where they end.
    fn read_extended(&mut self, payload: &[u8], flags: u8) -> Option<usize> {
        let mut at = Self::PICTURE_ID_AT;
        if flags & 0x80 != 0 {
            let (id, end) = PictureId::read(payload, at)?;
            self.picture_id = Some(id);
            at = end;
        }
        if flags & 0x40 != 0 {
            self.tl0 = Some(*payload.get(at)?);
            self.tl0_at = u8::try_from(at).ok()?;
            at += 1;
        }
        if flags & 0x30 != 0 {
            let layers = *payload.get(at)?;
            if flags & 0x20 != 0 {
                self.temporal = Some(layers >> 6);
                self.layer_sync = layers & 0x20 != 0;
            }
            at += 1;
        }
        Some(at)
    }

    /// Writes the patch into a copy of the payload that this was read from;
    /// fields keep their widths, those that are not there are left out.
    pub fn patch(&self, payload: &mut [u8], patch: Vp8Patch) {
        if let Some(id) = self.picture_id {
            let [high, low] = patch.picture_id.to_be_bytes();
            let field = payload.get_mut(Self::PICTURE_ID_AT..).unwrap_or_default();
            match field {
                [first, second, ..] if id.long => {
                    *first = 0x80 | high;
                    *second = low;
                }
                [first, ..] if !id.long => *first = low & 0x7f,
                _ => {}
            }
        }
        if self.tl0.is_some()
            && let Some(field) = payload.get_mut(usize::from(self.tl0_at))
        {
            *field = patch.tl0;
        }
    }
}
