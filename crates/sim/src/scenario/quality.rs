//! What arrives, and how well: losses and repair, layers, codecs.

use std::time::Duration;

use client::{
    Action, AudioFeed, Feed, PublicationKey, Quality, Setting, TrackStats, VideoCodec, VideoFeed,
};
use protocol::grants::Source;

use super::{CAMERA, CLEAN_AUDIO, CLEAN_VIDEO, Facts, MICROPHONE, arrive, millis, seconds, watch};
use crate::{
    network::{LinkConfig, Path},
    oracle,
    person::PersonId,
    world::{JoinOptions, World},
};

/// With 5 % loss on each of two hops one packet of sound in ten is lost and
/// nothing repairs it: six in a row have a chance of one in a million.
const LOSSY_AUDIO: Duration = millis(200);
/// A lost packet comes again after its NACK, 50 ms round trip later; the
/// repair may be lost as well, and so may its NACK, several times.
const LOSSY_VIDEO: Duration = millis(900);

pub(super) fn loss(world: &mut World, facts: &mut Facts) {
    // They join on clean lines: sctp-proto reads the real clock for the first
    // of its timers, so that an INIT that is lost is not the seed's any more.
    let ann = arrive(world, "room", "ann", JoinOptions::default());
    let bob = arrive(world, "room", "bob", JoinOptions::default());
    world.run_for(seconds(3));
    for id in [ann, bob] {
        world.set_link(id, LinkConfig::both(Path::bad(50)));
    }
    world.run_for(seconds(3));
    watch(world, seconds(20), LOSSY_AUDIO, LOSSY_VIDEO);
    for (name, at, of) in [("ann", ann, bob), ("bob", bob, ann)] {
        let Some(stats) = camera_stats(world, at, of) else {
            continue;
        };
        facts.set(&format!("frames at {name}"), stats.frames);
        facts.set(&format!("unrepaired packets at {name}"), stats.lost);
        facts.millis(&format!("longest gap at {name} in ms"), stats.longest_gap);
        facts.set(&format!("key frames at {name}"), stats.key_frames);
        facts.set(&format!("key frames asked for by {name}"), stats.requests);
        // 26 s of 15 frames; repair leaves next to nothing lost.
        if stats.frames < 26 * 15 * 8 / 10 {
            world.fail(format!("only {} frames at {name}", stats.frames));
        }
        if stats.lost * 100 > stats.packets {
            let (lost, packets) = (stats.lost, stats.packets);
            world.fail(format!(
                "{lost} of {packets} packets not repaired at {name}"
            ));
        }
    }
}

/// Joining over lines that lose every tenth packet takes a while, no more.
/// Not the same from run to run: see [`loss`].
pub(super) fn lossy_join(world: &mut World, facts: &mut Facts) {
    let options = JoinOptions {
        link: LinkConfig::both(Path::bad(100)),
        ..JoinOptions::default()
    };
    let ann = arrive(world, "room", "ann", options);
    let bob = arrive(world, "room", "bob", options);
    let mut waited = Duration::ZERO;
    while waited < seconds(12) && !oracle::rosters(world).is_empty() {
        world.run_for(millis(100));
        waited += millis(100);
    }
    facts.millis("ms until all were connected", waited);
    for id in [ann, bob] {
        world.set_link(id, LinkConfig::CLEAN);
    }
    world.run_for(seconds(3));
    watch(world, seconds(3), CLEAN_AUDIO, CLEAN_VIDEO);
}

fn camera_stats(world: &World, at: PersonId, of: PersonId) -> Option<TrackStats> {
    let track = world.person(of)?.client.published(PublicationKey(CAMERA))?;
    world.person(at)?.client.stats(track)
}

pub(super) fn layers(world: &mut World, facts: &mut Facts) {
    let ann = world.join("room", "ann", JoinOptions::default());
    let camera = Feed::Video(VideoFeed::camera());
    world.publish(ann, CAMERA, Source::Camera, camera);
    let bob = world.join("room", "bob", JoinOptions::default());
    let cleo = world.join("room", "cleo", JoinOptions::default());
    world.run_for(seconds(4));
    watch(world, seconds(2), CLEAN_AUDIO, CLEAN_VIDEO);
    expect_layer(world, bob, ann, 2);
    let walk = [
        (Setting::Quality(Quality::Low), 0),
        (Setting::Quality(Quality::High), 2),
        (Setting::Quality(Quality::Medium), 1),
        (
            Setting::Size {
                width: 320,
                height: 180,
            },
            0,
        ),
        (
            Setting::Size {
                width: 1280,
                height: 720,
            },
            2,
        ),
        (
            Setting::Size {
                width: 640,
                height: 360,
            },
            1,
        ),
    ];
    for (setting, layer) in walk {
        set(world, bob, ann, setting);
        // A switch never stops the picture: the old layer goes on until the new one has a key frame.
        world.begin_window();
        world.run_for(seconds(2));
        let wrong = oracle::flows(world, CLEAN_AUDIO, CLEAN_VIDEO);
        world.fail_all(wrong);
        expect_layer(world, bob, ann, layer);
        // What bob wants is nothing to cleo.
        expect_layer(world, cleo, ann, 2);
    }
    set(world, bob, ann, Setting::Disabled);
    world.run_for(seconds(1));
    let before = camera_stats(world, bob, ann).map_or(0, |s| s.packets);
    world.run_for(seconds(2));
    let after = camera_stats(world, bob, ann).map_or(0, |s| s.packets);
    if after > before {
        world.fail(format!(
            "{} packets though the track is disabled",
            after - before
        ));
    }
    set(world, bob, ann, Setting::Quality(Quality::High));
    world.run_for(seconds(2));
    watch(world, seconds(1), CLEAN_AUDIO, CLEAN_VIDEO);
    expect_layer(world, bob, ann, 2);
    if let Some(stats) = camera_stats(world, bob, ann) {
        facts.set("switches", stats.switches);
        facts.set("key frames at bob", stats.key_frames);
        facts.set("picture id jumps", stats.picture_id_jumps);
    }
}

