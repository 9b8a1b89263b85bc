//! The media plane: receives, repairs, chooses and forwards packets.
//!
//! A pure state machine, [`Shard`]: sans-IO, with time and randomness passed
//! in. It never decodes media, never sees a session description, never
//! allocates for a forwarded packet, and never walks the streams of a peer to
//! forward one packet.

mod addresses;
mod certificate;
mod demux;
mod egress;
mod face;
mod message;
mod peer;
mod shard;
mod slab;
mod stats;
mod timers;
mod tracks;
mod transport;

pub mod codec;
pub mod downlink;
pub mod rtcp;
pub mod rtp;
pub mod srtp;
pub mod uplink;

pub use certificate::{Certificate, CertificateError};
pub use face::{Input, Output, SetupError, ShardConfig, Timeout, Transmit, Wake};
pub use message::ShardMessage;
pub use shard::Shard;
pub use stats::{Dropped, ShardStats};
