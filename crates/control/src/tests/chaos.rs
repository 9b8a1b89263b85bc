//! Random requests in random order: nothing panics, and what has to hold holds.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use livekit_protocol as proto;
use proptest::{prelude::*, sample::Index};
use proto::simulate_scenario::Scenario;
use protocol::{
    ids::{SessionId, ShardId, TrackId},
    limits,
    plane::{AudioLevel, CloseReason, DataChannel, Event},
    signal::{Dialect, Frame},
};

use super::{
    plane::Plane,
    sketch::Sketch,
    world::{Asked, World, add_track, grants, join},
};
use crate::{Input, Join, Resume};

#[derive(Clone, Debug)]
enum Step {
    Enter(u8),
    Resume,
    Announce(u8, bool),
    AddSection(u8, bool, bool),
    ChangeSection(Index, u8),
    Offer,
    /// Our offers are answered from now on, or no longer.
    Oblige(bool),
    Answer(u32, Vec<u8>),
    Simulate(u8),
    MediaUp,
    MediaDown,
    Drop,
    Leave,
    Mute(Index, bool),
    Subscribe(Index, bool),
    Setting(Index, u32, bool),
    Metadata(String),
    Sync(Index),
    Garbage(Vec<u8>),
    Data(Vec<u8>),
    Levels,
    Pass(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_u8).prop_map(Step::Enter),
        2 => Just(Step::Resume),
        6 => (0..6_u8, any::<bool>()).prop_map(|(c, v)| Step::Announce(c, v)),
        6 => (0..6_u8, any::<bool>(), any::<bool>()).prop_map(|(c, v, s)| Step::AddSection(c, v, s)),
        4 => (any::<Index>(), 0..6_u8).prop_map(|(i, d)| Step::ChangeSection(i, d)),
        10 => Just(Step::Offer),
        4 => any::<bool>().prop_map(Step::Oblige),
        2 => (0..5_u32, prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(i, b)| Step::Answer(i, b)),
        1 => (0..9_u8).prop_map(Step::Simulate),
        4 => Just(Step::MediaUp),
        1 => Just(Step::MediaDown),
        1 => Just(Step::Drop),
        1 => Just(Step::Leave),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(i, m)| Step::Mute(i, m)),
        4 => (any::<Index>(), any::<bool>()).prop_map(|(i, s)| Step::Subscribe(i, s)),
        3 => (any::<Index>(), 0..2_000_u32, any::<bool>()).prop_map(|(i, w, d)| Step::Setting(i, w, d)),
        1 => "[a-z]{0,5}".prop_map(Step::Metadata),
        1 => any::<Index>().prop_map(Step::Sync),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Garbage),
        2 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Data),
        2 => Just(Step::Levels),
        4 => (0..3_000_u16).prop_map(Step::Pass),
    ]
}

/// Sessions that stand, in order.
fn standing(world: &World) -> Vec<SessionId> {
    world
        .screens
        .keys()
        .copied()
        .filter(|s| world.control.seat(*s).is_some())
        .collect()
}

/// All sids that someone sees, and one that nobody has.
fn sids(world: &World) -> Vec<String> {
    let seen: BTreeSet<String> = world
        .screens
        .values()
        .flat_map(|screen| screen.roster.values())
        .flat_map(|info| &info.tracks)
        .map(|track| track.sid.clone())
        .collect();
    seen.into_iter().chain(["TR_none".to_owned()]).collect()
}

fn kind(video: bool) -> &'static str {
    if video { "video" } else { "audio" }
}

fn scenario(number: u8) -> Scenario {
    match number {
        0 => Scenario::SpeakerUpdate(2),
        1 => Scenario::NodeFailure(true),
        2 => Scenario::Migration(true),
        3 => Scenario::ServerLeave(true),
        4 => Scenario::SwitchCandidateProtocol(1),
        5 => Scenario::SubscriberBandwidth(1),
        6 => Scenario::DisconnectSignalOnResume(true),
        7 => Scenario::DisconnectSignalOnResumeNoMessages(true),
        _ => Scenario::LeaveRequestFullReconnect(true),
    }
}

