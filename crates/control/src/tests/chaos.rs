//! Random requests in random order: nothing panics, and what has to hold holds.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use livekit_protocol as proto;
use proptest::{prelude::*, sample::Index};
use protocol::{
    ids::{PeerId, SessionId, SlotId, TrackId},
    limits,
    plane::{CloseReason, Command, DataChannel, Event},
    signal::Frame,
};

use super::{
    sketch::Sketch,
    world::{Asked, World, add_track, grants, join},
};
use crate::{Input, Join, Resume};

#[derive(Clone, Debug)]
enum Step {
    Enter(u8),
    Resume,
    Announce(u8, bool),
    AddSection(u8, bool, bool),
    ChangeSection(Index, u8),
    Offer,
    MediaUp,
    MediaDown,
    Drop,
    Leave,
    Mute(Index, bool),
    Subscribe(Index, bool),
    Setting(Index, u32, bool),
    Metadata(String),
    Sync(Index),
    Garbage(Vec<u8>),
    Data(Vec<u8>),
    Levels,
    Pass(u16),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..4_u8).prop_map(Step::Enter),
        2 => Just(Step::Resume),
        6 => (0..6_u8, any::<bool>()).prop_map(|(c, v)| Step::Announce(c, v)),
        6 => (0..6_u8, any::<bool>(), any::<bool>()).prop_map(|(c, v, s)| Step::AddSection(c, v, s)),
        4 => (any::<Index>(), 0..6_u8).prop_map(|(i, d)| Step::ChangeSection(i, d)),
        10 => Just(Step::Offer),
        4 => Just(Step::MediaUp),
        1 => Just(Step::MediaDown),
        1 => Just(Step::Drop),
        1 => Just(Step::Leave),
        2 => (any::<Index>(), any::<bool>()).prop_map(|(i, m)| Step::Mute(i, m)),
        4 => (any::<Index>(), any::<bool>()).prop_map(|(i, s)| Step::Subscribe(i, s)),
        3 => (any::<Index>(), 0..2_000_u32, any::<bool>()).prop_map(|(i, w, d)| Step::Setting(i, w, d)),
        1 => "[a-z]{0,5}".prop_map(Step::Metadata),
        1 => any::<Index>().prop_map(Step::Sync),
        1 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Garbage),
        2 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Step::Data),
        2 => Just(Step::Levels),
        4 => (0..3_000_u16).prop_map(Step::Pass),
    ]
}

/// Sessions that stand, in order.
fn standing(world: &World) -> Vec<SessionId> {
    world
        .screens
        .keys()
        .copied()
        .filter(|s| world.control.seat(*s).is_some())
        .collect()
}

/// All sids that someone sees, and one that nobody has.
fn sids(world: &World) -> Vec<String> {
    let seen: BTreeSet<String> = world
        .screens
        .values()
        .flat_map(|screen| screen.roster.values())
        .flat_map(|info| &info.tracks)
        .map(|track| track.sid.clone())
        .collect();
    seen.into_iter().chain(["TR_none".to_owned()]).collect()
}

fn kind(video: bool) -> &'static str {
    if video { "video" } else { "audio" }
}

