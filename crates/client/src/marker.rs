//! What is written into published payloads, so that the receiver can tell
//! whose packet it is, of which layer and frame, and whether it arrived whole.

/// A marker in front of filler bytes. The receiver looks for it near the
/// beginning of a payload, behind whatever descriptor the codec has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marker {
    /// The publishing client.
    pub tag: u32,
    /// Its publication.
    pub key: u32,
    /// Simulcast layer, 0 is the lowest.
    pub layer: u8,
    /// Temporal layer, 0 is the base.
    pub temporal: u8,
    pub key_frame: bool,
    /// Counts the frames of the layer.
    pub frame: u32,
    /// The frame that must be decoded before this one; itself for a key frame.
    pub depends: u32,
    /// Place of the packet in its frame.
    pub index: u16,
    /// Packets of the frame.
    pub count: u16,
}

const MAGIC: [u8; 4] = *b"PLNY";
/// The descriptors and headers before the marker are shorter than this.
const SEARCH: usize = 64;

impl Marker {
    /// Bytes of a marker, with its check.
    pub const BYTES: usize = 36;

    /// The marker and `filler` bytes behind it.
    pub(crate) fn write(&self, filler: usize, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.tag.to_be_bytes());
        out.extend_from_slice(&self.key.to_be_bytes());
        out.extend_from_slice(&[self.layer, self.temporal, u8::from(self.key_frame), 0]);
        out.extend_from_slice(&self.frame.to_be_bytes());
        out.extend_from_slice(&self.depends.to_be_bytes());
        out.extend_from_slice(&self.index.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        let length = u32::try_from(filler).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        let mut byte = self.frame.to_le_bytes()[0] ^ self.layer;
        let mut body = Vec::with_capacity(filler);
        for _ in 0..filler {
            byte = byte.wrapping_mul(5).wrapping_add(113);
            body.push(byte);
        }
        let head = out.get(start..).unwrap_or_default();
        let check = fnv(fnv(FNV_OFFSET, head), &body);
        out.extend_from_slice(&check.to_be_bytes());
        out.extend_from_slice(&body);
    }

    /// Finds the marker of a payload and checks every byte from it on.
    #[must_use]
    pub fn find(payload: &[u8]) -> Option<Self> {
        let near = payload.get(..SEARCH.min(payload.len()))?;
        let at = near.windows(MAGIC.len()).position(|w| w == MAGIC)?;
        let rest = payload.get(at..)?;
        let head = rest.get(..Self::BYTES - 4)?;
        let filler = usize::try_from(word(head, 28)?).ok()?;
        let check = word(rest, Self::BYTES - 4)?;
        let body = rest.get(Self::BYTES..)?;
        if body.len() != filler || fnv(fnv(FNV_OFFSET, head), body) != check {
            return None;
        }
        let flags: [u8; 4] = head.get(12..16)?.try_into().ok()?;
        let [layer, temporal, key_frame, _] = flags;
        let packets = word(head, 24)?;
        Some(Self {
            tag: word(head, 4)?,
            key: word(head, 8)?,
            layer,
            temporal,
            key_frame: key_frame != 0,
            frame: word(head, 16)?,
            depends: word(head, 20)?,
            index: u16::try_from(packets >> 16).ok()?,
            count: u16::try_from(packets & 0xffff).ok()?,
        })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

const FNV_OFFSET: u32 = 0x811c_9dc5;

/// FNV-1a: enough to notice a mixed-up or cut payload.
fn fnv(start: u32, bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(start, |h, b| (h ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::Marker;

    const MARKER: Marker = Marker {
        tag: 7,
        key: 2,
        layer: 1,
        temporal: 2,
        key_frame: true,
        frame: 70_000,
        depends: 69_999,
        index: 3,
        count: 9,
    };

    #[test]
    fn comes_back_from_behind_a_descriptor() {
        let mut payload = vec![1, 2, 3];
        MARKER.write(100, &mut payload);
        assert_eq!(payload.len(), 3 + Marker::BYTES + 100);
        assert_eq!(Marker::find(&payload), Some(MARKER));
    }

    #[test]
    fn a_changed_cut_or_longer_payload_is_refused() {
        let mut payload = Vec::new();
        MARKER.write(20, &mut payload);
        for i in 0..payload.len() {
            let mut changed = payload.clone();
            changed[i] ^= 1;
            assert_eq!(Marker::find(&changed), None, "byte {i}");
            assert_eq!(Marker::find(&payload[..i]), None, "cut at {i}");
        }
        payload.push(0);
        assert_eq!(Marker::find(&payload), None);
    }
}
