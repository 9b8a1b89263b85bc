//! A node with pretended clients and a pretended media plane.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use livekit_protocol as proto;
use prost::Message as _;
use proto::{client_info::Sdk, signal_request, signal_response};
use protocol::{
    grants::Grants,
    ids::{PeerId, SessionId, ShardId},
    media::{Fingerprint, PlaneFacts},
    plane::{CloseReason, Command, Event, SrtpCipher},
    rooms::RoomDefaults,
    signal::{Dialect, Frame},
};

use super::sketch::{self, Sketch};
use crate::{
    AttendanceChange, Config, Control, Input, Join, Output, SessionEnd, session::Permission,
};

pub(super) type Asked = signal_request::Message;
pub(super) type Told = signal_response::Message;

/// What a pretended client has seen and is.
#[derive(Debug, Default)]
pub(super) struct Screen {
    pub(super) told: Vec<Told>,
    pub(super) end: Option<SessionEnd>,
    pub(super) sections: Vec<Sketch>,
    pub(super) offers: u32,
    /// Keeps the roster as a real client does.
    pub(super) roster: BTreeMap<String, proto::ParticipantInfo>,
    pub(super) me: String,
    /// Adds and offers what is asked for, as real clients do.
    pub(super) obliging: bool,
    pub(super) text: bool,
    /// What each section that we were offered carries, in the dual-peer dialect.
    pub(super) received: BTreeMap<String, String>,
    /// The last offer that was not answered.
    pub(super) offered: Option<proto::SessionDescription>,
    /// Refuses sections with such a codec.
    pub(super) refuses: Option<&'static str>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) dialect: Dialect,
    pub(super) control: Control,
    pub(super) now: Instant,
    pub(super) screens: BTreeMap<SessionId, Screen>,
    pub(super) orders: Vec<(ShardId, Command)>,
    pub(super) attendance: Vec<AttendanceChange>,
    pub(super) answers: Vec<crate::Answer>,
    pub(super) reports: Vec<proto::WebhookEvent>,
    sessions: u64,
}

pub(super) fn grants(identity: &str) -> Grants {
    Grants {
        identity: identity.to_owned(),
        name: identity.to_uppercase(),
        room: "room".to_owned(),
        can_join: true,
        can_publish: true,
        can_subscribe: true,
        can_publish_data: true,
        can_update_own_metadata: true,
        ..Grants::default()
    }
}

pub(super) fn join() -> Join {
    Join {
        dialect: Dialect::SinglePeer,
        client: proto::ClientInfo {
            sdk: Sdk::Js.into(),
            protocol: 17,
            client_protocol: 2,
            capabilities: vec![2],
            ..Default::default()
        },
        auto_subscribe: true,
        auto_subscribe_data: false,
        adaptive_stream: false,
        metadata: String::new(),
        attributes: BTreeMap::new(),
        add_tracks: Vec::new(),
        offer: None,
        resume: None,
    }
}

