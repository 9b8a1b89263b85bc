//! Synthetic media: what a [`Feed`] describes, a [`Generator`] turns into RTP
//! payloads. Pure and deterministic; nothing in it can be decoded, but
//! everything that an SFU looks at is there: descriptors, key frames,
//! temporal layers, parameter sets.

use std::time::Duration;

use protocol::media::Codec;

use crate::{marker::Marker, vp8::Descriptor};

/// What to publish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Feed {
    Audio(AudioFeed),
    Video(VideoFeed),
}

/// Sound in packets of 20 ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AudioFeed {
    /// Bits per second of payload.
    pub bitrate: u32,
    /// Loudness in dBov, 0 to −127.
    pub level: i8,
}

/// A picture in one to three simulcast layers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VideoFeed {
    pub codec: VideoCodec,
    /// Frames per second.
    pub fps: u32,
    /// Temporal layers, 1 to 3; only with VP8.
    pub temporal_layers: u8,
    /// From the lowest to the highest; more than one means simulcast.
    pub layers: Vec<Layer>,
}

/// One simulcast layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layer {
    pub width: u16,
    pub height: u16,
    /// Bits per second of payload.
    pub bitrate: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VideoCodec {
    Vp8,
    H264,
}

impl AudioFeed {
    /// A voice: 32 kbit/s, loud.
    pub const VOICE: Self = Self {
        bitrate: 32_000,
        level: -20,
    };
}

impl VideoFeed {
    /// A camera of 720p in three layers, with the bit rates of livekit-client.
    #[must_use]
    pub fn camera() -> Self {
        Self {
            codec: VideoCodec::Vp8,
            fps: 30,
            temporal_layers: 1,
            layers: vec![
                Layer {
                    width: 320,
                    height: 180,
                    bitrate: 160_000,
                },
                Layer {
                    width: 640,
                    height: 360,
                    bitrate: 450_000,
                },
                Layer {
                    width: 1280,
                    height: 720,
                    bitrate: 1_700_000,
                },
            ],
        }
    }

    /// One small picture without simulcast: cheap to simulate.
    #[must_use]
    pub fn thumbnail() -> Self {
        Self {
            codec: VideoCodec::Vp8,
            fps: 15,
            temporal_layers: 1,
            layers: vec![Layer {
                width: 320,
                height: 180,
                bitrate: 120_000,
            }],
        }
    }
}

impl Feed {
    #[must_use]
    pub fn codec(&self) -> Codec {
        match self {
            Self::Audio(_) => Codec::Opus,
            Self::Video(video) => match video.codec {
                VideoCodec::Vp8 => Codec::Vp8,
                VideoCodec::H264 => Codec::H264,
            },
        }
    }

    /// The `a=rid` values from the lowest layer to the highest; none without simulcast.
    #[must_use]
    pub fn rids(&self) -> &'static [&'static str] {
        match self {
            Self::Audio(_) => &[],
            Self::Video(video) => match video.layers.len() {
                0 | 1 => &[],
                2 => &["q", "h"],
                _ => &["q", "h", "f"],
            },
        }
    }

    /// Time between two frames.
    pub(crate) fn interval(&self) -> Duration {
        match self {
            Self::Audio(_) => AUDIO_FRAME,
            Self::Video(video) => Duration::from_secs(1) / video.fps.clamp(1, 240),
        }
    }
}

/// Opus frames of 20 ms (RFC 7587 §4.2's default), so 960 ticks of 48 kHz.
const AUDIO_FRAME: Duration = Duration::from_millis(20);
const AUDIO_TICKS: u32 = 960;
/// Opus table of contents: CELT, full band, 20 ms, one frame (RFC 6716 §3.1).
const OPUS_TOC: u8 = 0xf8;
/// Payload bytes of the longest packet: with header, extensions and tag it
/// stays below the 1,200 bytes that browsers send.
const PAYLOAD: usize = 1_100;
/// A key frame is so many times larger than the mean.
const KEY_FRAME_FACTOR: usize = 4;

/// One RTP packet without its header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Packet {
    pub timestamp: u32,
    /// The last packet of its frame.
    pub marker: bool,
    pub payload: Vec<u8>,
}

/// Turns a [`Feed`] into packets, frame by frame.
#[derive(Clone, Debug)]
pub struct Generator {
    feed: Feed,
    tag: u32,
    key: u32,
    layers: Vec<LayerState>,
}

#[derive(Clone, Debug)]
struct LayerState {
    /// The number of the next frame.
    next: u32,
    want_key: bool,
    /// Place in the pattern of temporal layers.
    phase: usize,
    picture_id: u16,
    tl0_picture: u8,
    /// The last frame of temporal layers 0 and 1.
    last: [u32; 2],
    timestamp_offset: u32,
    random: u64,
}

