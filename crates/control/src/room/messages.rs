//! The first messages of a session: what a client has to know of us and of
//! the room.

use livekit_protocol as proto;
use proto::signal_response::Message;
use protocol::{limits, signal::Dialect};

use super::Room;
use crate::desk::{Desk, PersonKey};

/// The LiveKit server whose behaviour we match: clients refuse an empty
/// version and switch features on by comparing it.
const LIVEKIT_VERSION: &str = "1.13.6";
/// The version of the signalling protocol that we speak.
const PROTOCOL: i32 = 17;

/// What clients may publish.
pub(super) fn codecs() -> Vec<proto::Codec> {
    [
        "audio/opus",
        "audio/red",
        "video/VP8",
        "video/H264",
        "video/VP9",
        "video/AV1",
    ]
    .into_iter()
    .map(|mime| proto::Codec {
        mime: mime.to_owned(),
        fmtp_line: String::new(),
    })
    .collect()
}

pub(super) fn server_info(desk: &Desk) -> proto::ServerInfo {
    proto::ServerInfo {
        edition: proto::server_info::Edition::Standard.into(),
        version: LIVEKIT_VERSION.to_owned(),
        protocol: PROTOCOL,
        debug_info: format!("Plenary {}", desk.config.version),
        ..Default::default()
    }
}

fn seconds(duration: std::time::Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

impl Room {
    /// The join response, which has to be the first message.
    pub(super) fn welcome(&mut self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        let server = server_info(desk);
        let response = proto::JoinResponse {
            room: Some(self.room_info()),
            participant: Some(participant.info()),
            other_participants: self.others(person),
            server_version: server.version.clone(),
            subscriber_primary: participant.dialect() == Dialect::DualPeer,
            ping_timeout: seconds(limits::PING_TIMEOUT),
            ping_interval: seconds(limits::PING_INTERVAL),
            server_info: Some(server),
            enabled_publish_codecs: codecs(),
            fast_publish: participant.grants.can_publish,
            ..Default::default()
        };
        participant.send(desk, Message::Join(response));
    }

    /// Everyone else who may be seen.
    pub(super) fn others(&self, person: PersonKey) -> Vec<proto::ParticipantInfo> {
        self.people
            .iter()
            .filter(|(key, other)| **key != person && !other.grants.hidden)
            .map(|(_, other)| other.info())
            .collect()
    }
}
