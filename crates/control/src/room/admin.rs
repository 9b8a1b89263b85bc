//! What a server application may do to those in the room.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use livekit_protocol as proto;
use prost::Message as _;
use proto::{DisconnectReason, data_packet, leave_request::Action, signal_response::Message};
use protocol::{
    limits,
    plane::{Command, DataChannel},
};

use super::{Exit, Room, requests::Profile};
use crate::{
    admin::{Code, Refused},
    desk::{Desk, PersonKey},
    face::SessionEnd,
    session::{Participant, Permission},
};

/// A server application that gets no answer repeats its request; after this
/// it would be a new one.
const NONCE_LIFE: Duration = Duration::from_secs(60);
/// Nonces that a room remembers: 100 messages a second for ten seconds.
const NONCES: usize = 1_000;
/// Bytes of a nonce: a UUID.
const NONCE_BYTES: usize = 16;

/// Messages that were sent lately, by their nonces.
#[derive(Debug, Default)]
pub(super) struct Nonces(VecDeque<(Instant, Vec<u8>)>);

impl Nonces {
    /// False when it was there already.
    fn add(&mut self, nonce: &[u8], now: Instant) -> bool {
        while self
            .0
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) >= NONCE_LIFE)
        {
            self.0.pop_front();
        }
        if self.0.iter().any(|(_, known)| known == nonce) {
            return false;
        }
        if self.0.len() >= NONCES {
            self.0.pop_front();
        }
        self.0.push_back((now, nonce.to_vec()));
        true
    }
}

impl Room {
    pub(crate) fn person(&self, identity: &str) -> Result<PersonKey, Refused> {
        self.identities
            .get(identity)
            .copied()
            .ok_or_else(Refused::no_participant)
    }

    fn participant_mut(&mut self, person: PersonKey) -> Result<&mut Participant, Refused> {
        self.people
            .get_mut(&person)
            .ok_or_else(Refused::no_participant)
    }

    /// Everyone, also those who are hidden from each other.
    pub(crate) fn list(&self) -> Vec<proto::ParticipantInfo> {
        self.people.values().map(Participant::info).collect()
    }

    pub(crate) fn show(&self, identity: &str) -> Result<proto::ParticipantInfo, Refused> {
        let person = self.person(identity)?;
        self.people
            .get(&person)
            .map(Participant::info)
            .ok_or_else(Refused::no_participant)
    }

    pub(crate) fn remove(&mut self, identity: &str, desk: &mut Desk) -> Result<(), Refused> {
        let person = self.person(identity)?;
        let reason = DisconnectReason::ParticipantRemoved;
        let exit = Exit::told(reason, Action::Disconnect, SessionEnd::Left);
        self.expel(person, exit, desk);
        Ok(())
    }

    pub(crate) fn mute_track(
        &mut self,
        request: &proto::MuteRoomTrackRequest,
        desk: &mut Desk,
    ) -> Result<proto::TrackInfo, Refused> {
        let person = self.person(&request.identity)?;
        self.refuse_double(person)?;
        let no_track = || Refused::new(Code::NotFound, "track is not found");
        let info = |room: &Self| {
            let participant = room.people.get(&person)?;
            let mut tracks = participant.tracks.values();
            let track = tracks.find(|track| track.sid() == request.track_sid)?;
            Some(track.info.clone())
        };
        let before = info(self).ok_or_else(no_track)?;
        if !request.muted && before.muted && !desk.config.rooms.remote_unmute {
            return Err(Refused::new(
                Code::FailedPrecondition,
                "remote unmute not enabled",
            ));
        }
        if before.muted != request.muted {
            let change = proto::MuteTrackRequest {
                sid: request.track_sid.clone(),
                muted: request.muted,
            };
            // The client first: it must have stopped before it reads of it in the roster.
            self.reply(person, Message::Mute(change.clone()), desk);
            self.mute(person, &change, desk);
        }
        info(self).ok_or_else(no_track)
    }

    pub(crate) fn update_participant(
        &mut self,
        request: &proto::UpdateParticipantRequest,
        desk: &mut Desk,
    ) -> Result<proto::ParticipantInfo, Refused> {
        let person = self.person(&request.identity)?;
        self.refuse_double(person)?;
        let participant = self.participant_mut(person)?;
        let profile = Profile {
            name: request.name.clone(),
            metadata: request.metadata.clone(),
            attributes: request.attributes.clone().into_iter().collect(),
        };
        profile
            .check_limits(&participant.grants)
            .map_err(|refusal| Refused::new(Code::InvalidArgument, refusal.message))?;
        profile.apply(&mut participant.grants);
        self.roster.change(person);
        if let Some(permission) = &request.permission {
            self.permit(person, Permission::from(permission), desk);
        }
        self.show(&request.identity)
    }

    pub(crate) fn subscribe_for(
        &mut self,
        request: &proto::UpdateSubscriptionsRequest,
        desk: &mut Desk,
    ) -> Result<(), Refused> {
        let person = self.person(&request.identity)?;
        self.refuse_double(person)?;
        let update = proto::UpdateSubscription {
            track_sids: request.track_sids.clone(),
            subscribe: request.subscribe,
            participant_tracks: request.participant_tracks.clone(),
        };
        self.update_subscription(person, &update, desk);
        Ok(())
    }

    /// A message that comes from no participant.
    pub(crate) fn send_data(
        &mut self,
        request: proto::SendDataRequest,
        desk: &mut Desk,
    ) -> Result<(), Refused> {
        if !request.nonce.is_empty() {
            if request.nonce.len() != NONCE_BYTES {
                return Err(Refused::new(
                    Code::InvalidArgument,
                    "the nonce has to be of 16 bytes, or absent",
                ));
            }
            if !self.nonces.add(&request.nonce, desk.now) {
                return Ok(());
            }
        }
        let channel = match request.kind() {
            data_packet::Kind::Reliable => DataChannel::Reliable,
            data_packet::Kind::Lossy => DataChannel::Lossy,
        };
        #[expect(deprecated, reason = "older applications and clients use sids")]
        let user = proto::UserPacket {
            payload: request.data,
            destination_sids: request.destination_sids,
            destination_identities: request.destination_identities.clone(),
            topic: request.topic,
            nonce: request.nonce,
            ..Default::default()
        };
        #[expect(deprecated, reason = "older applications use sids")]
        let named: Vec<String> = user
            .destination_sids
            .iter()
            .chain(&request.destination_identities)
            .cloned()
            .collect();
        #[expect(deprecated, reason = "older clients read the kind here")]
        let packet = proto::DataPacket {
            kind: request.kind,
            destination_identities: request.destination_identities,
            value: Some(data_packet::Value::User(user)),
            ..Default::default()
        };
        self.send_packet(&packet, channel, &named, desk)
    }

    /// To those named, or to everybody.
    pub(super) fn send_packet(
        &self,
        packet: &proto::DataPacket,
        channel: DataChannel,
        named: &[String],
        desk: &mut Desk,
    ) -> Result<(), Refused> {
        let payload: bytes::Bytes = packet.encode_to_vec().into();
        if payload.len() > limits::DATA_MESSAGE_BYTES {
            return Err(Refused::new(Code::InvalidArgument, "the data is too long"));
        }
        for receiver in self.people.values() {
            let meant = named.is_empty()
                || named
                    .iter()
                    .any(|name| name == receiver.identity() || *name == receiver.sid);
            if let (Some(peer), true) = (receiver.connected_peer(), meant) {
                let command = Command::SendData {
                    peer: peer.id,
                    channel,
                    payload: payload.clone(),
                };
                desk.order(peer.shard, command);
            }
        }
        Ok(())
    }
}
