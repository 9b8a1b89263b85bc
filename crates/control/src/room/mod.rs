//! One room: everyone in it, what they publish and receive. The parts of its
//! behaviour are in the files beside this one; here is how people come and go.

mod admin;
mod data;
mod data_tracks;
mod downlinks;
mod dynacast;
mod forward;
mod links;
mod messages;
mod moving;
mod negotiate;
mod offer;
mod permit;
mod publish;
mod report;
mod requests;
mod resume;
mod roster;
mod rpc;
mod settings;
mod simulate;
mod subscribe;
mod sweep;
mod voices;
mod whip;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use livekit_protocol as proto;
use proto::{DisconnectReason, leave_request::Action, signal_response::Message};
use protocol::{
    grants::Grants,
    ids::{SessionId, TrackId},
    plane::Command,
    store::Attendance,
};

use crate::{
    desk::{Desk, PersonKey, RoomKey, Seat},
    face::{AttendanceChange, Output, SessionEnd, Wake},
    join::Join,
    session::{Handle, Link, Participant},
    speakers::Speakers,
};
use admin::Nonces;
use dynacast::Demands;
use forward::Doubles;
pub(crate) use forward::Errand;
use roster::Roster;
use rpc::Calls;
use settings::Settings;
pub(crate) use whip::read_offer;

#[derive(Debug)]
pub(crate) struct Room {
    key: RoomKey,
    sid: String,
    name: String,
    created_ms: i64,
    settings: Settings,
    people: BTreeMap<PersonKey, Participant>,
    identities: BTreeMap<String, PersonKey>,
    sids: BTreeMap<String, PersonKey>,
    /// Published and announced tracks by `TR_…` sid.
    tracks: BTreeMap<String, (PersonKey, TrackId)>,
    /// Published data tracks by `DTR_…` sid.
    data_tracks: BTreeMap<String, (PersonKey, Handle)>,
    roster: Roster,
    /// Whose subscriptions or sections changed and have to be looked at.
    unsettled: BTreeSet<PersonKey>,
    demands: Demands,
    speakers: Speakers,
    /// The next judgement on who speaks is on its way.
    judging: bool,
    /// Whose connection quality changed and has not been told.
    graded: BTreeSet<PersonKey>,
    empty_since: Option<Instant>,
    /// Someone has been here.
    visited: bool,
    /// Procedure calls of the server API that wait for an answer.
    calls: Calls,
    nonces: Nonces,
    /// Where its people are forwarded to.
    doubles: Doubles,
}

/// Why and how someone is made to leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exit {
    pub(crate) reason: DisconnectReason,
    /// What the client shall do; `None` when it left by itself.
    pub(crate) action: Option<Action>,
    pub(crate) end: SessionEnd,
}

impl Exit {
    pub(crate) const fn told(reason: DisconnectReason, action: Action, end: SessionEnd) -> Self {
        Self {
            reason,
            action: Some(action),
            end,
        }
    }
}

