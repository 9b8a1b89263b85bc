//! Subscriptions: sections, qualities, errors.

use std::time::Duration;

use livekit_protocol as proto;
use proto::{SubscriptionError, client_info::Sdk};
use protocol::{
    ids::SessionId,
    media::{Downlink, Wish},
    plane::Command,
};

use super::{
    sketch::Sketch,
    world::{Asked, Told, World, grants, join},
};

fn downlinks(world: &World) -> Vec<Downlink> {
    world
        .commands()
        .filter_map(|c| match c {
            Command::Subscribe { downlink, .. } => Some(downlink.clone()),
            _ => None,
        })
        .collect()
}

fn wishes(world: &World) -> Vec<Wish> {
    world
        .commands()
        .filter_map(|c| match c {
            Command::ChangeWish { wish, .. } => Some(*wish),
            _ => None,
        })
        .collect()
}

fn requirements(world: &mut World, session: SessionId) -> Vec<(u32, u32)> {
    world
        .screen(session)
        .told
        .iter()
        .filter_map(|t| match t {
            Told::MediaSectionsRequirement(r) => Some((r.num_audios, r.num_videos)),
            _ => None,
        })
        .collect()
}

fn subscription(sids: &[&str], subscribe: bool) -> Asked {
    Asked::Subscription(proto::UpdateSubscription {
        track_sids: sids.iter().map(|s| (*s).to_owned()).collect(),
        subscribe,
        ..Default::default()
    })
}

#[test]
fn trap_03_every_answer_has_the_whole_map() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let (mic, cam) = (
        world.publish(anna, "mic", "audio"),
        world.publish(anna, "cam", "video"),
    );
    assert_eq!(
        requirements(&mut world, bert),
        [(0, 0), (0, 0)],
        "an offer is enough"
    );
    let answer = world.screen(bert).answer().clone();
    assert_eq!(
        answer.mid_to_track_id,
        [("1".to_owned(), mic.clone()), ("4".to_owned(), cam.clone())].into()
    );
    let me = world.screen(anna).me.clone();
    assert!(
        answer
            .sdp
            .contains(&format!("a=msid:{me}|camera {cam}\r\n")),
        "in step with the voice"
    );
    let links = downlinks(&world);
    assert_eq!(links.len(), 2);
    assert_eq!(links[0].home, world.peer(anna).0);
    assert!(links[0].rtx_ssrc.is_none() && links[1].rtx_ssrc.is_some());
    assert_eq!(links[1].wish, Wish::BEST);
    // The publisher is told once per track.
    let told = world
        .screen(anna)
        .told
        .iter()
        .filter(|t| matches!(t, Told::TrackSubscribed(_)));
    assert_eq!(told.count(), 2);
    // Later answers repeat the whole map.
    world.offer(bert);
    assert_eq!(world.screen(bert).answer().mid_to_track_id.len(), 2);
    assert_eq!(downlinks(&world).len(), 2);
}

#[test]
fn trap_04_the_update_comes_before_the_answer_that_names_it() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let sid = world.publish(anna, "mic", "audio");
    let told = &world.screen(bert).told;
    let update = told.iter().position(|t| {
        matches!(t, Told::Update(u)
        if u.participants.iter().any(|p| p.tracks.iter().any(|t| t.sid == sid)))
    });
    let answer = told
        .iter()
        .position(|t| matches!(t, Told::Answer(a) if a.sdp.contains(&sid)));
    assert!(update.unwrap() < answer.unwrap());
}

#[test]
fn whoever_comes_late_gets_what_is_there_in_the_first_answer() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let sid = world.publish(anna, "mic", "audio");
    let bert = world.connect(grants("bert"), join());
    world.screen(bert).sections.push(Sketch::receive("audio"));
    world.offer(bert);
    assert_eq!(downlinks(&world).len(), 1);
    assert_eq!(world.screen(bert).answer().mid_to_track_id["1"], sid);
    world.media_up(bert);
    world.pass(Duration::from_secs(1));
    assert_eq!(requirements(&mut world, bert), [], "nothing is lacking");
    assert_eq!(downlinks(&world).len(), 1);
}

#[test]
fn trap_06_native_clients_wait_until_media_is_up() {
    let mut world = World::new();
    let anna = world.enter("anna");
    world.publish(anna, "mic", "audio");
    let mut python = join();
    python.client.sdk = Sdk::Python.into();
    let bert = world.connect(grants("bert"), python);
    world.screen(bert).sections.push(Sketch::receive("audio"));
    world.offer(bert);
    world.pass(Duration::from_secs(1));
    assert_eq!(requirements(&mut world, bert), [], "not before media is up");
    assert!(downlinks(&world).is_empty());
    world.media_up(bert);
    assert_eq!(downlinks(&world).len(), 1);
}

