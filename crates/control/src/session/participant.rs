//! One participant: who it is, what it may do, what it publishes and receives.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use livekit_protocol as proto;
use proto::{client_info::Sdk, participant_info::State, signal_response::Message};
use protocol::{
    grants::{Grants, Kind as PersonKind, Source},
    ids::{PeerId, ShardId, TrackId},
    media::Kind,
    signal::Dialect,
    store::Attendance,
};

use crate::{
    desk::{Desk, RoomKey},
    join::Join,
    quality::Grade,
    sdp::{OpusStyle, Section},
    session::{
        Audience, DataTracks, Flow, Link, Offering, Origin, Peer, Sections, Setting, Subscriptions,
        Track, credentials,
    },
};

/// Attribute that carries the role. Attributes that begin like it are the server's.
pub(crate) const OWN_ATTRIBUTES: &str = "plenary.";
const ROLE: &str = "plenary.role";

/// Values of `capabilities` passed on to others; LiveKit knows three.
const CAPABILITIES: usize = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Presence {
    /// Signalling is up.
    Joined,
    /// Media is up as well: counted as present.
    Active,
}

#[derive(Clone, Debug)]
pub(crate) struct Participant {
    pub(crate) sid: String,
    /// Identity, name, metadata and attributes are kept up to date here.
    pub(crate) grants: Grants,
    /// Of the signalling protocol.
    protocol: i32,
    client_protocol: i32,
    capabilities: Vec<i32>,
    pub(crate) auto_subscribe: bool,
    pub(crate) auto_subscribe_data: bool,
    adaptive_stream: bool,
    /// Takes tracks in the answer to its first offer. Native clients have had
    /// trouble with that: theirs wait until media is up.
    early: bool,
    /// Puts tracks of one stream in step; Firefox and native clients tell
    /// tracks apart by their stream, so each track has its own there.
    shared_streams: bool,
    pub(crate) presence: Presence,
    pub(crate) joined: Instant,
    joined_ms: i64,
    version: u32,
    pub(crate) link: Link,
    /// Where its peers are, or will be.
    pub(crate) shard: ShardId,
    /// The connection in which the client offers. It publishes there; in the
    /// single-peer dialect it receives there, too.
    pub(crate) peer: Option<Peer>,
    pub(crate) sections: Sections,
    /// Of our descriptions of that connection.
    pub(crate) origin: Origin,
    /// The connection in which it receives if it speaks the dual-peer dialect.
    pub(crate) offering: Option<Offering>,
    /// What the client sends without having announced it yet.
    pub(crate) unclaimed: Vec<(usize, Section)>,
    pub(crate) tracks: BTreeMap<TrackId, Track>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) data: DataTracks,
    pub(crate) flow: Flow,
    /// Who may receive its tracks.
    pub(crate) audience: Audience,
    /// Tracks that the client unsubscribed from.
    pub(crate) declined: BTreeSet<TrackId>,
    pub(crate) next_slot: u32,
    /// Highest sequence number of its reliable data packets.
    pub(crate) data_sequence: u32,
    /// It pretends to speak until then.
    pub(crate) speech_ends: Option<Instant>,
    /// The room of the participant that it stands for here, being forwarded.
    pub(crate) doubles: Option<RoomKey>,
}

impl Participant {
    pub(crate) fn new(
        sid: String,
        mut grants: Grants,
        join: &Join,
        link: Link,
        shard: ShardId,
        desk: &mut Desk,
    ) -> Self {
        grants
            .attributes
            .insert(ROLE.to_owned(), grants.role.as_str().to_owned());
        let client = &join.client;
        let firefox = client.browser.to_ascii_lowercase().contains("firefox");
        let browser = Sdk::try_from(client.sdk) == Ok(Sdk::Js);
        Self {
            sid,
            protocol: client.protocol,
            client_protocol: client.client_protocol,
            capabilities: client
                .capabilities
                .iter()
                .copied()
                .take(CAPABILITIES)
                .collect(),
            auto_subscribe: join.auto_subscribe,
            auto_subscribe_data: join.auto_subscribe_data,
            adaptive_stream: join.adaptive_stream,
            early: browser,
            shared_streams: browser && !firefox,
            presence: Presence::Joined,
            joined: desk.now,
            joined_ms: desk.unix_ms(),
            version: 0,
            link,
            shard,
            peer: None,
            sections: Sections::new(browser),
            origin: Origin::new(desk),
            offering: match join.dialect {
                Dialect::SinglePeer => None,
                Dialect::DualPeer => Some(Offering::new(credentials(shard, desk), desk)),
            },
            unclaimed: Vec::new(),
            tracks: BTreeMap::new(),
            subscriptions: Subscriptions::default(),
            data: DataTracks::default(),
            flow: Flow::default(),
            audience: Audience::default(),
            declined: BTreeSet::new(),
            next_slot: 0,
            data_sequence: 0,
            speech_ends: None,
            doubles: None,
            grants,
        }
    }

