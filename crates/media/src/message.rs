//! What the shards of one node say to each other. The shell carries it and
//! does not look inside.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use protocol::ids::{PeerId, TrackId};

use crate::uplink::{Encodings, Packet};

/// From one shard to another, in order, through a bounded ring. When that is
/// full the shell drops the message: lost packets are repaired as any others,
/// and wants are repeated every few seconds.
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
    /// Send me the packets of a track of yours, of encodings up to `limit`;
    /// none at all just now when that is `None`.
    Want { track: TrackId, limit: Option<u8> },
    /// I have no use for the track any more.
    Unwant { track: TrackId },
    /// What there is to know of a track of mine that you want.
    Facts {
        track: TrackId,
        publisher: PeerId,
        muted: bool,
    },
    /// A packet of a track of mine, and which of its encodings arrive.
    Packet {
        packet: Arc<Packet>,
        live: Encodings,
    },
    /// A decoder here needs a key frame of a track of yours.
    KeyFrame { track: TrackId, encoding: u8 },
}
