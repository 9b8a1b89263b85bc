//! Speakers and connection quality, as the room is told of them.

use livekit_protocol as proto;
use proto::ConnectionQuality;
use protocol::{
    ids::{SessionId, TrackId},
    plane::{AudioLevel, Command, Event, LEVELS_INTERVAL, LinkQuality},
};
use std::time::Duration;

use super::world::{Asked, Told, World};
use crate::Input;

fn track(world: &World) -> TrackId {
    world
        .commands()
        .find_map(|c| match c {
            Command::Publish { uplink, .. } => Some(uplink.track),
            _ => None,
        })
        .unwrap()
}

fn speakers(world: &mut World, session: SessionId) -> Vec<(bool, f32)> {
    world
        .screen(session)
        .told
        .iter()
        .filter_map(|t| match t {
            Told::SpeakersChanged(s) => Some((s.speakers[0].active, s.speakers[0].level)),
            _ => None,
        })
        .collect()
}

/// The media plane reports a level, several times.
fn speak(world: &mut World, speaker: SessionId, level: AudioLevel, times: usize) {
    let (shard, _) = world.peer(speaker);
    for _ in 0..times {
        let levels = vec![level];
        let event = Event::Levels { levels };
        world.input(Input::Plane { shard, event });
        world.pass(LEVELS_INTERVAL);
    }
}

#[test]
fn turns_are_told_to_everyone() {
    for mut world in World::both() {
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        world.publish(anna, "mic", "audio");
        let level = AudioLevel {
            track: track(&world),
            level: 20,
            voiced_percent: 90,
        };
        speak(&mut world, anna, level, 5);
        assert_eq!(speakers(&mut world, bert), [(true, 0.125)]);
        // Whoever comes now is told as well.
        let carl = world.enter("carl");
        assert_eq!(speakers(&mut world, carl), [(true, 0.125)]);
        world.pass(Duration::from_secs(2));
        assert_eq!(speakers(&mut world, bert).last(), Some(&(false, 0.0)));
        // Levels of unknown tracks are passed over.
        let level = AudioLevel {
            track: TrackId(9_999),
            level: 0,
            voiced_percent: 100,
        };
        speak(&mut world, anna, level, 1);
    }
}

#[test]
fn a_muted_or_leaving_speaker_falls_silent() {
    for mut world in World::both() {
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        world.publish(anna, "mic", "audio");
        let level = AudioLevel {
            track: track(&world),
            level: 5,
            voiced_percent: 100,
        };
        speak(&mut world, anna, level, 3);
        assert!(speakers(&mut world, bert).last().unwrap().0);
        world.ask(anna, Asked::Leave(Default::default()));
        assert!(!speakers(&mut world, bert).last().unwrap().0);
    }
}

#[test]
fn trap_18_nobody_is_ever_told_to_be_lost() {
    for mut world in World::both() {
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        let (shard, peer) = world.peer(anna);
        for loss in [0, 5, 50, 1_000, 1_000] {
            let quality = LinkQuality {
                uplink_loss_permille: loss,
                ..Default::default()
            };
            world.input(Input::Plane {
                shard,
                event: Event::Quality { peer, quality },
            });
            world.live(5);
        }
        let carl = world.enter("carl");
        let told = world.screen(carl).told.iter();
        let told = told.filter(|t| matches!(t, Told::ConnectionQuality(_)));
        assert_eq!(told.count(), 1, "a newcomer learns how things stand");
        for session in [anna, bert] {
            let told: Vec<ConnectionQuality> = world
                .screen(session)
                .told
                .iter()
                .filter_map(|t| match t {
                    Told::ConnectionQuality(q) => Some(q.updates[0].quality()),
                    _ => None,
                })
                .collect();
            use ConnectionQuality::{Excellent, Good, Poor};
            assert_eq!(told, [Excellent, Good, Poor]);
        }
    }
}
