//! The loop: one node, its people and the network between them, in virtual
//! time. Events are taken in the order of their time and then of their
//! making, so that a run depends on its seed and on nothing else.

mod acts;
mod turns;

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use client::crypto::CryptoProvider;
use control::AttendanceChange;
use protocol::{grants::Grants, ids::SessionId, signal::Frame};

use crate::{
    crypto,
    network::LinkConfig,
    network::{Network, NetworkStats},
    node::{Node, NodeError},
    person::{Person, PersonId},
    random::Random,
    trace::Trace,
};

/// How a world is set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WorldConfig {
    pub seed: u64,
    pub shards: u16,
    /// Keep what the trace hash is made of, to find where two runs part.
    pub keep_log: bool,
}

/// How somebody joins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JoinOptions {
    pub link: LinkConfig,
    pub auto_subscribe: bool,
    pub adaptive_stream: bool,
    /// A browser, or else a native SDK.
    pub browser: bool,
}

impl Default for JoinOptions {
    fn default() -> Self {
        Self {
            link: LinkConfig::CLEAN,
            auto_subscribe: true,
            adaptive_stream: false,
            browser: true,
        }
    }
}

/// Something on its way.
enum Flight {
    ToNode {
        source: SocketAddr,
        bytes: Vec<u8>,
    },
    ToHost {
        destination: SocketAddr,
        bytes: Vec<u8>,
    },
    FrameToNode {
        session: SessionId,
        frame: Frame,
    },
    CloseToNode {
        session: SessionId,
    },
    FrameToPerson {
        person: PersonId,
        session: SessionId,
        frame: Frame,
    },
    CloseToPerson {
        person: PersonId,
        session: SessionId,
        end: control::SessionEnd,
    },
}

/// Everything that there is.
pub struct World {
    base: Instant,
    now: Duration,
    node: Node,
    network: Network,
    people: Vec<Person>,
    sessions: BTreeMap<SessionId, PersonId>,
    flights: BTreeMap<(Duration, u64), Flight>,
    next_flight: u64,
    random: Random,
    crypto: Arc<CryptoProvider>,
    trace: Trace,
    failures: Vec<String>,
    attendance: Vec<(Duration, AttendanceChange)>,
    raw_closed: Vec<SessionId>,
    /// Sessions that the node may close, because the scenario wants it to.
    may_end: Vec<PersonId>,
    spin: Spin,
    wakes: u64,
}

/// Notices a loop that does not get anywhere.
#[derive(Default)]
struct Spin {
    at: Duration,
    count: u32,
    last: VecDeque<String>,
    stuck: bool,
}

/// Wake-ups at one instant before the run is given up. A frame that goes to
/// everyone at once makes some hundred.
const SPIN_LIMIT: u32 = 20_000;
/// One way of a WebSocket, which TCP keeps in order and whole.
const SIGNAL_LATENCY: Duration = Duration::from_millis(12);
/// TCP tries again after this while a link is cut.
const SIGNAL_RETRY: Duration = Duration::from_millis(200);
const NODE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 7882);

impl World {
    /// To be called in a thread of its own: the randomness of a thread is seeded.
    ///
    /// # Errors
    /// When the node can't be set up.
    #[expect(
        clippy::disallowed_methods,
        reason = "virtual time counts from some instant; which one makes no difference"
    )]
    pub fn new(config: WorldConfig) -> Result<Self, NodeError> {
        crypto::seed_thread(config.seed);
        let base = Instant::now();
        Ok(Self {
            base,
            now: Duration::ZERO,
            node: Node::new(config.seed, config.shards, NODE, base)?,
            network: Network::new(config.seed),
            people: Vec::new(),
            sessions: BTreeMap::new(),
            flights: BTreeMap::new(),
            next_flight: 0,
            random: Random::for_part(config.seed, 1),
            crypto: crypto::provider(),
            trace: Trace::new(config.keep_log),
            failures: Vec::new(),
            attendance: Vec::new(),
            raw_closed: Vec::new(),
            may_end: Vec::new(),
            spin: Spin::default(),
            wakes: 0,
        })
    }

    #[must_use]
    pub const fn now(&self) -> Duration {
        self.now
    }

    #[must_use]
    pub fn instant(&self) -> Instant {
        self.base + self.now
    }

    /// The run's random numbers, for scenarios.
    pub const fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    pub const fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    #[must_use]
    pub const fn network_stats(&self) -> NetworkStats {
        self.network.stats()
    }

    #[must_use]
    pub fn control_stats(&self) -> control::Stats {
        self.node.control_stats()
    }

    #[must_use]
    pub fn shard_stats(&self) -> Vec<media::ShardStats> {
        self.node.shard_stats()
    }

    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.people
    }

    #[must_use]
    pub fn person(&self, id: PersonId) -> Option<&Person> {
        self.people.get(id.0)
    }

    /// Who came and went, as the node reports it for the history.
    #[must_use]
    pub fn attendance(&self) -> &[(Duration, AttendanceChange)] {
        &self.attendance
    }

    /// Sessions without a client that the node has closed.
    #[must_use]
    pub fn raw_closed(&self) -> &[SessionId] {
        &self.raw_closed
    }

    pub fn fail(&mut self, what: impl Into<String>) {
        self.failures
            .push(format!("{:?}: {}", self.now, what.into()));
    }

    pub fn fail_all(&mut self, what: Vec<String>) {
        for failure in what {
            self.fail(failure);
        }
    }

    #[must_use]
    pub const fn wakes(&self) -> u64 {
        self.wakes
    }

    /// The trace hash, everything that went wrong, and the log if it was kept.
    #[must_use]
    pub fn finish(self) -> (u64, Vec<String>, Vec<String>) {
        (self.trace.hash(), self.failures, self.trace.log())
    }
}

/// A token that allows everything that a participant may do.
#[must_use]
pub fn grants(room: &str, identity: &str) -> Grants {
    Grants {
        identity: identity.to_owned(),
        name: identity.to_owned(),
        room: room.to_owned(),
        can_join: true,
        can_publish: true,
        can_subscribe: true,
        can_publish_data: true,
        ..Grants::default()
    }
}
