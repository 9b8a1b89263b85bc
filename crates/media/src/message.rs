//! What the shards of one node say to each other. The shell carries it and
//! does not look inside.

use std::net::SocketAddr;

use bytes::Bytes;

/// From one shard to another, in order, through a bounded ring: when it is
/// full the shell drops the message, and the loss is repaired as any other.
#[derive(Clone, Debug)]
pub enum ShardMessage {
    /// A datagram that arrived at the wrong shard.
    Datagram {
        source: SocketAddr,
        destination: SocketAddr,
        bytes: Bytes,
    },
    /// A check that you passed on was genuine: pass on whatever else comes
    /// from this address.
    Bound { address: SocketAddr },
}
