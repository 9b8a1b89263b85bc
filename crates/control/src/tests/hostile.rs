//! What a buggy or hostile client may send: it hears why, it costs little, and
//! the others notice nothing.

use std::time::Duration;

use livekit_protocol as proto;
use prost::Message as _;
use proto::{SubscriptionError, leave_request::Action, request_response::Reason};
use protocol::{
    ids::SessionId,
    limits,
    media::Kind,
    plane::Command,
    signal::{Dialect, Frame},
};

use super::{
    sketch::Sketch,
    world::{Asked, Told, World, add_track, grants, join},
};
use crate::{Input, Join, Resume, SessionEnd};

/// The others are told twenty times a second at most.
const TICKS: usize = 21;

/// Someone in each dialect who is going to misbehave, and a bystander.
fn two() -> [(World, SessionId, SessionId); 2] {
    World::both().map(|mut world| {
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        world.pass(Duration::from_secs(1));
        (world, anna, bert)
    })
}

fn told(world: &World, session: SessionId) -> usize {
    world.screens[&session].told.len()
}

/// Everything that someone is told, in bytes.
fn volume(world: &World, session: SessionId) -> usize {
    let told = world.screens[&session].told.iter();
    told.map(|message| {
        let message = Some(message.clone());
        proto::SignalResponse { message }.encoded_len()
    })
    .sum()
}

fn permission(all_participants: bool) -> Asked {
    Asked::SubscriptionPermission(proto::SubscriptionPermission {
        all_participants,
        track_permissions: Vec::new(),
    })
}

fn data_track(handle: u32, name: &str) -> proto::PublishDataTrackRequest {
    proto::PublishDataTrackRequest {
        pub_handle: handle,
        name: name.to_owned(),
        ..Default::default()
    }
}

/// Requests that make no sense at any time, or not before anything else.
fn out_of_turn() -> Vec<Asked> {
    let nothing = || "TR_nothing".to_owned();
    let answer = |id| proto::SessionDescription {
        r#type: "answer".into(),
        sdp: "v=0\r\n".into(),
        id,
        ..Default::default()
    };
    vec![
        Asked::Answer(answer(0)),
        Asked::Answer(answer(77)),
        Asked::Mute(proto::MuteTrackRequest {
            sid: nothing(),
            muted: true,
        }),
        Asked::TrackSetting(proto::UpdateTrackSettings {
            track_sids: vec![nothing()],
            ..Default::default()
        }),
        Asked::Subscription(proto::UpdateSubscription {
            track_sids: vec![nothing()],
            subscribe: false,
            ..Default::default()
        }),
        Asked::UpdateAudioTrack(proto::UpdateLocalAudioTrack {
            track_sid: nothing(),
            features: vec![1; 1_000],
        }),
        Asked::UpdateVideoTrack(proto::UpdateLocalVideoTrack {
            track_sid: nothing(),
            ..Default::default()
        }),
        Asked::UpdateDataSubscription(proto::UpdateDataSubscription {
            updates: vec![proto::update_data_subscription::Update {
                track_sid: "DTR_nothing".into(),
                subscribe: true,
                ..Default::default()
            }],
        }),
        Asked::SyncState(proto::SyncState::default()),
        // A candidate for somebody else's session.
        Asked::Trickle(proto::TrickleRequest {
            candidate_init:
                r#"{"candidate":"candidate:1 1 udp 1 192.0.2.9 9 typ host ufrag other"}"#.into(),
            ..Default::default()
        }),
        Asked::Simulate(proto::SimulateScenario::default()),
    ]
}

#[test]
fn requests_out_of_turn_change_nothing() {
    for mut world in World::both() {
        let bert = world.enter("bert");
        // She has not offered anything yet. Nothing of hers is answered in the
        // other dialect, where an answer to the first offer is awaited.
        let anna = world.connect(grants("anna"), join());
        world.screen(anna).obliging = false;
        world.pass(Duration::from_secs(1));
        let (before, orders) = (told(&world, bert), world.orders.len());
        let dual = world.dialect == Dialect::DualPeer;
        for request in out_of_turn() {
            // An answer that can't be read to the offer that is out is a fault.
            if !(dual && matches!(request, Asked::Answer(_))) {
                world.ask(anna, request);
            }
        }
        world.pass(Duration::from_secs(1));
        assert_eq!(world.screen(anna).end, None);
        assert_eq!(world.orders.len(), orders, "the media plane is left alone");
        assert_eq!(told(&world, bert), before);
        let refusals = world.screen(anna).refusals().len();
        assert_eq!(refusals, 0, "LiveKit is silent about these, too");
    }
}

