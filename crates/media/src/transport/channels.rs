//! SCTP over DTLS (RFC 8831) as its server: the data channels that the client
//! opens, and those that we are told to open. Channels with labels that we do
//! not know are acknowledged and their data is ignored.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, LazyLock},
    time::Instant,
};

use bytes::Bytes;
use protocol::{
    limits::{
        DATA_BACKLOG_BYTES, DATA_IN_FLIGHT_BYTES, DATA_MESSAGE_BYTES, DATA_QUEUE_BYTES,
        DATA_QUEUE_LOSSY_BYTES,
    },
    plane::{Backlog, DataChannel, data_cost},
};
use sctp_proto::{
    Association, AssociationHandle, DatagramEvent, Endpoint, EndpointConfig, Event, Payload,
    PayloadProtocolIdentifier as Ppi, ReliabilityType, ServerConfig, StreamEvent, TransportConfig,
};

use super::dcep;

/// SCTP has no addresses of its own here: DTLS is below it.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 5000);

/// SCTP payload in one packet: a datagram of 1,200 bytes, the least that
/// RFC 8831 §5 asks every path to carry, less DTLS (37) and SCTP (28) headers.
const PAYLOAD_BYTES: u32 = 1_120;

/// Longer messages end the association, since they would have to be stored
/// before they could be dropped. Four times what we take, so that a client
/// that is merely too generous loses the message and not the channel.
const RECEIVE_BYTES: u32 = 256 * 1024;

/// What SCTP may store while it waits for the rest of messages.
const RECEIVE_BUFFER_BYTES: u32 = 1024 * 1024;

static ENDPOINT: LazyLock<Arc<EndpointConfig>> = LazyLock::new(|| {
    let mut config = EndpointConfig::new();
    config.max_payload_size(PAYLOAD_BYTES);
    Arc::new(config)
});

/// Retries without end: whether the peer is there is for ICE to say.
static SERVER: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| {
    let transport = TransportConfig::default()
        .with_max_init_retransmits(None)
        .with_max_data_retransmits(None)
        .with_max_receive_buffer_size(RECEIVE_BUFFER_BYTES)
        .with_max_receive_message_size(RECEIVE_BYTES);
    let mut config = ServerConfig::new();
    config.transport = Arc::new(transport);
    Arc::new(config)
});

/// What came of SCTP.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum ChannelEvent {
    Opened(DataChannel),
    Message(DataChannel, Bytes),
    Backlog(Backlog),
}

/// Why a message was not queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// Longer than [`DATA_MESSAGE_BYTES`].
    TooLong,
    /// It would exceed [`DATA_QUEUE_BYTES`], or [`DATA_QUEUE_LOSSY_BYTES`].
    Full,
    /// The client is just closing the channel.
    Closed,
}

/// What SCTP produced since it was last asked.
#[derive(Debug, Default)]
pub(crate) struct Produce {
    pub(crate) events: Vec<ChannelEvent>,
    /// To be encrypted and sent.
    pub(crate) packets: Vec<Bytes>,
    /// Messages and packets that could not be used.
    pub(crate) dropped: u64,
}

/// The SCTP association with one peer.
#[derive(Debug)]
pub(crate) struct Channels {
    endpoint: Endpoint,
    association: Option<(AssociationHandle, Association)>,
    /// The channels that are ours to open, whenever an association comes up.
    ours: Vec<DataChannel>,
    connected: bool,
    /// The streams of the channels that are open.
    reliable: Option<u16>,
    lossy: Option<u16>,
    data_track: Option<u16>,
    /// Messages for channels that are not open yet.
    early: VecDeque<(DataChannel, Bytes)>,
    early_bytes: usize,
    /// What may still be handed on of each channel, by [`data_cost`].
    credit: Credit,
    /// Reliable messages have come that there was no credit for.
    held: bool,
    backlog: Backlog,
}

/// How much more of each channel may be handed on.
#[derive(Debug)]
struct Credit {
    reliable: usize,
    lossy: usize,
    data_track: usize,
}

impl Credit {
    const fn of(&mut self, channel: DataChannel) -> &mut usize {
        match channel {
            DataChannel::Reliable => &mut self.reliable,
            DataChannel::Lossy => &mut self.lossy,
            DataChannel::DataTrack => &mut self.data_track,
        }
    }
}

impl Channels {
    pub(crate) fn new() -> Self {
        Self {
            endpoint: Endpoint::new(ENDPOINT.clone(), Some(SERVER.clone())),
            association: None,
            ours: Vec::new(),
            connected: false,
            reliable: None,
            lossy: None,
            data_track: None,
            early: VecDeque::new(),
            early_bytes: 0,
            credit: Credit {
                reliable: DATA_IN_FLIGHT_BYTES,
                lossy: DATA_IN_FLIGHT_BYTES,
                data_track: DATA_IN_FLIGHT_BYTES,
            },
            held: false,
            backlog: Backlog::Low,
        }
    }

