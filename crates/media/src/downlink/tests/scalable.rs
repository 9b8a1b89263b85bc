//! A publisher with three spatial and three temporal layers in one stream, as
//! VP9 and as AV1, and subscribers who cannot make up their minds; everything
//! they are sent is judged by [`conformance`].

#![expect(
    clippy::cast_possible_truncation,
    reason = "the numbers of a test are small"
)]

use std::{cmp::Reverse, collections::BinaryHeap};

use proptest::prelude::*;
use protocol::media::ExtensionIds;

use super::*;
use crate::{
    codec::Dependencies,
    downlink::conformance::{Checker, Source, Summary},
    rtp::{Parsed, testing::Dice},
    uplink::{KeyFrames, Liveness},
};

const FRAME: Duration = Duration::from_millis(33);
const ROUND_TRIP: Duration = Duration::from_millis(50);
const VP9: Format = Format {
    codec: Codec::Vp9,
    profile: 0,
};
const AV1: Format = Format {
    codec: Codec::Av1,
    profile: 0,
};
/// Temporal layer of each picture in turn, and how many pictures back it needs.
const PATTERN: [(u8, u64); 4] = [(0, 4), (2, 1), (1, 2), (2, 1)];

#[derive(Clone, Copy, Debug)]
struct Weather {
    format: Format,
    descriptor: bool,
    /// Upper layers need the lower ones at key frames only.
    key_only: bool,
    loss: u64,
    reorder: u64,
    whims: u64,
}

/// Writes bits, the highest first.
#[derive(Default)]
pub(super) struct Bits(Vec<bool>);

impl Bits {
    pub(super) fn put(&mut self, value: u32, count: usize) -> &mut Self {
        self.0
            .extend((0..count).rev().map(|bit| value >> bit & 1 == 1));
        self
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let byte = |bits: &[bool]| {
            (0..8).fold(0, |byte, at| {
                byte << 1 | u8::from(bits.get(at).is_some_and(|b| *b))
            })
        };
        self.0.chunks(8).map(byte).collect()
    }
}

/// The structure of L3T3: nine templates and as many targets, without chains.
pub(super) fn structure(bits: &mut Bits) {
    bits.put(0, 6).put(8, 5);
    for layer in 0..9 {
        bits.put(
            if layer == 8 {
                3
            } else if layer % 3 == 2 {
                2
            } else {
                1
            },
            2,
        );
    }
    for layer in 0..9 {
        for target in 0..9 {
            let within = layer / 3 <= target / 3 && layer % 3 <= target % 3;
            bits.put(if within { 2 } else { 0 }, 2);
        }
    }
    // No differences in templates, no chains (ns(10) of 0 has three bits), no sizes.
    bits.put(0, 9).put(0, 3).put(0, 1);
}

struct Made {
    header: Header,
    descriptor: Option<Vec<u8>>,
    payload: Vec<u8>,
    source: Source,
}

struct Encoder {
    weather: Weather,
    sequence: u16,
    picture: u64,
    frame: u64,
    position: usize,
    tl0: u8,
    /// Frame numbers of the last pictures, by picture and layer.
    frames: Vec<[Option<u64>; 3]>,
    key_frame_due: Option<Instant>,
}

impl Encoder {
    fn encode(&mut self, captured: Duration, dice: &mut Dice, now: Instant) -> Vec<Made> {
        let key = self.picture == 0 || self.key_frame_due.is_some_and(|due| due <= now);
        if key {
            self.key_frame_due = None;
            self.position = 0;
        }
        let (temporal, back) = PATTERN[self.position % 4];
        self.tl0 = self.tl0.wrapping_add(u8::from(temporal == 0));
        let mut made = Vec::new();
        let mut numbers = [None; 3];
        for spatial in 0..3_u8 {
            let at = usize::from(spatial);
            let before = (self.picture.checked_sub(back))
                .filter(|_| !key)
                .and_then(|picture| self.frames[picture as usize][at]);
            let below = at
                .checked_sub(1)
                .filter(|_| key || !self.weather.key_only)
                .and_then(|below| numbers[below]);
            let parts = 1 + dice.below(3) as u16;
            for part in 0..parts {
                let source = Source {
                    encoding: 0,
                    frame: self.frame,
                    part,
                    parts,
                    key_frame: key && spatial == 0,
                    needs: [before, below],
                    picture: self.picture,
                };
                made.push(self.packet(source, (spatial, temporal), captured));
            }
            numbers[at] = Some(self.frame);
            self.frame += 1;
        }
        self.frames.push(numbers);
        self.picture += 1;
        self.position += 1;
        made
    }

