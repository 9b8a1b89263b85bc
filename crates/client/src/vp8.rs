//! The VP8 payload descriptor (RFC 7741 §4.2): our own writer and reader,
//! independent of the media plane's.

/// The descriptor of one packet, with everything that the SFU may rewrite.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Descriptor {
    /// The packet begins a frame (start of partition 0).
    pub(crate) start: bool,
    /// 15 bits.
    pub(crate) picture_id: Option<u16>,
    pub(crate) tl0_picture: Option<u8>,
    pub(crate) temporal: Option<u8>,
    /// The frame depends on the base layer only ("layer sync").
    pub(crate) sync: bool,
    pub(crate) non_reference: bool,
}

const X: u8 = 0x80;
const N: u8 = 0x20;
const S: u8 = 0x10;
const PARTITION: u8 = 0x07;
const I: u8 = 0x80;
const L: u8 = 0x40;
const T: u8 = 0x20;
const K: u8 = 0x10;
const M: u8 = 0x80;
const Y: u8 = 0x20;

impl Descriptor {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut first = X;
        if self.non_reference {
            first |= N;
        }
        if self.start {
            first |= S;
        }
        let mut flags = 0;
        if self.picture_id.is_some() {
            flags |= I;
        }
        if self.tl0_picture.is_some() {
            flags |= L;
        }
        if self.temporal.is_some() {
            flags |= T;
        }
        out.extend_from_slice(&[first, flags]);
        if let Some(id) = self.picture_id {
            let [high, low] = (id & 0x7fff).to_be_bytes();
            out.extend_from_slice(&[high | M, low]);
        }
        if let Some(tl0) = self.tl0_picture {
            out.push(tl0);
        }
        if let Some(temporal) = self.temporal {
            out.push((temporal & 3) << 6 | if self.sync { Y } else { 0 });
        }
    }

    /// The descriptor and the bytes behind it.
    pub(crate) fn parse(payload: &[u8]) -> Option<(Self, &[u8])> {
        let (first, mut rest) = payload.split_first()?;
        let mut descriptor = Self {
            start: first & S != 0 && first & PARTITION == 0,
            non_reference: first & N != 0,
            ..Self::default()
        };
        if first & X == 0 {
            return Some((descriptor, rest));
        }
        let flags = take(&mut rest)?;
        if flags & I != 0 {
            let high = take(&mut rest)?;
            let id = if high & M == 0 {
                u16::from(high)
            } else {
                u16::from_be_bytes([high & !M, take(&mut rest)?])
            };
            descriptor.picture_id = Some(id);
        }
        if flags & L != 0 {
            descriptor.tl0_picture = Some(take(&mut rest)?);
        }
        if flags & (T | K) != 0 {
            let octet = take(&mut rest)?;
            if flags & T != 0 {
                descriptor.temporal = Some(octet >> 6);
                descriptor.sync = octet & Y != 0;
            }
        }
        Some((descriptor, rest))
    }
}

fn take(rest: &mut &[u8]) -> Option<u8> {
    let (first, behind) = rest.split_first()?;
    *rest = behind;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Descriptor;

    #[test]
    fn written_is_read() {
        let descriptor = Descriptor {
            start: true,
            picture_id: Some(0x7abc),
            tl0_picture: Some(200),
            temporal: Some(2),
            sync: true,
            non_reference: true,
        };
        let mut bytes = Vec::new();
        descriptor.write(&mut bytes);
        bytes.push(42);
        assert_eq!(Descriptor::parse(&bytes), Some((descriptor, &[42][..])));
    }

    #[test]
    fn short_forms_and_cuts() {
        // No extension; partition 1 does not begin a frame.
        let (plain, rest) = Descriptor::parse(&[0x11, 9]).unwrap();
        assert!(!plain.start);
        assert_eq!(rest, [9]);
        // 7-bit picture id, key index only.
        let (short, rest) = Descriptor::parse(&[0x90, 0x90, 0x05, 0x1f, 9]).unwrap();
        assert_eq!((short.picture_id, short.temporal), (Some(5), None));
        assert_eq!(rest, [9]);
        assert_eq!(Descriptor::parse(&[]), None);
        assert_eq!(Descriptor::parse(&[0x90]), None);
        assert_eq!(Descriptor::parse(&[0x90, 0x80, 0x85]), None);
    }

    proptest! {
        #[test]
        fn any_descriptor_comes_back(
            start: bool,
            picture_id in prop::option::of(0_u16..0x8000),
            tl0_picture: Option<u8>,
            temporal in prop::option::of(0_u8..4),
            sync: bool,
            non_reference: bool,
            body: Vec<u8>,
        ) {
            let sync = sync && temporal.is_some();
            let descriptor =
                Descriptor { start, picture_id, tl0_picture, temporal, sync, non_reference };
            let mut bytes = Vec::new();
            descriptor.write(&mut bytes);
            bytes.extend_from_slice(&body);
            prop_assert_eq!(Descriptor::parse(&bytes), Some((descriptor, body.as_slice())));
        }

        #[test]
        fn no_bytes_are_too_odd(bytes: Vec<u8>) {
            if let Some((_, rest)) = Descriptor::parse(&bytes) {
                prop_assert!(bytes.ends_with(rest));
            }
        }
    }
}
