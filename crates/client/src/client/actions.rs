//! What the person does: publishing, muting, subscribing, data, leaving.

use std::time::{Duration, Instant};

use bytes::Bytes;
use livekit_protocol::{
    DataPacket, LeaveRequest, MuteTrackRequest, TrackPublishedResponse, UpdateSubscription,
    UpdateTrackSettings, UserPacket, VideoQuality, data_packet, signal_request,
};
use prost::Message;
use protocol::{grants::Source, plane::DataChannel};
use str0m::{
    media::{Mid, Pt, Rid},
    rtp::{ExtensionValues, RtpWrite},
};

use super::{Client, Signal};
use crate::{
    Feed, Packet,
    face::{Action, Data, Event, Output, Problem, PublicationKey, Quality, Setting},
    negotiation,
    sender::Publication,
};

/// Sequence numbers begin here and up to the spread above: they wrap around
/// some hundred packets later (RFC 3550 §5.1 wants them unpredictable), but not
/// before the receiver has seen the first (RFC 3711 §3.3.1).
const FIRST_SEQUENCE: u64 = 60_000;
const SEQUENCE_SPREAD: u64 = 5_000;
/// Packets that are kept for being asked for again, and how long.
const REPEATABLE: usize = 1_024;
const REPEATABLE_FOR: Duration = Duration::from_secs(3);

/// Where a packet is sent.
#[derive(Clone, Copy)]
struct Place {
    mid: Mid,
    layer: usize,
    rid: Option<&'static str>,
    pt: Pt,
}

impl Client {
    pub(super) fn act(&mut self, action: Action, now: Instant) {
        match action {
            Action::Publish { key, source, feed } => self.publish(key, source, feed),
            Action::Unpublish(key) => {
                self.publications.remove(&key);
                self.negotiation.touch();
            }
            Action::Mute { key, muted } => {
                self.set_muted(key, muted, now);
                if let Some(sid) = self.published(key).map(str::to_owned) {
                    self.send(signal_request::Message::Mute(MuteTrackRequest {
                        sid,
                        muted,
                    }));
                }
            }
            Action::Speak { key, level } => {
                if let Some(publication) = self.publications.get_mut(&key) {
                    publication.generator.set_level(level);
                }
            }
            Action::SendData {
                channel,
                payload,
                topic,
                destinations,
            } => {
                self.send_data(channel, &payload, topic, destinations, now);
            }
            Action::Subscribe { track, subscribe } => {
                self.send(signal_request::Message::Subscription(UpdateSubscription {
                    track_sids: vec![track],
                    subscribe,
                    participant_tracks: Vec::new(),
                }));
            }
            Action::Set { track, setting } => {
                self.send(signal_request::Message::TrackSetting(track_settings(
                    track, setting,
                )));
            }
            Action::Leave => self.leave(now),
        }
    }

    pub(super) fn publish(&mut self, key: PublicationKey, source: Source, feed: Feed) {
        self.generation += 1;
        let publication = Publication::new(&self.config, key, self.generation, source, feed);
        let request = publication.request();
        self.publications.insert(key, publication);
        self.negotiation.touch();
        self.send(signal_request::Message::AddTrack(request));
    }

    pub(super) fn track_published(&mut self, published: &TrackPublishedResponse) {
        let publication = self
            .publications
            .values_mut()
            .find(|p| p.cid == published.cid);
        if let (Some(publication), Some(info)) = (publication, &published.track) {
            publication.track = Some(info.sid.clone());
            let (key, track) = (publication.key, info.sid.clone());
            // It may have been muted before it had a name.
            let muted = publication.muted && !info.muted;
            self.event(Event::Published {
                key,
                track: track.clone(),
            });
            if muted {
                let mute = MuteTrackRequest { sid: track, muted };
                self.send(signal_request::Message::Mute(mute));
            }
        }
    }

    pub(super) fn publication_of(&self, track: &str) -> Option<PublicationKey> {
        let publication = self
            .publications
            .values()
            .find(|p| p.track.as_deref() == Some(track));
        publication.map(|p| p.key)
    }

    pub(super) fn set_muted(&mut self, key: PublicationKey, muted: bool, now: Instant) {
        if let Some(publication) = self.publications.get_mut(&key) {
            publication.set_muted(muted, now);
        }
    }

    /// Begins to send where the server has agreed to receive.
    pub(super) fn open_publications(&mut self, now: Instant) {
        for publication in self.publications.values_mut() {
            let codec = publication.generator.feed().codec();
            let open = self.connected
                && publication.mid.is_some_and(|mid| {
                    let sends = self
                        .rtc
                        .media(mid)
                        .is_some_and(|m| m.direction().is_sending());
                    sends && negotiation::payload_type(&self.rtc, mid, codec).is_some()
                });
            publication.set_open(open, now);
        }
    }

