//! What comes in from the network and from the other shards, up to the point
//! where it is known whose it is.

use std::{net::SocketAddr, time::Instant};

use bytes::Bytes;
use is::stun::StunMessage;
use protocol::{ids::ShardId, media::IceCredentials, plane::CloseReason};

use super::{Datagram, Shard};
use crate::{
    ShardMessage,
    addresses::Owner,
    demux::{Class, classify},
    slab::Key,
    transport::{Check, Path, Sink, local_ufrag},
};

impl Shard {
    pub(super) fn handle_datagram(&mut self, path: Path, bytes: &mut [u8], now: Instant) {
        self.stats.datagrams_in += 1;
        self.stats.bytes_in += super::count(bytes.len());
        match classify(bytes) {
            None => self.stats.dropped.not_webrtc += 1,
            Some(Class::Stun) => self.handle_stun(path, bytes, None, now),
            Some(class @ (Class::Dtls | Class::Media)) => {
                match self.addresses.owner(path.remote, now) {
                    None => self.stats.dropped.unknown_address += 1,
                    Some(Owner::Shard(shard)) => self.pass_on(shard, path, bytes),
                    Some(Owner::Peer(key)) => self.handle_known(key, class, bytes, now),
                }
            }
        }
    }

    /// A datagram that another shard received. It is never passed on again.
    pub(super) fn handle_passed_on(
        &mut self,
        from: ShardId,
        (remote, local): (SocketAddr, SocketAddr),
        bytes: Bytes,
        now: Instant,
    ) {
        let path = Path { remote, local };
        let mut bytes = Vec::from(bytes);
        match classify(&bytes) {
            None => self.stats.dropped.not_webrtc += 1,
            Some(Class::Stun) => self.handle_stun(path, &bytes, Some(from), now),
            Some(class @ (Class::Dtls | Class::Media)) => {
                match self.addresses.owner(path.remote, now) {
                    Some(Owner::Peer(key)) => self.handle_known(key, class, &mut bytes, now),
                    Some(Owner::Shard(_)) | None => self.stats.dropped.unknown_address += 1,
                }
            }
        }
    }

    fn handle_known(&mut self, key: Key, class: Class, bytes: &mut [u8], now: Instant) {
        match class {
            Class::Stun => {}
            Class::Dtls => {
                let Some(peer) = self.peers.get_mut(key) else {
                    return;
                };
                let mut sink = Sink::default();
                let result = peer.link.receive(bytes, &mut sink, now);
                if result == Err(CloseReason::HandshakeFailed) {
                    self.stats.dropped.dtls += 1;
                }
                self.settle(key, sink, result, now);
            }
            Class::Media => self.handle_media(key, bytes, now),
        }
    }

    /// Connectivity checks go by the user fragment alone: their source may be
    /// new, or have belonged to someone else.
    fn handle_stun(&mut self, path: Path, bytes: &[u8], from: Option<ShardId>, now: Instant) {
        let message = match StunMessage::parse(bytes) {
            Ok(message) if message.is_binding_request() => message,
            Ok(_) | Err(_) => {
                self.stats.dropped.stun_malformed += 1;
                return;
            }
        };
        let Some(ufrag) = local_ufrag(&message) else {
            self.stats.dropped.stun_malformed += 1;
            return;
        };
        if let Some(key) = self.by_ufrag.get(ufrag).copied() {
            self.handle_check(key, path, &message, from, now);
            return;
        }
        match IceCredentials::shard(ufrag) {
            Some(shard) if from.is_none() && self.is_other(shard) => {
                self.pass_on(shard, path, bytes);
            }
            Some(_) | None => self.stats.dropped.stun_unknown_peer += 1,
        }
    }

    fn handle_check(
        &mut self,
        key: Key,
        path: Path,
        message: &StunMessage<'_>,
        from: Option<ShardId>,
        now: Instant,
    ) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let former = peer.link.ufrags().nth(1).map(str::to_owned);
        let bytes = match peer.link.check(message, path, now) {
            Check::Unauthenticated => {
                self.stats.dropped.stun_unauthenticated += 1;
                return;
            }
            Check::RoleConflict(bytes) => bytes,
            Check::Accepted(bytes) => {
                peer.path = peer.link.path();
                let forgotten = peer.remember(path.remote);
                if let Some(void) = former.filter(|_| peer.link.ufrags().count() == 1) {
                    self.by_ufrag.remove(&void);
                }
                if let Some(address) = forgotten {
                    self.addresses.release(address, key);
                }
                self.addresses.bind(path.remote, key);
                if let Some(shard) = from {
                    let address = path.remote;
                    let message = ShardMessage::Bound { address };
                    self.tell(shard, message);
                }
                bytes
            }
        };
        self.outbox.push_back(Datagram { path, bytes });
    }

    fn is_other(&self, shard: ShardId) -> bool {
        shard != self.config.id && shard.0 < self.config.shards
    }

    fn pass_on(&mut self, to: ShardId, path: Path, bytes: &[u8]) {
        let message = ShardMessage::Datagram {
            source: path.remote,
            destination: path.local,
            bytes: Bytes::copy_from_slice(bytes),
        };
        self.tell(to, message);
    }
}
