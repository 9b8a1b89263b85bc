//! Who a participant is and what it may do, as its token says.

use std::collections::BTreeMap;

use crate::rooms::RoomConfig;

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
    pub kind: Kind,
    /// It only records; those who do are not counted against a room's limit.
    pub recorder: bool,
    /// May speak for a program; not counted either.
    pub agent: bool,
    pub rooms: RoomRights,
    /// How the room is to be, should this join open it.
    pub room_config: Option<RoomConfig>,
    /// Since when the token holds (`nbf`), in Unix seconds; 0 if it doesn't say.
    pub valid_since: i64,
}

impl Grants {
    /// Whether it stands for a person, and so counts against a room's limit.
    #[must_use]
    pub const fn is_counted(&self) -> bool {
        !self.recorder && !self.agent && !matches!(self.kind, Kind::Agent | Kind::Egress)
    }
}

/// What a token lets its holder ask of the server API. Control only carries
/// them on, so that a token that is renewed loses nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoomRights {
    /// Create and delete rooms.
    pub create: bool,
    /// List rooms.
    pub list: bool,
    /// Do everything in the token's room.
    pub admin: bool,
    /// Where participants may be moved or forwarded to.
    pub destination: String,
}

/// What takes part (LiveKit's `ParticipantInfo.Kind`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Kind {
    #[default]
    Standard,
    Ingress,
    Egress,
    Sip,
    Agent,
    Connector,
    Bridge,
}

impl Kind {
    /// Everything that there is.
    pub const ALL: [Self; 7] = [
        Self::Standard,
        Self::Ingress,
        Self::Egress,
        Self::Sip,
        Self::Agent,
        Self::Connector,
        Self::Bridge,
    ];

    /// As tokens have it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Ingress => "ingress",
            Self::Egress => "egress",
            Self::Sip => "sip",
            Self::Agent => "agent",
            Self::Connector => "connector",
            Self::Bridge => "bridge",
        }
    }
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
