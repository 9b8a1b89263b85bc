//! The machine: signalling, transport, publications and subscriptions of one
//! participant.

mod actions;
mod signalling;
mod transport;

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use livekit_protocol::signal_request;
use protocol::plane::DataChannel;
use str0m::{Candidate, Rtc, channel::ChannelId, media::Mid};

use crate::{
    Roster, TrackStats,
    face::{ClientConfig, Event, Input, Output, Problem, PublicationKey, Timeout, Wake},
    join,
    negotiation::Negotiation,
    receiver::Receiver,
    sender::Publication,
    signal,
};

/// One participant.
pub struct Client {
    config: ClientConfig,
    join_query: String,
    begun: Instant,
    rtc: Rtc,
    rtc_timeout: Option<Instant>,
    negotiation: Negotiation,
    signal: Signal,
    /// Interval and timeout of pings, as the join response told.
    ping_times: (Duration, Duration),
    connected: bool,
    me: Option<String>,
    roster: Roster,
    publications: BTreeMap<PublicationKey, Publication>,
    /// The next sequence number of each section and layer: it goes on when a
    /// section is reused, and with it SRTP's rollover counter.
    sequences: BTreeMap<(Mid, usize), u64>,
    generation: u64,
    receivers: BTreeMap<String, Receiver>,
    places: BTreeMap<Mid, String>,
    channels: BTreeMap<DataChannel, ChannelId>,
    data_sequence: u32,
    wanted_key_frames: Vec<Mid>,
    /// Packets on sections that no track was known for (the answer may be on its way).
    unplaced: u64,
    output: VecDeque<Output>,
}

/// The signalling connection.
#[derive(Debug)]
enum Signal {
    AwaitingJoin,
    AwaitingReconnect,
    Open {
        interval: Duration,
        timeout: Duration,
        next_ping: Instant,
        heard: Instant,
    },
    Closed,
}

impl Client {
    /// # Errors
    /// When the address is not one that ICE can use.
    pub fn new(config: ClientConfig, now: Instant) -> Result<Self, Problem> {
        let (negotiation, rtc, offer) = Negotiation::new(&config, now)?;
        let join_query = join::query(&join::request(&config, offer));
        let mut client = Self {
            config,
            join_query,
            begun: now,
            rtc,
            rtc_timeout: Some(now),
            negotiation,
            signal: Signal::AwaitingJoin,
            ping_times: (Duration::from_secs(5), Duration::from_secs(15)),
            connected: false,
            me: None,
            roster: Roster::default(),
            publications: BTreeMap::new(),
            sequences: BTreeMap::new(),
            generation: 0,
            receivers: BTreeMap::new(),
            places: BTreeMap::new(),
            channels: BTreeMap::new(),
            data_sequence: 0,
            wanted_key_frames: Vec::new(),
            unplaced: 0,
            output: VecDeque::new(),
        };
        // str0m starts its clocks with the first timeout.
        client.tick_transport(now);
        Ok(client)
    }

    /// The query of the WebSocket's URL, without the token.
    #[must_use]
    pub fn join_query(&self) -> &str {
        &self.join_query
    }

    /// The WebSocket was lost and is opened anew to go on with the same
    /// session: the query for it, without the token. With an address, the
    /// network changed and media goes on from there.
    ///
    /// # Errors
    /// When the address is not one that ICE can use.
    pub fn resume(&mut self, address: Option<SocketAddr>) -> Result<String, Problem> {
        let candidate = address
            .map(|address| Candidate::host(address, "udp"))
            .transpose()
            .map_err(|error| Problem::BadCandidate(error.to_string()))?;
        if let Some(address) = address {
            self.config.address = address;
        }
        self.negotiation
            .begin_anew(&self.rtc, &mut self.publications, candidate);
        self.signal = Signal::AwaitingReconnect;
        let sid = self.me.clone().unwrap_or_default();
        Ok(join::query(&join::reconnect(&self.config, sid)))
    }

