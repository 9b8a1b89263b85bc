//! Datagrams in and out, and what the transport tells.

use std::{net::SocketAddr, time::Instant};

use livekit_protocol::signal_request;
use protocol::plane::DataChannel;
use str0m::{
    media::KeyframeRequestKind,
    net::{Protocol, Receive},
    rtp::RtpPacket,
};

use super::{Client, Signal};
use crate::{
    face::{Event, Output, Problem},
    negotiation,
    receiver::Received,
};

impl Client {
    pub(super) fn datagram(
        &mut self,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
        now: Instant,
    ) {
        // What is not WebRTC's is nobody's concern: anyone may send to a UDP port.
        let Ok(receive) = Receive::new(Protocol::Udp, source, destination, bytes) else {
            return;
        };
        let input = str0m::Input::Receive(now, receive);
        if self.rtc.accepts(&input)
            && let Err(error) = self.rtc.handle_input(input)
        {
            self.problem(Problem::Transport(error.to_string()));
        }
        self.drain(now);
    }

    pub(super) fn tick_transport(&mut self, now: Instant) {
        if let Err(error) = self.rtc.handle_input(str0m::Input::Timeout(now)) {
            self.problem(Problem::Transport(error.to_string()));
        }
        self.drain(now);
    }

    /// Takes everything out of the transport; every mutation of it is followed by this.
    pub(super) fn drain(&mut self, now: Instant) {
        loop {
            match self.rtc.poll_output() {
                Ok(str0m::Output::Timeout(at)) => {
                    self.rtc_timeout = self.rtc.is_alive().then_some(at);
                    return;
                }
                Ok(str0m::Output::Transmit(t)) => self.output.push_back(Output::Datagram {
                    source: t.source,
                    destination: t.destination,
                    bytes: t.contents.to_vec(),
                }),
                Ok(str0m::Output::Event(event)) => self.transport_event(event, now),
                Err(error) => {
                    self.rtc_timeout = None;
                    self.rtc.disconnect();
                    return self.problem(Problem::Transport(error.to_string()));
                }
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "str0m's events are an open set"
    )]
    pub(super) fn transport_event(&mut self, event: str0m::Event, now: Instant) {
        match event {
            str0m::Event::Connected => {
                self.connected = true;
                self.open_publications(now);
                self.event(Event::Connected);
            }
            str0m::Event::Closed => {
                self.connected = false;
                self.event(Event::TransportClosed);
            }
            str0m::Event::RtpPacket(packet) => self.media(&packet, now),
            str0m::Event::KeyframeRequest(request) => {
                let publication = self
                    .publications
                    .values_mut()
                    .find(|p| p.mid == Some(request.mid));
                if let Some(publication) = publication {
                    let rids = publication.generator.feed().rids();
                    let layer = request
                        .rid
                        .and_then(|r| rids.iter().position(|name| *r == **name));
                    publication.generator.request_key_frame(layer.unwrap_or(0));
                }
            }
            str0m::Event::ChannelOpen(id, label) => {
                if let Some(channel) = channel_of(&label) {
                    self.channels.insert(channel, id);
                    self.event(Event::DataOpened(channel));
                }
            }
            str0m::Event::ChannelData(data) => {
                let channel = self.channels.iter().find(|(_, id)| **id == data.id);
                if let Some((channel, _)) = channel {
                    let channel = *channel;
                    self.data(channel, &data.data);
                }
            }
            _ => {}
        }
    }

    pub(super) fn media(&mut self, packet: &RtpPacket, now: Instant) {
        let ssrc = packet.header.ssrc;
        let mid = self.rtc.direct_api().stream_rx(&ssrc).map(|s| s.mid());
        let receiver = mid
            .and_then(|mid| self.places.get(&mid))
            .and_then(|track| self.receivers.get_mut(track));
        let codec = negotiation::codec_at(&self.rtc, packet.header.payload_type);
        let (Some(receiver), Some(codec), Some(mid)) = (receiver, codec, mid) else {
            self.unplaced += 1;
            return;
        };
        let received = Received {
            ssrc: *ssrc,
            seq: *packet.seq_no,
            timestamp: packet.header.timestamp,
            marker: packet.header.marker,
            codec,
            payload: &packet.payload,
        };
        if receiver.packet(&received, now) {
            self.wanted_key_frames.push(mid);
        }
    }

    /// What had to wait for the transport to be drained.
    pub(super) fn settle(&mut self, now: Instant) {
        for mid in std::mem::take(&mut self.wanted_key_frames) {
            if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, None) {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
            self.drain(now);
        }
        if matches!(self.signal, Signal::Open { .. })
            && let Some(offer) = self
                .negotiation
                .offer(&mut self.rtc, &mut self.publications)
        {
            self.drain(now);
            self.send(signal_request::Message::Offer(offer));
        }
    }
}

fn channel_of(label: &str) -> Option<DataChannel> {
    match label {
        "_reliable" => Some(DataChannel::Reliable),
        "_lossy" => Some(DataChannel::Lossy),
        "_data_track" => Some(DataChannel::DataTrack),
        _ => None,
    }
}
