//! The network between the node and everyone else: one access link for each
//! host, each direction with its own latency, losses and bottleneck, and its
//! own stream of random numbers, so that one link's traffic does not change
//! another's luck.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use crate::random::Random;

/// One direction of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Path {
    pub latency: Duration,
    /// Up to this much is added, evenly spread; it does not reorder.
    pub jitter: Duration,
    /// Datagrams out of 1,000 that are lost.
    pub loss_permille: u32,
    /// Datagrams out of 1,000 that arrive twice.
    pub duplicate_permille: u32,
    /// Datagrams out of 1,000 that are overtaken by those of the next 20 ms.
    pub reorder_permille: u32,
    /// A bottleneck, if there is one.
    pub bottleneck: Option<Bottleneck>,
}

/// A rate with a queue that drops at its tail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bottleneck {
    pub bits_per_second: u64,
    /// Datagrams that would wait longer are dropped.
    pub queue: Duration,
}

/// How late an overtaken datagram is.
const OVERTAKEN: Duration = Duration::from_millis(20);
/// Handshakes differ by a few bytes from run to run; in a bottleneck all
/// their datagrams count as this many.
const HANDSHAKE_BYTES: usize = 1_200;
/// IPv4 and UDP headers.
const OVERHEAD: usize = 28;

impl Path {
    /// A good access line.
    pub const CLEAN: Self = Self {
        latency: Duration::from_millis(10),
        jitter: Duration::from_millis(1),
        loss_permille: 0,
        duplicate_permille: 0,
        reorder_permille: 0,
        bottleneck: None,
    };

    /// Everything that a bad wireless line does, but a lack of rate.
    #[must_use]
    pub const fn bad(loss_permille: u32) -> Self {
        Self {
            latency: Duration::from_millis(25),
            jitter: Duration::from_millis(8),
            loss_permille,
            duplicate_permille: 5,
            reorder_permille: 10,
            bottleneck: None,
        }
    }
}

/// Both directions, seen from the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LinkConfig {
    pub up: Path,
    pub down: Path,
}

impl LinkConfig {
    pub const CLEAN: Self = Self {
        up: Path::CLEAN,
        down: Path::CLEAN,
    };

    #[must_use]
    pub const fn both(path: Path) -> Self {
        Self {
            up: path,
            down: path,
        }
    }
}

/// Which way a datagram goes over a host's link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Way {
    Up,
    Down,
}

#[derive(Debug)]
struct Lane {
    path: Path,
    random: Random,
    /// When the bottleneck is free again.
    free_at: Duration,
    /// Nothing that is not overtaken arrives before this.
    last_arrival: Duration,
}

#[derive(Debug)]
struct Link {
    lanes: [Lane; 2],
    cut: bool,
}

/// What became of datagrams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NetworkStats {
    pub sent: u64,
    pub lost: u64,
    pub queue_dropped: u64,
    pub duplicated: u64,
}

#[derive(Debug)]
pub struct Network {
    seed: u64,
    links: BTreeMap<IpAddr, Link>,
    stats: NetworkStats,
}

impl Network {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            links: BTreeMap::new(),
            stats: NetworkStats {
                sent: 0,
                lost: 0,
                queue_dropped: 0,
                duplicated: 0,
            },
        }
    }

    /// Adds a host's link, or changes it.
    pub fn set_link(&mut self, host: IpAddr, config: LinkConfig) {
        if let Some(link) = self.links.get_mut(&host) {
            let [up, down] = &mut link.lanes;
            up.path = config.up;
            down.path = config.down;
            return;
        }
        let number = match host {
            IpAddr::V4(v4) => u64::from(u32::from(v4)),
            IpAddr::V6(v6) => u64::from_le_bytes(v6.octets()[8..].try_into().unwrap_or_default()),
        };
        let seed = self.seed;
        let lane = |path, way: u64| Lane {
            path,
            random: Random::for_part(seed, number * 2 + way),
            free_at: Duration::ZERO,
            last_arrival: Duration::ZERO,
        };
        let lanes = [lane(config.up, 0), lane(config.down, 1)];
        self.links.insert(host, Link { lanes, cut: false });
    }

    /// While cut, nothing gets through.
    pub fn set_cut(&mut self, host: IpAddr, cut: bool) {
        if let Some(link) = self.links.get_mut(&host) {
            link.cut = cut;
        }
    }

    #[must_use]
    pub fn is_cut(&self, host: IpAddr) -> bool {
        self.links.get(&host).is_none_or(|link| link.cut)
    }

    #[must_use]
    pub const fn stats(&self) -> NetworkStats {
        self.stats
    }

    /// When a datagram that is sent now arrives: never, once or twice.
    pub fn send(&mut self, host: IpAddr, way: Way, bytes: &[u8], now: Duration) -> Vec<Duration> {
        self.stats.sent += 1;
        let Some(link) = self.links.get_mut(&host).filter(|link| !link.cut) else {
            self.stats.lost += 1;
            return Vec::new();
        };
        let [up, down] = &mut link.lanes;
        let lane = match way {
            Way::Up => up,
            Way::Down => down,
        };
        let Some(left) = lane.through_bottleneck(bytes, now) else {
            self.stats.queue_dropped += 1;
            return Vec::new();
        };
        let path = lane.path;
        // The same number of draws for each datagram, whatever comes of it.
        let lost = lane.random.chance(path.loss_permille);
        let twice = lane.random.chance(path.duplicate_permille);
        let overtaken = lane.random.chance(path.reorder_permille);
        let jitter = u64::try_from(path.jitter.as_nanos()).unwrap_or(0);
        let jitter = Duration::from_nanos(lane.random.below(jitter));
        if lost {
            self.stats.lost += 1;
            return Vec::new();
        }
        let arrival = (left + path.latency + jitter).max(lane.last_arrival);
        if overtaken {
            return vec![arrival + OVERTAKEN];
        }
        lane.last_arrival = arrival;
        if twice {
            self.stats.duplicated += 1;
            return vec![arrival, arrival];
        }
        vec![arrival]
    }
}

