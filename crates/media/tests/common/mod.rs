//! Shards and clients of another make (`str0m`) in one world of virtual time,
//! joined by a network that is a queue.

#![allow(
    clippy::allow_attributes,
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic, and every test binary uses its own part of this"
)]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use media::{Certificate, Input, Output, Shard, ShardConfig};
use protocol::{
    ids::{PeerId, ShardId, SlotId, TrackId},
    media::{
        Codec, Downlink, Encoding, ExtensionIds, Fingerprint, Format, IceCredentials, Kind,
        Payload, Tag, Uplink, Wish,
    },
    plane::{CloseReason, Command, DataChannel, Event, data_cost},
};
use str0m::{
    Candidate, Event as ClientEvent, Input as ClientInput, Output as ClientOutput, Rtc,
    channel::{ChannelConfig, ChannelId, Reliability},
    config::Fingerprint as ClientFingerprint,
    ice::IceCreds,
    media::{KeyframeRequestKind, MediaKind},
    net::{Protocol, Receive},
    rtp::{ExtensionValues, RtpPacket, RtpWrite},
};

/// Where all shards are reached.
pub(crate) fn server() -> SocketAddr {
    ([198, 51, 100, 1], 7882).into()
}

/// One way through the network.
pub(crate) const DELAY: Duration = Duration::from_millis(10);

pub(crate) const OPUS: u8 = 111;
pub(crate) const VP8: u8 = 96;
pub(crate) const VP8_RTX: u8 = 97;

/// The encodings of [`World::publish_simulcast`], the lowest first.
const RIDS: [&str; 3] = ["q", "h", "f"];

#[derive(Clone)]
pub(crate) struct Packet {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
    pub(crate) bytes: Vec<u8>,
}

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    pub(crate) shards: Vec<Shard>,
    pub(crate) clients: Vec<Client>,
    /// What the shards reported, with the time since the start.
    pub(crate) events: Vec<(Duration, Event)>,
    pub(crate) fingerprint: Fingerprint,
    /// Which shard a client's datagrams arrive at.
    pub(crate) entry: fn(&World, SocketAddr) -> usize,
    /// Whether the network swallows a packet.
    pub(crate) lose: Box<dyn FnMut(&Packet) -> bool>,
    pub(crate) echo_data: bool,
    /// Every message is dealt with at once, as by control.
    pub(crate) credits_data: bool,
    /// How often a shard was woken by its timers.
    pub(crate) wakes: usize,
    /// An address translator: what one client's packets seem to come from.
    pub(crate) translated: Option<(SocketAddr, SocketAddr)>,
    network: BTreeMap<(Instant, u64), Packet>,
    sequence: u64,
    /// Packets that are kept from the network, while there are to be any.
    held: Option<Vec<Packet>>,
    /// Packets of this kind go to `kept` and not into the network.
    pub(crate) keep: Option<fn(&Packet) -> bool>,
    pub(crate) kept: Vec<Packet>,
}

pub(crate) struct Client {
    pub(crate) rtc: Rtc,
    pub(crate) peer: PeerId,
    pub(crate) shard: ShardId,
    pub(crate) address: SocketAddr,
    pub(crate) wake: Instant,
    pub(crate) connected: bool,
    pub(crate) closed: bool,
    pub(crate) received: Vec<RtpPacket>,
    pub(crate) key_frame_requests: usize,
    pub(crate) channels: Vec<(ChannelId, String)>,
    pub(crate) data: Vec<(ChannelId, Vec<u8>)>,
    /// Nothing goes out or in any more.
    pub(crate) dead: bool,
}

