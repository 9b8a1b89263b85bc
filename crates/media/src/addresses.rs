//! Whose datagrams come from where. An address is bound to a peer by nothing
//! but a connectivity check that knew the peer's password, here or, by that
//! shard's word, at another shard; so no stranger can redirect a peer's packets.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use protocol::ids::ShardId;

use crate::slab::Key;

/// Addresses of peers of other shards that one shard remembers. At more, the
/// oldest is forgotten, and its packets are dropped until its next check.
const CLAIMS: usize = 65_536;

/// A claim that no check renewed for so long is void. Clients check the way
/// that they use at least every 5 s (RFC 7675 §5.1).
const CLAIM_LIFE: Duration = Duration::from_secs(30);

/// Whom a datagram is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Owner {
    Peer(Key),
    Shard(ShardId),
}

#[derive(Debug, Default)]
pub(crate) struct Addresses {
    peers: HashMap<SocketAddr, Key>,
    claims: HashMap<SocketAddr, (ShardId, Instant)>,
    /// In the order in which the claims came in.
    order: VecDeque<SocketAddr>,
}

impl Addresses {
    pub(crate) fn len(&self) -> usize {
        self.peers.len().saturating_add(self.claims.len())
    }

    pub(crate) fn owner(&self, address: SocketAddr, now: Instant) -> Option<Owner> {
        if let Some(peer) = self.peers.get(&address) {
            return Some(Owner::Peer(*peer));
        }
        let (shard, until) = self.claims.get(&address)?;
        (*until > now).then_some(Owner::Shard(*shard))
    }

    /// A check of this peer came from there.
    pub(crate) fn bind(&mut self, address: SocketAddr, peer: Key) {
        self.peers.insert(address, peer);
    }

    /// The peer no longer needs the address, unless another took it meanwhile.
    pub(crate) fn release(&mut self, address: SocketAddr, peer: Key) {
        if self.peers.get(&address) == Some(&peer) {
            self.peers.remove(&address);
        }
    }

    /// Another shard says that a check of one of its peers came from there.
    pub(crate) fn claim(&mut self, address: SocketAddr, shard: ShardId, now: Instant) {
        self.forget_old(now);
        let until = now.checked_add(CLAIM_LIFE).unwrap_or(now);
        if self.claims.insert(address, (shard, until)).is_none() {
            self.order.push_back(address);
        }
        while self.order.len() > CLAIMS {
            if let Some(oldest) = self.order.pop_front() {
                self.claims.remove(&oldest);
            }
        }
    }

    /// Looks at the oldest claims only: one that was renewed goes to the end.
    fn forget_old(&mut self, now: Instant) {
        while let Some(oldest) = self.order.front().copied() {
            match self.claims.get(&oldest) {
                Some((_, until)) if *until > now => {
                    // The oldest by arrival may have been renewed since; a
                    // turn of the queue per claim keeps every look constant.
                    self.order.rotate_left(1);
                    return;
                }
                Some(_) | None => {
                    self.claims.remove(&oldest);
                    self.order.pop_front();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::SocketAddr,
        time::{Duration, Instant},
    };

    use protocol::ids::ShardId;

    use super::{Addresses, CLAIM_LIFE, CLAIMS, Owner};
    use crate::slab::Slab;

    fn address(n: u32) -> SocketAddr {
        (n.to_be_bytes(), 1).into()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "a test needs some time to start from"
    )]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_claim_never_takes_an_address_from_a_peer_here() {
        let mut slab = Slab::default();
        let (one, two) = (slab.insert(()).unwrap(), slab.insert(()).unwrap());
        let mut addresses = Addresses::default();
        let now = now();
        addresses.bind(address(1), one);
        addresses.claim(address(1), ShardId(3), now);
        assert_eq!(addresses.owner(address(1), now), Some(Owner::Peer(one)));
        addresses.bind(address(1), two);
        addresses.release(address(1), one);
        assert_eq!(addresses.owner(address(1), now), Some(Owner::Peer(two)));
        addresses.release(address(1), two);
        assert_eq!(
            addresses.owner(address(1), now),
            Some(Owner::Shard(ShardId(3)))
        );
    }

    #[test]
    fn claims_expire_and_are_bounded() {
        let mut addresses = Addresses::default();
        let start = now();
        for n in 0..u32::try_from(CLAIMS + 10).unwrap() {
            addresses.claim(address(n), ShardId(1), start);
        }
        assert_eq!(addresses.len(), CLAIMS);
        let later = start + CLAIM_LIFE;
        assert_eq!(addresses.owner(address(5_000), later), None);
        addresses.claim(address(1), ShardId(1), later + Duration::from_millis(1));
        assert_eq!(addresses.len(), 1);
    }
}
