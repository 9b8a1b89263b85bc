//! Someone goes from one room to another without connecting anew: the peer,
//! its tracks and the signalling connection go along.

use livekit_protocol as proto;
use proto::{DisconnectReason, leave_request::Action, signal_response::Message};
use protocol::grants::{Grants, Kind};

use super::{Exit, Room};
use crate::{
    admin::{Code, Refused},
    desk::{Desk, PersonKey, Seat},
    face::{AttendanceChange, Output, SessionEnd},
    session::Participant,
};

/// Clients of older protocols don't know the message.
const ROOM_MOVED: i32 = 16;

impl Room {
    /// Who it is and what it may do, if it can be moved just now.
    pub(crate) fn movable(&self, person: PersonKey) -> Result<&Grants, Refused> {
        let participant = self
            .people
            .get(&person)
            .ok_or_else(Refused::no_participant)?;
        self.refuse_double(person)?;
        let refuse = |code, message| Err(Refused::new(code, message));
        match participant.grants.kind {
            Kind::Egress | Kind::Agent => {
                return refuse(
                    Code::FailedPrecondition,
                    "egress and agent participants cannot be moved",
                );
            }
            Kind::Standard | Kind::Ingress | Kind::Sip | Kind::Connector | Kind::Bridge => {}
        }
        if participant.protocol() < ROOM_MOVED {
            return refuse(
                Code::FailedPrecondition,
                "the participant's client is too old to be moved",
            );
        }
        if participant.link.session.is_none() || participant.connected_peer().is_none() {
            return refuse(
                Code::Unavailable,
                "the participant is connecting: try again in a moment",
            );
        }
        Ok(&participant.grants)
    }

    pub(crate) fn knows(&self, identity: &str) -> bool {
        self.identities.contains_key(identity)
    }

    /// Whether someone who is moved would find a place here.
    pub(crate) fn takes(&self, grants: &Grants) -> bool {
        self.knows(&grants.identity) || self.has_place(grants.is_counted())
    }

    /// Takes someone out who lives on elsewhere.
    pub(crate) fn depart(&mut self, person: PersonKey, desk: &mut Desk) -> Option<Participant> {
        self.drop_all_of(person, desk);
        self.take_out(person, DisconnectReason::Migration, desk)
    }

    /// Lets someone in who departed from another room.
    pub(crate) fn arrive(
        &mut self,
        person: PersonKey,
        mut participant: Participant,
        token: String,
        desk: &mut Desk,
    ) {
        if let Some(old) = self.identities.get(participant.identity()).copied() {
            let reason = DisconnectReason::DuplicateIdentity;
            let exit = Exit::told(reason, Action::Disconnect, SessionEnd::Replaced);
            self.expel(old, exit, desk);
        }
        participant.renew(desk.sid("PA_"), &self.name, desk);
        self.seat(person, &participant, desk);
        let info = participant.info();
        let moved = proto::RoomMovedResponse {
            room: None,
            token,
            participant: Some(info.clone()),
            other_participants: self.others(person),
        };
        self.people.insert(person, participant);
        self.credit(person, 1, desk);
        self.note_arrival();
        self.greet_moved(person, moved, desk);
        self.report_arrival(person, &info, desk);
        self.roster.change(person);
        self.tell_current_speakers(person, desk);
        self.tell_grades(person, desk);
        self.offer_all_to(person, desk);
        self.review_demands_of(person);
    }

    /// Everything by which someone is found leads here from now on.
    fn seat(&mut self, person: PersonKey, participant: &Participant, desk: &mut Desk) {
        let seat = Seat {
            room: self.key,
            person,
        };
        self.identities
            .insert(participant.identity().to_owned(), person);
        self.sids.insert(participant.sid.clone(), person);
        if let Some(session) = participant.link.session {
            desk.sessions.insert(session, seat);
        }
        for peer in participant.peers() {
            desk.peers.insert(peer.id, seat);
        }
        for track in participant.tracks.values() {
            self.tracks
                .insert(track.sid().to_owned(), (person, track.id));
            desk.tracks.insert(track.id, seat);
        }
    }

    fn greet_moved(&self, person: PersonKey, mut moved: proto::RoomMovedResponse, desk: &mut Desk) {
        moved.room = Some(self.room_info());
        self.reply(person, Message::RoomMoved(moved), desk);
    }

    fn report_arrival(&self, person: PersonKey, info: &proto::ParticipantInfo, desk: &mut Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        if participant.attended() {
            let joined = AttendanceChange::Joined(participant.attendance(&self.name));
            desk.outputs.push_back(Output::Attendance(joined));
        }
        self.report_person("participant_joined", info, desk);
        for track in participant.tracks.values() {
            self.report_track("track_published", info, track, desk);
        }
    }
}
