//! The subscription with single packets; `tests/meeting.rs` has whole meetings.

#![expect(
    clippy::cast_possible_truncation,
    reason = "the numbers of a test are small"
)]

mod meeting;
mod scalable;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    ids::TrackId,
    media::{Codec, Format, Kind, Payload, Tag, Wish},
};

use super::*;
use crate::{
    rtcp::{ReportBlock, SenderInfo},
    rtp::{Extensions, Header, PayloadTypes, testing::start},
    uplink::{self, Arrival, Encodings, Packet},
};

const MS: Duration = Duration::from_millis(1);
const VP8: Format = Format {
    codec: Codec::Vp8,
    profile: 0,
};
const OPUS: Format = Format {
    codec: Codec::Opus,
    profile: 0,
};

fn settings(kind: Kind) -> Settings {
    Settings {
        kind,
        mid: Tag::new(b"3").unwrap(),
        ssrc: 77,
        rtx_ssrc: (kind == Kind::Video).then_some(78),
        origin: Origin {
            sequence: 0xfffe,
            rtx_sequence: 500,
            timestamp: 0xffff_ff00,
            picture_id: 0x7fff,
        },
    }
}

fn types() -> PayloadTypes {
    PayloadTypes::new(vec![
        Payload {
            payload_type: 111,
            format: OPUS,
            rtx: None,
        },
        Payload {
            payload_type: 100,
            format: VP8,
            rtx: Some(101),
        },
    ])
}

/// A publisher whose packets arrive as they are made.
struct Up {
    stream: uplink::Stream,
    format: Format,
}

impl Up {
    fn new(encoding: u8, format: Format) -> Self {
        let kind = format.codec.kind();
        Self {
            stream: uplink::Stream::new(TrackId(1), encoding, encoding.into(), kind),
            format,
        }
    }

    fn packet(
        &mut self,
        sequence: u16,
        timestamp: u32,
        payload: &[u8],
        now: Instant,
    ) -> Arc<Packet> {
        let header = Header {
            marker: true,
            payload_type: 96,
            sequence,
            timestamp,
            ssrc: 1,
        };
        let arrival = Arrival {
            header: &header,
            extensions: &Extensions::default(),
            payload,
            format: self.format,
            repair: false,
        };
        self.stream.receive(&arrival, now).unwrap()
    }
}

const KEY: [u8; 6] = [0x90, 0xe0, 10, 20, 0, 0];
const DELTA: [u8; 6] = [0x90, 0xe0, 11, 21, 0, 1];
const ALL: fn() -> Encodings = || Encodings::default().with(0).with(1).with(2);

#[test]
fn sound_begins_at_once_and_goes_on_after_a_pause() {
    let now = start();
    let live = Encodings::default().with(0);
    let mut up = Up::new(0, OPUS);
    let mut down = Stream::new(settings(Kind::Audio), Wish::BEST);
    let first = down.forward(&up.packet(9, 960, &[1], now), &types(), live, now);
    assert_eq!(first.key_frame, None);
    let first = first.send.unwrap();
    assert_eq!(first.header.payload_type, 111);
    assert_eq!(first.header.sequence, 0x7ffe, "the top bit is clear");
    assert_eq!(first.header.timestamp, 0xffff_ff00);
    assert_eq!(first.introduce, Tag::new(b"3"));
    assert_eq!(down.set_wish(Wish::Paused, live), None);
    let later = now + 500 * MS;
    let packet = up.packet(34, 960 * 26, &[1], later);
    assert_eq!(down.forward(&packet, &types(), live, later).send, None);
    assert_eq!(down.set_wish(Wish::BEST, live), None);
    let packet = up.packet(35, 960 * 27, &[1], later + 20 * MS);
    let next = down.forward(&packet, &types(), live, later).send.unwrap();
    assert_eq!(next.index, first.index + 1, "no hole");
    assert_eq!(
        next.header.timestamp,
        0xffff_ff00_u32.wrapping_add(960 * 26)
    );
}

#[test]
fn a_picture_begins_with_a_key_frame_which_is_asked_for() {
    let now = start();
    let mut up = Up::new(1, VP8);
    let mut down = Stream::new(settings(Kind::Video), Wish::Paused);
    assert_eq!(
        down.set_wish(
            Wish::UpTo {
                encoding: 1,
                temporal: 2
            },
            ALL()
        ),
        Some(1)
    );
    let nothing = down.forward(&up.packet(1, 0, &DELTA, now), &types(), ALL(), now);
    assert_eq!(
        nothing,
        Forward {
            send: None,
            key_frame: Some(1)
        }
    );
    let shown = down.forward(&up.packet(2, 9, &KEY, now), &types(), ALL(), now);
    assert_eq!(shown.key_frame, None);
    assert_eq!(down.encoding(), Some(1));
    let mut out = Vec::new();
    let ids = protocol::media::ExtensionIds::default();
    let packet = up.packet(3, 10, &DELTA, now);
    let next = down.forward(&packet, &types(), ALL(), now).send.unwrap();
    assert_eq!(next.write(&packet, &ids, Stamp::default(), &mut out), 12);
    // The 7-bit picture id went from 0x7f to 0, as the key frame was sent with
    // 0x7fff and the field is cut; the base counter from 0 to 1.
    assert_eq!(out[12..], [0x90, 0xe0, 0, 1, 0, 1]);
}

