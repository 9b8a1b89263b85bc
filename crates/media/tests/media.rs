//! Sound and pictures from `str0m` through the plane to `str0m`.

#![expect(
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic, and looks for the events it is about"
)]

mod common;

use std::time::Duration;

use common::{Packet, Rtp, World, audio, down_ssrc, server, simulcast, video};
use protocol::{
    ids::{SlotId, TrackId},
    media::{Kind, Wish},
    plane::{Command, Event},
};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Two clients on the given shards; the first publishes sound as track 1 and
/// a picture as track 2, to which the second subscribes.
fn call(shards: u16, from: u16, to: u16) -> World {
    let mut world = World::new(shards);
    let (a, b) = (world.join(from), world.join(to));
    world.connect();
    world.publish(a, 1, Kind::Audio);
    world.publish(a, 2, Kind::Video);
    world.subscribe(b, 1, from, Kind::Audio);
    world.subscribe(b, 2, from, Kind::Video);
    world
}

/// Sends packets at 20 ms and 40 ms for some time.
fn talk(world: &mut World, client: usize, numbers: std::ops::Range<u16>) {
    for n in numbers {
        world.write(client, audio(1, n));
        if n.is_multiple_of(2) {
            world.write(client, video(2, n / 2));
        }
        world.run_for(20 * MS);
    }
}

/// What a client received of a track: sequence numbers and payloads.
fn received(world: &World, client: usize, track: u64) -> Vec<(u64, Vec<u8>)> {
    let mut packets: Vec<_> = world.clients[client]
        .received
        .iter()
        .filter(|p| *p.header.ssrc == down_ssrc(track))
        .map(|p| (*p.seq_no, p.payload.to_vec()))
        .collect();
    packets.sort();
    packets.dedup();
    packets
}

fn payloads_of(packets: &[(u64, Vec<u8>)]) -> Vec<&[u8]> {
    packets
        .iter()
        .map(|(_, payload)| payload.as_slice())
        .collect()
}

fn is_gapless(packets: &[(u64, Vec<u8>)]) -> bool {
    packets.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1)
}

/// The number that [`video`] wrote behind the payload header.
fn picture_number(payload: &[u8]) -> u16 {
    u16::from_be_bytes([payload[15], payload[16]])
}

#[test]
fn sound_and_picture_arrive_whole() {
    let mut world = call(1, 0, 0);
    talk(&mut world, 0, 0..200);
    world.run_for(SECOND);
    let sound = received(&world, 1, 1);
    assert_eq!(sound.len(), 200);
    assert!(is_gapless(&sound));
    let expected: Vec<_> = (0..200).map(|n| audio(1, n).payload).collect();
    assert_eq!(payloads_of(&sound), expected);
    let pictures = received(&world, 1, 2);
    assert_eq!(pictures.len(), 100);
    assert!(is_gapless(&pictures));
    let stats = world.shards[0].stats();
    assert_eq!(stats.packets_in, 300);
    assert_eq!(stats.packets_forwarded, 300);
    assert_eq!(stats.repairs_sent, 0);
    assert_eq!(stats.dropped.rtp_unknown_stream, 0);
}

#[test]
fn timestamps_and_levels_are_kept() {
    let mut world = call(1, 0, 0);
    talk(&mut world, 0, 0..20);
    world.run_for(SECOND);
    let sound: Vec<_> = world.clients[1]
        .received
        .iter()
        .filter(|p| *p.header.ssrc == down_ssrc(1))
        .collect();
    for pair in sound.windows(2) {
        let step = pair[1]
            .header
            .timestamp
            .wrapping_sub(pair[0].header.timestamp);
        assert_eq!(step, 960);
    }
    assert!(
        sound
            .iter()
            .all(|p| p.header.ext_vals.audio_level == Some(-20))
    );
}

#[test]
fn losses_on_the_way_up_are_repaired() {
    let mut world = call(1, 0, 0);
    lose_media_from(&mut world, ([192, 0, 2, 1], 5000).into(), 10);
    talk(&mut world, 0, 0..400);
    world.run_for(SECOND);
    let pictures = received(&world, 1, 2);
    let numbers: Vec<_> = pictures.iter().map(|(_, p)| picture_number(p)).collect();
    // What is lost just before a key frame, or last of all, stays lost.
    let expected = (0..200).filter(|n| n % 100 != 99 || numbers.contains(n));
    assert_eq!(numbers, expected.collect::<Vec<_>>());
}