    fn packet(
        &mut self,
        source: Source,
        (spatial, temporal): (u8, u8),
        captured: Duration,
    ) -> Made {
        let (first, last) = (source.part == 0, source.part + 1 == source.parts);
        self.sequence = self.sequence.wrapping_add(1);
        let header = Header {
            marker: last && spatial == 2,
            payload_type: 96,
            sequence: self.sequence,
            timestamp: crate::rtp::ticks(captured, 90_000).wrapping_sub(50_000),
            ssrc: 1,
        };
        let payload = if self.weather.format == VP9 {
            let predicted = source.needs[0].is_some();
            let flags =
                0xa0 | u8::from(predicted) << 6 | u8::from(first) << 3 | u8::from(last) << 2;
            let [high, low] = (0x8000 | self.picture as u16).to_be_bytes();
            let layers = temporal << 5 | 0x10 | spatial << 1 | u8::from(source.needs[1].is_some());
            vec![flags, high, low, layers, self.tl0, source.part as u8]
        } else {
            vec![0x10, source.frame as u8, source.part as u8]
        };
        let layer = u32::from(spatial * 3 + temporal);
        Made {
            header,
            descriptor: (self.weather.descriptor)
                .then(|| descriptor(&source, layer, (first, last))),
            payload,
            source,
        }
    }
}

fn descriptor(source: &Source, template: u32, (first, last): (bool, bool)) -> Vec<u8> {
    let mut bits = Bits::default();
    let with_structure = source.key_frame && first;
    bits.put(first.into(), 1).put(last.into(), 1);
    bits.put(template, 6).put(source.frame as u32 & 0xffff, 16);
    bits.put(with_structure.into(), 1).put(0b0010, 4);
    if with_structure {
        structure(&mut bits);
    }
    for needs in source.needs.into_iter().flatten() {
        bits.put(2, 2).put((source.frame - needs - 1) as u32, 8);
    }
    bits.put(0, 2);
    bits.bytes()
}

struct Subscriber {
    stream: Stream,
    checker: Checker,
}

struct Meeting {
    dice: Dice,
    weather: Weather,
    start: Instant,
    now: Instant,
    encoder: Encoder,
    up: uplink::Stream,
    broker: KeyFrames,
    liveness: Liveness,
    wire: BinaryHeap<Reverse<(Instant, usize, bool)>>,
    made: Vec<Made>,
    subscribers: Vec<Subscriber>,
}

impl Meeting {
    fn new(seed: u64, weather: Weather) -> Self {
        let mut dice = Dice(seed);
        let start = start();
        let mut up = uplink::Stream::new(TrackId(1), 0, 1, Kind::Video);
        up.alone = true;
        let subscribers = (0..3)
            .map(|_| Subscriber {
                stream: Stream::new(settings(Kind::Video), Wish::BEST),
                checker: Checker::default(),
            })
            .collect();
        Self {
            encoder: Encoder {
                weather,
                sequence: dice.next() as u16,
                picture: 0,
                frame: 0,
                position: 0,
                tl0: dice.next() as u8,
                frames: Vec::new(),
                key_frame_due: None,
            },
            dice,
            weather,
            start,
            now: start,
            up,
            broker: KeyFrames::default(),
            liveness: Liveness::default(),
            wire: BinaryHeap::new(),
            made: Vec::new(),
            subscribers,
        }
    }

    fn run(&mut self, frames: u32) {
        for _ in 0..frames {
            let captured = self.now - self.start;
            let made = self.encoder.encode(captured, &mut self.dice, self.now);
            for (nth, made) in (0_u32..).zip(made) {
                self.transmit(made, nth);
            }
            self.whims();
            let end = self.now + FRAME;
            while let Some(Reverse((at, number, repair))) = self.wire.pop() {
                if at > end {
                    self.wire.push(Reverse((at, number, repair)));
                    break;
                }
                self.now = self.now.max(at);
                self.arrive(number, repair);
            }
            self.now = end;
            if self.broker.poll(ROUND_TRIP, self.now) {
                self.encoder.key_frame_due = Some(self.now + ROUND_TRIP / 2);
            }
        }
    }

    fn transmit(&mut self, made: Made, nth: u32) {
        let mut at = self.now + 5 * MS + nth * Duration::from_micros(300);
        let mut repair = false;
        if self.dice.permille(self.weather.loss) {
            for subscriber in &mut self.subscribers {
                subscriber.checker.lost(0, made.source.frame);
            }
            repair = true;
            at += MS * (60 + self.dice.below(200) as u32);
        } else if self.dice.permille(self.weather.reorder) {
            at += MS * (self.dice.below(60) as u32);
            for subscriber in &mut self.subscribers {
                // What overtakes it may have to be decided without it.
                subscriber.checker.lost(0, made.source.frame);
            }
        }
        self.wire.push(Reverse((at, self.made.len(), repair)));
        self.made.push(made);
    }