impl Lane {
    /// When the datagram has left the bottleneck; `None` when its queue is full.
    fn through_bottleneck(&mut self, bytes: &[u8], now: Duration) -> Option<Duration> {
        let Some(bottleneck) = self.path.bottleneck else {
            return Some(now);
        };
        let begins = self.free_at.max(now);
        if begins - now > bottleneck.queue {
            return None;
        }
        let handshake = matches!(bytes.first(), Some(20..=22));
        let size = if handshake {
            HANDSHAKE_BYTES
        } else {
            bytes.len()
        };
        let bits = u64::try_from((size + OVERHEAD) * 8).unwrap_or(u64::MAX);
        let nanos =
            u128::from(bits) * 1_000_000_000 / u128::from(bottleneck.bits_per_second.max(1));
        self.free_at = begins + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        Some(self.free_at)
    }
}

#[cfg(test)]
mod tests {
    use std::{net::IpAddr, time::Duration};

    use super::{Bottleneck, LinkConfig, Network, Path, Way};

    const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 1, 1));

    fn network(path: Path) -> Network {
        let mut network = Network::new(1);
        network.set_link(HOST, LinkConfig::both(path));
        network
    }

    #[test]
    fn loses_and_doubles_as_often_as_told() {
        let path = Path {
            loss_permille: 50,
            duplicate_permille: 20,
            ..Path::CLEAN
        };
        let mut network = network(path);
        let mut arrived = 0;
        for ms in 0..10_000 {
            arrived += network
                .send(HOST, Way::Up, &[128; 100], Duration::from_millis(ms))
                .len();
        }
        let stats = network.stats();
        assert!((430..570).contains(&stats.lost), "{stats:?}");
        assert!((140..260).contains(&stats.duplicated), "{stats:?}");
        assert_eq!(arrived as u64, stats.sent - stats.lost + stats.duplicated);
    }

    #[test]
    fn a_bottleneck_delays_and_then_drops() {
        let bottleneck = Bottleneck {
            bits_per_second: 1_000_000,
            queue: Duration::from_millis(50),
        };
        let path = Path {
            jitter: Duration::ZERO,
            bottleneck: Some(bottleneck),
            ..Path::CLEAN
        };
        let mut network = network(path);
        // 1 Mbit/s takes 10 ms for 1,250 bytes.
        let arrivals: Vec<Duration> = (0..10)
            .flat_map(|_| network.send(HOST, Way::Down, &[128; 1_222], Duration::ZERO))
            .collect();
        let expected: Vec<Duration> = (2..8).map(|n| Duration::from_millis(n * 10)).collect();
        assert_eq!(arrivals, expected);
        assert_eq!(network.stats().queue_dropped, 4);
    }

    #[test]
    fn jitter_keeps_the_order_and_a_cut_lets_nothing_through() {
        let mut network = network(Path {
            jitter: Duration::from_millis(30),
            ..Path::CLEAN
        });
        let arrivals: Vec<Duration> = (0..200)
            .flat_map(|ms| network.send(HOST, Way::Up, &[128; 9], Duration::from_millis(ms)))
            .collect();
        assert!(arrivals.is_sorted());
        assert_eq!(arrivals.len(), 200);
        network.set_cut(HOST, true);
        assert!(
            network
                .send(HOST, Way::Up, &[128; 9], Duration::from_secs(1))
                .is_empty()
        );
    }
}
