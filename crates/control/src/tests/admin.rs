//! The server API: what is asked for is done, seen by those concerned, and
//! answered once.

use std::time::Duration;

use livekit_protocol as proto;
use prost::Message as _;
use proto::{DisconnectReason, data_packet::Value};
use protocol::{
    ids::{RequestId, SessionId},
    plane::{Command, DataChannel, Event},
};

use super::world::{Asked, Told, World, grants, join};
use crate::{
    Answer, Input, Question,
    admin::{Code, Outcome, Refused, Reply, Request},
};

impl World {
    /// The answers that came to a request by now.
    fn asks(&mut self, request: Request) -> Vec<Outcome> {
        let before = self.answers.len();
        let question = Question::Admin(Box::new(request));
        let request = RequestId(1_000 + u64::try_from(before).unwrap());
        self.input(Input::Ask { request, question });
        self.pass(Duration::from_millis(60));
        self.outcomes(before)
    }

    fn outcomes(&self, from: usize) -> Vec<Outcome> {
        let outcome = |answer: &Answer| match answer {
            Answer::Admin(outcome) => outcome.clone(),
            other => panic!("another answer: {other:?}"),
        };
        self.answers[from..].iter().map(outcome).collect()
    }

    fn asked(&mut self, request: Request) -> Outcome {
        let mut outcomes = self.asks(request);
        assert_eq!(outcomes.len(), 1);
        outcomes.remove(0)
    }

    fn events(&self) -> Vec<&str> {
        self.reports
            .iter()
            .map(|report| report.event.as_str())
            .collect()
    }

    /// Data packets that were sent to a session, decoded.
    fn sent_to(&self, session: SessionId) -> Vec<proto::DataPacket> {
        let (_, to) = self.peer(session);
        self.commands()
            .filter_map(|command| match command {
                Command::SendData { peer, payload, .. } if *peer == to => {
                    Some(proto::DataPacket::decode(payload.as_ref()).unwrap())
                }
                _ => None,
            })
            .collect()
    }

    fn says(&mut self, session: SessionId, destination: &str, value: Value) {
        let packet = proto::DataPacket {
            destination_identities: vec![destination.to_owned()],
            value: Some(value),
            ..Default::default()
        };
        let (shard, peer) = self.peer(session);
        let event = Event::Data {
            peer,
            channel: DataChannel::Reliable,
            payload: packet.encode_to_vec().into(),
        };
        self.input(Input::Plane { shard, event });
    }
}

fn code(outcome: Outcome) -> Code {
    outcome.unwrap_err().code
}

fn named(identity: &str) -> proto::RoomParticipantIdentity {
    proto::RoomParticipantIdentity {
        room: "room".into(),
        identity: identity.into(),
        ..Default::default()
    }
}

fn create(name: &str) -> proto::CreateRoomRequest {
    proto::CreateRoomRequest {
        name: name.into(),
        ..Default::default()
    }
}

fn moving(identity: &str, to: &str) -> Request {
    Request::MoveParticipant(proto::MoveParticipantRequest {
        room: "room".into(),
        identity: identity.into(),
        destination_room: to.into(),
    })
}

fn call(payload: &str) -> Request {
    Request::PerformRpc(proto::PerformRpcRequest {
        room: "room".into(),
        destination_identity: "anna".into(),
        method: "greet".into(),
        payload: payload.into(),
        response_timeout_ms: 20_000,
    })
}

#[test]
fn a_room_that_nobody_comes_into_ends_after_its_time() {
    let mut world = World::new();
    let request = proto::CreateRoomRequest {
        empty_timeout: 40,
        metadata: "m".into(),
        ..create("room")
    };
    let Ok(Reply::Room(room)) = world.asked(Request::CreateRoom(Box::new(request))) else {
        panic!("no room")
    };
    assert_eq!((room.empty_timeout, room.departure_timeout), (40, 20));
    world.live(39);
    assert_eq!(world.control.stats().rooms, 1);
    world.live(2);
    assert_eq!(world.control.stats().rooms, 0);
    assert_eq!(world.events(), ["room_started", "room_finished"]);
    let reason = proto::RoomEndReason::RoomEndIdleTimeout;
    assert_eq!(world.reports[1].room_end_reason(), reason);
}

