//! Names of things, one type each, so that no two can be confused.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// One media core of this node; shards are numbered from 0.
    ShardId(u16)
}
id! {
    /// One WebRTC transport (ICE + DTLS + SRTP + SCTP) with one participant.
    /// Unique for the life of the node.
    PeerId(u64)
}
id! {
    /// One signalling connection. Unique for the life of the node; a client
    /// that resumes comes with a new one.
    SessionId(u64)
}
id! {
    /// A published track as the media plane knows it. Unique for the life of
    /// the node. Clients know the same track by a `TR_…` string.
    TrackId(u64)
}
id! {
    /// The place of a peer's session description in which one subscribed
    /// track arrives. Unique within its peer, never used twice.
    SlotId(u32)
}
id! {
    /// Ties an answer to the question that the shell asked of control.
    RequestId(u64)
}
