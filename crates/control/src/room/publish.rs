//! Publishing: announced tracks, mute, and the end of a track.

use livekit_protocol as proto;
use proto::{
    request_response::{Reason, Request},
    signal_response::Message,
};
use protocol::{ids::TrackId, limits, media::Uplink, plane::Command};

use super::{Room, requests::Refusal};
use crate::{
    desk::{Desk, PersonKey, Seat},
    sdp::Section,
    session::{Participant, Track, Undeclared},
};

impl Room {
    /// A client announces a track. The section may come later, or be there already.
    pub(super) fn add_track(
        &mut self,
        person: PersonKey,
        request: proto::AddTrackRequest,
        desk: &mut Desk,
    ) {
        match self.declare(person, &request, desk) {
            Ok(track) => {
                if let Some(participant) = self.people.get(&person)
                    && let Some(track) = participant.tracks.get(&track)
                {
                    let response = proto::TrackPublishedResponse {
                        cid: request.cid,
                        track: Some(track.info.clone()),
                    };
                    participant.send(desk, Message::TrackPublished(response));
                }
                self.claim(person, desk);
            }
            Err(why) => {
                let echo = proto::AddTrackRequest {
                    cid: request.cid.chars().take(limits::NAME_BYTES).collect(),
                    r#type: request.r#type,
                    source: request.source,
                    ..Default::default()
                };
                self.refuse(person, 0, refusal(why), Request::AddTrack(echo), desk);
            }
        }
    }

    fn declare(
        &mut self,
        person: PersonKey,
        request: &proto::AddTrackRequest,
        desk: &mut Desk,
    ) -> Result<TrackId, Undeclared> {
        let participant = self.people.get_mut(&person).ok_or(Undeclared::NotAllowed)?;
        if !participant.grants.can_publish {
            return Err(Undeclared::NotAllowed);
        }
        // A repeated announcement is the same track.
        if let Some(track) = participant
            .tracks
            .values()
            .find(|track| track.cid == request.cid)
        {
            return Ok(track.id);
        }
        if participant.tracks.len() >= limits::TRACKS_PER_PARTICIPANT {
            return Err(Undeclared::Limit);
        }
        let id = TrackId(desk.id());
        let track = Track::declare(id, desk.sid("TR_"), request, desk.now)?;
        if !participant.may_publish(track.source) {
            return Err(Undeclared::SourceNotAllowed);
        }
        self.tracks.insert(track.sid().to_owned(), (person, id));
        desk.tracks.insert(
            id,
            Seat {
                room: self.key,
                person,
            },
        );
        participant.tracks.insert(id, track);
        Ok(id)
    }

    /// Brings sections in which the client sends together with the tracks that
    /// it announced: first by the track id in the section's msid, then, since
    /// some clients use other ids there, by kind.
    pub(super) fn claim(&mut self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let mut published = Vec::new();
        for exact in [true, false] {
            let mut rest = Vec::new();
            for (index, section) in std::mem::take(&mut participant.unclaimed) {
                match matching(participant, &section, exact) {
                    Some(track) => {
                        participant.sections.claim(index, track);
                        if let Some(track) = participant.tracks.get_mut(&track) {
                            track.bind(&section);
                            published.push(track.id);
                        }
                    }
                    None => rest.push((index, section)),
                }
            }
            participant.unclaimed = rest;
        }
        if !published.is_empty() {
            self.roster.change(person);
        }
        for id in published {
            self.publish(person, id, desk);
            if let Some(participant) = self.people.get(&person)
                && let Some(track) = participant.tracks.get(&id)
            {
                self.report_track("track_published", &participant.info(), track, desk);
            }
            self.review_demand(id);
        }
    }