#[test]
fn what_the_subscriber_cannot_decode_is_not_sent() {
    let now = start();
    let mut up = Up::new(0, VP8);
    let mut down = Stream::new(settings(Kind::Video), Wish::BEST);
    let none = PayloadTypes::default();
    let packet = up.packet(1, 0, &KEY, now);
    assert_eq!(down.forward(&packet, &none, ALL(), now).send, None);
    assert_eq!(down.encoding(), None);
}

#[test]
fn an_overtaken_key_frame_is_no_beginning() {
    let now = start();
    let live = Encodings::default().with(0);
    let mut up = Up::new(0, VP8);
    let mut down = Stream::new(settings(Kind::Video), Wish::BEST);
    let rest = up.packet(2, 0, &[0x80, 0xe0, 10, 20, 0, 0], now);
    assert_eq!(down.forward(&rest, &types(), live, now).send, None);
    let late = up.packet(1, 0, &KEY, now);
    let forward = down.forward(&late, &types(), live, now);
    assert_eq!(
        forward,
        Forward {
            send: None,
            key_frame: Some(0)
        }
    );
}

#[test]
fn nothing_above_the_wish_is_sent() {
    let now = start();
    let mut up = Up::new(2, VP8);
    let mut down = Stream::new(settings(Kind::Video), Wish::BEST);
    let live = Encodings::default().with(2);
    assert!(
        down.forward(&up.packet(1, 0, &KEY, now), &types(), live, now)
            .send
            .is_some()
    );
    let low = Wish::UpTo {
        encoding: 0,
        temporal: 2,
    };
    assert_eq!(
        down.set_wish(low, ALL()),
        Some(0),
        "the old one goes on until then"
    );
    assert!(
        down.forward(&up.packet(2, 1, &DELTA, now), &types(), ALL(), now)
            .send
            .is_some()
    );
    assert!(
        down.forward(&up.packet(3, 2, &DELTA, now), &types(), live, now)
            .send
            .is_none()
    );
    assert_eq!(down.encoding(), None, "nothing that was wished for is live");
}

#[test]
fn a_wide_gap_needs_a_key_frame() {
    let now = start();
    let live = Encodings::default().with(0);
    let mut up = Up::new(0, VP8);
    let mut down = Stream::new(settings(Kind::Video), Wish::BEST);
    let first = down
        .forward(&up.packet(1, 0, &KEY, now), &types(), live, now)
        .send
        .unwrap();
    let gap = down.forward(&up.packet(1_000, 10, &DELTA, now), &types(), live, now);
    assert_eq!(
        gap,
        Forward {
            send: None,
            key_frame: Some(0)
        }
    );
    let key = down.forward(&up.packet(1_001, 20, &KEY, now), &types(), live, now);
    assert_eq!(key.send.unwrap().index, first.index + 1);
}

#[test]
fn padding_leaves_no_hole_and_late_padding_fills_its_own() {
    let now = start();
    let live = Encodings::default().with(0);
    let mut up = Up::new(0, VP8);
    let mut down = Stream::new(settings(Kind::Video), Wish::BEST);
    let mut send = |sequence, payload: &[u8]| {
        let packet = up.packet(sequence, u32::from(sequence), payload, now);
        down.forward(&packet, &types(), live, now).send
    };
    let first = send(1, &KEY).unwrap();
    assert_eq!(send(2, &[]), None);
    assert_eq!(send(3, &DELTA).unwrap().index, first.index + 1);
    assert_eq!(send(5, &DELTA).unwrap().index, first.index + 3);
    let late = send(4, &[]).unwrap();
    assert!(late.blank);
    assert_eq!(late.index, first.index + 2);
}

