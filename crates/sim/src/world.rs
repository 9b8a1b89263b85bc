//! The loop: one node, its people and the network between them, in virtual
//! time. Events are taken in the order of their time and then of their
//! making, so that a run depends on its seed and on nothing else.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use client::{
    Action, Client, ClientConfig, Event as ClientEvent, Feed, Input, Output, PublicationKey,
    crypto::CryptoProvider,
};
use control::AttendanceChange;
use protocol::{
    grants::{Grants, Source},
    ids::SessionId,
    signal::{ConnectError, Frame},
};

use crate::{
    crypto,
    network::{LinkConfig, Network, NetworkStats, Way},
    node::{Effect, Node, NodeError, NodeWake},
    person::{Person, PersonId, Presence, Published},
    random::Random,
    trace::{self, Trace},
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
}

impl Default for JoinOptions {
    fn default() -> Self {
        Self {
            link: LinkConfig::CLEAN,
            auto_subscribe: true,
            adaptive_stream: false,
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
        frame: Frame,
    },
    CloseToPerson {
        person: PersonId,
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

/// What scenarios do.
impl World {
    /// A new person joins; it takes some round trips until it is in.
    pub fn join(&mut self, room: &str, identity: &str, options: JoinOptions) -> PersonId {
        let id = PersonId(self.people.len());
        let number = u32::try_from(id.0).unwrap_or(u32::MAX) + 1;
        let host = IpAddr::V4(Ipv4Addr::from(0x0a00_0100 + number));
        // Ports differ, so that people are spread over the shards.
        let port = 40_000 + u16::try_from(self.random.below(20_000)).unwrap_or(0);
        let address = SocketAddr::new(host, port);
        self.network.set_link(host, options.link);
        let config = ClientConfig {
            address,
            seed: self.random.word(),
            tag: number,
            auto_subscribe: options.auto_subscribe,
            adaptive_stream: options.adaptive_stream,
            crypto: Some(self.crypto.clone()),
        };
        let client = match Client::new(config, self.instant()) {
            Ok(client) => client,
            Err(problem) => {
                self.fail(format!("{identity} can't be made: {problem}"));
                return id;
            }
        };
        let query = client.join_query().to_owned();
        self.people.push(Person {
            identity: identity.to_owned(),
            room: room.to_owned(),
            tag: number,
            client,
            presence: Presence::Present,
            events: Vec::new(),
            published: BTreeMap::new(),
            auto_subscribe: options.auto_subscribe,
            address,
            session: None,
            signal_latency: SIGNAL_LATENCY,
            due: None,
        });
        match self
            .node
            .connect(grants(room, identity), &query, self.base + self.now)
        {
            Ok(session) => {
                self.sessions.insert(session, id);
                if let Some(person) = self.people.get_mut(id.0) {
                    person.session = Some(session);
                }
            }
            Err(error) => self.fail(format!("{identity} was refused: {error}")),
        }
        self.carry_out();
        self.collect(id);
        id
    }

    pub fn act(&mut self, id: PersonId, action: Action) {
        let now = self.instant();
        let Some(person) = self.people.get_mut(id.0).filter(|p| p.is_present()) else {
            return;
        };
        match &action {
            Action::Publish { key, feed, .. } => {
                let kind = feed.codec().kind();
                person
                    .published
                    .insert(*key, Published { kind, muted: false });
            }
            Action::Unpublish(key) => {
                person.published.remove(key);
            }
            Action::Mute { key, muted } => {
                if let Some(published) = person.published.get_mut(key) {
                    published.muted = *muted;
                }
            }
            Action::Leave => person.presence = Presence::Left,
            Action::Speak { .. }
            | Action::SendData { .. }
            | Action::Subscribe { .. }
            | Action::Set { .. } => {}
        }
        person.client.handle_input(Input::Do(action), now);
        self.collect(id);
    }

    pub fn publish(&mut self, id: PersonId, key: u32, source: Source, feed: Feed) {
        let key = PublicationKey(key);
        self.act(id, Action::Publish { key, source, feed });
    }

    /// The person's machine stops: nothing more comes from it.
    pub fn vanish(&mut self, id: PersonId) {
        if let Some(person) = self.people.get_mut(id.0) {
            person.presence = Presence::Vanished;
            person.due = None;
        }
    }

    pub fn set_link(&mut self, id: PersonId, link: LinkConfig) {
        if let Some(person) = self.people.get(id.0) {
            self.network.set_link(person.address.ip(), link);
        }
    }

    pub fn set_cut(&mut self, id: PersonId, cut: bool) {
        if let Some(person) = self.people.get(id.0) {
            self.network.set_cut(person.address.ip(), cut);
        }
    }

    /// All gaps are measured anew.
    pub fn begin_window(&mut self) {
        let now = self.instant();
        for person in &mut self.people {
            person.client.begin_window(now);
        }
    }

    /// The node is right to end this person's session.
    pub fn expect_end(&mut self, id: PersonId) {
        self.may_end.push(id);
    }

    /// A datagram from anybody, without any loss.
    pub fn inject(&mut self, source: SocketAddr, bytes: Vec<u8>) {
        self.fly(self.now, Flight::ToNode { source, bytes });
    }

    /// A WebSocket of somebody who is no client of ours.
    ///
    /// # Errors
    /// When the node refuses the request.
    pub fn connect_raw(&mut self, grants: Grants, query: &str) -> Result<SessionId, ConnectError> {
        let session = self.node.connect(grants, query, self.base + self.now)?;
        self.carry_out();
        Ok(session)
    }

    /// A frame on a session, whoever's it is.
    pub fn inject_frame(&mut self, session: SessionId, frame: Frame) {
        self.fly(self.now, Flight::FrameToNode { session, frame });
    }

    /// Where a person's datagrams come from, for whoever fakes them.
    #[must_use]
    pub fn address_of(&self, id: PersonId) -> Option<SocketAddr> {
        Some(self.people.get(id.0)?.address)
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let until = self.now + time;
        while !self.spin.stuck {
            let Some((at, what)) = self.earliest().filter(|(at, _)| *at <= until) else {
                break;
            };
            self.now = self.now.max(at);
            self.step(what);
        }
        self.now = self.now.max(until);
    }
}

/// Whose turn it is.
enum Turn {
    Flight,
    Node(NodeWake),
    Person(PersonId, client::Wake),
}

/// The loop's inside.
impl World {
    fn earliest(&self) -> Option<(Duration, Turn)> {
        let flight = self
            .flights
            .keys()
            .next()
            .map(|(at, _)| (*at, Turn::Flight));
        let node = self
            .node
            .next_wake()
            .map(|(at, why)| (self.since_base(at), Turn::Node(why)));
        let person = self
            .people
            .iter()
            .zip(0..)
            .filter_map(|(person, id)| person.due.map(|(at, why)| (at, id, why)))
            .min_by_key(|(at, id, _)| (*at, *id))
            .map(|(at, id, why)| (self.since_base(at), Turn::Person(PersonId(id), why)));
        [flight, node, person]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    fn since_base(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.base)
    }

    fn step(&mut self, turn: Turn) {
        let now = self.instant();
        match turn {
            Turn::Flight => {
                if let Some((_, flight)) = self.flights.pop_first() {
                    self.land(flight);
                }
            }
            Turn::Node(why) => {
                self.woken(|| format!("node {why:?}"));
                self.node.wake(why, now);
                self.carry_out();
            }
            Turn::Person(id, why) => {
                self.woken(|| format!("person {} {why:?}", id.0));
                if let Some(person) = self.people.get_mut(id.0) {
                    person.client.handle_timeout(now);
                }
                self.collect(id);
            }
        }
    }

    fn woken(&mut self, who: impl FnOnce() -> String) {
        self.wakes += 1;
        if self.spin.at != self.now {
            self.spin.at = self.now;
            self.spin.count = 0;
            self.spin.last.clear();
        }
        self.spin.count += 1;
        if self.spin.count > SPIN_LIMIT - 10 {
            self.spin.last.push_back(who());
        }
        if self.spin.count > SPIN_LIMIT {
            self.spin.stuck = true;
            let last = std::mem::take(&mut self.spin.last);
            self.fail(format!("a busy loop, at last by {last:?}"));
        }
    }

    fn fly(&mut self, at: Duration, flight: Flight) {
        let number = self.next_flight;
        self.next_flight += 1;
        self.flights.insert((at, number), flight);
    }

    fn land(&mut self, flight: Flight) {
        let now = self.instant();
        match flight {
            Flight::ToNode { source, mut bytes } => {
                self.note_datagram("up", source, &bytes);
                self.node.datagram(source, &mut bytes, now);
                self.carry_out();
            }
            Flight::ToHost { destination, bytes } => self.arrive(destination, &bytes, now),
            Flight::FrameToNode { session, frame } => {
                if !self.stalled(
                    session,
                    |frame| Flight::FrameToNode { session, frame },
                    &frame,
                ) {
                    self.trace
                        .note(self.now, "frame up", [session.0, length(&frame), 0]);
                    self.node.frame(session, frame, now);
                    self.carry_out();
                }
            }
            Flight::CloseToNode { session } => {
                self.sessions.remove(&session);
                self.node.disconnect(session, now);
                self.carry_out();
            }
            Flight::FrameToPerson { person: id, frame } => {
                let session = self.person(id).and_then(|p| p.session);
                let again = |frame| Flight::FrameToPerson { person: id, frame };
                if session.is_some_and(|s| self.stalled(s, again, &frame)) {
                    return;
                }
                let number = u64::try_from(id.0).unwrap_or(u64::MAX);
                self.trace
                    .note(self.now, "frame down", [number, length(&frame), 0]);
                if let Some(person) = self.people.get_mut(id.0).filter(|p| p.is_present()) {
                    person.client.handle_input(Input::Frame(frame), now);
                    self.collect(id);
                }
            }
            Flight::CloseToPerson { person: id } => {
                if let Some(person) = self.people.get_mut(id.0).filter(|p| p.is_present()) {
                    person.session = None;
                    person.client.handle_input(Input::SignalClosed, now);
                    self.collect(id);
                }
            }
        }
    }

    /// While a person's link is cut, its WebSocket stands still.
    fn stalled(
        &mut self,
        session: SessionId,
        again: impl FnOnce(Frame) -> Flight,
        frame: &Frame,
    ) -> bool {
        let person = self
            .sessions
            .get(&session)
            .and_then(|id| self.people.get(id.0));
        let Some(person) = person else { return false };
        let cut = self.network.is_cut(person.address.ip());
        if cut && person.is_present() {
            self.fly(self.now + SIGNAL_RETRY, again(frame.clone()));
        }
        cut
    }

    fn arrive(&mut self, destination: SocketAddr, bytes: &[u8], now: Instant) {
        self.note_datagram("down", destination, bytes);
        let found = self
            .people
            .iter()
            .position(|p| p.address == destination && p.due.is_some());
        let Some(id) = found else { return };
        if let Some(person) = self.people.get_mut(id) {
            let source = self.node.address();
            person.client.handle_input(
                Input::Datagram {
                    source,
                    destination,
                    bytes,
                },
                now,
            );
        }
        self.collect(PersonId(id));
    }

    fn note_datagram(&mut self, way: &str, host: SocketAddr, bytes: &[u8]) {
        let IpAddr::V4(address) = host.ip() else {
            return;
        };
        let kind = trace::kind(bytes);
        // The length of a handshake is not the seed's to decide.
        let length = if kind == "dtls" { 0 } else { bytes.len() };
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let details = [
            u64::from(u32::from(address)),
            u64::from(host.port()),
            length,
        ];
        self.trace.note(self.now, way, details);
        self.trace.note(self.now, kind, [0; 3]);
    }

    /// Does what the node wants.
    fn carry_out(&mut self) {
        for effect in self.node.take_effects() {
            match effect {
                Effect::Datagram { destination, bytes } => {
                    let arrivals = self
                        .network
                        .send(destination.ip(), Way::Down, &bytes, self.now);
                    for at in arrivals {
                        self.fly(
                            at,
                            Flight::ToHost {
                                destination,
                                bytes: bytes.clone(),
                            },
                        );
                    }
                }
                Effect::Frame { session, frame } => {
                    if let Some(person) = self.sessions.get(&session).copied() {
                        let at = self.now + SIGNAL_LATENCY;
                        self.fly(at, Flight::FrameToPerson { person, frame });
                    }
                }
                Effect::Close { session, end } => {
                    self.trace.note(self.now, "close", [session.0, 0, 0]);
                    match self.sessions.get(&session).copied() {
                        Some(person) => {
                            self.ended(person, &format!("{end:?}"));
                            self.fly(self.now + SIGNAL_LATENCY, Flight::CloseToPerson { person });
                        }
                        None => self.raw_closed.push(session),
                    }
                }
                Effect::Attendance(change) => self.attendance.push((self.now, change)),
            }
        }
    }

    /// The node ended a person's session, by a leave message or by closing.
    fn ended(&mut self, id: PersonId, how: &str) {
        let Some(person) = self.people.get_mut(id.0).filter(|p| p.is_present()) else {
            return;
        };
        person.presence = Presence::Ended;
        let identity = person.identity.clone();
        if !self.may_end.contains(&id) {
            self.fail(format!("the node ended {identity}'s session: {how}"));
        }
    }

    /// Does what a person's client wants.
    fn collect(&mut self, id: PersonId) {
        let mut arrivals = Vec::new();
        let mut end = None;
        let (now, at) = (self.now, self.now + SIGNAL_LATENCY);
        let Some(person) = self.people.get_mut(id.0) else {
            return;
        };
        if person.presence == Presence::Vanished {
            return;
        }
        while let Some(output) = person.client.poll_output() {
            match output {
                Output::Datagram { source, bytes, .. } => {
                    for at in self.network.send(source.ip(), Way::Up, &bytes, now) {
                        arrivals.push((
                            at,
                            Flight::ToNode {
                                source,
                                bytes: bytes.clone(),
                            },
                        ));
                    }
                }
                Output::Frame(frame) => {
                    if let Some(session) = person.session {
                        let latency = person.signal_latency;
                        arrivals.push((now + latency, Flight::FrameToNode { session, frame }));
                    }
                }
                Output::Event(event) => {
                    if let ClientEvent::Ended { reason, action } = event {
                        end = Some(format!("reason {reason}, action {action}"));
                    }
                    person.events.push((now, event));
                }
                Output::CloseSignal => {
                    if let Some(session) = person.session.take() {
                        arrivals.push((at, Flight::CloseToNode { session }));
                    }
                }
            }
        }
        person.due = person.client.poll_timeout();
        for (at, flight) in arrivals {
            self.fly(at, flight);
        }
        if let Some(how) = end {
            self.ended(id, &how);
        }
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

fn length(frame: &Frame) -> u64 {
    let length = match frame {
        Frame::Binary(bytes) => bytes.len(),
        Frame::Text(text) => text.len(),
    };
    u64::try_from(length).unwrap_or(u64::MAX)
}
