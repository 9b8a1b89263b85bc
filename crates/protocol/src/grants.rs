//! Who a participant is and what it may do, as its token says.

use std::collections::BTreeMap;

/// Decoded and verified claims of a join token.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Grants {
    /// Unique within the room: a second join with it ends the first.
    pub identity: String,
    /// To be shown; may be empty.
    pub name: String,
    /// The room that the token is good for.
    pub room: String,
    pub role: Role,
    pub can_join: bool,
    pub can_publish: bool,
    pub can_subscribe: bool,
    pub can_publish_data: bool,
    pub can_update_own_metadata: bool,
    /// When not empty, only these sources may be published.
    pub can_publish_sources: Vec<Source>,
    /// Not shown to others.
    pub hidden: bool,
    pub metadata: String,
    pub attributes: BTreeMap<String, String>,
}

/// What a person is in a meeting. Decided by the token, never by who came first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Role {
    Host,
    #[default]
    Participant,
}

impl Role {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Participant => "participant",
        }
    }
}

/// Where a track comes from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Source {
    Unknown,
    Camera,
    Microphone,
    ScreenShare,
    ScreenShareAudio,
}