#[test]
fn a_session_that_never_joined_is_not_heard() {
    for (mut world, _, bert) in two() {
        let before = told(&world, bert);
        for request in out_of_turn() {
            let request = proto::SignalRequest {
                message: Some(request),
            };
            world.input(Input::Frame {
                session: SessionId(999),
                frame: Frame::Binary(request.encode_to_vec().into()),
            });
        }
        world.input(Input::Disconnect {
            session: SessionId(999),
        });
        assert_eq!(told(&world, bert), before);
    }
}

#[test]
fn unknown_tracks_published_anew_send_their_client_back_to_start() {
    for (mut world, anna, bert) in two() {
        let state = proto::SyncState {
            publish_tracks: vec![proto::TrackPublishedResponse {
                track: Some(proto::TrackInfo {
                    sid: "TR_mine".into(),
                    ..Default::default()
                }),
                ..Default::default()
            }],
            ..Default::default()
        };
        world.ask(anna, Asked::SyncState(state));
        assert_eq!(world.screen(anna).leaves()[0].action(), Action::Reconnect);
        assert_eq!(world.screen(bert).end, None);
    }
}

#[test]
fn ten_thousand_subscriptions_are_answered_within_bounds() {
    for (mut world, anna, bert) in two() {
        let before = told(&world, bert);
        let sids: Vec<String> = (0..10_000).map(|n| format!("TR_{n}")).collect();
        world.ask(
            anna,
            Asked::Subscription(proto::UpdateSubscription {
                track_sids: sids.clone(),
                subscribe: true,
                ..Default::default()
            }),
        );
        let answers: Vec<&proto::SubscriptionResponse> = world.screens[&anna]
            .told
            .iter()
            .filter_map(|told| match told {
                Told::SubscriptionResponse(response) => Some(response),
                _ => None,
            })
            .collect();
        assert_eq!(answers.len(), limits::SUBSCRIPTIONS_PER_PEER);
        let error = SubscriptionError::SeTrackNotfound;
        assert!(answers.iter().all(|answer| answer.err() == error));
        for sid in sids {
            world.ask(
                anna,
                Asked::Subscription(proto::UpdateSubscription {
                    track_sids: vec![sid],
                    subscribe: false,
                    ..Default::default()
                }),
            );
        }
        world.pass(Duration::from_secs(1));
        assert_eq!(told(&world, bert), before);
        assert_eq!(world.screen(anna).end, None);
    }
}

#[test]
fn attributes_fill_their_64_kilobytes_and_no_more() {
    for (mut world, anna, bert) in two() {
        let own: usize = "plenary.role".len() + "participant".len();
        let attribute = |id, key: String, length| {
            Asked::UpdateMetadata(proto::UpdateParticipantMetadata {
                request_id: id,
                attributes: [(key, "x".repeat(length))].into(),
                ..Default::default()
            })
        };
        let exact = limits::METADATA_BYTES - own - 1;
        world.ask(anna, attribute(1, "a".into(), exact));
        assert_eq!(world.screen(anna).refusals().len(), 0, "it fits exactly");
        world.ask(anna, attribute(2, "a".into(), exact + 1));
        // One by one they come to no more, either.
        for n in 0..10_000 {
            world.ask(anna, attribute(3, format!("{n:05}"), 100));
        }
        let refusals = world.screen(anna).refusals();
        assert_eq!(refusals.len(), 10_001);
        assert!(refusals.iter().all(|r| r.reason() == Reason::LimitExceeded));
        world.pass(Duration::from_secs(1));
        let me = world.screen(anna).me.clone();
        assert_eq!(world.screen(bert).roster[&me].attributes["a"].len(), exact);
    }
}

