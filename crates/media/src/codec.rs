//! The first bytes of payloads: enough of each codec's descriptor to know where
//! key frames begin and what a layer may be dropped for. End-to-end encryption
//! leaves these bytes readable; nothing behind them is ever looked at.

mod h264;
mod svc;
mod vp8;

use protocol::media::Codec;

pub use vp8::{PictureId, Vp8, Vp8Patch};

/// What a payload says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    pub key: KeyFrame,
    /// 0 is the base layer, and the answer where there are none.
    pub temporal: u8,
    /// Present for VP8 whose descriptor could be read.
    pub vp8: Option<Vp8>,
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
        Codec::Opus | Codec::Red => Facts::default(),
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
        Codec::Vp9 => key(svc::vp9_key_frame(payload)),
        Codec::Av1 => key(svc::av1_key_frame(payload)),
    }
}

#[cfg(test)]
mod tests;