#[test]
fn losses_on_the_way_down_are_repaired() {
    let mut world = call(1, 0, 0);
    lose_media_from(&mut world, server(), 10);
    talk(&mut world, 0, 0..400);
    world.run_for(SECOND);
    let pictures = received(&world, 1, 2);
    let numbers: Vec<_> = pictures.iter().map(|(_, p)| picture_number(p)).collect();
    assert_eq!(numbers, (0..200).collect::<Vec<_>>());
    assert!(world.shards[0].stats().repairs_sent > 10);
}

/// Loses every `nth` large packet, which only pictures are.
fn lose_media_from(world: &mut World, source: std::net::SocketAddr, nth: u32) {
    let mut n = 0_u32;
    world.lose = Box::new(move |packet: &Packet| {
        let is_picture = packet.source == source && packet.bytes.len() > 800;
        n += u32::from(is_picture);
        is_picture && n.is_multiple_of(nth)
    });
}

#[test]
fn two_shards_are_as_one() {
    let run = |shards, from, to| {
        let mut world = call(shards, from, to);
        talk(&mut world, 0, 0..100);
        world.run_for(SECOND);
        let sound = received(&world, 1, 1);
        let pictures = received(&world, 1, 2);
        assert!(is_gapless(&sound) && is_gapless(&pictures));
        let strip = |packets: Vec<(u64, Vec<u8>)>| -> Vec<Vec<u8>> {
            packets
                .into_iter()
                .map(|(_, payload)| payload[5..].to_vec())
                .collect()
        };
        (strip(sound), strip(pictures))
    };
    let one = run(1, 0, 0);
    assert_eq!((one.0.len(), one.1.len()), (100, 50));
    assert_eq!(one, run(2, 0, 1));
    assert_eq!(one, run(3, 2, 1));
}

#[test]
fn a_packet_crosses_to_a_shard_once() {
    let mut world = World::new(2);
    let publisher = world.join(0);
    let others: Vec<_> = (0..4).map(|_| world.join(1)).collect();
    world.connect();
    world.publish(publisher, 1, Kind::Audio);
    for client in &others {
        world.subscribe(*client, 1, 0, Kind::Audio);
    }
    for n in 0..50 {
        world.write(publisher, audio(1, n));
        world.run_for(20 * MS);
    }
    world.run_for(SECOND);
    for client in others {
        assert_eq!(received(&world, client, 1).len(), 50);
    }
    assert_eq!(world.shards[0].stats().packets_to_shards, 50);
    assert_eq!(world.shards[1].stats().packets_forwarded, 200);
}

#[test]
fn a_subscription_may_come_before_its_track() {
    let mut world = World::new(2);
    let (a, b, c) = (world.join(0), world.join(0), world.join(1));
    world.connect();
    world.subscribe(b, 1, 0, Kind::Audio);
    world.subscribe(c, 1, 0, Kind::Audio);
    world.run_for(SECOND);
    world.publish(a, 1, Kind::Audio);
    for n in 0..50 {
        world.write(a, audio(1, n));
        world.run_for(20 * MS);
    }
    world.run_for(SECOND);
    assert_eq!(received(&world, b, 1).len(), 50);
    assert_eq!(received(&world, c, 1).len(), 50);
}

#[test]
fn a_decoder_in_need_reaches_the_encoder_across_shards() {
    let mut world = call(2, 0, 1);
    talk(&mut world, 0, 0..50);
    let before = world.clients[0].key_frame_requests;
    world.clients[1].ask_key_frame(down_ssrc(2));
    world.clients[1].wake = world.now;
    world.run_for(SECOND);
    assert!(world.clients[0].key_frame_requests > before);
}

#[test]
fn whoever_is_not_connected_yet_needs_no_key_frame() {
    let mut world = call(1, 0, 0);
    talk(&mut world, 0, 0..50);
    let before = world.shards[0].stats().key_frames_requested;
    // Nobody answers this one's checks, so it stays where it is.
    let late = world.join(0);
    world.clients[late].dead = true;
    world.subscribe(late, 2, 0, Kind::Video);
    talk(&mut world, 0, 50..150);
    assert_eq!(world.shards[0].stats().key_frames_requested, before);
    // It wants no picture for a moment, then one again.
    for wish in [Wish::Paused, Wish::BEST] {
        world.order(late, |peer| Command::ChangeWish {
            peer,
            slot: SlotId(2),
            wish,
        });
    }
    talk(&mut world, 0, 150..200);
    assert_eq!(world.shards[0].stats().key_frames_requested, before);
}

