//! Offers and answers of the single peer connection. `str0m` keeps the
//! sections; this decides which there are: placeholders to receive in, one
//! section for each publication, and the data channels. Sections are reused,
//! never given up: a browser's are not either, and an SFU must cope with it.

use std::{collections::BTreeMap, time::Instant};

use livekit_protocol::SessionDescription;
use protocol::media::{Codec, Kind};
use str0m::{
    Candidate, Rtc, RtcConfig,
    change::{SdpAnswer, SdpPendingOffer},
    channel::{ChannelConfig, Reliability},
    media::{Direction, MediaKind, Mid, Pt, Simulcast, SimulcastLayer},
};

use crate::{
    face::{ClientConfig, Problem, PublicationKey},
    sdp,
    sender::Publication,
};

/// Placeholders in the first offer, of each kind: as many as the SDKs have.
const PLACEHOLDERS: usize = 3;
/// Placeholders of each kind that a server may ask for altogether.
const PLACEHOLDERS_MAX: usize = protocol::limits::SUBSCRIPTIONS_PER_PEER;

pub(crate) struct Negotiation {
    pending: Option<(u32, SdpPendingOffer)>,
    next_id: u32,
    receiving: BTreeMap<Mid, Kind>,
    sending: Vec<Section>,
    /// Placeholders that the server asked for and that no offer had yet.
    wanted: [usize; 2],
    /// An offer is due even if nothing changed.
    due: bool,
    /// The next offer restarts ICE.
    restart: bool,
    /// The network changed: the only way to us once that offer is answered.
    moved: Option<Candidate>,
}

/// A section that something is or was published in.
struct Section {
    mid: Mid,
    kind: Kind,
    rids: &'static [&'static str],
    user: Option<PublicationKey>,
}

const fn media_kind(kind: Kind) -> MediaKind {
    match kind {
        Kind::Audio => MediaKind::Audio,
        Kind::Video => MediaKind::Video,
    }
}

impl Negotiation {
    /// A new transport and its first offer.
    pub(crate) fn new(
        config: &ClientConfig,
        now: Instant,
    ) -> Result<(Self, Rtc, SessionDescription), Problem> {
        let mut rtc_config = RtcConfig::new()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .enable_h264(true);
        if let Some(crypto) = &config.crypto {
            rtc_config = rtc_config.set_crypto_provider(crypto.clone());
        }
        let mut rtc = rtc_config.build(now);
        let candidate = Candidate::host(config.address, "udp")
            .map_err(|error| Problem::BadCandidate(error.to_string()))?;
        rtc.add_local_candidate(candidate);
        let mut negotiation = Self {
            pending: None,
            next_id: 1,
            receiving: BTreeMap::new(),
            sending: Vec::new(),
            wanted: [PLACEHOLDERS; 2],
            due: false,
            restart: false,
            moved: None,
        };
        let offer = negotiation
            .offer(&mut rtc, &mut BTreeMap::new())
            .ok_or_else(|| Problem::Transport("no first offer".to_owned()))?;
        Ok((negotiation, rtc, offer))
    }

    /// The server wants more placeholders, or (with zeros) just a new offer.
    pub(crate) fn require(&mut self, audio: usize, video: usize) {
        for (wanted, more) in self.wanted.iter_mut().zip([audio, video]) {
            *wanted = (*wanted + more).min(PLACEHOLDERS_MAX);
        }
        self.due = true;
    }

    /// Publications changed.
    pub(crate) const fn touch(&mut self) {
        self.due = true;
    }

    /// The signalling connection was lost: an offer on its way is forgotten,
    /// and the next restarts ICE.
    pub(crate) fn begin_anew(
        &mut self,
        rtc: &Rtc,
        publications: &mut BTreeMap<PublicationKey, Publication>,
        candidate: Option<Candidate>,
    ) {
        self.pending = None;
        self.receiving.retain(|mid, _| rtc.media(*mid).is_some());
        self.sending
            .retain(|section| rtc.media(section.mid).is_some());
        for publication in publications.values_mut() {
            publication.mid = publication.mid.filter(|mid| rtc.media(*mid).is_some());
        }
        self.restart = true;
        self.moved = candidate;
        self.due = true;
    }

