//! One received stream: its packets in a form that can be shared, its loss and
//! jitter, and what to ask of its sender.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    ids::TrackId,
    media::{Codec, Format, Kind},
};

use super::{Packet, Reference, arrivals::Arrivals, missing::Missing, shelf::Shelf};
use crate::{
    codec::{self, Dependencies, Dependency, KeyFrame, Layer},
    rtcp::{ReportBlock, SenderInfo},
    rtp::{Extender, Extensions, Header, Novelty, WINDOW, Window},
};

/// A decrypted and parsed packet.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    pub header: &'a Header,
    pub extensions: &'a Extensions<'a>,
    /// Without padding; may be empty.
    pub payload: &'a [u8],
    pub format: Format,
    /// It came by retransmission: `header.sequence` is the original one.
    pub repair: bool,
}

/// Why a packet is not forwarded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
pub enum Rejected {
    #[error("it came before")]
    Duplicate,
    #[error("it is too old to tell whether it came before")]
    TooOld,
    #[error("its number is far from all others")]
    Stray,
}

/// The original sequence number and payload of a retransmission (RFC 4588 §4);
/// `None` when it carries nothing (RTX streams are padded to probe for bandwidth).
#[must_use]
pub fn unwrap_repair(payload: &[u8]) -> Option<(u16, &[u8])> {
    let (original, payload) = payload.split_first_chunk()?;
    (!payload.is_empty()).then_some((u16::from_be_bytes(*original), payload))
}

/// One SSRC of a publisher.
#[derive(Debug)]
pub struct Stream {
    track: TrackId,
    encoding: u8,
    ssrc: u32,
    kind: Kind,
    extender: Extender,
    seen: Window,
    /// The number that would prove that the stream started over.
    restart: Option<u16>,
    /// The packet with the highest number, and its timestamp.
    last: Option<(u64, u32)>,
    reference: Option<Reference>,
    arrivals: Arrivals,
    missing: Missing,
    key_frame_need: bool,
    dependencies: Dependencies,
    /// There is no other encoding of the track.
    pub alone: bool,
    shelf: Shelf,
}

impl Stream {
    #[must_use]
    pub fn new(track: TrackId, encoding: u8, ssrc: u32, kind: Kind) -> Self {
        Self {
            track,
            encoding,
            ssrc,
            kind,
            extender: Extender::default(),
            seen: Window::default(),
            restart: None,
            last: None,
            reference: None,
            arrivals: Arrivals::default(),
            missing: Missing::new(kind),
            key_frame_need: false,
            dependencies: Dependencies::default(),
            alone: false,
            shelf: Shelf::default(),
        }
    }

    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Takes in a packet and makes of it what subscribers share.
    ///
    /// # Errors
    /// When it must not be forwarded.
    pub fn receive(
        &mut self,
        arrival: &Arrival<'_>,
        now: Instant,
    ) -> Result<Arc<Packet>, Rejected> {
        let sequence = self.place(arrival)?;
        let novelty = self.seen.insert(sequence);
        if !arrival.repair && novelty != Novelty::TooOld {
            let rate = arrival.format.codec.clock_rate();
            self.arrivals
                .record(sequence, arrival.header.timestamp, rate, now);
        }
        match novelty {
            Novelty::New => {}
            Novelty::Seen => return Err(Rejected::Duplicate),
            Novelty::TooOld => return Err(Rejected::TooOld),
        }
        let facts = codec::read(arrival.format.codec, arrival.payload);
        let key_frame = match facts.key {
            KeyFrame::No => false,
            KeyFrame::Start => true,
            KeyFrame::IfFirst => self.begins_frame(sequence, arrival.header.timestamp),
        };
        let (dependency, key_frame) = self.depend(arrival, key_frame);
        self.advance(sequence, arrival.header.timestamp, now);
        if key_frame {
            self.missing.forget_before(sequence);
            self.key_frame_need = false;
        }
        let mut shelf = std::mem::take(&mut self.shelf);
        let packet = shelf.make(|data| {
            let facts = (&facts, dependency, key_frame);
            self.share(data, sequence, arrival, facts, now)
        });
        self.shelf = shelf;
        Ok(packet)
    }

    /// Reads the dependency descriptor of a codec that has one. AV1 without the
    /// structure can't be begun with: what follows could not be understood.
    fn depend(&mut self, arrival: &Arrival<'_>, key: bool) -> (Option<Dependency>, bool) {
        let scalable = match arrival.format.codec {
            Codec::Vp9 | Codec::Av1 => arrival.extensions.dependency_descriptor,
            Codec::Opus | Codec::Red | Codec::Vp8 | Codec::H264 => None,
        };
        let Some(descriptor) = scalable else {
            return (None, key);
        };
        let dependency = self.dependencies.read(descriptor);
        let key = match (arrival.format.codec, &dependency) {
            (Codec::Av1, Some(frame)) => frame.attached && frame.begins,
            (Codec::Av1, None) => false,
            (Codec::Opus | Codec::Red | Codec::Vp8 | Codec::H264 | Codec::Vp9, _) => key,
        };
        (dependency, key)
    }

