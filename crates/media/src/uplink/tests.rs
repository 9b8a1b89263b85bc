//! Reception with loss, reordering and repair.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use protocol::{
    ids::TrackId,
    media::{Codec, Format, Kind},
};

use super::*;
use crate::{
    rtcp::{self, SenderInfo},
    rtp::{
        Extensions, Header,
        testing::{Dice, start},
    },
};

const MS: Duration = Duration::from_millis(1);
const RTT: Duration = Duration::from_millis(40);
const VP8: Format = Format {
    codec: Codec::Vp8,
    profile: 0,
};
const H264: Format = Format {
    codec: Codec::H264,
    profile: 0,
};

fn stream() -> Stream {
    Stream::new(TrackId(1), 0, 7, Kind::Video)
}

fn give(
    stream: &mut Stream,
    (sequence, timestamp, repair): (u16, u32, bool),
    (format, payload): (Format, &[u8]),
    now: Instant,
) -> Result<Arc<Packet>, Rejected> {
    let header = Header {
        marker: false,
        payload_type: 96,
        sequence,
        timestamp,
        ssrc: 7,
    };
    let arrival = Arrival {
        header: &header,
        extensions: &Extensions::default(),
        payload,
        format,
        repair,
    };
    stream.receive(&arrival, now)
}

fn delta(stream: &mut Stream, sequence: u16, now: Instant) -> Result<Arc<Packet>, Rejected> {
    give(stream, (sequence, 0, false), (VP8, &[0, 1]), now)
}

fn repair(stream: &mut Stream, sequence: u16, now: Instant) -> Result<Arc<Packet>, Rejected> {
    give(stream, (sequence, 0, true), (VP8, &[0, 1]), now)
}

fn asked(stream: &mut Stream, now: Instant) -> Vec<u16> {
    let mut out = Vec::new();
    stream.missing(RTT, &mut out, now);
    out
}

#[test]
fn a_packet_carries_what_subscribers_need() {
    let now = start();
    let mut stream = stream();
    let info = SenderInfo {
        ssrc: 7,
        ntp: 5 << 32,
        timestamp: 90,
        packets: 0,
        bytes: 0,
    };
    stream.report_received(&info, now);
    let header = Header {
        marker: true,
        payload_type: 96,
        sequence: 65_535,
        timestamp: 3,
        ssrc: 7,
    };
    let extensions = Extensions {
        video_orientation: Some(1),
        dependency_descriptor: Some(&[1, 2, 3]),
        ..Extensions::default()
    };
    let arrival = Arrival {
        header: &header,
        extensions: &extensions,
        payload: &[0x90, 0x80, 5, 0, 9],
        format: VP8,
        repair: false,
    };
    let packet = stream.receive(&arrival, now).unwrap();
    assert!(packet.key_frame && packet.marker && !packet.overtaken);
    assert_eq!(packet.payload(), [0x90, 0x80, 5, 0, 9]);
    assert_eq!(
        packet.dependency_descriptor(),
        None,
        "not of a scalable codec"
    );
    assert_eq!(packet.video_orientation, Some(1));
    assert_eq!(packet.reference.unwrap().timestamp, 90);
    let next = delta(&mut stream, 0, now).unwrap();
    assert_eq!(next.sequence, packet.sequence + 1);
    assert_eq!(next.dependency_descriptor(), None);
    let before = delta(&mut stream, 65_534, now).unwrap();
    assert!(before.overtaken);
    assert_eq!(before.sequence + 1, packet.sequence);
}

#[test]
fn repeats_are_taken_once() {
    let now = start();
    let mut stream = stream();
    assert!(delta(&mut stream, 10, now).is_ok());
    assert_eq!(delta(&mut stream, 10, now), Err(Rejected::Duplicate));
    assert!(delta(&mut stream, 12, now).is_ok());
    assert!(repair(&mut stream, 11, now).is_ok());
    assert_eq!(repair(&mut stream, 11, now), Err(Rejected::Duplicate));
    assert_eq!(delta(&mut stream, 11, now), Err(Rejected::Duplicate));
    assert_eq!(unwrap_repair(&[0, 11, 9]), Some((11, &[9][..])));
    assert_eq!(unwrap_repair(&[0, 11]), None);
    assert_eq!(unwrap_repair(&[0]), None);
}