    /// Number of media sections, the data channels' not counted.
    pub(crate) fn sections(&self) -> usize {
        self.receiving.len() + self.sending.len()
    }

    pub(crate) fn receives(&self, mid: Mid) -> bool {
        self.receiving.contains_key(&mid)
    }

    /// The next offer, if one is due and none is on its way.
    pub(crate) fn offer(
        &mut self,
        rtc: &mut Rtc,
        publications: &mut BTreeMap<PublicationKey, Publication>,
    ) -> Option<SessionDescription> {
        let first = self.receiving.is_empty();
        if self.pending.is_some() || !(self.due || first) {
            return None;
        }
        self.due = false;
        let mut api = rtc.sdp_api();
        if std::mem::take(&mut self.restart) {
            api.ice_restart(self.moved.is_none());
        }
        // An unused placeholder was answered with "inactive"; str0m would repeat that.
        for mid in self.receiving.keys() {
            api.set_direction(*mid, Direction::RecvOnly);
        }
        let wanted = std::mem::take(&mut self.wanted);
        for (kind, count) in [Kind::Audio, Kind::Video].into_iter().zip(wanted) {
            for _ in 0..count {
                let mid = api.add_media(media_kind(kind), Direction::RecvOnly, None, None, None);
                self.receiving.insert(mid, kind);
            }
        }
        for section in &mut self.sending {
            let used = section
                .user
                .is_some_and(|key| publications.contains_key(&key));
            if !used {
                section.user = None;
            }
        }
        for publication in publications.values_mut() {
            place(&mut self.sending, &mut api, publication);
        }
        for section in &self.sending {
            let used = section.user.is_some();
            let direction = if used {
                Direction::SendOnly
            } else {
                Direction::Inactive
            };
            api.set_direction(section.mid, direction);
        }
        if first {
            open_channels(&mut api);
        }
        if !api.has_changes() {
            // Asked for an offer without a change: leave and come back.
            let mid = self.receiving.keys().next().copied()?;
            api.set_direction(mid, Direction::Inactive);
            api.set_direction(mid, Direction::RecvOnly);
        }
        let (offer, pending) = api.apply()?;
        let id = self.next_id;
        self.next_id += 1;
        self.pending = Some((id, pending));
        let tracks = publications
            .values()
            .filter_map(|p| Some((p.mid?.to_string(), p.cid.clone())))
            .collect();
        Some(SessionDescription {
            r#type: "offer".to_owned(),
            sdp: sdp::like_a_browser(&offer.to_sdp_string(), &tracks),
            id,
            ..SessionDescription::default()
        })
    }

    /// Takes in the answer; the tracks that have a place now, by mid.
    pub(crate) fn accept(
        &mut self,
        rtc: &mut Rtc,
        answer: SessionDescription,
    ) -> Result<BTreeMap<Mid, String>, Problem> {
        let expected = self.pending.as_ref().map_or(0, |(id, _)| *id);
        let (_, pending) =
            self.pending
                .take_if(|(id, _)| *id == answer.id)
                .ok_or(Problem::WrongAnswerId {
                    expected,
                    got: answer.id,
                })?;
        let parsed = SdpAnswer::from_sdp_string(&answer.sdp)
            .map_err(|error| Problem::BadAnswer(error.to_string()))?;
        rtc.sdp_api()
            .accept_answer(pending, parsed)
            .map_err(|error| Problem::BadAnswer(error.to_string()))?;
        if let Some(candidate) = self.moved.take() {
            rtc.add_local_candidate(candidate);
        }
        let mut tracks = BTreeMap::new();
        let places: BTreeMap<String, String> = answer.mid_to_track_id.into_iter().collect();
        for (mid, track) in &places {
            let known = Mid::from(mid.as_str());
            if rtc.media(known).is_none() {
                let (mid, track) = (mid.clone(), track.clone());
                return Err(Problem::UnknownMid { mid, track });
            }
            if self.receives(known) {
                tracks.insert(known, track.clone());
            }
        }
        check_stream_ids(&answer.sdp, &places)?;
        Ok(tracks)
    }
}

