//! One subscription: what it wants, what it is sent, and what of that it may
//! have once more.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::media::{Codec, Format, Kind, Mid, Payload, Wish};

use super::{
    history::{History, Sent},
    layers::Level,
    pictures::NextPicture,
    reports::{self, Reports},
    savings::Savings,
    segment::{Outcome, Segment},
    timeline::Timeline,
    write::{Patch, Repeat, Rewritten},
};
use crate::{
    codec::red,
    rtcp::{ReportBlock, SenderInfo},
    rtp::{Header, Novelty, PayloadTypes, Window, ticks},
    uplink::{Encodings, Packet},
};

/// The first packets of a stream name their section, until the receiver
/// reported on it or for so long: two of its reports.
const INTRODUCTION: Duration = Duration::from_secs(3);

/// Header, extensions and tag of a packet, roughly.
const OVERHEAD: usize = 48;

/// A sender without reports is given so long before we report by our own clock.
const REPORTLESS: Duration = Duration::from_secs(5);

/// Where the numbers of a stream begin: random, as RFC 3550 §5.1 asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The top bit is ignored (see [`crate::srtp::Outbound::seal_rtp`]).
    pub sequence: u16,
    /// As `sequence`.
    pub rtx_sequence: u16,
    pub timestamp: u32,
    pub picture_id: u16,
}

/// What does not change in the life of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    pub kind: Kind,
    pub mid: Mid,
    /// Never used before by this peer, nor after, as long as its keys live.
    pub ssrc: u32,
    /// As `ssrc`. Without it nothing is repeated.
    pub rtx_ssrc: Option<u32>,
    pub origin: Origin,
}

/// What to do about a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Forward {
    pub send: Option<Rewritten>,
    /// The encoding that a key frame is needed of, to show or to switch.
    pub key_frame: Option<u8>,
}

/// One track on its way to one subscriber.
#[derive(Debug)]
pub struct Stream {
    settings: Settings,
    wish: Wish,
    current: Option<Segment>,
    /// The one before: what comes late of it still has its place.
    previous: Option<Segment>,
    /// The next packet's.
    index: u64,
    rtx_index: u64,
    /// Where the VP8 frames of the next segment begin.
    next_picture: NextPicture,
    timeline: Timeline,
    /// Indices that were used: none may be twice.
    used: Window,
    history: History,
    savings: Savings,
    reports: Reports,
    introduced: bool,
    first_sent: Option<Instant>,
}

