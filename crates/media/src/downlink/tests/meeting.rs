//! A publisher with three encodings and three temporal layers, a network that
//! loses, repairs and reorders, and subscribers who cannot make up their minds;
//! everything they are sent is judged by [`conformance`].

#![expect(
    clippy::cast_possible_truncation,
    reason = "the numbers of a test are small"
)]

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use proptest::prelude::*;
use protocol::media::ExtensionIds;

use super::*;
use crate::{
    downlink::conformance::{Checker, Source, Summary, Violation},
    rtp::testing::Dice,
    uplink::{KeyFrames, Liveness},
};

const FRAME: Duration = Duration::from_millis(33);
const ROUND_TRIP: Duration = Duration::from_millis(50);

/// How bad it gets, in per mille.
#[derive(Clone, Copy, Debug)]
struct Weather {
    loss: u64,
    /// Of what is lost, how much is repaired.
    repair: u64,
    reorder: u64,
    padding: u64,
    /// Per frame and subscriber: a new wish.
    whims: u64,
    /// Some wishes are to be left alone.
    pauses: bool,
    /// Per frame and encoding: it stops or starts.
    stops: u64,
    long_ids: bool,
}

const FAIR: Weather = Weather {
    loss: 0,
    repair: 0,
    reorder: 0,
    padding: 30,
    whims: 30,
    pauses: true,
    stops: 5,
    long_ids: true,
};

/// libwebrtc's pattern of three temporal layers: layer, whether it depends on
/// nothing but the base layer, and how many frames back what it needs is.
const PATTERN: [(u8, bool, u64); 8] = [
    (0, false, 4),
    (2, true, 1),
    (1, true, 2),
    (2, false, 1),
    (0, false, 4),
    (2, false, 2),
    (1, false, 4),
    (2, false, 1),
];

struct Made {
    header: Header,
    payload: Vec<u8>,
    source: Source,
}

struct Encoder {
    encoding: u8,
    active: bool,
    sequence: u16,
    timestamp_origin: u32,
    picture_id: u16,
    tl0: u8,
    frame: u64,
    position: usize,
    key_frame_due: Option<Instant>,
    long_ids: bool,
}

impl Encoder {
    fn new(encoding: u8, dice: &mut Dice, long_ids: bool) -> Self {
        Self {
            encoding,
            active: true,
            sequence: (dice.next() & 0x7fff) as u16,
            timestamp_origin: (dice.next() & 0xffff_ffff) as u32,
            picture_id: (dice.next() & 0x7fff) as u16,
            tl0: (dice.next() & 0xff) as u8,
            frame: 0,
            position: 0,
            key_frame_due: None,
            long_ids,
        }
    }

    fn timestamp(&self, captured: Duration) -> u32 {
        self.timestamp_origin
            .wrapping_add(crate::rtp::ticks(captured, 90_000))
    }

    fn encode(
        &mut self,
        captured: Duration,
        dice: &mut Dice,
        padding: u64,
        now: Instant,
    ) -> Vec<Made> {
        let key = self.frame == 0 || self.key_frame_due.is_some_and(|due| due <= now);
        if key {
            self.key_frame_due = None;
            self.position = 0;
        }
        let (layer, sync, back) = PATTERN[self.position % 8];
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        if layer == 0 {
            self.tl0 = self.tl0.wrapping_add(1);
        }
        let size = if key { 3 } else { 1 };
        let parts = (size + dice.below(3)) as u16;
        let source = Source {
            encoding: self.encoding,
            frame: self.frame,
            part: 0,
            parts,
            key_frame: key,
            needs: if key {
                [None; 2]
            } else {
                [self.frame.checked_sub(back), None]
            },
            picture: self.frame,
        };
        let layers = layer << 6 | if sync { 0x20 } else { 0 };
        let mut made: Vec<Made> = (0..parts)
            .map(|part| self.packet(Source { part, ..source }, layers, captured))
            .collect();
        if dice.permille(padding) {
            let timestamp = self.timestamp(captured);
            made.push(Made {
                header: self.header(timestamp, false),
                payload: Vec::new(),
                source,
            });
        }
        self.frame += 1;
        self.position += 1;
        made
    }

