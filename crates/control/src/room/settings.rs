//! What a room is set to: how many may come, and when it is closed.

use std::time::Duration;

use livekit_protocol as proto;
use proto::signal_response::Message;
use protocol::{
    limits,
    rooms::{RoomConfig, RoomDefaults},
};

use super::Room;
use crate::{
    admin::{Code, Refused},
    desk::Desk,
};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Settings {
    empty_timeout: Duration,
    departure_timeout: Duration,
    /// 0: as many as the node allows.
    max_participants: u32,
    pub(super) metadata: String,
}

impl Settings {
    pub(super) const fn new(defaults: &RoomDefaults) -> Self {
        Self {
            empty_timeout: defaults.empty_timeout,
            departure_timeout: defaults.departure_timeout,
            max_participants: defaults.max_participants,
            metadata: String::new(),
        }
    }

    /// Takes over what is given.
    fn apply(&mut self, config: &RoomConfig) {
        if config.empty_timeout > 0 {
            self.empty_timeout = Duration::from_secs(config.empty_timeout.into());
        }
        if config.departure_timeout > 0 {
            self.departure_timeout = Duration::from_secs(config.departure_timeout.into());
        }
        if config.max_participants > 0 {
            self.max_participants = config.max_participants;
        }
        if !config.metadata.is_empty() {
            self.metadata.clone_from(&config.metadata);
        }
    }

    pub(super) fn describe(&self, room: &mut proto::Room) {
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        room.empty_timeout = seconds(self.empty_timeout);
        room.departure_timeout = seconds(self.departure_timeout);
        room.max_participants = self.max_participants;
        room.metadata.clone_from(&self.metadata);
    }

    /// How long the room stays without anyone in it.
    pub(super) const fn patience(&self, visited: bool) -> Duration {
        if visited {
            self.departure_timeout
        } else {
            self.empty_timeout
        }
    }

    /// Whether `counted` people leave room for another.
    pub(super) fn has_place(&self, counted: usize) -> bool {
        let max = usize::try_from(self.max_participants).unwrap_or(usize::MAX);
        max == 0 || counted < max
    }
}

impl Room {
    pub(crate) fn configure(&mut self, config: &RoomConfig, desk: &mut Desk) {
        let before = self.settings.clone();
        self.settings.apply(config);
        if before != self.settings {
            self.tell_settings(desk);
        }
    }

    pub(crate) fn set_metadata(
        &mut self,
        metadata: &str,
        desk: &mut Desk,
    ) -> Result<proto::Room, Refused> {
        if metadata.len() > limits::METADATA_BYTES {
            return Err(Refused::new(
                Code::InvalidArgument,
                "the metadata is too long",
            ));
        }
        let config = RoomConfig {
            metadata: metadata.to_owned(),
            ..RoomConfig::default()
        };
        self.configure(&config, desk);
        Ok(self.room_info())
    }

    fn tell_settings(&self, desk: &mut Desk) {
        let room = Some(self.room_info());
        self.broadcast(Message::RoomUpdate(proto::RoomUpdate { room }), desk);
    }

    /// Whether one more may come in; those who only record or act for a
    /// program are not counted.
    pub(super) fn has_place(&self, counted: bool) -> bool {
        let here = self
            .people
            .values()
            .filter(|person| person.grants.is_counted())
            .count();
        self.people.len() < limits::PARTICIPANTS_PER_ROOM
            && (!counted || self.settings.has_place(here))
    }
}
