//! One publication: what is sent, where in the session description, and
//! when its next frame is due.

use std::time::{Duration, Instant};

use livekit_protocol::{
    AddTrackRequest, SimulcastCodec, TrackSource, TrackType, VideoLayer, VideoQuality,
};
use protocol::{grants::Source, media::Kind};
use str0m::media::Mid;

use crate::{
    Feed, Generator, VideoFeed,
    face::{ClientConfig, PublicationKey},
};

#[derive(Debug)]
pub(crate) struct Publication {
    pub(crate) key: PublicationKey,
    /// The client's name of the track, until the server gave it one.
    pub(crate) cid: String,
    pub(crate) source: Source,
    pub(crate) generator: Generator,
    /// The server's name of the track.
    pub(crate) track: Option<String>,
    pub(crate) mid: Option<Mid>,
    pub(crate) muted: bool,
    begun: Option<Instant>,
    tick: u64,
}

impl Publication {
    pub(crate) fn new(
        config: &ClientConfig,
        key: PublicationKey,
        generation: u64,
        source: Source,
        feed: Feed,
    ) -> Self {
        let seed = config.seed ^ (u64::from(key.0) << 32) ^ generation;
        Self {
            key,
            cid: format!("c{:x}-{}-{generation}", config.tag, key.0),
            source,
            generator: Generator::new(feed, config.tag, key.0, seed),
            track: None,
            mid: None,
            muted: false,
            begun: None,
            tick: 0,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.generator.feed().codec().kind()
    }

    /// When the next frame is due; `None` while nothing may be sent.
    pub(crate) fn due(&self) -> Option<Instant> {
        let begun = self.begun.filter(|_| !self.muted)?;
        Some(begun + self.elapsed())
    }

    fn elapsed(&self) -> Duration {
        let interval = self.generator.feed().interval().as_nanos();
        let nanos = interval * u128::from(self.tick);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// The section may be sent in from now on, or may not.
    pub(crate) fn set_open(&mut self, open: bool, now: Instant) {
        if open && self.begun.is_none() {
            self.begun = Some(now);
            self.tick = 0;
        } else if !open {
            self.begun = None;
        }
    }

    /// Time goes on while muted: the next frame is the first after `now`.
    pub(crate) fn set_muted(&mut self, muted: bool, now: Instant) {
        self.muted = muted;
        let Some(begun) = self.begun else { return };
        while !muted && begun + self.elapsed() < now {
            self.tick += 1;
        }
    }

    /// The number of the tick that is due, and on to the next.
    pub(crate) const fn advance(&mut self) -> u64 {
        let tick = self.tick;
        self.tick += 1;
        tick
    }

    pub(crate) fn request(&self) -> AddTrackRequest {
        let kind = match self.kind() {
            Kind::Audio => TrackType::Audio,
            Kind::Video => TrackType::Video,
        };
        let mut request = AddTrackRequest {
            cid: self.cid.clone(),
            name: self.cid.clone(),
            r#type: kind.into(),
            source: track_source(self.source).into(),
            muted: self.muted,
            ..AddTrackRequest::default()
        };
        if let Feed::Video(video) = self.generator.feed() {
            let largest = video.layers.last();
            request.width = largest.map_or(0, |l| u32::from(l.width));
            request.height = largest.map_or(0, |l| u32::from(l.height));
            request.layers = layers(video);
            request.simulcast_codecs = vec![SimulcastCodec {
                codec: match video.codec {
                    crate::VideoCodec::Vp8 => "vp8".to_owned(),
                    crate::VideoCodec::H264 => "h264".to_owned(),
                },
                cid: self.cid.clone(),
                layers: layers(video),
                ..SimulcastCodec::default()
            }];
        }
        request
    }
}

/// A single layer is told as the highest quality, as the SDKs do.
fn layers(video: &VideoFeed) -> Vec<VideoLayer> {
    let names: &[VideoQuality] = match video.layers.len() {
        0 | 1 => &[VideoQuality::High],
        2 => &[VideoQuality::Low, VideoQuality::Medium],
        _ => &[VideoQuality::Low, VideoQuality::Medium, VideoQuality::High],
    };
    let rids = Feed::Video(video.clone()).rids();
    video
        .layers
        .iter()
        .zip(names)
        .enumerate()
        .map(|(i, (layer, quality))| VideoLayer {
            quality: (*quality).into(),
            width: layer.width.into(),
            height: layer.height.into(),
            bitrate: layer.bitrate,
            rid: rids.get(i).copied().unwrap_or_default().to_owned(),
            ..VideoLayer::default()
        })
        .collect()
}

const fn track_source(source: Source) -> TrackSource {
    match source {
        Source::Unknown => TrackSource::Unknown,
        Source::Camera => TrackSource::Camera,
        Source::Microphone => TrackSource::Microphone,
        Source::ScreenShare => TrackSource::ScreenShare,
        Source::ScreenShareAudio => TrackSource::ScreenShareAudio,
    }
}
