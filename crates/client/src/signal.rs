//! Signalling messages to frames and back.

use bytes::Bytes;
use livekit_protocol::{SignalRequest, SignalResponse, signal_request, signal_response};
use prost::Message;
use protocol::signal::Frame;

use crate::face::Problem;

pub(crate) fn encode(message: signal_request::Message) -> Frame {
    let request = SignalRequest {
        message: Some(message),
    };
    Frame::Binary(Bytes::from(request.encode_to_vec()))
}

/// `Ok(None)` for a message that this version does not know.
pub(crate) fn decode(frame: &Frame) -> Result<Option<signal_response::Message>, Problem> {
    match frame {
        Frame::Binary(bytes) => SignalResponse::decode(bytes.as_ref())
            .map(|response| response.message)
            .map_err(|error| Problem::BadFrame(error.to_string())),
        Frame::Text(_) => Err(Problem::BadFrame(
            "text, though we only ever sent binary frames".to_owned(),
        )),
    }
}