pub(super) fn add_track(cid: &str, kind: &str) -> proto::AddTrackRequest {
    let video = kind == "video";
    let layer = |quality: i32, width, height| proto::VideoLayer {
        quality,
        width,
        height,
        ..Default::default()
    };
    proto::AddTrackRequest {
        cid: cid.to_owned(),
        r#type: i32::from(video),
        source: if video { 1 } else { 2 },
        stream: "camera".to_owned(),
        width: if video { 1280 } else { 0 },
        height: if video { 720 } else { 0 },
        layers: if video {
            vec![layer(0, 320, 180), layer(1, 640, 360), layer(2, 1280, 720)]
        } else {
            Vec::new()
        },
        ..Default::default()
    }
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_shards(2)
    }

    pub(super) fn speaking(dialect: Dialect) -> Self {
        Self {
            dialect,
            ..Self::new()
        }
    }

    /// One world for each dialect.
    pub(super) fn both() -> [Self; 2] {
        [Dialect::SinglePeer, Dialect::DualPeer].map(Self::speaking)
    }

    pub(super) fn with_shards(shards: u16) -> Self {
        let now = super::start();
        let config = Config {
            plane: PlaneFacts {
                candidates: vec![
                    "192.0.2.1:7882".parse().unwrap(),
                    "[2001:db8::1]:7882".parse().unwrap(),
                ],
                fingerprint: Fingerprint([0xab; 32]),
                shards,
            },
            unix_ms: 1_700_000_000_000,
            seed: [7; 32],
            rooms: RoomDefaults::default(),
            reports: true,
            version: "0.0.0",
        };
        Self {
            dialect: Dialect::SinglePeer,
            control: Control::new(config, now),
            now,
            screens: BTreeMap::new(),
            orders: Vec::new(),
            attendance: Vec::new(),
            answers: Vec::new(),
            reports: Vec::new(),
            sessions: 0,
        }
    }

    pub(super) fn input(&mut self, input: Input) {
        self.control.handle_input(input, self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.control.poll_output() {
            match output {
                Output::Frame { session, frame } => self.see(session, &frame),
                Output::Close { session, end } => {
                    let screen = self.screens.get_mut(&session).unwrap();
                    assert_eq!(screen.end, None, "closed twice");
                    screen.end = Some(end);
                }
                Output::RefreshToken { session, .. } => {
                    let token = "fresh".to_owned();
                    self.control
                        .handle_input(Input::Token { session, token }, self.now);
                }
                Output::MintToken { request, .. } => {
                    let token = "moved".to_owned();
                    self.control
                        .handle_input(Input::Minted { request, token }, self.now);
                }
                Output::Report(report) => self.reports.push(*report),
                Output::Plane { shard, command } => self.orders.push((shard, command)),
                Output::Attendance(change) => self.attendance.push(change),
                Output::Answer { answer, .. } => self.answers.push(answer),
            }
        }
    }

    fn see(&mut self, session: SessionId, frame: &Frame) {
        let screen = self.screens.get_mut(&session).unwrap();
        assert_eq!(screen.end, None, "told after the end");
        let response: proto::SignalResponse = match frame {
            Frame::Binary(bytes) => {
                assert!(!screen.text);
                proto::SignalResponse::decode(bytes.as_ref()).unwrap()
            }
            Frame::Text(text) => serde_json::from_str(text).unwrap(),
        };
        let told = response.message.unwrap();
        let mut wanted = None;
        match &told {
            Told::Join(join) => {
                screen.me = join.participant.as_ref().unwrap().sid.clone();
                screen.take(&join.other_participants);
                screen.take(join.participant.as_slice());
            }
            Told::Update(update) => screen.take(&update.participants),
            Told::MediaSectionsRequirement(wants) if screen.obliging => wanted = Some(*wants),
            Told::Offer(offer) => screen.receive(offer),
            _ => {}
        }
        screen.told.push(told);
        if screen.obliging {
            self.oblige(session);
        }
        let screen = self.screens.get_mut(&session).unwrap();
        if let Some(wants) = wanted {
            let new = (0..wants.num_audios)
                .map(|_| Sketch::receive("audio"))
                .chain((0..wants.num_videos).map(|_| Sketch::receive("video")));
            screen.sections.extend(new);
            let offer = screen.offer();
            let frame = Self::frame(screen.text, Asked::Offer(offer));
            self.control
                .handle_input(Input::Frame { session, frame }, self.now);
        }
    }

    /// Answers what was offered, if anything was.
    pub(super) fn answer(&mut self, session: SessionId) {
        self.oblige(session);
        self.drain();
    }

    fn oblige(&mut self, session: SessionId) {
        let screen = self.screens.get_mut(&session).unwrap();
        let Some(offer) = screen.offered.take() else {
            return;
        };
        let answer = proto::SessionDescription {
            r#type: "answer".to_owned(),
            sdp: sketch::answer(&offer.sdp, "efgh", screen.refuses),
            id: offer.id,
            ..Default::default()
        };
        let frame = Self::frame(screen.text, Asked::Answer(answer));
        self.control
            .handle_input(Input::Frame { session, frame }, self.now);
    }

    fn frame(text: bool, message: Asked) -> Frame {
        let request = proto::SignalRequest {
            message: Some(message),
        };
        if text {
            Frame::Text(serde_json::to_string(&request).unwrap())
        } else {
            Frame::Binary(request.encode_to_vec().into())
        }
    }

    pub(super) fn connect(&mut self, grants: Grants, mut join: Join) -> SessionId {
        join.dialect = self.dialect;
        self.sessions += 1;
        let session = SessionId(self.sessions);
        let screen = Screen {
            obliging: true,
            ..Screen::default()
        };
        self.screens.insert(session, screen);
        self.input(Input::Connect {
            session,
            grants,
            join: Box::new(join),
        });
        session
    }

    /// Joins as a browser does, with three spare sections of each kind, and
    /// comes up to ACTIVE.
    pub(super) fn enter(&mut self, identity: &str) -> SessionId {
        self.enter_as(grants(identity), join())
    }

    pub(super) fn enter_as(&mut self, grants: Grants, join: Join) -> SessionId {
        let session = self.connect(grants, join);
        if self.dialect == Dialect::SinglePeer {
            for kind in ["audio", "audio", "audio", "video", "video", "video"] {
                self.screen(session).sections.push(Sketch::receive(kind));
            }
            self.offer(session);
        }
        self.media_up(session);
        session
    }

    pub(super) fn screen(&mut self, session: SessionId) -> &mut Screen {
        self.screens.get_mut(&session).unwrap()
    }

    pub(super) fn ask(&mut self, session: SessionId, message: Asked) {
        let frame = Self::frame(self.screens[&session].text, message);
        self.input(Input::Frame { session, frame });
    }

    pub(super) fn offer(&mut self, session: SessionId) {
        let offer = self.screen(session).offer();
        self.ask(session, Asked::Offer(offer));
    }

    /// Announces a track and offers a section for it.
    pub(super) fn publish(&mut self, session: SessionId, cid: &str, kind: &'static str) -> String {
        self.ask(session, Asked::AddTrack(add_track(cid, kind)));
        self.screen(session).sections.push(Sketch::send(kind, cid));
        self.offer(session);
        self.pass(Duration::from_millis(60));
        let published = self.screens[&session]
            .told
            .iter()
            .rev()
            .find_map(|told| match told {
                Told::TrackPublished(response) if response.cid == cid => response.track.clone(),
                _ => None,
            });
        published.unwrap().sid
    }

    /// Publishes in a section of the kind that was used before.
    pub(super) fn publish_again(&mut self, session: SessionId, cid: &str, kind: &'static str) {
        self.ask(session, Asked::AddTrack(add_track(cid, kind)));
        let sections = &mut self.screen(session).sections;
        let free = |s: &&mut Sketch| s.kind == kind && s.direction == "inactive";
        *sections.iter_mut().find(free).expect("a section") = Sketch::send(kind, cid);
        self.offer(session);
        self.pass(Duration::from_millis(60));
    }

    pub(super) fn permit(&mut self, session: SessionId, permission: Permission) {
        let seat = self.control.seat(session).expect("seated");
        self.control.permit(seat, permission, self.now);
        self.drain();
        self.pass(Duration::from_millis(60));
    }

    pub(super) fn unpublish(&mut self, session: SessionId, cid: &str) {
        for section in &mut self.screen(session).sections {
            if section.track.as_deref() == Some(cid) {
                section.direction = "inactive";
                section.track = None;
                section.rids = &[];
            }
        }
        self.offer(session);
        self.pass(Duration::from_millis(60));
    }

    /// The peer in which a session receives.
    pub(super) fn peer(&self, session: SessionId) -> (ShardId, PeerId) {
        let seat = self.control.seat(session).expect("seated");
        let peers = &self.control;
        peers.peer(seat).expect("a peer")
    }

    pub(super) fn media_up(&mut self, session: SessionId) {
        let (shard, peer) = self.peer(session);
        let event = Event::PeerConnected {
            peer,
            cipher: SrtpCipher::AeadAes256Gcm,
        };
        self.input(Input::Plane { shard, event });
        self.pass(Duration::from_millis(60));
    }

    pub(super) fn media_down(&mut self, session: SessionId, reason: CloseReason) {
        let (shard, peer) = self.peer(session);
        self.input(Input::Plane {
            shard,
            event: Event::PeerClosed { peer, reason },
        });
        self.pass(Duration::from_millis(60));
    }

    pub(super) fn disconnect(&mut self, session: SessionId) {
        self.input(Input::Disconnect { session });
    }

    /// Lets time pass; control is woken when it wants to be.
    pub(super) fn pass(&mut self, time: Duration) {
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

    /// Time passes while the clients ping.
    pub(super) fn live(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.pass(Duration::from_secs(1));
            let open: Vec<SessionId> = self
                .screens
                .iter()
                .filter(|(session, screen)| {
                    screen.end.is_none() && self.control.seat(**session).is_some()
                })
                .map(|(session, _)| *session)
                .collect();
            for session in open {
                self.ask(session, Asked::Ping(1));
            }
        }
    }

    pub(super) fn commands(&self) -> impl Iterator<Item = &Command> {
        self.orders.iter().map(|(_, command)| command)
    }
}