#[test]
fn offers_that_grow_without_end_end_their_session() {
    for (mut world, anna, bert) in two() {
        let camera = world.publish(bert, "cam", "video");
        let before = told(&world, bert);
        while world.screen(anna).end.is_none() {
            let sections = &mut world.screen(anna).sections;
            assert!(sections.len() <= limits::MEDIA_SECTIONS, "taken as it came");
            sections.extend((0..256).map(|_| Sketch::receive("audio")));
            world.offer(anna);
        }
        assert_eq!(world.screen(anna).end, Some(SessionEnd::ProtocolError));
        assert_eq!(world.screen(anna).leaves()[0].action(), Action::Disconnect);
        world.pass(Duration::from_secs(1));
        let info = world.screen(bert).roster.values().next().unwrap();
        assert_eq!(info.tracks[0].sid, camera, "bert goes on");
        assert!(
            told(&world, bert) < before + 4,
            "that she left, and no more"
        );
    }
}

#[test]
fn a_change_of_mind_without_end_does_not_flood_the_others() {
    for (mut world, anna, bert) in two() {
        for (cid, kind) in [("a", "audio"), ("b", "audio"), ("c", "video")] {
            world.publish(anna, cid, kind);
        }
        world.pass(Duration::from_secs(1));
        let before = told(&world, bert);
        for round in 0..5_000 {
            world.ask(anna, permission(round % 2 == 1));
            if round % 5 == 0 {
                world.pass(Duration::from_millis(1));
            }
        }
        // Three tracks, and whatever follows from each change for bert's sections.
        let heard = told(&world, bert) - before;
        assert!(heard <= TICKS * 3 * 2, "{heard} messages in a second");
        world.pass(Duration::from_secs(1));
        let last = world.screens[&bert].told.iter().rev();
        let allowed = last
            .filter_map(|told| match told {
                Told::SubscriptionPermissionUpdate(update) => Some(update.allowed),
                _ => None,
            })
            .next();
        assert_ne!(allowed, Some(false), "what was said last holds");
    }
}

#[test]
fn data_tracks_that_come_and_go_do_not_flood_the_others() {
    for mut world in World::both() {
        let anna = world.enter("anna");
        let listening = Join {
            auto_subscribe_data: true,
            ..join()
        };
        let bert = world.enter_as(grants("bert"), listening);
        world.pass(Duration::from_secs(1));
        let before = told(&world, bert);
        for round in 0..5_000 {
            let track = data_track(1, "pose");
            world.ask(anna, Asked::PublishDataTrackRequest(track));
            let request = proto::UnpublishDataTrackRequest { pub_handle: 1 };
            world.ask(anna, Asked::UnpublishDataTrackRequest(request));
            if round % 5 == 0 {
                world.pass(Duration::from_millis(1));
            }
        }
        let heard = told(&world, bert) - before;
        assert!(heard <= TICKS * 2, "{heard} messages in a second");
        let track = data_track(1, "pose");
        world.ask(anna, Asked::PublishDataTrackRequest(track));
        world.pass(Duration::from_millis(100));
        let last = world.screens[&bert].told.iter().rev();
        let handles = last
            .filter_map(|told| match told {
                Told::DataTrackSubscriberHandles(handles) => Some(handles.sub_handles.len()),
                _ => None,
            })
            .next();
        assert_eq!(handles, Some(1), "the last one is received");
    }
}

