//! What forwarding costs: thread CPU time per forwarded packet of the media
//! plane, with real handshakes and the receivers' own feedback, against the
//! floor (copy the packet, seal it) measured in the same run.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark prints, and may panic"
)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use common::{Packet, Rtp, World, video};
use media::{Input, Shard};
use protocol::media::Kind;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rustix::time::{ClockId, clock_gettime};

/// Packets of one picture, sent together, and the time between pictures:
/// 250 packets/s of 1,100 bytes, 2.2 Mbit/s.
const BURST: u16 = 8;
const PICTURE: Duration = Duration::from_millis(32);
const PAYLOAD: usize = 1_100;
/// Pictures in one round: about three seconds of the meeting.
const PICTURES: u16 = 93;
/// Receivers of each run.
const SIZES: [usize; 3] = [10, 100, 1_000];
/// Forwarded packets that one run measures at least.
const ENOUGH: u64 = 1_000_000;
const ROUNDS: u64 = 4;

fn main() {
    println!("receivers  packets  plenary ns  floor ns  ratio  datagrams per send  feedback ns");
    let mut lines = Vec::new();
    // Numbers among the arguments are sizes; cargo adds flags of its own.
    let asked: Vec<usize> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let sizes = if asked.is_empty() {
        &SIZES
    } else {
        asked.as_slice()
    };
    for receivers in sizes.iter().copied() {
        let mut meeting = Meeting::new(receivers);
        let per_round = u64::from(BURST * PICTURES) * u64::try_from(receivers).unwrap();
        let rounds = (ENOUGH / per_round).clamp(ROUNDS, 40);
        let mut floor = Floor::new(receivers);
        let (mut plane, mut least, mut told) = (Vec::new(), Vec::new(), Vec::new());
        meeting.rehearse();
        for _ in 0..rounds {
            let feedback = meeting.rehearse();
            let (all, of_feedback) = meeting.measure(feedback);
            plane.push(all);
            told.push(of_feedback);
            least.push(floor.measure());
        }
        let (plenary, floor, told) = (quartile(plane), quartile(least), quartile(told));
        let ratio = plenary / floor;
        let sends = meeting.datagrams as f64 / meeting.sends as f64;
        println!(
            "{receivers:9}  {:7}  {plenary:10.0}  {floor:8.0}  {ratio:5.2}  {sends:18.1}  {told:11.0}",
            per_round * rounds
        );
        lines.push(format!(
            "forward receivers={receivers} plenary_ns={plenary:.0} floor_ns={floor:.0} ratio={ratio:.2}"
        ));
    }
    for line in lines {
        println!("{line}");
    }
}

/// The lower quartile: what disturbs the other rounds is not ours.
fn quartile(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 4]
}

/// CPU time of this thread.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap(),
        u32::try_from(time.tv_nsec).unwrap(),
    )
}

/// One publisher and its receivers on one shard.
struct Meeting {
    world: World,
    sequence: u16,
    picture: u16,
    sends: u64,
    datagrams: u64,
}

impl Meeting {
    fn new(receivers: usize) -> Self {
        let mut world = World::new(1);
        let publisher = world.join(0);
        for _ in 0..receivers {
            world.join(0);
        }
        world.connect();
        world.publish(publisher, 2, Kind::Video);
        for client in 1..=receivers {
            world.subscribe(client, 2, 0, Kind::Video);
        }
        Self {
            world,
            sequence: 0,
            picture: 0,
            sends: 0,
            datagrams: 0,
        }
    }

    fn write_picture(&mut self) {
        for n in 0..BURST {
            let rtp = Rtp {
                marker: n + 1 == BURST,
                timestamp: u32::from(self.picture) * 2_880,
                payload: payload(self.picture, n == 0),
                ..video(2, self.sequence)
            };
            self.world.write(0, rtp);
            self.sequence = self.sequence.wrapping_add(1);
        }
        self.picture = self.picture.wrapping_add(1);
    }

    /// One round in which the receivers receive, not measured. What they
    /// report is kept, with the time since the beginning of the round.
    fn rehearse(&mut self) -> Vec<(Duration, Packet)> {
        let mut feedback = Vec::new();
        let begun = self.world.now;
        for _ in 0..PICTURES {
            self.write_picture();
            self.world.keep = Some(is_media_of_receivers);
            self.world.run_for(PICTURE);
            let elapsed = self.world.now - begun;
            let kept = self.world.kept.drain(..);
            feedback.extend(kept.map(|packet| (elapsed, packet)));
            self.world.keep = None;
        }
        feedback
    }