    /// Orders the media plane to take a track in, or its new encodings.
    pub(super) fn publish(&self, person: PersonKey, track: TrackId, desk: &mut Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        let (Some(peer), Some(track)) = (&participant.peer, participant.tracks.get(&track)) else {
            return;
        };
        let Some(mid) = track.mid else { return };
        let uplink = Uplink {
            track: track.id,
            mid,
            kind: track.kind,
            encodings: track.encodings.clone(),
        };
        desk.order(
            peer.shard,
            Command::Publish {
                peer: peer.id,
                uplink,
            },
        );
        if track.info.muted {
            let (peer_id, track) = (peer.id, track.id);
            desk.order(
                peer.shard,
                Command::MuteTrack {
                    peer: peer_id,
                    track,
                    muted: true,
                },
            );
        }
    }

    pub(super) fn mute(
        &mut self,
        person: PersonKey,
        request: &proto::MuteTrackRequest,
        desk: &mut Desk,
    ) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let Some(track) = participant
            .tracks
            .values_mut()
            .find(|t| t.sid() == request.sid)
        else {
            return;
        };
        if track.info.muted == request.muted {
            return;
        }
        track.info.muted = request.muted;
        let (id, published) = (track.id, track.mid.is_some());
        if !published {
            return;
        }
        if let Some(peer) = &participant.peer {
            let command = Command::MuteTrack {
                peer: peer.id,
                track: id,
                muted: request.muted,
            };
            desk.order(peer.shard, command);
        }
        self.roster.change(person);
    }

    /// The client no longer sends a track.
    pub(super) fn unpublish(&mut self, person: PersonKey, track: TrackId, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let Some(track) = participant.tracks.remove(&track) else {
            return;
        };
        self.tracks.remove(track.sid());
        desk.tracks.remove(&track.id);
        if let Some(peer) = &participant.peer {
            let command = Command::Unpublish {
                peer: peer.id,
                track: track.id,
            };
            desk.order(peer.shard, command);
        }
        self.roster.change(person);
        let info = participant.info();
        self.report_track("track_unpublished", &info, &track, desk);
        self.drop_subscribers(track.id, desk);
        self.forget_watchers(person, track.id);
    }

    pub(super) fn update_audio_track(
        &mut self,
        person: PersonKey,
        update: &proto::UpdateLocalAudioTrack,
    ) {
        self.change_track(person, &update.track_sid, |track| {
            track.features(&update.features)
        });
    }

    pub(super) fn update_video_track(
        &mut self,
        person: PersonKey,
        update: &proto::UpdateLocalVideoTrack,
    ) {
        self.change_track(person, &update.track_sid, |track| {
            track.resize(update.width, update.height);
        });
    }

    fn change_track(&mut self, person: PersonKey, sid: &str, change: impl FnOnce(&mut Track)) {
        if let Some(participant) = self.people.get_mut(&person)
            && let Some(track) = participant.tracks.values_mut().find(|t| t.sid() == sid)
        {
            change(track);
            self.roster.change(person);
        }
    }
}

/// The announced track that a section carries.
fn matching(participant: &Participant, section: &Section, exact: bool) -> Option<TrackId> {
    let kind = section.medium.kind()?;
    let id = section.msid.as_ref().map_or("", |msid| msid.track.as_str());
    participant
        .tracks
        .values()
        .filter(|track| track.mid.is_none() && track.kind == kind)
        .find(|track| !exact || track.cid == id)
        .map(|track| track.id)
}

const fn refusal(why: Undeclared) -> Refusal {
    let (reason, message) = match why {
        Undeclared::NotAllowed => (Reason::NotAllowed, "publishing is not allowed"),
        Undeclared::SourceNotAllowed => (Reason::NotAllowed, "this source may not be published"),
        Undeclared::Limit => (
            Reason::LimitExceeded,
            "too many tracks, or a name that is too long",
        ),
        Undeclared::Type => (Reason::UnsupportedType, "neither audio nor video"),
        Undeclared::BackupCodec => (
            Reason::UnsupportedType,
            "a second codec for a track is not supported",
        ),
    };
    Refusal { reason, message }
}
