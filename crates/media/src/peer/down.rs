//! What one peer is sent: its subscriptions, the packets that wait for the
//! next drain, and what it reports about them.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    ids::{PeerId, SlotId, TrackId},
    limits::SUBSCRIPTIONS_PER_PEER,
    media::{ExtensionIds, Kind, Wish},
};

use super::{compound::Compounds, up::earlier};
use crate::{
    downlink::{Forward, Stamp, Stream},
    egress::SendSlab,
    rtcp::{Nack, ReportBlock, TransportFeedback},
    rtp::PayloadTypes,
    slab::Key,
    srtp::Outbound,
    transport::Path,
    uplink::{Encodings, Packet},
};

/// Packets that may wait for one peer. The queue is emptied after every batch
/// of datagrams, so this is a tenth of a second of 100 Mbit/s.
const PENDING: usize = 1_024;

/// Repairs that may wait for one peer: what one NACK can ask for.
const REPEATS: usize = 1_024;

/// How often each receiver hears of its streams (RFC 3550 §6.2; browsers send
/// theirs each second).
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// The first report of a stream comes soon, since sound and picture cannot be
/// brought together before.
const FIRST_REPORT: Duration = Duration::from_millis(20);

/// Its publisher's own report, which ours goes by, may take some seconds.
const FIRST_REPORT_TRIES: u8 = 50;

/// All streams are looked through for reports that are due at most so often.
const WALK_INTERVAL: Duration = Duration::from_millis(100);

/// A packet that waits for the drain.
#[derive(Debug)]
pub(crate) struct Pending {
    place: u32,
    live: Encodings,
    packet: Arc<Packet>,
}

/// What waits for one peer. One cache line, since it is all that is touched of
/// a peer when a packet for it comes.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Queue {
    audio: Vec<Pending>,
    video: Vec<Pending>,
    /// Whether there are keys to send with.
    pub(crate) open: bool,
    /// Whether the shard's list of those to drain has the peer.
    pub(crate) dirty: bool,
}

impl Queue {
    /// Puts a packet in. Sound does not wait behind pictures.
    pub(crate) fn push(&mut self, place: u32, packet: &Arc<Packet>, live: Encodings) -> bool {
        let queue = match packet.format.codec.kind() {
            Kind::Audio => &mut self.audio,
            Kind::Video => &mut self.video,
        };
        if queue.len() >= PENDING {
            return false;
        }
        queue.push(Pending {
            place,
            live,
            packet: packet.clone(),
        });
        true
    }

    /// Forgets what waits: there is no way to send it.
    pub(crate) fn discard(&mut self) {
        self.audio.clear();
        self.video.clear();
    }
}

/// Where one stream is with its sender reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Reporting {
    at: Option<Instant>,
    begun: bool,
    /// Times that there was nothing to say before the first report.
    tries: u8,
}

#[derive(Debug)]
pub(crate) struct DownTrack {
    pub(crate) slot: SlotId,
    pub(crate) id: TrackId,
    /// In the shard's table.
    pub(crate) track: Key,
    /// What control ordered; what the stream is told also depends on muting.
    pub(crate) wish: Wish,
    pub(crate) stream: Stream,
    pub(crate) reporting: Reporting,
}

/// What is needed to seal what one peer is sent.
#[derive(Debug)]
pub(crate) struct Sealing<'a> {
    pub(crate) outbound: &'a Outbound,
    pub(crate) extensions: &'a ExtensionIds,
    pub(crate) payloads: &'a PayloadTypes,
    pub(crate) abs_send_time: u32,
    pub(crate) round_trip: Duration,
}

