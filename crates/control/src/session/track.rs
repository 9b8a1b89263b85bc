//! One published track: from the client's announcement to its section.

use std::{collections::BTreeSet, time::Instant};

use livekit_protocol as proto;
use proto::{AudioTrackFeature, TrackSource, TrackType, video_layer::Mode as VideoLayerMode};
use protocol::{
    grants::Source,
    ids::TrackId,
    limits,
    media::{Codec, Encoding, Format, Kind, Mid},
};

use super::Demand;
use crate::sdp::{OfferedCodec, Section, mime};

/// Spatial layers kept of what a client describes.
const LAYERS: usize = 3;
/// Feature flags kept; LiveKit knows fewer than ten.
const FEATURES: usize = 16;

#[derive(Clone, Debug)]
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) kind: Kind,
    pub(crate) source: Source,
    /// The client's own name for it, as in the section's msid.
    pub(crate) cid: String,
    /// As others are told.
    pub(crate) info: proto::TrackInfo,
    pub(crate) announced_at: Instant,
    /// The section in which it arrives; `None` until there is one.
    pub(crate) mid: Option<Mid>,
    pub(crate) encodings: Vec<Encoding>,
    /// Agreed formats, the preferred one first.
    pub(crate) formats: Vec<Format>,
    /// Others know of it.
    pub(crate) told: bool,
    /// Its publisher knows that someone receives it.
    pub(crate) received: bool,
    /// What its subscribers want.
    pub(crate) demand: Demand,
}

/// Why a track can't be announced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Undeclared {
    #[error("publishing is not allowed")]
    NotAllowed,
    #[error("this source may not be published")]
    SourceNotAllowed,
    #[error("too many tracks, or a name that is too long")]
    Limit,
    #[error("neither audio nor video")]
    Type,
    #[error("a second codec for a track is not supported")]
    BackupCodec,
}

impl Track {
    /// Checks a request by itself, without regard to grants.
    pub(crate) fn declare(
        id: TrackId,
        sid: String,
        request: &proto::AddTrackRequest,
        now: Instant,
    ) -> Result<Self, Undeclared> {
        let kind = match TrackType::try_from(request.r#type) {
            Ok(TrackType::Audio) => Kind::Audio,
            Ok(TrackType::Video) => Kind::Video,
            Ok(TrackType::Data) | Err(_) => return Err(Undeclared::Type),
        };
        if !request.sid.is_empty() {
            return Err(Undeclared::BackupCodec);
        }
        let names = [&request.cid, &request.name, &request.stream];
        if names.iter().any(|name| name.len() > limits::NAME_BYTES) {
            return Err(Undeclared::Limit);
        }
        Ok(Self {
            id,
            kind,
            source: source_of(request.source),
            cid: request.cid.clone(),
            info: info(sid, request, kind),
            announced_at: now,
            mid: None,
            encodings: Vec::new(),
            formats: Vec::new(),
            told: false,
            received: false,
            demand: Demand::default(),
        })
    }

    pub(crate) fn sid(&self) -> &str {
        &self.info.sid
    }

    /// The codec that the client announced, if it did.
    fn announced(&self, codec: &OfferedCodec) -> bool {
        let wanted = self
            .info
            .codecs
            .first()
            .map_or("", |c| c.mime_type.as_str());
        mime(codec.format().codec).eq_ignore_ascii_case(wanted)
    }

    /// Agrees on the formats of its section: of the announced codec alone, so
    /// that what subscribers are promised is what comes.
    pub(crate) fn bind(&mut self, section: &Section) {
        let announced: Vec<Format> = section
            .codecs
            .iter()
            .filter(|codec| self.announced(codec))
            .map(OfferedCodec::format)
            .collect();
        self.formats = match self.kind {
            Kind::Audio => self.sound(section),
            Kind::Video if announced.is_empty() => section.preferred(),
            Kind::Video => announced,
        };
        // A client may offer one format under many numbers. Named twice to a
        // subscriber, it would name one number twice, which browsers refuse.
        let mut named = BTreeSet::new();
        self.formats.retain(|format| named.insert(*format));
        self.mid = Some(section.mid);
        self.encodings = section.encodings(self.separate());
        self.describe(section);
    }

    /// Redundant audio, if the client lets us, before the sound by itself. What
    /// is encrypted as a whole can't be taken apart for those who know no
    /// redundancy.
    fn sound(&self, section: &Section) -> Vec<Format> {
        let clear = self.info.encryption == proto::encryption::Type::None as i32;
        let redundant = clear && !self.info.disable_red;
        let formats = || section.codecs.iter().map(OfferedCodec::format);
        let red = formats().filter(|format| redundant && format.codec == Codec::Red);
        let opus = formats().filter(|format| format.codec == Codec::Opus);
        if opus.clone().next().is_none() {
            return section.preferred();
        }
        red.chain(opus).collect()
    }

    /// Whether each encoding is a stream of its own. Scalable codecs put all
    /// layers into one, even where several encodings are described, unless the
    /// client has said otherwise.
    pub(crate) fn separate(&self) -> bool {
        let codec = self.info.codecs.first();
        let mode = codec.map_or(0, |codec| codec.video_layer_mode);
        let asked = mode == VideoLayerMode::OneSpatialLayerPerStream as i32;
        self.formats
            .first()
            .is_some_and(|format| match format.codec {
                Codec::Vp8 | Codec::H264 => true,
                Codec::Vp9 | Codec::Av1 => asked,
                Codec::Opus | Codec::Red => false,
            })
    }