/// Finds or adds the section of a publication.
fn place(
    sending: &mut Vec<Section>,
    api: &mut str0m::change::SdpApi<'_>,
    publication: &mut Publication,
) {
    if publication.mid.is_some() {
        return;
    }
    let kind = publication.kind();
    let rids = publication.generator.feed().rids();
    let free = sending
        .iter_mut()
        .find(|s| s.user.is_none() && s.kind == kind && s.rids == rids);
    if let Some(section) = free {
        section.user = Some(publication.key);
        publication.mid = Some(section.mid);
        return;
    }
    let simulcast = (!rids.is_empty()).then(|| {
        let mut simulcast = Simulcast::new();
        for rid in rids {
            simulcast.add_send_layer(SimulcastLayer::new(rid));
        }
        simulcast
    });
    let track = Some(publication.cid.clone());
    let mid = api.add_media(
        media_kind(kind),
        Direction::SendOnly,
        None,
        track,
        simulcast,
    );
    publication.mid = Some(mid);
    sending.push(Section {
        mid,
        kind,
        rids,
        user: Some(publication.key),
    });
}

/// The channels that LiveKit clients open, with their reliability.
fn open_channels(api: &mut str0m::change::SdpApi<'_>) {
    api.add_channel("_reliable".to_owned());
    for label in ["_lossy", "_data_track"] {
        api.add_channel_with_config(ChannelConfig {
            label: label.to_owned(),
            ordered: false,
            reliability: Reliability::MaxRetransmits { retransmits: 0 },
            ..ChannelConfig::default()
        });
    }
}

/// A subscribed section must name the publisher's `PA_…` id as its stream:
/// livekit-client drops the track otherwise.
fn check_stream_ids(answer: &str, tracks: &BTreeMap<String, String>) -> Result<(), Problem> {
    for section in sdp::sections(answer) {
        let sends = section.lines().any(|l| l.trim_end() == "a=sendonly");
        let mid = sdp::value(section, "a=mid:");
        let Some(track) = mid.filter(|_| sends).and_then(|mid| tracks.get(mid)) else {
            continue;
        };
        let stream = sdp::value(section, "a=msid:").unwrap_or_default();
        if !stream.starts_with("PA_") || !track.starts_with("TR_") {
            return Err(Problem::BadStreamId(format!("{stream} of {track}")));
        }
    }
    Ok(())
}

/// The payload type that the server agreed to for this codec in this section.
pub(crate) fn payload_type(rtc: &Rtc, mid: Mid, codec: Codec) -> Option<Pt> {
    let media = rtc.media(mid)?;
    rtc.codec_config()
        .iter()
        .find(|p| codec_of(p.spec().codec) == Some(codec) && media.remote_pts().contains(&p.pt()))
        .map(str0m::format::PayloadParams::pt)
}

/// The codec of a received payload type.
pub(crate) fn codec_at(rtc: &Rtc, pt: Pt) -> Option<Codec> {
    let params = rtc.codec_config().iter().find(|p| p.pt() == pt)?;
    codec_of(params.spec().codec)
}

const fn codec_of(codec: str0m::format::Codec) -> Option<Codec> {
    use str0m::format::Codec as Theirs;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "str0m's list is open and long; only these are enabled"
    )]
    match codec {
        Theirs::Opus => Some(Codec::Opus),
        Theirs::Vp8 => Some(Codec::Vp8),
        Theirs::H264 => Some(Codec::H264),
        _ => None,
    }
}
