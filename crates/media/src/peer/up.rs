//! What one peer publishes: which stream each packet belongs to, and what its
//! sender must be told.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{
    ids::TrackId,
    limits::TRACKS_PER_PARTICIPANT,
    media::{Encoding, Format, Kind, Mid, Rid, Uplink},
};
use smallvec::SmallVec;

use super::compound::{Compounds, SENDER};
use crate::{
    rtcp::{self, SenderInfo},
    rtp::{Extensions, Header, Meaning, PayloadTypes, VoiceLevel},
    slab::Key,
    uplink::{
        Arrival, Encodings, Feedback, KeyFrames, Levels, Liveness, Packet, Stream, unwrap_repair,
    },
};

/// Encodings of one track (`protocol::media::Uplink` has 1 to 3).
const ENCODINGS: usize = 3;

/// SSRCs that one peer may use, those of tracks that ended included: each of 32
/// tracks has up to six, and may be published anew some times.
const SOURCES: usize = 1_024;

/// SSRCs of one encoding that are remembered: a sender that changes them has
/// two at a time, with their repairs.
const NAMES: usize = 4;

/// How often each sender hears of its streams (RFC 3550 §6.2 has 5 s for
/// conferences of old; browsers report each second).
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What is assumed before it was measured.
pub(crate) const ROUND_TRIP: Duration = Duration::from_millis(100);

/// A packet that is to be forwarded.
#[derive(Debug)]
pub(crate) struct Received {
    /// In the shard's table.
    pub(crate) track: Key,
    pub(crate) packet: Arc<Packet>,
    pub(crate) live: Encodings,
    /// It is the first of its encoding.
    pub(crate) started: bool,
    /// Number of the uplink, when its level is the first since the last report.
    pub(crate) heard: Option<usize>,
}

/// Why a packet goes no further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unused {
    UnknownStream,
    /// Repairs of what is there, probes of bandwidth, repeats.
    Redundant,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Source {
    uplink: usize,
    encoding: u8,
    repair: bool,
}

#[derive(Debug)]
struct UpEncoding {
    rid: Option<Rid>,
    stream: Option<Stream>,
    /// Its SSRCs, and whether they carry repairs; the newest last.
    sources: SmallVec<[(u32, bool); 2]>,
    started: bool,
    key_frames: KeyFrames,
}

impl UpEncoding {
    fn new(uplink: &Uplink, encoding: &Encoding, number: u8) -> Self {
        let stream = |ssrc| Stream::new(uplink.track, number, ssrc, uplink.kind);
        let mut new = Self {
            rid: encoding.rid,
            stream: encoding.ssrc.map(stream),
            sources: SmallVec::new(),
            started: false,
            key_frames: KeyFrames::default(),
        };
        new.name(encoding.ssrc, false);
        new
    }

    /// Remembers an SSRC; gives back the one that is forgotten for it.
    fn name(&mut self, ssrc: Option<u32>, repair: bool) -> Option<u32> {
        let source = (ssrc?, repair);
        if self.sources.contains(&source) {
            return None;
        }
        self.sources.push(source);
        (self.sources.len() > NAMES).then(|| self.sources.remove(0).0)
    }
}

#[derive(Debug)]
struct UpTrack {
    id: TrackId,
    key: Key,
    mid: Mid,
    kind: Kind,
    encodings: SmallVec<[UpEncoding; ENCODINGS]>,
    liveness: Liveness,
    levels: Levels,
    heard: bool,
}

/// A decrypted packet with its header read.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    pub(crate) header: &'a Header,
    pub(crate) extensions: &'a Extensions<'a>,
    pub(crate) payload: &'a [u8],
    pub(crate) payloads: &'a PayloadTypes,
}

#[derive(Debug)]
pub(crate) struct Up {
    /// By number; numbers are used again.
    tracks: Vec<Option<UpTrack>>,
    sources: HashMap<u32, Source>,
    feedback: Feedback,
    report_at: Option<Instant>,
    /// When there is something to say to the peer; early at worst.
    due: Option<Instant>,
    /// As measured by the peer's reports on our own streams.
    pub(crate) round_trip: Option<Duration>,
}