impl Screen {
    fn take(&mut self, infos: &[proto::ParticipantInfo]) {
        for info in infos {
            if let Some(known) = self.roster.get(&info.sid) {
                assert!(info.version >= known.version, "versions never fall");
            }
            if info.state() == proto::participant_info::State::Disconnected {
                self.roster.remove(&info.sid);
            } else {
                self.roster.insert(info.sid.clone(), info.clone());
            }
        }
    }

    /// Takes an offer of ours, and checks what holds for all of them.
    fn receive(&mut self, offer: &proto::SessionDescription) {
        assert!(self.offered.is_none(), "two offers at once");
        let mut received = BTreeMap::new();
        for section in offer.sdp.split("\r\nm=").skip(2) {
            let line = |name: &str| section.lines().find_map(|line| line.strip_prefix(name));
            let mid = line("a=mid:").unwrap().to_owned();
            let track = section.contains("a=sendonly").then(|| {
                let track = line("a=msid:")
                    .unwrap()
                    .split_once(' ')
                    .unwrap()
                    .1
                    .to_owned();
                assert_eq!(offer.mid_to_track_id.get(&mid), Some(&track));
                track
            });
            received.insert(mid, track.unwrap_or_default());
        }
        for (mid, track) in &self.received {
            let now = received.get(mid).expect("sections never vanish");
            let carried_on = track.is_empty() || now.is_empty() || now == track;
            assert!(carried_on, "{mid} carried {track} and then at once {now}");
        }
        self.received = received;
        self.offered = Some(offer.clone());
    }