#[test]
fn a_room_ends_after_everybody_left() {
    let mut world = World::new();
    let request = proto::CreateRoomRequest {
        departure_timeout: 3,
        ..create("room")
    };
    world.asked(Request::CreateRoom(Box::new(request))).unwrap();
    let anna = world.enter("anna");
    let join = world.screen(anna).told[0].clone();
    let Told::Join(join) = join else {
        panic!("{join:?}")
    };
    assert_eq!(join.room.unwrap().departure_timeout, 3);
    world
        .asked(Request::RemoveParticipant(named("anna")))
        .unwrap();
    let leave = world.screen(anna).leaves()[0];
    assert_eq!(leave.reason(), DisconnectReason::ParticipantRemoved);
    world.live(4);
    assert_eq!(world.control.stats().rooms, 0);
    assert_eq!(
        code(world.asked(Request::GetParticipant(named("anna")))),
        Code::NotFound
    );
}

#[test]
fn a_full_room_turns_people_away_and_nobody_else() {
    let mut world = World::new();
    let request = proto::CreateRoomRequest {
        max_participants: 1,
        ..create("room")
    };
    world.asked(Request::CreateRoom(Box::new(request))).unwrap();
    world.enter("anna");
    let bert = world.connect(grants("bert"), join());
    let leave = world.screen(bert).leaves()[0];
    assert_eq!(leave.reason(), DisconnectReason::JoinFailure);
    let mut recorder = grants("recorder");
    recorder.recorder = true;
    let recorder = world.enter_as(recorder, join());
    assert!(world.screen(recorder).leaves().is_empty());
    // The same person again takes its own place.
    let again = world.enter("anna");
    assert!(world.screen(again).leaves().is_empty());
}

#[test]
fn a_mute_is_told_to_its_track() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let sid = world.publish(anna, "mic", "audio");
    let request = |muted| {
        Request::MutePublishedTrack(proto::MuteRoomTrackRequest {
            room: "room".into(),
            identity: "anna".into(),
            track_sid: sid.clone(),
            muted,
        })
    };
    let Ok(Reply::Track(track)) = world.asked(request(true)) else {
        panic!("not muted")
    };
    assert!(track.muted);
    let told = |told: &Told| matches!(told, Told::Mute(mute) if mute.muted && mute.sid == sid);
    assert!(world.screen(anna).told.iter().any(told));
    let seen = world.screen(bert).roster.values();
    assert!(seen.flat_map(|info| &info.tracks).any(|track| track.muted));
    assert!(
        world
            .commands()
            .any(|c| matches!(c, Command::MuteTrack { muted: true, .. }))
    );
    assert_eq!(code(world.asked(request(false))), Code::FailedPrecondition);
}