    fn describe(&mut self, section: &Section) {
        let mime = self
            .formats
            .first()
            .map_or("", |format| mime(format.codec))
            .to_owned();
        self.info.mid = section.mid.to_string();
        self.info.mime_type.clone_from(&mime);
        if let Some(codec) = self.info.codecs.first_mut() {
            codec.mime_type = mime;
            codec.mid = section.mid.to_string();
            match &section.msid {
                Some(msid) if msid.track != self.cid => codec.sdp_cid.clone_from(&msid.track),
                Some(_) | None => {}
            }
        }
    }

    /// The lowest encoding that is no smaller than a tile. Only the shorter
    /// sides are compared: a portrait picture in a landscape tile is cropped or
    /// boxed by the client.
    pub(crate) fn smallest_covering(&self, width: u32, height: u32) -> u8 {
        let tile = width.min(height);
        let layers = self
            .info
            .codecs
            .first()
            .map_or(&[][..], |codec| &codec.layers);
        let mut sizes: Vec<u32> = layers
            .iter()
            .map(|layer| layer.width.min(layer.height))
            .collect();
        sizes.sort_unstable();
        sizes
            .iter()
            .position(|size| *size >= tile)
            .map_or(u8::MAX, |index| u8::try_from(index).unwrap_or(u8::MAX))
    }

    pub(crate) fn resize(&mut self, width: u32, height: u32) {
        self.info.width = width;
        self.info.height = height;
    }

    pub(crate) fn features(&mut self, features: &[i32]) {
        self.info.audio_features = features.iter().copied().take(FEATURES).collect();
    }

    pub(crate) fn stereo(&self) -> bool {
        self.has(AudioTrackFeature::TfStereo)
    }

    pub(crate) fn continuous(&self) -> bool {
        self.has(AudioTrackFeature::TfNoDtx)
    }

    fn has(&self, feature: AudioTrackFeature) -> bool {
        self.info.audio_features.contains(&(feature as i32))
    }
}

pub(crate) const fn source_of(source: i32) -> Source {
    const CAMERA: i32 = TrackSource::Camera as i32;
    const MICROPHONE: i32 = TrackSource::Microphone as i32;
    const SCREEN: i32 = TrackSource::ScreenShare as i32;
    const SCREEN_AUDIO: i32 = TrackSource::ScreenShareAudio as i32;
    match source {
        CAMERA => Source::Camera,
        MICROPHONE => Source::Microphone,
        SCREEN => Source::ScreenShare,
        SCREEN_AUDIO => Source::ScreenShareAudio,
        _ => Source::Unknown,
    }
}

#[expect(
    deprecated,
    reason = "older clients read the fields that newer ones find elsewhere"
)]
fn info(sid: String, request: &proto::AddTrackRequest, kind: Kind) -> proto::TrackInfo {
    let primary = request.simulcast_codecs.first();
    let mut layers: Vec<proto::VideoLayer> = primary
        .map(|codec| &codec.layers)
        .filter(|layers| !layers.is_empty())
        .unwrap_or(&request.layers)
        .iter()
        .take(LAYERS)
        .cloned()
        .collect();
    if layers.is_empty() && kind == Kind::Video {
        layers.push(proto::VideoLayer {
            quality: proto::VideoQuality::High as i32,
            width: request.width,
            height: request.height,
            ..Default::default()
        });
    }
    for layer in layers.iter_mut().filter(|layer| layer.rid.len() > 16) {
        layer.rid.clear();
    }
    let codec = proto::SimulcastCodecInfo {
        mime_type: primary.map_or_else(String::new, |codec| full_mime(&codec.codec, kind)),
        cid: request.cid.clone(),
        layers: layers.clone(),
        video_layer_mode: primary.map_or(0, |codec| codec.video_layer_mode),
        ..Default::default()
    };
    proto::TrackInfo {
        sid,
        r#type: request.r#type,
        name: request.name.clone(),
        muted: request.muted,
        width: request.width,
        height: request.height,
        simulcast: layers.len() > 1,
        disable_dtx: request.disable_dtx,
        source: request.source,
        layers,
        codecs: vec![codec],
        stereo: request.stereo,
        disable_red: request.disable_red,
        encryption: request.encryption,
        stream: request.stream.clone(),
        audio_features: audio_features(request),
        ..Default::default()
    }
}

/// Older clients say "no DTX" and "stereo" by flags of their own.
#[expect(deprecated, reason = "older clients have no other way to say it")]
fn audio_features(request: &proto::AddTrackRequest) -> Vec<i32> {
    let mut features: Vec<i32> = request
        .audio_features
        .iter()
        .copied()
        .take(FEATURES)
        .collect();
    for (feature, set) in [
        (AudioTrackFeature::TfStereo, request.stereo),
        (AudioTrackFeature::TfNoDtx, request.disable_dtx),
    ] {
        if set && !features.contains(&(feature as i32)) {
            features.push(feature as i32);
        }
    }
    features
}

/// Clients write `vp8` where the description of a track says `video/VP8`.
fn full_mime(codec: &str, kind: Kind) -> String {
    let codec: String = codec.chars().take(limits::NAME_BYTES).collect();
    match kind {
        _ if codec.is_empty() || codec.contains('/') => codec,
        Kind::Audio => format!("audio/{codec}"),
        Kind::Video => format!("video/{codec}"),
    }
}
