//! One participant: who it is, what it may do, what it publishes and receives.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use livekit_protocol as proto;
use proto::{client_info::Sdk, participant_info::State, signal_response::Message};
use protocol::{
    grants::{Grants, Source},
    ids::{ShardId, TrackId},
    media::Kind,
    store::Attendance,
};

use crate::{
    desk::Desk,
    join::Join,
    quality::Grade,
    sdp::{OpusStyle, Section},
    session::{Audience, DataTracks, Link, Peer, Sections, Setting, Subscriptions, Track},
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
    client_protocol: i32,
    capabilities: Vec<i32>,
    pub(crate) auto_subscribe: bool,
    pub(crate) auto_subscribe_data: bool,
    adaptive_stream: bool,
    /// Puts tracks of one stream in step; Firefox and native clients tell
    /// tracks apart by their stream, so each track has its own there.
    shared_streams: bool,
    pub(crate) presence: Presence,
    pub(crate) joined: Instant,
    joined_ms: i64,
    version: u32,
    pub(crate) link: Link,
    /// Where its peer is, or will be.
    pub(crate) shard: ShardId,
    pub(crate) peer: Option<Peer>,
    pub(crate) sections: Sections,
    /// What the client sends without having announced it yet.
    pub(crate) unclaimed: Vec<(usize, Section)>,
    pub(crate) tracks: BTreeMap<TrackId, Track>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) data: DataTracks,
    /// Who may receive its tracks.
    pub(crate) audience: Audience,
    /// Tracks that the client unsubscribed from.
    pub(crate) declined: BTreeSet<TrackId>,
    pub(crate) next_slot: u32,
    /// Highest sequence number of its reliable data packets.
    pub(crate) data_sequence: u32,
    pub(crate) grade: Option<Grade>,
}

impl Participant {
    pub(crate) fn new(
        sid: String,
        mut grants: Grants,
        join: &Join,
        link: Link,
        shard: ShardId,
        desk: &Desk,
    ) -> Self {
        grants
            .attributes
            .insert(ROLE.to_owned(), grants.role.as_str().to_owned());
        let client = &join.client;
        let firefox = client.browser.to_ascii_lowercase().contains("firefox");
        let browser = Sdk::try_from(client.sdk) == Ok(Sdk::Js);
        Self {
            sid,
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
            shared_streams: browser && !firefox,
            presence: Presence::Joined,
            joined: desk.now,
            joined_ms: desk.unix_ms(),
            version: 0,
            link,
            shard,
            peer: None,
            sections: Sections::new(browser),
            unclaimed: Vec::new(),
            tracks: BTreeMap::new(),
            subscriptions: Subscriptions::default(),
            data: DataTracks::default(),
            audience: Audience::default(),
            declined: BTreeSet::new(),
            next_slot: 0,
            data_sequence: 0,
            grade: None,
            grants,
        }
    }

    pub(crate) fn identity(&self) -> &str {
        &self.grants.identity
    }

    pub(crate) const fn active(&self) -> bool {
        matches!(self.presence, Presence::Active)
    }

    /// The peer, once ICE and DTLS are up.
    pub(crate) fn connected_peer(&self) -> Option<&Peer> {
        self.peer.as_ref().filter(|peer| peer.connected)
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
            permission: Some(permission(&self.grants)),
            is_publisher: !tracks.is_empty(),
            tracks,
            data_tracks: self.data.infos(),
            client_protocol: self.client_protocol,
            capabilities: self.capabilities.clone(),
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
        recorder: false,
        can_update_metadata: grants.can_update_own_metadata,
        agent: false,
        can_subscribe_metrics: false,
        can_manage_agent_session: false,
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