impl World {
    #[expect(
        clippy::disallowed_methods,
        reason = "virtual time needs some instant to start from"
    )]
    pub(crate) fn new(shards: u16) -> Self {
        let now = Instant::now();
        let certificate = Certificate::generate().unwrap();
        let fingerprint = certificate.fingerprint();
        let shards = (0..shards)
            .map(|id| {
                let config = ShardConfig {
                    id: ShardId(id),
                    shards,
                    certificate: certificate.clone(),
                    seed: Some(u64::from(id) + 1),
                };
                Shard::new(config, now).unwrap()
            })
            .collect();
        Self {
            now,
            start: now,
            shards,
            clients: Vec::new(),
            events: Vec::new(),
            fingerprint,
            entry: |world, source| world.home_of(source),
            lose: Box::new(|_| false),
            echo_data: false,
            credits_data: true,
            wakes: 0,
            translated: None,
            network: BTreeMap::new(),
            sequence: 0,
            held: None,
            keep: None,
            kept: Vec::new(),
        }
    }

    fn home_of(&self, source: SocketAddr) -> usize {
        let client = self.clients.iter().find(|c| c.address == source);
        client.map_or(0, |c| usize::from(c.shard.0))
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Adds a client with its peer opened on the shard; gives its index.
    pub(crate) fn join(&mut self, shard: u16) -> usize {
        self.join_with(shard, |_| ())
    }

    pub(crate) fn join_with(&mut self, shard: u16, spoil: impl FnOnce(&mut Fingerprint)) -> usize {
        let index = self.clients.len();
        let number = u16::try_from(index + 1).unwrap();
        let [high, low] = number.to_be_bytes();
        let address: SocketAddr = ([192, 0, 2 + high, low], 5000).into();
        let provider = str0m::crypto::from_feature_flags();
        let mut rtc = Rtc::builder()
            .set_crypto_provider(Arc::new(provider))
            .set_rtp_mode(true)
            .build(self.now);
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).unwrap());
        rtc.add_remote_candidate(Candidate::host(server(), Protocol::Udp).unwrap());
        let local = IceCredentials::local(ShardId(shard), &format!("n{index}"), "s".repeat(24));
        let mut api = rtc.direct_api();
        api.set_ice_controlling(true);
        let creds = api.local_ice_credentials();
        api.set_remote_ice_credentials(IceCreds {
            ufrag: local.ufrag.clone(),
            pass: local.password.clone(),
        });
        api.set_remote_fingerprint(ClientFingerprint {
            hash_func: "sha-256".into(),
            bytes: self.fingerprint.0.to_vec(),
        });
        let bytes = api.local_dtls_fingerprint().bytes.clone();
        let mut fingerprint = Fingerprint(bytes.try_into().unwrap());
        spoil(&mut fingerprint);
        api.start_dtls(true).unwrap();
        api.start_sctp(true);
        let peer = PeerId(u64::from(number));
        self.clients.push(Client {
            rtc,
            peer,
            shard: ShardId(shard),
            address,
            wake: self.now,
            connected: false,
            closed: false,
            received: Vec::new(),
            key_frame_requests: 0,
            channels: Vec::new(),
            data: Vec::new(),
            dead: false,
        });
        self.command(
            shard,
            Command::OpenPeer {
                peer,
                local_ice: local,
                remote_ice: IceCredentials {
                    ufrag: creds.ufrag,
                    password: creds.pass,
                },
                fingerprint,
            },
        );
        self.command(
            shard,
            Command::Negotiate {
                peer,
                extensions: extensions(),
                payloads: payloads(),
            },
        );
        index
    }

    pub(crate) fn command(&mut self, shard: u16, command: Command) {
        let now = self.now;
        self.shards[usize::from(shard)].handle_input(Input::Command(command), now);
    }

    /// A command for the client's peer, at its shard.
    pub(crate) fn order(&mut self, client: usize, command: impl FnOnce(PeerId) -> Command) {
        let (shard, peer) = (self.clients[client].shard, self.clients[client].peer);
        self.command(shard.0, command(peer));
    }

    /// Publishes a track from this client: without simulcast, by SSRC.
    pub(crate) fn publish(&mut self, client: usize, track: u64, kind: Kind) {
        let ssrc = u32::try_from(track).unwrap() * 1000;
        let mid = mid_of(track);
        let encoding = Encoding {
            rid: None,
            ssrc: Some(ssrc),
            rtx_ssrc: (kind == Kind::Video).then_some(ssrc + 1),
        };
        let uplink = Uplink {
            track: TrackId(track),
            mid: Tag::new(mid.as_bytes()).unwrap(),
            kind,
            encodings: vec![encoding],
        };
        self.order(client, |peer| Command::Publish { peer, uplink });
        let mut api = self.clients[client].rtc.direct_api();
        api.declare_media(mid.as_str().into(), media_kind(kind));
        api.declare_stream_tx(
            ssrc.into(),
            encoding.rtx_ssrc.map(Into::into),
            mid.as_str().into(),
            None,
        );
    }

    /// Publishes video in three encodings known by rid alone.
    pub(crate) fn publish_simulcast(&mut self, client: usize, track: u64) {
        self.order_simulcast(client, track);
        let mid = mid_of(track);
        let mut api = self.clients[client].rtc.direct_api();
        api.declare_media(mid.as_str().into(), MediaKind::Video);
        for (n, rid) in (0..).zip(RIDS) {
            let ssrc = u32::try_from(track).unwrap() * 1000 + 10 * n;
            api.declare_stream_tx(
                ssrc.into(),
                Some((ssrc + 1).into()),
                mid.as_str().into(),
                Some(rid.into()),
            );
        }
    }

    /// The shard's part of [`Self::publish_simulcast`].
    pub(crate) fn order_simulcast(&mut self, client: usize, track: u64) {
        let encodings = RIDS.map(|rid| Encoding {
            rid: Tag::new(rid.as_bytes()),
            ssrc: None,
            rtx_ssrc: None,
        });
        let uplink = Uplink {
            track: TrackId(track),
            mid: Tag::new(mid_of(track).as_bytes()).unwrap(),
            kind: Kind::Video,
            encodings: encodings.to_vec(),
        };
        self.order(client, |peer| Command::Publish { peer, uplink });
    }

    /// Subscribes this client to a track of a peer on shard `home`.
    pub(crate) fn subscribe(&mut self, client: usize, track: u64, home: u16, kind: Kind) {
        self.subscribe_with(client, track, home, kind, Wish::BEST);
    }

    pub(crate) fn subscribe_with(
        &mut self,
        client: usize,
        track: u64,
        home: u16,
        kind: Kind,
        wish: Wish,
    ) {
        let mid = format!("s{track}");
        let ssrc = down_ssrc(track);
        let downlink = Downlink {
            slot: SlotId(u32::try_from(track).unwrap()),
            track: TrackId(track),
            home: ShardId(home),
            mid: Tag::new(mid.as_bytes()).unwrap(),
            kind,
            ssrc,
            rtx_ssrc: (kind == Kind::Video).then_some(ssrc + 1),
            wish,
        };
        let rtx = downlink.rtx_ssrc;
        self.order(client, |peer| Command::Subscribe { peer, downlink });
        let mut api = self.clients[client].rtc.direct_api();
        api.declare_media(mid.as_str().into(), media_kind(kind));
        api.expect_stream_rx(ssrc.into(), rtx.map(Into::into), mid.as_str().into(), None);
    }

    /// Runs until `until` after the start.
    pub(crate) fn run_until(&mut self, until: Duration) {
        let end = self.start + until;
        self.drain();
        while let Some(next) = self.next_time().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
        self.step();
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        self.run_until(self.elapsed() + time);
    }

    /// Runs until everyone is connected.
    pub(crate) fn connect(&mut self) {
        for _ in 0..100 {
            self.run_for(Duration::from_millis(50));
            if self.clients.iter().all(|c| c.connected || c.dead) {
                return;
            }
        }
        panic!("not connected after five seconds");
    }

    fn next_time(&self) -> Option<Instant> {
        let network = self.network.keys().next().map(|(at, _)| *at);
        let shards = self.shards.iter().filter_map(|s| s.poll_timeout());
        let clients = self.clients.iter().filter(|c| !c.dead).map(|c| c.wake);
        network
            .into_iter()
            .chain(shards.map(|(at, _)| at))
            .chain(clients)
            .min()
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(entry) = self.network.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let packet = entry.remove();
            self.deliver(packet);
        }
        for shard in &mut self.shards {
            if shard.poll_timeout().is_some_and(|(at, _)| at <= now) {
                shard.handle_timeout(now);
                self.wakes += 1;
            }
        }
        for client in &mut self.clients {
            if client.wake <= now && !client.dead {
                client.rtc.handle_input(ClientInput::Timeout(now)).unwrap();
            }
        }
        self.drain();
    }

    fn deliver(&mut self, mut packet: Packet) {
        let now = self.now;
        if packet.destination == server() {
            let entry = (self.entry)(self, packet.source);
            let input = Input::Datagram {
                source: packet.source,
                destination: packet.destination,
                bytes: &mut packet.bytes,
            };
            self.shards[entry].handle_input(input, now);
            return;
        }
        let to = packet.destination;
        if let Some(client) = self.clients.iter_mut().find(|c| c.address == to && !c.dead)
            && let Ok(receive) = Receive::new(
                Protocol::Udp,
                packet.source,
                packet.destination,
                &packet.bytes,
            )
        {
            let input = ClientInput::Receive(now, receive);
            // A client that gave up refuses what still comes.
            let _ = client.rtc.handle_input(input);
            let mut packets = Vec::new();
            client.drain(now, &mut packets);
            for packet in packets {
                self.send(packet);
            }
        }
    }

    /// What is sent meanwhile, kept from the network.
    pub(crate) fn hold(&mut self, during: impl FnOnce(&mut Self)) -> Vec<Packet> {
        self.held = Some(Vec::new());
        during(self);
        self.held.take().unwrap_or_default()
    }

    /// Puts a packet on its way.
    pub(crate) fn send(&mut self, mut packet: Packet) {
        if let Some((inside, outside)) = self.translated {
            if packet.source == inside {
                packet.source = outside;
            } else if packet.destination == outside {
                packet.destination = inside;
            } else if packet.destination == inside {
                return;
            }
        }
        if let Some(held) = &mut self.held {
            held.push(packet);
            return;
        }
        if self.keep.is_some_and(|keep| keep(&packet)) {
            self.kept.push(packet);
            return;
        }
        if (self.lose)(&packet) {
            return;
        }
        self.sequence += 1;
        self.network
            .insert((self.now + DELAY, self.sequence), packet);
    }

    /// Empties everyone's outputs.
    pub(crate) fn drain(&mut self) {
        let now = self.now;
        let mut packets = Vec::new();
        for client in self.clients.iter_mut().filter(|c| !c.dead) {
            client.drain(now, &mut packets);
        }
        while self.drain_outputs() {}
        for shard in &mut self.shards {
            while let Some(transmit) = shard.poll_transmit(now) {
                assert!(transmit.segment_size > 0, "an empty datagram");
                for bytes in transmit.contents.chunks(transmit.segment_size) {
                    packets.push(Packet {
                        source: transmit.source,
                        destination: transmit.destination,
                        bytes: bytes.to_vec(),
                    });
                }
            }
        }
        for packet in packets {
            self.send(packet);
        }
    }

    fn drain_outputs(&mut self) -> bool {
        let (now, elapsed) = (self.now, self.elapsed());
        let mut any = false;
        for from in 0..self.shards.len() {
            while let Some(output) = self.shards[from].poll_output() {
                any = true;
                match output {
                    Output::Event(event) => {
                        if self.echo_data
                            && let Event::Data {
                                peer,
                                channel,
                                payload,
                            } = &event
                        {
                            let command = Command::SendData {
                                peer: *peer,
                                channel: *channel,
                                payload: payload.clone(),
                            };
                            self.shards[from].handle_input(Input::Command(command), now);
                        }
                        if self.credits_data
                            && let Event::Data {
                                peer,
                                channel,
                                payload,
                            } = &event
                        {
                            let command = Command::CreditData {
                                peer: *peer,
                                channel: *channel,
                                bytes: data_cost(payload.len()),
                            };
                            self.shards[from].handle_input(Input::Command(command), now);
                        }
                        self.events.push((elapsed, event));
                    }
                    Output::Shard { to, message } => {
                        let from = ShardId(u16::try_from(from).unwrap());
                        let input = Input::Shard { from, message };
                        self.shards[usize::from(to.0)].handle_input(input, now);
                    }
                }
            }
        }
        any
    }

    pub(crate) fn closed(&self, client: usize) -> Option<CloseReason> {
        let id = self.clients[client].peer;
        self.events.iter().find_map(|(_, event)| match event {
            Event::PeerClosed { peer, reason } if *peer == id => Some(*reason),
            _ => None,
        })
    }

    /// Sends one RTP packet from a client's stream.
    pub(crate) fn write(&mut self, client: usize, rtp: Rtp) {
        let now = self.now;
        let mut api = self.clients[client].rtc.direct_api();
        let values = ExtensionValues {
            audio_level: rtp.level,
            voice_activity: rtp.level.map(|level| level > -50),
            rid: rtp.rid.map(Into::into),
            mid: Some(mid_of(rtp.track).as_str().into()),
            ..Default::default()
        };
        let stream = api.stream_tx(&rtp.ssrc.into()).unwrap();
        stream.write_rtp(
            RtpWrite::new(
                rtp.payload_type.into(),
                u64::from(rtp.sequence).into(),
                rtp.timestamp,
                now,
                rtp.payload,
            )
            .marker(rtp.marker)
            .ext_vals(values)
            .nackable(rtp.payload_type != OPUS),
        );
        let timeout = ClientInput::Timeout(now);
        self.clients[client].rtc.handle_input(timeout).unwrap();
        self.drain();
    }
}