    /// Messages were dealt with: as many may follow.
    pub(crate) fn credit(
        &mut self,
        channel: DataChannel,
        bytes: usize,
        produce: &mut Produce,
        now: Instant,
    ) {
        let credit = self.credit.of(channel);
        *credit = credit.saturating_add(bytes).min(DATA_IN_FLIGHT_BYTES);
        if channel == DataChannel::Reliable
            && std::mem::take(&mut self.held)
            && let Some(id) = self.reliable
        {
            self.read(id, produce);
            self.produce(produce, now);
        }
    }

    pub(crate) fn next_timeout(&self) -> Option<Instant> {
        self.association.as_ref()?.1.poll_timeout()
    }

    /// Takes in a decrypted packet.
    pub(crate) fn receive(&mut self, packet: Bytes, produce: &mut Produce, now: Instant) {
        match self.endpoint.handle(now, NOWHERE, None, None, packet) {
            None => produce.dropped = produce.dropped.saturating_add(1),
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                // A second INIT with another tag: the first association stays.
                if self.association.is_none() {
                    self.association = Some((handle, association));
                }
            }
            Some((handle, DatagramEvent::AssociationEvent(event))) => {
                if let Some((ours, association)) = &mut self.association
                    && *ours == handle
                {
                    association.handle_event(event);
                }
            }
        }
        self.produce(produce, now);
    }

    pub(crate) fn handle_timeout(&mut self, produce: &mut Produce, now: Instant) {
        if self.next_timeout().is_some_and(|next| next <= now) {
            if let Some((_, association)) = &mut self.association {
                association.handle_timeout(now);
            }
            self.produce(produce, now);
        }
    }

    /// Opens a channel now, or when there is an association.
    pub(crate) fn open(&mut self, channel: DataChannel, produce: &mut Produce, now: Instant) {
        if self.ours.contains(&channel) {
            return;
        }
        self.ours.push(channel);
        if self.connected {
            self.request(channel, produce);
            self.produce(produce, now);
        }
    }

    /// Asks the client to agree to a channel. It is open once the client
    /// does: before, unordered messages might overtake the request (RFC 8832 §6).
    fn request(&mut self, channel: DataChannel, produce: &mut Produce) {
        let Some((_, association)) = &mut self.association else {
            return;
        };
        let open = terms(channel);
        let requested = association
            .open_stream(our_stream(channel), Ppi::Binary)
            .and_then(|mut stream| stream.write_with_ppi(&open.write(), Ppi::Dcep));
        if requested.is_err() {
            produce.dropped = produce.dropped.saturating_add(1);
        }
    }

    /// Whether the client agreed to a channel that we asked for.
    fn agreed(&mut self, id: u16, produce: &mut Produce) -> bool {
        let Some(channel) = self
            .ours
            .iter()
            .copied()
            .find(|channel| our_stream(*channel) == id)
        else {
            return false;
        };
        let open = terms(channel);
        let set = self.association.as_mut().is_some_and(|(_, association)| {
            association
                .stream(id)
                .and_then(|mut stream| {
                    stream.set_reliability_params(open.unordered, open.reliability, open.parameter)
                })
                .is_ok()
        });
        if set {
            self.opened(channel, id, produce);
        }
        set
    }

    fn opened(&mut self, channel: DataChannel, id: u16, produce: &mut Produce) {
        let place = match channel {
            DataChannel::Reliable => &mut self.reliable,
            DataChannel::Lossy => &mut self.lossy,
            DataChannel::DataTrack => &mut self.data_track,
        };
        *place = Some(id);
        produce.events.push(ChannelEvent::Opened(channel));
        self.flush_early(channel, produce);
    }

    /// Queues a message, for later if the channel is not open yet.
    pub(crate) fn send(
        &mut self,
        channel: DataChannel,
        payload: Bytes,
        produce: &mut Produce,
        now: Instant,
    ) -> Result<(), Refusal> {
        if payload.len() > DATA_MESSAGE_BYTES {
            return Err(Refusal::TooLong);
        }
        let most = match channel {
            DataChannel::Reliable => DATA_QUEUE_BYTES,
            DataChannel::Lossy | DataChannel::DataTrack => DATA_QUEUE_LOSSY_BYTES,
        };
        if self.waiting().saturating_add(payload.len()) > most {
            return Err(Refusal::Full);
        }
        match self.stream(channel) {
            None => {
                self.early_bytes = self.early_bytes.saturating_add(payload.len());
                self.early.push_back((channel, payload));
            }
            Some(id) => {
                self.write(id, &payload)?;
                self.produce(produce, now);
            }
        }
        if channel == DataChannel::Reliable
            && self.backlog == Backlog::Low
            && self.unacknowledged() > DATA_BACKLOG_BYTES
        {
            self.backlog = Backlog::High;
            produce.events.push(ChannelEvent::Backlog(Backlog::High));
        }
        Ok(())
    }

    /// Reliable bytes that wait to be sent or acknowledged.
    fn unacknowledged(&mut self) -> usize {
        let (Some(id), Some((_, association))) = (self.reliable, &mut self.association) else {
            return self.early_bytes;
        };
        let buffered = association
            .stream(id)
            .ok()
            .and_then(|s| s.buffered_amount().ok());
        buffered.unwrap_or(0).saturating_add(self.early_bytes)
    }

    fn write(&mut self, id: u16, payload: &[u8]) -> Result<(), Refusal> {
        let ppi = if payload.is_empty() {
            Ppi::BinaryEmpty
        } else {
            Ppi::Binary
        };
        // RFC 8831 §6.6: an empty message travels as one byte.
        let payload = if payload.is_empty() { &[0] } else { payload };
        let Some((_, association)) = &mut self.association else {
            return Err(Refusal::Closed);
        };
        association
            .stream(id)
            .and_then(|mut stream| stream.write_with_ppi(payload, ppi))
            .map(|_| ())
            .map_err(|_| Refusal::Closed)
    }

    const fn stream(&self, channel: DataChannel) -> Option<u16> {
        match channel {
            DataChannel::Reliable => self.reliable,
            DataChannel::Lossy => self.lossy,
            DataChannel::DataTrack => self.data_track,
        }
    }

    fn channel(&self, id: u16) -> Option<DataChannel> {
        [
            (self.reliable, DataChannel::Reliable),
            (self.lossy, DataChannel::Lossy),
            (self.data_track, DataChannel::DataTrack),
        ]
        .into_iter()
        .find_map(|(stream, channel)| (stream == Some(id)).then_some(channel))
    }

    /// Bytes that wait to be sent or acknowledged.
    fn waiting(&mut self) -> usize {
        let streams = [self.reliable, self.lossy, self.data_track];
        let Some((_, association)) = &mut self.association else {
            return self.early_bytes;
        };
        streams
            .into_iter()
            .flatten()
            .filter_map(|id| association.stream(id).ok()?.buffered_amount().ok())
            .fold(self.early_bytes, usize::saturating_add)
    }

    fn produce(&mut self, produce: &mut Produce, now: Instant) {
        self.poll_events(produce);
        while let Some(transmit) = self.endpoint.poll_transmit() {
            collect(transmit.payload, &mut produce.packets);
        }
        let Some((handle, association)) = &mut self.association else {
            return;
        };
        while let Some(event) = association.poll_endpoint_event() {
            if let Some(event) = self.endpoint.handle_event(*handle, event) {
                association.handle_event(event);
            }
        }
        while let Some(transmit) = association.poll_transmit(now) {
            collect(transmit.payload, &mut produce.packets);
        }
        if association.is_drained() {
            self.forget();
        }
        if self.backlog == Backlog::High && self.unacknowledged() < DATA_BACKLOG_BYTES / 2 {
            self.backlog = Backlog::Low;
            produce.events.push(ChannelEvent::Backlog(Backlog::Low));
        }
    }

    /// The client may begin anew.
    fn forget(&mut self) {
        self.association = None;
        self.connected = false;
        self.reliable = None;
        self.lossy = None;
        self.data_track = None;
    }

    fn poll_events(&mut self, produce: &mut Produce) {
        while let Some((_, association)) = &mut self.association
            && let Some(event) = association.poll()
        {
            match event {
                Event::Stream(StreamEvent::Readable { id } | StreamEvent::Opened { id }) => {
                    self.read(id, produce);
                }
                Event::Stream(StreamEvent::Finished { id }) => self.close(id),
                Event::AssociationLost { .. } | Event::HandshakeFailed { .. } => self.forget(),
                Event::Connected => {
                    self.connected = true;
                    for channel in self.ours.clone() {
                        self.request(channel, produce);
                    }
                }
                Event::DataChannelStatsFinal(_)
                | Event::DatagramReceived
                | Event::Stream(
                    StreamEvent::Writable { .. }
                    | StreamEvent::ResetComplete { .. }
                    | StreamEvent::ResetFailed { .. }
                    | StreamEvent::Stopped { .. }
                    | StreamEvent::Available
                    | StreamEvent::BufferedAmountLow { .. }
                    | StreamEvent::BufferedAmountHigh { .. },
                )
                // The wildcard stands for events to come.
                | _ => {}
            }
        }
    }

    fn close(&mut self, id: u16) {
        for stream in [&mut self.reliable, &mut self.lossy, &mut self.data_track] {
            if *stream == Some(id) {
                *stream = None;
            }
        }
    }

    fn read(&mut self, id: u16, produce: &mut Produce) {
        loop {
            // What stays in SCTP makes the client wait.
            if self.reliable == Some(id) && self.credit.reliable == 0 {
                self.held = true;
                return;
            }
            let Some((_, association)) = &mut self.association else {
                return;
            };
            let Ok(Some(chunks)) = association.stream(id).and_then(|mut s| s.read_sctp()) else {
                return;
            };
            let mut message = vec![0; chunks.len()];
            let length = chunks.read(&mut message).unwrap_or(0);
            message.truncate(length);
            let used = match chunks.ppi {
                Ppi::Dcep if message == dcep::ACK => self.agreed(id, produce),
                Ppi::Dcep => self.establish(id, &message, produce),
                Ppi::BinaryEmpty | Ppi::StringEmpty => self.deliver(id, Bytes::new(), produce),
                Ppi::Binary | Ppi::String => self.deliver(id, message.into(), produce),
                Ppi::Unknown => false,
            };
            if !used {
                produce.dropped = produce.dropped.saturating_add(1);
            }
        }
    }

    /// Whether the message was for a channel that we know, and not too long.
    fn deliver(&mut self, id: u16, message: Bytes, produce: &mut Produce) -> bool {
        let Some(channel) = self.channel(id) else {
            return false;
        };
        let credit = self.credit.of(channel);
        if message.len() > DATA_MESSAGE_BYTES || *credit == 0 {
            return false;
        }
        *credit = credit.saturating_sub(data_cost(message.len()));
        produce.events.push(ChannelEvent::Message(channel, message));
        true
    }

    /// Whether the message opened a channel.
    fn establish(&mut self, id: u16, message: &[u8], produce: &mut Produce) -> bool {
        let (Some(open), Some((_, association))) =
            (dcep::Open::parse(message), &mut self.association)
        else {
            return false;
        };
        let Ok(mut stream) = association.stream(id) else {
            return false;
        };
        let set = stream.set_reliability_params(open.unordered, open.reliability, open.parameter);
        if set.is_err() || stream.write_with_ppi(&dcep::ACK, Ppi::Dcep).is_err() {
            return false;
        }
        let known = CHANNELS
            .into_iter()
            .find(|channel| label(*channel) == open.label);
        if let Some(channel) = known {
            self.opened(channel, id, produce);
        }
        true
    }

    fn flush_early(&mut self, channel: DataChannel, produce: &mut Produce) {
        let Some(id) = self.stream(channel) else {
            return;
        };
        for (wanted, payload) in std::mem::take(&mut self.early) {
            if wanted != channel {
                self.early.push_back((wanted, payload));
                continue;
            }
            self.early_bytes = self.early_bytes.saturating_sub(payload.len());
            if self.write(id, &payload).is_err() {
                produce.dropped = produce.dropped.saturating_add(1);
            }
        }
    }
}