    fn packet(&mut self, source: Source, layers: u8, captured: Duration) -> Made {
        let mut payload = vec![if source.part == 0 { 0x90 } else { 0x80 }, 0xe0];
        if self.long_ids {
            payload.extend((0x8000 | self.picture_id).to_be_bytes());
        } else {
            payload.push((self.picture_id & 0x7f) as u8);
        }
        payload.extend([self.tl0, layers, u8::from(!source.key_frame)]);
        payload.extend(source.frame.to_be_bytes());
        payload.extend(source.part.to_be_bytes());
        let timestamp = self.timestamp(captured);
        Made {
            header: self.header(timestamp, source.part + 1 == source.parts),
            payload,
            source,
        }
    }

    fn header(&mut self, timestamp: u32, marker: bool) -> Header {
        self.sequence = self.sequence.wrapping_add(1);
        Header {
            marker,
            payload_type: 96,
            sequence: self.sequence,
            timestamp,
            ssrc: u32::from(self.encoding),
        }
    }
}

struct Subscriber {
    stream: Stream,
    checker: Checker,
    /// Capture time and timestamp of the first packet.
    first: Option<(Duration, u32)>,
    worst_skew: i64,
}

struct Meeting {
    dice: Dice,
    weather: Weather,
    start: Instant,
    now: Instant,
    encoders: Vec<Encoder>,
    ups: Vec<uplink::Stream>,
    brokers: Vec<KeyFrames>,
    liveness: Liveness,
    /// Arrival time, number of the packet, whether it is a repair.
    wire: BinaryHeap<Reverse<(Instant, usize, bool)>>,
    made: Vec<(Made, Duration)>,
    subscribers: Vec<Subscriber>,
    gone: u64,
}

impl Meeting {
    fn new(seed: u64, weather: Weather) -> Self {
        let mut dice = Dice(seed);
        let start = start();
        let encoders: Vec<_> = (0..3)
            .map(|encoding| Encoder::new(encoding, &mut dice, weather.long_ids))
            .collect();
        let subscribers = (0..3)
            .map(|_| {
                let mut settings = settings(Kind::Video);
                settings.origin = Origin {
                    sequence: (dice.next() & 0xffff) as u16,
                    rtx_sequence: 0,
                    timestamp: (dice.next() & 0xffff_ffff) as u32,
                    picture_id: (dice.next() & 0xffff) as u16,
                };
                Subscriber {
                    stream: Stream::new(settings, Wish::BEST),
                    checker: Checker::default(),
                    first: None,
                    worst_skew: 0,
                }
            })
            .collect();
        Self {
            dice,
            weather,
            start,
            now: start,
            encoders,
            ups: (0..3)
                .map(|at| uplink::Stream::new(TrackId(1), at, at.into(), Kind::Video))
                .collect(),
            brokers: vec![KeyFrames::default(); 3],
            liveness: Liveness::default(),
            wire: BinaryHeap::new(),
            made: Vec::new(),
            subscribers,
            gone: 0,
        }
    }

    fn run(&mut self, frames: u32) {
        for _ in 0..frames {
            self.capture();
            self.whims();
            self.reports();
            let end = self.now + FRAME;
            while let Some(Reverse((at, made, repair))) = self.wire.pop() {
                if at > end {
                    self.wire.push(Reverse((at, made, repair)));
                    break;
                }
                self.now = self.now.max(at);
                self.arrive(made, repair);
            }
            self.now = end;
            for (broker, encoder) in self.brokers.iter_mut().zip(&mut self.encoders) {
                if broker.poll(ROUND_TRIP, self.now) {
                    encoder.key_frame_due = Some(self.now + ROUND_TRIP / 2);
                }
            }
        }
    }

