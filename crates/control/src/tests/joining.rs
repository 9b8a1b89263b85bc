//! Coming in: the first messages, limits, presence.

use std::time::Duration;

use protocol::{ids::RequestId, limits, plane::Command};

use super::{
    sketch::Sketch,
    world::{Asked, Screen, Told, World, add_track, grants, join},
};
use crate::{Answer, AttendanceChange, Input, Question, SessionEnd};

#[test]
fn the_first_message_is_the_join_response() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let bert = world.enter("bert");
    let Told::Join(first) = &world.screen(bert).told[0] else {
        panic!("join first")
    };
    assert_eq!(first.room.as_ref().unwrap().name, "room");
    assert!(first.room.as_ref().unwrap().sid.starts_with("RM_"));
    let me = first.participant.as_ref().unwrap();
    assert!(me.sid.starts_with("PA_") && me.identity == "bert" && me.name == "BERT");
    assert_eq!(me.attributes["plenary.role"], "participant");
    assert_eq!(
        (me.client_protocol, me.capabilities.as_slice()),
        (2, &[2][..])
    );
    assert_eq!(first.other_participants.len(), 1);
    assert!(!first.subscriber_primary);
    assert_eq!((first.ping_interval, first.ping_timeout), (5, 12));
    assert!(!first.server_info.as_ref().unwrap().version.is_empty());
    assert_eq!(first.enabled_publish_codecs.len(), 6);
    assert_eq!(world.screen(anna).sees(), [("anna", 0), ("bert", 0)]);
    assert!(
        world
            .screen(anna)
            .told
            .iter()
            .any(|t| *t == Told::RefreshToken("fresh".into()))
    );
}

#[test]
fn an_offer_that_comes_with_the_join_is_answered_after_it() {
    let mut world = World::new();
    let mut first = join();
    let sections = vec![Sketch::receive("audio"), Sketch::send("video", "cam")];
    let mut screen = Screen {
        sections,
        ..Screen::default()
    };
    first.offer = Some(screen.offer());
    first.add_tracks = vec![add_track("cam", "video")];
    let anna = world.connect(grants("anna"), first);
    let told = &world.screen(anna).told;
    assert!(matches!(told[0], Told::Join(_)));
    let published = told
        .iter()
        .position(|t| matches!(t, Told::TrackPublished(_)))
        .unwrap();
    let answered = told
        .iter()
        .position(|t| matches!(t, Told::Answer(_)))
        .unwrap();
    assert!(published < answered);
    assert_eq!(world.screen(anna).directions(), ["inactive", "recvonly"]);
    assert_eq!(world.screen(anna).answer().id, 1);
    let order: Vec<&str> = world
        .commands()
        .map(|command| match command {
            Command::OpenPeer { .. } => "open",
            Command::Negotiate { .. } => "negotiate",
            Command::Publish { .. } => "publish",
            _ => "other",
        })
        .collect();
    assert_eq!(order, ["open", "negotiate", "publish"]);
}

#[test]
fn presence_is_told_when_media_is_up() {
    let mut world = World::new();
    let anna = world.connect(grants("anna"), join());
    assert!(world.attendance.is_empty());
    world.offer(anna);
    world.media_up(anna);
    assert!(matches!(&world.attendance[..], [AttendanceChange::Joined(a)] if a.user_id == "anna"));
    world.ask(anna, Asked::Leave(Default::default()));
    assert!(matches!(
        &world.attendance[..],
        [_, AttendanceChange::Left { .. }]
    ));
    assert_eq!(world.screen(anna).end, Some(SessionEnd::Left));
    assert!(
        world
            .commands()
            .any(|c| matches!(c, Command::ClosePeer { .. }))
    );
}

#[test]
fn the_newer_of_two_with_one_identity_stays() {
    let mut world = World::new();
    let old = world.enter("anna");
    let bert = world.enter("bert");
    let new = world.enter("anna");
    let leave = world.screen(old).leaves()[0].clone();
    assert_eq!(
        leave.reason(),
        livekit_protocol::DisconnectReason::DuplicateIdentity
    );
    assert_eq!(world.screen(old).end, Some(SessionEnd::Replaced));
    assert_eq!(world.screen(new).end, None);
    assert_eq!(world.screen(bert).sees(), [("anna", 0), ("bert", 0)]);
    let old = world.screen(old).me.clone();
    assert_ne!(old, world.screen(new).me);
}

#[test]
fn the_hidden_are_not_seen() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let mut ghost = grants("ghost");
    ghost.hidden = true;
    let ghost = world.enter_as(ghost, join());
    assert_eq!(world.screen(anna).sees(), [("anna", 0)]);
    assert_eq!(world.screen(ghost).sees(), [("anna", 0), ("ghost", 0)]);
    assert_eq!(world.attendance.len(), 1);
    world.ask(ghost, Asked::Leave(Default::default()));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.attendance.len(), 1);
    assert_eq!(world.screen(anna).roster.len(), 1);
}

