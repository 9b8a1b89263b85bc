//! The loop itself: whose turn it is, and what comes of it.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use client::{Event as ClientEvent, Input, Output};
use protocol::{ids::SessionId, signal::Frame};

use super::{Flight, SIGNAL_LATENCY, SIGNAL_RETRY, SPIN_LIMIT, World};
use crate::{
    network::Way,
    node::{Effect, NodeWake},
    person::{Person, PersonId, Presence},
    trace,
};

/// Whose turn it is.
enum Turn {
    Flight,
    Node(NodeWake),
    Person(PersonId, client::Wake),
}

impl World {
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

    fn woken(&mut self, who: impl Fn() -> String) {
        self.wakes += 1;
        self.trace.remark(self.now, &who);
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

    pub(super) fn fly(&mut self, at: Duration, flight: Flight) {
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
            Flight::FrameToPerson {
                person,
                session,
                frame,
            } => {
                self.frame_arrives(person, session, frame, now);
            }
            Flight::CloseToPerson {
                person: id,
                session,
                end,
            } => {
                let Some(person) = self.listener(id, session) else {
                    return;
                };
                person.session = None;
                person.client.handle_input(Input::SignalClosed, now);
                self.collect(id);
                self.ended(id, &format!("{end:?}"));
            }
        }
    }

    fn frame_arrives(&mut self, id: PersonId, session: SessionId, frame: Frame, now: Instant) {
        let again = |frame| Flight::FrameToPerson {
            person: id,
            session,
            frame,
        };
        if self.stalled(session, again, &frame) {
            return;
        }
        let number = u64::try_from(id.0).unwrap_or(u64::MAX);
        self.trace
            .note(self.now, "frame down", [number, length(&frame), 0]);
        if let Some(person) = self.listener(id, session) {
            person.client.handle_input(Input::Frame(frame), now);
            self.collect(id);
        }
    }

    /// The person, if it is still there on this WebSocket.
    fn listener(&mut self, id: PersonId, session: SessionId) -> Option<&mut Person> {
        let person = self.people.get_mut(id.0)?;
        let there = person.is_present() && person.session == Some(session);
        there.then_some(person)
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
    pub(super) fn carry_out(&mut self) {
        for effect in self.node.take_effects() {
            match effect {
                Effect::Datagram { destination, bytes } => {
                    self.note_datagram("sent down", destination, &bytes);
                    let arrivals = self
                        .network
                        .send(destination.ip(), Way::Down, &bytes, self.now);
                    self.trace.remark(self.now, || {
                        let what = trace::describe(&bytes);
                        format!("to {destination}: {what}, arrives {arrivals:?}")
                    });
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
                        self.fly(
                            at,
                            Flight::FrameToPerson {
                                person,
                                session,
                                frame,
                            },
                        );
                    }
                }
                Effect::Close { session, end } => {
                    self.trace.note(self.now, "close", [session.0, 0, 0]);
                    match self.sessions.get(&session).copied() {
                        Some(person) => {
                            let at = self.now + SIGNAL_LATENCY;
                            self.fly(
                                at,
                                Flight::CloseToPerson {
                                    person,
                                    session,
                                    end,
                                },
                            );
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
    pub(super) fn collect(&mut self, id: PersonId) {
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
                    let times = self.network.send(source.ip(), Way::Up, &bytes, now);
                    self.trace.remark(now, || {
                        let what = trace::describe(&bytes);
                        format!("from {source}: {what}, arrives {times:?}")
                    });
                    for at in times {
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

fn length(frame: &Frame) -> u64 {
    let length = match frame {
        Frame::Binary(bytes) => bytes.len(),
        Frame::Text(text) => text.len(),
    };
    u64::try_from(length).unwrap_or(u64::MAX)
}
