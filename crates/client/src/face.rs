//! What goes into [`crate::Client`] and what comes out of it.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use bytes::Bytes;
use protocol::{
    grants::Source,
    plane::DataChannel,
    signal::{ConnectError, Frame},
};
use str0m::crypto::CryptoProvider;

use crate::Feed;

/// What a client is told once.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The address of its UDP socket: its only ICE candidate.
    pub address: SocketAddr,
    /// Seed of what it sends.
    pub seed: u64,
    /// Marks every packet that it publishes; unique among clients.
    pub tag: u32,
    /// Whether the server shall subscribe it to everything.
    pub auto_subscribe: bool,
    /// Whether pictures shall start at the lowest layer, until settings arrive.
    pub adaptive_stream: bool,
    /// Whether it says that it is a browser (livekit-client) or a native SDK:
    /// servers fill the spare sections of the former only.
    pub browser: bool,
    /// `None` for the usual one; simulation brings one with a seeded DTLS.
    pub crypto: Option<Arc<CryptoProvider>>,
}

/// The caller's name for one thing that a client publishes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PublicationKey(pub u32);

/// What may happen to a client. Mutate once, then drain `poll_output`.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram from the network.
    Datagram {
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &'a [u8],
    },
    /// A frame from the WebSocket.
    Frame(Frame),
    /// The WebSocket is gone.
    SignalClosed,
    /// Something that the person does.
    Do(Action),
}

/// Something that the person at the client does.
#[derive(Clone, Debug)]
pub enum Action {
    /// Start to publish; [`Event::Published`] or [`Event::PublishRefused`] follows.
    Publish {
        key: PublicationKey,
        source: Source,
        feed: Feed,
    },
    Unpublish(PublicationKey),
    Mute {
        key: PublicationKey,
        muted: bool,
    },
    /// How loud an audio track is from now on, in dBov (0 to −127).
    Speak {
        key: PublicationKey,
        level: i8,
    },
    /// To everyone in the room, or to the named identities only.
    SendData {
        channel: DataChannel,
        payload: Bytes,
        topic: Option<String>,
        destinations: Vec<String>,
    },
    Subscribe {
        track: String,
        subscribe: bool,
    },
    /// What it wants of a subscribed track.
    Set {
        track: String,
        setting: Setting,
    },
    /// Say goodbye and close.
    Leave,
}

/// What a subscriber wants of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Setting {
    /// Out of sight.
    Disabled,
    Quality(Quality),
    /// The size at which it is shown, in pixels.
    Size {
        width: u32,
        height: u32,
    },
}

/// LiveKit's three steps of quality.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Quality {
    Low,
    Medium,
    High,
}

/// What a client wants done, and tells.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    Frame(Frame),
    Datagram {
        source: SocketAddr,
        destination: SocketAddr,
        bytes: Vec<u8>,
    },
    Event(Event),
    /// Close the WebSocket once everything before this has been written.
    CloseSignal,
}

/// What happened, as the application would see it.
#[derive(Clone, PartialEq, Debug)]
pub enum Event {
    /// The join response is there.
    Joined {
        sid: String,
        identity: String,
    },
    /// ICE and DTLS are up.
    Connected,
    /// The server goes on with the session on a new WebSocket.
    Resumed,
    Published {
        key: PublicationKey,
        track: String,
    },
    PublishRefused {
        key: PublicationKey,
        message: String,
    },
    /// The server ended a publication, or (un)muted it.
    Unpublished {
        key: PublicationKey,
    },
    MutedByServer {
        key: PublicationKey,
        muted: bool,
    },
    /// A subscribed track has its place in the session description now.
    Arrived(Arrival),
    /// It lost that place.
    Departed {
        track: String,
    },
    DataOpened(DataChannel),
    Data(Data),
    Speakers(Vec<Speaker>),
    /// The server's word on a link, as LiveKit numbers it.
    ConnectionQuality {
        participant: String,
        quality: i32,
    },
    SubscriptionRefused {
        track: String,
    },
    /// The server said goodbye; both as LiveKit numbers them.
    Ended {
        reason: i32,
        action: i32,
    },
    /// The transport was closed from the other side, or gave up.
    TransportClosed,
    Problem(Problem),
}

/// A track and the media section in which it comes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival {
    pub track: String,
    pub mid: String,
}

/// A data message from another participant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Data {
    pub channel: DataChannel,
    /// Who sent it, as the server stamped it.
    pub identity: String,
    pub sid: String,
    pub topic: Option<String>,
    pub payload: Bytes,
}

/// One entry of a change of who speaks.
#[derive(Clone, PartialEq, Debug)]
pub struct Speaker {
    pub sid: String,
    pub level: f32,
    pub active: bool,
}

/// What a conforming server never makes a client report.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    #[error("a frame can't be read: {0}")]
    BadFrame(String),
    #[error("the first message was no join or reconnect response, or a later one was")]
    OutOfOrder,
    #[error("the answer was refused: {0}")]
    BadAnswer(String),
    #[error("the answer says {got} and the offer said {expected}")]
    WrongAnswerId { expected: u32, got: u32 },
    #[error("the server made an offer, which this dialect has no place for")]
    UnexpectedOffer,
    #[error("mid {mid} of track {track} is not in the session description")]
    UnknownMid { mid: String, track: String },
    #[error("a track's stream does not name a participant: {0}")]
    BadStreamId(String),
    #[error("a candidate can't be read: {0}")]
    BadCandidate(String),
    #[error("nothing was heard of the server for {0} s")]
    SignalSilent(u64),
    #[error("the transport failed: {0}")]
    Transport(String),
    #[error("a data message can't be read")]
    BadData,
    #[error("a message could not be queued on the data channel")]
    DataNotQueued,
    #[error("refused before it began: {0}")]
    Connect(ConnectError),
}

/// Why the client wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Wake {
    /// ICE, DTLS, SCTP or RTCP.
    Transport,
    /// The next frame of a publication.
    Media,
    /// The next signalling ping.
    Ping,
}

/// A wake-up and its reason.
pub type Timeout = (Instant, Wake);