#[test]
fn many_in_need_make_one_request() {
    let mut world = World::new(1);
    let publisher = world.join(0);
    let others: Vec<_> = (0..5).map(|_| world.join(0)).collect();
    world.connect();
    world.publish(publisher, 2, Kind::Video);
    for client in &others {
        world.subscribe(*client, 2, 0, Kind::Video);
    }
    for n in 0..30 {
        world.write(publisher, video(2, n));
        world.run_for(30 * MS);
    }
    let before = world.shards[0].stats().key_frames_requested;
    for client in others {
        world.clients[client].ask_key_frame(down_ssrc(2));
        world.clients[client].wake = world.now;
    }
    world.run_for(200 * MS);
    assert_eq!(world.shards[0].stats().key_frames_requested, before + 1);
}

#[test]
fn an_encoding_is_chosen_and_changed() {
    for (shards, to) in [(1, 0), (2, 1)] {
        choose_and_change(shards, to);
    }
}

fn choose_and_change(shards: u16, to: u16) {
    let mut world = World::new(shards);
    let (a, b) = (world.join(0), world.join(to));
    world.connect();
    world.publish_simulcast(a, 3);
    let low = Wish::UpTo {
        encoding: 0,
        temporal: u8::MAX,
    };
    world.subscribe_with(b, 3, 0, Kind::Video, low);
    let send = |world: &mut World, numbers: std::ops::Range<u16>| {
        for n in numbers {
            for encoding in 0..3 {
                world.write(a, simulcast(3, encoding, n, n.is_multiple_of(50)));
            }
            world.run_for(33 * MS);
        }
    };
    send(&mut world, 0..50);
    let first = received(&world, b, 3);
    assert!(first.len() >= 45, "{} pictures", first.len());
    assert!(first.iter().all(|(_, payload)| payload.last() == Some(&0)));
    let mut started: Vec<_> = world
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::EncodingStarted { encoding, .. } => Some(*encoding),
            _ => None,
        })
        .collect();
    started.sort_unstable();
    assert_eq!(started, [0, 1, 2]);
    world.order(b, |peer| Command::ChangeWish {
        peer,
        slot: SlotId(3),
        wish: Wish::BEST,
    });
    send(&mut world, 50..100);
    world.run_for(SECOND);
    let all = received(&world, b, 3);
    assert!(is_gapless(&all));
    let best = all.iter().filter(|(_, p)| p.last() == Some(&2)).count();
    assert!(best >= 45, "{best} pictures of the best encoding");
    assert!(all.iter().all(|(_, p)| p.last() != Some(&1)));
}

#[test]
fn a_muted_track_is_not_forwarded() {
    for (shards, to) in [(1, 0), (2, 1)] {
        let mut world = call(shards, 0, to);
        talk(&mut world, 0, 0..20);
        world.run_for(SECOND);
        let count = received(&world, 1, 1).len();
        let mute = |muted| {
            move |peer| Command::MuteTrack {
                peer,
                track: TrackId(1),
                muted,
            }
        };
        world.order(0, mute(true));
        talk(&mut world, 0, 20..40);
        world.run_for(SECOND);
        assert_eq!(received(&world, 1, 1).len(), count);
        world.order(0, mute(false));
        talk(&mut world, 0, 40..60);
        world.run_for(SECOND);
        let sound = received(&world, 1, 1);
        assert_eq!(sound.len(), count + 20);
        assert!(is_gapless(&sound), "nobody asks for what was muted");
    }
}

#[test]
fn levels_and_quality_are_reported() {
    let mut world = call(1, 0, 0);
    talk(&mut world, 0, 0..500);
    let levels: Vec<_> = world
        .events
        .iter()
        .filter_map(|(at, event)| match event {
            Event::Levels { levels } => Some((*at, levels[0])),
            _ => None,
        })
        .collect();
    assert!((45..=51).contains(&levels.len()), "{}", levels.len());
    assert_eq!(levels[3].1.track, TrackId(1));
    assert_eq!(levels[3].1.level, 20);
    assert!(levels[3].1.voiced_percent >= 90);
    let quality: Vec<_> = world
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Quality { peer, quality } => Some((*peer, *quality)),
            _ => None,
        })
        .collect();
    assert!(quality.len() >= 4);
    assert!(quality.iter().all(|(_, q)| q.uplink_loss_permille == 0));
    let last = quality
        .iter()
        .rfind(|(peer, _)| *peer == world.clients[1].peer);
    let round_trip = last.unwrap().1.round_trip_ms;
    assert!((18..=25).contains(&round_trip), "{round_trip} ms");
}

