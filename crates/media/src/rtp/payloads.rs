//! What a peer's payload types stand for.

use protocol::media::{Format, Payload};
use smallvec::SmallVec;

/// What a received payload type means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meaning {
    /// Media of the format.
    Media(Format),
    /// Repeats of packets of the format (RFC 4588).
    Repair(Format),
}

/// A peer's numbering of formats, made when it negotiates and then only read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PayloadTypes {
    /// In place: every forwarded packet looks here.
    payloads: SmallVec<[Payload; 8]>,
}

impl PayloadTypes {
    #[must_use]
    pub fn new(payloads: Vec<Payload>) -> Self {
        Self {
            payloads: payloads.into_iter().collect(),
        }
    }

    /// What a payload type stands for when this peer sends it.
    #[must_use]
    pub fn meaning(&self, payload_type: u8) -> Option<Meaning> {
        self.payloads.iter().find_map(|payload| {
            if payload.payload_type == payload_type {
                Some(Meaning::Media(payload.format))
            } else if payload.rtx == Some(payload_type) {
                Some(Meaning::Repair(payload.format))
            } else {
                None
            }
        })
    }

    /// How to send a format to this peer; `None` when it did not negotiate it.
    #[must_use]
    pub fn numbering(&self, format: Format) -> Option<Payload> {
        self.payloads
            .iter()
            .copied()
            .find(|payload| payload.format == format)
    }
}