/// What the peer said it lost, since it was last asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Losses {
    pub(crate) received: u32,
    pub(crate) lost: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Down {
    /// By place; places are used again.
    tracks: Vec<Option<DownTrack>>,
    vacant: Vec<u32>,
    by_slot: HashMap<SlotId, u32>,
    by_ssrc: HashMap<u32, u32>,
    /// All that ever were in use. With AES-GCM a second stream of one SSRC
    /// would give up the secrecy of both (RFC 7714 §13).
    spent: HashSet<u32>,
    repeats: Vec<(u32, u16)>,
    transport_sequence: u16,
    losses: Losses,
    /// As of the peer's last report.
    pub(crate) round_trip: Option<Duration>,
    /// When it was measured.
    measured_at: Option<Instant>,
    /// When the streams were last looked through.
    walked: Option<Instant>,
    due: Option<Instant>,
}

impl Down {
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(crate) fn len(&self) -> usize {
        self.tracks.len().saturating_sub(self.vacant.len())
    }

    /// Whether repeats wait for the drain.
    pub(crate) fn is_dirty(&self) -> bool {
        !self.repeats.is_empty()
    }

    /// Reads a little of the stream that the first packet is for.
    pub(crate) fn touch_stream(&self, queue: &Queue) -> usize {
        self.first(queue).map_or(0, |track| track.stream.touch())
    }

    /// Reads the places where its packets will be remembered.
    pub(crate) fn touch_history(&self, queue: &Queue) -> usize {
        let packets = queue.audio.len() + queue.video.len();
        let stream = self.first(queue).map(|track| &track.stream);
        stream.map_or(0, |stream| stream.touch_history(packets))
    }

    fn first(&self, queue: &Queue) -> Option<&DownTrack> {
        let first = queue.video.first().or(queue.audio.first())?;
        self.at(first.place)
    }

    /// Whether a subscription could be taken in.
    pub(crate) fn accepts(&self, slot: SlotId, ssrcs: &[u32]) -> bool {
        self.len() < SUBSCRIPTIONS_PER_PEER
            && !self.by_slot.contains_key(&slot)
            && !ssrcs.iter().any(|ssrc| self.spent.contains(ssrc))
    }

    /// Takes a subscription in that [`Self::accepts`] said yes to.
    pub(crate) fn subscribe(&mut self, track: DownTrack, ssrcs: &[u32]) -> Option<u32> {
        let slot = track.slot;
        let place = match self.vacant.pop() {
            Some(place) => {
                *self.tracks.get_mut(place as usize)? = Some(track);
                place
            }
            None => {
                let place = u32::try_from(self.tracks.len()).ok()?;
                self.tracks.push(Some(track));
                place
            }
        };
        self.by_slot.insert(slot, place);
        for ssrc in ssrcs {
            self.by_ssrc.insert(*ssrc, place);
            self.spent.insert(*ssrc);
        }
        Some(place)
    }

    pub(crate) fn unsubscribe(&mut self, slot: SlotId) -> Option<(u32, DownTrack)> {
        let place = self.by_slot.remove(&slot)?;
        let track = self.tracks.get_mut(place as usize)?.take()?;
        self.vacant.push(place);
        self.by_ssrc.retain(|_, p| *p != place);
        Some((place, track))
    }

    pub(crate) fn place(&self, slot: SlotId) -> Option<u32> {
        self.by_slot.get(&slot).copied()
    }

    pub(crate) fn at(&self, place: u32) -> Option<&DownTrack> {
        self.tracks.get(place as usize)?.as_ref()
    }

    pub(crate) fn at_mut(&mut self, place: u32) -> Option<&mut DownTrack> {
        self.tracks.get_mut(place as usize)?.as_mut()
    }

    /// The subscription that a report or request is about.
    pub(crate) fn by_ssrc(&self, ssrc: u32) -> Option<&DownTrack> {
        self.at(*self.by_ssrc.get(&ssrc)?)
    }

