//! Codecs of a media section: which payload type is what (RFC 8866 §6.6, §6.15).

use std::collections::BTreeMap;

use protocol::media::{Codec, Format, Kind, Payload};
use sdp_types::Media;

/// Payload types kept of one section. Chromium offers 26 for video.
const PAYLOADS: usize = 64;

/// One payload type that we can forward.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OfferedCodec {
    pub(crate) payload: Payload,
    /// As in `a=fmtp`, to be echoed: the payload type's meaning must be the
    /// same on both sides and in all sections of the bundle.
    pub(crate) fmtp: Option<String>,
    pub(crate) feedback: Feedback,
}

/// The `a=rtcp-fb` values that we act upon (RFC 4585, RFC 5104).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Feedback {
    pub(crate) nack: bool,
    pub(crate) pli: bool,
    pub(crate) fir: bool,
    pub(crate) transport_cc: bool,
}

/// How Opus is to be sent to us. One style for all sections of a bundle:
/// libwebrtc refuses a payload type that has two sets of parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct OpusStyle {
    pub(crate) stereo: bool,
    /// What we send is stereo.
    pub(crate) sends_stereo: bool,
    /// Send nothing while nobody speaks.
    pub(crate) discontinuous: bool,
}

impl OpusStyle {
    /// Format parameters of RFC 7587 §6.1. 510 kbit/s is Opus's own maximum.
    pub(crate) fn fmtp(self) -> String {
        let mut text = String::from("minptime=10;useinbandfec=1");
        if self.discontinuous {
            text.push_str(";usedtx=1");
        }
        if self.sends_stereo {
            text.push_str(";sprop-stereo=1");
        }
        if self.stereo {
            text.push_str(";stereo=1;maxaveragebitrate=510000");
        }
        text
    }
}

impl OfferedCodec {
    pub(crate) const fn format(&self) -> Format {
        self.payload.format
    }

    /// Encoding name, clock rate and channels as in `a=rtpmap`.
    pub(crate) const fn rtpmap(&self) -> &'static str {
        match self.payload.format.codec {
            Codec::Opus => "opus/48000/2",
            Codec::Red => "red/48000/2",
            Codec::Vp8 => "VP8/90000",
            Codec::H264 => "H264/90000",
            Codec::Vp9 => "VP9/90000",
            Codec::Av1 => "AV1/90000",
        }
    }
}

/// MIME type as LiveKit's `TrackInfo` has it.
pub(crate) const fn mime(codec: Codec) -> &'static str {
    match codec {
        Codec::Opus => "audio/opus",
        Codec::Red => "audio/red",
        Codec::Vp8 => "video/VP8",
        Codec::H264 => "video/H264",
        Codec::Vp9 => "video/VP9",
        Codec::Av1 => "video/AV1",
    }
}

/// What one payload type has gathered from the section's lines.
#[derive(Default)]
struct Line<'a> {
    rtpmap: Option<&'a str>,
    fmtp: Option<&'a str>,
    feedback: Feedback,
}

/// The payload types of a section that we can forward, best first.
pub(crate) fn codecs(media: &Media, kind: Kind) -> Vec<OfferedCodec> {
    let order: Vec<u8> = media
        .fmt
        .split_ascii_whitespace()
        .filter_map(|text| text.parse().ok())
        .filter(|number| *number < 128)
        .take(PAYLOADS)
        .collect();
    let lines = gather(media, &order);
    let rtx = retransmissions(&lines);
    let mut found: Vec<OfferedCodec> = Vec::new();
    for number in order {
        let Some(line) = lines.get(&number) else {
            continue;
        };
        let Some(format) = format(line).filter(|f| f.codec.kind() == kind) else {
            continue;
        };
        if found
            .iter()
            .any(|codec| codec.payload.payload_type == number)
        {
            continue;
        }
        found.push(OfferedCodec {
            payload: Payload {
                payload_type: number,
                format,
                rtx: rtx.get(&number).copied(),
            },
            fmtp: line.fmtp.map(str::to_owned),
            feedback: line.feedback,
        });
    }
    found
}

fn gather<'a>(media: &'a Media, order: &[u8]) -> BTreeMap<u8, Line<'a>> {
    let mut lines: BTreeMap<u8, Line<'a>> = order
        .iter()
        .map(|number| (*number, Line::default()))
        .collect();
    for attribute in &media.attributes {
        let Some(value) = attribute.value.as_deref() else {
            continue;
        };
        let Some((number, rest)) = value.split_once(' ') else {
            continue;
        };
        let rest = rest.trim();
        match attribute.attribute.as_str() {
            "rtpmap" => {
                if let Some(line) = number.parse().ok().and_then(|n: u8| lines.get_mut(&n)) {
                    line.rtpmap = Some(rest);
                }
            }
            "fmtp" => {
                if let Some(line) = number.parse().ok().and_then(|n: u8| lines.get_mut(&n)) {
                    line.fmtp = Some(rest);
                }
            }
            "rtcp-fb" if number == "*" => {
                for line in lines.values_mut() {
                    line.feedback.add(rest);
                }
            }
            "rtcp-fb" => {
                if let Some(line) = number.parse().ok().and_then(|n: u8| lines.get_mut(&n)) {
                    line.feedback.add(rest);
                }
            }
            _ => {}
        }
    }
    lines
}

impl Feedback {
    fn add(&mut self, value: &str) {
        match value {
            "nack" => self.nack = true,
            "nack pli" => self.pli = true,
            "ccm fir" => self.fir = true,
            "transport-cc" => self.transport_cc = true,
            _ => {}
        }
    }
}

/// Payload type → payload type of its retransmissions (RFC 4588 §8.1).
fn retransmissions(lines: &BTreeMap<u8, Line<'_>>) -> BTreeMap<u8, u8> {
    lines
        .iter()
        .filter(|(_, line)| {
            line.rtpmap
                .is_some_and(|map| map.eq_ignore_ascii_case("rtx/90000"))
        })
        .filter_map(|(number, line)| {
            let apt = parameter(line.fmtp?, "apt")?.parse().ok()?;
            Some((apt, *number))
        })
        .collect()
}

fn format(line: &Line<'_>) -> Option<Format> {
    let rtpmap = line.rtpmap?.to_ascii_lowercase();
    let fmtp = line.fmtp.unwrap_or("");
    let (codec, profile) = match rtpmap.as_str() {
        "opus/48000/2" => (Codec::Opus, 0),
        "red/48000/2" => (Codec::Red, 0),
        "vp8/90000" => (Codec::Vp8, 0),
        "h264/90000" => (Codec::H264, h264_profile(fmtp)?),
        "vp9/90000" => (Codec::Vp9, number(fmtp, "profile-id")?),
        "av1/90000" => (Codec::Av1, number(fmtp, "profile")?),
        _ => return None,
    };
    Some(Format { codec, profile })
}

/// RFC 6184 §8.1: without a level the Baseline profile is meant, without a
/// mode the single NAL unit mode.
fn h264_profile(fmtp: &str) -> Option<u32> {
    let level = parameter(fmtp, "profile-level-id").unwrap_or("42000a");
    let mode = number(fmtp, "packetization-mode")?;
    if level.len() != 6 || mode > 1 {
        return None;
    }
    let bits = u32::from_str_radix(level, 16).ok()?;
    Some((bits & 0x00ff_ff00) | mode)
}

/// A number that is 0 unless given; `None` when it is no number.
fn number(fmtp: &str, name: &str) -> Option<u32> {
    parameter(fmtp, name).map_or(Some(0), |text| text.parse().ok().filter(|n| *n < 256))
}

fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    fmtp.split(';').find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        key.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}
