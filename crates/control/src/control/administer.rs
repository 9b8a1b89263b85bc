//! Answers the server API: finds the room and the participant that a request
//! is about, and does what it asks for.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use proto::RoomEndReason;
use protocol::{grants::Grants, ids::RequestId, limits, rooms::RoomConfig};

use super::Control;
use crate::{
    admin::{Code, Outcome, Refused, Reply, Request},
    desk::{Desk, RoomKey, Seat},
    face::{Answer, Output},
    room::Room,
};

/// Moves that wait for a token.
#[derive(Debug, Default)]
pub(super) struct Moves(BTreeMap<RequestId, (Seat, String)>);

impl Control {
    /// `None` when the answer comes later.
    pub(super) fn administer(&mut self, id: RequestId, request: Request) -> Option<Outcome> {
        let outcome = match request {
            Request::CreateRoom(request) => self.create_room(&request),
            Request::ListRooms(request) => Ok(Reply::Rooms(self.list_rooms(&request.names))),
            Request::DeleteRoom(request) => self.delete_room(&request.room),
            Request::ListParticipants(request) => self.in_room(&request.room, |room, _| {
                Ok(Reply::Participants(room.list()))
            }),
            Request::GetParticipant(request) => self.in_room(&request.room, |room, _| {
                Ok(Reply::Participant(Box::new(room.show(&request.identity)?)))
            }),
            Request::RemoveParticipant(request) => self.remove(&request),
            Request::MutePublishedTrack(request) => self.in_room(&request.room, |room, desk| {
                Ok(Reply::Track(Box::new(room.mute_track(&request, desk)?)))
            }),
            Request::UpdateParticipant(request) => self.in_room(&request.room, |room, desk| {
                let info = room.update_participant(&request, desk)?;
                Ok(Reply::Participant(Box::new(info)))
            }),
            Request::UpdateSubscriptions(request) => self.in_room(&request.room, |room, desk| {
                room.subscribe_for(&request, desk).map(|()| Reply::Done)
            }),
            Request::SendData(request) => {
                let name = request.room.clone();
                self.in_room(&name, |room, desk| {
                    room.send_data(request, desk).map(|()| Reply::Done)
                })
            }
            Request::UpdateRoomMetadata(request) => self.in_room(&request.room, |room, desk| {
                let info = room.set_metadata(&request.metadata, desk)?;
                Ok(Reply::Room(Box::new(info)))
            }),
            Request::PerformRpc(request) => {
                return self.later(&request.room, |room, desk| room.call(id, &request, desk));
            }
            Request::MoveParticipant(request) => {
                return self.ask_to_move(id, &request).err().map(Err);
            }
            Request::ForwardParticipant(request) => self.forward(&request),
        };
        Some(outcome)
    }