/// A key frame is large and comes late; its timestamp is that of its capture.
#[test]
fn sender_reports_line_the_encodings_up() {
    let now = start();
    let mut low = Up::new(0, VP8);
    let mut high = Up::new(2, VP8);
    let report = |timestamp| SenderInfo {
        ssrc: 0,
        ntp: 9 << 32,
        timestamp,
        packets: 0,
        bytes: 0,
    };
    // The same moment is 1,000 on one clock and 4,000,000,000 on the other.
    low.stream.report_received(&report(1_000), now);
    high.stream.report_received(&report(4_000_000_000), now);
    let mut down = Stream::new(settings(Kind::Video), Wish::BEST);
    let only_low = Encodings::default().with(0);
    let packet = low.packet(1, 1_000 + 9_000, &KEY, now + 100 * MS);
    let first = down.forward(&packet, &types(), only_low, now).send.unwrap();
    let packet = low.packet(2, 1_000 + 18_000, &DELTA, now + 200 * MS);
    assert_eq!(
        down.forward(&packet, &types(), ALL(), now).key_frame,
        Some(2)
    );
    let packet = high.packet(1, 4_000_027_000, &KEY, now + 700 * MS);
    let switched = down.forward(&packet, &types(), ALL(), now).send.unwrap();
    assert_eq!(
        switched.header.timestamp,
        first.header.timestamp.wrapping_add(18_000)
    );
    assert_eq!(switched.index, first.index + 2);
}

/// Without reports, or with absurd ones, the times of arrival must do.
#[test]
fn times_of_arrival_line_the_encodings_up() {
    let now = start();
    let mut low = Up::new(0, VP8);
    let mut high = Up::new(2, VP8);
    let mut down = Stream::new(settings(Kind::Video), Wish::BEST);
    let only_low = Encodings::default().with(0);
    let packet = low.packet(1, 10_000, &KEY, now);
    let first = down.forward(&packet, &types(), only_low, now).send.unwrap();
    let packet = high.packet(1, 77, &KEY, now + 100 * MS);
    let switched = down.forward(&packet, &types(), ALL(), now).send.unwrap();
    assert_eq!(
        switched.header.timestamp,
        first.header.timestamp.wrapping_add(9_000)
    );
}

#[test]
fn what_was_lost_is_repeated_within_reason() {
    let mut now = start();
    let live = Encodings::default().with(0);
    let mut up = Up::new(0, VP8);
    let mut down = Stream::new(settings(Kind::Video), Wish::BEST);
    let types = types();
    let mut payload = KEY.to_vec();
    payload.resize(1_000, 0);
    let mut sent = Vec::new();
    for sequence in 0..100_u16 {
        payload[5] = u8::from(sequence > 0);
        payload[2] = (sequence & 0x7f) as u8;
        let packet = up.packet(sequence, u32::from(sequence), &payload, now);
        sent.push(down.forward(&packet, &types, live, now).send.unwrap());
    }
    let missed = sent[50];
    let repeat = down
        .repeat(missed.header.sequence, &types, 30 * MS, now)
        .unwrap();
    assert_eq!(repeat.header.ssrc, 78);
    assert_eq!(repeat.header.payload_type, 101);
    assert_eq!(repeat.header.sequence, 500);
    assert_eq!(repeat.header.timestamp, missed.header.timestamp);
    let mut original = Vec::new();
    let ids = protocol::media::ExtensionIds::default();
    let header_len = missed.write(&repeat.packet, &ids, Stamp::default(), &mut original);
    let mut wrapped = Vec::new();
    let at = repeat.write(&ids, Stamp::default(), &mut wrapped);
    assert_eq!(wrapped[at..at + 2], missed.header.sequence.to_be_bytes());
    assert_eq!(wrapped[at + 2..], original[header_len..]);
    assert!(
        down.repeat(missed.header.sequence, &types, 30 * MS, now + 29 * MS)
            .is_none()
    );
    now += 30 * MS;
    let again = down
        .repeat(missed.header.sequence, &types, 30 * MS, now)
        .unwrap();
    assert_eq!(
        again.index,
        repeat.index + 1,
        "each repeat has its own number"
    );
    assert!(
        down.repeat(
            missed.header.sequence.wrapping_add(60),
            &types,
            30 * MS,
            now
        )
        .is_none()
    );
    let mut repeats = 0;
    for round in 0..10 {
        let at = now + 40 * MS * (round + 1);
        for one in &sent {
            repeats += u32::from(
                down.repeat(one.header.sequence, &types, 30 * MS, at)
                    .is_some(),
            );
        }
    }
    // 100 kB were sent: 25 kB, the 12.5 kB from the start, and 12.5 kB/s since.
    assert!((35..=45).contains(&repeats), "{repeats}");
    down.set_wish(Wish::Paused, live);
    let later = now + Duration::from_secs(30);
    assert!(
        down.repeat(sent[99].header.sequence, &types, 30 * MS, later)
            .is_none()
    );
}

