//! One subscribed track as a decoder would see it: frames put together,
//! frames that can be decoded, the time between them, and whose they are.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use protocol::media::{Codec, Kind};

use crate::{
    conformance::{Conformance, Fact, Violation},
    marker::Marker,
    vp8::Descriptor,
};

/// Who published a packet, as its marker says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Owner {
    pub tag: u32,
    pub key: u32,
}

/// What was received of a track.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrackStats {
    pub packets: u64,
    /// Payload bytes.
    pub bytes: u64,
    /// Holes in the sequence numbers that nothing has filled.
    pub lost: u64,
    /// Frames that could be decoded; with audio, packets.
    pub frames: u64,
    pub key_frames: u64,
    /// The longest time without a decoded frame since the window began, up
    /// to the last frame.
    pub longest_gap: Duration,
    pub last_frame: Option<Instant>,
    /// Simulcast layer of the last decoded frame.
    pub layer: Option<u8>,
    /// How often the layer changed.
    pub switches: u64,
    /// Highest temporal layer decoded since the window began.
    pub temporal: u8,
    /// Key frames that this client asked for.
    pub requests: u64,
    /// Everyone whose packets came on this track, and how many.
    pub owners: BTreeMap<Owner, u64>,
    /// The first few violations, and how many there were.
    pub violations: Vec<Violation>,
    pub violation_count: u64,
    pub picture_id_jumps: u64,
}

/// One packet as it comes out of the transport.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    pub(crate) ssrc: u32,
    /// Extended.
    pub(crate) seq: u64,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) codec: Codec,
    pub(crate) payload: &'a [u8],
}

#[derive(Debug)]
pub(crate) struct Receiver {
    ssrc: Option<u32>,
    stats: TrackStats,
    conformance: Conformance,
    window: Instant,
    first_seq: u64,
    last_seq: u64,
    seen: u64,
    /// Frames that are not complete, by layer and number.
    partial: BTreeMap<(u8, u32), Partial>,
    /// Complete frames that wait for the one that they depend on.
    waiting: BTreeMap<(u8, u32), Marker>,
    decoded: BTreeSet<u32>,
    last_request: Option<Instant>,
    /// The first packet since a frame was last decoded.
    waiting_since: Option<Instant>,
}

#[derive(Debug)]
struct Partial {
    have: BTreeSet<u16>,
    marker: Marker,
}

/// Frames that are kept in parts or waiting: four seconds of a camera.
const FRAMES: usize = 128;
/// A decoder that got packets but no picture for so long asks for a key frame…
const STALL: Duration = Duration::from_millis(400);
/// …and asks again after this.
const REQUEST_INTERVAL: Duration = Duration::from_millis(500);
/// Owners that are told apart; more would mean that everything is wrong.
const OWNERS: usize = 64;

