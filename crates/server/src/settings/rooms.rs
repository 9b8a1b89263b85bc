//! What the operator decides about rooms: the `[rooms]` table of the settings file
//! and the `PLENARY_ROOMS_…` of the environment.

use std::time::Duration;

use protocol::{limits, rooms::RoomDefaults};
use serde::Deserialize;

use super::{SettingsError, invalid, parsed};

/// As in [`RoomDefaults`], times in seconds; what is not said stays LiveKit's default.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoomLayer {
    pub auto_create: Option<bool>,
    pub empty_timeout: Option<u32>,
    pub departure_timeout: Option<u32>,
    pub max_participants: Option<u32>,
    pub remote_unmute: Option<bool>,
}

impl RoomLayer {
    pub(super) fn from_environment(
        get: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let (flag, seconds) = ("use true or false", "use a number of seconds");
        Ok(Self {
            auto_create: parsed(get, "PLENARY_ROOMS_AUTO_CREATE", flag)?,
            empty_timeout: parsed(get, "PLENARY_ROOMS_EMPTY_TIMEOUT", seconds)?,
            departure_timeout: parsed(get, "PLENARY_ROOMS_DEPARTURE_TIMEOUT", seconds)?,
            max_participants: parsed(get, "PLENARY_ROOMS_MAX_PARTICIPANTS", "use a number")?,
            remote_unmute: parsed(get, "PLENARY_ROOMS_REMOTE_UNMUTE", flag)?,
        })
    }

    pub(super) fn over(self, below: Self) -> Self {
        Self {
            auto_create: self.auto_create.or(below.auto_create),
            empty_timeout: self.empty_timeout.or(below.empty_timeout),
            departure_timeout: self.departure_timeout.or(below.departure_timeout),
            max_participants: self.max_participants.or(below.max_participants),
            remote_unmute: self.remote_unmute.or(below.remote_unmute),
        }
    }

    pub(super) fn settle(self) -> Result<RoomDefaults, SettingsError> {
        let usual = RoomDefaults::default();
        let time = |seconds: Option<u32>, usual| {
            seconds.map_or(usual, |seconds| Duration::from_secs(seconds.into()))
        };
        let max_participants = self.max_participants.unwrap_or(usual.max_participants);
        if usize::try_from(max_participants).is_ok_and(|max| max > limits::PARTICIPANTS_PER_ROOM) {
            return Err(invalid(
                "rooms.max_participants",
                max_participants,
                "a room takes 1000 at most; 0 means as many",
            ));
        }
        Ok(RoomDefaults {
            auto_create: self.auto_create.unwrap_or(usual.auto_create),
            empty_timeout: time(self.empty_timeout, usual.empty_timeout),
            departure_timeout: time(self.departure_timeout, usual.departure_timeout),
            max_participants,
            remote_unmute: self.remote_unmute.unwrap_or(usual.remote_unmute),
        })
    }
}