    /// All subscriptions with their places.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &DownTrack)> {
        (0..)
            .zip(&self.tracks)
            .filter_map(|(place, track)| Some((place, track.as_ref()?)))
    }

    /// The peer misses packets. Gives back whether there is such a stream.
    pub(crate) fn nack(&mut self, nack: &Nack<'_>) -> bool {
        let Some(place) = self.by_ssrc.get(&nack.media).copied() else {
            return false;
        };
        let room = REPEATS.saturating_sub(self.repeats.len());
        let sequences = nack.sequences().take(room);
        self.repeats.extend(sequences.map(|s| (place, s)));
        true
    }

    /// The peer reports on one of our streams, if it is one.
    pub(crate) fn report_received(&mut self, block: &ReportBlock, now: Instant) -> Option<()> {
        let place = *self.by_ssrc.get(&block.ssrc)?;
        let stream = &mut self.at_mut(place)?.stream;
        if stream.ssrc() == block.ssrc {
            stream.report_received(block, now);
        }
        if let Some(sample) = stream.round_trip() {
            // Streams that are reported on together share one path: the
            // shortest time is the nearest to it, in whatever order they come.
            let known = self.round_trip.filter(|_| self.measured_at == Some(now));
            self.round_trip = Some(known.map_or(sample, |known| known.min(sample)));
            self.measured_at = Some(now);
        }
        Some(())
    }

    /// What arrived of what was sent, by transport sequence number. This is
    /// where congestion control will learn of it.
    pub(crate) fn transport_feedback(&mut self, feedback: &TransportFeedback<'_>) {
        for status in feedback.statuses() {
            let count = match status.delta {
                Some(_) => &mut self.losses.received,
                None => &mut self.losses.lost,
            };
            *count = count.saturating_add(1);
        }
    }

    pub(crate) fn take_losses(&mut self) -> Losses {
        std::mem::take(&mut self.losses)
    }

    /// Rewrites and seals all that waits. `needs` collects the tracks, with
    /// their encodings, that a key frame is needed of. Gives back how many
    /// packets were forwarded and how many were repeated.
    pub(crate) fn drain(
        &mut self,
        queue: &mut Queue,
        sealing: &Sealing<'_>,
        out: &mut Outlet<'_>,
        now: Instant,
    ) -> (u64, u64) {
        let mut forwarded = 0;
        for pending in queue.audio.drain(..).chain(queue.video.drain(..)) {
            forwarded += u64::from(self.forward(&pending, sealing, out, now));
        }
        (forwarded, self.repeat(sealing, out, now))
    }

    fn forward(
        &mut self,
        pending: &Pending,
        sealing: &Sealing<'_>,
        out: &mut Outlet<'_>,
        now: Instant,
    ) -> bool {
        let Some(Some(track)) = self.tracks.get_mut(pending.place as usize) else {
            return false;
        };
        // The place may have been given to another track meanwhile.
        if track.id != pending.packet.track {
            return false;
        }
        let packet = &pending.packet;
        let Forward { send, key_frame } =
            track
                .stream
                .forward(packet, sealing.payloads, pending.live, now);
        if let Some(encoding) = key_frame {
            out.needs.push((track.track, encoding));
        }
        let Some(rewritten) = send else {
            return false;
        };
        if track.reporting.at.is_none() {
            let at = track.reporting.arm(now).max(next_walk(self.walked, now));
            self.due = earlier(self.due, Some(at));
        }
        let stamp = stamp(&mut self.transport_sequence, sealing);
        let start = out.slab.bytes.len();
        let header_len = rewritten.write(packet, sealing.extensions, stamp, &mut out.slab.bytes);
        let (ssrc, index) = (rewritten.header.ssrc, rewritten.index);
        out.seal(sealing, start, header_len, (ssrc, index))
    }

    fn repeat(&mut self, sealing: &Sealing<'_>, out: &mut Outlet<'_>, now: Instant) -> u64 {
        let mut repeated = 0;
        let mut wanted = std::mem::take(&mut self.repeats);
        for (place, sequence) in wanted.drain(..) {
            let Some(Some(track)) = self.tracks.get_mut(place as usize) else {
                continue;
            };
            let stream = &mut track.stream;
            let Some(repeat) = stream.repeat(sequence, sealing.payloads, sealing.round_trip, now)
            else {
                continue;
            };
            let stamp = stamp(&mut self.transport_sequence, sealing);
            let start = out.slab.bytes.len();
            let header_len = repeat.write(sealing.extensions, stamp, &mut out.slab.bytes);
            let (ssrc, index) = (repeat.header.ssrc, repeat.index);
            repeated += u64::from(out.seal(sealing, start, header_len, (ssrc, index)));
        }
        self.repeats = wanted;
        repeated
    }

    /// Forgets what waits: there is no way to send it.
    pub(crate) fn discard(&mut self) {
        self.repeats.clear();
    }

    /// Writes the sender reports that are due. `name` says who publishes a track.
    pub(crate) fn handle_timeout(
        &mut self,
        out: &mut Compounds,
        ntp: u64,
        name: impl Fn(Key) -> Option<PeerId>,
        now: Instant,
    ) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        let mut next: Option<Instant> = None;
        for track in self.tracks.iter_mut().flatten() {
            let reporting = &mut track.reporting;
            if reporting.at.is_some_and(|at| at <= now) {
                reporting.postpone(now);
                if let Some(info) = track.stream.report(ntp, now) {
                    *reporting = Reporting {
                        at: None,
                        begun: true,
                        tries: 0,
                    };
                    let publisher = name(track.track).map_or(0, |peer| peer.0);
                    out.add_sender_report(&info, &format!("peer-{publisher}"));
                }
            }
            next = earlier(next, track.reporting.at);
        }
        self.walked = Some(now);
        self.due = next.map(|at| at.max(next_walk(self.walked, now)));
    }
}