fn set(world: &mut World, at: PersonId, of: PersonId, setting: Setting) {
    let track = world
        .person(of)
        .and_then(|p| p.client.published(PublicationKey(CAMERA)))
        .map(str::to_owned);
    match track {
        Some(track) => world.act(at, Action::Set { track, setting }),
        None => world.fail("no camera to set"),
    }
}

fn expect_layer(world: &mut World, at: PersonId, of: PersonId, layer: u8) {
    let seen = camera_stats(world, at, of).and_then(|s| s.layer);
    if seen != Some(layer) {
        world.fail(format!("{at:?} gets layer {seen:?} instead of {layer}"));
    }
}

pub(super) fn selective(world: &mut World, facts: &mut Facts) {
    let ann = world.join("room", "ann", JoinOptions::default());
    let camera = Feed::Video(VideoFeed::camera());
    world.publish(ann, CAMERA, Source::Camera, camera);
    let by_hand = JoinOptions {
        auto_subscribe: false,
        browser: false,
        ..JoinOptions::default()
    };
    let bob = world.join("room", "bob", by_hand);
    let adaptive = JoinOptions {
        adaptive_stream: true,
        ..JoinOptions::default()
    };
    let cleo = world.join("room", "cleo", adaptive);
    world.run_for(seconds(4));
    watch(world, seconds(1), CLEAN_AUDIO, CLEAN_VIDEO);
    expect_layer(world, cleo, ann, 0);
    set(
        world,
        cleo,
        ann,
        Setting::Size {
            width: 1280,
            height: 720,
        },
    );
    world.run_for(seconds(2));
    expect_layer(world, cleo, ann, 2);

    let subscribed = |world: &World| {
        world
            .person(bob)
            .map_or(0, |p| p.client.subscribed().count())
    };
    let sections = |world: &World| world.person(bob).map_or(0, |p| p.client.sections());
    let track = world
        .person(ann)
        .and_then(|p| p.client.published(PublicationKey(CAMERA)));
    let Some(track) = track.map(str::to_owned) else {
        return world.fail("no camera");
    };
    let mut before = 0;
    for subscribe in [true, false, true, false, true, false, true] {
        let frames = camera_stats(world, bob, ann).map_or(0, |s| s.frames);
        world.act(
            bob,
            Action::Subscribe {
                track: track.clone(),
                subscribe,
            },
        );
        world.run_for(seconds(2));
        let now = camera_stats(world, bob, ann).map_or(0, |s| s.frames);
        if subscribed(world) != usize::from(subscribe) || (subscribe && now < frames + 30) {
            world.fail(format!(
                "subscribe {subscribe}: {frames} frames before, {now} after"
            ));
        }
        if before == 0 {
            // The first may need a new one: spare ones of native clients are not used.
            before = sections(world);
        }
    }
    if sections(world) != before {
        world.fail(format!("{} sections grew to {}", before, sections(world)));
    }
    facts.set("sections", u64::try_from(before).unwrap_or(0));
    let wrong = oracle::conformance(world);
    world.fail_all(wrong);
}

pub(super) fn codecs(world: &mut World, facts: &mut Facts) {
    let feeds = [
        (
            "vp8-t3",
            VideoFeed {
                temporal_layers: 3,
                ..VideoFeed::camera()
            },
        ),
        (
            "h264",
            VideoFeed {
                codec: VideoCodec::H264,
                ..VideoFeed::camera()
            },
        ),
        (
            "h264-one",
            VideoFeed {
                codec: VideoCodec::H264,
                ..VideoFeed::thumbnail()
            },
        ),
    ];
    for (name, feed) in feeds {
        let id = world.join("room", name, JoinOptions::default());
        world.publish(
            id,
            MICROPHONE,
            Source::Microphone,
            Feed::Audio(AudioFeed::VOICE),
        );
        world.publish(id, CAMERA, Source::Camera, Feed::Video(feed));
    }
    world.run_for(seconds(5));
    watch(world, seconds(5), CLEAN_AUDIO, CLEAN_VIDEO);
    let first = world
        .people()
        .first()
        .map(|p| p.client.subscribed().count());
    facts.set(
        "tracks at the first",
        u64::try_from(first.unwrap_or(0)).unwrap_or(0),
    );
}
