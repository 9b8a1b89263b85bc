//! A new WebSocket for an old session.

use std::time::Duration;

use livekit_protocol as proto;
use proto::leave_request::Action;
use protocol::{ids::SessionId, plane::Command};

use super::{
    sketch,
    world::{Asked, Told, World, grants, join},
};
use crate::{Join, Resume, SessionEnd};

fn resume(world: &mut World, old: SessionId, identity: &str) -> SessionId {
    let participant_sid = world.screen(old).me.clone();
    let join = Join {
        resume: Some(Resume {
            participant_sid,
            sync_state: None,
        }),
        ..join()
    };
    world.connect(grants(identity), join)
}

#[test]
fn trap_16_reconnect_comes_first_and_then_everyone() {
    for mut world in World::both() {
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        let carl = world.enter("carl");
        world.publish(anna, "mic", "audio");
        world.disconnect(anna);
        world.pass(Duration::from_secs(3));
        world.ask(carl, Asked::Leave(Default::default()));
        let again = resume(&mut world, anna, "anna");
        let told = &world.screen(again).told;
        assert!(matches!(told[0], Told::Reconnect(_)));
        let Told::Update(update) = &told[1] else {
            panic!("the roster next")
        };
        let mut people: Vec<&str> = update
            .participants
            .iter()
            .map(|p| p.identity.as_str())
            .collect();
        people.sort_unstable();
        assert_eq!(
            people,
            ["anna", "bert", "carl"],
            "also those who left meanwhile"
        );
        assert_eq!(world.screen(bert).sees(), [("anna", 1), ("bert", 0)]);
        assert_eq!(world.attendance.len(), 4, "anna was there all the time");
        assert_eq!(world.control.stats().resumed, 1);
        world.live(20);
        assert_eq!(world.screen(again).end, None);
        assert_eq!(world.screen(bert).sees(), [("anna", 1), ("bert", 0)]);
    }
}

#[test]
fn the_old_socket_is_closed_when_it_still_stands() {
    for mut world in World::both() {
        let anna = world.enter("anna");
        let again = resume(&mut world, anna, "anna");
        assert_eq!(world.screen(anna).end, Some(SessionEnd::Replaced));
        assert!(
            world.screen(anna).leaves().is_empty(),
            "a leave would end the client"
        );
        world.disconnect(anna);
        assert_eq!(world.control.stats().participants, 1);
        assert_eq!(world.screen(again).end, None);
    }
}

#[test]
fn what_can_not_be_resumed_starts_anew() {
    for mut world in World::both() {
        let anna = world.enter("anna");
        let bert = world.enter("bert");
        // Another's session, a session that is gone, a room that never was.
        let thief = resume(&mut world, anna, "bert");
        world.ask(bert, Asked::Leave(Default::default()));
        let gone = resume(&mut world, bert, "bert");
        let mut elsewhere = grants("anna");
        elsewhere.room = "elsewhere".into();
        let resume = Some(Resume {
            participant_sid: "PA_x".into(),
            sync_state: None,
        });
        let nowhere = world.connect(elsewhere, Join { resume, ..join() });
        for session in [thief, gone, nowhere] {
            assert_eq!(
                world.screen(session).leaves()[0].action(),
                Action::Reconnect
            );
            assert_eq!(world.screen(session).end, Some(SessionEnd::Left));
        }
        assert_eq!(world.screen(anna).end, None);
        assert_eq!(world.control.stats().rooms, 1);
    }
}

#[test]
fn new_credentials_restart_ice() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let before = world.screen(anna).answer().sdp.clone();
    let mut offer = world.screen(anna).offer();
    offer.sdp = sketch::offer(
        &world.screen(anna).sections.clone(),
        "wxyz",
        sketch::FINGERPRINT,
    );
    world.ask(anna, Asked::Offer(offer));
    let restart = world
        .commands()
        .find_map(|c| match c {
            Command::RestartIce {
                local_ice,
                remote_ice,
                ..
            } => Some((local_ice.clone(), remote_ice.clone())),
            _ => None,
        })
        .unwrap();
    assert_eq!(restart.1.ufrag, "wxyz");
    let after = world.screen(anna).answer().sdp.clone();
    assert!(after.contains(&format!("a=ice-ufrag:{}\r\n", restart.0.ufrag)));
    assert!(!before.contains(&restart.0.ufrag));
    assert_eq!(
        world
            .commands()
            .filter(|c| matches!(c, Command::OpenPeer { .. }))
            .count(),
        1
    );
    // The same offer again changes nothing.
    world.screen(anna).told.clear();
    let mut offer = world.screen(anna).offer();
    offer.sdp = sketch::offer(
        &world.screen(anna).sections.clone(),
        "wxyz",
        sketch::FINGERPRINT,
    );
    world.ask(anna, Asked::Offer(offer));
    assert_eq!(
        world
            .commands()
            .filter(|c| matches!(c, Command::RestartIce { .. }))
            .count(),
        1
    );
}

#[test]
fn trap_16_unknown_tracks_start_the_client_anew() {
    for mut world in World::both() {
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        let mic = world.publish(anna, "mic", "audio");
        let cam = world.publish(bert, "cam", "video");
        let publish = |sid: &str| proto::TrackPublishedResponse {
            track: Some(proto::TrackInfo {
                sid: sid.into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let state = proto::SyncState {
            publish_tracks: vec![publish(&mic)],
            subscription: Some(proto::UpdateSubscription {
                track_sids: vec![cam.clone(), "TR_ended".into()],
                subscribe: false,
                ..Default::default()
            }),
            track_sids_disabled: vec!["TR_ended".into()],
            ..Default::default()
        };
        world.ask(anna, Asked::SyncState(state));
        assert_eq!(world.screen(anna).end, None);
        assert!(
            world
                .commands()
                .any(|c| matches!(c, Command::Unsubscribe { .. }))
        );
        let state = proto::SyncState {
            publish_tracks: vec![publish("TR_never")],
            ..Default::default()
        };
        world.ask(anna, Asked::SyncState(state));
        assert_eq!(world.screen(anna).leaves()[0].action(), Action::Reconnect);
    }
}