    pub(crate) const fn protocol(&self) -> i32 {
        self.protocol
    }

    pub(crate) const fn client_protocol(&self) -> i32 {
        self.client_protocol
    }

    /// In another room it is someone new, with the same tracks.
    pub(crate) fn renew(&mut self, sid: String, room: &str, desk: &Desk) {
        self.sid = sid;
        room.clone_into(&mut self.grants.room);
        self.joined = desk.now;
        self.joined_ms = desk.unix_ms();
        self.declined.clear();
        let second = self.offering.as_mut().and_then(|o| o.peer.as_mut());
        for peer in self.peer.iter_mut().chain(second) {
            peer.grade = None;
        }
        for track in self.tracks.values_mut() {
            track.told = false;
            track.received = false;
            track.demand.forget_watchers();
        }
    }

    /// There will be one offer only: what is received is put into its answer.
    pub(crate) fn take_one_offer(&mut self) {
        self.early = true;
        self.sections = Sections::new(true);
    }

    /// What stands for it in another room: the tracks and what is known of
    /// it, without any line to it.
    pub(crate) fn double(&self, sid: String, room: &str, home: RoomKey, desk: &Desk) -> Self {
        let mut double = self.clone();
        double.renew(sid, room, desk);
        double.doubles = Some(home);
        double.link.session = None;
        double.link.lost = None;
        double.peer = None;
        double.offering = None;
        double.sections = Sections::new(false);
        double.unclaimed.clear();
        double.subscriptions = Subscriptions::default();
        double.data = DataTracks::default();
        double.flow = Flow::default();
        double.audience = Audience::default();
        double.auto_subscribe = false;
        double
    }

    /// Takes over what has changed of the one that it stands for.
    pub(crate) fn follow(&mut self, original: &Self) {
        let room = std::mem::take(&mut self.grants.room);
        self.grants = original.grants.clone();
        self.grants.room = room;
        for (id, track) in &original.tracks {
            let known = self
                .tracks
                .get(id)
                .map(|own| (own.told, own.received, own.demand));
            let mut track = track.clone();
            (track.told, track.received, track.demand) = known.unwrap_or_default();
            self.tracks.insert(*id, track);
        }
    }

    /// Whether its stay is to be written down: a double is present elsewhere.
    pub(crate) const fn attended(&self) -> bool {
        !self.grants.hidden && self.doubles.is_none()
    }

    pub(crate) fn identity(&self) -> &str {
        &self.grants.identity
    }

    pub(crate) const fn active(&self) -> bool {
        matches!(self.presence, Presence::Active)
    }

    pub(crate) const fn dialect(&self) -> Dialect {
        match self.offering {
            None => Dialect::SinglePeer,
            Some(_) => Dialect::DualPeer,
        }
    }

    /// The peer in which it receives. It is the one that makes it present.
    pub(crate) fn receiving_peer(&self) -> Option<&Peer> {
        match &self.offering {
            None => self.peer.as_ref(),
            Some(offering) => offering.peer.as_ref(),
        }
    }

    /// The peer in which it receives, once ICE and DTLS are up.
    pub(crate) fn connected_peer(&self) -> Option<&Peer> {
        self.receiving_peer().filter(|peer| peer.connected)
    }

    pub(crate) fn peers(&self) -> impl Iterator<Item = &Peer> {
        let second = self.offering.as_ref().and_then(|o| o.peer.as_ref());
        self.peer.iter().chain(second)
    }