#[test]
fn what_is_no_longer_allowed_ends() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    world.publish(anna, "mic", "audio");
    let camera = world.publish(anna, "cam", "video");
    world.publish(bert, "mic2", "audio");
    let permit = |sources: Vec<i32>, can_subscribe| {
        Request::UpdateParticipant(proto::UpdateParticipantRequest {
            room: "room".into(),
            identity: "anna".into(),
            permission: Some(proto::ParticipantPermission {
                can_subscribe,
                can_publish: true,
                can_publish_sources: sources,
                ..Default::default()
            }),
            ..Default::default()
        })
    };
    let microphone = proto::TrackSource::Microphone.into();
    world.asked(permit(vec![microphone], false)).unwrap();
    let unpublished =
        |told: &Told| matches!(told, Told::TrackUnpublished(t) if t.track_sid == camera);
    assert!(world.screen(anna).told.iter().any(unpublished));
    assert_eq!(world.screen(bert).sees(), [("anna", 1), ("bert", 1)]);
    let (_, peer) = world.peer(anna);
    let count = |world: &World, of: fn(&Command) -> bool| {
        world
            .commands()
            .filter(|c| c.peer() == peer && of(c))
            .count()
    };
    let subscribes = |c: &Command| matches!(c, Command::Subscribe { .. });
    assert_eq!(
        count(&world, |c| matches!(c, Command::Unsubscribe { .. })),
        1
    );
    let before = count(&world, subscribes);
    world.asked(permit(Vec::new(), true)).unwrap();
    assert_eq!(count(&world, subscribes), before + 1);
    // Sources that a token could not name give no right; its next token says the same.
    world.asked(permit(vec![99], true)).unwrap();
    let Ok(Reply::Participant(info)) = world.asked(Request::GetParticipant(named("anna"))) else {
        panic!("nobody")
    };
    let permission = info.permission.unwrap();
    assert!(!permission.can_publish && permission.can_publish_sources.is_empty());
    assert!(info.tracks.is_empty());
    // What is refused changes nothing.
    let request = proto::UpdateParticipantRequest {
        room: "room".into(),
        identity: "anna".into(),
        name: "n".repeat(300),
        metadata: "lost".into(),
        ..Default::default()
    };
    let refused = world.asked(Request::UpdateParticipant(request));
    assert_eq!(code(refused), Code::InvalidArgument);
    assert!(
        world
            .screen(bert)
            .roster
            .values()
            .all(|info| info.metadata.is_empty())
    );
}

#[test]
fn data_of_the_server_is_sent_once() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let send = |nonce: Vec<u8>, to: &[&str]| {
        Request::SendData(proto::SendDataRequest {
            room: "room".into(),
            data: b"hello".to_vec(),
            topic: Some("t".into()),
            destination_identities: to.iter().map(|name| (*name).to_owned()).collect(),
            nonce,
            ..Default::default()
        })
    };
    for _ in 0..2 {
        world.asked(send(vec![7; 16], &["anna"])).unwrap();
    }
    assert_eq!(
        (world.sent_to(anna).len(), world.sent_to(bert).len()),
        (1, 0)
    );
    let Some(Value::User(user)) = world.sent_to(anna)[0].value.clone() else {
        panic!("not a user packet")
    };
    assert_eq!(
        (user.payload.as_slice(), user.topic.as_deref()),
        (&b"hello"[..], Some("t"))
    );
    world.live(61);
    world.asked(send(vec![7; 16], &[])).unwrap();
    assert_eq!(code(world.asked(send(vec![7], &[]))), Code::InvalidArgument);
}

/// The id under which a call went to a session.
fn id_of_call(world: &World, session: SessionId) -> String {
    let packet = world.sent_to(session).pop().unwrap();
    match packet.value.unwrap() {
        Value::StreamHeader(header) => {
            assert_eq!(header.attributes["lk.rpc_request_version"], "2");
            assert_eq!(header.attributes["lk.rpc_request_method"], "greet");
        }
        Value::RpcRequest(request) => assert_eq!(
            (request.version, request.id.as_str()),
            (1, packet.participant_identity.as_str())
        ),
        other => panic!("no call: {other:?}"),
    }
    packet.participant_identity
}

