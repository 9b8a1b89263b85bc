//! A node's control with three people in one room, for the fuzzers: two in the
//! single-peer dialect and one in the other, whose transports come up by
//! themselves. Checks what holds whatever they send.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant},
};

use control::{Config, Control, Input, Join, Output, Resume};
use livekit_protocol as proto;
use prost::Message as _;
use proto::{signal_request::Message as Asked, signal_response::Message as Told};
use protocol::{
    grants::Grants,
    ids::{PeerId, SessionId, ShardId},
    limits,
    media::{Fingerprint, PlaneFacts},
    plane::{CloseReason, Command, DataChannel, Event, SrtpCipher},
    rooms::RoomDefaults,
    signal::{Dialect, Frame},
};

use super::OUTPUTS;

/// How many people there are.
pub(crate) const PEOPLE: usize = 3;

/// Sids of tracks that are remembered.
const TRACKS: usize = 32;

/// One of them, as far as its client knows.
#[derive(Default)]
struct Person {
    identity: &'static str,
    session: u64,
    sid: String,
    dual: bool,
    offers: u32,
    /// The last offer of ours, to be answered.
    offered: Option<proto::SessionDescription>,
}

pub(crate) struct People {
    control: Control,
    now: Instant,
    people: [Person; PEOPLE],
    sessions: u64,
    /// Those that control has not closed; it must write to no other.
    open: BTreeSet<SessionId>,
    fresh: Vec<(ShardId, PeerId)>,
    peers: BTreeMap<PeerId, ShardId>,
    /// Sids of tracks, as people were told.
    tracks: Vec<String>,
}

impl People {
    /// Everyone has joined, and nothing is published yet.
    pub(crate) fn new(now: Instant) -> Self {
        let config = Config {
            plane: PlaneFacts {
                candidates: vec![SocketAddr::from(([198, 51, 100, 1], 7_882))],
                fingerprint: Fingerprint([7; 32]),
                shards: 2,
            },
            unix_ms: 1_700_000_000_000,
            seed: [7; 32],
            rooms: RoomDefaults::default(),
            reports: true,
            version: "0.0.0",
        };
        let person = |identity, dual| Person {
            identity,
            dual,
            ..Person::default()
        };
        let mut all = Self {
            control: Control::new(config, now),
            now,
            people: [
                person("ann", false),
                person("bert", true),
                person("carl", false),
            ],
            sessions: 0,
            open: BTreeSet::new(),
            fresh: Vec::new(),
            peers: BTreeMap::new(),
            tracks: Vec::new(),
        };
        for who in 0..PEOPLE {
            all.join(who, None);
        }
        all
    }

    /// Joins, or with a sid takes its session up again.
    fn connect(&mut self, who: usize, resume: Option<Resume>, offer: Option<String>) {
        self.sessions += 1;
        let session = SessionId(self.sessions);
        let Some(person) = self.people.get_mut(who) else {
            return;
        };
        person.session = self.sessions;
        if resume.is_none() {
            person.offers = 0;
        }
        let join = Join {
            dialect: if person.dual {
                Dialect::DualPeer
            } else {
                Dialect::SinglePeer
            },
            client: proto::ClientInfo {
                sdk: proto::client_info::Sdk::Js.into(),
                protocol: 17,
                ..Default::default()
            },
            auto_subscribe: true,
            auto_subscribe_data: true,
            adaptive_stream: false,
            metadata: String::new(),
            attributes: BTreeMap::new(),
            add_tracks: Vec::new(),
            offer: offer.map(|sdp| description("offer", sdp, 0)),
            resume,
        };
        let grants = Grants {
            identity: person.identity.to_owned(),
            room: "room".to_owned(),
            can_join: true,
            can_publish: true,
            can_subscribe: true,
            can_publish_data: true,
            can_update_own_metadata: true,
            ..Grants::default()
        };
        self.open.insert(session);
        self.input(Input::Connect {
            session,
            grants,
            join: Box::new(join),
        });
    }

    pub(crate) fn join(&mut self, who: usize, offer: Option<String>) {
        self.connect(who, None, offer);
    }

    pub(crate) fn resume(&mut self, who: usize, offer: Option<String>) {
        let participant_sid = self
            .people
            .get(who)
            .map(|p| p.sid.clone())
            .unwrap_or_default();
        let resume = Some(Resume {
            participant_sid,
            sync_state: None,
        });
        self.connect(who, resume, offer);
    }

    /// Joins in the other dialect.
    pub(crate) fn turn_coat(&mut self, who: usize) {
        if let Some(person) = self.people.get_mut(who) {
            person.dual = !person.dual;
        }
        self.join(who, None);
    }

    fn session(&self, who: usize) -> SessionId {
        SessionId(self.people.get(who).map_or(0, |person| person.session))
    }

    pub(crate) fn frame(&mut self, who: usize, frame: Frame) {
        let session = self.session(who);
        self.input(Input::Frame { session, frame });
    }

    pub(crate) fn ask(&mut self, who: usize, message: Asked) {
        let request = proto::SignalRequest {
            message: Some(message),
        };
        self.frame(who, Frame::Binary(request.encode_to_vec().into()));
    }

    pub(crate) fn offer(&mut self, who: usize, sdp: String) {
        let Some(person) = self.people.get_mut(who) else {
            return;
        };
        person.offers += 1;
        let offer = description("offer", sdp, person.offers);
        self.ask(who, Asked::Offer(offer));
    }