    fn in_room(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Room, &mut Desk) -> Outcome,
    ) -> Outcome {
        let key = self.named(name)?;
        let mut outcome = Err(Refused::no_room());
        self.with_room(key, |room, desk| outcome = act(room, desk));
        outcome
    }

    /// For what is answered by the room itself, unless it is refused at once.
    fn later(
        &mut self,
        name: &str,
        act: impl FnOnce(&mut Room, &mut Desk) -> Result<(), Refused>,
    ) -> Option<Outcome> {
        let mut refused = None;
        let outcome = self.in_room(name, |room, desk| {
            refused = act(room, desk).err();
            Ok(Reply::Done)
        });
        refused.or(outcome.err()).map(Err)
    }

    fn named(&self, name: &str) -> Result<RoomKey, Refused> {
        self.names.get(name).copied().ok_or_else(Refused::no_room)
    }

    fn create_room(&mut self, request: &proto::CreateRoomRequest) -> Outcome {
        let invalid = |message: &str| Err(Refused::new(Code::InvalidArgument, message));
        if request.name.is_empty() {
            return invalid("no room name");
        }
        if request.name.len() > limits::IDENTITY_BYTES {
            return invalid("room name length exceeds limits");
        }
        if request.metadata.len() > limits::METADATA_BYTES {
            return invalid("metadata size exceeds limits");
        }
        let config = RoomConfig {
            empty_timeout: request.empty_timeout,
            departure_timeout: request.departure_timeout,
            max_participants: request.max_participants,
            metadata: request.metadata.clone(),
        };
        let key = self.open_for_admin(&request.name)?;
        let mut info = proto::Room::default();
        self.with_room(key, |room, desk| {
            room.configure(&config, desk);
            info = room.room_info();
        });
        Ok(Reply::Room(Box::new(info)))
    }

    fn open_for_admin(&mut self, name: &str) -> Result<RoomKey, Refused> {
        self.open_room(name, None)
            .ok_or_else(|| Refused::new(Code::ResourceExhausted, "too many rooms"))
    }

    /// Tokens are revoked first, whether or not someone is there: whoever has just
    /// left by itself is not to come back either.
    fn remove(&mut self, request: &proto::RoomParticipantIdentity) -> Outcome {
        let since = request.revoke_token_ts;
        let lawful = |name: &str| !name.is_empty() && name.len() <= limits::IDENTITY_BYTES;
        if since < 0 {
            let message = "revoke_token_ts has to be a Unix time in seconds, or absent";
            return Err(Refused::new(Code::InvalidArgument, message));
        }
        if since > 0 && lawful(&request.room) && lawful(&request.identity) {
            self.revoked
                .add(&request.room, &request.identity, since, self.desk.now);
        }
        self.in_room(&request.room, |room, desk| {
            room.remove(&request.identity, desk).map(|()| Reply::Done)
        })
    }

    fn list_rooms(&self, names: &[String]) -> Vec<proto::Room> {
        if names.is_empty() {
            return self.rooms.values().map(Room::room_info).collect();
        }
        names
            .iter()
            .filter_map(|name| self.rooms.get(self.names.get(name)?))
            .map(Room::room_info)
            .collect()
    }

    fn delete_room(&mut self, name: &str) -> Outcome {
        let key = self.named(name)?;
        self.close(
            key,
            proto::DisconnectReason::RoomDeleted,
            RoomEndReason::RoomEndApiDelete,
        );
        Ok(Reply::Done)
    }

    /// First a token for the new room is needed; [`Control::carry_over`] does the rest.
    fn ask_to_move(
        &mut self,
        id: RequestId,
        request: &proto::MoveParticipantRequest,
    ) -> Result<(), Refused> {
        let destination = &request.destination_room;
        check_destination(&request.room, destination)?;
        let key = self.named(&request.room)?;
        let room = self.rooms.get(&key).ok_or_else(Refused::no_room)?;
        let person = room.person(&request.identity)?;
        let mut grants = room.movable(person)?.clone();
        self.has_place(destination, &grants)?;
        grants.room.clone_from(destination);
        let seat = Seat { room: key, person };
        self.moves.0.insert(id, (seat, destination.clone()));
        self.desk.outputs.push_back(Output::MintToken {
            request: id,
            grants,
        });
        Ok(())
    }

    fn forward(&mut self, request: &proto::ForwardParticipantRequest) -> Outcome {
        let destination = &request.destination_room;
        check_destination(&request.room, destination)?;
        let key = self.named(&request.room)?;
        let room = self.rooms.get(&key).ok_or_else(Refused::no_room)?;
        let person = room.person(&request.identity)?;
        let taken = self
            .names
            .get(destination)
            .and_then(|key| self.rooms.get(key));
        if taken.is_some_and(|room| room.knows(&request.identity)) {
            return Err(Refused::new(
                Code::FailedPrecondition,
                "the destination room has a participant of this identity",
            ));
        }
        let target = self.open_for_admin(destination)?;
        self.in_room(&request.room, |room, desk| {
            room.forward(person, target, desk).map(|()| Reply::Done)
        })
    }

    fn has_place(&self, name: &str, grants: &Grants) -> Result<(), Refused> {
        let room = self.names.get(name).and_then(|key| self.rooms.get(key));
        if room.is_none_or(|room| room.takes(grants)) {
            return Ok(());
        }
        Err(Refused::new(
            Code::ResourceExhausted,
            "the destination room is full",
        ))
    }

    /// The token is there: now someone can be moved.
    pub(super) fn minted(&mut self, id: RequestId, token: String) {
        if let Some((seat, destination)) = self.moves.0.remove(&id) {
            let outcome = self.carry_over(seat, &destination, token);
            let answer = Answer::Admin(outcome);
            self.desk.outputs.push_back(Output::Answer {
                request: id,
                answer,
            });
        }
    }

    fn carry_over(&mut self, seat: Seat, destination: &str, token: String) -> Outcome {
        // It may have left, and the room may have filled up, meanwhile.
        let room = self.rooms.get(&seat.room).ok_or_else(Refused::no_room)?;
        let grants = room.movable(seat.person)?.clone();
        self.has_place(destination, &grants)?;
        let target = self.open_for_admin(destination)?;
        let mut taken = None;
        self.with_room(seat.room, |room, desk| {
            taken = room.depart(seat.person, desk);
        });
        let participant = taken.ok_or_else(Refused::no_participant)?;
        self.with_room(target, |room, desk| {
            room.arrive(seat.person, participant, token, desk);
        });
        Ok(Reply::Done)
    }
}

fn check_destination(source: &str, destination: &str) -> Result<(), Refused> {
    let invalid = |message: &str| Err(Refused::new(Code::InvalidArgument, message));
    if destination.is_empty() || destination.len() > limits::IDENTITY_BYTES {
        return invalid("the destination room has no name, or one that is too long");
    }
    if source == destination {
        return invalid("destination room cannot be the same as source room");
    }
    Ok(())
}
