//! The dispatcher: finds whom an input concerns and hands it on.

mod administer;
mod revoked;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use livekit_protocol::{DisconnectReason, RoomEndReason, leave_request::Action};
use protocol::{
    grants::Grants,
    ids::{PeerId, RequestId, SessionId},
    limits,
    plane::{AudioLevel, Event},
    rooms::RoomConfig,
    store::Attendance,
};

use crate::{
    desk::{Desk, PersonKey, RoomKey, Seat},
    face::{Answer, Config, Input, Output, Question, Stats, Wake},
    join::Join,
    room::{self, Room},
    whip::{Entered, Entry, NoEntry, Way},
};

/// How often every room is looked through for what is overdue. Half a second
/// late is early enough for everything that waits for seconds.
const SWEEP: Duration = Duration::from_millis(500);

/// All rooms and sessions of one node.
#[derive(Debug)]
pub struct Control {
    desk: Desk,
    rooms: BTreeMap<RoomKey, Room>,
    names: BTreeMap<String, RoomKey>,
    sweep_at: Instant,
    moves: administer::Moves,
    revoked: revoked::Revoked,
}

impl Control {
    #[must_use]
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            desk: Desk::new(config, now),
            rooms: BTreeMap::new(),
            names: BTreeMap::new(),
            sweep_at: now + SWEEP,
            moves: administer::Moves::default(),
            revoked: revoked::Revoked::default(),
        }
    }

    /// Drain [`Control::poll_output`] afterwards.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        self.desk.now = now;
        match input {
            Input::Connect {
                session,
                grants,
                join,
            } => self.connect(session, grants, *join),
            Input::Frame { session, frame } => {
                self.with_session(session, |room, person, desk| {
                    room.handle_frame(person, &frame, desk);
                });
            }
            Input::Disconnect { session } => {
                self.with_session(session, Room::lose_link);
                self.desk.sessions.remove(&session);
            }
            Input::Token { session, token } => {
                self.with_session(session, |room, person, desk| {
                    room.send_token(person, token, desk);
                });
            }
            Input::Minted { request, token } => self.minted(request, token),
            Input::Plane { event, .. } => self.handle_event(event),
            Input::Ask { request, question } => {
                if let Some(answer) = self.answer(request, question) {
                    self.desk
                        .outputs
                        .push_back(Output::Answer { request, answer });
                }
            }
        }
    }

    /// Call when the time of [`Control::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.desk.now = now;
        if now >= self.sweep_at {
            self.sweep_at = now + SWEEP;
            let rooms: Vec<RoomKey> = self.rooms.keys().copied().collect();
            for room in rooms {
                self.with_room(room, |room, desk| room.handle_wake(Wake::Sweep, desk));
            }
            self.forget_empty_rooms();
        }
        // Taken out first: a room may set its next alarm while it is woken.
        let mut due = BTreeSet::new();
        while self
            .desk
            .alarms
            .first()
            .is_some_and(|(at, _, _)| *at <= now)
        {
            due.extend(self.desk.alarms.pop_first());
        }
        for (_, wake, room) in due {
            self.with_room(room, |room, desk| room.handle_wake(wake, desk));
        }
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.desk.outputs.pop_front()
    }

    /// When to call [`Control::handle_timeout`] at the latest, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        let sweep = (!self.rooms.is_empty()).then_some((self.sweep_at, Wake::Sweep));
        let alarm = self.desk.alarms.first().map(|(at, wake, _)| (*at, *wake));
        sweep.into_iter().chain(alarm).min()
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            rooms: self.rooms.len(),
            participants: self.rooms.values().map(Room::len).sum(),
            sessions: self.desk.sessions.len(),
            tracks: self.rooms.values().map(Room::track_count).sum(),
            ..self.desk.stats
        }
    }

    fn connect(&mut self, session: SessionId, grants: Grants, mut join: Join) {
        let lawful = |name: &str| !name.is_empty() && name.len() <= limits::IDENTITY_BYTES;
        if !lawful(&grants.identity) || !lawful(&grants.room) {
            self.desk.stats.refused_requests += 1;
            let reason = DisconnectReason::JoinFailure;
            room::turn_away(session, reason, Action::Disconnect, &mut self.desk);
            return;
        }
        if self.revoked.refuses(&grants, self.desk.now) {
            self.desk.stats.refused_requests += 1;
            let reason = DisconnectReason::ParticipantRemoved;
            room::turn_away(session, reason, Action::Disconnect, &mut self.desk);
            return;
        }
        if let Some(resume) = join.resume.take() {
            let known = self.names.get(&grants.room).copied();
            let mut resumed = false;
            if let Some(room) = known {
                self.with_room(room, |room, desk| {
                    resumed = room.resume(session, &grants, resume, join, desk);
                });
            }
            if !resumed {
                let reason = DisconnectReason::StateMismatch;
                room::turn_away(session, reason, Action::Reconnect, &mut self.desk);
            }
            return;
        }
        let room = if self.desk.config.rooms.auto_create {
            self.open_room(&grants.room, grants.room_config.as_ref())
        } else {
            self.names.get(&grants.room).copied()
        };
        let Some(room) = room else {
            self.desk.stats.refused_requests += 1;
            let reason = DisconnectReason::JoinFailure;
            room::turn_away(session, reason, Action::Disconnect, &mut self.desk);
            return;
        };
        self.with_room(room, |room, desk| room.join(session, grants, join, desk));
    }

    fn enter(&mut self, entry: Entry) -> Result<Entered, NoEntry> {
        let Entry { grants, way, offer } = entry;
        let lawful = |name: &str| !name.is_empty() && name.len() <= limits::IDENTITY_BYTES;
        if !lawful(&grants.identity) || !lawful(&grants.room) {
            return Err(NoEntry::Forbidden("enter under this name"));
        }
        if self.revoked.refuses(&grants, self.desk.now) {
            return Err(NoEntry::Forbidden("come back: it was revoked"));
        }
        // First, so that nothing is opened for an offer that can't be read.
        let offer = room::read_offer(way, &offer)?;
        let known = self.names.get(&grants.room).copied();
        // Whoever only watches opens no room: there is nothing to see in it.
        let room = match way {
            Way::Publish if self.desk.config.rooms.auto_create => self
                .open_room(&grants.room, grants.room_config.as_ref())
                .ok_or(NoEntry::Full)?,
            Way::Watch if self.desk.config.rooms.auto_create => {
                known.ok_or(NoEntry::NothingToWatch)?
            }
            Way::Publish | Way::Watch => known.ok_or(NoEntry::NoRoom)?,
        };
        let mut entered = Err(NoEntry::NoRoom);
        self.with_room(room, |room, desk| {
            entered = room.enter(grants, way, &offer, desk);
        });
        entered
    }

    /// The room of that name; a new one is made as `config` says. `None` when
    /// there are too many.
    fn open_room(&mut self, name: &str, config: Option<&RoomConfig>) -> Option<RoomKey> {
        if let Some(key) = self.names.get(name) {
            return Some(*key);
        }
        if self.rooms.len() >= limits::ROOMS {
            return None;
        }
        if self.rooms.is_empty() {
            // It stood still while there was nothing to look at.
            self.sweep_at = self.desk.now + SWEEP;
        }
        let key = RoomKey(self.desk.id());
        self.rooms
            .insert(key, Room::new(key, name.to_owned(), &mut self.desk));
        self.names.insert(name.to_owned(), key);
        self.with_room(key, |room, desk| {
            if let Some(config) = config {
                room.configure(config, desk);
            }
            room.report_room("room_started", RoomEndReason::RoomEndUnknown, desk);
        });
        Some(key)
    }

    fn forget_empty_rooms(&mut self) {
        let desk = &self.desk;
        let expired: Vec<RoomKey> = self
            .rooms
            .iter()
            .filter(|(_, room)| room.expired(desk))
            .map(|(key, _)| *key)
            .collect();
        for key in expired {
            self.close(
                key,
                DisconnectReason::RoomClosed,
                RoomEndReason::RoomEndIdleTimeout,
            );
        }
    }

    /// Ends a room for everyone, and returns how many were in it.
    fn close(&mut self, key: RoomKey, reason: DisconnectReason, end: RoomEndReason) -> usize {
        let mut participants = 0;
        self.with_room(key, |room, desk| {
            participants = room.end(reason, desk);
            room.report_room("room_finished", end, desk);
        });
        if let Some(room) = self.rooms.remove(&key) {
            self.names.remove(room.name());
        }
        participants
    }

    fn handle_event(&mut self, event: Event) {
        match event {
            Event::PeerConnected { peer, .. } => {
                self.with_peer(peer, |room, person, desk| {
                    room.peer_connected(person, peer, desk)
                });
            }
            Event::PeerClosed { peer, reason } => {
                self.with_peer(peer, |room, person, desk| {
                    room.peer_closed(person, peer, reason, desk)
                });
            }
            Event::Data {
                peer,
                channel,
                payload,
            } => {
                self.with_peer(peer, |room, person, desk| {
                    room.route(person, (peer, channel), &payload, desk);
                });
            }
            Event::DataBacklog { peer, backlog } => {
                self.with_peer(peer, |room, person, desk| {
                    room.note_backlog(person, peer, backlog, desk);
                });
            }
            Event::Levels { levels } => {
                for level in levels {
                    self.hear(&level);
                }
            }
            Event::Quality { peer, quality } => {
                self.with_peer(peer, |room, person, desk| {
                    room.grade(person, peer, &quality, desk)
                });
            }
            // The media plane keeps what is sent before a channel is open,
            // and chooses among the encodings that it has.
            Event::DataOpened { .. } | Event::EncodingStarted { .. } => {}
        }
    }

    /// A publisher was heard; also where it is forwarded to.
    fn hear(&mut self, level: &AudioLevel) {
        let Some(seat) = self.desk.tracks.get(&level.track).copied() else {
            return;
        };
        let mut rooms = vec![seat.room];
        if let Some(room) = self.rooms.get(&seat.room) {
            rooms.extend(room.doubles_of(seat.person));
        }
        for room in rooms {
            self.with_room(room, |room, desk| room.heard(seat.person, level, desk));
        }
    }

    /// `None` when the answer comes later.
    fn answer(&mut self, request: RequestId, question: Question) -> Option<Answer> {
        let answer = match question {
            Question::Participants { room } => Answer::Participants(self.attendance(&room)),
            Question::EndRoom { room } => {
                let key = self.names.get(&room).copied();
                let participants = key.map_or(0, |key| {
                    self.close(
                        key,
                        DisconnectReason::RoomDeleted,
                        RoomEndReason::RoomEndApiDelete,
                    )
                });
                Answer::Ended { participants }
            }
            Question::StopAll => {
                let mut participants = 0;
                for key in self.rooms.keys().copied().collect::<Vec<_>>() {
                    participants += self.close(
                        key,
                        DisconnectReason::ServerShutdown,
                        RoomEndReason::RoomEndServerShutdown,
                    );
                }
                Answer::Ended { participants }
            }
            Question::Door { room } => Answer::Door {
                open: self.desk.config.rooms.auto_create || self.names.contains_key(&room),
            },
            Question::Enter(entry) => Answer::Entered(self.enter(*entry)),
            Question::Quit {
                room,
                identity,
                sid,
            } => {
                let mut found = false;
                if let Some(key) = self.names.get(&room).copied() {
                    self.with_room(key, |room, desk| found = room.quit(&identity, &sid, desk));
                }
                Answer::Quit { found }
            }
            Question::Admin(asked) => return self.administer(request, *asked).map(Answer::Admin),
            Question::Counts => {
                let Stats {
                    rooms,
                    participants,
                    sessions,
                    tracks,
                    ..
                } = self.stats();
                Answer::Counts {
                    rooms,
                    participants,
                    sessions,
                    tracks,
                }
            }
        };
        Some(answer)
    }

    fn attendance(&self, name: &str) -> Vec<Attendance> {
        let room = self.names.get(name).and_then(|key| self.rooms.get(key));
        room.map(Room::attendance).unwrap_or_default()
    }

    fn with_session(
        &mut self,
        session: SessionId,
        act: impl FnOnce(&mut Room, PersonKey, &mut Desk),
    ) {
        if let Some(seat) = self.desk.sessions.get(&session).copied() {
            self.with_seat(seat, act);
        }
    }

    fn with_peer(&mut self, peer: PeerId, act: impl FnOnce(&mut Room, PersonKey, &mut Desk)) {
        if let Some(seat) = self.desk.peers.get(&peer).copied() {
            self.with_seat(seat, act);
        }
    }

    fn with_seat(&mut self, seat: Seat, act: impl FnOnce(&mut Room, PersonKey, &mut Desk)) {
        self.with_room(seat.room, |room, desk| act(room, seat.person, desk));
    }

    fn with_room(&mut self, key: RoomKey, act: impl FnOnce(&mut Room, &mut Desk)) {
        if let Some(room) = self.rooms.get_mut(&key) {
            act(room, &mut self.desk);
            room.finish(&mut self.desk);
        }
        self.run_errands();
    }

    /// Each is run in its room, which may have errands of its own.
    fn run_errands(&mut self) {
        while let Some(errand) = self.desk.errands.pop_front() {
            let to = errand.room();
            self.with_room(to, |room, desk| room.run_errand(errand, desk));
        }
    }
}