impl Room {
    pub(crate) fn new(key: RoomKey, name: String, desk: &mut Desk) -> Self {
        Self {
            key,
            sid: desk.sid("RM_"),
            name,
            settings: Settings::new(&desk.config.rooms),
            created_ms: desk.unix_ms(),
            people: BTreeMap::new(),
            identities: BTreeMap::new(),
            sids: BTreeMap::new(),
            tracks: BTreeMap::new(),
            data_tracks: BTreeMap::new(),
            roster: Roster::default(),
            unsettled: BTreeSet::new(),
            demands: Demands::default(),
            speakers: Speakers::default(),
            judging: false,
            graded: BTreeSet::new(),
            empty_since: Some(desk.now),
            visited: false,
            calls: Calls::default(),
            nonces: Nonces::default(),
            doubles: Doubles::default(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn len(&self) -> usize {
        self.people.len()
    }

    pub(crate) fn track_count(&self) -> usize {
        self.tracks.len()
    }

    /// Those who are present.
    pub(crate) fn attendance(&self) -> Vec<Attendance> {
        self.people
            .values()
            .filter(|person| person.active() && person.attended())
            .map(|person| person.attendance(&self.name))
            .collect()
    }

    /// A client has come to stay.
    pub(crate) fn join(&mut self, session: SessionId, grants: Grants, join: Join, desk: &mut Desk) {
        self.replace(&grants.identity, desk);
        if !grants.can_join || !self.has_place(grants.is_counted()) {
            desk.stats.refused_requests += 1;
            turn_away(
                session,
                DisconnectReason::JoinFailure,
                Action::Disconnect,
                desk,
            );
            return;
        }
        let person = self.seat_new(grants, &join, Link::new(session, desk.now), desk);
        let seat = Seat {
            room: self.key,
            person,
        };
        desk.sessions.insert(session, seat);
        self.welcome(person, desk);
        self.send_token_due(person, desk);
        if self.people.get(&person).is_some_and(Participant::listens) {
            self.offer_all_to(person, desk);
        }
        for request in join.add_tracks {
            self.add_track(person, request, desk);
        }
        if let Some(offer) = join.offer
            && let Err(fault) = self.negotiate(person, &offer, desk)
        {
            self.fail(person, &fault, desk);
        }
    }

    /// Whoever is there under this identity goes.
    fn replace(&mut self, identity: &str, desk: &mut Desk) {
        if let Some(old) = self.identities.get(identity).copied() {
            let reason = DisconnectReason::DuplicateIdentity;
            self.expel(
                old,
                Exit::told(reason, Action::Disconnect, SessionEnd::Replaced),
                desk,
            );
        }
    }

    fn seat_new(&mut self, grants: Grants, join: &Join, link: Link, desk: &mut Desk) -> PersonKey {
        let person = PersonKey(desk.id());
        let participant = self.participant(grants, join, link, desk);
        self.identities
            .insert(participant.identity().to_owned(), person);
        self.sids.insert(participant.sid.clone(), person);
        self.people.insert(person, participant);
        self.note_arrival();
        self.roster.change(person);
        person
    }

    fn participant(
        &self,
        mut grants: Grants,
        join: &Join,
        link: Link,
        desk: &mut Desk,
    ) -> Participant {
        if grants.can_update_own_metadata {
            let wanted = requests::Profile {
                name: String::new(),
                metadata: join.metadata.clone(),
                attributes: join.attributes.clone(),
            };
            // A join is not refused for its metadata, which then stays as the token has it.
            if wanted.check(&grants).is_ok() {
                wanted.apply(&mut grants);
            }
        }
        let sid = desk.sid("PA_");
        let shard = desk.take_shard();
        Participant::new(sid, grants, join, link, shard, desk)
    }

    const fn note_arrival(&mut self) {
        self.empty_since = None;
        self.visited = true;
    }

    /// Makes someone leave: the client is told why, the others that it is gone.
    pub(crate) fn expel(&mut self, person: PersonKey, exit: Exit, desk: &mut Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        if let Some(session) = participant.link.session {
            if let Some(action) = exit.action {
                participant.send(desk, leave(exit.reason, action));
            }
            desk.close(session, exit.end);
        }
        for peer in participant.peers() {
            desk.peers.remove(&peer.id);
            desk.order(peer.shard, Command::ClosePeer { peer: peer.id });
        }
        if participant.doubles.is_none() {
            desk.leave_shard(participant.shard);
        }
        self.take_out(person, exit.reason, desk);
    }

    /// Someone is no longer in this room: the others are told, and nothing
    /// here leads to it any more.
    fn take_out(
        &mut self,
        person: PersonKey,
        reason: DisconnectReason,
        desk: &mut Desk,
    ) -> Option<Participant> {
        self.drop_calls(person, desk);
        let mut participant = self.people.remove(&person)?;
        participant.flow.wait_for_nobody();
        self.release(person, desk);
        if let Some(audience) = self.roster.take_audience(person) {
            participant.audience = audience;
        }
        let active = participant.active();
        let farewell = participant.farewell(reason);
        let data = std::mem::take(&mut participant.data.published);
        self.forget_data_tracks(person, data.into_values());
        for (track, wish) in participant.subscriptions.wishes() {
            self.demand(track, Some(wish), None, desk);
        }
        self.identities.remove(participant.identity());
        self.sids.remove(&participant.sid);
        self.unsettled.remove(&person);
        self.graded.remove(&person);
        for track in participant.tracks.values() {
            self.tracks.remove(track.sid());
            if participant.doubles.is_none() {
                desk.tracks.remove(&track.id);
            }
            self.report_track("track_unpublished", &farewell, track, desk);
            self.drop_subscribers(track.id, desk);
        }
        if let Some(turn) = self.speakers.forget(person) {
            self.tell_speakers(&[(participant.sid.clone(), turn)], desk);
        }
        self.end_doubles(person, &participant, desk);
        if active && participant.attended() {
            let (id, left_at) = (participant.sid.clone(), desk.unix_ms());
            desk.outputs
                .push_back(Output::Attendance(AttendanceChange::Left { id, left_at }));
        }
        let event = if active {
            "participant_left"
        } else {
            "participant_connection_aborted"
        };
        self.report_person(event, &farewell, desk);
        let hidden = participant.grants.hidden;
        self.roster
            .leave(person, (!hidden).then_some(farewell), desk.now);
        if self.people.is_empty() {
            self.empty_since = Some(desk.now);
        }
        Some(participant)
    }

    /// Ends the room for everyone; returns how many were in it.
    pub(crate) fn end(&mut self, reason: DisconnectReason, desk: &mut Desk) -> usize {
        let everyone: Vec<PersonKey> = self.people.keys().copied().collect();
        for person in &everyone {
            self.expel(
                *person,
                Exit::told(reason, Action::Disconnect, SessionEnd::Left),
                desk,
            );
        }
        everyone.len()
    }

    /// After every input: tells what is due, asks for what is needed.
    pub(crate) fn finish(&mut self, desk: &mut Desk) {
        self.tell_roster(desk);
        self.settle(desk);
        self.settle_demands(desk);
        if !self.judging && !self.speakers.idle() {
            self.judging = true;
            desk.wake(self.key, Wake::Speakers, Speakers::INTERVAL);
        }
    }

    pub(crate) fn handle_wake(&mut self, wake: Wake, desk: &mut Desk) {
        match wake {
            Wake::Roster => self.roster.woken(),
            Wake::Speakers => self.judge_speakers(desk),
            Wake::Quality => self.tell_quality(desk),
            Wake::Calls => self.expire_calls(desk),
            Wake::Sweep => self.sweep(desk),
        }
    }

    /// The room has been empty for so long that it is forgotten.
    pub(crate) fn expired(&self, desk: &Desk) -> bool {
        self.empty_since.is_some_and(|since| {
            desk.now.duration_since(since) >= self.settings.patience(self.visited)
        })
    }

    pub(crate) fn room_info(&self) -> proto::Room {
        let (participants, publishers) = self.counts();
        let mut room = proto::Room {
            sid: self.sid.clone(),
            name: self.name.clone(),
            creation_time: self.created_ms / 1_000,
            creation_time_ms: self.created_ms,
            enabled_codecs: messages::codecs(),
            num_participants: participants,
            num_publishers: publishers,
            ..Default::default()
        };
        self.settings.describe(&mut room);
        room
    }
}

#[cfg(test)]
impl Room {
    pub(crate) fn peer(
        &self,
        person: PersonKey,
    ) -> Option<(protocol::ids::ShardId, protocol::ids::PeerId)> {
        let peer = self.people.get(&person)?.receiving_peer()?;
        Some((peer.shard, peer.id))
    }

    pub(crate) fn publishing_peer(
        &self,
        person: PersonKey,
    ) -> Option<(protocol::ids::ShardId, protocol::ids::PeerId)> {
        let peer = self.people.get(&person)?.peer.as_ref()?;
        Some((peer.shard, peer.id))
    }
}

/// A leave message from us.
pub(crate) fn leave(reason: DisconnectReason, action: Action) -> Message {
    Message::Leave(proto::LeaveRequest {
        // For clients older than `action`.
        can_reconnect: action != Action::Disconnect,
        reason: reason.into(),
        action: action.into(),
        regions: None,
    })
}

/// Refuses a connection that has no participant.
pub(crate) fn turn_away(
    session: SessionId,
    reason: DisconnectReason,
    action: Action,
    desk: &mut Desk,
) {
    desk.send(session, leave(reason, action), false);
    desk.close(session, SessionEnd::Left);
}
