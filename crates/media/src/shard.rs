//! The machine itself: one media core with its peers. It owns everything and
//! does I/O with nothing.

mod commands;
mod media;
mod mesh;
mod network;
mod peers;
mod reports;
mod subscriptions;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use protocol::{ids::PeerId, plane::Event};
use rand::{SeedableRng, rngs::StdRng};
use ring::rand::{SecureRandom, SystemRandom};

use crate::{
    Input, Output, SetupError, ShardConfig, ShardStats, Timeout, Transmit, Wake,
    addresses::Addresses,
    egress::{Run, SendSlab},
    peer::Peer,
    slab::{Key, Slab},
    timers::Timers,
    tracks::Tracks,
    transport::Path,
};

/// A peer whose timer went off has nothing to do again for so long: what is
/// late by it harms nobody, and no peer can keep the shard in its timers.
const PAUSE: Duration = Duration::from_millis(1);

/// One media core. Give it any number of inputs, then drain
/// [`Shard::poll_output`] and [`Shard::poll_transmit`] until both are empty,
/// then sleep until [`Shard::poll_timeout`].
#[derive(Debug)]
pub struct Shard {
    config: ShardConfig,
    dtls: Arc<dimpl::Config>,
    rng: StdRng,
    started: Instant,
    peers: Slab<Box<Peer>>,
    by_id: HashMap<PeerId, Key>,
    by_ufrag: HashMap<String, Key>,
    addresses: Addresses,
    tracks: Tracks,
    subscriptions: usize,
    timers: Timers,
    /// Set while timers are handled: none of them is due again before.
    earliest: Option<Instant>,
    outputs: VecDeque<Output>,
    /// Datagrams that are ready to go: all but forwarded media.
    outbox: VecDeque<Datagram>,
    /// The one that was handed out last.
    sending: Option<Datagram>,
    /// Peers for which packets wait.
    dirty: VecDeque<Key>,
    /// How many of them have been brought near.
    warm: usize,
    /// The packets of the peer that is being drained.
    slab: SendSlab,
    /// Key frames that the drain found to be needed; kept for its memory.
    needs: Vec<(Key, u8)>,
    /// Uplinks that were heard since the last report of levels.
    heard: Vec<(Key, usize)>,
    levels_at: Option<Instant>,
    quality_at: Option<Instant>,
    stats: ShardStats,
}

/// One datagram of our own making.
#[derive(Debug)]
struct Datagram {
    path: Path,
    bytes: Vec<u8>,
}

/// What to hand out next.
enum Next {
    Datagram(Datagram),
    Run(Run),
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
            started: now,
            peers: Slab::default(),
            by_id: HashMap::new(),
            by_ufrag: HashMap::new(),
            addresses: Addresses::default(),
            tracks: Tracks::default(),
            subscriptions: 0,
            timers: Timers::default(),
            earliest: None,
            outputs: VecDeque::new(),
            outbox: VecDeque::new(),
            sending: None,
            dirty: VecDeque::new(),
            warm: 0,
            slab: SendSlab::default(),
            needs: Vec::new(),
            heard: Vec::new(),
            levels_at: None,
            quality_at: None,
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
            Input::Command(command) => {
                if self.handle_command(command, now).is_none() {
                    self.stats.dropped.commands += 1;
                }
            }
            Input::Shard { from, message } => self.handle_shard(from, message, now),
        }
    }

    /// To be called at or after the time that [`Shard::poll_timeout`] gave.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.earliest = now.checked_add(PAUSE);
        while let Some((at, key)) = self.timers.pop_due(now) {
            let due = self.peers.get_mut(key).filter(|p| p.armed == Some(at));
            if let Some(peer) = due {
                peer.armed = None;
                self.wake_peer(key, now);
            }
        }
        self.earliest = None;
        self.report(now);
    }

    /// The next event or message, if there is one.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The next run of datagrams, if there is one.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit<'_>> {
        match self.next(now)? {
            Next::Datagram(datagram) => {
                let datagram = self.sending.insert(datagram);
                self.stats.datagrams_out += 1;
                self.stats.bytes_out += count(datagram.bytes.len());
                Some(Transmit {
                    destination: datagram.path.remote,
                    source: datagram.path.local,
                    contents: &datagram.bytes,
                    segment_size: datagram.bytes.len(),
                })
            }
            Next::Run(run) => {
                self.stats.datagrams_out += count(run.segments);
                self.stats.bytes_out += count(run.end - run.start);
                Some(Transmit {
                    destination: run.path.remote,
                    source: run.path.local,
                    contents: self.slab.contents(&run),
                    segment_size: run.segment_size,
                })
            }
        }
    }

    fn next(&mut self, now: Instant) -> Option<Next> {
        if let Some(datagram) = self.outbox.pop_front() {
            return Some(Next::Datagram(datagram));
        }
        loop {
            if let Some(run) = self.slab.pop() {
                return Some(Next::Run(run));
            }
            if self.warm == 0 {
                self.warm_up();
            }
            let key = self.dirty.pop_front()?;
            self.warm = self.warm.saturating_sub(1);
            self.drain_peer(key, now);
        }
    }

    /// When to wake the shard next, and why. Whatever was left undrained is
    /// due at once.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timeout> {
        if !(self.outputs.is_empty() && self.dirty.is_empty() && self.outbox.is_empty()) {
            return Some((self.started, Wake::Peer));
        }
        let peers = self.timers.next().map(|at| (at, Wake::Peer));
        let levels = self.levels_at.map(|at| (at, Wake::Reports));
        let quality = self.quality_at.map(|at| (at, Wake::Reports));
        [peers, levels, quality].into_iter().flatten().min()
    }

    #[must_use]
    pub fn stats(&self) -> ShardStats {
        ShardStats {
            peers: count(self.peers.len()),
            tracks: count(self.tracks.len()),
            subscriptions: count(self.subscriptions),
            addresses: count(self.addresses.len()),
            ..self.stats
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    /// Makes sure that the peer is woken at `at` or before.
    fn arm(&mut self, key: Key, at: Instant) {
        let at = self.earliest.map_or(at, |earliest| at.max(earliest));
        if let Some(peer) = self.peers.get_mut(key)
            && peer.armed.is_none_or(|armed| at < armed)
        {
            peer.armed = Some(at);
            self.timers.arm(at, key);
        }
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