#[test]
fn holes_are_asked_for_after_a_while_and_again_after_a_round_trip() {
    let now = start();
    let mut stream = stream();
    delta(&mut stream, 10, now).unwrap();
    delta(&mut stream, 13, now).unwrap();
    assert_eq!(asked(&mut stream, now), []);
    assert_eq!(stream.missing_due(), Some(now + 10 * MS));
    assert_eq!(asked(&mut stream, now + 10 * MS), [11, 12]);
    assert_eq!(asked(&mut stream, now + 11 * MS), []);
    repair(&mut stream, 11, now + 50 * MS).unwrap();
    assert_eq!(asked(&mut stream, now + 60 * MS), [12]);
    let mut tries = 2;
    for at in 61..2_000 {
        tries += asked(&mut stream, now + at * MS).len();
    }
    assert_eq!(tries, 10);
    assert_eq!(stream.missing_due(), None);
    assert!(stream.take_key_frame_need());
    assert!(!stream.take_key_frame_need());
}

#[test]
fn a_key_frame_makes_older_holes_pointless() {
    let now = start();
    let mut stream = stream();
    delta(&mut stream, 10, now).unwrap();
    delta(&mut stream, 13, now).unwrap();
    give(&mut stream, (15, 3_000, false), (VP8, &[0x10, 0]), now).unwrap();
    assert_eq!(asked(&mut stream, now + 10 * MS), [14][..0]);
    delta(&mut stream, 17, now).unwrap();
    assert_eq!(asked(&mut stream, now + 10 * MS), [16]);
}

#[test]
fn too_wide_a_gap_is_given_up() {
    let now = start();
    let mut stream = stream();
    delta(&mut stream, 10, now).unwrap();
    delta(&mut stream, 700, now).unwrap();
    assert_eq!(stream.missing_due(), None);
    assert!(stream.take_key_frame_need());
    let mut audio = Stream::new(TrackId(1), 0, 7, Kind::Audio);
    delta(&mut audio, 10, now).unwrap();
    delta(&mut audio, 700, now).unwrap();
    assert!(!audio.take_key_frame_need());
}

#[test]
fn a_restart_needs_two_packets_in_a_row() {
    let now = start();
    let mut stream = stream();
    let first = delta(&mut stream, 30_000, now).unwrap();
    assert_eq!(delta(&mut stream, 100, now), Err(Rejected::Stray));
    delta(&mut stream, 30_001, now).unwrap();
    assert_eq!(
        delta(&mut stream, 101, now),
        Err(Rejected::Stray),
        "no restart"
    );
    let again = delta(&mut stream, 102, now).unwrap();
    assert!(again.sequence > first.sequence + 1_000);
    assert_eq!(again.sequence & 0xffff, 102);
    assert_eq!(
        delta(&mut stream, 103, now).unwrap().sequence,
        again.sequence + 1
    );
    let report = stream.report(now).unwrap();
    assert_eq!(report.lost, 0);
    assert_eq!(repair(&mut stream, 40_000, now), Err(Rejected::TooOld));
}

#[test]
fn an_idr_slice_begins_only_its_frame() {
    let now = start();
    let mut stream = stream();
    let mut at = |sequence, timestamp, payload| {
        give(
            &mut stream,
            (sequence, timestamp, false),
            (H264, payload),
            now,
        )
        .unwrap()
        .key_frame
    };
    assert!(!at(1, 10, &[0x65]), "nothing is known of the packet before");
    assert!(at(2, 20, &[0x67]));
    assert!(!at(3, 20, &[0x68]));
    assert!(
        !at(4, 20, &[0x7c, 0x85]),
        "in the frame of the parameter set"
    );
    assert!(at(5, 30, &[0x7c, 0x85]));
    assert!(!at(7, 40, &[0x7c, 0x85]), "its parameter set may be lost");
}