/// Temporal layer of each frame of a pattern.
const PATTERNS: [&[u8]; 3] = [&[0], &[0, 1], &[0, 2, 1, 2]];

impl Generator {
    /// `seed` decides where counters begin and how frame sizes vary; `tag`
    /// and `key` go into the markers.
    #[must_use]
    pub fn new(feed: Feed, tag: u32, key: u32, seed: u64) -> Self {
        let count = match &feed {
            Feed::Audio(_) => 1,
            Feed::Video(video) => video.layers.len().clamp(1, 3),
        };
        let mut random = seed;
        let layers = (0..count)
            .map(|_| {
                let draw = next(&mut random).to_le_bytes();
                LayerState {
                    next: 0,
                    want_key: true,
                    phase: 0,
                    picture_id: u16::from_le_bytes([draw[0], draw[1]]) & 0x7fff,
                    tl0_picture: draw[2],
                    last: [0; 2],
                    timestamp_offset: u32::from_le_bytes([draw[3], draw[4], draw[5], draw[6]]),
                    random: next(&mut random),
                }
            })
            .collect();
        Self {
            feed,
            tag,
            key,
            layers,
        }
    }

    #[must_use]
    pub const fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Changes the loudness; nothing with video.
    pub const fn set_level(&mut self, level: i8) {
        if let Feed::Audio(audio) = &mut self.feed {
            audio.level = level;
        }
    }

    /// The next frame of `layer` will be a key frame.
    pub fn request_key_frame(&mut self, layer: usize) {
        if let Some(state) = self.layers.get_mut(layer) {
            state.want_key = true;
        }
    }

    /// The packets of one frame of one layer. `tick` counts the feed's
    /// intervals since it began, pauses included.
    pub fn frame(&mut self, layer: usize, tick: u64) -> Vec<Packet> {
        let Some(state) = self.layers.get_mut(layer) else {
            return Vec::new();
        };
        match &self.feed {
            Feed::Audio(audio) => vec![state.sound(*audio, self.tag, self.key, tick)],
            Feed::Video(video) => {
                let Some(facts) = video.layers.get(layer) else {
                    return Vec::new();
                };
                let index = u8::try_from(layer).unwrap_or(u8::MAX);
                let marker = state.begin_frame(video, self.tag, self.key, index);
                state.picture(video, *facts, marker, tick)
            }
        }
    }
}

impl LayerState {
    fn sound(&mut self, audio: AudioFeed, tag: u32, key: u32, tick: u64) -> Packet {
        let frame = self.next;
        self.next = self.next.wrapping_add(1);
        let marker = Marker {
            tag,
            key,
            layer: 0,
            temporal: 0,
            key_frame: true,
            frame,
            depends: frame,
            index: 0,
            count: 1,
        };
        // 50 packets a second of 8 bits each.
        let size = usize::try_from(audio.bitrate / 400)
            .unwrap_or(PAYLOAD)
            .min(PAYLOAD);
        let mut payload = vec![OPUS_TOC];
        marker.write(size.saturating_sub(Marker::BYTES + 1), &mut payload);
        let ticks = wrap(tick).wrapping_mul(AUDIO_TICKS);
        Packet {
            timestamp: self.timestamp_offset.wrapping_add(ticks),
            marker: false,
            payload,
        }
    }

    /// Moves the counters on to the next frame.
    fn begin_frame(&mut self, video: &VideoFeed, tag: u32, key: u32, layer: u8) -> Marker {
        let key_frame = std::mem::take(&mut self.want_key);
        let frame = self.next;
        self.next = self.next.wrapping_add(1);
        let temporal_layers = match video.codec {
            VideoCodec::Vp8 => video.temporal_layers.clamp(1, 3),
            VideoCodec::H264 => 1,
        };
        let pattern = PATTERNS
            .get(usize::from(temporal_layers) - 1)
            .copied()
            .unwrap_or(&[0]);
        if key_frame {
            self.phase = 0;
        }
        let phase = self.phase % pattern.len();
        self.phase = phase + 1;
        let temporal = pattern.get(phase).copied().unwrap_or(0);
        // In the pattern of three the second picture of layer 2 stands on
        // layer 1; everything else stands on the base.
        let on_middle = temporal == 2 && phase == 3;
        let [base, middle] = self.last;
        let depends = match (key_frame, on_middle) {
            (true, _) => frame,
            (false, true) => middle,
            (false, false) => base,
        };
        match temporal {
            0 => self.last = [frame, frame],
            1 => self.last = [base, frame],
            _ => {}
        }
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        if temporal == 0 {
            self.tl0_picture = self.tl0_picture.wrapping_add(1);
        }
        Marker {
            tag,
            key,
            layer,
            temporal,
            key_frame,
            frame,
            depends,
            index: 0,
            count: 0,
        }
    }

