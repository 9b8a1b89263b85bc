//! What a generator promises.

use super::{AudioFeed, Feed, Generator, Packet, VideoCodec, VideoFeed};
use crate::{marker::Marker, vp8::Descriptor};

fn video(codec: VideoCodec, temporal_layers: u8) -> Generator {
    let feed = VideoFeed {
        codec,
        temporal_layers,
        ..VideoFeed::camera()
    };
    Generator::new(Feed::Video(feed), 1, 2, 3)
}

fn markers(packets: &[Packet]) -> Vec<Marker> {
    packets
        .iter()
        .map(|p| Marker::find(&p.payload).expect("every packet has a marker"))
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_packets() {
    let (mut a, mut b) = (video(VideoCodec::Vp8, 3), video(VideoCodec::Vp8, 3));
    for tick in 0..50 {
        assert_eq!(a.frame(2, tick), b.frame(2, tick));
    }
}

#[test]
fn frames_have_the_wanted_bitrate_and_whole_markers() {
    for codec in [VideoCodec::Vp8, VideoCodec::H264] {
        let mut generator = video(codec, 1);
        let mut bytes = 0;
        for tick in 0..300 {
            let packets = generator.frame(2, tick);
            let marks = markers(&packets);
            assert_eq!(marks.len(), usize::from(marks[0].count));
            assert_eq!(marks[0].key_frame, tick == 0);
            assert!(packets.iter().all(|p| p.payload.len() <= 1_100));
            assert_eq!(packets.iter().filter(|p| p.marker).count(), 1);
            assert!(packets.last().unwrap().marker);
            bytes += packets.iter().map(|p| p.payload.len()).sum::<usize>();
        }
        let bitrate = bytes * 8 / 10;
        assert!((1_600_000..1_800_000).contains(&bitrate), "{bitrate}");
    }
}

#[test]
fn temporal_layers_stand_on_lower_ones() {
    let mut generator = video(VideoCodec::Vp8, 3);
    let mut seen = vec![];
    let mut tl0 = None;
    for tick in 0..17 {
        let packets = generator.frame(0, tick);
        let mark = markers(&packets)[0];
        let (descriptor, _) = Descriptor::parse(&packets[0].payload).unwrap();
        assert_eq!(descriptor.temporal, Some(mark.temporal));
        assert!(descriptor.start);
        if mark.temporal == 0 {
            assert_ne!(descriptor.tl0_picture, tl0);
        } else {
            assert_eq!(descriptor.tl0_picture, tl0);
        }
        tl0 = descriptor.tl0_picture;
        seen.push((mark.temporal, mark.frame - mark.depends, descriptor.sync));
    }
    let pattern = [(0, 4, false), (2, 1, true), (1, 2, true), (2, 1, false)];
    assert_eq!(seen[4..8], pattern);
    assert_eq!(seen[12..16], pattern);
}

#[test]
fn a_key_frame_comes_when_asked_for() {
    let mut generator = video(VideoCodec::Vp8, 2);
    generator.frame(1, 0);
    assert!(!markers(&generator.frame(1, 1))[0].key_frame);
    generator.request_key_frame(1);
    let key = generator.frame(1, 2);
    assert!(markers(&key)[0].key_frame);
    // P bit clear and the start code of RFC 6386 §9.1.
    let (_, body) = Descriptor::parse(&key[0].payload).unwrap();
    assert_eq!(body[0] & 1, 0);
    assert_eq!(body[3..6], [0x9d, 0x01, 0x2a]);
    assert!(!markers(&generator.frame(1, 3))[0].key_frame);
}

#[test]
fn sound_ticks_at_48_khz() {
    let mut generator = Generator::new(Feed::Audio(AudioFeed::VOICE), 1, 2, 3);
    let first = generator.frame(0, 0);
    let second = generator.frame(0, 1);
    assert_eq!(second[0].timestamp.wrapping_sub(first[0].timestamp), 960);
    assert_eq!(first[0].payload.len(), 80);
}