/// One packet of a client's stream.
#[derive(Clone)]
pub(crate) struct Rtp {
    pub(crate) track: u64,
    pub(crate) ssrc: u32,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) level: Option<i8>,
    pub(crate) rid: Option<&'static str>,
    pub(crate) payload: Vec<u8>,
}

/// 20 ms of sound.
pub(crate) fn audio(track: u64, n: u16) -> Rtp {
    Rtp {
        track,
        ssrc: u32::try_from(track).unwrap() * 1000,
        payload_type: OPUS,
        sequence: n,
        timestamp: u32::from(n) * 960,
        marker: false,
        level: Some(-20),
        rid: None,
        payload: [&n.to_be_bytes()[..], &[7; 78]].concat(),
    }
}

/// One packet of VP8; a frame of its own. Every 100th is a key frame.
pub(crate) fn video(track: u64, n: u16) -> Rtp {
    Rtp {
        track,
        ssrc: u32::try_from(track).unwrap() * 1000,
        payload_type: VP8,
        sequence: n,
        timestamp: u32::from(n) * 3000,
        marker: true,
        level: None,
        rid: None,
        payload: vp8(n, n.is_multiple_of(100)),
    }
}

/// One packet of one encoding of [`World::publish_simulcast`].
pub(crate) fn simulcast(track: u64, encoding: u32, n: u16, key: bool) -> Rtp {
    Rtp {
        ssrc: u32::try_from(track).unwrap() * 1000 + 10 * encoding,
        rid: RIDS.get(usize::try_from(encoding).unwrap()).copied(),
        payload: [vp8(n, key), vec![u8::try_from(encoding).unwrap()]].concat(),
        ..video(track, n)
    }
}