#[cfg(test)]
use crate::session::Permission;

#[cfg(test)]
impl Control {
    pub(crate) fn seat(&self, session: SessionId) -> Option<Seat> {
        self.desk.sessions.get(&session).copied()
    }

    pub(crate) fn peer(&self, seat: Seat) -> Option<(protocol::ids::ShardId, PeerId)> {
        self.rooms.get(&seat.room)?.peer(seat.person)
    }

    pub(crate) fn permit(&mut self, seat: Seat, permission: Permission, now: Instant) {
        self.desk.now = now;
        self.with_seat(seat, |room, person, desk| {
            room.permit(person, permission, desk)
        });
    }

    pub(crate) fn publishing_peer(&self, seat: Seat) -> Option<(protocol::ids::ShardId, PeerId)> {
        self.rooms.get(&seat.room)?.publishing_peer(seat.person)
    }

    /// Whatever is remembered of those who are gone.
    pub(crate) fn leftovers(&self) -> String {
        let Desk {
            sessions,
            peers,
            tracks,
            ..
        } = &self.desk;
        if sessions.is_empty() && peers.is_empty() && tracks.is_empty() && self.names.is_empty() {
            String::new()
        } else {
            format!("{sessions:?} {peers:?} {tracks:?} {:?}", self.names)
        }
    }
}
