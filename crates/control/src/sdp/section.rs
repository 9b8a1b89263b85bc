//! One media section of an offer.

use protocol::{
    limits,
    media::{Codec, Encoding, ExtensionIds, Format, Kind, Mid, Rid, Tag},
};
use sdp_types::{Attribute, Media};

use super::{OfferError, OfferedCodec, codec};

/// Encodings of one track: low, medium, high.
const ENCODINGS: usize = 3;

/// What a section carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Medium {
    Audio,
    Video,
    /// Data channels (RFC 8841).
    Data,
    /// Nothing that we know; it is rejected.
    Unknown,
}

impl Medium {
    pub(crate) const fn kind(self) -> Option<Kind> {
        match self {
            Self::Audio => Some(Kind::Audio),
            Self::Video => Some(Kind::Video),
            Self::Data | Self::Unknown => None,
        }
    }
}

/// A media section as the client offers it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Section {
    pub(crate) mid: Mid,
    pub(crate) medium: Medium,
    /// `m=` line without port: kind, transport and formats, for a rejection.
    pub(crate) heading: Heading,
    /// The client wants to send in it.
    pub(crate) sends: bool,
    /// The client wants to receive in it.
    pub(crate) receives: bool,
    /// The client has given the section up (port 0, RFC 8829 §5.2.2).
    pub(crate) rejected: bool,
    pub(crate) reduced_size: bool,
    /// Header extensions of more than 16 bytes may be sent (RFC 8285 §6).
    pub(crate) mixed: bool,
    pub(crate) codecs: Vec<OfferedCodec>,
    /// Known header extensions with the client's ids, in the offer's order.
    pub(crate) extensions: Vec<(u8, Extension)>,
    /// Simulcast encodings in the order of `a=simulcast` (RFC 8853).
    pub(crate) rids: Vec<Rid>,
    /// Media and retransmission SSRC, when the section names them.
    pub(crate) ssrc: Option<(u32, Option<u32>)>,
    pub(crate) msid: Option<Msid>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Heading {
    pub(crate) media: String,
    pub(crate) transport: String,
    pub(crate) first_format: String,
}

/// `a=msid` (RFC 8830).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Msid {
    pub(crate) stream: String,
    pub(crate) track: String,
}

/// RTP header extensions that Plenary reads or writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Extension {
    Mid,
    Rid,
    RepairedRid,
    TransportCc,
    AudioLevel,
    AbsSendTime,
    VideoOrientation,
    DependencyDescriptor,
}

impl Extension {
    const ALL: [Self; 8] = [
        Self::Mid,
        Self::Rid,
        Self::RepairedRid,
        Self::TransportCc,
        Self::AudioLevel,
        Self::AbsSendTime,
        Self::VideoOrientation,
        Self::DependencyDescriptor,
    ];

    pub(crate) const fn uri(self) -> &'static str {
        match self {
            Self::Mid => "urn:ietf:params:rtp-hdrext:sdes:mid",
            Self::Rid => "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
            Self::RepairedRid => "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
            Self::TransportCc => {
                "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
            }
            Self::AudioLevel => "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
            Self::AbsSendTime => "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
            Self::VideoOrientation => "urn:3gpp:video-orientation",
            Self::DependencyDescriptor => {
                "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
            }
        }
    }

    pub(crate) const fn slot(self, ids: &mut ExtensionIds) -> &mut Option<u8> {
        match self {
            Self::Mid => &mut ids.mid,
            Self::Rid => &mut ids.rid,
            Self::RepairedRid => &mut ids.repaired_rid,
            Self::TransportCc => &mut ids.transport_cc,
            Self::AudioLevel => &mut ids.audio_level,
            Self::AbsSendTime => &mut ids.abs_send_time,
            Self::VideoOrientation => &mut ids.video_orientation,
            Self::DependencyDescriptor => &mut ids.dependency_descriptor,
        }
    }
}

impl Section {
    pub(crate) fn parse(
        media: &Media,
        session_direction: Option<&str>,
        mixed: bool,
    ) -> Result<Self, OfferError> {
        let medium = match media.media.as_str() {
            "audio" => Medium::Audio,
            "video" => Medium::Video,
            "application" if media.fmt == "webrtc-datachannel" => Medium::Data,
            _ => Medium::Unknown,
        };
        let mid = value(&media.attributes, "mid")
            .and_then(|text| Tag::new(text.as_bytes()))
            .ok_or(OfferError::Mid)?;
        let bundle_only = media
            .attributes
            .iter()
            .any(|a| a.attribute == "bundle-only");
        let rejected = media.port == 0 && !bundle_only;
        let direction = direction(&media.attributes)
            .or(session_direction)
            .unwrap_or("sendrecv");
        let mut section = Self {
            sends: !rejected && matches!(direction, "sendrecv" | "sendonly"),
            receives: !rejected && matches!(direction, "sendrecv" | "recvonly"),
            rejected,
            reduced_size: media.attributes.iter().any(|a| a.attribute == "rtcp-rsize"),
            mixed: mixed || allows_mixed(&media.attributes),
            ..Self::blank(mid, medium, Heading::of(media))
        };
        if let Some(kind) = medium.kind() {
            section.codecs = codec::codecs(media, kind);
            section.extensions = extensions(&media.attributes);
            if !section.mixed {
                // A key frame's descriptor has some 80 bytes.
                let short = |extension| extension != Extension::DependencyDescriptor;
                section
                    .extensions
                    .retain(|(_, extension)| short(*extension));
            }
            section.rids = rids(&media.attributes);
            section.ssrc = ssrc(&media.attributes);
            section.msid = msid(&media.attributes);
        }
        Ok(section)
    }

