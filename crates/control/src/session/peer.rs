//! One peer connection of a participant, as far as control knows it.

use protocol::{
    ids::{PeerId, ShardId},
    media::{ExtensionIds, Fingerprint, IceCredentials, Payload},
    plane::Command,
};

use crate::{desk::Desk, quality::Grade};

/// Characters of our ICE user fragment beside the shard's number, and of the
/// password. RFC 8445 §5.3 asks for 24 and 128 bits; a letter has 5.9.
const FRAGMENT: usize = 8;
const PASSWORD: usize = 24;

/// How a client numbers header extensions and formats.
pub(crate) type Numbering = (ExtensionIds, Vec<Payload>);

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
    negotiated: Option<Numbering>,
    /// How good the connection is, once it was measured.
    pub(crate) grade: Option<Grade>,
}

impl Peer {
    /// Has the media plane make ready for the client.
    pub(crate) fn open(
        shard: ShardId,
        local_ice: IceCredentials,
        remote_ice: IceCredentials,
        fingerprint: Fingerprint,
        desk: &mut Desk,
    ) -> Self {
        let peer = Self {
            id: PeerId(desk.id()),
            shard,
            local_ice,
            remote_ice,
            fingerprint,
            connected: false,
            negotiated: None,
            grade: None,
        };
        let command = Command::OpenPeer {
            peer: peer.id,
            local_ice: peer.local_ice.clone(),
            remote_ice: peer.remote_ice.clone(),
            fingerprint,
        };
        desk.order(shard, command);
        peer
    }

    /// Both sides have new credentials.
    pub(crate) fn restart(
        &mut self,
        local: IceCredentials,
        remote: IceCredentials,
        desk: &mut Desk,
    ) {
        self.local_ice = local;
        self.remote_ice = remote;
        let command = Command::RestartIce {
            peer: self.id,
            local_ice: self.local_ice.clone(),
            remote_ice: self.remote_ice.clone(),
        };
        desk.order(self.shard, command);
    }

    /// Tells the media plane how this client numbers formats and header
    /// extensions, unless it knows.
    pub(crate) fn negotiate(&mut self, numbering: Numbering, desk: &mut Desk) {
        if self.negotiated.as_ref() == Some(&numbering) {
            return;
        }
        let (extensions, payloads) = numbering.clone();
        self.negotiated = Some(numbering);
        desk.order(
            self.shard,
            Command::Negotiate {
                peer: self.id,
                extensions,
                payloads,
            },
        );
    }
}

/// Fresh credentials of ours.
pub(crate) fn credentials(shard: ShardId, desk: &mut Desk) -> IceCredentials {
    let nonce = desk.letters(FRAGMENT);
    IceCredentials::local(shard, &nonce, desk.letters(PASSWORD))
}

/// Names our descriptions of one connection (RFC 8866 §5.2), and counts them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) id: u64,
    pub(crate) version: u64,
}

impl Origin {
    pub(crate) fn new(desk: &mut Desk) -> Self {
        Self {
            id: desk.origin(),
            version: 1,
        }
    }
}
