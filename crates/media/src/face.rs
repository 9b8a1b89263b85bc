//! What goes into [`crate::Shard`] and what comes out of it.

use std::{net::SocketAddr, time::Instant};

use protocol::{
    ids::ShardId,
    plane::{Command, Event},
};

/// What may happen to a shard.
#[derive(Debug)]
pub enum Input<'a> {
    /// A datagram from the network. It is decrypted in place.
    Datagram { source: SocketAddr, destination: SocketAddr, bytes: &'a mut [u8] },
    /// An order from control.
    Command(Command),
    /// Word from another shard of this node.
    Shard { from: ShardId, message: crate::ShardMessage },
}

/// What a shard wants done, besides sending datagrams (see [`Transmit`]).
#[derive(Debug)]
pub enum Output {
    Event(Event),
    Shard { to: ShardId, message: crate::ShardMessage },
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
