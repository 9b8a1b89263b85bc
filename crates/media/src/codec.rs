//! The first bytes of payloads: enough of each codec's descriptor to know where
//! key frames begin and what a layer may be dropped for. End-to-end encryption
//! leaves these bytes readable; nothing behind them is ever looked at.

mod dependency;
mod h264;
pub mod red;
mod vp8;
mod vp9;

use protocol::media::Codec;

pub(crate) use dependency::shift_frame;
pub use dependency::{DESCRIPTOR, Dependencies, Dependency, References, Structure};
pub use vp8::{PictureId, Vp8, Vp8Patch};
pub use vp9::{Vp9, Vp9Shift};

/// What a payload says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    pub key: KeyFrame,
    /// 0 is the base layer, and the answer where there are none.
    pub temporal: u8,
    /// Present for VP8 whose descriptor could be read.
    pub vp8: Option<Vp8>,
    /// Present for VP9 whose descriptor could be read.
    pub vp9: Option<Vp9>,
    /// Where the newest sound of redundant audio begins, in bytes.
    pub primary: Option<usize>,
}

/// The frame of a scalable stream that a packet belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layer {
    /// 0 is the base layer, as of `temporal`.
    pub spatial: u8,
    pub temporal: u8,
    /// First packet of the frame; a picture has one in each spatial layer.
    pub begins: bool,
    /// Last packet of the frame.
    pub ends: bool,
}

impl Layer {
    /// What the codec's own descriptor says, or the header extension's.
    #[must_use]
    pub fn of(vp9: Option<&Vp9>, dependency: Option<&Dependency>) -> Option<Self> {
        match (vp9, dependency) {
            (Some(vp9), _) => Some(Self {
                spatial: vp9.spatial,
                temporal: vp9.temporal,
                begins: vp9.begins,
                ends: vp9.ends,
            }),
            (None, Some(frame)) => Some(Self {
                spatial: frame.spatial,
                temporal: frame.temporal,
                begins: frame.begins,
                ends: frame.ends,
            }),
            (None, None) => None,
        }
    }
}

/// Whether a payload begins a key frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum KeyFrame {
    #[default]
    No,
    /// The decoder can start with this packet.
    Start,
    /// It can if this packet is the first of its frame: H.264's parameter sets,
    /// which go before, travel in packets of their own.
    IfFirst,
}

/// Reads a payload; one that cannot be read is no key frame.
#[must_use]
pub fn read(codec: Codec, payload: &[u8]) -> Facts {
    let key = |is_key| {
        let key = if is_key {
            KeyFrame::Start
        } else {
            KeyFrame::No
        };
        Facts {
            key,
            ..Facts::default()
        }
    };
    match codec {
        Codec::Opus => Facts::default(),
        Codec::Red => Facts {
            primary: red::primary(payload),
            ..Facts::default()
        },
        Codec::Vp8 => {
            let vp8 = Vp8::read(payload);
            Facts {
                temporal: vp8.and_then(|vp8| vp8.temporal).unwrap_or(0),
                vp8,
                ..key(vp8.is_some_and(|vp8| vp8.key_frame))
            }
        }
        Codec::H264 => Facts {
            key: h264::key_frame(payload),
            ..Facts::default()
        },
        Codec::Vp9 => {
            let vp9 = Vp9::read(payload);
            Facts {
                temporal: vp9.map_or(0, |vp9| vp9.temporal),
                vp9,
                ..key(vp9.is_some_and(|vp9| vp9.key_frame()))
            }
        }
        // The aggregation header's N (AV1 RTP specification §4.4): first packet
        // of a coded video sequence.
        Codec::Av1 => key(payload.first().is_some_and(|header| header & 0x08 != 0)),
    }
}

#[cfg(test)]
mod tests;