    fn arrive(&mut self, number: usize, repair: bool) {
        let made = &self.made[number];
        let extensions = Extensions {
            dependency_descriptor: made.descriptor.as_deref(),
            ..Extensions::default()
        };
        let arrival = Arrival {
            header: &made.header,
            extensions: &extensions,
            payload: &made.payload,
            format: self.weather.format,
            repair,
        };
        let Ok(packet) = self.up.receive(&arrival, self.now) else {
            return;
        };
        assert_eq!(
            packet.key_frame,
            made.source.key_frame && made.source.part == 0
        );
        self.liveness
            .observe(packet.quality(), packet.ends_frame(), self.now);
        if packet.key_frame {
            self.broker.arrived();
        }
        let live = self.liveness.live(self.now);
        let types = scalable_types();
        for subscriber in &mut self.subscribers {
            let forward = subscriber.stream.forward(&packet, &types, live, self.now);
            if forward.key_frame.is_some() {
                self.broker.want();
            }
            if let Some(rewritten) = forward.send {
                subscriber.take(&rewritten, &packet, made.source);
            }
        }
    }

    fn whims(&mut self) {
        let live = self.liveness.live(self.now);
        for subscriber in &mut self.subscribers {
            if !self.dice.permille(self.weather.whims) {
                continue;
            }
            let wish = match self.dice.below(5) {
                0 => Wish::Paused,
                _ => Wish::UpTo {
                    encoding: self.dice.below(4) as u8,
                    temporal: self.dice.below(3) as u8,
                },
            };
            if subscriber.stream.set_wish(wish, live).is_some() {
                self.broker.want();
            }
        }
    }
}

fn scalable_types() -> PayloadTypes {
    let payload = |payload_type, format| Payload {
        payload_type,
        format,
        rtx: Some(payload_type + 1),
    };
    PayloadTypes::new(vec![payload(98, VP9), payload(45, AV1)])
}

impl Subscriber {
    fn take(&mut self, rewritten: &Rewritten, packet: &Packet, source: Source) {
        let ids = ExtensionIds {
            dependency_descriptor: Some(8),
            ..ExtensionIds::default()
        };
        let mut out = Vec::new();
        let header_len = rewritten.write(packet, &ids, Stamp::default(), &mut out);
        let parsed = Parsed::read(&out).unwrap();
        let extensions = Extensions::read(&out, &parsed, &ids).unwrap();
        let number = extensions
            .dependency_descriptor
            .map(|bytes| u16::from_be_bytes([bytes[1], bytes[2]]));
        let (header, payload) = (&rewritten.header, &out[header_len..]);
        self.checker.sent_scalable(header, payload, number, source);
    }
}

fn judge(seed: u64, weather: Weather) -> Result<Vec<Summary>, TestCaseError> {
    let mut meeting = Meeting::new(seed, weather);
    meeting.run(300);
    meeting.weather = Weather {
        loss: 0,
        reorder: 0,
        whims: 0,
        ..weather
    };
    let live = meeting.liveness.live(meeting.now);
    for subscriber in &mut meeting.subscribers {
        if subscriber.stream.set_wish(Wish::BEST, live).is_some() {
            meeting.broker.want();
        }
    }
    meeting.run(60);
    let verdict = |subscriber: &Subscriber| {
        let verdict = subscriber.checker.verify(weather.format.codec);
        verdict.map_err(|violation| TestCaseError::fail(violation.to_string()))
    };
    let mut before = Vec::new();
    for subscriber in &meeting.subscribers {
        before.push(verdict(subscriber)?);
    }
    meeting.run(30);
    let mut summaries = Vec::new();
    for (subscriber, before) in meeting.subscribers.iter().zip(before) {
        let summary = verdict(subscriber)?;
        prop_assert_eq!(
            summary.frames - before.frames,
            90,
            "every frame of the last second"
        );
        if weather.loss == 0 && weather.reorder == 0 {
            prop_assert_eq!((summary.missing, summary.blanks), (0, 0));
        }
        summaries.push(summary);
    }
    Ok(summaries)
}

const FAIR: Weather = Weather {
    format: VP9,
    descriptor: false,
    key_only: true,
    loss: 0,
    reorder: 0,
    whims: 40,
};

#[test]
fn fair_weather_has_no_holes() {
    for (format, descriptor) in [(VP9, false), (VP9, true), (AV1, true)] {
        for key_only in [false, true] {
            for seed in 0..10 {
                let weather = Weather {
                    format,
                    descriptor,
                    key_only,
                    ..FAIR
                };
                for summary in judge(seed, weather).unwrap() {
                    assert!(summary.frames > 150, "{weather:?} {summary:?}");
                }
            }
        }
    }
}