#[test]
fn a_full_room_and_a_token_without_the_right_are_turned_away() {
    let mut world = World::new();
    for n in 0..limits::PARTICIPANTS_PER_ROOM {
        world.connect(grants(&format!("p{n}")), join());
    }
    let late = world.connect(grants("late"), join());
    assert_eq!(world.screen(late).leaves().len(), 1);
    assert_eq!(world.screen(late).end, Some(SessionEnd::Left));
    let mut elsewhere = grants("anna");
    elsewhere.room = "other".into();
    elsewhere.can_join = false;
    let refused = world.connect(elsewhere, join());
    assert_eq!(world.screen(refused).told.len(), 1);
    let mut nameless = grants("");
    nameless.room = "other".into();
    let refused = world.connect(nameless, join());
    assert_eq!(world.screen(refused).end, Some(SessionEnd::Left));
}

#[test]
fn people_are_spread_over_the_shards() {
    let mut world = World::with_shards(3);
    let sessions: Vec<_> = (0..6).map(|n| world.enter(&format!("p{n}"))).collect();
    let mut shards: Vec<u16> = sessions.iter().map(|s| world.peer(*s).0.0).collect();
    shards.sort_unstable();
    assert_eq!(shards, [0, 0, 1, 1, 2, 2]);
    world.ask(sessions[0], Asked::Leave(Default::default()));
    let next = world.enter("next");
    assert_eq!(world.peer(next).0.0, 0);
}

#[test]
fn the_rest_api_gets_its_answers() {
    let mut world = World::new();
    let anna = world.enter("anna");
    world.connect(grants("bert"), join());
    let ask = |world: &mut World, question| {
        world.input(Input::Ask {
            request: RequestId(1),
            question,
        });
        world.answers.pop().unwrap()
    };
    let room = || "room".to_owned();
    let Answer::Participants(people) = ask(&mut world, Question::Participants { room: room() })
    else {
        panic!("participants")
    };
    assert_eq!(people.len(), 1, "bert's media is not up");
    assert_eq!(
        (people[0].user_id.as_str(), people[0].left_at),
        ("anna", None)
    );
    let counts = Answer::Counts {
        rooms: 1,
        participants: 2,
        sessions: 2,
        tracks: 0,
    };
    assert_eq!(ask(&mut world, Question::Counts), counts);
    let ended = ask(&mut world, Question::EndRoom { room: room() });
    assert_eq!(ended, Answer::Ended { participants: 2 });
    let reason = world.screen(anna).leaves()[0].reason();
    assert_eq!(reason, livekit_protocol::DisconnectReason::RoomDeleted);
    let counts = Answer::Counts {
        rooms: 0,
        participants: 0,
        sessions: 0,
        tracks: 0,
    };
    assert_eq!(ask(&mut world, Question::Counts), counts);
    assert_eq!(
        ask(&mut world, Question::Participants { room: room() }),
        Answer::Participants(vec![])
    );
}

#[test]
fn empty_rooms_are_forgotten() {
    let mut world = World::new();
    let anna = world.enter("anna");
    world.ask(anna, Asked::Leave(Default::default()));
    world.pass(Duration::from_secs(19));
    assert_eq!(world.control.stats().rooms, 1);
    world.pass(Duration::from_secs(2));
    assert_eq!(world.control.stats().rooms, 0);
    assert_eq!(world.control.poll_timeout(), None);
    world.pass(Duration::from_secs(100));
    world.enter("anna");
}

#[test]
fn profiles_are_changed_within_bounds() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let bert = world.enter("bert");
    let update = |id, name: &str, key: &str, value: String| {
        Asked::UpdateMetadata(livekit_protocol::UpdateParticipantMetadata {
            name: name.into(),
            attributes: [(key.to_owned(), value)].into(),
            request_id: id,
            ..Default::default()
        })
    };
    world.ask(anna, update(1, "Anna A.", "hand", "up".into()));
    world.ask(anna, update(2, "", "plenary.role", "host".into()));
    world.ask(
        anna,
        update(3, "", "big", "x".repeat(limits::METADATA_BYTES)),
    );
    world.pass(Duration::from_secs(1));
    let me = world.screen(anna).me.clone();
    let info = &world.screen(bert).roster[&me];
    assert_eq!(
        (info.name.as_str(), info.attributes["hand"].as_str()),
        ("Anna A.", "up")
    );
    assert_eq!(info.attributes["plenary.role"], "participant");
    let ids: Vec<u32> = world
        .screen(anna)
        .refusals()
        .iter()
        .map(|r| r.request_id)
        .collect();
    assert_eq!(ids, [2, 3]);
    world.ask(anna, update(4, "", "hand", String::new()));
    world.pass(Duration::from_secs(1));
    assert!(
        !world.screen(bert).roster[&me]
            .attributes
            .contains_key("hand")
    );
}