/// The steps that are one request.
fn request(step: &Step, sids: &[String]) -> Option<Asked> {
    let sid = |index: &Index| index.get(sids).clone();
    Some(match step {
        Step::Announce(cid, video) => Asked::AddTrack(add_track(&format!("c{cid}"), kind(*video))),
        Step::Answer(id, bytes) => Asked::Answer(proto::SessionDescription {
            r#type: "answer".into(),
            sdp: String::from_utf8_lossy(bytes).into_owned(),
            id: *id,
            ..Default::default()
        }),
        Step::Simulate(number) => Asked::Simulate(proto::SimulateScenario {
            scenario: Some(scenario(*number)),
        }),
        Step::Leave => Asked::Leave(Default::default()),
        Step::Mute(index, muted) => Asked::Mute(proto::MuteTrackRequest {
            sid: sid(index),
            muted: *muted,
        }),
        Step::Subscribe(index, subscribe) => Asked::Subscription(proto::UpdateSubscription {
            track_sids: vec![sid(index)],
            subscribe: *subscribe,
            ..Default::default()
        }),
        Step::Setting(index, width, disabled) => Asked::TrackSetting(proto::UpdateTrackSettings {
            track_sids: vec![sid(index)],
            width: *width,
            height: width / 2,
            disabled: *disabled,
            ..Default::default()
        }),
        Step::Metadata(name) => Asked::UpdateMetadata(proto::UpdateParticipantMetadata {
            name: name.clone(),
            ..Default::default()
        }),
        Step::Sync(index) => {
            let track = Some(proto::TrackInfo {
                sid: sid(index),
                ..Default::default()
            });
            Asked::SyncState(proto::SyncState {
                publish_tracks: vec![proto::TrackPublishedResponse {
                    track,
                    ..Default::default()
                }],
                ..Default::default()
            })
        }
        _ => return None,
    })
}

fn take(world: &mut World, who: Index, step: Step) {
    let standing = standing(world);
    match step {
        Step::Enter(n) => {
            world.connect(grants(&format!("p{n}")), join());
            return;
        }
        Step::Pass(ms) => world.pass(Duration::from_millis(ms.into())),
        _ => {}
    }
    if standing.is_empty() {
        return;
    }
    let session = *who.get(&standing);
    if world.control.seat(session).is_none() {
        return;
    }
    if let Some(asked) = request(&step, &sids(world)) {
        world.ask(session, asked);
        return;
    }
    match step {
        Step::Resume => resume(world, session),
        Step::AddSection(cid, video, send) => {
            let section = if send {
                Sketch::send(kind(video), &format!("c{cid}"))
            } else {
                Sketch::receive(kind(video))
            };
            world.screen(session).sections.push(section);
        }
        Step::ChangeSection(index, how) => {
            change(&mut world.screen(session).sections, index, how);
        }
        Step::Offer => world.offer(session),
        Step::Oblige(obliging) => {
            world.screen(session).obliging = obliging;
            if obliging {
                world.answer(session);
            }
        }
        Step::MediaUp => with_peer(world, session, World::media_up),
        Step::MediaDown => with_peer(world, session, |w, s| w.media_down(s, CloseReason::Silence)),
        Step::Drop => world.disconnect(session),
        Step::Garbage(bytes) => world.input(Input::Frame {
            session,
            frame: Frame::Binary(bytes.into()),
        }),
        Step::Data(bytes) => with_peer(world, session, |w, s| say(w, s, bytes)),
        Step::Levels => hear_all(world),
        _ => {}
    }
}

fn resume(world: &mut World, session: SessionId) {
    let participant_sid = world.screen(session).me.clone();
    let identity = world.screen(session).roster[&participant_sid]
        .identity
        .clone();
    let sections = world.screen(session).sections.clone();
    let received = world.screen(session).received.clone();
    let resume = Some(Resume {
        participant_sid: participant_sid.clone(),
        sync_state: None,
    });
    let new = world.connect(grants(&identity), Join { resume, ..join() });
    world.screen(new).sections = sections;
    // In the other dialect the first offer has come already.
    if world.screen(new).received.is_empty() {
        world.screen(new).received = received;
    }
    world.screen(new).me = participant_sid;
}

