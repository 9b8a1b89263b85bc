//! The dual-peer dialect: our offers, the client's answers.

use std::time::Duration;

use livekit_protocol as proto;
use proto::leave_request::Action;
use protocol::{
    ids::SessionId,
    plane::{Command, DataChannel, Event, SrtpCipher},
    signal::Dialect,
};

use super::world::{Asked, Told, World, grants, join};
use crate::{Input, Join, Resume, SessionEnd};

fn dual() -> World {
    World::speaking(Dialect::DualPeer)
}

fn offers(world: &World, session: SessionId) -> Vec<proto::SessionDescription> {
    let told = world.screens[&session].told.iter();
    told.filter_map(|told| match told {
        Told::Offer(offer) => Some(offer.clone()),
        _ => None,
    })
    .collect()
}

fn sections(offer: &proto::SessionDescription) -> usize {
    offer.sdp.matches("\r\nm=").count()
}

fn subscribed(world: &World) -> usize {
    let orders = world.commands();
    orders
        .filter(|c| matches!(c, Command::Subscribe { .. }))
        .count()
}

#[test]
fn the_first_offer_follows_the_join_response() {
    let mut world = dual();
    let bert = world.enter("bert");
    world.publish(bert, "mic", "audio");
    let anna = world.connect(grants("anna"), join());
    let Told::Join(response) = &world.screen(anna).told[0] else {
        panic!("a join response")
    };
    assert!(response.subscriber_primary);
    let offers = offers(&world, anna);
    assert_eq!((offers.len(), offers[0].id), (1, 1));
    let sdp = &offers[0].sdp;
    assert!(sdp.contains("a=ice-lite\r\n") && sdp.contains("a=candidate:1 1 udp"));
    assert!(!sdp.contains("a=setup:passive"), "first offers are actpass");
    assert!(sdp.contains("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n"));
    assert_eq!(offers[0].mid_to_track_id.len(), 1, "media from the start");
    assert!(sdp.contains("a=sendonly\r\n"));
    assert_eq!(subscribed(&world), 1, "once it was answered");
}

#[test]
fn trap_15_we_open_the_channels_of_the_receiving_connection() {
    let mut world = dual();
    let anna = world.enter("anna");
    let (_, receiving) = world.peer(anna);
    let opened: Vec<DataChannel> = world
        .commands()
        .filter_map(|command| match command {
            Command::OpenData { peer, channel } if *peer == receiving => Some(*channel),
            _ => None,
        })
        .collect();
    let all = [
        DataChannel::Reliable,
        DataChannel::Lossy,
        DataChannel::DataTrack,
    ];
    assert_eq!(opened, all);
    // In the single-peer dialect they are the client's to open.
    let mut world = World::new();
    world.enter("anna");
    assert!(
        !world
            .commands()
            .any(|c| matches!(c, Command::OpenData { .. }))
    );
}

#[test]
fn only_the_receiving_connection_makes_present() {
    let mut world = dual();
    let bert = world.enter("bert");
    let anna = world.connect(grants("anna"), join());
    world.publish(anna, "mic", "audio");
    let seat = world.control.seat(anna).unwrap();
    let (shard, peer) = world.control.publishing_peer(seat).unwrap();
    assert_ne!(world.peer(anna).1, peer);
    let event = Event::PeerConnected {
        peer,
        cipher: SrtpCipher::AeadAes256Gcm,
    };
    world.input(Input::Plane { shard, event });
    assert_eq!(world.attendance.len(), 1);
    world.media_up(anna);
    assert_eq!(world.attendance.len(), 2);
    assert_eq!(world.screen(bert).sees(), [("anna", 1), ("bert", 0)]);
}

#[test]
fn one_offer_is_under_way_at_a_time() {
    let mut world = dual();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    world.screen(bert).obliging = false;
    let before = offers(&world, bert).len();
    for number in 0..4 {
        world.publish(anna, &format!("mic{number}"), "audio");
    }
    assert_eq!(offers(&world, bert).len(), before + 1);
    // An answer to another offer is none.
    world.ask(
        bert,
        Asked::Answer(proto::SessionDescription {
            r#type: "answer".into(),
            sdp: "?".into(),
            id: 99,
            ..Default::default()
        }),
    );
    assert_eq!(subscribed(&world), 0);
    world.answer(bert);
    let told = offers(&world, bert);
    assert_eq!(told.len(), before + 2, "what came meanwhile, at once");
    assert_eq!(told.last().unwrap().mid_to_track_id.len(), 4);
    assert_eq!(subscribed(&world), 1);
    world.answer(bert);
    assert_eq!(subscribed(&world), 4);
    assert_eq!(offers(&world, bert).len(), before + 2);
}

#[test]
fn trap_02_answers_without_a_number_are_taken() {
    let mut world = dual();
    let anna = world.connect(grants("anna"), join());
    world.screen(anna).obliging = false;
    let bert = world.enter("bert");
    world.media_up(anna);
    world.publish(bert, "mic", "audio");
    let offer = world.screen(anna).offered.as_mut().unwrap();
    offer.id = 0;
    world.answer(anna);
    assert_eq!(subscribed(&world), 1);
    // And offers without a number are answered without one.
    let mut offer = world.screen(anna).offer();
    offer.id = 0;
    world.ask(anna, Asked::Offer(offer));
    assert_eq!(world.screen(anna).answer().id, 0);
}