fn take(world: &mut World, who: Index, step: Step) {
    if let Step::Enter(n) = step {
        world.connect(grants(&format!("p{n}")), join());
        return;
    }
    if let Step::Pass(ms) = step {
        world.pass(Duration::from_millis(ms.into()));
        return;
    }
    let standing = standing(world);
    if standing.is_empty() {
        return;
    }
    let session = *who.get(&standing);
    let sids = sids(world);
    match step {
        Step::Enter(_) | Step::Pass(_) => {}
        Step::Resume => {
            let participant_sid = world.screen(session).me.clone();
            let identity = world.screen(session).roster[&participant_sid]
                .identity
                .clone();
            let sections = world.screen(session).sections.clone();
            let resume = Some(Resume {
                participant_sid: participant_sid.clone(),
                sync_state: None,
            });
            let new = world.connect(grants(&identity), Join { resume, ..join() });
            world.screen(new).sections = sections;
            world.screen(new).me = participant_sid;
        }
        Step::Announce(cid, video) => {
            world.ask(
                session,
                Asked::AddTrack(add_track(&format!("c{cid}"), kind(video))),
            );
        }
        Step::AddSection(cid, video, send) => {
            let section = if send {
                Sketch::send(kind(video), &format!("c{cid}"))
            } else {
                Sketch::receive(kind(video))
            };
            world.screen(session).sections.push(section);
        }
        Step::ChangeSection(index, how) => {
            let sections = &mut world.screen(session).sections;
            if sections.is_empty() {
                return;
            }
            let at = index.index(sections.len());
            match how {
                4 => sections[at].stopped = !sections[at].stopped,
                5 => {
                    sections.remove(at);
                }
                _ => {
                    sections[at].direction =
                        ["inactive", "recvonly", "sendonly", "sendrecv"][usize::from(how)]
                }
            }
        }
        Step::Offer => world.offer(session),
        Step::MediaUp => with_peer(world, session, World::media_up),
        Step::MediaDown => with_peer(world, session, |w, s| w.media_down(s, CloseReason::Silence)),
        Step::Drop => world.disconnect(session),
        Step::Leave => world.ask(session, Asked::Leave(Default::default())),
        Step::Mute(index, muted) => {
            let sid = index.get(&sids).clone();
            world.ask(session, Asked::Mute(proto::MuteTrackRequest { sid, muted }));
        }
        Step::Subscribe(index, subscribe) => {
            let track_sids = vec![index.get(&sids).clone()];
            let update = proto::UpdateSubscription {
                track_sids,
                subscribe,
                ..Default::default()
            };
            world.ask(session, Asked::Subscription(update));
        }
        Step::Setting(index, width, disabled) => {
            let track_sids = vec![index.get(&sids).clone()];
            let settings = proto::UpdateTrackSettings {
                track_sids,
                width,
                height: width / 2,
                disabled,
                ..Default::default()
            };
            world.ask(session, Asked::TrackSetting(settings));
        }
        Step::Metadata(name) => {
            let update = proto::UpdateParticipantMetadata {
                name,
                ..Default::default()
            };
            world.ask(session, Asked::UpdateMetadata(update));
        }
        Step::Sync(index) => {
            let track = Some(proto::TrackInfo {
                sid: index.get(&sids).clone(),
                ..Default::default()
            });
            let publish_tracks = vec![proto::TrackPublishedResponse {
                track,
                ..Default::default()
            }];
            world.ask(
                session,
                Asked::SyncState(proto::SyncState {
                    publish_tracks,
                    ..Default::default()
                }),
            );
        }
        Step::Garbage(bytes) => {
            world.input(Input::Frame {
                session,
                frame: Frame::Binary(bytes.into()),
            });
        }
        Step::Data(bytes) => with_peer(world, session, |world, session| {
            let (shard, peer) = world.peer(session);
            let payload = Bytes::from(bytes);
            let event = Event::Data {
                peer,
                channel: DataChannel::Lossy,
                payload,
            };
            world.input(Input::Plane { shard, event });
        }),
        Step::Levels => {
            let levels = (0..20)
                .map(|n| protocol::plane::AudioLevel {
                    track: TrackId(n),
                    level: 9,
                    voiced_percent: 80,
                })
                .collect();
            let event = Event::Levels { levels };
            world.input(Input::Plane {
                shard: protocol::ids::ShardId(0),
                event,
            });
        }
    }
}

fn with_peer(world: &mut World, session: SessionId, act: impl FnOnce(&mut World, SessionId)) {
    let seat = world.control.seat(session).unwrap();
    if world.control.peer(seat).is_some() {
        act(world, session);
    }
}

