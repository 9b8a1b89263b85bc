//! One participant's transport with everything that hangs on it.

use std::{net::SocketAddr, time::Instant};

use protocol::ids::PeerId;

use crate::transport::Link;

/// Addresses that one peer may send from at once: a phone has two networks,
/// each with two families, and there may be a restart on the way.
pub(crate) const ADDRESSES: usize = 8;

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) link: Link,
    /// From which its checks came, the oldest first.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The timer entry that counts.
    pub(crate) armed: Option<Instant>,
}

impl Peer {
    pub(crate) const fn new(id: PeerId, link: Link) -> Self {
        Self {
            id,
            link,
            addresses: Vec::new(),
            armed: None,
        }
    }

    /// Remembers an address; gives back the one that is to be forgotten for it.
    pub(crate) fn remember(&mut self, address: SocketAddr) -> Option<SocketAddr> {
        if self.addresses.contains(&address) {
            return None;
        }
        self.addresses.push(address);
        if self.addresses.len() <= ADDRESSES {
            return None;
        }
        let used = self.link.path().map(|path| path.remote);
        let oldest = self.addresses.iter().position(|a| Some(*a) != used)?;
        Some(self.addresses.remove(oldest))
    }
}