    pub fn handle_input(&mut self, input: Input<'_>, now: Instant) {
        match input {
            Input::Datagram {
                source,
                destination,
                bytes,
            } => {
                self.datagram(source, destination, bytes, now);
            }
            Input::Frame(frame) => self.frame(&frame, now),
            Input::SignalClosed => self.signal = Signal::Closed,
            Input::Do(action) => self.act(action, now),
        }
        self.settle(now);
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.tick_transport(now);
        self.send_due_frames(now);
        self.ping(now);
        self.settle(now);
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// When to call `handle_timeout`; `None` once everything is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timeout> {
        let transport = self.rtc_timeout.map(|t| (t, Wake::Transport));
        let media = self
            .publications
            .values()
            .filter_map(Publication::due)
            .min();
        let ping = match self.signal {
            Signal::Open { next_ping, .. } => Some((next_ping, Wake::Ping)),
            Signal::AwaitingJoin | Signal::AwaitingReconnect | Signal::Closed => None,
        };
        let media = media.filter(|_| self.connected).map(|t| (t, Wake::Media));
        [transport, media, ping].into_iter().flatten().min()
    }

    /// Its own `PA_…` id, once joined.
    #[must_use]
    pub fn sid(&self) -> Option<&str> {
        self.me.as_deref()
    }

    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    #[must_use]
    pub const fn is_connected(&self) -> bool {
        self.connected
    }

    /// Subscribed tracks and the mids in which they come.
    pub fn subscribed(&self) -> impl Iterator<Item = (&str, String)> {
        self.places
            .iter()
            .map(|(mid, track)| (track.as_str(), mid.to_string()))
    }

    /// What was received of a track.
    #[must_use]
    pub fn stats(&self, track: &str) -> Option<TrackStats> {
        self.receivers.get(track).map(Receiver::stats)
    }

    /// The longest time without a frame since [`Client::begin_window`].
    #[must_use]
    pub fn gap(&self, track: &str, now: Instant) -> Option<Duration> {
        self.receivers.get(track).map(|r| r.gap(now))
    }

    /// Begins to measure gaps anew.
    pub fn begin_window(&mut self, now: Instant) {
        for receiver in self.receivers.values_mut() {
            receiver.begin_window(now);
        }
    }

    /// Media sections of the session description, the data channels' not counted.
    #[must_use]
    pub fn sections(&self) -> usize {
        self.negotiation.sections()
    }

    /// Packets that came on a section before its track was known.
    #[must_use]
    pub const fn unplaced(&self) -> u64 {
        self.unplaced
    }

    /// The server's name of a publication.
    #[must_use]
    pub fn published(&self, key: PublicationKey) -> Option<&str> {
        self.publications.get(&key)?.track.as_deref()
    }

    fn event(&mut self, event: Event) {
        self.output.push_back(Output::Event(event));
    }

    fn problem(&mut self, problem: Problem) {
        self.event(Event::Problem(problem));
    }

    fn send(&mut self, message: signal_request::Message) {
        if !matches!(self.signal, Signal::Closed) {
            self.output
                .push_back(Output::Frame(signal::encode(message)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::Client;
    use crate::{ClientConfig, decode_join_query};

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test needs some instant to count from"
    )]
    fn the_first_offer_has_three_placeholders_of_each_kind_and_data() {
        let config = ClientConfig {
            address: "192.0.2.7:5000".parse().unwrap(),
            seed: 1,
            tag: 1,
            auto_subscribe: true,
            adaptive_stream: false,
            browser: true,
            crypto: None,
        };
        let client = Client::new(config, Instant::now()).unwrap();
        let request = decode_join_query(client.join_query()).unwrap();
        let offer = request.publisher_offer.unwrap();
        assert_eq!((offer.id, offer.r#type.as_str()), (1, "offer"));
        assert_eq!(offer.sdp.matches("m=audio").count(), 3, "{}", offer.sdp);
        assert_eq!(offer.sdp.matches("m=video").count(), 3);
        assert_eq!(offer.sdp.matches("m=application").count(), 1);
        assert_eq!(offer.sdp.matches("a=recvonly").count(), 6);
        assert!(!offer.sdp.contains("a=ssrc") && !offer.sdp.contains("a=msid:"));
        assert!(offer.sdp.contains("192.0.2.7 5000 typ host"));
        assert_eq!(client.sections(), 6);
    }
}