    /// One that says nothing yet.
    pub(crate) const fn blank(mid: Mid, medium: Medium, heading: Heading) -> Self {
        Self {
            mid,
            medium,
            heading,
            sends: false,
            receives: false,
            rejected: false,
            reduced_size: false,
            mixed: false,
            codecs: Vec::new(),
            extensions: Vec::new(),
            rids: Vec::new(),
            ssrc: None,
            msid: None,
        }
    }

    /// What the client is going to send, from the lowest quality to the
    /// highest: one encoding, unless it offers `simulcast` and we want it.
    pub(crate) fn encodings(&self, simulcast: bool) -> Vec<Encoding> {
        if !simulcast || self.rids.is_empty() {
            let (ssrc, rtx_ssrc) = self.ssrc.unzip();
            return vec![Encoding {
                rid: None,
                ssrc,
                rtx_ssrc: rtx_ssrc.flatten(),
            }];
        }
        let mut rids = self.rids.clone();
        // Stable: names that we don't know keep the order of the description.
        rids.sort_by_key(|rid| quality(rid.as_str()));
        rids.into_iter()
            .map(|rid| Encoding {
                rid: Some(rid),
                ssrc: None,
                rtx_ssrc: None,
            })
            .collect()
    }

    /// The formats of the codec that the client put first: the one it uses
    /// if we agree to it.
    pub(crate) fn preferred(&self) -> Vec<Format> {
        let first = self.codecs.first().map(|codec| codec.format().codec);
        self.codecs
            .iter()
            .map(OfferedCodec::format)
            .filter(|format| {
                let within = first == Some(Codec::Red) && format.codec == Codec::Opus;
                Some(format.codec) == first || within
            })
            .collect()
    }
}

/// LiveKit's names of encodings, `q` below `h` below `f`, older clients' 0 to 2.
fn quality(rid: &str) -> u8 {
    match rid {
        "q" | "0" => 0,
        "h" | "1" => 1,
        "f" | "2" => 2,
        _ => 3,
    }
}

impl Heading {
    fn of(media: &Media) -> Self {
        Self {
            media: media.media.clone(),
            transport: media.proto.clone(),
            first_format: media
                .fmt
                .split_ascii_whitespace()
                .next()
                .unwrap_or("0")
                .to_owned(),
        }
    }
}

pub(crate) fn value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes
        .iter()
        .find(|a| a.attribute == name)
        .and_then(|a| a.value.as_deref())
}

pub(crate) fn direction(attributes: &[Attribute]) -> Option<&str> {
    attributes
        .iter()
        .map(|a| a.attribute.as_str())
        .find(|name| matches!(*name, "sendrecv" | "sendonly" | "recvonly" | "inactive"))
}

pub(crate) fn allows_mixed(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .any(|a| a.attribute == "extmap-allow-mixed")
}

/// `a=extmap:<id>[/<direction>] <uri>` (RFC 8285 §8).
fn extensions(attributes: &[Attribute]) -> Vec<(u8, Extension)> {
    let mut found: Vec<(u8, Extension)> = Vec::new();
    for value in attributes
        .iter()
        .filter(|a| a.attribute == "extmap")
        .filter_map(|a| a.value.as_deref())
    {
        let mut words = value.split_ascii_whitespace();
        let id = words
            .next()
            .and_then(|id| id.split('/').next()?.parse::<u8>().ok());
        let known = words.next().and_then(|uri| {
            Extension::ALL
                .into_iter()
                .find(|extension| extension.uri() == uri)
        });
        // Ids above 14 need two-byte headers, which we never write.
        if let (Some(id @ 1..=14), Some(extension)) = (id, known)
            && !found.iter().any(|(i, e)| *i == id || *e == extension)
        {
            found.push((id, extension));
        }
    }
    found
}

/// The rids of `a=simulcast:send`, of alternatives the first, without the
/// mark of a paused encoding (RFC 8853 §5.1).
fn rids(attributes: &[Attribute]) -> Vec<Rid> {
    let Some(simulcast) = value(attributes, "simulcast") else {
        return Vec::new();
    };
    let mut words = simulcast.split_ascii_whitespace();
    let mut found: Vec<Rid> = Vec::new();
    while let (Some(direction), Some(list)) = (words.next(), words.next()) {
        if direction != "send" {
            continue;
        }
        for stream in list.split(';') {
            let name = stream
                .split(',')
                .next()
                .unwrap_or("")
                .trim_start_matches('~');
            if let Some(rid) = Tag::new(name.as_bytes())
                && found.len() < ENCODINGS
                && !found.contains(&rid)
            {
                found.push(rid);
            }
        }
    }
    found
}

/// The first SSRC and, when `a=ssrc-group:FID` ties one to it, the SSRC of its
/// retransmissions (RFC 5576 §4.2).
fn ssrc(attributes: &[Attribute]) -> Option<(u32, Option<u32>)> {
    let group = attributes
        .iter()
        .filter(|a| a.attribute == "ssrc-group")
        .filter_map(|a| a.value.as_deref()?.strip_prefix("FID "))
        .find_map(|list| {
            let mut numbers = list.split_ascii_whitespace().map(str::parse::<u32>);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()))
        });
    group.or_else(|| {
        let first = value(attributes, "ssrc")?.split_ascii_whitespace().next()?;
        Some((first.parse().ok()?, None))
    })
}

/// Others are told of the track's name, and no track is announced with a longer one.
fn msid(attributes: &[Attribute]) -> Option<Msid> {
    let value = value(attributes, "msid").filter(|value| value.len() <= 2 * limits::NAME_BYTES)?;
    let mut words = value.split_ascii_whitespace();
    let stream = words.next()?.to_owned();
    Some(Msid {
        stream,
        track: words.next().unwrap_or("").to_owned(),
    })
}