    pub(super) fn send_due_frames(&mut self, now: Instant) {
        if !self.connected {
            return;
        }
        let due: Vec<PublicationKey> = self
            .publications
            .values()
            .filter(|p| p.due().is_some_and(|at| at <= now))
            .map(|p| p.key)
            .collect();
        for key in due {
            let Some(publication) = self.publications.get_mut(&key) else {
                continue;
            };
            let tick = publication.advance();
            let feed = publication.generator.feed();
            let (codec, rids) = (feed.codec(), feed.rids());
            let level = match feed {
                Feed::Audio(audio) => Some(audio.level),
                Feed::Video(_) => None,
            };
            let Some(mid) = publication.mid else { continue };
            let frames: Vec<Vec<Packet>> = (0..rids.len().max(1))
                .map(|layer| publication.generator.frame(layer, tick))
                .collect();
            let Some(pt) = negotiation::payload_type(&self.rtc, mid, codec) else {
                continue;
            };
            for (layer, packets) in frames.into_iter().enumerate() {
                let place = Place {
                    mid,
                    layer,
                    rid: rids.get(layer).copied(),
                    pt,
                };
                for packet in packets {
                    self.send_packet(place, packet, level, now);
                }
            }
        }
    }

    fn send_packet(&mut self, place: Place, packet: Packet, level: Option<i8>, now: Instant) {
        let seed = self.config.seed;
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(place.mid, place.rid.map(Rid::from)) else {
            return;
        };
        let sequence = self
            .sequences
            .entry((place.mid, place.layer))
            .or_insert_with(|| {
                // str0m would cap repeats at 15 % of a second's bytes, which
                // is three of twenty packets: nothing that a server may rely on.
                stream.set_rtx_cache(REPEATABLE, REPEATABLE_FOR, None);
                FIRST_SEQUENCE + seed % SEQUENCE_SPREAD
            });
        *sequence += 1;
        let time = packet.timestamp;
        let write = RtpWrite::new(place.pt, (*sequence).into(), time, now, packet.payload)
            .marker(packet.marker)
            .nackable(level.is_none())
            .ext_vals(extensions(level));
        stream.write_rtp(write);
        self.tick_transport(now);
    }

    pub(super) fn leave(&mut self, now: Instant) {
        self.send(signal_request::Message::Leave(LeaveRequest {
            reason: livekit_protocol::DisconnectReason::ClientInitiated.into(),
            ..LeaveRequest::default()
        }));
        if let Err(error) = self.rtc.close() {
            self.problem(Problem::Transport(error.to_string()));
        }
        self.publications.clear();
        self.drain(now);
        self.signal = Signal::Closed;
        self.output.push_back(Output::CloseSignal);
    }
}

/// Data messages.
impl Client {
    pub(super) fn send_data(
        &mut self,
        channel: DataChannel,
        payload: &[u8],
        topic: Option<String>,
        destination_identities: Vec<String>,
        now: Instant,
    ) {
        let sequence = if channel == DataChannel::Reliable {
            self.data_sequence += 1;
            self.data_sequence
        } else {
            0
        };
        let packet = DataPacket {
            destination_identities,
            sequence,
            value: Some(data_packet::Value::User(UserPacket {
                payload: payload.to_vec(),
                topic,
                ..UserPacket::default()
            })),
            ..DataPacket::default()
        };
        let bytes = packet.encode_to_vec();
        let id = self.channels.get(&channel).copied();
        let queued = id
            .and_then(|id| self.rtc.channel(id))
            .is_some_and(|mut c| c.write(true, &bytes).unwrap_or(false));
        if !queued {
            self.problem(Problem::DataNotQueued);
        }
        self.tick_transport(now);
    }

    pub(super) fn data(&mut self, channel: DataChannel, bytes: &[u8]) {
        let Ok(packet) = DataPacket::decode(bytes) else {
            return self.problem(Problem::BadData);
        };
        // Other kinds (streams, RPC) are not this client's business.
        if let Some(data_packet::Value::User(user)) = packet.value {
            self.event(Event::Data(Data {
                channel,
                identity: packet.participant_identity,
                sid: packet.participant_sid,
                topic: user.topic,
                payload: Bytes::from(user.payload),
            }));
        }
    }
}

fn extensions(level: Option<i8>) -> ExtensionValues {
    ExtensionValues {
        audio_level: level,
        voice_activity: level.map(|level| level > -50),
        ..ExtensionValues::default()
    }
}

fn track_settings(track: String, setting: Setting) -> UpdateTrackSettings {
    let mut settings = UpdateTrackSettings {
        track_sids: vec![track],
        quality: VideoQuality::High.into(),
        ..UpdateTrackSettings::default()
    };
    match setting {
        Setting::Disabled => settings.disabled = true,
        Setting::Quality(quality) => {
            settings.quality = match quality {
                Quality::Low => VideoQuality::Low,
                Quality::Medium => VideoQuality::Medium,
                Quality::High => VideoQuality::High,
            }
            .into();
        }
        Setting::Size { width, height } => {
            settings.width = width;
            settings.height = height;
        }
    }
    settings
}
