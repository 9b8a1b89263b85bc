//! What tracks are made of: codecs, formats, layers, header extensions.

use std::{fmt, net::SocketAddr, str};

use crate::ids::{ShardId, SlotId, TrackId};

/// Sound or picture.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Kind {
    Audio,
    Video,
}

/// The codecs that Plenary forwards. It never looks further into a payload
/// than the codec's descriptor, so end-to-end encryption passes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Codec {
    Opus,
    /// Redundant audio (RFC 2198) around Opus.
    Red,
    Vp8,
    H264,
    Vp9,
    Av1,
}

impl Codec {
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Opus | Self::Red => Kind::Audio,
            Self::Vp8 | Self::H264 | Self::Vp9 | Self::Av1 => Kind::Video,
        }
    }

    /// RTP clock in Hz (RFC 7587 §4.1, RFC 7741 §4.1, RFC 6184 §8.2.1).
    #[must_use]
    pub const fn clock_rate(self) -> u32 {
        match self.kind() {
            Kind::Audio => 48_000,
            Kind::Video => 90_000,
        }
    }
}

/// What a payload type stands for, in a form that two peers can compare:
/// payload types are each peer's own, formats are everyone's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Format {
    pub codec: Codec,
    /// What else must be equal for a decoder to understand an encoder. H.264:
    /// profile_idc and constraint flags (RFC 6184 §8.1) above the packetization
    /// mode in the lowest byte. VP9 and AV1: the profile. Else 0.
    pub profile: u32,
}

/// One format as a peer numbers it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Payload {
    pub payload_type: u8,
    pub format: Format,
    /// The payload type of its retransmissions (RFC 4588 §8.1), if negotiated.
    pub rtx: Option<u8>,
}

/// Up to 16 bytes of text: `a=mid` and `a=rid` values, which travel in RTP
/// header extensions and must be found without allocation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    bytes: [u8; 16],
    length: u8,
}

/// `a=mid`: names a media section within a bundle (RFC 9143).
pub type Mid = Tag;
/// `a=rid`: names one encoding of a simulcast track (RFC 8851).
pub type Rid = Tag;

impl Tag {
    /// `None` when the text is empty, longer than 16 bytes, or not printable ASCII.
    #[must_use]
    pub fn new(text: &[u8]) -> Option<Self> {
        if text.is_empty() || !text.iter().all(u8::is_ascii_graphic) {
            return None;
        }
        let mut bytes = [0; 16];
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        Some(Self {
            bytes,
            length: u8::try_from(text.len()).ok()?,
        })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        // `new` let only ASCII in, so neither fallback can be reached.
        self.bytes
            .get(..usize::from(self.length))
            .and_then(|b| str::from_utf8(b).ok())
            .unwrap_or("")
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// The header extensions that Plenary reads or writes, with the ids that one
/// peer negotiated (RFC 8285). Ids are 1 to 14: we always write one-byte headers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExtensionIds {
    pub mid: Option<u8>,
    pub rid: Option<u8>,
    pub repaired_rid: Option<u8>,
    pub transport_cc: Option<u8>,
    pub audio_level: Option<u8>,
    pub abs_send_time: Option<u8>,
    pub video_orientation: Option<u8>,
    pub dependency_descriptor: Option<u8>,
}

/// One simulcast encoding of a published track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Encoding {
    /// Present with simulcast: the first packets carry it.
    pub rid: Option<Rid>,
    /// Known beforehand when the description had `a=ssrc`; else learnt from
    /// the first packet with our mid (and rid).
    pub ssrc: Option<u32>,
    pub rtx_ssrc: Option<u32>,
}

/// A track on its way up: one media section of a publisher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Uplink {
    pub track: TrackId,
    pub mid: Mid,
    pub kind: Kind,
    /// From the lowest quality to the highest; 1 to 3.
    pub encodings: Vec<Encoding>,
}

/// A track on its way down to one subscriber.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Downlink {
    pub slot: SlotId,
    pub track: TrackId,
    /// The shard where the track's publisher lives.
    pub home: ShardId,
    pub mid: Mid,
    pub kind: Kind,
    pub ssrc: u32,
    /// Present when the subscriber negotiated RTX.
    pub rtx_ssrc: Option<u32>,
    pub wish: Wish,
}

/// What a subscriber wants of a track just now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// Send nothing: the track is muted, or its tile is out of sight.
    Paused,
    /// Send the best live encoding that is not above `encoding`
    /// (0 is the lowest) nor above `temporal` (0 is the base layer).
    UpTo { encoding: u8, temporal: u8 },
}

impl Wish {
    /// The best there is.
    pub const BEST: Self = Self::UpTo {
        encoding: u8::MAX,
        temporal: u8::MAX,
    };
}

/// User fragment and password of one side (RFC 8445 §5.3).
#[derive(Clone, PartialEq, Eq)]
pub struct IceCredentials {
    pub ufrag: String,
    pub password: String,
}

/// The password authenticates every check: it must not reach a log.
impl fmt::Debug for IceCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceCredentials")
            .field("ufrag", &self.ufrag)
            .finish_non_exhaustive()
    }
}

impl IceCredentials {
    /// Hexadecimal digits of our user fragments that name the shard.
    const SHARD_DIGITS: usize = 4;

    /// Our own credentials: any shard that receives a connectivity check can
    /// tell from the user fragment which shard it is for. `nonce` and
    /// `password` are random text of ICE characters (RFC 8445 §5.3 asks for at
    /// least 24 and 128 bits).
    #[must_use]
    pub fn local(shard: ShardId, nonce: &str, password: String) -> Self {
        Self {
            ufrag: format!("{:04x}{nonce}", shard.0),
            password,
        }
    }

    /// The shard that a user fragment of ours names; `None` when it is not ours.
    #[must_use]
    pub fn shard(ufrag: &str) -> Option<ShardId> {
        u16::from_str_radix(ufrag.get(..Self::SHARD_DIGITS)?, 16)
            .ok()
            .map(ShardId)
    }
}

/// SHA-256 of a DTLS certificate (RFC 8122 §5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(pub [u8; 32]);

/// What control must know of the node's media plane to answer an offer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlaneFacts {
    /// Addresses at which clients reach the shards, best first.
    pub candidates: Vec<SocketAddr>,
    pub fingerprint: Fingerprint,
    /// Shards are numbered from 0 to `shards - 1`.
    pub shards: u16,
}