    pub(crate) fn peer_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        let second = self.offering.as_mut().and_then(|o| o.peer.as_mut());
        let mut peers = self.peer.iter_mut().chain(second);
        peers.find(|peer| peer.id == id)
    }

    pub(crate) fn forget_peer(&mut self, id: PeerId) {
        self.peer.take_if(|peer| peer.id == id);
        if let Some(offering) = &mut self.offering {
            offering.peer.take_if(|peer| peer.id == id);
        }
    }

    /// The worse of its connections, as far as they were measured.
    pub(crate) fn grade(&self) -> Option<Grade> {
        self.peers().filter_map(|peer| peer.grade).min()
    }

    /// Tracks can be brought to it. Each round trip that they need not wait for
    /// is a round trip less until the first picture.
    pub(crate) const fn listens(&self) -> bool {
        self.active() || self.early || self.offering.is_some()
    }

    /// It shall no longer receive a track.
    pub(crate) fn release(&mut self, track: TrackId) {
        match &mut self.offering {
            None => self.sections.release(track),
            Some(offering) => offering.release(track),
        }
    }

    pub(crate) fn may_publish(&self, source: Source) -> bool {
        let sources = &self.grants.can_publish_sources;
        self.grants.can_publish && (sources.is_empty() || sources.contains(&source))
    }

    /// How a new subscription begins.
    pub(crate) fn first_setting(&self) -> Setting {
        Setting {
            begin_low: self.adaptive_stream,
            ..Setting::default()
        }
    }

    /// Whether `receiver` may receive one of our tracks.
    pub(crate) fn admits(&self, receiver: &Self, track: &Track) -> bool {
        self.audience
            .admits(&receiver.sid, receiver.identity(), track.sid())
    }

    /// The stream in which a track of ours shows up at `receiver`: the first
    /// part must be our sid, clients check it.
    pub(crate) fn stream(&self, track: &Track, receiver: &Self) -> String {
        let stream = &track.info.stream;
        let plain = !stream.is_empty()
            && stream
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        let stream = if receiver.shared_streams && plain {
            stream
        } else {
            track.sid()
        };
        format!("{}|{stream}", self.sid)
    }

    pub(crate) fn send(&self, desk: &mut Desk, message: Message) {
        if let Some(session) = self.link.session {
            desk.send(session, message, self.link.text);
        }
    }

    /// Counts a change that others are going to be told of.
    pub(crate) const fn touch(&mut self) {
        self.version = self.version.saturating_add(1);
    }

    pub(crate) fn info(&self) -> proto::ParticipantInfo {
        let state = match self.presence {
            Presence::Joined => State::Joined,
            Presence::Active => State::Active,
        };
        let tracks: Vec<proto::TrackInfo> = self
            .tracks
            .values()
            .filter(|track| track.mid.is_some())
            .map(|track| track.info.clone())
            .collect();
        proto::ParticipantInfo {
            sid: self.sid.clone(),
            identity: self.grants.identity.clone(),
            name: self.grants.name.clone(),
            metadata: self.grants.metadata.clone(),
            attributes: self.grants.attributes.clone().into_iter().collect(),
            state: state.into(),
            joined_at: self.joined_ms / 1_000,
            joined_at_ms: self.joined_ms,
            version: self.version,
            kind: kind(self.grants.kind).into(),
            permission: Some(permission(&self.grants)),
            is_publisher: !tracks.is_empty(),
            tracks,
            data_tracks: self.data.infos(),
            client_protocol: self.client_protocol,
            capabilities: self.capabilities.clone(),
            kind_details: match self.doubles {
                Some(_) => vec![proto::participant_info::KindDetail::Forwarded.into()],
                None => Vec::new(),
            },
            ..Default::default()
        }
    }

    /// What is told of someone who is no longer there.
    pub(crate) fn farewell(&mut self, reason: proto::DisconnectReason) -> proto::ParticipantInfo {
        self.touch();
        proto::ParticipantInfo {
            state: State::Disconnected.into(),
            disconnect_reason: reason.into(),
            tracks: Vec::new(),
            data_tracks: Vec::new(),
            is_publisher: false,
            ..self.info()
        }
    }

    pub(crate) fn attendance(&self, room: &str) -> Attendance {
        Attendance {
            id: self.sid.clone(),
            meeting_id: room.to_owned(),
            user_id: self.grants.identity.clone(),
            name: self.grants.name.clone(),
            joined_at: self.joined_ms,
            left_at: None,
        }
    }

    /// The parameters that all Opus sections of this peer are to share.
    pub(crate) fn opus(&self) -> OpusStyle {
        let mut audio = self
            .tracks
            .values()
            .filter(|track| track.kind == Kind::Audio);
        OpusStyle {
            stereo: audio.clone().any(Track::stereo),
            sends_stereo: false,
            discontinuous: !audio.any(Track::continuous),
        }
    }
}

#[expect(deprecated, reason = "the message has fields that are no longer used")]
fn permission(grants: &Grants) -> proto::ParticipantPermission {
    proto::ParticipantPermission {
        can_subscribe: grants.can_subscribe,
        can_publish: grants.can_publish,
        can_publish_data: grants.can_publish_data,
        can_publish_sources: grants
            .can_publish_sources
            .iter()
            .map(|s| source(*s).into())
            .collect(),
        hidden: grants.hidden,
        recorder: grants.recorder,
        can_update_metadata: grants.can_update_own_metadata,
        agent: grants.agent,
        can_subscribe_metrics: false,
        can_manage_agent_session: false,
    }
}

const fn kind(kind: PersonKind) -> proto::participant_info::Kind {
    use proto::participant_info::Kind;
    match kind {
        PersonKind::Standard => Kind::Standard,
        PersonKind::Ingress => Kind::Ingress,
        PersonKind::Egress => Kind::Egress,
        PersonKind::Sip => Kind::Sip,
        PersonKind::Agent => Kind::Agent,
        PersonKind::Connector => Kind::Connector,
        PersonKind::Bridge => Kind::Bridge,
    }
}

const fn source(source: Source) -> proto::TrackSource {
    match source {
        Source::Unknown => proto::TrackSource::Unknown,
        Source::Camera => proto::TrackSource::Camera,
        Source::Microphone => proto::TrackSource::Microphone,
        Source::ScreenShare => proto::TrackSource::ScreenShare,
        Source::ScreenShareAudio => proto::TrackSource::ScreenShareAudio,
    }
}
