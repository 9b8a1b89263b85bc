//! Data tracks: streams of frames, lossy, that are received by those alone who
//! ask for them. Their packets travel in a data channel of their own and name
//! the track by a number, which is each receiver's own.

use bytes::{Bytes, BytesMut};
use livekit_protocol as proto;
use proto::{
    data_track_subscriber_handles::PublishedDataTrack,
    request_response::{Reason, Request},
    signal_response::Message,
};
use protocol::{
    limits,
    plane::{Command, DataChannel},
};

use super::{Room, requests::Refusal};
use crate::{
    desk::{Desk, PersonKey},
    session::{DataTrack, Handle},
};

/// Header of a packet without extensions, in bytes.
const HEADER: usize = 12;
/// The upper three bits of the first byte are the version, of which there is one.
const VERSION: u8 = 0xe0;
/// Where the track's number is.
const HANDLE_AT: usize = 2;

impl Room {
    pub(super) fn publish_data_track(
        &mut self,
        person: PersonKey,
        request: proto::PublishDataTrackRequest,
        desk: &mut Desk,
    ) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let allowed = participant.grants.can_publish_data;
        let checked = match participant.data.check(&request) {
            Ok(_) if !allowed => Err(Reason::NotAllowed),
            checked => checked,
        };
        match checked {
            Ok(handle) => self.begin_data_track(person, handle, request, desk),
            Err(reason) => {
                let echo = proto::PublishDataTrackRequest {
                    pub_handle: request.pub_handle,
                    name: request.name.chars().take(limits::NAME_BYTES).collect(),
                    ..Default::default()
                };
                let refusal = Refusal {
                    reason,
                    message: message(reason),
                };
                self.refuse(person, 0, refusal, Request::PublishDataTrack(echo), desk);
            }
        }
    }

    fn begin_data_track(
        &mut self,
        person: PersonKey,
        handle: Handle,
        request: proto::PublishDataTrackRequest,
        desk: &mut Desk,
    ) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let info = proto::DataTrackInfo {
            pub_handle: request.pub_handle,
            sid: desk.sid("DTR_"),
            name: request.name,
            encryption: request.encryption,
            frame_encoding: request.frame_encoding,
            schema: request.schema,
        };
        let track = DataTrack {
            info: info.clone(),
            receivers: std::collections::BTreeMap::new(),
        };
        participant.data.published.insert(handle, track);
        let response = proto::PublishDataTrackResponse {
            info: Some(info.clone()),
        };
        participant.send(desk, Message::PublishDataTrackResponse(response));
        self.data_tracks.insert(info.sid.clone(), (person, handle));
        self.roster.change(person);
        let takers: Vec<PersonKey> = self
            .people
            .iter()
            .filter(|(key, other)| **key != person && other.auto_subscribe_data)
            .map(|(key, _)| *key)
            .collect();
        for taker in takers {
            if self.receive_data_track(taker, &info.sid) {
                self.roster.renumber(taker);
            }
        }
    }

    pub(super) fn unpublish_data_track(
        &mut self,
        person: PersonKey,
        request: &proto::UnpublishDataTrackRequest,
        desk: &mut Desk,
    ) {
        let handle = Handle::try_from(request.pub_handle).unwrap_or(0);
        match self.end_data_track(person, handle) {
            Some(track) => {
                let response = proto::UnpublishDataTrackResponse {
                    info: Some(track.info),
                };
                self.reply(person, Message::UnpublishDataTrackResponse(response), desk);
                self.roster.change(person);
            }
            None => {
                let refusal = Refusal {
                    reason: Reason::NotFound,
                    message: message(Reason::NotFound),
                };
                let echo = Request::UnpublishDataTrack(*request);
                self.refuse(person, 0, refusal, echo, desk);
            }
        }
    }

    fn end_data_track(&mut self, person: PersonKey, handle: Handle) -> Option<DataTrack> {
        let publisher = self.people.get_mut(&person)?;
        let track = publisher.data.published.remove(&handle)?;
        self.drop_data_track(&track);
        Some(track)
    }

    /// A data track is no more: nobody receives it.
    fn drop_data_track(&mut self, track: &DataTrack) {
        self.data_tracks.remove(&track.info.sid);
        for (receiver, handle) in &track.receivers {
            if let Some(participant) = self.people.get_mut(receiver) {
                participant.data.forget(*handle);
                self.roster.renumber(*receiver);
            }
        }
    }

    /// Someone has left, with what it published and what it received.
    pub(super) fn forget_data_tracks(
        &mut self,
        person: PersonKey,
        published: impl Iterator<Item = DataTrack>,
    ) {
        for track in published {
            self.drop_data_track(&track);
        }
        for other in self.people.values_mut() {
            for track in other.data.published.values_mut() {
                track.receivers.remove(&person);
            }
        }
    }

    pub(super) fn update_data_subscription(
        &mut self,
        person: PersonKey,
        update: &proto::UpdateDataSubscription,
        desk: &mut Desk,
    ) {
        let mut changed = false;
        let updates = update.updates.iter();
        for update in updates.take(limits::DATA_SUBSCRIPTIONS_PER_PEER) {
            changed |= if update.subscribe {
                self.receive_data_track(person, &update.track_sid)
            } else {
                self.decline_data_track(person, &update.track_sid)
            };
        }
        if changed {
            self.tell_data_handles(person, desk);
        }
    }

    /// Whether there is something new to tell.
    fn receive_data_track(&mut self, person: PersonKey, sid: &str) -> bool {
        let Some((publisher, handle)) = self.data_tracks.get(sid).copied() else {
            return false;
        };
        let (Some(source), Some(receiver)) =
            (self.people.get(&publisher), self.people.get(&person))
        else {
            return false;
        };
        let admitted = source
            .audience
            .admits(&receiver.sid, receiver.identity(), sid);
        if person == publisher || !receiver.grants.can_subscribe || !admitted {
            return false;
        }
        let Some(track) = source.data.published.get(&handle) else {
            return false;
        };
        if track.receivers.contains_key(&person) {
            return true;
        }
        let described = PublishedDataTrack {
            publisher_identity: source.identity().to_owned(),
            publisher_sid: source.sid.clone(),
            track_sid: sid.to_owned(),
        };
        let receiver = self.people.get_mut(&person);
        let Some(number) = receiver.and_then(|receiver| receiver.data.receive(described)) else {
            return false;
        };
        let source = self.people.get_mut(&publisher);
        if let Some(track) = source.and_then(|source| source.data.published.get_mut(&handle)) {
            track.receivers.insert(person, number);
        }
        true
    }

    fn decline_data_track(&mut self, person: PersonKey, sid: &str) -> bool {
        let Some((publisher, handle)) = self.data_tracks.get(sid).copied() else {
            return false;
        };
        let source = self.people.get_mut(&publisher);
        let track = source.and_then(|source| source.data.published.get_mut(&handle));
        let Some(number) = track.and_then(|track| track.receivers.remove(&person)) else {
            return false;
        };
        if let Some(receiver) = self.people.get_mut(&person) {
            receiver.data.forget(number);
        }
        true
    }

    pub(super) fn tell_data_handles(&self, person: PersonKey, desk: &mut Desk) {
        if let Some(participant) = self.people.get(&person) {
            let handles = participant.data.handles();
            participant.send(desk, Message::DataTrackSubscriberHandles(handles));
        }
    }

    /// A client that was away is told again.
    pub(super) fn retell_data_handles(&self, person: PersonKey, desk: &mut Desk) {
        let receiver = self.people.get(&person);
        if receiver.is_some_and(|participant| participant.data.receives_any()) {
            self.tell_data_handles(person, desk);
        }
    }

    /// A packet of a data track came; gives back whether it is one.
    pub(super) fn route_frame(&self, person: PersonKey, payload: &Bytes, desk: &mut Desk) -> bool {
        let Some(track) = self.data_track_of(person, payload) else {
            return false;
        };
        for (receiver, handle) in &track.receivers {
            let receiver = self.people.get(receiver);
            let Some(peer) = receiver.and_then(|receiver| receiver.connected_peer()) else {
                continue;
            };
            let mut copy = BytesMut::from(payload.as_ref());
            if let Some(field) = copy.get_mut(HANDLE_AT..HANDLE_AT + 2) {
                field.copy_from_slice(&handle.to_be_bytes());
            }
            let command = Command::SendData {
                peer: peer.id,
                channel: DataChannel::DataTrack,
                payload: copy.freeze(),
            };
            desk.order(peer.shard, command);
        }
        true
    }

    fn data_track_of(&self, person: PersonKey, payload: &[u8]) -> Option<&DataTrack> {
        let publisher = self.people.get(&person)?;
        let (first, handle) = (payload.first()?, payload.get(HANDLE_AT..HANDLE_AT + 2)?);
        let lawful = payload.len() >= HEADER && first & VERSION == 0;
        if !lawful || !publisher.grants.can_publish_data {
            return None;
        }
        let handle = Handle::from_be_bytes(handle.try_into().ok()?);
        publisher.data.published.get(&handle)
    }
}

const fn message(reason: Reason) -> &'static str {
    match reason {
        Reason::NotAllowed => "publishing data is not allowed",
        Reason::InvalidHandle => "a handle is a number from 1 to 65,535",
        Reason::InvalidName => "a name has 1 to 256 characters",
        Reason::DuplicateHandle => "the handle is taken",
        Reason::DuplicateName => "the name is taken",
        Reason::LimitExceeded => "too many data tracks",
        Reason::NotFound => "there is no such data track",
        Reason::InvalidRequest => "the schema or encoding has too long a name",
        Reason::Ok | Reason::Queued | Reason::UnsupportedType | Reason::UnclassifiedError => {
            "the request can't be served"
        }
    }
}
