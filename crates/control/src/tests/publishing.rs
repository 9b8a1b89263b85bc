//! Announcing, publishing, muting, unpublishing.

use std::time::Duration;

use livekit_protocol as proto;
use proto::request_response::Reason;
use protocol::{
    grants::Source,
    limits,
    media::{Codec, Kind, Tag},
    plane::Command,
};

use super::{
    sketch::Sketch,
    world::{Asked, Told, World, add_track, grants, join},
};

#[test]
fn a_camera_is_announced_once_its_section_is_there() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    world.ask(anna, Asked::AddTrack(add_track("cam", "video")));
    world.pass(Duration::from_secs(1));
    assert_eq!(world.screen(bert).sees(), [("anna", 0), ("bert", 0)]);
    world
        .screen(anna)
        .sections
        .push(Sketch::send("video", "cam"));
    world.offer(anna);
    world.pass(Duration::from_millis(60));
    assert_eq!(world.screen(bert).sees(), [("anna", 1), ("bert", 0)]);
    assert_eq!(world.screen(anna).directions().last(), Some(&"recvonly"));

    let me = world.screen(anna).me.clone();
    let track = world.screen(bert).roster[&me].tracks[0].clone();
    assert!(track.sid.starts_with("TR_"));
    assert_eq!(
        (track.mime_type.as_str(), track.mid.as_str()),
        ("video/VP8", "7")
    );
    assert_eq!(
        (track.width, track.height, track.codecs[0].layers.len()),
        (1280, 720, 3)
    );
    let uplink = world
        .commands()
        .find_map(|c| match c {
            Command::Publish { uplink, .. } => Some(uplink.clone()),
            _ => None,
        })
        .unwrap();
    assert_eq!(
        (uplink.kind, uplink.mid),
        (Kind::Video, Tag::new(b"7").unwrap())
    );
    let rids: Vec<String> = uplink
        .encodings
        .iter()
        .map(|e| e.rid.unwrap().to_string())
        .collect();
    assert_eq!(rids, ["q", "h", "f"]);
}

#[test]
fn trap_11_the_offer_may_come_before_the_announcement() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let sections = [
        Sketch::send("audio", "mic"),
        Sketch::send("video", "screen"),
        Sketch::send("video", "cam"),
    ];
    world.screen(anna).sections.extend(sections);
    world.offer(anna);
    assert_eq!(world.screen(anna).directions()[6..], ["recvonly"; 3]);
    assert!(
        !world
            .commands()
            .any(|c| matches!(c, Command::Publish { .. }))
    );
    for (cid, kind) in [("cam", "video"), ("mic", "audio"), ("screen", "video")] {
        world.ask(anna, Asked::AddTrack(add_track(cid, kind)));
    }
    world.pass(Duration::from_millis(60));
    assert_eq!(world.screen(bert).sees()[0], ("anna", 3));
    let mids: Vec<String> = world
        .commands()
        .filter_map(|c| match c {
            Command::Publish { uplink, .. } => Some(uplink.mid.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(mids, ["9", "7", "8"], "each by its own id");
}

#[test]
fn other_ids_in_the_description_are_matched_by_kind() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    world.ask(anna, Asked::AddTrack(add_track("one", "audio")));
    world
        .screen(anna)
        .sections
        .push(Sketch::send("audio", "{other}"));
    world.offer(anna);
    world.pass(Duration::from_millis(60));
    let me = world.screen(anna).me.clone();
    let track = &world.screen(bert).roster[&me].tracks[0];
    assert_eq!(track.codecs[0].sdp_cid, "{other}");
}

#[test]
fn mute_is_told_to_all_and_to_the_plane() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let sid = world.publish(anna, "mic", "audio");
    for muted in [true, true, false] {
        world.ask(
            anna,
            Asked::Mute(proto::MuteTrackRequest {
                sid: sid.clone(),
                muted,
            }),
        );
        world.pass(Duration::from_millis(60));
        let me = world.screen(anna).me.clone();
        assert_eq!(world.screen(bert).roster[&me].tracks[0].muted, muted);
    }
    let orders: Vec<bool> = world
        .commands()
        .filter_map(|c| match c {
            Command::MuteTrack { muted, .. } => Some(*muted),
            _ => None,
        })
        .collect();
    assert_eq!(orders, [true, false]);
    // Nobody mutes another's track.
    world.ask(
        bert,
        Asked::Mute(proto::MuteTrackRequest { sid, muted: true }),
    );
    assert_eq!(
        world
            .commands()
            .filter(|c| matches!(c, Command::MuteTrack { .. }))
            .count(),
        2
    );
}

#[test]
fn a_track_that_is_announced_muted_starts_muted() {
    let mut world = World::new();
    let anna = world.enter("anna");
    world.ask(
        anna,
        Asked::AddTrack(proto::AddTrackRequest {
            muted: true,
            ..add_track("mic", "audio")
        }),
    );
    world
        .screen(anna)
        .sections
        .push(Sketch::send("audio", "mic"));
    world.offer(anna);
    let tail: Vec<_> = world
        .commands()
        .skip_while(|c| !matches!(c, Command::Publish { .. }))
        .collect();
    assert!(matches!(
        tail[..],
        [_, Command::MuteTrack { muted: true, .. }]
    ));
}

#[test]
fn trap_12_a_section_that_falls_silent_ends_its_track() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    world.publish(anna, "cam", "video");
    world.unpublish(anna, "cam");
    assert_eq!(world.screen(bert).sees()[0], ("anna", 0));
    assert!(
        world
            .commands()
            .any(|c| matches!(c, Command::Unpublish { .. }))
    );
    assert!(
        world
            .commands()
            .any(|c| matches!(c, Command::Unsubscribe { .. }))
    );
    assert_eq!(world.control.stats().tracks, 0);
}