impl Up {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            tracks: Vec::new(),
            sources: HashMap::new(),
            feedback: Feedback::new(now),
            report_at: None,
            due: None,
            round_trip: None,
        }
    }

    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(crate) fn round_trip(&self) -> Duration {
        self.round_trip.unwrap_or(ROUND_TRIP)
    }

    pub(crate) fn find(&self, track: TrackId) -> Option<usize> {
        self.tracks
            .iter()
            .position(|t| t.as_ref().is_some_and(|t| t.id == track))
    }

    /// The keys of all published tracks.
    pub(crate) fn keys(&self) -> impl Iterator<Item = Key> {
        self.tracks.iter().flatten().map(|track| track.key)
    }

    /// Takes a track in, or its new encodings; gives back its number. `None`
    /// beyond [`TRACKS_PER_PARTICIPANT`].
    pub(crate) fn publish(&mut self, uplink: &Uplink, key: Key) -> Option<usize> {
        let number = match self.find(uplink.track) {
            Some(number) => number,
            None => self.vacant()?,
        };
        let mut old = self.tracks.get_mut(number)?.take();
        self.sources.retain(|_, source| source.uplink != number);
        let mut encodings = SmallVec::new();
        for (at, encoding) in (0_u8..).zip(uplink.encodings.iter().take(ENCODINGS)) {
            let kept = old
                .as_mut()
                .and_then(|old| take_alike(old, encoding, at.into()));
            let mut made = kept.unwrap_or_else(|| UpEncoding::new(uplink, encoding, at));
            if let Some(stream) = &mut made.stream {
                stream.alone = uplink.encodings.len() == 1;
            }
            made.name(encoding.rtx_ssrc, true);
            for (ssrc, repair) in &made.sources {
                let source = Source {
                    uplink: number,
                    encoding: at,
                    repair: *repair,
                };
                if self.sources.len() < SOURCES {
                    self.sources.insert(*ssrc, source);
                }
            }
            encodings.push(made);
        }
        let (liveness, levels, heard) = old.map_or_else(Default::default, |old| {
            (old.liveness, old.levels, old.heard)
        });
        *self.tracks.get_mut(number)? = Some(UpTrack {
            id: uplink.track,
            key,
            mid: uplink.mid,
            kind: uplink.kind,
            encodings,
            liveness,
            levels,
            heard,
        });
        Some(number)
    }

    fn vacant(&mut self) -> Option<usize> {
        if let Some(number) = self.tracks.iter().position(Option::is_none) {
            return Some(number);
        }
        if self.tracks.len() >= TRACKS_PER_PARTICIPANT {
            return None;
        }
        self.tracks.push(None);
        Some(self.tracks.len() - 1)
    }

    pub(crate) fn unpublish(&mut self, track: TrackId) -> Option<Key> {
        let number = self.find(track)?;
        let track = self.tracks.get_mut(number)?.take()?;
        self.sources.retain(|_, source| source.uplink != number);
        Some(track.key)
    }

    /// Takes in a packet.
    pub(crate) fn receive(
        &mut self,
        opened: &Opened<'_>,
        now: Instant,
    ) -> Result<Received, Unused> {
        let ssrc = opened.header.ssrc;
        if let Some(sequence) = opened.extensions.transport_cc {
            self.feedback.record(sequence, ssrc, now);
            self.due = earlier(self.due, self.feedback.due());
        }
        let (repair, format) = match opened.payloads.meaning(opened.header.payload_type) {
            Some(Meaning::Media(format)) => (false, format),
            Some(Meaning::Repair(format)) => (true, format),
            None => return Err(Unused::UnknownStream),
        };
        let source = match self.sources.get(&ssrc) {
            Some(source) => *source,
            None => self.learn(opened, repair).ok_or(Unused::UnknownStream)?,
        };
        if source.repair != repair {
            return Err(Unused::UnknownStream);
        }
        let received = self.accept(source, opened, format, now)?;
        if self.report_at.is_none() {
            self.report_at = now.checked_add(REPORT_INTERVAL);
            self.due = earlier(self.due, self.report_at);
        }
        Ok(received)
    }

    /// Finds out whose an unknown SSRC is by what the packet says of itself
    /// (RFC 8843 §9.2, RFC 8852 §3).
    fn learn(&mut self, opened: &Opened<'_>, repair: bool) -> Option<Source> {
        if self.sources.len() >= SOURCES {
            return None;
        }
        let mid = opened.extensions.mid?;
        let number = self
            .tracks
            .iter()
            .position(|t| t.as_ref().is_some_and(|t| t.mid == mid))?;
        let track = self.tracks.get_mut(number)?.as_mut()?;
        let rid = if repair {
            opened.extensions.repaired_rid
        } else {
            opened.extensions.rid
        };
        let alone = track.encodings.len() == 1;
        // Native clients name one of several encodings, and put into it the
        // layers of all.
        let nameless = |e: &UpEncoding| alone && e.rid.is_none();
        let at = (track.encodings.iter()).position(|e| e.rid == rid || nameless(e))?;
        let encoding = u8::try_from(at).ok()?;
        let ssrc = opened.header.ssrc;
        let known = track.encodings.get_mut(at)?;
        if !repair {
            let mut stream = Stream::new(track.id, encoding, ssrc, track.kind);
            stream.alone = alone;
            known.stream = Some(stream);
        }
        if let Some(forgotten) = known.name(Some(ssrc), repair) {
            self.sources.remove(&forgotten);
        }
        let source = Source {
            uplink: number,
            encoding,
            repair,
        };
        self.sources.insert(ssrc, source);
        Some(source)
    }

    fn accept(
        &mut self,
        source: Source,
        opened: &Opened<'_>,
        format: Format,
        now: Instant,
    ) -> Result<Received, Unused> {
        let track = self.tracks.get_mut(source.uplink).and_then(Option::as_mut);
        let track = track.ok_or(Unused::UnknownStream)?;
        let encoding = track.encodings.get_mut(usize::from(source.encoding));
        let encoding = encoding.ok_or(Unused::UnknownStream)?;
        let stream = encoding.stream.as_mut().ok_or(Unused::UnknownStream)?;
        // A sender that changed its SSRC may still have packets of the old one
        // on the way; their numbers mean nothing among the new ones.
        if !source.repair && stream.ssrc() != opened.header.ssrc {
            return Err(Unused::Redundant);
        }
        let (header, payload) = original(source, opened, stream.ssrc())?;
        let arrival = Arrival {
            header: &header,
            extensions: opened.extensions,
            payload,
            format,
            repair: source.repair,
        };
        let received = stream.receive(&arrival, now);
        self.due = earlier(self.due, stream.missing_due());
        let packet = received.map_err(|_| Unused::Redundant)?;
        if packet.key_frame {
            encoding.key_frames.arrived();
        }
        let started = !std::mem::replace(&mut encoding.started, true);
        track
            .liveness
            .observe(packet.quality(), packet.ends_frame(), now);
        let mut heard = None;
        if let Some(level) = packet.audio_level {
            track.levels.record(VoiceLevel::from_byte(level));
            let first = !std::mem::replace(&mut track.heard, true);
            heard = first.then_some(source.uplink);
        }
        Ok(Received {
            track: track.key,
            packet,
            live: track.liveness.live(now),
            started,
            heard,
        })
    }

    /// A sender report came.
    pub(crate) fn sender_report(&mut self, info: &SenderInfo, now: Instant) -> Option<()> {
        let source = *self.sources.get(&info.ssrc)?;
        let track = self.tracks.get_mut(source.uplink)?.as_mut()?;
        let encoding = track.encodings.get_mut(usize::from(source.encoding))?;
        if !source.repair {
            encoding.stream.as_mut()?.report_received(info, now);
        }
        Some(())
    }

    /// Somebody needs a key frame. Gives back when to ask for it.
    pub(crate) fn want_key_frame(
        &mut self,
        uplink: usize,
        encoding: u8,
        now: Instant,
    ) -> Option<Instant> {
        let round_trip = self.round_trip();
        let track = self.tracks.get_mut(uplink)?.as_mut()?;
        // The layers of a scalable stream come from one encoder.
        let last = track.encodings.len().checked_sub(1)?;
        let encoding = track.encodings.get_mut(usize::from(encoding).min(last))?;
        if encoding.key_frames.due(round_trip, now).is_none() {
            encoding.key_frames.want();
            let at = encoding.key_frames.due(round_trip, now);
            self.due = earlier(self.due, at);
        }
        self.due
    }

    /// Takes the loudness of a track since it was last taken.
    pub(crate) fn take_level(
        &mut self,
        uplink: usize,
        interval: Duration,
    ) -> Option<protocol::plane::AudioLevel> {
        let track = self.tracks.get_mut(uplink)?.as_mut()?;
        track.heard = false;
        track.levels.report(track.id, interval)
    }

    /// Packets received and lost, before repair, since this was last asked.
    pub(crate) fn take_loss(&mut self) -> (u32, u32) {
        self.streams().fold((0, 0), |(received, lost), stream| {
            let (more, missing) = stream.take_loss();
            (received.saturating_add(more), lost.saturating_add(missing))
        })
    }

    fn streams(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.tracks
            .iter_mut()
            .flatten()
            .flat_map(|track| &mut track.encodings)
            .filter_map(|encoding| encoding.stream.as_mut())
    }

    /// Writes what is to be said to the peer now; counts the key frames asked for.
    pub(crate) fn handle_timeout(&mut self, out: &mut Compounds, now: Instant) -> u64 {
        if self.due.is_none_or(|due| due > now) {
            return 0;
        }
        if self.feedback.due().is_some_and(|due| due <= now) {
            let feedback = &mut self.feedback;
            let mut more = true;
            while more {
                out.add(|bytes| more = feedback.write(bytes, now));
            }
        }
        let requests = self.repair(out, now);
        self.report(out, now);
        self.reckon(now);
        requests
    }

    /// NACKs and PLIs.
    fn repair(&mut self, out: &mut Compounds, now: Instant) -> u64 {
        let round_trip = self.round_trip();
        let mut requests = 0;
        let mut missing = Vec::new();
        let encodings = self.tracks.iter_mut().flatten();
        for encoding in encodings.flat_map(|track| &mut track.encodings) {
            let Some(stream) = &mut encoding.stream else {
                continue;
            };
            if stream.missing_due().is_some_and(|due| due <= now) {
                missing.clear();
                stream.missing(round_trip, &mut missing, now);
                if !missing.is_empty() {
                    out.add(|bytes| rtcp::write_nack(bytes, SENDER, stream.ssrc(), &missing));
                }
            }
            if stream.take_key_frame_need() {
                encoding.key_frames.want();
            }
            if encoding.key_frames.poll(round_trip, now) {
                requests += 1;
                out.add(|bytes| rtcp::write_pli(bytes, SENDER, stream.ssrc()));
            }
        }
        requests
    }

    fn report(&mut self, out: &mut Compounds, now: Instant) {
        if self.report_at.is_none_or(|at| at > now) {
            return;
        }
        let blocks: Vec<_> = self.streams().filter_map(|s| s.report(now)).collect();
        for blocks in blocks.chunks(31) {
            out.add_report(blocks);
        }
        // Comes back with the next packet.
        self.report_at = None;
    }

    /// When to be woken next.
    fn reckon(&mut self, now: Instant) {
        let round_trip = self.round_trip();
        let mut due = earlier(self.feedback.due(), self.report_at);
        let encodings = self.tracks.iter().flatten();
        for encoding in encodings.flat_map(|track| &track.encodings) {
            if let Some(stream) = &encoding.stream {
                due = earlier(due, stream.missing_due());
                due = earlier(due, encoding.key_frames.due(round_trip, now));
            }
        }
        self.due = due;
    }
}

/// The packet as it was sent first: repairs carry another (RFC 4588 §4).
fn original<'a>(
    source: Source,
    opened: &Opened<'a>,
    ssrc: u32,
) -> Result<(Header, &'a [u8]), Unused> {
    if !source.repair {
        return Ok((*opened.header, opened.payload));
    }
    let (sequence, payload) = unwrap_repair(opened.payload).ok_or(Unused::Redundant)?;
    let header = Header {
        sequence,
        ssrc,
        ..*opened.header
    };
    Ok((header, payload))
}

/// The encoding of the same number and name, if its SSRC is not another one now.
fn take_alike(old: &mut UpTrack, encoding: &Encoding, number: usize) -> Option<UpEncoding> {
    let known = old.encodings.get_mut(number)?;
    let ssrc = known.stream.as_ref().map(Stream::ssrc);
    let alike = known.rid == encoding.rid && (encoding.ssrc.is_none() || encoding.ssrc == ssrc);
    alike.then(|| UpEncoding {
        rid: known.rid,
        stream: known.stream.take(),
        sources: std::mem::take(&mut known.sources),
        started: known.started,
        key_frames: known.key_frames,
    })
}

pub(crate) fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
