//! A client that lost its signalling connection takes its session up again.

use livekit_protocol as proto;
use proto::{DisconnectReason, leave_request::Action, signal_response::Message};
use protocol::{grants::Grants, ids::SessionId};

use super::{Exit, Room, messages};
use crate::{
    desk::{Desk, PersonKey, Seat},
    face::SessionEnd,
    join::{Join, Resume},
    session::{Interruption, credentials},
};

impl Room {
    /// False when there is nothing to resume: the client has to start anew.
    pub(crate) fn resume(
        &mut self,
        session: SessionId,
        grants: &Grants,
        resume: Resume,
        join: Join,
        desk: &mut Desk,
    ) -> bool {
        let Some(person) = self.sids.get(&resume.participant_sid).copied() else {
            return false;
        };
        let Some(participant) = self.people.get_mut(&person) else {
            return false;
        };
        if participant.identity() != grants.identity || participant.dialect() != join.dialect {
            return false;
        }
        if let Some(old) = participant.link.replace(session, desk.now) {
            desk.close(old, SessionEnd::Replaced);
        }
        participant.sections.forget_requests();
        let ice = credentials(participant.shard, desk);
        if let Some(offering) = &mut participant.offering {
            offering.restart(ice);
        }
        desk.sessions.insert(
            session,
            Seat {
                room: self.key,
                person,
            },
        );
        desk.stats.resumed += 1;
        let interruption = self
            .people
            .get_mut(&person)
            .and_then(|p| p.link.interruption.take());
        if interruption != Some(Interruption::BeforeMessages) {
            self.bring_up_to_date(person, desk);
        }
        if interruption.is_some() {
            desk.close(session, SessionEnd::Left);
            self.lose_link(person, desk);
            return true;
        }
        self.send_token_due(person, desk);
        self.unsettled.insert(person);
        if let Some(state) = resume.sync_state {
            self.sync(person, &state, desk);
        }
        if let Some(offer) = join.offer
            && let Err(fault) = self.negotiate(person, &offer, desk)
        {
            self.fail(person, &fault, desk);
        }
        true
    }

    /// What the client may have missed: the first message has to be the
    /// reconnect response, clients drop whatever comes before it.
    fn bring_up_to_date(&self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        let response = proto::ReconnectResponse {
            server_info: Some(messages::server_info(desk)),
            last_message_seq: participant.data_sequence,
            ..Default::default()
        };
        participant.send(desk, Message::Reconnect(response));
        let mut participants: Vec<_> = self.roster.departed().cloned().collect();
        participants.push(participant.info());
        participants.extend(self.others(person));
        participant.send(
            desk,
            Message::Update(proto::ParticipantUpdate { participants }),
        );
        let room = Some(self.room_info());
        participant.send(desk, Message::RoomUpdate(proto::RoomUpdate { room }));
        self.tell_current_speakers(person, desk);
        self.tell_demands(person, desk);
        self.retell_data_handles(person, desk);
    }

    /// The client tells what it believes to be true.
    pub(super) fn sync(&mut self, person: PersonKey, state: &proto::SyncState, desk: &mut Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        let known = |sid: &str| participant.tracks.values().any(|track| track.sid() == sid);
        let agreed = state
            .publish_tracks
            .iter()
            .filter_map(|published| published.track.as_ref())
            .all(|track| known(&track.sid));
        if !agreed {
            // It publishes something that we never heard of, or have given up.
            let reason = DisconnectReason::StateMismatch;
            self.expel(
                person,
                Exit::told(reason, Action::Reconnect, SessionEnd::Left),
                desk,
            );
            return;
        }
        if let Some(subscription) = &state.subscription {
            // Tracks that ended meanwhile are no error.
            let mut known = subscription.clone();
            known.track_sids.retain(|sid| self.tracks.contains_key(sid));
            for tracks in &mut known.participant_tracks {
                tracks
                    .track_sids
                    .retain(|sid| self.tracks.contains_key(sid));
            }
            self.update_subscription(person, &known, desk);
        }
        if !state.track_sids_disabled.is_empty() {
            let settings = proto::UpdateTrackSettings {
                track_sids: state.track_sids_disabled.clone(),
                disabled: true,
                ..Default::default()
            };
            self.update_settings(person, &settings, desk);
        }
    }
}
