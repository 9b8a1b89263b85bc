//! The three layers of one peer put together, and the judgement whether the
//! peer is still there.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use bytes::Bytes;
use is::stun::StunMessage;
use protocol::{
    limits::{CONNECT_TIMEOUT, PEER_SILENCE},
    media::{Fingerprint, IceCredentials},
    plane::{CloseReason, DataChannel},
};

use super::{
    channels::{ChannelEvent, Channels, Produce, Refusal},
    handshake::{Keys, Secure, SecureEvent},
    lite::{Check, Lite, Path},
};
use crate::Certificate;

/// What is needed to open a peer's link.
#[derive(Debug)]
pub(crate) struct LinkConfig<'a> {
    pub(crate) local_ice: IceCredentials,
    pub(crate) remote_ice: IceCredentials,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) dtls: Arc<dimpl::Config>,
    pub(crate) certificate: &'a Certificate,
}

/// What a link produced since it was last asked.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    /// Datagrams for the peer's path.
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) connected: Option<Keys>,
    pub(crate) channels: Vec<ChannelEvent>,
    /// SCTP packets and messages that could not be used.
    pub(crate) dropped: u64,
}

/// The way to one peer.
#[derive(Debug)]
pub(crate) struct Link {
    ice: Lite,
    secure: Secure,
    channels: Channels,
    connected: bool,
    opened: Instant,
    /// When the last datagram came that only the peer can have sent.
    heard: Instant,
}

impl Link {
    pub(crate) fn new(config: LinkConfig<'_>, now: Instant) -> Self {
        let LinkConfig {
            local_ice,
            remote_ice,
            fingerprint,
            dtls,
            certificate,
        } = config;
        Self {
            ice: Lite::new(local_ice, remote_ice),
            secure: Secure::new(dtls, certificate, fingerprint, now),
            channels: Channels::new(),
            connected: false,
            opened: now,
            heard: now,
        }
    }

    pub(crate) const fn path(&self) -> Option<Path> {
        self.ice.path()
    }

    pub(crate) const fn is_connected(&self) -> bool {
        self.connected
    }

    pub(crate) fn ufrags(&self) -> impl Iterator<Item = &str> {
        self.ice.ufrags()
    }

    pub(crate) fn restart_ice(
        &mut self,
        local: IceCredentials,
        remote: IceCredentials,
    ) -> Option<String> {
        self.ice.restart(local, remote)
    }

    /// A datagram came that only the peer can have sent.
    pub(crate) const fn hear(&mut self, now: Instant) {
        self.heard = now;
    }

    pub(crate) fn check(&mut self, message: &StunMessage<'_>, path: Path, now: Instant) -> Check {
        let check = self.ice.check(message, path);
        if matches!(check, Check::Accepted(_)) {
            self.hear(now);
        }
        check
    }

    /// Takes in a DTLS record.
    pub(crate) fn receive(
        &mut self,
        datagram: &[u8],
        sink: &mut Sink,
        now: Instant,
    ) -> Result<(), CloseReason> {
        let mut events = Vec::new();
        self.secure.receive(datagram, &mut events, now)?;
        self.settle(events, sink, now)
    }

    /// When to be woken at the latest.
    pub(crate) fn next_timeout(&self) -> Instant {
        let limit = if self.connected {
            self.heard.checked_add(PEER_SILENCE)
        } else {
            self.opened.checked_add(CONNECT_TIMEOUT)
        };
        [
            limit,
            self.secure.next_timeout(),
            self.channels.next_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
        .unwrap_or(self.heard)
    }

    pub(crate) fn handle_timeout(
        &mut self,
        sink: &mut Sink,
        now: Instant,
    ) -> Result<(), CloseReason> {
        let silent = now.saturating_duration_since(self.heard);
        let waited = now.saturating_duration_since(self.opened);
        if self.connected && silent >= PEER_SILENCE {
            return Err(CloseReason::Silence);
        }
        if !self.connected && waited >= CONNECT_TIMEOUT {
            return Err(CloseReason::ConnectTimeout);
        }
        let mut events = Vec::new();
        self.secure.handle_timeout(&mut events, now)?;
        self.settle(events, sink, now)?;
        let mut produce = Produce::default();
        self.channels.handle_timeout(&mut produce, now);
        self.encrypt(produce, sink, now)
    }

    /// Opens a data channel as soon as there is SCTP.
    pub(crate) fn open_data(
        &mut self,
        channel: DataChannel,
        sink: &mut Sink,
        now: Instant,
    ) -> Result<(), CloseReason> {
        let mut produce = Produce::default();
        self.channels.open(channel, &mut produce, now);
        self.encrypt(produce, sink, now)
    }

    /// Queues a message. The inner result says whether it was taken.
    pub(crate) fn send(
        &mut self,
        channel: DataChannel,
        payload: Bytes,
        sink: &mut Sink,
        now: Instant,
    ) -> Result<Result<(), Refusal>, CloseReason> {
        let mut produce = Produce::default();
        let taken = self.channels.send(channel, payload, &mut produce, now);
        self.encrypt(produce, sink, now)?;
        Ok(taken)
    }

    /// Messages of a channel were dealt with.
    pub(crate) fn credit(
        &mut self,
        channel: DataChannel,
        bytes: usize,
        sink: &mut Sink,
        now: Instant,
    ) -> Result<(), CloseReason> {
        let mut produce = Produce::default();
        self.channels.credit(channel, bytes, &mut produce, now);
        self.encrypt(produce, sink, now)
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, sink: &mut Sink) {
        let mut events = Vec::new();
        self.secure.close(&mut events);
        for event in events {
            if let SecureEvent::Record(record) = event {
                sink.records.push(record);
            }
        }
    }

    fn encrypt(
        &mut self,
        produce: Produce,
        sink: &mut Sink,
        now: Instant,
    ) -> Result<(), CloseReason> {
        let mut events = Vec::new();
        self.absorb(produce, &mut events, sink)?;
        self.settle(events, sink, now)
    }

    /// Sends what SCTP produced, and keeps what is for the outside.
    fn absorb(
        &mut self,
        produce: Produce,
        events: &mut Vec<SecureEvent>,
        sink: &mut Sink,
    ) -> Result<(), CloseReason> {
        sink.channels.extend(produce.events);
        sink.dropped = sink.dropped.saturating_add(produce.dropped);
        for packet in produce.packets {
            self.secure.send(&packet, events)?;
        }
        Ok(())
    }

    /// Follows up what DTLS produced until nothing more comes of it.
    fn settle(
        &mut self,
        events: Vec<SecureEvent>,
        sink: &mut Sink,
        now: Instant,
    ) -> Result<(), CloseReason> {
        let mut queue = VecDeque::from(events);
        while let Some(event) = queue.pop_front() {
            match event {
                SecureEvent::Record(record) => sink.records.push(record),
                SecureEvent::Connected(keys) => {
                    self.connected = true;
                    self.hear(now);
                    sink.connected = Some(keys);
                }
                SecureEvent::Sctp(packet) => {
                    self.hear(now);
                    let mut produce = Produce::default();
                    let mut more = Vec::new();
                    self.channels.receive(packet.into(), &mut produce, now);
                    self.absorb(produce, &mut more, sink)?;
                    queue.extend(more);
                }
            }
        }
        Ok(())
    }
}