    pub(super) fn offer(&mut self) -> proto::SessionDescription {
        self.offers += 1;
        proto::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: sketch::offer(&self.sections, "abcd", sketch::FINGERPRINT),
            id: self.offers,
            ..Default::default()
        }
    }

    pub(super) fn answer(&self) -> &proto::SessionDescription {
        let answer = self.told.iter().rev().find_map(|told| match told {
            Told::Answer(answer) => Some(answer),
            _ => None,
        });
        answer.expect("an answer")
    }

    /// Direction of each section in the last answer, without the data section.
    pub(super) fn directions(&self) -> Vec<&str> {
        self.answer()
            .sdp
            .split("\r\nm=")
            .skip(2)
            .map(|section| {
                section
                    .lines()
                    .find_map(|line| {
                        let name = line.strip_prefix("a=")?;
                        matches!(name, "sendonly" | "recvonly" | "inactive").then_some(name)
                    })
                    .expect("a direction")
            })
            .collect()
    }

    /// Takes out all leave messages.
    pub(super) fn leaves(&self) -> Vec<&proto::LeaveRequest> {
        self.told
            .iter()
            .filter_map(|told| match told {
                Told::Leave(leave) => Some(leave),
                _ => None,
            })
            .collect()
    }

    pub(super) fn refusals(&self) -> Vec<&proto::RequestResponse> {
        self.told
            .iter()
            .filter_map(|told| match told {
                Told::RequestResponse(response) if response.reason != 0 => Some(response),
                _ => None,
            })
            .collect()
    }

    /// Identities of those in the roster who have this many tracks.
    pub(super) fn sees(&self) -> Vec<(&str, usize)> {
        let mut seen: Vec<(&str, usize)> = self
            .roster
            .values()
            .map(|i| (i.identity.as_str(), i.tracks.len()))
            .collect();
        seen.sort_unstable();
        seen
    }
}
