//! How rooms are: what the operator decides for all of them, and what one of
//! them may be given.

use std::time::Duration;

/// What holds for every room that was not told otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoomDefaults {
    /// A join opens the room that its token names; else only the server API does.
    pub auto_create: bool,
    /// A room that nobody came into is closed after this.
    pub empty_timeout: Duration,
    /// A room that everybody left is closed after this.
    pub departure_timeout: Duration,
    /// People in one room; 0 leaves it to [`crate::limits::PARTICIPANTS_PER_ROOM`].
    pub max_participants: u32,
    /// The server API may unmute as well as mute. Off, as nobody expects to be heard
    /// without having asked for it.
    pub remote_unmute: bool,
}

/// LiveKit's defaults.
impl Default for RoomDefaults {
    fn default() -> Self {
        Self {
            auto_create: true,
            empty_timeout: Duration::from_secs(300),
            departure_timeout: Duration::from_secs(20),
            max_participants: 0,
            remote_unmute: false,
        }
    }
}

/// What one room is given. 0 and empty leave things as they are.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoomConfig {
    /// In seconds.
    pub empty_timeout: u32,
    /// In seconds.
    pub departure_timeout: u32,
    pub max_participants: u32,
    pub metadata: String,
}
