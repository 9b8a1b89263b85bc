//! What we offer when it is ours to offer: all formats that we forward, under
//! numbers of our own. One number means the same in every section and in
//! every offer (RFC 9143 §9.1), so what a client once agreed to holds.

use protocol::media::{Codec, Format, Kind, Mid, Payload};

use super::{
    OfferedCodec, Section,
    codec::Feedback,
    section::{Extension, Heading, Medium},
};

/// Format parameters of H.264 (RFC 6184 §8.1).
macro_rules! h264 {
    ($profile:literal, $mode:literal) => {
        concat!(
            "level-asymmetry-allowed=1;packetization-mode=",
            $mode,
            ";profile-level-id=",
            $profile
        )
    };
}

/// Payload type, that of its retransmissions, codec, profile as in
/// [`Format`], and format parameters.
type Entry = (u8, Option<u8>, Codec, u32, Option<&'static str>);

/// H.264 in the profiles that browsers and phones encode (Constrained
/// Baseline by two names, Main, High, Constrained High), each with and without
/// fragmentation; level 3.1, which decoders exceed by `level-asymmetry-allowed`.
const CATALOGUE: [Entry; 16] = [
    (111, None, Codec::Opus, 0, None),
    (63, None, Codec::Red, 0, Some("111/111")),
    (96, Some(97), Codec::Vp8, 0, None),
    (98, Some(99), Codec::Vp9, 0, Some("profile-id=0")),
    (100, Some(101), Codec::Vp9, 2, Some("profile-id=2")),
    (
        45,
        Some(46),
        Codec::Av1,
        0,
        Some("level-idx=5;profile=0;tier=0"),
    ),
    (
        102,
        Some(103),
        Codec::H264,
        0x0042_0001,
        Some(h264!("42001f", 1)),
    ),
    (
        104,
        Some(105),
        Codec::H264,
        0x0042_0000,
        Some(h264!("42001f", 0)),
    ),
    (
        106,
        Some(107),
        Codec::H264,
        0x0042_e001,
        Some(h264!("42e01f", 1)),
    ),
    (
        108,
        Some(109),
        Codec::H264,
        0x0042_e000,
        Some(h264!("42e01f", 0)),
    ),
    (
        112,
        Some(113),
        Codec::H264,
        0x004d_0001,
        Some(h264!("4d001f", 1)),
    ),
    (
        114,
        Some(115),
        Codec::H264,
        0x004d_0000,
        Some(h264!("4d001f", 0)),
    ),
    (
        116,
        Some(117),
        Codec::H264,
        0x0064_0001,
        Some(h264!("64001f", 1)),
    ),
    (
        118,
        Some(119),
        Codec::H264,
        0x0064_0000,
        Some(h264!("64001f", 0)),
    ),
    (
        120,
        Some(121),
        Codec::H264,
        0x0064_0c01,
        Some(h264!("640c1f", 1)),
    ),
    (
        122,
        Some(123),
        Codec::H264,
        0x0064_0c00,
        Some(h264!("640c1f", 0)),
    ),
];

/// Ids of header extensions; the rest is for clients that send.
const EXTENSIONS: [(u8, Extension); 6] = [
    (1, Extension::AudioLevel),
    (2, Extension::AbsSendTime),
    (3, Extension::TransportCc),
    (4, Extension::Mid),
    (5, Extension::VideoOrientation),
    (6, Extension::DependencyDescriptor),
];

const fn payload(entry: &Entry) -> Payload {
    let (payload_type, rtx, codec, profile, _) = *entry;
    Payload {
        payload_type,
        format: Format { codec, profile },
        rtx,
    }
}

/// Everything that we may offer.
pub(crate) fn payloads() -> impl Iterator<Item = Payload> {
    CATALOGUE.iter().map(payload)
}

/// Those of our payload types that an answer keeps. Whatever parameters the
/// client gives them, the numbers are ours.
pub(crate) fn agreed(reply: &Section) -> Vec<Payload> {
    if reply.rejected {
        return Vec::new();
    }
    reply
        .codecs
        .iter()
        .filter_map(|codec| {
            let ours = payloads().find(|ours| ours.payload_type == codec.payload.payload_type)?;
            let rtx = ours.rtx.filter(|rtx| codec.payload.rtx == Some(*rtx));
            Some(Payload { rtx, ..ours })
        })
        .collect()
}

/// A section of ours for one kind of media, in some of the formats.
pub(crate) fn media(mid: Mid, kind: Kind, formats: &[Format]) -> Section {
    let (name, medium) = match kind {
        Kind::Audio => ("audio", Medium::Audio),
        Kind::Video => ("video", Medium::Video),
    };
    let codecs: Vec<OfferedCodec> = CATALOGUE
        .iter()
        .filter(|entry| formats.contains(&payload(entry).format))
        .map(|entry| OfferedCodec {
            payload: payload(entry),
            fmtp: entry.4.map(str::to_owned),
            feedback: Feedback {
                nack: kind == Kind::Video,
                pli: kind == Kind::Video,
                fir: kind == Kind::Video,
                transport_cc: true,
            },
        })
        .collect();
    let fits = |extension: Extension| match extension {
        Extension::AudioLevel => kind == Kind::Audio,
        Extension::VideoOrientation | Extension::DependencyDescriptor => kind == Kind::Video,
        Extension::Mid
        | Extension::Rid
        | Extension::RepairedRid
        | Extension::TransportCc
        | Extension::AbsSendTime => true,
    };
    let first_format = codecs
        .first()
        .map_or_else(String::new, |codec| codec.payload.payload_type.to_string());
    Section {
        codecs,
        extensions: EXTENSIONS
            .into_iter()
            .filter(|(_, extension)| fits(*extension))
            .collect(),
        reduced_size: true,
        // Descriptors of dependencies outgrow the short form of extensions.
        mixed: true,
        ..Section::blank(
            mid,
            medium,
            Heading {
                media: name.to_owned(),
                transport: "UDP/TLS/RTP/SAVPF".to_owned(),
                first_format,
            },
        )
    }
}

/// The section of the data channels.
pub(crate) fn data(mid: Mid) -> Section {
    let heading = Heading {
        media: "application".to_owned(),
        transport: "UDP/DTLS/SCTP".to_owned(),
        first_format: "webrtc-datachannel".to_owned(),
    };
    Section::blank(mid, Medium::Data, heading)
}