    fn capture(&mut self) {
        let captured = self.now - self.start;
        for at in 0..self.encoders.len() {
            if at > 0 && self.dice.permille(self.weather.stops) {
                let active = &mut self.encoders[at].active;
                *active = !*active;
                self.encoders[at].key_frame_due = Some(self.now);
            }
            if !self.encoders[at].active {
                continue;
            }
            let padding = self.weather.padding;
            let made = self.encoders[at].encode(captured, &mut self.dice, padding, self.now);
            for (nth, made) in (0_u32..).zip(made) {
                self.transmit(made, captured, nth);
            }
        }
    }

    fn transmit(&mut self, made: Made, captured: Duration, nth: u32) {
        let number = self.made.len();
        let mut at = self.now + 5 * MS + nth * Duration::from_micros(300);
        let mut repair = false;
        if self.dice.permille(self.weather.loss) {
            let Source {
                encoding, frame, ..
            } = made.source;
            for subscriber in &mut self.subscribers {
                subscriber.checker.lost(encoding, frame);
            }
            repair = self.dice.permille(self.weather.repair);
            at += MS * (60 + self.dice.below(200) as u32);
            if !repair {
                self.gone += 1;
            }
            self.made.push((made, captured));
            if repair {
                self.wire.push(Reverse((at, number, true)));
            }
            return;
        }
        if self.dice.permille(self.weather.reorder) {
            at += MS * (self.dice.below(60) as u32);
        }
        self.made.push((made, captured));
        self.wire.push(Reverse((at, number, repair)));
    }

    fn arrive(&mut self, number: usize, repair: bool) {
        let (made, captured) = &self.made[number];
        let encoding = made.source.encoding;
        let extensions = Extensions::default();
        let arrival = Arrival {
            header: &made.header,
            extensions: &extensions,
            payload: &made.payload,
            format: VP8,
            repair,
        };
        let up = &mut self.ups[usize::from(encoding)];
        let Ok(packet) = up.receive(&arrival, self.now) else {
            return;
        };
        assert_eq!(
            packet.key_frame,
            made.source.key_frame && made.source.part == 0 && !packet.payload().is_empty()
        );
        self.liveness.observe(encoding, packet.marker, self.now);
        if packet.key_frame {
            self.brokers[usize::from(encoding)].arrived();
        }
        let live = self.liveness.live(self.now);
        for subscriber in &mut self.subscribers {
            if packet.overtaken && subscriber.stream.encoding() != Some(encoding) {
                // It came when the subscriber had gone on to another encoding.
                subscriber.checker.lost(encoding, made.source.frame);
            }
            let forward = subscriber.stream.forward(&packet, &types(), live, self.now);
            if let Some(wanted) = forward.key_frame {
                self.brokers[usize::from(wanted)].want();
            }
            if let Some(rewritten) = forward.send {
                subscriber.take(&rewritten, &packet, made.source, *captured);
            }
        }
    }

    fn whims(&mut self) {
        let live = self.liveness.live(self.now);
        for subscriber in &mut self.subscribers {
            if !self.dice.permille(self.weather.whims) {
                continue;
            }
            let wish = if self.weather.pauses && self.dice.below(5) == 0 {
                Wish::Paused
            } else {
                Wish::UpTo {
                    encoding: self.dice.below(4) as u8,
                    temporal: self.dice.below(3) as u8,
                }
            };
            if let Some(wanted) = subscriber.stream.set_wish(wish, live) {
                self.brokers[usize::from(wanted)].want();
            }
        }
    }

    fn reports(&mut self) {
        for (encoder, up) in self.encoders.iter().zip(&mut self.ups) {
            if encoder.active && self.dice.permille(40) {
                let captured = self.now - self.start;
                let info = SenderInfo {
                    ssrc: 0,
                    ntp: (3 << 40) + super::super::reports::ntp(captured),
                    timestamp: encoder.timestamp(captured),
                    packets: 0,
                    bytes: 0,
                };
                up.report_received(&info, self.now);
            }
        }
    }

    fn verdicts(&self) -> Vec<Result<Summary, Violation>> {
        self.subscribers
            .iter()
            .map(|subscriber| subscriber.checker.verify(Codec::Vp8))
            .collect()
    }
}

