//! Holds what an SFU sends against what RFC 3550 and RFC 7741 promise a
//! receiver: packets that are next to each other by sequence number must
//! also follow each other in time, frame and picture.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::{marker::Marker, vp8::Descriptor};

/// What an SFU must not do to a stream. Sequence numbers are extended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Violation {
    #[error("packet {seq}: the payload is not what was published")]
    Spoiled { seq: u64 },
    #[error("packet {seq}: the timestamp goes back by {ticks} ticks")]
    TimestampBack { seq: u64, ticks: u32 },
    #[error("packet {seq}: {ticks} ticks passed in the stream and {ms} ms here")]
    TimestampLeap { seq: u64, ticks: u32, ms: u64 },
    #[error("packet {seq}: a new frame, though the one before had no end")]
    FrameCut { seq: u64 },
    #[error("packet {seq}: the frame goes on after its marker bit")]
    FrameAfterEnd { seq: u64 },
    #[error("packet {seq}: the frame has no beginning")]
    FrameWithoutStart { seq: u64 },
    #[error("packet {seq}: packets of two frames or layers within one frame")]
    FrameMixed { seq: u64 },
    #[error("packet {seq}: picture id {to} after {from}")]
    PictureId { seq: u64, from: u16, to: u16 },
    #[error("packet {seq}: TL0PICIDX {to} after {from} at temporal layer {temporal}")]
    Tl0Picture {
        seq: u64,
        from: u8,
        to: u8,
        temporal: u8,
    },
    #[error("packet {seq}: another source or layer without a key frame")]
    SwitchWithoutKey { seq: u64 },
}

/// What is remembered of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fact {
    pub(crate) arrival: Instant,
    pub(crate) timestamp: u32,
    pub(crate) clock_rate: u32,
    pub(crate) marker_bit: bool,
    /// `None` with padding only, which carries no picture.
    pub(crate) marker: Option<Marker>,
    /// Present with VP8.
    pub(crate) vp8: Option<Descriptor>,
    pub(crate) video: bool,
}

/// Packets that are remembered: a second of a camera's best layer.
const REMEMBERED: usize = 256;
/// Violations that are kept; beyond it they are only counted.
const KEPT: usize = 16;
/// The stream's clock may be ahead of ours by this between two neighbours…
const AHEAD: Duration = Duration::from_secs(2);
/// …and behind by this: one may be a retransmission of long ago.
const BEHIND: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Conformance {
    facts: BTreeMap<u64, Fact>,
    pub(crate) kept: Vec<Violation>,
    pub(crate) count: u64,
    /// Neighbouring frames whose picture ids are further apart than one.
    pub(crate) picture_id_jumps: u64,
}

impl Conformance {
    /// The stream has a new SSRC: nothing that came before counts.
    pub(crate) fn restart(&mut self) {
        self.facts.clear();
    }

    pub(crate) fn report(&mut self, violation: Violation) {
        self.count += 1;
        if self.kept.len() < KEPT {
            self.kept.push(violation);
        }
    }

    pub(crate) fn packet(&mut self, seq: u64, fact: Fact) {
        let before = seq.checked_sub(1).and_then(|s| self.facts.get(&s)).copied();
        let behind = self.facts.get(&(seq + 1)).copied();
        if let Some(before) = before {
            self.neighbours(seq, &before, &fact);
        }
        if let Some(behind) = behind {
            self.neighbours(seq + 1, &fact, &behind);
        }
        self.facts.insert(seq, fact);
        while self.facts.len() > REMEMBERED {
            self.facts.pop_first();
        }
    }

    /// `seq` is that of `b`, the latter of the two.
    fn neighbours(&mut self, seq: u64, a: &Fact, b: &Fact) {
        let ticks = b.timestamp.wrapping_sub(a.timestamp);
        if ticks > u32::MAX / 2 {
            let ticks = a.timestamp.wrapping_sub(b.timestamp);
            return self.report(Violation::TimestampBack { seq, ticks });
        }
        let here = b.arrival.saturating_duration_since(a.arrival);
        let there = Duration::from_secs(u64::from(ticks)) / b.clock_rate.max(1);
        let leap = there > here + AHEAD || here > there + BEHIND;
        if leap && b.arrival >= a.arrival {
            let ms = u64::try_from(here.as_millis()).unwrap_or(u64::MAX);
            self.report(Violation::TimestampLeap { seq, ticks, ms });
        }
        let (Some(from), Some(to)) = (a.marker, b.marker) else {
            return;
        };
        if !b.video {
            if ticks == 0 {
                self.report(Violation::TimestampBack { seq, ticks });
            }
            return;
        }
        if ticks == 0 {
            return self.same_frame(seq, a, b, from, to);
        }
        if !a.marker_bit {
            self.report(Violation::FrameCut { seq });
        }
        if to.index != 0 {
            self.report(Violation::FrameWithoutStart { seq });
        }
        let source = |m: Marker| (m.tag, m.key, m.layer);
        if source(from) != source(to) && !(to.key_frame && to.index == 0) {
            self.report(Violation::SwitchWithoutKey { seq });
        }
        if let (Some(a), Some(b)) = (a.vp8, b.vp8) {
            self.next_picture(seq, &a, &b);
        }
    }