#[test]
fn trap_05_missing_sections_are_asked_for_exactly_once() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    world.screen(bert).obliging = false;
    for n in 0..5 {
        world.publish(anna, &format!("m{n}"), "audio");
    }
    // One offer was asked for, then the two sections that are lacking.
    assert_eq!(requirements(&mut world, bert), [(0, 0), (1, 0), (1, 0)]);
    world.live(5);
    assert_eq!(requirements(&mut world, bert).len(), 3);
    // An offer that crossed the requests does not make us ask again for more.
    world.offer(bert);
    assert_eq!(downlinks(&world).len(), 3);
    assert_eq!(requirements(&mut world, bert).len(), 3);
    for _ in 0..2 {
        world.screen(bert).sections.push(Sketch::receive("audio"));
    }
    world.offer(bert);
    assert_eq!(downlinks(&world).len(), 5);
    world.live(30);
    assert_eq!(requirements(&mut world, bert).len(), 3);
}

#[test]
fn an_unanswered_request_is_repeated_with_patience() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    world.screen(bert).obliging = false;
    world.publish(anna, "mic", "audio");
    world.live(35);
    assert_eq!(requirements(&mut world, bert).len(), 4);
}

#[test]
fn trap_06_native_clients_get_sections_of_their_own() {
    let mut world = World::new();
    let anna = world.enter("anna");
    world.publish(anna, "mic", "audio");
    let mut python = join();
    python.client.sdk = Sdk::Python.into();
    let bert = world.enter_as(grants("bert"), python);
    assert_eq!(requirements(&mut world, bert), [(1, 0)]);
    let answer = world.screen(bert).answer();
    assert_eq!(answer.mid_to_track_id.len(), 1);
    let stream = format!("|{}", answer.mid_to_track_id["7"]);
    assert!(answer.sdp.contains(&stream), "one stream per track");
}

#[test]
fn unsubscribing_frees_the_section_for_the_next() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let sid = world.publish(anna, "cam", "video");
    let sections = world.screen(bert).sections.len();
    let mut last = 0;
    for _ in 0..500 {
        world.ask(bert, subscription(&[&sid], false));
        assert!(
            world
                .screen(bert)
                .directions()
                .iter()
                .all(|d| *d == "inactive")
        );
        assert!(world.screen(bert).answer().mid_to_track_id.is_empty());
        world.ask(bert, subscription(&[&sid], true));
        assert_eq!(world.screen(bert).answer().mid_to_track_id["4"], sid);
        let length = world.screen(bert).answer().sdp.len();
        assert!(last == 0 || length.abs_diff(last) < 40, "{last} {length}");
        last = length;
        world
            .screen(bert)
            .told
            .retain(|t| matches!(t, Told::Answer(_)));
        let answers = world.screen(bert).told.len();
        world.screen(bert).told.drain(..answers - 1);
    }
    assert_eq!(world.screen(bert).sections.len(), sections);
    let slots: std::collections::BTreeSet<_> = downlinks(&world).iter().map(|d| d.slot).collect();
    assert_eq!(slots.len(), 501, "a slot is never used twice");
}

#[test]
fn the_unsubscribed_stay_so_and_the_unknown_are_an_error() {
    let mut world = World::new();
    let mut quiet = join();
    quiet.auto_subscribe = false;
    let anna = world.enter("anna");
    let bert = world.enter_as(grants("bert"), quiet);
    let sid = world.publish(anna, "mic", "audio");
    assert!(downlinks(&world).is_empty());
    world.ask(bert, subscription(&[&sid, "TR_nothing"], true));
    assert_eq!(downlinks(&world).len(), 1);
    let errors: Vec<i32> = world
        .screen(bert)
        .told
        .iter()
        .filter_map(|t| match t {
            Told::SubscriptionResponse(r) => Some(r.err),
            _ => None,
        })
        .collect();
    assert_eq!(errors, [SubscriptionError::SeTrackNotfound as i32]);
    let mut deaf = grants("deaf");
    deaf.can_subscribe = false;
    let deaf = world.enter_as(deaf, join());
    world.ask(deaf, subscription(&[&sid], true));
    assert_eq!(downlinks(&world).len(), 1);
}

#[test]
fn the_size_of_the_tile_chooses_the_layer() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let sid = world.publish(anna, "cam", "video");
    let set = |width, height, disabled, quality, fps| {
        Asked::TrackSetting(proto::UpdateTrackSettings {
            track_sids: vec![sid.clone()],
            disabled,
            quality,
            width,
            height,
            fps,
            ..Default::default()
        })
    };
    let best = u8::MAX;
    for (asked, encoding, temporal) in [
        (set(160, 90, false, 2, 0), 0, best),
        (set(320, 180, false, 2, 7), 0, 0),
        (set(321, 181, false, 0, 15), 1, 1),
        (set(180, 320, false, 0, 0), 0, best),
        (set(640, 480, false, 0, 0), 2, best),
        (set(4000, 3000, false, 0, 0), best, best),
        (set(0, 0, false, 1, 0), 1, best),
        (set(0, 0, false, 0, 0), 0, best),
    ] {
        world.ask(bert, asked);
        assert_eq!(
            wishes(&world).last(),
            Some(&Wish::UpTo { encoding, temporal })
        );
    }
    let before = wishes(&world).len();
    world.ask(bert, set(0, 0, true, 0, 0));
    world.ask(bert, set(10, 10, true, 0, 0));
    assert_eq!(
        wishes(&world).len(),
        before + 1,
        "nothing new, nothing ordered"
    );
    assert_eq!(wishes(&world).last(), Some(&Wish::Paused));
}

