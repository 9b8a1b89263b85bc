//! Signalling frames: LiveKit's messages as protobuf or as JSON.

use bytes::Bytes;
use livekit_protocol as proto;
use prost::Message as _;
use proto::{signal_request, signal_response};
use protocol::{limits, signal::Frame};

/// Why a frame can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("a frame of {0} bytes")]
    TooLarge(usize),
    #[error("not a SignalRequest: {0}")]
    Protobuf(#[from] prost::DecodeError),
    #[error("not a SignalRequest in JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// `None` for a message that this version of the protocol does not have.
pub(crate) fn decode(frame: &Frame) -> Result<Option<signal_request::Message>, Unreadable> {
    let length = match frame {
        Frame::Binary(bytes) => bytes.len(),
        Frame::Text(text) => text.len(),
    };
    if length > limits::SIGNAL_FRAME_BYTES {
        return Err(Unreadable::TooLarge(length));
    }
    let request: proto::SignalRequest = match frame {
        Frame::Binary(bytes) => proto::SignalRequest::decode(bytes.as_ref())?,
        Frame::Text(text) => serde_json::from_str(text)?,
    };
    Ok(request.message)
}

/// One message for many: encoded once in each encoding that someone needs.
#[derive(Debug)]
pub(crate) struct Notice {
    response: proto::SignalResponse,
    binary: Option<Bytes>,
    text: Option<String>,
}

impl Notice {
    pub(crate) const fn new(message: signal_response::Message) -> Self {
        Self {
            response: proto::SignalResponse {
                message: Some(message),
            },
            binary: None,
            text: None,
        }
    }

    pub(crate) fn frame(&mut self, text: bool) -> Frame {
        if text {
            let response = &self.response;
            // Maps with string keys and finite numbers always have a JSON form.
            let text = self
                .text
                .get_or_insert_with(|| serde_json::to_string(response).unwrap_or_default());
            Frame::Text(text.clone())
        } else {
            let response = &self.response;
            let bytes = self
                .binary
                .get_or_insert_with(|| response.encode_to_vec().into());
            Frame::Binary(bytes.clone())
        }
    }
}