const CHANNELS: [DataChannel; 3] = [
    DataChannel::Reliable,
    DataChannel::Lossy,
    DataChannel::DataTrack,
];

const fn label(channel: DataChannel) -> &'static [u8] {
    match channel {
        DataChannel::Reliable => b"_reliable",
        DataChannel::Lossy => b"_lossy",
        DataChannel::DataTrack => b"_data_track",
    }
}

/// The DTLS server opens channels on odd streams (RFC 8832 §6).
const fn our_stream(channel: DataChannel) -> u16 {
    match channel {
        DataChannel::Reliable => 1,
        DataChannel::Lossy => 3,
        DataChannel::DataTrack => 5,
    }
}

/// How each channel works when we open it: as when clients do.
const fn terms(channel: DataChannel) -> dcep::Open<'static> {
    let (unordered, reliability) = match channel {
        DataChannel::Reliable => (false, ReliabilityType::Reliable),
        DataChannel::Lossy | DataChannel::DataTrack => (true, ReliabilityType::Rexmit),
    };
    dcep::Open {
        unordered,
        reliability,
        parameter: 0,
        label: label(channel),
    }
}

fn collect(payload: Payload, packets: &mut Vec<Bytes>) {
    match payload {
        Payload::RawEncode(encoded) => packets.extend(encoded),
        // Only what comes in is of this kind.
        Payload::PartialDecode(_) => {}
    }
}