#[test]
fn with_adaptive_stream_the_first_layer_is_the_lowest() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let mut adaptive = join();
    adaptive.adaptive_stream = true;
    world.enter_as(grants("bert"), adaptive);
    world.publish(anna, "cam", "video");
    assert_eq!(
        downlinks(&world)[0].wish,
        Wish::UpTo {
            encoding: 0,
            temporal: u8::MAX
        }
    );
}

#[test]
fn what_a_client_can_not_decode_is_refused() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let bert = world.connect(grants("bert"), join());
    world.screen(bert).sections.push(Sketch::receive("audio"));
    world.offer(bert);
    world.media_up(bert);
    world.screen(bert).obliging = false;
    world.publish(anna, "cam", "video");
    // It offers a section for video, but without any codec that anna sends.
    let mut offer = world.screen(bert).offer();
    offer.sdp.push_str(
        "m=video 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:2\r\na=recvonly\r\na=rtpmap:98 VP9/90000\r\n",
    );
    world.ask(bert, Asked::Offer(offer));
    let refused = world.screen(bert).told.iter().any(
        |t| matches!(t, Told::SubscriptionResponse(r) if r.err() == SubscriptionError::SeCodecUnsupported),
    );
    assert!(refused);
}

#[test]
fn a_client_may_take_a_section_away() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let sid = world.publish(anna, "mic", "audio");
    world.screen(bert).sections[0].stopped = true;
    world.offer(bert);
    // The subscription moves on to the next section.
    assert_eq!(
        world.screen(bert).answer().mid_to_track_id,
        [("2".to_owned(), sid)].into()
    );
    assert!(
        world
            .screen(bert)
            .answer()
            .sdp
            .contains("m=audio 0 UDP/TLS/RTP/SAVPF 111\r\n")
    );
    assert_eq!(
        world
            .commands()
            .filter(|c| matches!(c, Command::Unsubscribe { .. }))
            .count(),
        1
    );
}

#[test]
fn a_client_without_any_media_section_is_asked_for_one() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let bert = world.connect(grants("bert"), join());
    world.offer(bert);
    world.media_up(bert);
    let sid = world.publish(anna, "cam", "video");
    assert_eq!(requirements(&mut world, bert), [(0, 1)]);
    let answer = world.screen(bert).answer();
    assert_eq!(answer.mid_to_track_id, [("1".to_owned(), sid)].into());
}

#[test]
fn a_publisher_chooses_who_may_receive() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let sid = world.publish(anna, "cam", "video");
    let allow = |all_participants, identity: &str| {
        Asked::SubscriptionPermission(proto::SubscriptionPermission {
            all_participants,
            track_permissions: vec![proto::TrackPermission {
                participant_identity: identity.to_owned(),
                all_tracks: true,
                ..Default::default()
            }],
        })
    };
    let told = |world: &mut World| -> Vec<bool> {
        let told = world.screen(bert).told.iter();
        told.filter_map(|t| match t {
            Told::SubscriptionPermissionUpdate(update) => Some(update.allowed),
            _ => None,
        })
        .collect()
    };
    // What publishers choose is told with everything else, after a moment.
    let choose = |world: &mut World, permission| {
        world.ask(anna, permission);
        world.pass(Duration::from_millis(60));
    };
    choose(&mut world, allow(true, ""));
    assert!(told(&mut world).is_empty());
    choose(&mut world, allow(false, "carl"));
    assert_eq!(told(&mut world), [false]);
    assert!(world.screen(bert).answer().mid_to_track_id.is_empty());
    // Asking does not help, and whoever comes now is held to it as well.
    world.ask(bert, subscription(&[&sid], true));
    assert_eq!(told(&mut world), [false, false]);
    let dora = world.enter("dora");
    let carl = world.enter("carl");
    assert!(world.screen(dora).answer().mid_to_track_id.is_empty());
    assert_eq!(world.screen(carl).answer().mid_to_track_id.len(), 1);
    choose(&mut world, allow(false, "bert"));
    assert_eq!(told(&mut world), [false, false, true]);
    assert_eq!(world.screen(bert).answer().mid_to_track_id.len(), 1);
    assert!(world.screen(carl).answer().mid_to_track_id.is_empty());
}
