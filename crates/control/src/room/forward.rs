//! Forwarding: someone's tracks are also to be had in another room, under the
//! same identity, while it stays where it is and receives nothing from there. In
//! the other room stands its double: a participant without peer and
//! signalling, with the tracks of the one it doubles.
//!
//! A double has its original's key, so whoever looks for the publisher of a
//! track finds the double in its room, and the original in its own.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use proto::DisconnectReason;
use protocol::ids::TrackId;

use super::{Exit, Room};
use crate::{
    admin::{Code, Refused},
    desk::{Desk, PersonKey, RoomKey},
    face::SessionEnd,
    session::Participant,
};

/// What is to be carried from one room to another.
#[derive(Debug)]
pub(crate) enum Errand {
    /// The original is like this now.
    Show {
        room: RoomKey,
        person: PersonKey,
        original: Box<Participant>,
        home: RoomKey,
    },
    /// The original has left.
    Withdraw { room: RoomKey, person: PersonKey },
    /// The double was removed.
    Forget {
        room: RoomKey,
        person: PersonKey,
        double: RoomKey,
    },
    /// So many qualities of a track are wanted where its publisher is doubled.
    Watch {
        room: RoomKey,
        person: PersonKey,
        double: RoomKey,
        track: TrackId,
        wanted: usize,
    },
}

impl Errand {
    pub(crate) const fn room(&self) -> RoomKey {
        match self {
            Self::Show { room, .. }
            | Self::Withdraw { room, .. }
            | Self::Forget { room, .. }
            | Self::Watch { room, .. } => *room,
        }
    }
}

/// Where people of this room are doubled.
#[derive(Debug, Default)]
pub(super) struct Doubles(BTreeMap<PersonKey, BTreeMap<RoomKey, Watched>>);

/// How many qualities of which track somebody wants in one other room.
type Watched = BTreeMap<TrackId, usize>;

impl Room {
    /// Someone is to be seen in `target` too.
    pub(crate) fn forward(
        &mut self,
        person: PersonKey,
        target: RoomKey,
        desk: &mut Desk,
    ) -> Result<(), Refused> {
        let participant = self
            .people
            .get(&person)
            .ok_or_else(Refused::no_participant)?;
        if participant.doubles.is_some() || participant.grants.hidden || !participant.active() {
            return Err(Refused::new(
                Code::FailedPrecondition,
                "only who is present and to be seen can be forwarded",
            ));
        }
        let rooms = self.doubles.0.entry(person).or_default();
        rooms.entry(target).or_default();
        self.review_demands_of(person);
        self.show_doubles(person, desk);
        Ok(())
    }

    /// Carries what changed of someone to where it is doubled.
    pub(super) fn show_doubles(&self, person: PersonKey, desk: &mut Desk) {
        let (Some(rooms), Some(participant)) =
            (self.doubles.0.get(&person), self.people.get(&person))
        else {
            return;
        };
        for room in rooms.keys() {
            desk.errands.push_back(Errand::Show {
                room: *room,
                person,
                original: Box::new(participant.clone()),
                home: self.key,
            });
        }
    }

    /// Whoever leaves leaves everywhere; a double that is removed is told of no more.
    pub(super) fn end_doubles(
        &mut self,
        person: PersonKey,
        participant: &Participant,
        desk: &mut Desk,
    ) {
        let doubled = self.doubles.0.remove(&person).unwrap_or_default();
        for room in doubled.into_keys() {
            desk.errands.push_back(Errand::Withdraw { room, person });
        }
        if let Some(room) = participant.doubles {
            desk.errands.push_back(Errand::Forget {
                room,
                person,
                double: self.key,
            });
        }
    }

    /// Where someone can be heard besides here.
    pub(crate) fn doubles_of(&self, person: PersonKey) -> Vec<RoomKey> {
        let rooms = self.doubles.0.get(&person).into_iter().flatten();
        rooms.map(|(room, _)| *room).collect()
    }

    /// The most that is wanted of a track in any other room.
    pub(super) fn wanted_elsewhere(&self, person: PersonKey, track: TrackId) -> usize {
        let rooms = self.doubles.0.get(&person).into_iter().flatten();
        let wanted = rooms.filter_map(|(_, watched)| watched.get(&track));
        wanted.copied().max().unwrap_or(0)
    }