    /// One round through the shard alone, with the feedback of a round before.
    /// Gives nanoseconds per forwarded packet, and how many of them went into
    /// taking in what the receivers report.
    fn measure(&mut self, feedback: Vec<(Duration, Packet)>) -> (f64, f64) {
        let begun = self.world.now;
        let mut batches: Vec<(Instant, [Vec<Packet>; 2])> = Vec::new();
        let mut feedback = feedback.into_iter().peekable();
        for _ in 0..PICTURES {
            let mut batch = std::mem::take(&mut self.world.kept);
            self.world.keep = Some(|_| true);
            self.write_picture();
            self.world.keep = None;
            std::mem::swap(&mut batch, &mut self.world.kept);
            let elapsed = self.world.now - begun + PICTURE;
            let mut reports = Vec::new();
            while let Some((_, packet)) = feedback.next_if(|(at, _)| *at <= elapsed) {
                reports.push(packet);
            }
            batches.push((self.world.now, [batch, reports]));
            self.world.now += PICTURE;
        }
        let shard = &mut self.world.shards[0];
        let forwarded = shard.stats().packets_forwarded;
        let datagrams = shard.stats().datagrams_out;
        let start = cpu();
        let mut told = Duration::ZERO;
        for (now, [batch, reports]) in &mut batches {
            take_in(shard, batch, *now);
            let before = cpu();
            take_in(shard, reports, *now);
            told += cpu() - before;
            if shard.poll_timeout().is_some_and(|(at, _)| at <= *now) {
                shard.handle_timeout(*now);
            }
            while let Some(output) = shard.poll_output() {
                black_box(output);
            }
            while let Some(transmit) = shard.poll_transmit(*now) {
                black_box(transmit.contents);
                self.sends += 1;
            }
        }
        let spent = cpu() - start;
        self.datagrams += shard.stats().datagrams_out - datagrams;
        let packets = shard.stats().packets_forwarded - forwarded;
        let expected =
            u64::from(BURST * PICTURES) * u64::try_from(self.world.clients.len() - 1).unwrap();
        assert!(packets >= expected * 99 / 100, "{packets} of {expected}");
        let per_packet = |time: Duration| time.as_nanos() as f64 / packets as f64;
        (per_packet(spent), per_packet(told))
    }
}

fn take_in(shard: &mut Shard, packets: &mut [Packet], now: Instant) {
    for packet in packets {
        let input = Input::Datagram {
            source: packet.source,
            destination: packet.destination,
            bytes: &mut packet.bytes,
        };
        shard.handle_input(input, now);
    }
}

/// RTCP and SCTP of the receivers, but not their connectivity checks.
fn is_media_of_receivers(packet: &Packet) -> bool {
    packet.destination == common::server()
        && packet.bytes.first().is_some_and(|first| *first >= 128)
        && packet.source.port() == 5000
        && matches!(packet.bytes.get(1), Some(192..=223))
}

fn payload(picture: u16, first: bool) -> Vec<u8> {
    let mut payload = common::vp8(picture, picture.is_multiple_of(1_000));
    if !first {
        payload[0] &= !0x10;
    }
    payload.resize(PAYLOAD, 3);
    payload
}

/// The least that must be done: for each receiver copy header and payload and
/// seal them with its key, in the same order and burst as the plane does.
struct Floor {
    keys: Vec<LessSafeKey>,
    slab: Vec<u8>,
    payloads: Vec<Vec<u8>>,
    counter: u64,
}

/// RTP header with transport sequence number and send time.
const HEADER: usize = 12 + 4 + 8;

impl Floor {
    fn new(receivers: usize) -> Self {
        let key = |n: usize| {
            let mut bytes = [7; 32];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes).unwrap())
        };
        Self {
            keys: (0..receivers).map(key).collect(),
            slab: Vec::new(),
            payloads: vec![vec![3; PAYLOAD]; usize::from(BURST)],
            counter: 0,
        }
    }

    fn measure(&mut self) -> f64 {
        let start = cpu();
        for _ in 0..PICTURES {
            for key in &self.keys {
                self.slab.clear();
                for payload in &self.payloads {
                    let at = self.slab.len();
                    self.slab.extend_from_slice(&[0x90; HEADER]);
                    self.slab.extend_from_slice(payload);
                    let mut nonce = [0; NONCE_LEN];
                    nonce[..8].copy_from_slice(&self.counter.to_be_bytes());
                    self.counter += 1;
                    let nonce = Nonce::assume_unique_for_key(nonce);
                    let (header, body) = self.slab[at..].split_at_mut(HEADER);
                    let aad = Aad::from(&*header);
                    let tag = key.seal_in_place_separate_tag(nonce, aad, body).unwrap();
                    self.slab.extend_from_slice(tag.as_ref());
                }
                black_box(&self.slab);
            }
        }
        let packets = usize::from(BURST * PICTURES) * self.keys.len();
        (cpu() - start).as_nanos() as f64 / packets as f64
    }
}