    fn picture(
        &mut self,
        video: &VideoFeed,
        layer: Layer,
        marker: Marker,
        tick: u64,
    ) -> Vec<Packet> {
        let fps = video.fps.clamp(1, 240);
        let mean = usize::try_from(layer.bitrate / 8 / fps).unwrap_or(PAYLOAD);
        let spread = usize::try_from(next(&mut self.random) % 64).unwrap_or(0);
        // Between 75 and 125 % of the mean, so that frames are told apart by size.
        let mut size = mean * (96 + spread) / 128;
        if marker.key_frame {
            size *= KEY_FRAME_FACTOR;
        }
        let count = size.div_ceil(PAYLOAD).max(1);
        let seconds_90k = u128::from(tick) * 90_000 / u128::from(fps);
        let timestamp = self
            .timestamp_offset
            .wrapping_add(u32::try_from(seconds_90k & 0xffff_ffff).unwrap_or(0));
        (0..count)
            .map(|index| {
                let marker = Marker {
                    index: u16::try_from(index).unwrap_or(u16::MAX),
                    count: u16::try_from(count).unwrap_or(u16::MAX),
                    ..marker
                };
                let mut payload = Vec::with_capacity(PAYLOAD + 64);
                match video.codec {
                    VideoCodec::Vp8 => self.vp8(layer, &marker, &mut payload),
                    VideoCodec::H264 => h264(&marker, &mut payload),
                }
                let filler = (size / count).saturating_sub(payload.len() + Marker::BYTES);
                marker.write(filler, &mut payload);
                if video.codec == VideoCodec::H264 && marker.key_frame && index == 0 {
                    close_stap(&mut payload);
                }
                Packet {
                    timestamp,
                    marker: index + 1 == count,
                    payload,
                }
            })
            .collect()
    }

    /// Payload descriptor, and in the first packet the frame's own header
    /// (RFC 7741 §4.2 and §4.3, RFC 6386 §9.1).
    fn vp8(&self, layer: Layer, marker: &Marker, out: &mut Vec<u8>) {
        Descriptor {
            start: marker.index == 0,
            picture_id: Some(self.picture_id),
            tl0_picture: Some(self.tl0_picture),
            temporal: Some(marker.temporal),
            // Everything but the second picture of layer 2 stands on the base.
            sync: marker.temporal > 0 && self.phase != 4,
            non_reference: marker.temporal == 2,
        }
        .write(out);
        if marker.index == 0 {
            // P bit: 0 for a key frame; show_frame; no partition size.
            out.extend_from_slice(&[if marker.key_frame { 0x10 } else { 0x11 }, 0, 0]);
            if marker.key_frame {
                out.extend_from_slice(&[0x9d, 0x01, 0x2a]);
                out.extend_from_slice(&layer.width.to_le_bytes());
                out.extend_from_slice(&layer.height.to_le_bytes());
            }
        }
    }
}

/// NAL unit headers (RFC 6184 §5.3, §5.7.1, §5.8): parameter sets and an SEI
/// message with the marker in one aggregate at the beginning of a key frame,
/// fragments of a slice else.
fn h264(marker: &Marker, out: &mut Vec<u8>) {
    const STAP_A: u8 = 0x78;
    const SPS: [u8; 6] = [0x67, 0x42, 0xe0, 0x1f, 0x96, 0x54];
    const PPS: [u8; 4] = [0x68, 0xce, 0x38, 0x80];
    const SEI: u8 = 0x06;
    const FU_A: u8 = 0x7c;
    if marker.key_frame && marker.index == 0 {
        out.push(STAP_A);
        out.extend_from_slice(&[0, 6]);
        out.extend_from_slice(&SPS);
        out.extend_from_slice(&[0, 4]);
        out.extend_from_slice(&PPS);
        // The length is filled in when the marker is there.
        out.extend_from_slice(&[0, 0, SEI]);
        return;
    }
    let slice = if marker.key_frame { 5 } else { 1 };
    let first = marker.index == u16::from(marker.key_frame);
    let last = marker.index + 1 == marker.count;
    let start_end = if first { 0x80 } else { 0 } | if last { 0x40 } else { 0 };
    out.extend_from_slice(&[FU_A, start_end | slice]);
}

/// Offset of the SEI unit's length in the aggregate of [`h264`].
const SEI_LENGTH_AT: usize = 1 + 2 + 6 + 2 + 4;

fn close_stap(payload: &mut [u8]) {
    let length = payload.len().saturating_sub(SEI_LENGTH_AT + 2);
    if let Some(place) = payload.get_mut(SEI_LENGTH_AT..SEI_LENGTH_AT + 2) {
        place.copy_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): enough to vary sizes.
pub(crate) const fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The low 32 bits: RTP timestamps wrap (RFC 3550 §5.1).
fn wrap(tick: u64) -> u32 {
    u32::try_from(tick & 0xffff_ffff).unwrap_or(0)
}

#[cfg(test)]
mod tests;