#[test]
fn reports_keep_the_senders_clock_and_measure_the_round_trip() {
    let now = start();
    let live = Encodings::default().with(0);
    let mut up = Up::new(0, VP8);
    let mut down = Stream::new(settings(Kind::Video), Wish::BEST);
    assert_eq!(down.report(1, now), None);
    let info = SenderInfo {
        ssrc: 0,
        ntp: 100 << 32,
        timestamp: 5_000,
        packets: 0,
        bytes: 0,
    };
    up.stream.report_received(&info, now);
    let packet = up.packet(1, 5_000, &KEY, now);
    let sent = down.forward(&packet, &types(), live, now).send.unwrap();
    let report = down.report(1, now + 500 * MS).unwrap();
    assert_eq!(report.ntp, (100 << 32) + (1 << 31));
    assert_eq!(report.timestamp, sent.header.timestamp.wrapping_add(45_000));
    assert_eq!((report.packets, report.bytes), (1, 6));
    assert_eq!(down.report(1, now + 600 * MS), None, "nothing new");
    let mut block = ReportBlock {
        ssrc: 77,
        fraction_lost: 12,
        lost: 0,
        highest_sequence: 5,
        jitter: 0,
        last_report: (report.ntp >> 16) as u32,
        delay: 32_768,
    };
    down.report_received(&block, now + 1_080 * MS);
    assert_eq!(down.round_trip(), Some(80 * MS));
    assert_eq!(down.fraction_lost(), Some(12));
    block.last_report ^= 1 << 8;
    down.report_received(&block, now + 5_000 * MS);
    assert_eq!(down.round_trip(), Some(80 * MS), "of no report of ours");
    let packet = up.packet(2, 5_010, &DELTA, now);
    let next = down
        .forward(&packet, &types(), live, now + 1_100 * MS)
        .send
        .unwrap();
    assert_eq!(next.introduce, None, "the receiver knows the stream");
}

/// Firefox drops a repair stream of which it does not know the section.
#[test]
fn repeats_always_name_their_section() {
    let now = start();
    let later = now + 10_000 * MS;
    let live = Encodings::default().with(0);
    let (mut up, types) = (Up::new(0, VP8), types());
    let mut down = Stream::new(settings(Kind::Video), Wish::BEST);
    for (sequence, payload, at) in [(1, &KEY, now), (2, &DELTA, later)] {
        let packet = up.packet(sequence, 5_000 + u32::from(sequence), payload, at);
        let sent = down.forward(&packet, &types, live, at).send.unwrap();
        assert_eq!(sent.introduce.is_some(), at == now);
        let repeat = down
            .repeat(sent.header.sequence, &types, 30 * MS, at)
            .unwrap();
        assert_eq!(repeat.original.introduce, Tag::new(b"3"));
    }
}

#[test]
fn without_the_senders_reports_ours_wait() {
    let now = start();
    let live = Encodings::default().with(0);
    let mut up = Up::new(0, VP8);
    let mut down = Stream::new(settings(Kind::Video), Wish::BEST);
    let packet = up.packet(1, 5_000, &KEY, now);
    let sent = down.forward(&packet, &types(), live, now).send.unwrap();
    assert_eq!(down.report(7 << 32, now + 4_000 * MS), None);
    let report = down.report(7 << 32, now + 5_000 * MS).unwrap();
    assert_eq!(report.ntp, 7 << 32);
    assert_eq!(
        report.timestamp,
        sent.header.timestamp.wrapping_add(450_000)
    );
}

/// Who knows no redundancy gets the newest sound by itself; who numbers it
/// otherwise gets its own number; the rest gets what was sent, byte for byte.
#[test]
fn redundant_audio_is_cut_for_those_who_do_not_know_it() {
    const RED: Format = Format {
        codec: Codec::Red,
        profile: 0,
    };
    let now = start();
    let payload = [0xef, 0x0f, 0x00, 0x02, 0x6f, 1, 2, 3, 4, 5];
    let number = |payload_type, format| Payload {
        payload_type,
        format,
        rtx: None,
    };
    let opus = number(111, OPUS);
    let cases: [(Vec<Payload>, u8, &[u8]); 3] = [
        (vec![opus], 111, &[3, 4, 5]),
        (vec![opus, number(63, RED)], 63, &payload),
        (
            vec![number(109, OPUS), number(63, RED)],
            63,
            &[0xed, 0x0f, 0x00, 0x02, 0x6d, 1, 2, 3, 4, 5],
        ),
    ];
    for (payloads, payload_type, expected) in cases {
        let mut up = Up::new(0, RED);
        let mut down = Stream::new(settings(Kind::Audio), Wish::BEST);
        let packet = up.packet(1, 960, &payload, now);
        let live = Encodings::default().with(0);
        let types = PayloadTypes::new(payloads);
        let sent = down.forward(&packet, &types, live, now).send.unwrap();
        assert_eq!(sent.header.payload_type, payload_type);
        let mut out = Vec::new();
        let ids = protocol::media::ExtensionIds::default();
        let header_len = sent.write(&packet, &ids, Stamp::default(), &mut out);
        assert_eq!(out[header_len..], *expected);
    }
}
