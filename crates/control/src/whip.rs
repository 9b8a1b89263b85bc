//! Entering a room by a single offer and its answer, without a signalling
//! connection: to publish (WHIP, RFC 9725) or to watch (WHEP). These are the
//! words; what they do is in `room/whip.rs`.

use protocol::grants::Grants;

/// What somebody enters for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Way {
    /// WHIP: every section in which the client sends becomes a track.
    Publish,
    /// WHEP: every section in which the client receives is filled with a track
    /// that is there now.
    Watch,
}

/// An offer that came by HTTP.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub grants: Grants,
    pub way: Way,
    /// The session description.
    pub offer: String,
}

/// The way in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entered {
    /// The `PA_…` id, which names the session from now on.
    pub sid: String,
    /// The session description.
    pub answer: String,
}

/// Why somebody is not let in.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoEntry {
    #[error("the token does not allow to {0}")]
    Forbidden(&'static str),
    #[error("the offer can't be read: {0}")]
    Malformed(String),
    #[error("the offer can't be answered: {0}")]
    Unanswerable(String),
    #[error("the room is full, or there are too many rooms")]
    Full,
    #[error("nobody publishes anything that could be watched: try again in a moment")]
    NothingToWatch,
    #[error("requested room does not exist")]
    NoRoom,
}