#[test]
fn quiet_reports_nothing() {
    let mut world = call(1, 0, 0);
    world.run_for(10 * SECOND);
    let levels = |event: &Event| matches!(event, Event::Levels { .. });
    assert!(!world.events.iter().any(|(_, event)| levels(event)));
}

#[test]
fn what_ends_leaves_nothing_behind() {
    let mut world = call(2, 0, 1);
    talk(&mut world, 0, 0..20);
    world.order(1, |peer| Command::Unsubscribe {
        peer,
        slot: SlotId(1),
    });
    world.order(0, |peer| Command::Unpublish {
        peer,
        track: TrackId(1),
    });
    talk(&mut world, 0, 20..40);
    assert_eq!(world.shards[0].stats().tracks, 1);
    assert_eq!(world.shards[1].stats().tracks, 1);
    for client in 0..2 {
        world.order(client, |peer| Command::ClosePeer { peer });
    }
    world.run_for(SECOND);
    for shard in &world.shards {
        let stats = shard.stats();
        let gauges = [
            stats.peers,
            stats.tracks,
            stats.subscriptions,
            stats.addresses,
        ];
        assert_eq!(gauges, [0; 4]);
    }
}

#[test]
fn the_same_ssrc_is_never_used_twice() {
    let mut world = call(1, 0, 0);
    talk(&mut world, 0, 0..10);
    world.order(1, |peer| Command::Unsubscribe {
        peer,
        slot: SlotId(1),
    });
    let before = world.shards[0].stats().dropped.commands;
    world.clients[1]
        .rtc
        .direct_api()
        .remove_stream_rx(down_ssrc(1).into());
    world.subscribe(1, 1, 0, Kind::Audio);
    assert_eq!(world.shards[0].stats().dropped.commands, before + 1);
}

#[test]
fn sender_reports_come_early_and_name_the_publisher() {
    let mut world = call(1, 0, 0);
    talk(&mut world, 0, 0..100);
    world.run_for(SECOND);
    let reported = world.clients[1]
        .received
        .iter()
        .filter(|p| p.last_sender_info.is_some())
        .count();
    assert!(reported > 50, "{reported} packets after a sender report");
}

#[test]
fn strange_streams_are_counted() {
    let mut world = call(1, 0, 0);
    let stray = Rtp {
        payload_type: common::OPUS,
        ..audio(1, 0)
    };
    talk(&mut world, 0, 0..5);
    world.order(0, |peer| Command::Unpublish {
        peer,
        track: TrackId(1),
    });
    world.write(
        0,
        Rtp {
            sequence: 6,
            ..stray
        },
    );
    world.run_for(SECOND);
    assert_eq!(world.shards[0].stats().dropped.rtp_unknown_stream, 1);
}

#[test]
fn a_track_may_be_published_again_while_it_flows() {
    let mut world = World::new(1);
    let (a, b) = (world.join(0), world.join(0));
    world.connect();
    world.publish_simulcast(a, 3);
    world.subscribe(b, 3, 0, Kind::Video);
    for n in 0..100 {
        if n == 50 {
            world.order_simulcast(a, 3);
        }
        for encoding in 0..3 {
            // Later packets do not say any more which encoding they are of.
            let rtp = simulcast(3, encoding, n, n == 0);
            world.write(
                a,
                Rtp {
                    rid: rtp.rid.filter(|_| n < 20),
                    ..rtp
                },
            );
        }
        world.run_for(33 * MS);
    }
    world.run_for(SECOND);
    let pictures = received(&world, b, 3);
    assert!(is_gapless(&pictures));
    assert!(pictures.len() > 90, "{} pictures", pictures.len());
    let started = |event: &Event| matches!(event, Event::EncodingStarted { .. });
    let started = world.events.iter().filter(|(_, event)| started(event));
    assert_eq!(started.count(), 3);
}

#[test]
fn loss_is_reported_to_control() {
    let mut world = call(1, 0, 0);
    lose_media_from(&mut world, ([192, 0, 2, 1], 5000).into(), 5);
    talk(&mut world, 0, 0..600);
    let worst = world.events.iter().filter_map(|(_, event)| match event {
        Event::Quality { quality, .. } => Some(quality.uplink_loss_permille),
        _ => None,
    });
    // One picture in five, of which there are half as many as sounds.
    let worst = worst.max().unwrap();
    assert!((40..=90).contains(&worst), "{worst} per mille");
}
