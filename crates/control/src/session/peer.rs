//! The peer connection of a participant, as far as control knows it.

use protocol::{
    ids::{PeerId, ShardId},
    media::{ExtensionIds, Fingerprint, IceCredentials, Payload},
};

#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) shard: ShardId,
    pub(crate) local_ice: IceCredentials,
    pub(crate) remote_ice: IceCredentials,
    pub(crate) fingerprint: Fingerprint,
    /// ICE and DTLS are up.
    pub(crate) connected: bool,
    /// What the media plane was last told.
    pub(crate) negotiated: (ExtensionIds, Vec<Payload>),
    /// Names our descriptions of this peer (RFC 8866 §5.2)…
    pub(crate) origin: u64,
    /// …of which this counts the answers.
    pub(crate) version: u64,
}
