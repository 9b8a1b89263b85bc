//! One participant's transport with everything that hangs on it.

mod compound;
mod down;
mod up;

use std::{net::SocketAddr, time::Instant};

use protocol::{ids::PeerId, media::ExtensionIds};

pub(crate) use compound::Compounds;
pub(crate) use down::{Down, DownTrack, Outlet, Queue, Reporting, Sealing};
pub(crate) use up::{Opened, ROUND_TRIP, Received, Unused, Up, earlier};

use crate::{
    rtp::PayloadTypes,
    srtp::{Inbound, Outbound},
    transport::{Link, Path},
};

/// Addresses that one peer may send from at once: a phone has two networks,
/// each with two families, and there may be a restart on the way.
const ADDRESSES: usize = 8;

/// Both directions of SRTP.
#[derive(Debug)]
pub(crate) struct Ciphers {
    pub(crate) inbound: Box<Inbound>,
    pub(crate) outbound: Outbound,
}

/// How far from the peer something lies: each step is a pointer further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Depth {
    Peer,
    Stream,
    History,
}

/// What every packet needs is kept close together, and the rest in boxes:
/// with hundreds of peers it is memory that takes the time.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) queue: Queue,
    /// Where to send to, as the link has it.
    pub(crate) path: Option<Path>,
    pub(crate) ciphers: Option<Ciphers>,
    pub(crate) extensions: ExtensionIds,
    pub(crate) payloads: PayloadTypes,
    pub(crate) down: Down,
    pub(crate) id: PeerId,
    pub(crate) link: Box<Link>,
    pub(crate) up: Box<Up>,
    /// From which its checks came, the oldest first.
    pub(crate) addresses: Vec<SocketAddr>,
    /// The timer entry that counts.
    pub(crate) armed: Option<Instant>,
}

impl Peer {
    pub(crate) fn new(id: PeerId, link: Link, now: Instant) -> Self {
        Self {
            queue: Queue::default(),
            path: None,
            ciphers: None,
            extensions: ExtensionIds::default(),
            payloads: PayloadTypes::default(),
            down: Down::default(),
            id,
            link: Box::new(link),
            up: Box::new(Up::new(now)),
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
        let used = self.path.map(|path| path.remote);
        let oldest = self.addresses.iter().position(|a| Some(*a) != used)?;
        Some(self.addresses.remove(oldest))
    }

    /// Reads a little of what its drain will need. The sum means nothing.
    pub(crate) fn touch(&self, depth: Depth) -> usize {
        match depth {
            Depth::Peer => {
                let outbound = self.ciphers.as_ref().map(|c| &c.outbound);
                let spread = [
                    self.path.is_some(),
                    outbound.is_some_and(Outbound::touch),
                    self.extensions.mid.is_some(),
                    self.armed.is_some(),
                ];
                spread.iter().filter(|yes| **yes).count()
            }
            Depth::Stream => self.down.touch_stream(&self.queue),
            Depth::History => self.down.touch_history(&self.queue),
        }
    }

    /// When to be woken at the latest.
    pub(crate) fn next_timeout(&self) -> Instant {
        let link = self.link.next_timeout();
        earlier(self.up.due(), self.down.due()).map_or(link, |media| media.min(link))
    }
}
