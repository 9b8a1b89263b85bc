//! The Data Channel Establishment Protocol (RFC 8832): the one message that
//! opens a channel, and the one that agrees.

use bytes::{BufMut, Bytes, BytesMut};
use sctp_proto::ReliabilityType;

/// DATA_CHANNEL_OPEN (RFC 8832 §5.1).
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Open<'a> {
    pub(crate) unordered: bool,
    pub(crate) reliability: ReliabilityType,
    /// Retransmissions or milliseconds, by `reliability`.
    pub(crate) parameter: u32,
    pub(crate) label: &'a [u8],
}

/// DATA_CHANNEL_ACK (RFC 8832 §5.2).
pub(crate) const ACK: [u8; 1] = [0x02];

const OPEN: u8 = 0x03;

impl<'a> Open<'a> {
    /// The message, with neither priority nor subprotocol.
    pub(crate) fn write(&self) -> Bytes {
        let kind = match self.reliability {
            ReliabilityType::Reliable => 0,
            ReliabilityType::Rexmit => 1,
            ReliabilityType::Timed => 2,
        };
        let mut out = BytesMut::with_capacity(12 + self.label.len());
        out.put_u8(OPEN);
        out.put_u8(if self.unordered { 0x80 | kind } else { kind });
        out.put_u16(0);
        out.put_u32(self.parameter);
        // Labels are constants of ours.
        out.put_u16(u16::try_from(self.label.len()).unwrap_or(0));
        out.put_u16(0);
        out.put_slice(self.label);
        out.freeze()
    }

    /// `None` when it is something else, or cut short.
    pub(crate) fn parse(message: &'a [u8]) -> Option<Self> {
        let (header, rest) = message.split_first_chunk::<12>()?;
        let &[kind, channel, _, _, p0, p1, p2, p3, l0, l1, q0, q1] = header;
        if kind != OPEN {
            return None;
        }
        let label = usize::from(u16::from_be_bytes([l0, l1]));
        let protocol = usize::from(u16::from_be_bytes([q0, q1]));
        if rest.len() < label.saturating_add(protocol) {
            return None;
        }
        Some(Self {
            unordered: channel & 0x80 != 0,
            reliability: match channel & 0x7f {
                0 => ReliabilityType::Reliable,
                1 => ReliabilityType::Rexmit,
                2 => ReliabilityType::Timed,
                _ => return None,
            },
            parameter: u32::from_be_bytes([p0, p1, p2, p3]),
            label: rest.get(..label)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sctp_proto::ReliabilityType;

    use super::Open;

    #[test]
    fn a_lossy_channel_is_read() {
        let message = b"\x03\x81\x00\x00\x00\x00\x00\x00\x00\x06\x00\x01_lossyp";
        let open = Open::parse(message).unwrap();
        assert!(open.unordered);
        assert_eq!(open.reliability, ReliabilityType::Rexmit);
        assert_eq!(open.parameter, 0);
        assert_eq!(open.label, b"_lossy");
        assert_eq!(Open::parse(&message[..message.len() - 1]), None);
    }

    #[test]
    fn what_is_written_is_read() {
        let open = Open {
            unordered: true,
            reliability: ReliabilityType::Rexmit,
            parameter: 0,
            label: b"_lossy",
        };
        assert_eq!(Open::parse(&open.write()), Some(open));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(bytes: Vec<u8>) {
            let _ = Open::parse(&bytes);
        }
    }
}