#[test]
fn a_call_is_answered_by_packet_or_stream() {
    let mut world = World::new();
    let mut old = join();
    old.client.client_protocol = 0;
    for (joins, by_stream) in [(old, false), (join(), true)] {
        let anna = world.enter_as(grants("anna"), joins);
        let before = world.answers.len();
        assert!(world.asks(call("hello")).is_empty(), "not answered at once");
        let id = id_of_call(&world, anna);
        world.says(
            anna,
            &id,
            Value::RpcAck(proto::RpcAck {
                request_id: id.clone(),
            }),
        );
        world.live(8);
        if by_stream {
            let header = proto::data_stream::Header {
                stream_id: "s".into(),
                topic: "lk.rpc_response".into(),
                attributes: [("lk.rpc_request_id".to_owned(), id.clone())].into(),
                ..Default::default()
            };
            let chunk = |text: &str| {
                Value::StreamChunk(proto::data_stream::Chunk {
                    stream_id: "s".into(),
                    content: text.as_bytes().to_vec(),
                    ..Default::default()
                })
            };
            world.says(anna, &id, Value::StreamHeader(header));
            world.says(anna, &id, chunk("good "));
            world.says(anna, &id, chunk("day"));
            world.says(
                anna,
                &id,
                Value::StreamTrailer(proto::data_stream::Trailer {
                    stream_id: "s".into(),
                    ..Default::default()
                }),
            );
        } else {
            world.says(
                anna,
                &id,
                Value::RpcResponse(proto::RpcResponse {
                    request_id: id.clone(),
                    value: Some(proto::rpc_response::Value::Payload("good day".into())),
                }),
            );
        }
        assert_eq!(
            world.outcomes(before),
            [Ok(Reply::Payload("good day".into()))]
        );
    }
}

#[test]
fn a_call_ends_in_one_answer_whatever_happens() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let number = |outcomes: Vec<Outcome>| -> Vec<u32> {
        let number = |outcome: Outcome| outcome.unwrap_err().rpc.unwrap().0;
        outcomes.into_iter().map(number).collect()
    };
    // Not acknowledged.
    let before = world.answers.len();
    world.asks(call(""));
    world.live(8);
    assert_eq!(number(world.outcomes(before)), [1501]);
    // Acknowledged, not answered; and someone else answers for it.
    let before = world.answers.len();
    world.asks(call(""));
    let id = id_of_call(&world, anna);
    world.says(
        anna,
        &id,
        Value::RpcAck(proto::RpcAck {
            request_id: id.clone(),
        }),
    );
    let bert = world.enter("bert");
    world.says(
        bert,
        &id,
        Value::RpcResponse(proto::RpcResponse {
            request_id: id.clone(),
            value: Some(proto::rpc_response::Value::Payload("forged".into())),
        }),
    );
    world.live(21);
    assert_eq!(number(world.outcomes(before)), [1502]);
    // It leaves.
    let before = world.answers.len();
    world.asks(call(""));
    world.ask(anna, Asked::Leave(proto::LeaveRequest::default()));
    assert_eq!(number(world.outcomes(before)), [1503]);
    assert_eq!(number(world.asks(call(""))), [1401]);
}

