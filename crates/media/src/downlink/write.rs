//! A packet as one subscriber gets it, in clear: written at the end of the
//! buffer in which it is then sealed.

use std::sync::Arc;

use protocol::media::{ExtensionIds, Mid};

use crate::{
    codec::Vp8Patch,
    rtp::{Header, Outgoing, write_header},
    uplink::Packet,
};

/// How a packet is to be sent to this subscriber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rewritten {
    pub header: Header,
    /// The packet index for SRTP: the sequence number extended.
    pub index: u64,
    /// What else is rewritten in a copy of the payload.
    pub patch: Option<Vp8Patch>,
    /// Send no payload: the packet is not wanted but its number is taken.
    pub blank: bool,
    /// Set while the receiver may not know yet which section the SSRC belongs to.
    pub introduce: Option<Mid>,
}

/// A packet to be sent again, wrapped as RFC 4588 §4 says.
#[derive(Clone, Debug)]
pub struct Repeat {
    /// Of the repair stream.
    pub header: Header,
    pub index: u64,
    pub original: Rewritten,
    pub packet: Arc<Packet>,
}

/// What the transport stamps on each packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stamp {
    pub transport_cc: Option<u16>,
    /// 24 bits, seconds in 6.18 fixed point.
    pub abs_send_time: Option<u32>,
}

impl Rewritten {
    /// Appends the packet in clear and returns the length of its header, in bytes.
    pub fn write(
        &self,
        packet: &Packet,
        ids: &ExtensionIds,
        stamp: Stamp,
        out: &mut Vec<u8>,
    ) -> usize {
        let header_len = write_header(out, &self.header, ids, &self.extensions(packet, stamp));
        self.write_payload(packet, out);
        header_len
    }

    fn extensions<'a>(&self, packet: &'a Packet, stamp: Stamp) -> Outgoing<'a> {
        Outgoing {
            mid: self.introduce,
            transport_cc: stamp.transport_cc,
            abs_send_time: stamp.abs_send_time,
            audio_level: packet.audio_level,
            video_orientation: packet.video_orientation,
            dependency_descriptor: packet.dependency_descriptor(),
        }
    }

    fn write_payload(&self, packet: &Packet, out: &mut Vec<u8>) {
        if self.blank {
            return;
        }
        let start = out.len();
        out.extend_from_slice(packet.payload());
        if let (Some(vp8), Some(patch)) = (packet.vp8, self.patch) {
            vp8.patch(out.get_mut(start..).unwrap_or_default(), patch);
        }
    }
}

impl Repeat {
    /// Appends the repair packet in clear and returns the length of its header,
    /// in bytes.
    pub fn write(&self, ids: &ExtensionIds, stamp: Stamp, out: &mut Vec<u8>) -> usize {
        let extensions = self.original.extensions(&self.packet, stamp);
        let header_len = write_header(out, &self.header, ids, &extensions);
        out.extend_from_slice(&self.original.header.sequence.to_be_bytes());
        self.original.write_payload(&self.packet, out);
        header_len
    }
}