/// A thumbnail gets a third of the frames, and at a quarter of the rate.
#[test]
fn layers_are_left_out_at_once_and_taken_up_with_a_key_frame() {
    for format in [VP9, AV1] {
        let weather = Weather {
            format,
            descriptor: true,
            whims: 0,
            ..FAIR
        };
        let mut meeting = Meeting::new(1, weather);
        let frames = |meeting: &Meeting| {
            let checker = &meeting.subscribers[0].checker;
            checker.verify(format.codec).unwrap().frames
        };
        meeting.run(40);
        assert_eq!(frames(&meeting), 120);
        let low = Wish::UpTo {
            encoding: 0,
            temporal: 0,
        };
        let live = meeting.liveness.live(meeting.now);
        assert_eq!(meeting.subscribers[0].stream.set_wish(low, live), None);
        meeting.run(40);
        assert_eq!(frames(&meeting), 120 + 10);
        let smooth = Wish::UpTo {
            encoding: 0,
            temporal: 2,
        };
        assert_eq!(meeting.subscribers[0].stream.set_wish(smooth, live), None);
        meeting.run(40);
        let now = frames(&meeting);
        assert!((120 + 10 + 36..=120 + 10 + 40).contains(&now), "{now}");
        let stream = &mut meeting.subscribers[0].stream;
        assert_eq!(stream.set_wish(Wish::BEST, live), Some(2));
        meeting.broker.want();
        meeting.run(40);
        assert!(frames(&meeting) > now + 90, "{}", frames(&meeting));
    }
}

/// Receivers are told which decode targets will come.
#[test]
fn the_mask_names_what_is_sent() {
    let weather = Weather {
        format: AV1,
        descriptor: true,
        whims: 0,
        ..FAIR
    };
    let mut meeting = Meeting::new(1, weather);
    let wish = Wish::UpTo {
        encoding: 1,
        temporal: 1,
    };
    meeting.subscribers[0]
        .stream
        .set_wish(wish, Encodings::default());
    let made = meeting
        .encoder
        .encode(Duration::ZERO, &mut meeting.dice, meeting.now);
    let mut reader = Dependencies::default();
    for made in &made {
        let extensions = Extensions {
            dependency_descriptor: made.descriptor.as_deref(),
            ..Extensions::default()
        };
        let arrival = Arrival {
            header: &made.header,
            extensions: &extensions,
            payload: &made.payload,
            format: AV1,
            repair: false,
        };
        let packet = meeting.up.receive(&arrival, meeting.now).unwrap();
        let stream = &mut meeting.subscribers[0].stream;
        let live = Encodings::default().with(0);
        let sent = stream
            .forward(&packet, &scalable_types(), live, meeting.now)
            .send;
        let Some(rewritten) = sent else {
            assert_eq!(packet.quality(), 2);
            continue;
        };
        let ids = ExtensionIds {
            dependency_descriptor: Some(8),
            ..ExtensionIds::default()
        };
        let mut out = Vec::new();
        rewritten.write(&packet, &ids, Stamp::default(), &mut out);
        let parsed = Parsed::read(&out).unwrap();
        let extensions = Extensions::read(&out, &parsed, &ids).unwrap();
        let frame = reader
            .read(extensions.dependency_descriptor.unwrap())
            .unwrap();
        // Of nine targets, the first two of each of the first two spatial layers.
        assert_eq!(frame.active(), 0b11011);
        assert_eq!(frame.spatial, packet.quality());
        assert_eq!(
            frame.references,
            packet.dependency.as_ref().unwrap().references
        );
        assert_eq!(frame.begins, made.source.part == 0);
        let last = made.source.part + 1 == made.source.parts;
        assert_eq!(rewritten.header.marker, last && frame.spatial == 1);
    }
}

proptest! {
    #[test]
    fn any_weather(
        seed: u64, loss in 0_u64..100, reorder in 0_u64..100, whims in 0_u64..100,
        key_only: bool, av1: bool,
    ) {
        let weather = Weather {
            format: if av1 { AV1 } else { VP9 },
            descriptor: true,
            key_only,
            loss,
            reorder,
            whims,
        };
        judge(seed, weather)?;
    }

    #[test]
    fn any_weather_without_descriptors(
        seed: u64, loss in 0_u64..100, reorder in 0_u64..100, whims in 0_u64..100, key_only: bool,
    ) {
        let weather = Weather { key_only, loss, reorder, whims, ..FAIR };
        judge(seed, weather)?;
    }
}
