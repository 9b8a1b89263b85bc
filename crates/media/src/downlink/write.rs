//! A packet as one subscriber gets it, in clear: written at the end of the
//! buffer in which it is then sealed.

use std::sync::Arc;

use protocol::media::{ExtensionIds, Mid};

use super::layers::LayersPatch;
use crate::{
    codec::{DESCRIPTOR, Vp8Patch, red, shift_frame},
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
    pub patch: Option<Patch>,
    /// Send no payload: the packet is not wanted but its number is taken.
    pub blank: bool,
    /// Set while the receiver may not know yet which section the SSRC belongs to.
    pub introduce: Option<Mid>,
}

/// What is rewritten in the copy of a payload, and in its descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Patch {
    Vp8(Vp8Patch),
    Layers(LayersPatch),
    /// The newest sound of redundant audio alone: the receiver knows no other.
    Primary,
    /// The receiver's own payload type of the sound in redundant audio.
    Renumber(u8),
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
        let header_len = self.write_header(&self.header, packet, ids, stamp, out);
        self.write_payload(packet, out);
        header_len
    }

    fn write_header(
        &self,
        header: &Header,
        packet: &Packet,
        ids: &ExtensionIds,
        stamp: Stamp,
        out: &mut Vec<u8>,
    ) -> usize {
        let outgoing = self.extensions(packet, stamp);
        if let (Some(Patch::Layers(patch)), Some(bytes)) =
            (self.patch, packet.dependency_descriptor())
        {
            let mut copy = [0; DESCRIPTOR];
            let length = match &packet.dependency {
                Some(frame) => {
                    let limit = patch.limit.map(super::layers::Limit::layers);
                    frame.rewrite(bytes, patch.frame, limit, &mut copy)
                }
                None => moved(bytes, patch.frame, &mut copy),
            };
            let outgoing = Outgoing {
                dependency_descriptor: length.and_then(|length| copy.get(..length)),
                ..outgoing
            };
            return write_header(out, header, ids, &outgoing);
        }
        write_header(out, header, ids, &outgoing)
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
        let Some(patch) = self.patch else {
            return;
        };
        let copy = out.get_mut(start..).unwrap_or_default();
        match patch {
            Patch::Vp8(patch) => {
                if let Some(vp8) = packet.vp8 {
                    vp8.patch(copy, patch);
                }
            }
            Patch::Layers(patch) => {
                if let Some(vp9) = packet.vp9 {
                    vp9.shift(copy, patch.vp9());
                }
            }
            Patch::Primary => {
                let old = packet.primary.unwrap_or(0).min(copy.len());
                out.drain(start..start + old);
            }
            Patch::Renumber(payload_type) => red::renumber(copy, payload_type),
        }
    }
}

impl Repeat {
    /// Appends the repair packet in clear and returns the length of its header,
    /// in bytes.
    pub fn write(&self, ids: &ExtensionIds, stamp: Stamp, out: &mut Vec<u8>) -> usize {
        let original = &self.original;
        let header_len = original.write_header(&self.header, &self.packet, ids, stamp, out);
        out.extend_from_slice(&self.original.header.sequence.to_be_bytes());
        self.original.write_payload(&self.packet, out);
        header_len
    }
}

/// A descriptor that could not be understood, with its frame's number moved.
fn moved(bytes: &[u8], shift: u16, copy: &mut [u8; DESCRIPTOR]) -> Option<usize> {
    let copy = copy.get_mut(..bytes.len())?;
    copy.copy_from_slice(bytes);
    shift_frame(copy, shift)?;
    Some(bytes.len())
}