/// What the media plane was told makes sense.
#[derive(Default)]
struct Plane {
    peers: BTreeSet<PeerId>,
    tracks: BTreeMap<TrackId, PeerId>,
    slots: BTreeMap<(PeerId, SlotId), (TrackId, String)>,
}

impl Plane {
    fn follow(&mut self, command: &Command) {
        let peer = command.peer();
        if let Command::OpenPeer { .. } = command {
            assert!(self.peers.insert(peer), "opened twice");
            return;
        }
        if let Command::ClosePeer { .. } = command {
            self.peers.remove(&peer);
            self.tracks.retain(|_, owner| *owner != peer);
            self.slots.retain(|(owner, _), _| *owner != peer);
            return;
        }
        assert!(
            self.peers.contains(&peer),
            "{command:?} for a peer that is not open"
        );
        match command {
            Command::Publish { uplink, .. } => {
                assert!((1..=3).contains(&uplink.encodings.len()));
                self.tracks.insert(uplink.track, peer);
            }
            Command::Unpublish { track, .. } => {
                assert_eq!(self.tracks.remove(track), Some(peer));
            }
            Command::Subscribe { downlink, .. } => {
                assert!(
                    self.tracks.contains_key(&downlink.track),
                    "an unknown track"
                );
                assert_ne!(self.tracks[&downlink.track], peer, "its own track");
                let mid = downlink.mid.to_string();
                let taken = self
                    .slots
                    .iter()
                    .any(|((p, _), (_, m))| *p == peer && *m == mid);
                assert!(!taken, "two tracks in one section");
                let old = self
                    .slots
                    .insert((peer, downlink.slot), (downlink.track, mid));
                assert!(old.is_none(), "a slot used twice");
            }
            Command::Unsubscribe { slot, .. } => {
                assert!(self.slots.remove(&(peer, *slot)).is_some());
            }
            Command::ChangeWish { slot, .. } => assert!(self.slots.contains_key(&(peer, *slot))),
            Command::MuteTrack { track, .. } => assert!(self.tracks.contains_key(track)),
            Command::OpenPeer { .. }
            | Command::ClosePeer { .. }
            | Command::RestartIce { .. }
            | Command::Negotiate { .. }
            | Command::SendData { .. } => {}
        }
    }

    /// The plane lost these by itself.
    fn close(&mut self, world: &World) {
        let standing: BTreeSet<PeerId> = standing(world)
            .into_iter()
            .filter_map(|s| world.control.peer(world.control.seat(s)?))
            .map(|(_, peer)| peer)
            .collect();
        self.slots.retain(|(peer, _), _| standing.contains(peer));
    }
}

/// After some quiet everyone sees the same.
fn agree(world: &mut World) {
    world.pass(Duration::from_millis(200));
    let rosters: BTreeSet<String> = standing(world)
        .iter()
        .map(|s| {
            let roster = &world.screens[s].roster;
            let people: Vec<_> = roster
                .values()
                .map(|i| {
                    (
                        &i.sid,
                        i.version,
                        i.state,
                        i.tracks.iter().map(|t| &t.sid).collect::<Vec<_>>(),
                    )
                })
                .collect();
            format!("{people:?}")
        })
        .collect();
    assert!(rosters.len() <= 1, "{rosters:#?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_breaks(steps in prop::collection::vec((any::<Index>(), step()), 1..250)) {
        let mut world = World::new();
        let mut plane = Plane::default();
        for (who, step) in steps {
            take(&mut world, who, step);
            for (_, command) in std::mem::take(&mut world.orders) {
                plane.follow(&command);
            }
        }
        agree(&mut world);
        let stats = world.control.stats();
        prop_assert!(stats.participants <= 4);
        prop_assert!(stats.tracks <= 4 * limits::TRACKS_PER_PARTICIPANT);
        plane.close(&world);
        // Everyone goes, nothing is left behind.
        world.pass(Duration::from_secs(60));
        let stats = world.control.stats();
        prop_assert_eq!((stats.rooms, stats.participants, stats.sessions, stats.tracks), (0, 0, 0, 0));
        prop_assert!(world.control.leftovers().is_empty(), "{}", world.control.leftovers());
    }

    #[test]
    fn any_frame_is_survived(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
        texts in prop::collection::vec("(?s).{0,80}", 1..5),
    ) {
        let mut world = World::new();
        for bytes in frames {
            let session = world.enter("anna");
            world.input(Input::Frame { session, frame: Frame::Binary(bytes.into()) });
        }
        for text in texts {
            let session = world.enter("anna");
            world.screen(session).text = true;
            world.input(Input::Frame { session, frame: Frame::Text(text) });
        }
        let bert = world.enter("bert");
        prop_assert_eq!(world.screen(bert).end, None);
    }

    #[test]
    fn any_join_request_is_refused_or_read(text in "[A-Za-z0-9_=-]{0,200}") {
        let query = vec![("join_request".to_owned(), text)];
        let _ = Join::parse(protocol::signal::Dialect::SinglePeer, &query);
    }
}