/// VP8 payload descriptor (RFC 7741 §4.2) with a 15-bit picture id and TL0PICIDX,
/// then a payload header that says whether it is a key frame.
pub(crate) fn vp8(n: u16, key: bool) -> Vec<u8> {
    let [high, low] = (n & 0x7fff).to_be_bytes();
    let mut payload = vec![0x90, 0xc0, high | 0x80, low, u8::try_from(n % 256).unwrap()];
    payload.extend([
        u8::from(!key),
        0,
        0,
        0x9d,
        0x01,
        0x2a,
        0x40,
        0x01,
        0xf0,
        0x00,
    ]);
    payload.extend(n.to_be_bytes());
    payload.extend([9; 900]);
    payload
}

pub(crate) fn mid_of(track: u64) -> String {
    format!("p{track}")
}

/// What a subscriber receives a track by.
pub(crate) fn down_ssrc(track: u64) -> u32 {
    500_000 + 2 * u32::try_from(track).unwrap()
}

fn media_kind(kind: Kind) -> MediaKind {
    match kind {
        Kind::Audio => MediaKind::Audio,
        Kind::Video => MediaKind::Video,
    }
}

/// The ids that `str0m` takes when it is not told otherwise.
pub(crate) fn extensions() -> ExtensionIds {
    ExtensionIds {
        audio_level: Some(1),
        abs_send_time: Some(2),
        transport_cc: Some(3),
        mid: Some(4),
        rid: Some(10),
        repaired_rid: Some(11),
        video_orientation: Some(13),
        dependency_descriptor: None,
    }
}

