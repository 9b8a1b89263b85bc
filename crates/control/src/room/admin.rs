//! What a server application may do to those in the room.

use std::{
    collections::{BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use livekit_protocol as proto;
use prost::Message as _;
use proto::{DisconnectReason, data_packet, leave_request::Action, signal_response::Message};
use protocol::{
    grants::{Grants, Source},
    ids::TrackId,
    limits,
    plane::{Command, DataChannel},
};

use super::{Exit, Room, requests::Profile};
use crate::{
    admin::{Code, Refused},
    desk::{Desk, PersonKey},
    face::SessionEnd,
    session::{Participant, source_of},
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
            self.permit(person, permission, desk);
        }
        self.show(&request.identity)
    }

    /// Changes what someone may do. What it may no longer do ends at once.
    fn permit(
        &mut self,
        person: PersonKey,
        permission: &proto::ParticipantPermission,
        desk: &mut Desk,
    ) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let received = participant.grants.can_subscribe;
        allow(&mut participant.grants, permission);
        let lost: Vec<(TrackId, String)> = participant
            .tracks
            .values()
            .filter(|track| !participant.may_publish(track.source))
            .map(|track| (track.id, track.sid().to_owned()))
            .collect();
        // The token for its next connection has to say the same.
        participant.link.token_due = desk.now;
        for (track, track_sid) in lost {
            let notice = proto::TrackUnpublishedResponse { track_sid };
            self.reply(person, Message::TrackUnpublished(notice), desk);
            self.unpublish(person, track, desk);
        }
        match (received, permission.can_subscribe) {
            (true, false) => self.drop_all_of(person, desk),
            (false, true) => self.offer_all_to(person, desk),
            (true, true) | (false, false) => {}
        }
        self.roster.change(person);
        self.send_token_due(person, desk);
    }

    /// Ends everything that someone receives.
    pub(super) fn drop_all_of(&mut self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        let tracks: Vec<TrackId> = participant.subscriptions.tracks().collect();
        for track in tracks {
            self.drop_subscription(person, track, desk);
        }
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

/// Whether someone is hidden is the token's to say: most updates do not mention
/// it, and in this message that can't be told from `false`.
fn allow(grants: &mut Grants, permission: &proto::ParticipantPermission) {
    grants.can_subscribe = permission.can_subscribe;
    grants.can_publish = permission.can_publish;
    grants.can_publish_data = permission.can_publish_data;
    grants.can_update_own_metadata = permission.can_update_metadata;
    let listed = &permission.can_publish_sources;
    let known: BTreeSet<Source> = listed
        .iter()
        .map(|source| source_of(*source))
        .filter(|source| *source != Source::Unknown)
        .collect();
    // In a token a list of sources is a right by itself, and an empty one allows all:
    // what can't be said there must not be had here.
    grants.can_publish &= listed.is_empty() || !known.is_empty();
    grants.can_publish_sources = if grants.can_publish {
        known.into_iter().collect()
    } else {
        Vec::new()
    };
}