#[test]
fn reports_count_loss_before_repair() {
    let now = start();
    let mut stream = stream();
    assert_eq!(stream.report(now), None);
    for sequence in (0..100_u16).filter(|sequence| sequence % 4 != 3) {
        delta(&mut stream, sequence, now).unwrap();
    }
    repair(&mut stream, 3, now).unwrap();
    let info = SenderInfo {
        ssrc: 7,
        ntp: 0x0001_0002_0003_0004,
        timestamp: 0,
        packets: 0,
        bytes: 0,
    };
    stream.report_received(&info, now);
    let report = stream.report(now + 500 * MS).unwrap();
    assert_eq!(report.ssrc, 7);
    assert_eq!(report.highest_sequence, 98);
    assert_eq!(report.lost, 24);
    assert_eq!(u32::from(report.fraction_lost), 24 * 256 / 99);
    assert_eq!(report.last_report, 0x0002_0003);
    assert_eq!(report.delay, 32_768);
    assert_eq!(stream.take_loss(), (75, 24));
    assert_eq!(stream.take_loss(), (0, 0));
    assert_eq!(stream.report(now).unwrap().fraction_lost, 0);
}

#[test]
fn jitter_is_that_of_the_rfc() {
    let now = start();
    let mut steady = stream();
    let mut shaky = stream();
    for at in 0..200_u16 {
        let sent = 33 * u32::from(at);
        let frame = (at, sent * 90, false);
        give(&mut steady, frame, (VP8, &[0, 1]), now + sent * MS).unwrap();
        let late = if at % 2 == 0 { 10 * MS } else { Duration::ZERO };
        give(&mut shaky, frame, (VP8, &[0, 1]), now + sent * MS + late).unwrap();
    }
    assert_eq!(steady.report(now).unwrap().jitter, 0);
    let jitter = shaky.report(now).unwrap().jitter;
    assert!(
        (850..=900).contains(&jitter),
        "10 ms are 900 ticks: {jitter}"
    );
}

/// What a sender learns: the arrival time of each packet, in ticks of 250 µs
/// since the feedback's epoch.
#[derive(Default)]
struct Learnt {
    arrivals: BTreeMap<u64, u64>,
    told: u64,
    number: Option<u8>,
    base: Option<u64>,
}

impl Learnt {
    fn read(&mut self, compound: &[u8], extender: &crate::rtp::Extender) {
        for packet in rtcp::packets(compound) {
            let rtcp::Packet::TransportFeedback(feedback) = packet.unwrap() else {
                panic!("not a feedback")
            };
            let number = self.number.map_or(0, |last| last.wrapping_add(1));
            assert_eq!(feedback.number, number);
            self.number = Some(number);
            let mut ticks = i64::from(feedback.reference) * 256;
            let base = extender.nearest(feedback.base);
            if let Some(before) = self.base {
                assert!(base <= before, "nothing is left out: {base} after {before}");
            }
            for (sequence, status) in (base..).zip(feedback.statuses()) {
                if let Some(delta) = status.delta {
                    ticks += i64::from(delta);
                    self.arrivals.insert(sequence, ticks.cast_unsigned());
                }
                self.told = self.told.max(sequence + 1);
            }
            self.base = Some(self.told);
        }
    }
}

#[test]
fn feedback_is_due_after_50_ms_or_200_packets() {
    let now = start();
    let mut feedback = Feedback::new(now);
    let mut out = Vec::new();
    assert!(!feedback.write(&mut out, now));
    feedback.record(9, 1, now + MS);
    assert_eq!(feedback.due(), Some(now + 51 * MS));
    for sequence in 10..210 {
        feedback.record(sequence, 1, now + 2 * MS);
    }
    assert_eq!(feedback.due(), Some(now + 2 * MS));
    assert!(feedback.write(&mut out, now));
    assert_eq!(feedback.due(), None);
    assert!(!feedback.write(&mut out, now));
}