#[test]
fn someone_moves_with_its_tracks() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let there = protocol::grants::Grants {
        room: "other".into(),
        ..grants("carl")
    };
    let carl = world.enter_as(there, join());
    world.publish(anna, "mic-a", "audio");
    let sid = world.publish(bert, "mic-b", "audio");
    world.publish(carl, "mic-c", "audio");
    let (old, peer) = (world.screen(bert).me.clone(), world.peer(bert));
    world.orders.clear();
    world.reports.clear();
    assert_eq!(world.asked(moving("bert", "other")), Ok(Reply::Done));

    let moved = world.screen(bert).told.iter().find_map(|told| match told {
        Told::RoomMoved(moved) => Some(moved.clone()),
        _ => None,
    });
    let moved = moved.unwrap();
    assert_eq!(
        (moved.room.unwrap().name.as_str(), moved.token.as_str()),
        ("other", "moved")
    );
    let me = moved.participant.unwrap();
    assert_ne!(me.sid, old);
    assert_eq!(moved.other_participants.len(), 1);
    assert_eq!(world.screen(anna).sees(), [("anna", 1)]);
    assert_eq!(world.screen(carl).sees(), [("bert", 1), ("carl", 1)]);
    // The same peer: it stops to receive anna and begins to receive carl.
    assert_eq!(world.peer(bert), peer);
    let of_bert = |c: &&Command| c.peer() == peer.1;
    let kinds: Vec<bool> = world
        .commands()
        .filter(of_bert)
        .map(|c| matches!(c, Command::Subscribe { .. }))
        .collect();
    assert_eq!(kinds, [false, true], "{:?}", world.orders);
    let mids = world.screen(carl).answer().mid_to_track_id.clone();
    assert!(mids.into_iter().any(|(_, track)| track == sid));
    assert!(world.attendance.iter().any(|change| matches!(
        change,
        crate::AttendanceChange::Joined(stay) if stay.id == me.sid && stay.meeting_id == "other"
    )));
    assert_eq!(
        world.events(),
        [
            "track_unpublished",
            "participant_left",
            "participant_joined",
            "track_published"
        ]
    );
    // Nothing of it is left behind.
    world
        .asked(Request::RemoveParticipant(named("bert")))
        .unwrap_err();
    for session in [anna, bert, carl] {
        world.ask(session, Asked::Leave(proto::LeaveRequest::default()));
    }
    world.live(25);
    assert_eq!(world.control.leftovers(), "");
}

#[test]
fn who_cannot_be_moved_stays() {
    let mut world = World::new();
    let mut old = join();
    old.client.protocol = 15;
    world.enter_as(grants("old"), old);
    world.connect(grants("new"), join());
    for (identity, to, expected) in [
        ("old", "other", Code::FailedPrecondition),
        ("new", "other", Code::Unavailable),
        ("new", "room", Code::InvalidArgument),
        ("new", "", Code::InvalidArgument),
        ("none", "other", Code::NotFound),
    ] {
        assert_eq!(
            code(world.asked(moving(identity, to))),
            expected,
            "{identity}"
        );
    }
    assert_eq!(world.control.stats().rooms, 1);
    let refused = world.asked(Request::MoveParticipant(proto::MoveParticipantRequest {
        room: "none".into(),
        ..Default::default()
    }));
    assert!(matches!(
        refused,
        Err(Refused {
            code: Code::InvalidArgument,
            ..
        })
    ));
}

#[test]
fn events_tell_a_whole_stay() {
    let mut world = World::new();
    let anna = world.enter("anna");
    world.connect(grants("never"), join());
    world.publish(anna, "mic", "audio");
    world.unpublish(anna, "mic");
    world.publish(anna, "cam", "video");
    world
        .asked(Request::DeleteRoom(proto::DeleteRoomRequest {
            room: "room".into(),
        }))
        .unwrap();
    assert_eq!(
        world.events(),
        [
            "room_started",
            "participant_joined",
            "track_published",
            "track_unpublished",
            "track_published",
            "track_unpublished",
            "participant_left",
            "participant_connection_aborted",
            "room_finished",
        ]
    );
    let ids: std::collections::BTreeSet<&str> =
        world.reports.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids.len(), world.reports.len());
    let joined = &world.reports[1];
    assert_eq!(joined.participant.as_ref().unwrap().identity, "anna");
    assert_eq!(joined.room.as_ref().unwrap().name, "room");
    assert!(world.reports.iter().all(|r| r.created_at >= 1_700_000_000));
}

fn forwarding(identity: &str, to: &str) -> Request {
    Request::ForwardParticipant(proto::ForwardParticipantRequest {
        room: "room".into(),
        identity: identity.into(),
        destination_room: to.into(),
    })
}

fn enter_other(world: &mut World, identity: &str) -> SessionId {
    let there = protocol::grants::Grants {
        room: "other".into(),
        ..grants(identity)
    };
    world.enter_as(there, join())
}