    /// The packet's extended number. A number far behind is a stray, unless the
    /// next one follows it: then the sender started over (RFC 3550 §A.1).
    fn place(&mut self, arrival: &Arrival<'_>) -> Result<u64, Rejected> {
        let sequence = arrival.header.sequence;
        let place = self.extender.nearest(sequence);
        let behind = self
            .extender
            .highest()
            .is_some_and(|highest| place + WINDOW <= highest);
        if !behind {
            if !arrival.repair {
                self.restart = None;
            }
            return Ok(self.extender.extend(sequence));
        }
        if arrival.repair {
            return Err(Rejected::TooOld);
        }
        if self.restart != Some(sequence) {
            self.restart = Some(sequence.wrapping_add(1));
            return Err(Rejected::Stray);
        }
        self.restart = None;
        self.arrivals.restart();
        Ok(self.extender.restart(sequence))
    }

    /// Whether the packet is known to be the first of its frame: the one before
    /// it came and has another timestamp.
    fn begins_frame(&self, sequence: u64, timestamp: u32) -> bool {
        self.last
            .is_some_and(|(last, its)| last + 1 == sequence && its != timestamp)
    }

    /// Keeps account of holes.
    fn advance(&mut self, sequence: u64, timestamp: u32, now: Instant) {
        if let Some((last, _)) = self.last {
            if sequence <= last {
                self.missing.arrived(sequence);
                return;
            }
            if self.missing.skipped(last + 1, sequence, now) {
                self.need_key_frame();
            }
        }
        self.last = Some((sequence, timestamp));
    }

    fn need_key_frame(&mut self) {
        self.key_frame_need = self.kind == Kind::Video;
    }

    fn share(
        &self,
        mut data: Vec<u8>,
        sequence: u64,
        arrival: &Arrival<'_>,
        (facts, dependency, key_frame): (&codec::Facts, Option<Dependency>, bool),
        now: Instant,
    ) -> Packet {
        let descriptor = match arrival.format.codec {
            Codec::Vp9 | Codec::Av1 => arrival.extensions.dependency_descriptor,
            Codec::Opus | Codec::Red | Codec::Vp8 | Codec::H264 => None,
        };
        let descriptor = descriptor.unwrap_or(&[]);
        // Rounded, so that the buffer fits most packets after this one.
        let length = arrival.payload.len() + descriptor.len();
        data.reserve_exact(length.next_multiple_of(256));
        data.extend_from_slice(arrival.payload);
        data.extend_from_slice(descriptor);
        Packet {
            track: self.track,
            encoding: self.encoding,
            format: arrival.format,
            sequence,
            timestamp: arrival.header.timestamp,
            marker: arrival.header.marker,
            key_frame,
            overtaken: self.last.is_some_and(|(last, _)| sequence < last),
            temporal: facts.temporal,
            vp8: facts.vp8,
            vp9: facts.vp9,
            layer: Layer::of(facts.vp9.as_ref(), dependency.as_ref()),
            dependency,
            alone: self.alone,
            primary: facts.primary,
            audio_level: arrival
                .extensions
                .audio_level
                .map(crate::rtp::VoiceLevel::to_byte),
            video_orientation: arrival.extensions.video_orientation,
            reference: self.reference,
            received: now,
            payload_len: arrival.payload.len(),
            data,
        }
    }

    /// The sender's report on this stream came.
    pub const fn report_received(&mut self, info: &SenderInfo, now: Instant) {
        self.reference = Some(Reference {
            ntp: info.ntp,
            timestamp: info.timestamp,
            received: now,
        });
    }

    /// What to tell the sender of its stream; `None` before the first packet.
    pub fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let block = self.arrivals.report(self.ssrc)?;
        let (last_report, delay) = match self.reference {
            Some(reference) => {
                let delay = now.saturating_duration_since(reference.received);
                (
                    (reference.ntp >> 16 & 0xffff_ffff) as u32,
                    crate::rtp::ticks(delay, 65_536),
                )
            }
            None => (0, 0),
        };
        Some(ReportBlock {
            last_report,
            delay,
            ..block
        })
    }

    /// Packets received and lost (before repair) since the last call of this.
    pub fn take_loss(&mut self) -> (u32, u32) {
        self.arrivals.take_loss()
    }

    /// When [`Self::missing`] has something to ask for.
    #[must_use]
    pub fn missing_due(&self) -> Option<Instant> {
        self.missing.due()
    }

    /// Appends the packets to ask for again now, in rising order; they are
    /// taken as asked for.
    pub fn missing(&mut self, round_trip: Duration, out: &mut Vec<u16>, now: Instant) {
        if self.missing.ask(round_trip, out, now) {
            self.need_key_frame();
        }
    }

    /// The track was muted or taken away: what is missing is not asked for.
    pub fn forget_missing(&mut self) {
        self.missing.clear();
        self.key_frame_need = false;
    }

    /// Whether a loss was given up that only a key frame mends; says so once.
    pub const fn take_key_frame_need(&mut self) -> bool {
        let need = self.key_frame_need;
        self.key_frame_need = false;
        need
    }
}