impl Stream {
    #[must_use]
    pub fn new(settings: Settings, wish: Wish) -> Self {
        let origin = settings.origin;
        Self {
            settings,
            wish,
            current: None,
            previous: None,
            index: u64::from(origin.sequence & 0x7fff),
            rtx_index: u64::from(origin.rtx_sequence & 0x7fff),
            next_picture: NextPicture {
                id: (1 << 20) + u64::from(origin.picture_id & 0x7fff),
                tl0: 0,
                frame: 0,
            },
            timeline: Timeline::new(origin.timestamp),
            used: Window::default(),
            history: History::default(),
            savings: Savings::default(),
            reports: Reports::default(),
            introduced: false,
            first_sent: None,
        }
    }

    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.settings.ssrc
    }

    #[must_use]
    pub const fn rtx_ssrc(&self) -> Option<u32> {
        self.settings.rtx_ssrc
    }

    #[must_use]
    pub const fn wish(&self) -> Wish {
        self.wish
    }

    /// Reads a little of all that forwarding will need, so that the memory is
    /// near when it does. The result means nothing.
    #[must_use]
    pub fn touch(&self) -> usize {
        let spread = [
            self.current.is_some(),
            self.previous.is_some(),
            self.timeline.latest.is_some(),
            self.first_sent.is_some(),
            self.reports.news(),
            self.wish == Wish::Paused,
            self.introduced,
        ];
        spread.iter().filter(|yes| **yes).count()
    }

    /// As [`Self::touch`], the places where so many packets will be remembered.
    #[must_use]
    pub fn touch_history(&self, packets: usize) -> usize {
        self.history.touch(self.index, packets)
    }

    /// The encoding that is being sent; of a scalable stream, the highest
    /// spatial layer that may be.
    #[must_use]
    pub fn quality(&self) -> Option<u8> {
        let segment = self.current.as_ref()?;
        Some(segment.spatial().unwrap_or(segment.encoding))
    }

    /// The encoding that is being sent.
    #[must_use]
    pub fn encoding(&self) -> Option<u8> {
        self.current.as_ref().map(|segment| segment.encoding)
    }

    /// Changes what is wanted; returns the encoding that a key frame is needed
    /// of, if any.
    pub fn set_wish(&mut self, wish: Wish, live: Encodings) -> Option<u8> {
        self.wish = wish;
        if wish == Wish::Paused {
            self.interrupt();
        }
        self.wanted(live)
    }

    /// The track was muted, or stops for another reason: what comes next must
    /// be a beginning.
    pub fn interrupt(&mut self) {
        self.end_segment();
        self.history.clear();
    }

    /// The encoding that should be sent.
    fn target(&self, live: Encodings) -> Option<u8> {
        match self.wish {
            Wish::Paused => None,
            Wish::UpTo { encoding, .. } => live.best(encoding),
        }
    }

    /// The encoding that a key frame is needed of.
    fn wanted(&self, live: Encodings) -> Option<u8> {
        if self.settings.kind == Kind::Audio {
            return None;
        }
        let target = self.target(live)?;
        let settled = match &self.current {
            // Layers are left out without a key frame.
            Some(segment) => match segment.spatial() {
                Some(spatial) => spatial >= target,
                None => segment.encoding == target,
            },
            None => false,
        };
        (!settled).then_some(target)
    }

    /// The subscriber's decoder needs a key frame (PLI, FIR): of which encoding.
    #[must_use]
    pub fn decoder_needs(&self, live: Encodings) -> Option<u8> {
        match self.settings.kind {
            Kind::Audio => None,
            Kind::Video => self.target(live).or(self.encoding()),
        }
    }

    /// Decides about a packet of the track. To be called with every packet of
    /// all encodings, in the order of their arrival; `payloads` are the
    /// subscriber's, `live` the encodings that arrive just now.
    pub fn forward(
        &mut self,
        packet: &Arc<Packet>,
        payloads: &PayloadTypes,
        live: Encodings,
        now: Instant,
    ) -> Forward {
        let Wish::UpTo { encoding, temporal } = self.wish else {
            return Forward::default();
        };
        let target = self.target(live);
        if target.is_none() && self.quality().is_some_and(|current| current > encoding) {
            self.end_segment();
        }
        let send = if self.concerns(packet) {
            let numbering = numbering(packet, payloads);
            let level = Level {
                spatial: encoding,
                temporal,
            };
            let outcome = self.decide(packet, level, target, numbering.is_some());
            numbering.and_then(|payload| self.rewrite(packet, payload, outcome, now))
        } else {
            None
        };
        Forward {
            send,
            key_frame: self.wanted(live),
        }
    }

    /// Most packets of the encodings that are not sent end here.
    fn concerns(&self, packet: &Packet) -> bool {
        let of = |segment: &Option<Segment>| {
            segment
                .as_ref()
                .is_some_and(|segment| segment.encoding == packet.encoding)
        };
        packet.key_frame
            || self.settings.kind == Kind::Audio
            || of(&self.current)
            || of(&self.previous)
    }

    fn decide(
        &mut self,
        packet: &Packet,
        limit: Level,
        target: Option<u8>,
        sendable: bool,
    ) -> Outcome {
        let of_packet = |segment: &&mut Segment| segment.encoding == packet.encoding;
        if let Some(segment) = self.current.as_mut().filter(of_packet) {
            let outcome = segment.take(packet, limit, sendable);
            if outcome != Outcome::Broken {
                return outcome;
            }
            self.end_segment();
        } else if let Some(segment) = self.previous.as_mut().filter(of_packet) {
            let outcome = segment.late(packet);
            if outcome != Outcome::Skip {
                return outcome;
            }
        }
        if sendable && self.may_begin(packet, limit.spatial, target) {
            self.begin(packet, limit)
        } else {
            Outcome::Skip
        }
    }

    /// Whether a segment may begin with this packet. One that was overtaken is
    /// no beginning: what overtook it was skipped and will not come again.
    fn may_begin(&self, packet: &Packet, limit: u8, target: Option<u8>) -> bool {
        let decodable = packet.key_frame || self.settings.kind == Kind::Audio;
        let wanted = self.current.is_none() || target == Some(packet.encoding);
        let sound = !packet.overtaken && !packet.payload().is_empty();
        decodable && wanted && sound && packet.encoding <= limit
    }

    fn begin(&mut self, packet: &Packet, limit: Level) -> Outcome {
        self.end_segment();
        let mut segment = Segment::begin(packet, self.index, self.next_picture);
        self.timeline
            .align(&mut segment, packet, self.previous.as_ref());
        let outcome = segment.take(packet, limit, true);
        self.current = Some(segment);
        outcome
    }

    fn end_segment(&mut self) {
        let Some(mut segment) = self.current.take() else {
            return;
        };
        if let Some(next) = segment.close(self.index) {
            self.next_picture = next;
        }
        self.previous = Some(segment);
    }

    fn rewrite(
        &mut self,
        packet: &Arc<Packet>,
        (payload, sound): (Payload, Option<Patch>),
        outcome: Outcome,
        now: Instant,
    ) -> Option<Rewritten> {
        let Outcome::Send {
            index,
            patch,
            blank,
            shift,
            newest,
        } = outcome
        else {
            return None;
        };
        if self.used.insert(index) != Novelty::New {
            return None;
        }
        let patch = patch.or(sound);
        let timestamp = packet.timestamp.wrapping_add(shift);
        self.index = self.index.max(index + 1);
        if newest {
            self.note_newest(packet, timestamp);
        }
        self.first_sent.get_or_insert(now);
        let bytes = if blank { 0 } else { packet.payload().len() };
        self.reports.count(bytes);
        if self.settings.rtx_ssrc.is_some() {
            self.savings.earn(bytes + OVERHEAD);
            self.history.push(Sent {
                index,
                packet: Arc::clone(packet),
                timestamp,
                patch,
                blank,
                repeated: None,
            });
        }
        Some(self.describe(
            packet,
            payload.payload_type,
            (index, timestamp),
            (patch, blank),
            now,
        ))
    }

    fn note_newest(&mut self, packet: &Packet, timestamp: u32) {
        self.timeline.sent(timestamp, packet);
        if let (Some(segment), Some(reference)) = (&self.current, packet.reference) {
            self.timeline.follow(segment, reference);
        }
    }

    fn describe(
        &self,
        packet: &Packet,
        payload_type: u8,
        (index, timestamp): (u64, u32),
        (patch, blank): (Option<Patch>, bool),
        now: Instant,
    ) -> Rewritten {
        let ends = matches!(patch, Some(Patch::Layers(layers)) if layers.ends_picture);
        Rewritten {
            header: Header {
                marker: (packet.marker || ends) && !blank,
                payload_type,
                sequence: (index & 0xffff) as u16,
                timestamp,
                ssrc: self.settings.ssrc,
            },
            index,
            patch,
            blank,
            introduce: self.introduction(now),
        }
    }

    fn introduction(&self, now: Instant) -> Option<Mid> {
        let young = self
            .first_sent
            .is_none_or(|first| now.saturating_duration_since(first) < INTRODUCTION);
        (young && !self.introduced).then_some(self.settings.mid)
    }

    /// The subscriber misses a packet: what to send, if it is still there, was
    /// not sent again just now, and the budget allows.
    pub fn repeat(
        &mut self,
        sequence: u16,
        payloads: &PayloadTypes,
        round_trip: Duration,
        now: Instant,
    ) -> Option<Repeat> {
        let ssrc = self.settings.rtx_ssrc?;
        let newest = self.index.checked_sub(1)?;
        let behind = ((newest & 0xffff) as u16).wrapping_sub(sequence);
        let index = newest.checked_sub(u64::from(behind))?;
        let sent = self.history.find(index, round_trip, now)?;
        let numbering = payloads.numbering(sent.packet.format)?;
        let payload_type = numbering.rtx?;
        if !self
            .savings
            .spend(sent.packet.payload().len() + OVERHEAD, now)
        {
            return None;
        }
        sent.repeated = Some(now);
        let sent = sent.clone();
        let repeat_index = self.rtx_index;
        self.rtx_index += 1;
        // Always introduced: once Firefox has learnt one SSRC of a section by its
        // mid, it drops every other that has not named that mid too, and a
        // repair stream is rarely heard in the beginning.
        let original = Rewritten {
            introduce: Some(self.settings.mid),
            ..self.describe(
                &sent.packet,
                numbering.payload_type,
                (index, sent.timestamp),
                (sent.patch, sent.blank),
                now,
            )
        };
        Some(Repeat {
            header: Header {
                payload_type,
                sequence: (repeat_index & 0xffff) as u16,
                ssrc,
                ..original.header
            },
            index: repeat_index,
            original,
            packet: sent.packet,
        })
    }

    /// What to report on the stream; `None` while nothing is sent. `ntp` is the
    /// node's wall clock, seconds since 1900 in 32.32 fixed point; used only
    /// when the sender does not report by its own, which is what keeps its sound
    /// and its picture together.
    pub fn report(&mut self, ntp: u64, now: Instant) -> Option<SenderInfo> {
        let segment = self.current.as_ref()?;
        let latest = self.timeline.latest?;
        if !self.reports.news() {
            return None;
        }
        let rate = segment.format.codec.clock_rate();
        let (ntp, timestamp) = if let Some(reference) = segment.reference {
            let elapsed = now.saturating_duration_since(reference.received);
            let timestamp = reference.timestamp.wrapping_add(segment.timestamp_shift);
            (
                reference.ntp.wrapping_add(reports::ntp(elapsed)),
                timestamp.wrapping_add(ticks(elapsed, rate)),
            )
        } else {
            let waited = now.saturating_duration_since(self.first_sent?);
            if waited < REPORTLESS {
                return None;
            }
            let elapsed = now.saturating_duration_since(latest.received);
            (ntp, latest.timestamp.wrapping_add(ticks(elapsed, rate)))
        };
        self.reports.sent(ntp, now);
        Some(SenderInfo {
            ssrc: self.settings.ssrc,
            ntp,
            timestamp,
            packets: self.reports.packets,
            bytes: self.reports.bytes,
        })
    }

    /// The subscriber's report on this stream came.
    pub fn report_received(&mut self, block: &ReportBlock, now: Instant) {
        self.introduced |= block.highest_sequence > 0;
        self.reports.received(block, now);
    }

    /// As of the last report from the subscriber.
    #[must_use]
    pub const fn round_trip(&self) -> Option<Duration> {
        self.reports.round_trip
    }

    /// Fraction lost in 1/256, as of the last report.
    #[must_use]
    pub const fn fraction_lost(&self) -> Option<u8> {
        self.reports.fraction_lost
    }
}

const OPUS: Format = Format {
    codec: Codec::Opus,
    profile: 0,
};

/// How to number a packet for the subscriber, and what to make of redundant
/// audio; `None` when it can't decode the format.
fn numbering(packet: &Packet, payloads: &PayloadTypes) -> Option<(Payload, Option<Patch>)> {
    let known = payloads.numbering(packet.format);
    if packet.format.codec != Codec::Red {
        return known.map(|payload| (payload, None));
    }
    packet.primary?;
    let opus = payloads.numbering(OPUS)?;
    let Some(payload) = known else {
        return Some((opus, Some(Patch::Primary)));
    };
    let alike = red::payload_type(packet.payload()) == Some(opus.payload_type);
    let patch = (!alike).then_some(Patch::Renumber(opus.payload_type));
    Some((payload, patch))
}