    /// False when its publisher is here: it is told by ourselves.
    pub(super) fn report_watchers(
        &self,
        person: PersonKey,
        track: TrackId,
        desk: &mut Desk,
    ) -> bool {
        let Some(double) = self.people.get(&person) else {
            return false;
        };
        let Some(room) = double.doubles else {
            return false;
        };
        if let Some(watched) = double.tracks.get(&track) {
            desk.errands.push_back(Errand::Watch {
                room,
                person,
                double: self.key,
                track,
                wanted: watched.demand.wanted(),
            });
        }
        true
    }

    /// Passed over when the double was removed meanwhile.
    fn note_watchers(&mut self, person: PersonKey, double: RoomKey, track: TrackId, wanted: usize) {
        let published = self
            .people
            .get(&person)
            .is_some_and(|participant| participant.tracks.contains_key(&track));
        let rooms = self.doubles.0.get_mut(&person);
        if let Some(watched) = rooms.and_then(|rooms| rooms.get_mut(&double))
            && published
        {
            watched.insert(track, wanted);
            self.review_demand(track);
        }
    }

    /// An unpublished track is watched by nobody.
    pub(super) fn forget_watchers(&mut self, person: PersonKey, track: TrackId) {
        let rooms = self.doubles.0.get_mut(&person).into_iter().flatten();
        for (_, watched) in rooms {
            watched.remove(&track);
        }
    }

    pub(crate) fn run_errand(&mut self, errand: Errand, desk: &mut Desk) {
        match errand {
            Errand::Show {
                person,
                original,
                home,
                ..
            } => self.show_double(person, *original, home, desk),
            Errand::Watch {
                person,
                double,
                track,
                wanted,
                ..
            } => self.note_watchers(person, double, track, wanted),
            Errand::Withdraw { person, .. } => {
                if self.is_double(person) {
                    let reason = DisconnectReason::ClientInitiated;
                    self.expel(person, untold(reason), desk);
                }
            }
            Errand::Forget { person, double, .. } => {
                if let Some(rooms) = self.doubles.0.get_mut(&person) {
                    rooms.remove(&double);
                    if rooms.is_empty() {
                        self.doubles.0.remove(&person);
                    }
                    self.review_demands_of(person);
                }
            }
        }
    }

    pub(super) fn is_double(&self, person: PersonKey) -> bool {
        self.people
            .get(&person)
            .is_some_and(|participant| participant.doubles.is_some())
    }

    /// Puts a double here, or brings it up to date.
    fn show_double(
        &mut self,
        person: PersonKey,
        original: Participant,
        home: RoomKey,
        desk: &mut Desk,
    ) {
        if self.is_double(person) {
            self.update_double(person, &original, desk);
        } else {
            self.place_double(person, original, home, desk);
        }
    }

    fn place_double(
        &mut self,
        person: PersonKey,
        original: Participant,
        home: RoomKey,
        desk: &mut Desk,
    ) {
        let double = original.double(desk.sid("PA_"), &self.name, home, desk);
        self.identities.insert(double.identity().to_owned(), person);
        self.sids.insert(double.sid.clone(), person);
        let info = double.info();
        for track in double.tracks.values() {
            self.tracks
                .insert(track.sid().to_owned(), (person, track.id));
        }
        self.people.insert(person, double);
        self.note_arrival();
        self.report_person("participant_joined", &info, desk);
        self.roster.change(person);
    }

    fn update_double(&mut self, person: PersonKey, original: &Participant, desk: &mut Desk) {
        let Some(double) = self.people.get_mut(&person) else {
            return;
        };
        let gone: Vec<_> = double
            .tracks
            .keys()
            .filter(|track| !original.tracks.contains_key(track))
            .copied()
            .collect();
        for id in gone {
            if let Some(double) = self.people.get_mut(&person)
                && let Some(track) = double.tracks.remove(&id)
            {
                self.tracks.remove(track.sid());
                self.drop_subscribers(id, desk);
            }
        }
        let Some(double) = self.people.get_mut(&person) else {
            return;
        };
        double.follow(original);
        for track in double.tracks.values() {
            self.tracks
                .insert(track.sid().to_owned(), (person, track.id));
        }
        self.roster.change(person);
    }

    /// Its own room decides about it.
    pub(super) fn refuse_double(&self, person: PersonKey) -> Result<(), Refused> {
        if self.is_double(person) {
            return Err(Refused::new(
                Code::FailedPrecondition,
                "the participant is forwarded from another room: ask there",
            ));
        }
        Ok(())
    }
}

const fn untold(reason: DisconnectReason) -> Exit {
    Exit {
        reason,
        action: None,
        end: SessionEnd::Left,
    }
}