    /// Answers what was offered last, by `write`; or nothing, with the number 0.
    pub(crate) fn answer(&mut self, who: usize, write: impl FnOnce(&str) -> String) {
        let offered = self
            .people
            .get_mut(who)
            .and_then(|person| person.offered.take())
            .unwrap_or_default();
        let answer = description("answer", write(&offered.sdp), offered.id);
        self.ask(who, Asked::Answer(answer));
    }

    /// One of the tracks that people were told of; none when there is none.
    pub(crate) fn track(&self, number: u8) -> String {
        let index = usize::from(number) % self.tracks.len().max(1);
        self.tracks.get(index).cloned().unwrap_or_default()
    }

    pub(crate) fn drop_socket(&mut self, who: usize) {
        let session = self.session(who);
        self.open.remove(&session);
        self.input(Input::Disconnect { session });
    }

    fn peer(&self, number: u8) -> Option<(PeerId, ShardId)> {
        let index = usize::from(number) % self.peers.len().max(1);
        self.peers
            .iter()
            .nth(index)
            .map(|(peer, shard)| (*peer, *shard))
    }

    pub(crate) fn lose_peer(&mut self, number: u8) {
        if let Some((peer, shard)) = self.peer(number) {
            self.peers.remove(&peer);
            let event = Event::PeerClosed {
                peer,
                reason: CloseReason::Silence,
            };
            self.input(Input::Plane { shard, event });
        }
    }

    pub(crate) fn say(&mut self, number: u8, payload: &[u8]) {
        if let Some((peer, shard)) = self.peer(number) {
            let channel = match number >> 6 {
                0 => DataChannel::Lossy,
                1 => DataChannel::DataTrack,
                _ => DataChannel::Reliable,
            };
            let event = Event::Data {
                peer,
                channel,
                payload: payload.to_vec().into(),
            };
            self.input(Input::Plane { shard, event });
        }
    }

    /// Time passes, and control is woken when it wants to be.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, _)) = self.control.poll_timeout()
            && at <= end
        {
            assert!(at >= self.now, "an alarm in the past was left");
            self.now = at;
            self.control.handle_timeout(at);
            self.drain();
        }
        self.now = end;
    }

    /// Everyone goes: nothing may be left behind.
    pub(crate) fn end(mut self) {
        let stats = self.control.stats();
        assert!(
            stats.participants <= PEOPLE,
            "{} people",
            stats.participants
        );
        assert!(stats.tracks <= PEOPLE * limits::TRACKS_PER_PARTICIPANT);
        for who in 0..PEOPLE {
            self.drop_socket(who);
        }
        while !self.peers.is_empty() {
            self.lose_peer(0);
        }
        self.pass(limits::CONNECT_TIMEOUT + limits::RESUME_WINDOW);
        let stats = self.control.stats();
        let left = (stats.participants, stats.sessions, stats.tracks);
        assert_eq!(left, (0, 0, 0), "somebody is left");
        assert!(self.peers.is_empty(), "a peer is left");
    }

    fn input(&mut self, input: Input) {
        self.control.handle_input(input, self.now);
        self.drain();
        for (shard, peer) in std::mem::take(&mut self.fresh) {
            let event = Event::PeerConnected {
                peer,
                cipher: SrtpCipher::AeadAes256Gcm,
            };
            self.control
                .handle_input(Input::Plane { shard, event }, self.now);
            self.drain();
        }
    }

    fn drain(&mut self) {
        let mut outputs = 0;
        while let Some(output) = self.control.poll_output() {
            outputs += 1;
            assert!(outputs < OUTPUTS, "a flood of outputs");
            match output {
                Output::Frame { session, frame } => {
                    assert!(self.open.contains(&session), "told after the end");
                    self.read(session, &frame);
                }
                Output::Close { session, .. } => {
                    assert!(self.open.remove(&session), "closed twice");
                }
                Output::Plane { shard, command } => self.order(shard, &command),
                Output::RefreshToken { .. }
                | Output::MintToken { .. }
                | Output::Attendance(_)
                | Output::Report(_)
                | Output::Answer { .. } => {}
            }
        }
    }

    fn order(&mut self, shard: ShardId, command: &Command) {
        let peer = command.peer();
        if matches!(command, Command::OpenPeer { .. }) {
            self.fresh.push((shard, peer));
            self.peers.insert(peer, shard);
        }
        assert!(self.peers.contains_key(&peer), "an order for nobody");
        if matches!(command, Command::ClosePeer { .. }) {
            self.peers.remove(&peer);
        }
    }

    fn read(&mut self, session: SessionId, frame: &Frame) {
        let Frame::Binary(bytes) = frame else { return };
        let told = proto::SignalResponse::decode(bytes.as_ref()).map(|response| response.message);
        assert!(matches!(told, Ok(Some(_))), "what was said cannot be read");
        let Ok(Some(told)) = told else { return };
        let mut people = self.people.iter_mut();
        let Some(person) = people.find(|person| person.session == session.0) else {
            return;
        };
        if let Told::Join(join) = told {
            person.sid = join.participant.unwrap_or_default().sid;
        } else if let Told::Offer(offer) = told {
            person.offered = Some(offer);
        } else if let Told::TrackPublished(response) = told {
            let sid = response.track.unwrap_or_default().sid;
            if self.tracks.len() < TRACKS && !self.tracks.contains(&sid) {
                self.tracks.push(sid);
            }
        }
    }
}

fn description(kind: &str, sdp: String, id: u32) -> proto::SessionDescription {
    proto::SessionDescription {
        r#type: kind.to_owned(),
        sdp,
        id,
        ..Default::default()
    }
}