#[test]
fn the_right_to_publish_is_checked() {
    let mut world = World::new();
    let mut viewer = grants("viewer");
    viewer.can_publish = false;
    let viewer = world.enter_as(viewer, join());
    let mut speaker = grants("speaker");
    speaker.can_publish_sources = vec![Source::Microphone];
    let speaker = world.enter_as(speaker, join());

    world.ask(viewer, Asked::AddTrack(add_track("cam", "video")));
    world.ask(speaker, Asked::AddTrack(add_track("cam", "video")));
    world.ask(speaker, Asked::AddTrack(add_track("mic", "audio")));
    assert_eq!(
        world.screen(viewer).refusals()[0].reason(),
        Reason::NotAllowed
    );
    assert_eq!(world.screen(speaker).refusals().len(), 1);
    assert!(
        world
            .screen(speaker)
            .told
            .iter()
            .any(|t| matches!(t, Told::TrackPublished(_)))
    );
    // Without the right, even an unannounced section gets nowhere.
    world
        .screen(viewer)
        .sections
        .push(Sketch::send("video", "cam"));
    world.offer(viewer);
    assert_eq!(world.screen(viewer).directions().last(), Some(&"inactive"));
}

#[test]
fn ten_thousand_announcements_are_bounded() {
    let mut world = World::new();
    let anna = world.enter("anna");
    for n in 0..10_000 {
        world.ask(anna, Asked::AddTrack(add_track(&format!("t{n}"), "audio")));
    }
    let published = world
        .screen(anna)
        .told
        .iter()
        .filter(|t| matches!(t, Told::TrackPublished(_)));
    assert_eq!(published.count(), limits::TRACKS_PER_PARTICIPANT);
    assert_eq!(
        world.screen(anna).refusals()[0].reason(),
        Reason::LimitExceeded
    );
    assert_eq!(world.control.stats().tracks, limits::TRACKS_PER_PARTICIPANT);
    // What never gets a section does not use up the limit for ever.
    world.live(31);
    assert_eq!(world.control.stats().tracks, 0);
}

#[test]
fn odd_announcements_are_refused() {
    let mut world = World::new();
    let anna = world.enter("anna");
    let base = || add_track("x", "video");
    for request in [
        proto::AddTrackRequest {
            r#type: 2,
            ..base()
        },
        proto::AddTrackRequest {
            sid: "TR_old".into(),
            ..base()
        },
        proto::AddTrackRequest {
            name: "n".repeat(limits::NAME_BYTES + 1),
            ..base()
        },
    ] {
        world.ask(anna, Asked::AddTrack(request));
    }
    assert_eq!(world.screen(anna).refusals().len(), 3);
    assert_eq!(world.control.stats().tracks, 0);
    // The same announcement twice is one track.
    world.ask(anna, Asked::AddTrack(base()));
    world.ask(anna, Asked::AddTrack(base()));
    assert_eq!(world.control.stats().tracks, 1);
}

#[test]
fn the_announced_codec_is_the_one_agreed_on() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    for (cid, codec) in [("a", "h264"), ("b", "vp9")] {
        let codecs = vec![proto::SimulcastCodec {
            codec: codec.into(),
            cid: cid.into(),
            ..Default::default()
        }];
        let request = proto::AddTrackRequest {
            simulcast_codecs: codecs,
            ..add_track(cid, "video")
        };
        world.ask(anna, Asked::AddTrack(request));
        world.screen(anna).sections.push(Sketch::send("video", cid));
    }
    world.offer(anna);
    world.pass(Duration::from_millis(60));
    let me = world.screen(anna).me.clone();
    let mimes: Vec<String> = world.screen(bert).roster[&me]
        .tracks
        .iter()
        .map(|t| t.mime_type.clone())
        .collect();
    assert_eq!(mimes, ["video/H264", "video/VP9"]);
    let counts: Vec<usize> = world
        .commands()
        .filter_map(|c| match c {
            Command::Publish { uplink, .. } => Some(uplink.encodings.len()),
            _ => None,
        })
        .collect();
    assert_eq!(counts, [3, 1], "scalable codecs come as one stream");
    let sdp = &world.screen(anna).answer().sdp;
    assert!(sdp.contains("m=video 9 UDP/TLS/RTP/SAVPF 102 103\r\n"));
    assert!(sdp.contains("m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\n"));
    // Native clients describe several for scalable codecs too, and need the
    // answer to have them.
    assert_eq!(sdp.matches("a=simulcast:recv").count(), 2);
    assert_eq!(Codec::H264.kind(), Kind::Video);
}

#[test]
fn publishing_again_and_again_reuses_what_the_client_reuses() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    world.publish(anna, "c0", "video");
    let length = world.screen(anna).answer().sdp.len();
    let sections = world.screen(bert).sections.len();
    for n in 1..=500 {
        world.unpublish(anna, &format!("c{}", n - 1));
        let cid = format!("c{n}");
        world.ask(anna, Asked::AddTrack(add_track(&cid, "video")));
        // The client puts the new track into the old section.
        *world.screen(anna).sections.last_mut().unwrap() = Sketch::send("video", &cid);
        world.offer(anna);
        world.pass(Duration::from_millis(60));
        world.screen(anna).told.truncate(1);
    }
    world.offer(anna);
    assert!(world.screen(anna).answer().sdp.len().abs_diff(length) < 40);
    assert_eq!(
        world.screen(bert).sections.len(),
        sections,
        "nor does the subscriber's grow"
    );
    assert_eq!(world.screen(bert).sees()[0], ("anna", 1));
    assert!(world.screen(bert).directions().contains(&"sendonly"));
}