fn change(sections: &mut Vec<Sketch>, index: Index, how: u8) {
    if sections.is_empty() {
        return;
    }
    let at = index.index(sections.len());
    match how {
        4 => sections[at].stopped = !sections[at].stopped,
        5 => {
            sections.remove(at);
        }
        _ => {
            let directions = ["inactive", "recvonly", "sendonly", "sendrecv"];
            sections[at].direction = directions[usize::from(how)];
        }
    }
}

fn say(world: &mut World, session: SessionId, bytes: Vec<u8>) {
    let (shard, peer) = world.peer(session);
    let event = Event::Data {
        peer,
        channel: DataChannel::Lossy,
        payload: Bytes::from(bytes),
    };
    world.input(Input::Plane { shard, event });
}

/// Levels for tracks that exist and for some that don't.
fn hear_all(world: &mut World) {
    let levels = (0..20)
        .map(|n| AudioLevel {
            track: TrackId(n),
            level: 9,
            voiced_percent: 80,
        })
        .collect();
    let event = Event::Levels { levels };
    world.input(Input::Plane {
        shard: ShardId(0),
        event,
    });
}

fn with_peer(world: &mut World, session: SessionId, act: impl FnOnce(&mut World, SessionId)) {
    let seat = world.control.seat(session).unwrap();
    if world.control.peer(seat).is_some() {
        act(world, session);
    }
}

/// After some quiet everyone sees the same.
fn agree(world: &mut World) {
    world.pass(Duration::from_millis(200));
    let rosters: BTreeSet<String> = standing(world)
        .iter()
        .map(|s| {
            let roster = &world.screens[s].roster;
            let people: Vec<_> = roster
                .values()
                .map(|i| {
                    (
                        &i.sid,
                        i.version,
                        i.state,
                        i.tracks.iter().map(|t| &t.sid).collect::<Vec<_>>(),
                    )
                })
                .collect();
            format!("{people:?}")
        })
        .collect();
    assert!(rosters.len() <= 1, "{rosters:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks(
        dual in any::<bool>(),
        steps in prop::collection::vec((any::<Index>(), step()), 1..250),
    ) {
        let dialect = if dual { Dialect::DualPeer } else { Dialect::SinglePeer };
        let mut world = World::speaking(dialect);
        let mut plane = Plane::default();
        for (who, step) in steps {
            take(&mut world, who, step);
            for (_, command) in std::mem::take(&mut world.orders) {
                plane.follow(&command);
            }
        }
        agree(&mut world);
        let stats = world.control.stats();
        prop_assert!(stats.participants <= 4);
        prop_assert!(stats.tracks <= 4 * limits::TRACKS_PER_PARTICIPANT);
        // Everyone goes, nothing is left behind.
        world.pass(Duration::from_secs(60));
        let stats = world.control.stats();
        prop_assert_eq!((stats.rooms, stats.participants, stats.sessions, stats.tracks), (0, 0, 0, 0));
        prop_assert!(world.control.leftovers().is_empty(), "{}", world.control.leftovers());
    }

    #[test]
    fn any_frame_is_survived(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
        texts in prop::collection::vec("(?s).{0,80}", 1..5),
    ) {
        let mut world = World::new();
        for bytes in frames {
            let session = world.enter("anna");
            world.input(Input::Frame { session, frame: Frame::Binary(bytes.into()) });
        }
        for text in texts {
            let session = world.enter("anna");
            world.screen(session).text = true;
            world.input(Input::Frame { session, frame: Frame::Text(text) });
        }
        let bert = world.enter("bert");
        prop_assert_eq!(world.screen(bert).end, None);
    }

    #[test]
    fn any_join_request_is_refused_or_read(text in "[A-Za-z0-9_=-]{0,200}") {
        let query = vec![("join_request".to_owned(), text.clone()), ("attributes".to_owned(), text)];
        let _ = Join::parse(Dialect::SinglePeer, &query);
        let _ = Join::parse(Dialect::DualPeer, &query);
    }
}

#[test]
fn json_clients_are_answered_in_json() {
    let mut world = World::new();
    let anna = world.enter("anna");
    world.screen(anna).text = true;
    world.ask(anna, Asked::Ping(1));
    world.publish(anna, "mic", "audio");
    assert_eq!(world.screen(anna).end, None);
    assert_eq!(world.screen(anna).directions().last(), Some(&"recvonly"));
}
