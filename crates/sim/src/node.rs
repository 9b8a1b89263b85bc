//! One node: the real control and the real media shards, wired as the server
//! wires them, but in one thread and without delay.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use control::{AttendanceChange, Control, Join};
use media::{Certificate, Shard, ShardConfig};
use protocol::{
    grants::Grants,
    ids::{SessionId, ShardId},
    media::PlaneFacts,
    rooms::RoomDefaults,
    signal::{ConnectError, Dialect, Frame},
};

use crate::random::Random;

/// What the node wants of the world.
#[derive(Debug)]
pub(crate) enum Effect {
    Datagram {
        destination: SocketAddr,
        bytes: Vec<u8>,
    },
    Frame {
        session: SessionId,
        frame: Frame,
    },
    Close {
        session: SessionId,
        end: control::SessionEnd,
    },
    Attendance(AttendanceChange),
}

/// Who of the node wants to be woken, and why.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NodeWake {
    Control(control::Wake),
    Shard(ShardId, media::Wake),
}

pub(crate) struct Node {
    control: Control,
    shards: Vec<Shard>,
    address: SocketAddr,
    effects: Vec<Effect>,
    next_session: u64,
    tokens: u64,
}

/// A node that could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error(transparent)]
    Certificate(#[from] media::CertificateError),
    #[error(transparent)]
    Shard(#[from] media::SetupError),
}

impl Node {
    pub(crate) fn new(
        seed: u64,
        shards: u16,
        address: SocketAddr,
        now: Instant,
    ) -> Result<Self, NodeError> {
        let certificate = Certificate::generate()?;
        let mut random = Random::for_part(seed, 0);
        let plane = PlaneFacts {
            candidates: vec![address],
            fingerprint: certificate.fingerprint(),
            shards,
        };
        let config = control::Config {
            plane,
            // 2026-01-01 00:00 UTC.
            unix_ms: 1_767_225_600_000,
            seed: random.bytes(),
            rooms: RoomDefaults {
                departure_timeout: Duration::from_secs(60),
                ..RoomDefaults::default()
            },
            reports: false,
            version: "sim",
        };
        let control = Control::new(config, now);
        let shards = (0..shards)
            .map(|id| {
                let config = ShardConfig {
                    id: ShardId(id),
                    shards,
                    certificate: certificate.clone(),
                    seed: Some(random.word()),
                };
                Shard::new(config, now)
            })
            .collect::<Result<Vec<Shard>, _>>()?;
        Ok(Self {
            control,
            shards,
            address,
            effects: Vec::new(),
            next_session: 1,
            tokens: 0,
        })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn control_stats(&self) -> control::Stats {
        self.control.stats()
    }

    pub(crate) fn shard_stats(&self) -> Vec<media::ShardStats> {
        self.shards.iter().map(Shard::stats).collect()
    }

    /// The upgrade request of a WebSocket, with a verified token's grants.
    pub(crate) fn connect(
        &mut self,
        grants: Grants,
        query: &str,
        now: Instant,
    ) -> Result<SessionId, ConnectError> {
        let pairs: Vec<(String, String)> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let join = Box::new(Join::parse(Dialect::SinglePeer, &pairs)?);
        let session = SessionId(self.next_session);
        self.next_session += 1;
        let input = control::Input::Connect {
            session,
            grants,
            join,
        };
        self.control.handle_input(input, now);
        self.settle(now);
        Ok(session)
    }

    pub(crate) fn frame(&mut self, session: SessionId, frame: Frame, now: Instant) {
        self.control
            .handle_input(control::Input::Frame { session, frame }, now);
        self.settle(now);
    }

    pub(crate) fn disconnect(&mut self, session: SessionId, now: Instant) {
        self.control
            .handle_input(control::Input::Disconnect { session }, now);
        self.settle(now);
    }

    pub(crate) fn datagram(&mut self, source: SocketAddr, bytes: &mut [u8], now: Instant) {
        let destination = self.address;
        // As the kernel spreads the flows over sockets that share a port.
        let hash = u64::from(source.port()).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let count = u64::try_from(self.shards.len()).unwrap_or(1).max(1);
        let at = usize::try_from(hash % count).unwrap_or(0);
        if let Some(shard) = self.shards.get_mut(at) {
            shard.handle_input(
                media::Input::Datagram {
                    source,
                    destination,
                    bytes,
                },
                now,
            );
        }
        self.settle(now);
    }

    /// The earliest wake-up.
    pub(crate) fn next_wake(&self) -> Option<(Instant, NodeWake)> {
        let control = self
            .control
            .poll_timeout()
            .map(|(at, why)| (at, NodeWake::Control(why)));
        let shards = self.shards.iter().zip(0..).filter_map(|(shard, id)| {
            let (at, why) = shard.poll_timeout()?;
            Some((at, NodeWake::Shard(ShardId(id), why)))
        });
        control.into_iter().chain(shards).min()
    }

    pub(crate) fn wake(&mut self, why: NodeWake, now: Instant) {
        match why {
            NodeWake::Control(_) => self.control.handle_timeout(now),
            NodeWake::Shard(id, _) => {
                if let Some(shard) = self.shards.get_mut(usize::from(id.0)) {
                    shard.handle_timeout(now);
                }
            }
        }
        self.settle(now);
    }

    pub(crate) fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Carries words between the parts until nobody has anything to say.
    fn settle(&mut self, now: Instant) {
        while self.drain_control(now) | self.drain_shards(now) {}
    }

    fn drain_control(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some(output) = self.control.poll_output() {
            any = true;
            match output {
                control::Output::Frame { session, frame } => {
                    self.effects.push(Effect::Frame { session, frame });
                }
                control::Output::Close { session, end } => {
                    self.effects.push(Effect::Close { session, end });
                }
                control::Output::RefreshToken { session, .. } => {
                    self.tokens += 1;
                    let token = format!("token-{}", self.tokens);
                    self.control
                        .handle_input(control::Input::Token { session, token }, now);
                }
                control::Output::Plane { shard, command } => {
                    if let Some(shard) = self.shards.get_mut(usize::from(shard.0)) {
                        shard.handle_input(media::Input::Command(command), now);
                    }
                }
                control::Output::Attendance(change) => {
                    self.effects.push(Effect::Attendance(change));
                }
                // Nothing here asks, and nobody wants reports.
                control::Output::Answer { .. }
                | control::Output::MintToken { .. }
                | control::Output::Report(_) => {}
            }
        }
        any
    }

    fn drain_shards(&mut self, now: Instant) -> bool {
        let mut any = false;
        let mut between = Vec::new();
        for (shard, id) in self.shards.iter_mut().zip(0..) {
            while let Some(transmit) = shard.poll_transmit(now) {
                for segment in transmit.contents.chunks(transmit.segment_size.max(1)) {
                    self.effects.push(Effect::Datagram {
                        destination: transmit.destination,
                        bytes: segment.to_vec(),
                    });
                }
            }
            while let Some(output) = shard.poll_output() {
                any = true;
                match output {
                    media::Output::Event(event) => {
                        let input = control::Input::Plane {
                            shard: ShardId(id),
                            event,
                        };
                        self.control.handle_input(input, now);
                    }
                    media::Output::Shard { to, message } => {
                        between.push((ShardId(id), to, message))
                    }
                }
            }
        }
        for (from, to, message) in between {
            if let Some(shard) = self.shards.get_mut(usize::from(to.0)) {
                shard.handle_input(media::Input::Shard { from, message }, now);
            }
        }
        any
    }
}