#[test]
fn someone_is_forwarded_and_stays() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let carl = enter_other(&mut world, "carl");
    world.publish(anna, "mic", "audio");
    world.publish(carl, "mic-c", "audio");
    world.orders.clear();
    assert_eq!(world.asked(forwarding("anna", "other")), Ok(Reply::Done));
    assert_eq!(world.screen(anna).sees(), [("anna", 1), ("bert", 0)]);
    assert_eq!(world.screen(carl).sees(), [("anna", 1), ("carl", 1)]);
    let kinds = |info: &proto::ParticipantInfo| info.kind_details.clone();
    let seen = world.screen(carl).roster.values();
    let forwarded: Vec<i32> = seen.flat_map(kinds).collect();
    assert_eq!(
        forwarded,
        [proto::participant_info::KindDetail::Forwarded as i32]
    );
    let (_, to) = world.peer(carl);
    let subscribed = |world: &World| {
        let of_carl = |c: &&Command| c.peer() == to && matches!(c, Command::Subscribe { .. });
        world.commands().filter(of_carl).count()
    };
    assert_eq!(subscribed(&world), 1, "{:?}", world.orders);
    // Anna receives nothing from there.
    let (_, from) = world.peer(anna);
    assert!(!world.commands().any(|c| c.peer() == from));
    // What changes is followed, and a latecomer gets it too.
    world.publish(anna, "cam", "video");
    assert_eq!(world.screen(carl).sees(), [("anna", 2), ("carl", 1)]);
    assert_eq!(subscribed(&world), 2);
    world.unpublish(anna, "mic");
    assert_eq!(world.screen(carl).sees(), [("anna", 1), ("carl", 1)]);
    let dora = enter_other(&mut world, "dora");
    assert_eq!(
        world.screen(dora).sees(),
        [("anna", 1), ("carl", 1), ("dora", 0)]
    );
    world.live(40);
    assert_eq!(world.screen(carl).sees().len(), 3, "it is not swept away");
    world.ask(anna, Asked::Leave(proto::LeaveRequest::default()));
    world.pass(Duration::from_millis(60));
    assert_eq!(world.screen(carl).sees(), [("carl", 1), ("dora", 0)]);
    for session in [bert, carl, dora] {
        world.ask(session, Asked::Leave(proto::LeaveRequest::default()));
    }
    world.live(25);
    assert_eq!(world.control.leftovers(), "");
}

#[test]
fn forwarding_ends_where_it_is_removed() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let carl = enter_other(&mut world, "carl");
    world.publish(anna, "mic", "audio");
    world.asked(forwarding("anna", "other")).unwrap();
    // Only its own room decides about it.
    let update = proto::UpdateParticipantRequest {
        room: "other".into(),
        identity: "anna".into(),
        ..Default::default()
    };
    assert_eq!(
        code(world.asked(Request::UpdateParticipant(update))),
        Code::FailedPrecondition
    );
    let again = world.asked(forwarding("anna", "other"));
    assert_eq!(code(again), Code::FailedPrecondition);
    let there = proto::RoomParticipantIdentity {
        room: "other".into(),
        ..named("anna")
    };
    world.asked(Request::RemoveParticipant(there)).unwrap();
    assert_eq!(world.screen(carl).sees(), [("carl", 0)]);
    assert_eq!(world.screen(bert).sees(), [("anna", 1), ("bert", 0)]);
    world.publish(anna, "mic2", "audio");
    assert_eq!(world.screen(carl).sees(), [("carl", 0)]);
    world.asked(forwarding("anna", "other")).unwrap();
    assert_eq!(world.screen(carl).sees(), [("anna", 2), ("carl", 0)]);
    // Someone of that identity comes in person.
    let other = enter_other(&mut world, "anna");
    assert_eq!(world.screen(carl).sees(), [("anna", 0), ("carl", 0)]);
    assert!(world.screen(other).leaves().is_empty());
    assert!(world.screen(anna).leaves().is_empty());
}