pub(crate) fn payloads() -> Vec<Payload> {
    let format = |codec| Format { codec, profile: 0 };
    vec![
        Payload {
            payload_type: OPUS,
            format: format(Codec::Opus),
            rtx: None,
        },
        Payload {
            payload_type: VP8,
            format: format(Codec::Vp8),
            rtx: Some(VP8_RTX),
        },
    ]
}

impl Client {
    pub(crate) fn open_channel(&mut self, label: &str, ordered: bool) -> ChannelId {
        self.rtc.direct_api().create_data_channel(ChannelConfig {
            label: label.into(),
            ordered,
            reliability: if ordered {
                Reliability::Reliable
            } else {
                Reliability::MaxRetransmits { retransmits: 0 }
            },
            negotiated: None,
            protocol: String::new(),
        })
    }

    pub(crate) fn ask_key_frame(&mut self, ssrc: u32) {
        let mut api = self.rtc.direct_api();
        let stream = api.stream_rx(&ssrc.into()).unwrap();
        stream.request_keyframe(KeyframeRequestKind::Pli);
    }

    fn drain(&mut self, now: Instant, packets: &mut Vec<Packet>) {
        loop {
            match self.rtc.poll_output() {
                Ok(ClientOutput::Timeout(at)) => {
                    self.wake = at.max(now + Duration::from_micros(100));
                    return;
                }
                Ok(ClientOutput::Transmit(transmit)) => packets.push(Packet {
                    source: transmit.source,
                    destination: transmit.destination,
                    bytes: transmit.contents.to_vec(),
                }),
                Ok(ClientOutput::Event(event)) => self.event(event),
                Err(_) => {
                    self.dead = true;
                    return;
                }
            }
        }
    }

    fn event(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Connected => self.connected = true,
            ClientEvent::Closed => self.closed = true,
            ClientEvent::RtpPacket(packet) => self.received.push(packet),
            ClientEvent::KeyframeRequest(_) => self.key_frame_requests += 1,
            ClientEvent::ChannelOpen(id, label) => self.channels.push((id, label)),
            ClientEvent::ChannelData(data) => self.data.push((data.id, data.data)),
            _ => {}
        }
    }
}

pub(crate) const CHANNELS: [(&str, DataChannel); 3] = [
    ("_reliable", DataChannel::Reliable),
    ("_lossy", DataChannel::Lossy),
    ("_data_track", DataChannel::DataTrack),
];
