//! What scenarios make people, networks and strangers do.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use client::{Action, Client, ClientConfig, Feed, Input, PublicationKey};
use protocol::{
    grants::{Grants, Source},
    ids::SessionId,
    signal::{ConnectError, Frame},
};

use super::{Flight, JoinOptions, SIGNAL_LATENCY, World, grants};
use crate::{
    network::LinkConfig,
    person::{Person, PersonId, Presence, Published},
};

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
            browser: options.browser,
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

    /// The person's WebSocket breaks, on both sides.
    pub fn drop_signal(&mut self, id: PersonId) {
        let now = self.instant();
        let Some(person) = self.people.get_mut(id.0) else {
            return;
        };
        person.client.handle_input(Input::SignalClosed, now);
        if let Some(session) = person.session.take() {
            self.sessions.remove(&session);
            self.node.disconnect(session, now);
        }
        self.carry_out();
        self.collect(id);
    }

    /// The person comes back on a new WebSocket, and with `moved` from another address.
    pub fn resume(&mut self, id: PersonId, moved: bool) {
        let now = self.instant();
        let number = u32::try_from(id.0).unwrap_or(u32::MAX) + 1;
        let Some(person) = self.people.get_mut(id.0) else {
            return;
        };
        if moved {
            let host = IpAddr::V4(Ipv4Addr::from(0x0a00_0200 + number));
            person.address.set_ip(host);
            self.network.set_link(host, LinkConfig::CLEAN);
        }
        let query = match person.client.resume(moved.then_some(person.address)) {
            Ok(query) => query,
            Err(problem) => {
                let what = format!("{} can't resume: {problem}", person.identity);
                return self.fail(what);
            }
        };
        let token = grants(&person.room, &person.identity);
        match self.node.connect(token, &query, now) {
            Ok(session) => {
                person.session = Some(session);
                self.sessions.insert(session, id);
            }
            Err(error) => self.fail(format!("a resume was refused: {error}")),
        }
        self.carry_out();
        self.collect(id);
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
}