#[test]
fn a_long_pause_needs_a_second_feedback() {
    let now = start();
    let mut feedback = Feedback::new(now);
    feedback.record(1, 1, now);
    feedback.record(2, 1, now + 9_000 * MS);
    let mut out = Vec::new();
    assert!(feedback.write(&mut out, now + 9_000 * MS));
    assert_eq!(feedback.due(), Some(now + 9_000 * MS));
    assert!(feedback.write(&mut out, now + 9_000 * MS));
    assert!(!feedback.write(&mut out, now + 9_000 * MS));
    assert_eq!(rtcp::packets(&out).count(), 2);
}

proptest! {
    /// Whatever the network does, the sender learns of every packet when it
    /// came, once it was told at all; and no feedback exceeds a datagram.
    #[test]
    fn feedback_tells_the_truth(seed: u64, first: u16, loss in 0_u64..300, reorder in 0_u64..300) {
        let mut dice = Dice(seed);
        let epoch = start();
        let mut now = epoch;
        let mut feedback = Feedback::new(epoch);
        let mut extender = crate::rtp::Extender::default();
        let mut truth = BTreeMap::new();
        let mut learnt = Learnt::default();
        let mut delayed: Vec<u64> = Vec::new();
        for number in (0x1_0000 + u64::from(first)..).take(2_000) {
            let step = if dice.permille(5) { 300_000 } else { dice.below(4_000) };
            now += Duration::from_micros(step);
            if dice.permille(loss) {
                continue;
            }
            let mut arriving = vec![number];
            if dice.permille(reorder) {
                delayed.push(number);
                arriving.clear();
            }
            while delayed.first().is_some_and(|late| late + 20 < number) {
                arriving.push(delayed.remove(0));
            }
            for number in arriving {
                let sequence = (number & 0xffff) as u16;
                let place = extender.extend(sequence);
                feedback.record(sequence, 3, now);
                let ticks = now.duration_since(epoch).as_micros() / 250;
                truth.insert(place, u64::try_from(ticks).unwrap());
            }
            while feedback.due().is_some_and(|due| due <= now) {
                let mut out = Vec::new();
                prop_assert!(feedback.write(&mut out, now));
                prop_assert!(out.len() <= 1_150, "{}", out.len());
                learnt.read(&out, &extender);
            }
        }
        let mut out = Vec::new();
        while feedback.write(&mut out, now) {}
        learnt.read(&out, &extender);
        prop_assert_eq!(learnt.arrivals, truth);
    }

    /// Whatever comes, nothing panics, no packet is handed on twice, and what is
    /// kept stays bounded.
    #[test]
    fn streams_survive_anything(seed: u64) {
        let mut dice = Dice(seed);
        let mut now = start();
        let mut stream = stream();
        let mut handed = std::collections::BTreeSet::new();
        let mut sequence = 0_u16;
        for _ in 0..2_000 {
            now += Duration::from_millis(dice.below(10));
            sequence = match dice.below(20) {
                0 => (dice.next() & 0xffff) as u16,
                1..4 => sequence.wrapping_sub((dice.below(50) & 0xff) as u16),
                _ => sequence.wrapping_add((dice.below(3) & 0xff) as u16),
            };
            let timestamp = (dice.next() & 0xffff_ffff) as u32;
            let payload = [0x10, (dice.below(20) == 0).into()];
            let shape = (sequence, timestamp, dice.permille(100));
            if let Ok(packet) = give(&mut stream, shape, (VP8, &payload), now) {
                prop_assert!(handed.insert(packet.sequence));
            }
            if dice.permille(50) {
                prop_assert!(asked(&mut stream, now).len() <= 512);
                let _ = stream.report(now);
            }
        }
    }
}
