//! Tells everyone who is in the room: changes are gathered and told together.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    time::{Duration, Instant},
};

use livekit_protocol as proto;
use proto::signal_response::Message;
use protocol::limits;

use super::Room;
use crate::{
    desk::{Desk, PersonKey},
    face::{Output, Wake},
    session::Audience,
    wire::Notice,
};

/// The least time between two tellings. A thousand people who join within a
/// minute cost each of them 20 messages a second at most; nobody notices the delay.
const INTERVAL: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub(super) struct Roster {
    changed: BTreeSet<PersonKey>,
    gone: Vec<proto::ParticipantInfo>,
    /// Those who left lately, for clients that resume and missed it.
    departed: VecDeque<(Instant, proto::ParticipantInfo)>,
    told_at: Option<Instant>,
    /// An alarm is set for the next telling.
    scheduled: bool,
    /// Participants and publishers as last told.
    counts: (u32, u32),
    /// Whom publishers allow to receive from now on. Gathered like the rest:
    /// someone who changes its mind without end must not flood the others.
    audiences: BTreeMap<PersonKey, Audience>,
    /// Who has to be told anew which data tracks it receives.
    handles: BTreeSet<PersonKey>,
}

impl Roster {
    pub(super) fn change(&mut self, person: PersonKey) {
        self.changed.insert(person);
    }

    pub(super) fn admit(&mut self, publisher: PersonKey, audience: Audience) {
        self.audiences.insert(publisher, audience);
    }

    pub(super) fn renumber(&mut self, receiver: PersonKey) {
        self.handles.insert(receiver);
    }

    /// What someone who leaves has said, and nobody has been told.
    pub(super) fn take_audience(&mut self, publisher: PersonKey) -> Option<Audience> {
        self.audiences.remove(&publisher)
    }

    /// `farewell` is what others are told, if they knew of the person.
    pub(super) fn leave(
        &mut self,
        person: PersonKey,
        farewell: Option<proto::ParticipantInfo>,
        now: Instant,
    ) {
        self.changed.remove(&person);
        self.handles.remove(&person);
        if let Some(farewell) = farewell {
            // What it said of itself is of no use any more, and may be long: those
            // who come and go by the hundred would have us keep and tell it each time.
            let farewell = proto::ParticipantInfo {
                metadata: String::new(),
                attributes: HashMap::new(),
                ..farewell
            };
            self.gone.push(farewell.clone());
            self.departed.push_back((now, farewell));
            if self.departed.len() > limits::PARTICIPANTS_PER_ROOM {
                self.departed.pop_front();
            }
        }
    }

    pub(super) const fn woken(&mut self) {
        self.scheduled = false;
    }

    /// Forgets departures that no resuming client can have missed.
    pub(super) fn sweep(&mut self, now: Instant) {
        let kept = limits::RESUME_WINDOW + limits::PING_TIMEOUT;
        while self
            .departed
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > kept)
        {
            self.departed.pop_front();
        }
    }

    pub(super) fn departed(&self) -> impl Iterator<Item = &proto::ParticipantInfo> {
        self.departed.iter().map(|(_, info)| info)
    }

    fn pending(&self) -> bool {
        !self.changed.is_empty()
            || !self.gone.is_empty()
            || !self.audiences.is_empty()
            || !self.handles.is_empty()
    }
}

impl Room {
    /// Tells what changed, now or when the interval is over.
    pub(super) fn tell_roster(&mut self, desk: &mut Desk) {
        if !self.roster.pending() {
            return;
        }
        let since = self.roster.told_at.map(|at| desk.now.duration_since(at));
        match since {
            Some(since) if since < INTERVAL => {
                if !self.roster.scheduled {
                    self.roster.scheduled = true;
                    desk.wake(self.key, Wake::Roster, INTERVAL.saturating_sub(since));
                }
            }
            Some(_) | None => self.flush_roster(desk),
        }
    }

    fn flush_roster(&mut self, desk: &mut Desk) {
        self.roster.told_at = Some(desk.now);
        for (publisher, audience) in std::mem::take(&mut self.roster.audiences) {
            self.change_audience(publisher, audience, desk);
        }
        let mut participants = std::mem::take(&mut self.roster.gone);
        let mut fresh = Vec::new();
        for person in std::mem::take(&mut self.roster.changed) {
            let Some(participant) = self.people.get_mut(&person) else {
                continue;
            };
            participant.touch();
            self.show_doubles(person, desk);
            let Some(participant) = self.people.get_mut(&person) else {
                continue;
            };
            if participant.grants.hidden {
                let update = proto::ParticipantUpdate {
                    participants: vec![participant.info()],
                };
                participant.send(desk, Message::Update(update));
                continue;
            }
            participants.push(participant.info());
            for track in participant
                .tracks
                .values_mut()
                .filter(|t| t.mid.is_some() && !t.told)
            {
                track.told = true;
                fresh.push((person, track.id));
            }
        }
        if !participants.is_empty() {
            let update = proto::ParticipantUpdate { participants };
            self.broadcast(Message::Update(update), desk);
        }
        for receiver in std::mem::take(&mut self.roster.handles) {
            self.tell_data_handles(receiver, desk);
        }
        self.tell_counts(desk);
        // Only now: a description must not name someone who was not announced.
        for (publisher, track) in fresh {
            self.offer_to_all(publisher, track, desk);
        }
    }

    fn tell_counts(&mut self, desk: &mut Desk) {
        let counts = self.counts();
        if self.roster.counts != counts {
            self.roster.counts = counts;
            let update = proto::RoomUpdate {
                room: Some(self.room_info()),
            };
            self.broadcast(Message::RoomUpdate(update), desk);
        }
    }

    /// Visible participants, and those of them who publish.
    pub(super) fn counts(&self) -> (u32, u32) {
        let visible = self.people.values().filter(|person| !person.grants.hidden);
        let publishing = visible
            .clone()
            .filter(|person| person.tracks.values().any(|track| track.mid.is_some()));
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        (count(visible.count()), count(publishing.count()))
    }

    /// To everyone with a signalling connection.
    pub(super) fn broadcast(&self, message: Message, desk: &mut Desk) {
        let mut notice = Notice::new(message);
        for participant in self.people.values() {
            if let Some(session) = participant.link.session {
                let frame = notice.frame(participant.link.text);
                desk.outputs.push_back(Output::Frame { session, frame });
            }
        }
    }
}
