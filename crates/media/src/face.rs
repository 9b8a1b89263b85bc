//! What goes into [`crate::Shard`] and what comes out of it.

use std::{net::SocketAddr, time::Instant};

use protocol::{
    ids::ShardId,
    plane::{Command, Event},
};

use crate::{Certificate, ShardMessage};

/// How a shard is set up.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    pub id: ShardId,
    /// How many shards the node has; they are numbered from 0.
    pub shards: u16,
    /// Shared by all shards of the node.
    pub certificate: Certificate,
    /// `None`: random numbers come from the system. `Some`: everything that
    /// the shard draws itself follows from it, for simulation only, since
    /// whoever knows the seed knows the keys.
    pub seed: Option<u64>,
}

/// A shard could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("DTLS does not accept its settings: {0}")]
    Dtls(#[from] dimpl::Error),
    #[error("the system has no random numbers to give")]
    Random,
}

/// What may happen to a shard.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram from the network. It is decrypted in place.
    Datagram {
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &'a mut [u8],
    },
    /// An order from control.
    Command(Command),
    /// Word from another shard of this node.
    Shard {
        from: ShardId,
        message: ShardMessage,
    },
}

/// What a shard wants done, besides sending datagrams (see [`Transmit`]).
#[derive(Debug)]
pub enum Output {
    Event(Event),
    Shard { to: ShardId, message: ShardMessage },
}

/// One or more datagrams to one receiver, back to back in `contents`, each
/// of `segment_size` bytes but for the last, which may be shorter: what the
/// kernel calls generic segmentation offload.
#[derive(Debug)]
pub struct Transmit<'a> {
    pub destination: SocketAddr,
    /// The local address that the peer knows us by.
    pub source: SocketAddr,
    pub contents: &'a [u8],
    pub segment_size: usize,
}

/// Why the shard wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Wake {
    /// A peer's ICE, DTLS or SCTP timer, or its feedback to send.
    Peer,
    /// The periodic reports of audio levels and link quality.
    Reports,
}

/// A wake-up and its reason, so that a busy loop explains itself.
pub type Timeout = (Instant, Wake);