impl Subscriber {
    fn take(&mut self, rewritten: &Rewritten, packet: &Packet, source: Source, captured: Duration) {
        let mut out = Vec::new();
        let ids = ExtensionIds::default();
        let header_len = rewritten.write(packet, &ids, Stamp::default(), &mut out);
        self.checker
            .sent(&rewritten.header, &out[header_len..], source);
        let (first, timestamp) = *self
            .first
            .get_or_insert((captured, rewritten.header.timestamp));
        let ran = rewritten
            .header
            .timestamp
            .wrapping_sub(timestamp)
            .cast_signed();
        let truth = (captured.as_micros() as i64 - first.as_micros() as i64) * 9 / 100;
        self.worst_skew = self.worst_skew.max((i64::from(ran) - truth).abs());
    }
}

/// Runs a stormy meeting, then a quiet while in which all must come right.
fn judge(seed: u64, weather: Weather) -> Result<Vec<Summary>, TestCaseError> {
    let mut meeting = Meeting::new(seed, weather);
    meeting.run(300);
    meeting.weather = Weather {
        loss: 0,
        reorder: 0,
        whims: 0,
        stops: 0,
        ..weather
    };
    for encoder in &mut meeting.encoders {
        encoder.active = true;
    }
    let live = meeting.liveness.live(meeting.now);
    for subscriber in &mut meeting.subscribers {
        if let Some(wanted) = subscriber.stream.set_wish(Wish::BEST, live) {
            meeting.brokers[usize::from(wanted)].want();
        }
    }
    meeting.run(60);
    let before: BTreeMap<_, _> = meeting.verdicts().into_iter().enumerate().collect();
    meeting.run(30);
    let mut summaries = Vec::new();
    for (at, verdict) in meeting.verdicts().into_iter().enumerate() {
        let summary = verdict.map_err(|violation| TestCaseError::fail(violation.to_string()))?;
        let subscriber = &meeting.subscribers[at];
        prop_assert_eq!(subscriber.stream.encoding(), Some(2));
        let frames = before[&at].map_or(0, |before| before.frames);
        prop_assert_eq!(
            summary.frames - frames,
            30,
            "every frame of the last second"
        );
        prop_assert!(subscriber.worst_skew < 45_000, "{}", subscriber.worst_skew);
        if weather.loss == 0 && weather.reorder == 0 {
            prop_assert_eq!((summary.missing, summary.blanks), (0, 0));
        } else if !weather.pauses && weather.reorder == 0 {
            prop_assert!(summary.missing <= meeting.gone, "{:?}", summary);
        }
        summaries.push(summary);
    }
    Ok(summaries)
}

#[test]
fn fair_weather_has_switches_and_no_holes() {
    let mut switches = 0;
    for seed in 0..20 {
        for summary in judge(seed, FAIR).unwrap() {
            assert!(summary.frames > 100, "{summary:?}");
            switches += summary.switches;
        }
    }
    assert!(switches > 100, "{switches}");
}

#[test]
fn short_picture_ids_are_kept_as_well() {
    for seed in 0..20 {
        let weather = Weather {
            long_ids: false,
            ..FAIR
        };
        judge(seed, weather).unwrap();
    }
}

/// The same seed is the same run.
#[test]
fn runs_repeat() {
    let storm = Weather {
        loss: 50,
        repair: 800,
        reorder: 100,
        ..FAIR
    };
    assert_eq!(judge(7, storm).unwrap(), judge(7, storm).unwrap());
}

proptest! {
    #[test]
    fn any_weather(
        seed: u64, loss in 0_u64..150, repair in 0_u64..=1_000, reorder in 0_u64..200,
        padding in 0_u64..100, whims in 0_u64..100, pauses: bool, stops in 0_u64..20,
    ) {
        let weather = Weather {
            loss, repair, reorder, padding, whims, pauses, stops, long_ids: true,
        };
        judge(seed, weather)?;
    }
}