#[test]
fn long_words_are_not_passed_on() {
    for (mut world, anna, bert) in two() {
        let before = volume(&world, bert);
        let long = "w".repeat(100_000);
        world.ask(anna, Asked::AddTrack(add_track("cam", "video")));
        world
            .screen(anna)
            .sections
            .push(Sketch::send("video", &long));
        world.offer(anna);
        let named = |name: &str, encoding: &str| {
            let encoding = proto::data_track_schema_encoding::Value::Custom(encoding.to_owned());
            Some(proto::DataTrackSchemaId {
                name: name.to_owned(),
                encoding: Some(proto::DataTrackSchemaEncoding {
                    value: Some(encoding),
                }),
            })
        };
        let custom = proto::data_track_frame_encoding::Value::Custom(long.clone());
        let odd = [
            proto::PublishDataTrackRequest {
                schema: named(&long, ""),
                ..data_track(1, "a")
            },
            proto::PublishDataTrackRequest {
                schema: named("schema", &long),
                ..data_track(2, "b")
            },
            proto::PublishDataTrackRequest {
                frame_encoding: Some(proto::DataTrackFrameEncoding {
                    value: Some(custom),
                }),
                ..data_track(3, "c")
            },
        ];
        for request in odd {
            world.ask(anna, Asked::PublishDataTrackRequest(request));
        }
        let usual = proto::PublishDataTrackRequest {
            schema: named("schema", "text"),
            ..data_track(4, "d")
        };
        world.ask(anna, Asked::PublishDataTrackRequest(usual));
        world.pass(Duration::from_secs(1));
        let reasons: Vec<Reason> = world
            .screen(anna)
            .refusals()
            .iter()
            .map(|refusal| refusal.reason())
            .collect();
        assert_eq!(reasons, [Reason::InvalidRequest; 3]);
        let heard = volume(&world, bert) - before;
        assert!(heard < 20_000, "{heard} bytes for one picture");
        let me = world.screen(anna).me.clone();
        let seen = &world.screen(bert).roster[&me];
        assert_eq!((seen.tracks.len(), seen.data_tracks.len()), (1, 1));
    }
}

#[test]
fn a_format_that_is_offered_again_and_again_is_named_once() {
    for (mut world, anna, bert) in two() {
        world.ask(anna, Asked::AddTrack(add_track("cam", "video")));
        world
            .screen(anna)
            .sections
            .push(Sketch::send("video", "cam"));
        let mut offer = world.screen(anna).offer();
        let end = offer.sdp.rfind("m=video").unwrap();
        let section = offer.sdp.split_off(end);
        let profile = |number: u32, profile: &str| {
            format!(
                "a=rtpmap:{number} H264/90000\r\n\
                 a=fmtp:{number} packetization-mode=1;profile-level-id={profile}\r\n"
            )
        };
        let mut section = section.replace("96 97 102 103 98 99", "102 40 41 42 43 44");
        for (number, bits) in (40..).zip(["4d001f", "42e01f", "4d001f", "42e01f", "4d001f"]) {
            section.push_str(&profile(number, bits));
        }
        offer.sdp.push_str(&section);
        world.ask(anna, Asked::Offer(offer));
        world.pass(Duration::from_secs(1));
        let told = world.screens[&bert].told.iter().rev();
        let description = told
            .filter_map(|told| match told {
                Told::Answer(sdp) | Told::Offer(sdp) if sdp.sdp.contains("a=sendonly") => Some(sdp),
                _ => None,
            })
            .next()
            .expect("bert is to receive it");
        for line in description.sdp.lines().filter(|l| l.starts_with("m=video")) {
            let mut numbers: Vec<&str> = line.split(' ').skip(3).collect();
            let all = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), all, "{line}");
        }
        let published = world.commands().any(
            |command| matches!(command, Command::Publish { uplink, .. } if uplink.kind == Kind::Video),
        );
        assert!(published);
    }
}

#[test]
fn those_who_come_and_go_leave_little_behind() {
    for (mut world, _, bert) in two() {
        let resume = |world: &mut World, old: SessionId| {
            let resume = Some(Resume {
                participant_sid: world.screen(old).me.clone(),
                sync_state: None,
            });
            let new = world.connect(grants("bert"), Join { resume, ..join() });
            world.screen(new).me = world.screen(old).me.clone();
            new
        };
        let long = || Join {
            metadata: "m".repeat(limits::METADATA_BYTES / 2),
            ..join()
        };
        for _ in 0..300 {
            let guest = world.connect(grants("guest"), long());
            world.ask(guest, Asked::Leave(proto::LeaveRequest::default()));
            world.pass(Duration::from_millis(10));
        }
        let bert = resume(&mut world, bert);
        let caught_up = volume(&world, bert);
        assert!(caught_up < 200_000, "{caught_up} bytes to catch up");
    }
}
