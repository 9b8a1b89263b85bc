//! What control orders of a media shard, and what the shard reports back.
//!
//! Control never sees a packet; a shard never sees a session description.
//! Commands for one peer are carried out in the order in which they are given.
//! A command that names an unknown peer, track or slot is ignored: closing
//! and ordering may cross on their way.

use bytes::Bytes;

use crate::{
    ids::{PeerId, SlotId, TrackId},
    limits,
    media::{Downlink, ExtensionIds, Fingerprint, IceCredentials, Payload, Uplink, Wish},
};

/// From control to the shard that hosts the peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Make ready for a client's connectivity checks and its DTLS handshake:
    /// we are ICE-lite and the DTLS server.
    OpenPeer {
        peer: PeerId,
        local_ice: IceCredentials,
        remote_ice: IceCredentials,
        fingerprint: Fingerprint,
    },
    /// New credentials from both sides (RFC 8445 §9); the DTLS association,
    /// the tracks and the subscriptions stay.
    RestartIce {
        peer: PeerId,
        local_ice: IceCredentials,
        remote_ice: IceCredentials,
    },
    /// What the peer negotiated for all of its sections; replaces what was.
    Negotiate {
        peer: PeerId,
        extensions: ExtensionIds,
        payloads: Vec<Payload>,
    },
    /// Take in a track. A repeat with the same track replaces the encodings.
    Publish {
        peer: PeerId,
        uplink: Uplink,
    },
    Unpublish {
        peer: PeerId,
        track: TrackId,
    },
    /// While muted, nothing of the track is forwarded.
    MuteTrack {
        peer: PeerId,
        track: TrackId,
        muted: bool,
    },
    Subscribe {
        peer: PeerId,
        downlink: Downlink,
    },
    ChangeWish {
        peer: PeerId,
        slot: SlotId,
        wish: Wish,
    },
    Unsubscribe {
        peer: PeerId,
        slot: SlotId,
    },
    /// Open a data channel from our side (RFC 8832), as soon as SCTP is up.
    /// Without this, channels are those that the client opens.
    OpenData {
        peer: PeerId,
        channel: DataChannel,
    },
    /// Sent once the channel is open; until then it waits, within
    /// [`crate::limits::DATA_QUEUE_BYTES`].
    SendData {
        peer: PeerId,
        channel: DataChannel,
        payload: Bytes,
    },
    /// So much of what came from the peer in this channel, by [`data_cost`], has
    /// been dealt with: it may send as much again.
    CreditData {
        peer: PeerId,
        channel: DataChannel,
        bytes: usize,
    },
    /// Says goodbye (DTLS close_notify) and forgets the peer. No event follows.
    ClosePeer {
        peer: PeerId,
    },
}

impl Command {
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        match self {
            Self::OpenPeer { peer, .. }
            | Self::RestartIce { peer, .. }
            | Self::Negotiate { peer, .. }
            | Self::Publish { peer, .. }
            | Self::Unpublish { peer, .. }
            | Self::MuteTrack { peer, .. }
            | Self::Subscribe { peer, .. }
            | Self::ChangeWish { peer, .. }
            | Self::Unsubscribe { peer, .. }
            | Self::OpenData { peer, .. }
            | Self::SendData { peer, .. }
            | Self::CreditData { peer, .. }
            | Self::ClosePeer { peer } => *peer,
        }
    }
}

/// From a shard to control.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// ICE and DTLS are up; media may flow.
    PeerConnected { peer: PeerId, cipher: SrtpCipher },
    /// The shard has forgotten the peer.
    PeerClosed { peer: PeerId, reason: CloseReason },
    /// The first packet of an encoding arrived.
    EncodingStarted {
        peer: PeerId,
        track: TrackId,
        encoding: u8,
    },
    /// A data channel is open, whoever opened it: it can be sent to from now on.
    DataOpened { peer: PeerId, channel: DataChannel },
    /// At most [`limits::DATA_IN_FLIGHT_BYTES`] in one channel of one peer without
    /// [`Command::CreditData`].
    Data {
        peer: PeerId,
        channel: DataChannel,
        payload: Bytes,
    },
    /// Reliable data waits for the peer, or no longer does.
    DataBacklog { peer: PeerId, backlog: Backlog },
    /// Every [`LEVELS_INTERVAL`], the tracks that were heard since the last report.
    Levels { levels: Vec<AudioLevel> },
    /// Every [`QUALITY_INTERVAL`], per connected peer.
    Quality { peer: PeerId, quality: LinkQuality },
}

/// How often [`Event::Levels`] comes: half of the 400 ms in which a listener
/// notices who speaks.
pub const LEVELS_INTERVAL: std::time::Duration = std::time::Duration::from_millis(200);

/// How often [`Event::Quality`] comes.
pub const QUALITY_INTERVAL: std::time::Duration = std::time::Duration::from_secs(5);

/// How loud a track was (RFC 6464).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AudioLevel {
    pub track: TrackId,
    /// Mean over the interval, in −dBov: 0 is the loudest, 127 is silence.
    pub level: u8,
    /// Packets in the interval that were louder than −35 dBov, in percent of
    /// those expected at 20 ms each.
    pub voiced_percent: u8,
}

/// Counted over one [`QUALITY_INTERVAL`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LinkQuality {
    /// Packets that we lost from the peer before any repair, in per mille.
    pub uplink_loss_permille: u16,
    /// Packets that the peer reports lost from us, in per mille.
    pub downlink_loss_permille: u16,
    /// 0 when not measured.
    pub round_trip_ms: u32,
}

/// How much reliable data waits for a peer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backlog {
    /// More than [`limits::DATA_BACKLOG_BYTES`].
    High,
    /// Less than half of that, after it was high.
    Low,
}

/// What a message of `length` bytes takes of [`limits::DATA_IN_FLIGHT_BYTES`].
#[must_use]
pub const fn data_cost(length: usize) -> usize {
    if length > limits::DATA_COST_MIN {
        length
    } else {
        limits::DATA_COST_MIN
    }
}

/// The data channels of LiveKit's protocol, known by label.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DataChannel {
    /// `_reliable`: ordered, retransmitted.
    Reliable,
    /// `_lossy`: unordered, never retransmitted.
    Lossy,
    /// `_data_track`: unordered, never retransmitted, its own binary framing.
    DataTrack,
}

/// What protects the media of a peer (RFC 7714, RFC 5764).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SrtpCipher {
    AeadAes256Gcm,
    AeadAes128Gcm,
}

/// Why a peer ended without having been told to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CloseReason {
    /// ICE and DTLS did not come up in [`crate::limits::CONNECT_TIMEOUT`].
    ConnectTimeout,
    /// Nothing valid was received for [`crate::limits::PEER_SILENCE`].
    Silence,
    /// The client said goodbye (DTLS close_notify).
    Goodbye,
    /// The certificate is not the one of the session description.
    WrongCertificate,
    /// The handshake failed, or ended without an AEAD profile for SRTP.
    HandshakeFailed,
    /// A reliable message could not be queued: see [`crate::limits::DATA_QUEUE_BYTES`].
    DataOverflow,
}
