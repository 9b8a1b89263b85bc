//! The machine itself: one media core with its peers. It owns everything and
//! does I/O with nothing.

mod commands;
mod network;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Instant,
};

use protocol::{
    ids::PeerId,
    plane::{CloseReason, Event},
};
use rand::{SeedableRng, rngs::StdRng};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    Input, Output, SetupError, ShardConfig, ShardStats, Timeout, Transmit, Wake,
    addresses::Addresses,
    peer::Peer,
    slab::{Key, Slab},
    timers::Timers,
    transport::{ChannelEvent, Path, Sink},
};

/// One media core. Give it any number of inputs, then drain
/// [`Shard::poll_output`] and [`Shard::poll_transmit`] until both are empty,
/// then sleep until [`Shard::poll_timeout`].
#[derive(Debug)]
pub struct Shard {
    config: ShardConfig,
    dtls: Arc<dimpl::Config>,
    rng: StdRng,
    peers: Slab<Box<Peer>>,
    by_id: HashMap<PeerId, Key>,
    by_ufrag: HashMap<String, Key>,
    addresses: Addresses,
    timers: Timers,
    outputs: VecDeque<Output>,
    /// Datagrams that are ready to go: all but forwarded media.
    outbox: VecDeque<Datagram>,
    /// The one that was handed out last.
    sending: Option<Datagram>,
    stats: ShardStats,
}

/// One datagram of our own making.
#[derive(Debug)]
struct Datagram {
    path: Path,
    bytes: Vec<u8>,
}

impl Shard {
    /// # Errors
    ///
    /// When DTLS refuses the settings, or the system has no random numbers.
    pub fn new(config: ShardConfig, now: Instant) -> Result<Self, SetupError> {
        Ok(Self {
            dtls: dtls_config(None)?,
            rng: generator(config.seed)?,
            config,
            peers: Slab::default(),
            by_id: HashMap::new(),
            by_ufrag: HashMap::new(),
            addresses: Addresses::default(),
            timers: Timers::default(),
            outputs: VecDeque::new(),
            outbox: VecDeque::new(),
            sending: None,
            stats: ShardStats::default(),
        })
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Datagram {
                source,
                destination,
                bytes,
            } => {
                let path = Path {
                    remote: source,
                    local: destination,
                };
                self.handle_datagram(path, bytes, now);
            }
            Input::Command(command) => self.handle_command(command, now),
            Input::Shard { from, message } => self.handle_shard(from, message, now),
        }
    }

    /// To be called at or after the time that [`Shard::poll_timeout`] gave.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((at, key)) = self.timers.pop_due(now) {
            let Some(peer) = self.peers.get_mut(key) else {
                continue;
            };
            if peer.armed != Some(at) {
                continue;
            }
            peer.armed = None;
            let mut sink = Sink::default();
            let result = peer.link.handle_timeout(&mut sink, now);
            self.settle(key, sink, result, now);
        }
    }

    /// The next event or message, if there is one.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next run of datagrams, if there is one.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit<'_>> {
        let datagram = self.sending.insert(self.outbox.pop_front()?);
        self.stats.datagrams_out = self.stats.datagrams_out.saturating_add(1);
        Some(Transmit {
            destination: datagram.path.remote,
            source: datagram.path.local,
            contents: &datagram.bytes,
            segment_size: datagram.bytes.len(),
        })
    }

    /// When to wake the shard next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timeout> {
        self.timers.next().map(|at| (at, Wake::Peer))
    }

    #[must_use]
    pub fn stats(&self) -> ShardStats {
        ShardStats {
            peers: count(self.peers.len()),
            addresses: count(self.addresses.len()),
            ..self.stats
        }
    }
}

impl Shard {
    /// Carries on with what a peer's link produced.
    fn settle(&mut self, key: Key, sink: Sink, result: Result<(), CloseReason>, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let id = peer.id;
        if let Some(path) = peer.link.path() {
            let datagrams = sink.records.into_iter();
            self.outbox
                .extend(datagrams.map(|bytes| Datagram { path, bytes }));
        }
        self.stats.dropped.sctp += sink.dropped;
        if let Some(keys) = sink.connected {
            self.stats.handshakes += 1;
            self.event(Event::PeerConnected {
                peer: id,
                cipher: keys.cipher,
            });
        }
        for event in sink.channels {
            self.channel_event(id, event);
        }
        match result {
            Ok(()) => self.schedule(key),
            Err(reason) => self.lose(key, reason),
        }
    }

    fn channel_event(&mut self, peer: PeerId, event: ChannelEvent) {
        match event {
            ChannelEvent::Opened(channel) => self.event(Event::DataOpened { peer, channel }),
            ChannelEvent::Message(channel, payload) => {
                self.stats.data_messages_in += 1;
                self.event(Event::Data {
                    peer,
                    channel,
                    payload,
                });
            }
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Makes sure that the peer is woken when it must be.
    fn schedule(&mut self, key: Key) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let at = peer.link.next_timeout();
        if peer.armed.is_none_or(|armed| at < armed) {
            peer.armed = Some(at);
            self.timers.arm(at, key);
        }
    }

    /// Ends a peer and says why.
    fn lose(&mut self, key: Key, reason: CloseReason) {
        let Some(peer) = self.forget(key) else {
            return;
        };
        match reason {
            CloseReason::HandshakeFailed | CloseReason::WrongCertificate => {
                self.stats.handshake_failures += 1;
            }
            CloseReason::ConnectTimeout
            | CloseReason::Silence
            | CloseReason::Goodbye
            | CloseReason::DataOverflow => {}
        }
        self.event(Event::PeerClosed {
            peer: peer.id,
            reason,
        });
    }

    /// Takes a peer out of every table.
    fn forget(&mut self, key: Key) -> Option<Box<Peer>> {
        let peer = self.peers.remove(key)?;
        self.by_id.remove(&peer.id);
        for ufrag in peer.link.ufrags() {
            self.by_ufrag.remove(ufrag);
        }
        for address in &peer.addresses {
            self.addresses.release(*address, key);
        }
        Some(peer)
    }
}

/// Settings of DTLS. The client's address has been proved by ICE, so that no
/// cookie is needed (RFC 6347 §4.2.1).
fn dtls_config(seed: Option<u64>) -> Result<Arc<dimpl::Config>, SetupError> {
    let builder = dimpl::Config::builder()
        .use_server_cookie(false)
        .require_client_certificate(true);
    let builder = match seed {
        Some(seed) => builder.dangerously_set_rng_seed(seed),
        None => builder,
    };
    Ok(Arc::new(builder.build()?))
}

fn generator(seed: Option<u64>) -> Result<StdRng, SetupError> {
    if let Some(seed) = seed {
        return Ok(StdRng::seed_from_u64(seed));
    }
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| SetupError::Random)?;
    Ok(StdRng::from_seed(bytes))
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
