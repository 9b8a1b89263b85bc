//! Faults on demand, and rights that change.

use std::time::Duration;

use livekit_protocol as proto;
use proto::{DisconnectReason, leave_request::Action, simulate_scenario::Scenario};
use protocol::{grants::Source, ids::SessionId, plane::Command};

use super::world::{Asked, Told, World, grants, join};
use crate::{Join, Resume, SessionEnd, session::Permission};

fn simulate(world: &mut World, session: SessionId, scenario: Scenario) {
    let scenario = Some(scenario);
    world.ask(
        session,
        Asked::Simulate(proto::SimulateScenario { scenario }),
    );
    world.pass(Duration::from_millis(60));
}

fn resume(world: &mut World, old: SessionId) -> SessionId {
    let resume = Some(Resume {
        participant_sid: world.screen(old).me.clone(),
        sync_state: None,
    });
    world.connect(grants("anna"), Join { resume, ..join() })
}

#[test]
fn each_fault_is_as_its_name_says() {
    let leave = |action, reason| Some((action, reason));
    for (scenario, told, stays) in [
        (Scenario::NodeFailure(true), None, false),
        (
            Scenario::ServerLeave(true),
            leave(Action::Disconnect, DisconnectReason::ServerShutdown),
            false,
        ),
        (
            Scenario::LeaveRequestFullReconnect(true),
            leave(Action::Reconnect, DisconnectReason::StateMismatch),
            false,
        ),
        (
            Scenario::Migration(true),
            leave(Action::Resume, DisconnectReason::Migration),
            true,
        ),
    ] {
        for mut world in World::both() {
            let (anna, bert) = (world.enter("anna"), world.enter("bert"));
            simulate(&mut world, anna, scenario);
            let leaves = world.screen(anna).leaves();
            let said = leaves.first().map(|l| (l.action(), l.reason()));
            assert_eq!(said, told, "{scenario:?}");
            let ended = world.screen(anna).end;
            assert_eq!(ended, (!stays).then_some(SessionEnd::Left), "{scenario:?}");
            let there = world.screen(bert).sees().len() == 2;
            assert_eq!(there, stays, "{scenario:?}");
            let again = resume(&mut world, anna);
            let resumed = matches!(world.screen(again).told[0], Told::Reconnect(_));
            assert_eq!(resumed, stays, "{scenario:?}");
            let replaced = world.screen(anna).end == Some(SessionEnd::Replaced);
            assert_eq!(replaced, stays, "{scenario:?}");
        }
    }
}

#[test]
fn a_resumed_connection_breaks_once_if_asked_to() {
    for mut world in World::both() {
        let anna = world.enter("anna");
        simulate(&mut world, anna, Scenario::DisconnectSignalOnResume(true));
        world.disconnect(anna);
        let first = resume(&mut world, anna);
        assert!(matches!(world.screen(first).told[0], Told::Reconnect(_)));
        assert_eq!(world.screen(first).end, Some(SessionEnd::Left));
        let second = resume(&mut world, anna);
        assert_eq!(world.screen(second).end, None);
        world.screen(second).me = world.screen(anna).me.clone();

        let scenario = Scenario::DisconnectSignalOnResumeNoMessages(true);
        simulate(&mut world, second, scenario);
        world.disconnect(second);
        let third = resume(&mut world, second);
        assert!(world.screen(third).told.is_empty());
        assert_eq!(world.screen(third).end, Some(SessionEnd::Left));
        let fourth = resume(&mut world, second);
        assert_eq!(world.screen(fourth).end, None);
    }
}

#[test]
fn pretended_speech_ends() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    for _ in 0..3 {
        simulate(&mut world, anna, Scenario::SpeakerUpdate(3));
    }
    let turns = |world: &World| {
        let told = world.screens[&bert].told.iter();
        told.filter_map(|told| match told {
            Told::SpeakersChanged(changed) => Some(changed.speakers[0].active),
            _ => None,
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(turns(&world), [true]);
    world.live(4);
    assert_eq!(turns(&world), [true, false]);
}

fn permission() -> Permission {
    Permission {
        can_publish: true,
        can_publish_sources: Vec::new(),
        can_subscribe: true,
        can_publish_data: true,
        can_update_own_metadata: true,
    }
}

#[test]
fn a_right_that_is_taken_ends_what_it_allowed() {
    for mut world in World::both() {
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        let mic = world.publish(anna, "mic", "audio");
        let cam = world.publish(anna, "cam", "video");
        let mut sources = permission();
        sources.can_publish_sources = vec![Source::Microphone];
        world.permit(anna, sources);
        assert_eq!(world.screen(bert).sees(), [("anna", 1), ("bert", 0)]);
        let told = world.screen(anna).told.iter();
        let ended: Vec<_> = told
            .filter_map(|told| match told {
                Told::TrackUnpublished(response) => Some(response.track_sid.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(ended, [cam]);
        let me = world.screen(anna).me.clone();
        let seen = world.screen(bert).roster[&me].clone();
        assert_eq!(seen.tracks[0].sid, mic);
        assert_eq!(seen.permission.unwrap().can_publish_sources, [2]);
        // Given back, the camera is published as any other.
        world.unpublish(anna, "cam");
        world.permit(anna, permission());
        world.publish(anna, "cam", "video");
        assert_eq!(world.screen(bert).sees(), [("anna", 2), ("bert", 0)]);
    }
}

#[test]
fn subscriptions_come_and_go_with_their_right() {
    for mut world in World::both() {
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        world.publish(anna, "mic", "audio");
        let mut deaf = permission();
        deaf.can_subscribe = false;
        world.permit(bert, deaf);
        let count = |world: &World, wanted: fn(&Command) -> bool| {
            world.commands().filter(|c| wanted(c)).count()
        };
        let begun = |c: &Command| matches!(c, Command::Subscribe { .. });
        let ended = |c: &Command| matches!(c, Command::Unsubscribe { .. });
        assert_eq!((count(&world, begun), count(&world, ended)), (1, 1));
        world.permit(bert, permission());
        world.pass(Duration::from_secs(1));
        assert_eq!((count(&world, begun), count(&world, ended)), (2, 1));
    }
}
