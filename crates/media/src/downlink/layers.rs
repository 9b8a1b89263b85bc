//! Which layers of a scalable stream (VP9, AV1) are sent, and how their numbers
//! go on over switches.
//!
//! Layers are left out from one picture to the next, and taken up again where
//! that can be decoded: spatial ones at a key frame; temporal ones where VP9's
//! descriptor says so, or, with a dependency descriptor, with the first frame
//! that needs nothing that was left out. Numbers are moved but keep their
//! distances, since frames name those that they need by distance.

use super::pictures::NextPicture;
use crate::{
    codec::{Dependency, PictureId, Vp9Shift},
    rtp::is_newer,
    uplink::Packet,
};

/// Highest layers, spatial and temporal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Level {
    pub(super) spatial: u8,
    pub(super) temporal: u8,
}

/// How a packet of a scalable stream is rewritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LayersPatch {
    /// Added to VP9's picture id…
    pub picture_id: u16,
    /// …to the dependency descriptor's frame number…
    pub frame: u16,
    /// …and to VP9's base-layer counter.
    pub tl0: u8,
    /// It is the last of its picture, since the layers above are left out.
    pub ends_picture: bool,
    /// Highest layers that are sent, when that has to be said: the spatial one
    /// in the upper four bits.
    pub limit: Option<Limit>,
}

/// Two layers in a byte; never 0xff.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit(u8);

impl Limit {
    fn new(level: Level) -> Self {
        Self(level.spatial.min(7) << 4 | level.temporal.min(7))
    }

    pub(super) const fn layers(self) -> (u8, u8) {
        (self.0 >> 4, self.0 & 0x0f)
    }
}

impl LayersPatch {
    pub(super) const fn vp9(&self) -> Vp9Shift {
        Vp9Shift {
            picture_id: self.picture_id,
            tl0: self.tl0,
        }
    }
}

/// What is to be done with a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    Send(LayersPatch),
    Drop,
    /// It can't be told what the packet is needed for.
    Unknown,
}

#[derive(Clone, Debug)]
pub(super) struct Layers {
    levels: Levels,
    /// Timestamp of the newest picture.
    picture: u32,
    frames: Frames,
    /// The receiver was told that layers are left out, and not yet otherwise.
    told: bool,
    shift: LayersPatch,
    next: NextPicture,
    /// The next segment has begun with the next numbers: they are not ours.
    closed: bool,
}

impl Layers {
    /// Begins with a key frame; `None` for a stream that is not scalable.
    pub(super) fn begin(packet: &Packet, next: NextPicture) -> Option<Self> {
        packet.layer?;
        let picture = packet.vp9.and_then(|vp9| vp9.picture_id);
        let tl0 = packet.vp9.and_then(|vp9| vp9.tl0);
        let frame = packet.dependency.as_ref().map(|frame| frame.frame);
        Some(Self {
            levels: Levels::new(packet.timestamp),
            picture: packet.timestamp,
            frames: Frames::new(frame),
            told: false,
            shift: LayersPatch {
                picture_id: ((next.id & 0x7fff) as u16)
                    .wrapping_sub(picture.map_or(0, |id| id.value)),
                frame: next.frame.wrapping_sub(frame.unwrap_or(0)),
                tl0: next.tl0.wrapping_sub(tl0.unwrap_or(0)),
                ends_picture: false,
                limit: None,
            },
            next,
            closed: false,
        })
    }

    /// The highest spatial layer that is sent.
    pub(super) const fn spatial(&self) -> u8 {
        self.levels.newest().spatial
    }

    /// A packet in order. `limit` is what is wanted.
    pub(super) fn newest(&mut self, packet: &Packet, limit: Level) -> Verdict {
        let Some(layer) = packet.layer else {
            // A lost packet has the structure that this one's descriptor is to be
            // read by. While all is sent, it is not needed for a decision.
            let level = self.levels.newest();
            let all = level.spatial == u8::MAX && level.temporal == u8::MAX;
            return if all {
                Verdict::Send(self.shift)
            } else {
                Verdict::Unknown
            };
        };
        self.turn(packet, limit);
        let level = self.levels.newest();
        let frame = packet.dependency.as_ref();
        let fits = layer.spatial <= level.spatial && layer.temporal <= level.temporal;
        let keep = match frame {
            Some(frame) => self.frames.newest(frame, fits),
            None => fits,
        };
        if let (Some(vp9), None) = (&packet.vp9, frame)
            && keep
            && vp9.switch_up
            && limit.temporal > level.temporal
        {
            // From the next picture on; this one has no more temporal layers.
            let temporal = limit.temporal;
            self.levels
                .set(packet.timestamp, Level { temporal, ..level });
        }
        if keep {
            Verdict::Send(self.patch(packet, level))
        } else {
            Verdict::Drop
        }
    }

    /// A new picture may begin here: what is no longer wanted ends with the one
    /// before it, and with a key frame everything can begin.
    fn turn(&mut self, packet: &Packet, limit: Level) {
        let old = self.levels.newest();
        if packet.key_frame {
            self.told = false;
            self.levels.set(packet.timestamp, limit);
        } else if is_newer(packet.timestamp, self.picture) {
            let spatial = old.spatial.min(limit.spatial);
            // With a dependency descriptor, what each frame needs is known.
            let temporal = match packet.dependency {
                Some(_) => limit.temporal,
                None => old.temporal.min(limit.temporal),
            };
            self.levels
                .set(packet.timestamp, Level { spatial, temporal });
        }
        if is_newer(packet.timestamp, self.picture) {
            self.picture = packet.timestamp;
        }
    }