    fn same_frame(&mut self, seq: u64, a: &Fact, b: &Fact, from: Marker, to: Marker) {
        if a.marker_bit {
            self.report(Violation::FrameAfterEnd { seq });
        }
        let next = Marker {
            index: from.index.wrapping_add(1),
            ..from
        };
        if to != next {
            self.report(Violation::FrameMixed { seq });
        }
        let ids = (
            a.vp8.and_then(|d| d.picture_id),
            b.vp8.and_then(|d| d.picture_id),
        );
        if let (Some(from), Some(to)) = ids
            && from != to
        {
            self.report(Violation::PictureId { seq, from, to });
        }
    }

    fn next_picture(&mut self, seq: u64, a: &Descriptor, b: &Descriptor) {
        if let (Some(from), Some(to)) = (a.picture_id, b.picture_id) {
            let step = to.wrapping_sub(from) & 0x7fff;
            if step == 0 || step > 0x3fff {
                self.report(Violation::PictureId { seq, from, to });
            } else if step != 1 {
                self.picture_id_jumps += 1;
            }
        }
        if let (Some(from), Some(to), Some(temporal)) = (a.tl0_picture, b.tl0_picture, b.temporal) {
            let step = to.wrapping_sub(from);
            let fits = if temporal == 0 {
                (1..128).contains(&step)
            } else {
                step == 0
            };
            if !fits {
                self.report(Violation::Tl0Picture {
                    seq,
                    from,
                    to,
                    temporal,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Conformance, Fact, Violation};
    use crate::{
        feed::{Feed, Generator, VideoFeed},
        marker::Marker,
        vp8::Descriptor,
    };

    #[expect(
        clippy::disallowed_methods,
        reason = "a test needs some instant to count from"
    )]
    fn facts(frames: u64) -> Vec<Fact> {
        let base = Instant::now();
        let mut generator = Generator::new(Feed::Video(VideoFeed::camera()), 1, 1, 9);
        (0..frames)
            .flat_map(|tick| {
                generator.frame(2, tick).into_iter().map(move |p| Fact {
                    arrival: base + Duration::from_millis(33 * tick),
                    timestamp: p.timestamp,
                    clock_rate: 90_000,
                    marker_bit: p.marker,
                    marker: Marker::find(&p.payload),
                    vp8: Descriptor::parse(&p.payload).map(|(d, _)| d),
                    video: true,
                })
            })
            .collect()
    }

    fn run(facts: &[Fact], order: impl Iterator<Item = usize>) -> Conformance {
        let mut conformance = Conformance::default();
        for i in order {
            conformance.packet(i as u64 + 1, facts[i]);
        }
        conformance
    }

    #[test]
    fn a_generated_stream_conforms_in_any_order() {
        let facts = facts(30);
        assert_eq!(run(&facts, 0..facts.len()).count, 0);
        let odd_first = (0..facts.len())
            .filter(|i| i % 2 == 1)
            .chain((0..facts.len()).step_by(2));
        assert_eq!(run(&facts, odd_first).count, 0);
    }

    #[test]
    fn a_hidden_hole_is_noticed() {
        // A packet is left out and the numbers are closed up over it.
        let mut facts = facts(30);
        let cut = facts.iter().rposition(|f| f.marker_bit).unwrap() - 1;
        facts.remove(cut);
        let found = run(&facts, 0..facts.len());
        assert!(
            matches!(found.kept[0], Violation::FrameMixed { .. }),
            "{:?}",
            found.kept
        );
    }

    #[test]
    fn going_back_and_leaping_are_noticed() {
        let mut back = facts(30);
        let last = back.len() - 1;
        back[last].timestamp = back[0].timestamp;
        assert!(matches!(
            run(&back, 0..=last).kept[..],
            [Violation::TimestampBack { .. }, ..]
        ));
        let mut leap = facts(30);
        leap[last].timestamp = leap[last].timestamp.wrapping_add(900_000);
        assert!(
            run(&leap, 0..=last)
                .kept
                .iter()
                .any(|v| matches!(v, Violation::TimestampLeap { .. }))
        );
    }
}