#[test]
fn a_forwarded_one_is_moved_to_where_its_double_is() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let carl = enter_other(&mut world, "carl");
    world.publish(anna, "mic", "audio");
    world.asked(forwarding("anna", "other")).unwrap();
    world.asked(moving("anna", "other")).unwrap();
    assert_eq!(world.screen(carl).sees(), [("anna", 1), ("carl", 0)]);
    assert!(world.screen(anna).leaves().is_empty());
    // A room that is deleted takes the doubles in it along.
    let dora = world.enter("dora");
    world.asked(forwarding("dora", "third")).unwrap();
    let third = || {
        Request::DeleteRoom(proto::DeleteRoomRequest {
            room: "third".into(),
        })
    };
    world.asked(third()).unwrap();
    world.asked(forwarding("dora", "third")).unwrap();
    world.asked(third()).unwrap();
    for session in [anna, carl, dora] {
        world.ask(session, Asked::Leave(proto::LeaveRequest::default()));
    }
    world.live(25);
    assert_eq!(world.control.leftovers(), "");
}

#[test]
fn a_forwarded_picture_is_encoded_for_who_watches_in_any_room() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let carl = enter_other(&mut world, "carl");
    world.asked(forwarding("anna", "other")).unwrap();
    world.asked(forwarding("anna", "third")).unwrap();
    let camera = world.publish(anna, "cam", "video");
    let enabled = |world: &World| {
        let told = world.screens[&anna].told.iter().rev();
        let last = told.filter_map(|told| match told {
            Told::SubscribedQualityUpdate(update) => update.subscribed_codecs.first(),
            _ => None,
        });
        last.map(|codec| codec.qualities.iter().filter(|one| one.enabled).count())
            .next()
    };
    let want = |world: &mut World, who, quality: proto::VideoQuality| {
        let settings = proto::UpdateTrackSettings {
            track_sids: vec![camera.clone()],
            quality: quality.into(),
            ..Default::default()
        };
        world.ask(who, Asked::TrackSetting(settings));
    };
    world.live(8);
    assert_eq!(enabled(&world), None, "all of it is watched over there");
    want(&mut world, carl, proto::VideoQuality::Low);
    world.live(8);
    assert_eq!(enabled(&world), Some(1));
    want(&mut world, carl, proto::VideoQuality::Medium);
    assert_eq!(enabled(&world), Some(2));
    // What changes of her does not change who watches.
    world.publish(anna, "mic", "audio");
    world.live(8);
    assert_eq!(enabled(&world), Some(2));
    let bert = world.enter("bert");
    assert_eq!(enabled(&world), Some(3));
    want(&mut world, bert, proto::VideoQuality::Low);
    world.live(8);
    assert_eq!(enabled(&world), Some(2));
    let there = proto::RoomParticipantIdentity {
        room: "other".into(),
        ..named("anna")
    };
    world.asked(Request::RemoveParticipant(there)).unwrap();
    world.live(8);
    assert_eq!(enabled(&world), Some(1));
}

#[test]
fn whoever_is_removed_from_one_of_two_rooms_is_not_shown_there_again() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let carl = enter_other(&mut world, "carl");
    world.asked(forwarding("anna", "other")).unwrap();
    world.asked(forwarding("anna", "third")).unwrap();
    let there = protocol::grants::Grants {
        room: "third".into(),
        ..grants("dora")
    };
    let dora = world.enter_as(there, join());
    assert_eq!(world.screen(dora).sees(), [("anna", 0), ("dora", 0)]);
    let third = proto::RoomParticipantIdentity {
        room: "third".into(),
        ..named("anna")
    };
    world.asked(Request::RemoveParticipant(third)).unwrap();
    world.publish(anna, "mic", "audio");
    assert_eq!(world.screen(dora).sees(), [("dora", 0)]);
    assert_eq!(world.screen(carl).sees(), [("anna", 1), ("carl", 0)]);
}
