//! What the shell and control say to each other about signalling.

use bytes::Bytes;

/// One WebSocket message. Binary frames carry protobuf, text frames the same
/// messages as JSON; control answers in the encoding of the client's last frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    Binary(Bytes),
    Text(String),
}

/// Which of LiveKit's two signalling dialects the client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dialect {
    /// `/rtc/v1`: one peer connection, the client always offers.
    SinglePeer,
    /// `/rtc`: the client offers a connection in which it publishes, we offer
    /// one in which it receives.
    DualPeer,
}

/// Why a connection attempt is refused, before a WebSocket exists.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConnectError {
    /// 400: the request can't be read.
    #[error("the join request is malformed: {0}")]
    Malformed(String),
    /// 403: the token does not allow this.
    #[error("the token does not allow to {0}")]
    Forbidden(&'static str),
    /// 503: a limit is reached.
    #[error("{0}")]
    Full(String),
}