#[test]
fn five_hundred_tracks_leave_the_description_as_it_was() {
    for mut world in World::both() {
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        let size = |world: &World| {
            let told = world.screens[&bert].told.iter().rev();
            told.filter_map(|told| match told {
                Told::Offer(ours) => Some(sections(ours)),
                Told::Answer(ours) => Some(sections(ours)),
                _ => None,
            })
            .next()
            .unwrap()
        };
        let own = |world: &World| sections(world.screens[&anna].answer());
        let mut after_first = None;
        for round in 0..500 {
            let kind = if round % 2 == 0 { "audio" } else { "video" };
            let cid = format!("c{round}");
            if round < 2 {
                world.publish(anna, &cid, kind);
            } else {
                world.publish_again(anna, &cid, kind);
            }
            assert_eq!(world.screen(bert).roster.len(), 2);
            world.unpublish(anna, &cid);
            if round == 1 {
                after_first = Some((size(&world), own(&world)));
            }
        }
        assert_eq!(Some((size(&world), own(&world))), after_first);
        assert_eq!(subscribed(&world), 500);
        assert_eq!(world.screen(bert).end, None);
    }
}

#[test]
fn what_a_client_refuses_is_not_offered_again() {
    let mut world = dual();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    world.screen(bert).refuses = Some("VP8");
    world.publish(anna, "cam", "video");
    let errors = |world: &World| {
        let told = world.screens[&bert].told.iter();
        told.filter(|t| matches!(t, Told::SubscriptionResponse(r) if r.err() == proto::SubscriptionError::SeCodecUnsupported))
            .count()
    };
    assert_eq!((subscribed(&world), errors(&world)), (0, 1));
    let count = offers(&world, bert).len();
    world.unpublish(anna, "cam");
    world.publish(anna, "cam2", "video");
    assert_eq!((subscribed(&world), errors(&world)), (0, 2));
    assert_eq!(offers(&world, bert).len(), count, "it is known by now");
    world.publish(anna, "mic", "audio");
    assert_eq!(subscribed(&world), 1);
}

#[test]
fn a_resumed_client_is_offered_another_path() {
    let mut world = dual();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    world.publish(bert, "mic", "audio");
    // The answer to the last offer is lost with the connection.
    world.screen(anna).obliging = false;
    world.publish(bert, "cam", "video");
    world.disconnect(anna);
    let resume = Some(Resume {
        participant_sid: world.screen(anna).me.clone(),
        sync_state: None,
    });
    let again = world.connect(grants("anna"), Join { resume, ..join() });
    let told = &world.screen(again).told;
    assert!(matches!(told[0], Told::Reconnect(_)));
    assert!(matches!(told[1], Told::Update(_)));
    let (before, after) = (offers(&world, anna), offers(&world, again));
    assert_eq!(after.len(), 1);
    let last = before.last().unwrap();
    assert!(after[0].id > last.id, "numbers go on");
    assert_eq!(sections(&after[0]), 3);
    let fragment = |offer: &proto::SessionDescription| {
        let line = offer.sdp.lines().find(|l| l.starts_with("a=ice-ufrag:"));
        line.unwrap().to_owned()
    };
    assert_ne!(fragment(&after[0]), fragment(last));
    let restarts = world
        .commands()
        .filter(|c| matches!(c, Command::RestartIce { .. }));
    assert_eq!(restarts.count(), 1);
    assert_eq!(subscribed(&world), 2);
}

#[test]
fn a_resume_in_the_other_dialect_starts_anew() {
    let mut world = dual();
    let anna = world.enter("anna");
    let resume = Some(Resume {
        participant_sid: world.screen(anna).me.clone(),
        sync_state: None,
    });
    world.dialect = Dialect::SinglePeer;
    let again = world.connect(grants("anna"), Join { resume, ..join() });
    assert_eq!(world.screen(again).leaves()[0].action(), Action::Reconnect);
    assert_eq!(world.screen(anna).end, None);
}

#[test]
fn whoever_never_answers_starts_anew() {
    let mut world = dual();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    world.screen(bert).obliging = false;
    world.publish(anna, "mic", "audio");
    world.live(14);
    assert_eq!(world.screen(bert).end, None);
    world.live(3);
    assert_eq!(world.screen(bert).leaves()[0].action(), Action::Reconnect);
    assert_eq!(world.screen(anna).end, None);
}

#[test]
fn answers_that_fit_no_offer_end_their_session() {
    for spoil in [
        |sdp: String| sdp.replace("m=audio", "m=video"),
        |sdp: String| sdp.replace("a=mid:1\r\n", "a=mid:7\r\n"),
        |sdp: String| sdp.replace("a=setup:active", "a=setup:passive"),
        |sdp: String| sdp.split("m=audio").next().unwrap().to_owned(),
        |_| "v=0".to_owned(),
    ] {
        let mut world = dual();
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        world.screen(bert).obliging = false;
        world.publish(anna, "mic", "audio");
        let offer = world.screen(bert).offered.take().unwrap();
        let sdp = spoil(super::sketch::answer(&offer.sdp, "efgh", None));
        world.ask(
            bert,
            Asked::Answer(proto::SessionDescription {
                r#type: "answer".into(),
                sdp,
                id: offer.id,
                ..Default::default()
            }),
        );
        world.pass(Duration::from_millis(60));
        assert_eq!(subscribed(&world), 0);
        if let Some(end) = world.screen(bert).end {
            assert_eq!(end, SessionEnd::ProtocolError);
            assert_eq!(world.screen(anna).sees(), [("anna", 1)]);
        }
        assert_eq!(world.screen(anna).end, None);
    }
}