impl Receiver {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            ssrc: None,
            stats: TrackStats::default(),
            conformance: Conformance::default(),
            window: now,
            first_seq: 0,
            last_seq: 0,
            seen: 0,
            partial: BTreeMap::new(),
            waiting: BTreeMap::new(),
            decoded: BTreeSet::new(),
            last_request: None,
            waiting_since: None,
        }
    }

    pub(crate) fn stats(&self) -> TrackStats {
        let expected = if self.seen == 0 {
            0
        } else {
            self.last_seq - self.first_seq + 1
        };
        TrackStats {
            lost: self.stats.lost + expected.saturating_sub(self.seen),
            violations: self.conformance.kept.clone(),
            violation_count: self.conformance.count,
            picture_id_jumps: self.conformance.picture_id_jumps,
            ..self.stats.clone()
        }
    }

    /// Begins to measure gaps anew.
    pub(crate) const fn begin_window(&mut self, now: Instant) {
        self.window = now;
        self.stats.longest_gap = Duration::ZERO;
        self.stats.temporal = 0;
    }

    /// The longest time without a frame since the window began, including now.
    pub(crate) fn gap(&self, now: Instant) -> Duration {
        let since = self
            .stats
            .last_frame
            .map_or(self.window, |t| t.max(self.window));
        self.stats
            .longest_gap
            .max(now.saturating_duration_since(since))
    }

    /// Whether a key frame must be asked for.
    pub(crate) fn packet(&mut self, packet: &Received<'_>, now: Instant) -> bool {
        self.count(packet);
        self.waiting_since.get_or_insert(now);
        let marker = Marker::find(packet.payload);
        let padding = packet.payload.is_empty();
        if marker.is_none() && !padding {
            self.conformance
                .report(Violation::Spoiled { seq: packet.seq });
        }
        let video = packet.codec.kind() == Kind::Video;
        let vp8 = if packet.codec == Codec::Vp8 {
            Descriptor::parse(packet.payload).map(|(d, _)| d)
        } else {
            None
        };
        let fact = Fact {
            arrival: now,
            timestamp: packet.timestamp,
            clock_rate: packet.codec.clock_rate(),
            marker_bit: packet.marker,
            marker,
            vp8,
            video,
        };
        self.conformance.packet(packet.seq, fact);
        let Some(marker) = marker else {
            return false;
        };
        self.own(&marker);
        if video {
            self.assemble(marker, now);
            self.stalled(now)
        } else {
            self.decode(&marker, now);
            false
        }
    }

    fn count(&mut self, packet: &Received<'_>) {
        if self.ssrc != Some(packet.ssrc) {
            if self.seen > 0 {
                let expected = self.last_seq - self.first_seq + 1;
                self.stats.lost += expected.saturating_sub(self.seen);
            }
            self.ssrc = Some(packet.ssrc);
            self.seen = 0;
            self.first_seq = packet.seq;
            self.last_seq = packet.seq;
            self.conformance.restart();
        }
        self.seen += 1;
        self.first_seq = self.first_seq.min(packet.seq);
        self.last_seq = self.last_seq.max(packet.seq);
        self.stats.packets += 1;
        self.stats.bytes += u64::try_from(packet.payload.len()).unwrap_or(0);
    }

    fn own(&mut self, marker: &Marker) {
        let owner = Owner {
            tag: marker.tag,
            key: marker.key,
        };
        if let Some(count) = self.stats.owners.get_mut(&owner) {
            *count += 1;
        } else if self.stats.owners.len() < OWNERS {
            self.stats.owners.insert(owner, 1);
        }
    }

    fn assemble(&mut self, marker: Marker, now: Instant) {
        let id = (marker.layer, marker.frame);
        let partial = self.partial.entry(id).or_insert_with(|| Partial {
            have: BTreeSet::new(),
            marker,
        });
        partial.have.insert(marker.index);
        if partial.have.len() == usize::from(partial.marker.count) {
            self.partial.remove(&id);
            self.complete(id, marker, now);
        }
        while self.partial.len() > FRAMES {
            self.partial.pop_first();
        }
    }

    fn complete(&mut self, id: (u8, u32), marker: Marker, now: Instant) {
        if !self.decodable(&marker) {
            self.waiting.insert(id, marker);
            while self.waiting.len() > FRAMES {
                self.waiting.pop_first();
            }
            return;
        }
        self.decode(&marker, now);
        while let Some((id, next)) = self
            .waiting
            .iter()
            .find(|(_, m)| !m.key_frame && self.decodable(m))
            .map(|(id, m)| (*id, *m))
        {
            self.waiting.remove(&id);
            self.decode(&next, now);
        }
    }

    fn decodable(&self, marker: &Marker) -> bool {
        marker.key_frame
            || (self.stats.layer == Some(marker.layer) && self.decoded.contains(&marker.depends))
    }

    fn decode(&mut self, marker: &Marker, now: Instant) {
        let since = self
            .stats
            .last_frame
            .map_or(self.window, |t| t.max(self.window));
        let gap = now.saturating_duration_since(since);
        self.stats.longest_gap = self.stats.longest_gap.max(gap);
        self.stats.last_frame = Some(now);
        self.waiting_since = None;
        self.stats.frames += 1;
        self.stats.temporal = self.stats.temporal.max(marker.temporal);
        if marker.key_frame {
            self.stats.key_frames += 1;
            self.decoded.clear();
            if self.stats.layer.is_some_and(|layer| layer != marker.layer) {
                self.stats.switches += 1;
            }
            self.stats.layer = Some(marker.layer);
        }
        self.decoded.insert(marker.frame);
        while self.decoded.len() > FRAMES {
            self.decoded.pop_first();
        }
    }

    fn stalled(&mut self, now: Instant) -> bool {
        let since = self.waiting_since.unwrap_or(now);
        let again = self
            .last_request
            .is_none_or(|t| now.saturating_duration_since(t) >= REQUEST_INTERVAL);
        let stalled = again && now.saturating_duration_since(since) >= STALL;
        if stalled {
            self.last_request = Some(now);
            self.stats.requests += 1;
        }
        stalled
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use protocol::media::Codec;

    use super::{Received, Receiver};
    use crate::feed::{Feed, Generator, VideoCodec, VideoFeed};

    #[expect(
        clippy::disallowed_methods,
        reason = "a test needs some instant to count from"
    )]
    fn base() -> Instant {
        Instant::now()
    }

    struct Link {
        generator: Generator,
        receiver: Receiver,
        base: Instant,
        seq: u64,
        tick: u64,
    }

    impl Link {
        fn new(feed: VideoFeed) -> Self {
            let base = base();
            Self {
                generator: Generator::new(Feed::Video(feed), 5, 6, 7),
                receiver: Receiver::new(base),
                base,
                seq: 100,
                tick: 0,
            }
        }

        fn now(&self) -> Instant {
            self.base + Duration::from_millis(self.tick * 1000 / 30)
        }

        /// Sends a frame without the packets that `lose` names; whether a
        /// key frame was asked for.
        fn frame(&mut self, layer: usize, lose: impl Fn(usize) -> bool) -> bool {
            let mut asked = false;
            let now = self.now();
            for (i, p) in self
                .generator
                .frame(layer, self.tick)
                .into_iter()
                .enumerate()
            {
                self.seq += 1;
                if !lose(i) {
                    asked |= self.receiver.packet(
                        &Received {
                            ssrc: 9,
                            seq: self.seq,
                            timestamp: p.timestamp,
                            marker: p.marker,
                            codec: Codec::Vp8,
                            payload: &p.payload,
                        },
                        now,
                    );
                }
            }
            self.tick += 1;
            asked
        }
    }

    #[test]
    fn a_clean_stream_has_no_gap_and_nothing_to_complain() {
        let mut link = Link::new(VideoFeed::camera());
        for _ in 0..90 {
            assert!(!link.frame(2, |_| false));
        }
        let stats = link.receiver.stats();
        assert_eq!((stats.frames, stats.key_frames, stats.lost), (90, 1, 0));
        assert_eq!(stats.violation_count, 0, "{:?}", stats.violations);
        assert!(stats.longest_gap <= Duration::from_millis(34));
        assert_eq!(stats.owners.len(), 1);
        assert_eq!(stats.layer, Some(2));
    }

    #[test]
    fn a_lost_packet_stops_the_picture_until_a_key_frame() {
        let mut link = Link::new(VideoFeed::camera());
        for _ in 0..10 {
            link.frame(2, |_| false);
        }
        link.frame(2, |i| i == 0);
        let mut asked_at = None;
        for n in 0..30 {
            if link.frame(2, |_| false) {
                asked_at = Some(n);
                link.generator.request_key_frame(2);
                break;
            }
        }
        assert!(
            asked_at.is_some_and(|n| (10..16).contains(&n)),
            "{asked_at:?}"
        );
        assert_eq!(link.receiver.stats().frames, 10);
        link.frame(2, |_| false);
        let stats = link.receiver.stats();
        assert_eq!((stats.frames, stats.key_frames, stats.lost), (11, 2, 1));
        assert!(stats.longest_gap > Duration::from_millis(400));
        assert_eq!(stats.violation_count, 0, "{:?}", stats.violations);
    }

    #[test]
    fn lost_upper_temporal_layers_do_no_harm() {
        let mut link = Link::new(VideoFeed {
            temporal_layers: 3,
            codec: VideoCodec::Vp8,
            ..VideoFeed::camera()
        });
        for n in 0..40 {
            let odd = n % 2 == 1;
            assert!(!link.frame(0, move |_| odd));
        }
        let stats = link.receiver.stats();
        assert_eq!(stats.frames, 20);
        assert!(stats.longest_gap <= Duration::from_millis(68));
    }
}