impl Reporting {
    /// A packet was sent, and no report is scheduled.
    fn arm(&mut self, now: Instant) -> Instant {
        let wait = if self.begun {
            REPORT_INTERVAL
        } else {
            FIRST_REPORT
        };
        let at = now.checked_add(wait).unwrap_or(now);
        self.at = Some(at);
        at
    }

    /// A stream that has nothing to say yet is asked again, for a while; one
    /// that had is asked after its next packet.
    fn postpone(&mut self, now: Instant) {
        self.tries = self.tries.saturating_add(1);
        let again = !self.begun && self.tries < FIRST_REPORT_TRIES;
        self.at = now.checked_add(WALK_INTERVAL).filter(|_| again);
    }
}

fn next_walk(walked: Option<Instant>, now: Instant) -> Instant {
    walked
        .and_then(|walked| walked.checked_add(WALK_INTERVAL))
        .unwrap_or(now)
}

/// Where sealed packets go to.
#[derive(Debug)]
pub(crate) struct Outlet<'a> {
    pub(crate) slab: &'a mut SendSlab,
    pub(crate) path: Path,
    pub(crate) needs: &'a mut Vec<(Key, u8)>,
}

impl Outlet<'_> {
    /// Seals what was written from `start` on.
    fn seal(
        &mut self,
        sealing: &Sealing<'_>,
        start: usize,
        header_len: usize,
        (ssrc, index): (u32, u64),
    ) -> bool {
        let bytes = &mut self.slab.bytes;
        let sealed = sealing
            .outbound
            .seal_rtp(bytes, start, header_len, ssrc, index);
        match sealed {
            Ok(()) => self.slab.commit(start, self.path),
            Err(_) => self.slab.abandon(start),
        }
        sealed.is_ok()
    }
}

const fn stamp(sequence: &mut u16, sealing: &Sealing<'_>) -> Stamp {
    let transport_cc = *sequence;
    if sealing.extensions.transport_cc.is_some() {
        *sequence = sequence.wrapping_add(1);
    }
    Stamp {
        transport_cc: Some(transport_cc),
        abs_send_time: Some(sealing.abs_send_time),
    }
}