#[test]
fn json_clients_are_answered_in_json() {
    let mut world = World::new();
    let anna = world.enter("anna");
    world.screen(anna).text = true;
    world.ask(anna, Asked::Ping(1));
    world.publish(anna, "mic", "audio");
    assert_eq!(world.screen(anna).end, None);
    assert_eq!(world.screen(anna).directions().last(), Some(&"recvonly"));
}

mod join_requests {
    use std::io::Write;

    use base64::{Engine, engine::general_purpose};
    use flate2::{Compression, write::GzEncoder};
    use livekit_protocol as proto;
    use prost::Message;
    use protocol::{limits, signal::Dialect};

    use crate::Join;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn wrap(compression: i32, join_request: Vec<u8>) -> Vec<u8> {
        proto::WrappedJoinRequest {
            compression,
            join_request,
        }
        .encode_to_vec()
    }

    fn parse(text: String) -> Result<Join, protocol::signal::ConnectError> {
        Join::parse(
            Dialect::SinglePeer,
            &[
                ("access_token".into(), "x".into()),
                ("join_request".into(), text),
            ],
        )
    }

    #[test]
    fn all_forms_are_read() {
        let request = proto::JoinRequest {
            client_info: Some(proto::ClientInfo {
                client_protocol: 2,
                ..Default::default()
            }),
            metadata: "hello".into(),
            reconnect: true,
            participant_sid: "PA_1".into(),
            ..Default::default()
        }
        .encode_to_vec();
        for wrapped in [wrap(0, request.clone()), wrap(1, gzip(&request))] {
            for text in [
                general_purpose::URL_SAFE.encode(&wrapped),
                general_purpose::URL_SAFE_NO_PAD.encode(&wrapped),
            ] {
                let join = parse(text).unwrap();
                assert_eq!(
                    (join.metadata.as_str(), join.client.client_protocol),
                    ("hello", 2)
                );
                assert_eq!(join.resume.unwrap().participant_sid, "PA_1");
                assert!(join.auto_subscribe);
            }
        }
    }

    #[test]
    fn what_is_malformed_or_too_large_is_refused() {
        let bomb = gzip(&vec![0; limits::JOIN_REQUEST_BYTES + 1]);
        assert!(bomb.len() < 10_000);
        let encode = |bytes: Vec<u8>| general_purpose::URL_SAFE.encode(bytes);
        for text in [
            encode(wrap(1, bomb)),
            encode(wrap(1, vec![1, 2, 3])),
            encode(wrap(7, Vec::new())),
            encode(wrap(0, vec![0xff])),
            encode(vec![0xff]),
            "?!".to_owned(),
            "A".repeat(limits::JOIN_REQUEST_BYTES * 2),
        ] {
            assert!(parse(text).is_err());
        }
        assert!(Join::parse(Dialect::SinglePeer, &[]).is_err());
    }
}