    /// A packet that was overtaken: `None` when it is not wanted, or can't be
    /// decoded.
    pub(super) fn late(&mut self, packet: &Packet) -> Option<LayersPatch> {
        let layer = packet.layer?;
        if self.closed && self.is_ahead(packet) {
            return None;
        }
        let level = self.levels.at(packet.timestamp)?;
        let fits = layer.spatial <= level.spatial && layer.temporal <= level.temporal;
        let frame = packet.dependency.as_ref();
        let keep = frame.map_or(fits, |frame| self.frames.late(frame, fits));
        keep.then(|| self.patch(packet, level))
    }

    fn patch(&mut self, packet: &Packet, level: Level) -> LayersPatch {
        let layer = packet.layer;
        let ends = layer.is_some_and(|layer| layer.ends && layer.spatial == level.spatial);
        let mut patch = LayersPatch {
            ends_picture: ends,
            ..self.shift
        };
        if let Some(frame) = &packet.dependency {
            let within = frame.structure.is_within(level.spatial, level.temporal);
            self.told |= !within;
            patch.limit = self.told.then(|| Limit::new(level));
            let sent = frame.frame.wrapping_add(patch.frame);
            if sent.wrapping_sub(self.next.frame) < 0x8000 {
                self.next.frame = sent.wrapping_add(1);
            }
        }
        if let Some(vp9) = &packet.vp9 {
            self.number(vp9.picture_id, vp9.tl0);
        }
        patch
    }

    /// Whether the packet's numbers would be above all that were sent.
    fn is_ahead(&self, packet: &Packet) -> bool {
        let picture = packet.vp9.and_then(|vp9| vp9.picture_id).is_some_and(|id| {
            let cycle = if id.long { 1 << 15 } else { 1 << 7 };
            let sent = u64::from(id.value.wrapping_add(self.shift.picture_id));
            sent.wrapping_sub(self.next.id) % cycle < cycle / 2
        });
        let frame = packet.dependency.as_ref().is_some_and(|frame| {
            let sent = frame.frame.wrapping_add(self.shift.frame);
            sent.wrapping_sub(self.next.frame) < 0x8000
        });
        picture || frame
    }

    /// Keeps count of the highest numbers that were sent.
    fn number(&mut self, picture: Option<PictureId>, tl0: Option<u8>) {
        if let Some(id) = picture {
            let cycle = if id.long { 1 << 15 } else { 1 << 7 };
            let sent = u64::from(id.value.wrapping_add(self.shift.picture_id));
            let ahead = sent.wrapping_sub(self.next.id) % cycle;
            if ahead < cycle / 2 {
                self.next.id += ahead + 1;
            }
        }
        if let Some(tl0) = tl0 {
            let sent = tl0.wrapping_add(self.shift.tl0);
            if sent.wrapping_sub(self.next.tl0) < 0x80 {
                self.next.tl0 = sent.wrapping_add(1);
            }
        }
    }

    /// The segment ends: where the one after it begins.
    pub(super) const fn close(&mut self) -> NextPicture {
        self.closed = true;
        self.next
    }
}

/// Which of the last frames were left out.
#[derive(Clone, Copy, Debug)]
struct Frames {
    highest: u16,
    /// Bit n: the frame whose number is n less than the highest.
    dropped: u64,
}

impl Frames {
    fn new(first: Option<u16>) -> Self {
        Self {
            highest: first.unwrap_or(0).wrapping_sub(1),
            dropped: 0,
        }
    }

    /// Decides about the frame of a packet in order; all of its packets share
    /// one fate.
    fn newest(&mut self, frame: &Dependency, fits: bool) -> bool {
        let ahead = frame.frame.wrapping_sub(self.highest);
        if ahead == 0 {
            return self.dropped & 1 == 0;
        }
        if ahead >= 0x8000 {
            return self.late(frame, fits);
        }
        self.dropped = self.dropped.checked_shl(ahead.into()).unwrap_or(0);
        self.highest = frame.frame;
        self.late(frame, fits)
    }

    /// Whether nothing that a frame needs was left out. What never came is taken
    /// for lost, not for left out: it may come yet.
    fn late(&mut self, frame: &Dependency, fits: bool) -> bool {
        let behind = u32::from(self.highest.wrapping_sub(frame.frame));
        let seen = self.dropped.checked_shr(behind).unwrap_or(0);
        let keep = fits && seen & 1 == 0 && frame.references.0 & (seen >> 1) == 0;
        if !keep {
            self.dropped |= 1_u64.checked_shl(behind).unwrap_or(0);
        }
        keep
    }
}

/// The levels of the last pictures, by timestamp.
#[derive(Clone, Copy, Debug)]
struct Levels {
    /// From this picture on, this level; the newest first.
    changes: [(u32, Level); 4],
}

impl Levels {
    const fn new(first: u32) -> Self {
        let all = Level {
            spatial: u8::MAX,
            temporal: u8::MAX,
        };
        Self {
            changes: [(first, all); 4],
        }
    }

    const fn newest(&self) -> Level {
        let [(_, level), ..] = self.changes;
        level
    }

    fn set(&mut self, picture: u32, level: Level) {
        if level != self.newest() {
            let [a, b, c, _] = self.changes;
            self.changes = [(picture, level), a, b, c];
        }
    }

    /// `None` for a picture before all changes that are remembered.
    fn at(&self, picture: u32) -> Option<Level> {
        let mut changes = self.changes.iter();
        let change = changes.find(|(from, _)| !is_newer(*from, picture));
        change.map(|(_, level)| *level)
    }
}
