//! A headless LiveKit participant for tests, simulation and load.
//!
//! A pure state machine, [`Client`]: sans-IO, with time and randomness passed
//! in. It stands on `str0m` and shares no code with our media plane, so that
//! each checks the other: what it publishes carries markers, and what it
//! receives is taken apart and held against the RFCs and the markers.

mod client;
mod conformance;
mod face;
mod feed;
mod join;
mod marker;
mod negotiation;
mod receiver;
mod roster;
mod sdp;
mod sender;
mod signal;
mod vp8;

pub use client::Client;
pub use conformance::Violation;
pub use face::{
    Action, Arrival, ClientConfig, Data, Event, Input, Output, Problem, PublicationKey, Quality,
    Setting, Speaker, Timeout, Wake,
};
pub use feed::{AudioFeed, Feed, Generator, Layer, Packet, VideoCodec, VideoFeed};
pub use join::{JoinError, decode_join_query};
pub use marker::Marker;
pub use receiver::{Owner, TrackStats};
pub use roster::{Member, Roster, TrackFacts};
pub use str0m::crypto;
