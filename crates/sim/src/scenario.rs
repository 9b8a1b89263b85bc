//! What is played: each scenario is a story, told to a [`World`], with its
//! judgement at the end of each chapter.

mod calls;
mod hostile;
mod presence;
mod quality;

use std::{collections::BTreeMap, fmt, time::Duration};

use client::{AudioFeed, Feed, VideoFeed};
use protocol::grants::Source;

use crate::{
    oracle,
    person::PersonId,
    world::{JoinOptions, World},
};

/// All that can be played.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Scenario {
    /// Two people with cameras and microphones, clean lines.
    TwoPeople,
    /// Five people come, go and come back.
    Churn,
    /// 5 % loss both ways, with jitter, duplicates and reordering.
    Loss,
    /// Joining over bad lines.
    LossyJoin,
    /// Subscribers' wishes walk through the layers of a simulcast camera.
    Layers,
    /// Subscribing by hand, and beginning with the lowest layer.
    Selective,
    /// Temporal layers and H.264 besides VP8.
    Codecs,
    /// Six people over two shards.
    Shards,
    /// Somebody vanishes without a goodbye.
    Vanish,
    /// WebSockets break and are taken up again, once from another network.
    Resume,
    /// A link is cut for a moment and comes back.
    Cut,
    /// Garbage from hostile hosts while two people talk.
    Hostile,
    /// Muting, unpublishing and publishing again, many times.
    Mute,
    /// Data messages, reliable and lossy, to all and to some.
    Data,
    /// Two rooms on one node.
    Rooms,
    /// Who speaks is told to everyone.
    Speakers,
    /// Sixteen people who come almost at once.
    Crowd,
}

impl Scenario {
    pub const ALL: [Self; 17] = [
        Self::TwoPeople,
        Self::Churn,
        Self::Loss,
        Self::LossyJoin,
        Self::Layers,
        Self::Selective,
        Self::Codecs,
        Self::Shards,
        Self::Vanish,
        Self::Resume,
        Self::Cut,
        Self::Hostile,
        Self::Mute,
        Self::Data,
        Self::Rooms,
        Self::Speakers,
        Self::Crowd,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TwoPeople => "two-people",
            Self::Churn => "churn",
            Self::Loss => "loss",
            Self::LossyJoin => "lossy-join",
            Self::Layers => "layers",
            Self::Selective => "selective",
            Self::Codecs => "codecs",
            Self::Shards => "shards",
            Self::Vanish => "vanish",
            Self::Resume => "resume",
            Self::Cut => "cut",
            Self::Hostile => "hostile",
            Self::Mute => "mute",
            Self::Data => "data",
            Self::Rooms => "rooms",
            Self::Speakers => "speakers",
            Self::Crowd => "crowd",
        }
    }

    /// Media shards of the node, unless told otherwise.
    #[must_use]
    pub const fn shards(self) -> u16 {
        match self {
            Self::Shards | Self::Hostile | Self::Rooms | Self::Crowd => 2,
            Self::TwoPeople
            | Self::Churn
            | Self::Loss
            | Self::LossyJoin
            | Self::Layers
            | Self::Selective
            | Self::Codecs
            | Self::Vanish
            | Self::Resume
            | Self::Cut
            | Self::Mute
            | Self::Data
            | Self::Speakers => 1,
        }
    }

    /// Plays it; what it measured.
    pub fn play(self, world: &mut World) -> BTreeMap<String, u64> {
        let mut facts = Facts::default();
        match self {
            Self::TwoPeople => calls::two_people(world, &mut facts),
            Self::Churn => presence::churn(world, &mut facts),
            Self::Loss => quality::loss(world, &mut facts),
            Self::LossyJoin => quality::lossy_join(world, &mut facts),
            Self::Layers => quality::layers(world, &mut facts),
            Self::Selective => quality::selective(world, &mut facts),
            Self::Codecs => quality::codecs(world, &mut facts),
            Self::Shards => calls::shards(world, &mut facts),
            Self::Vanish => presence::vanish(world, &mut facts),
            Self::Resume => presence::resume(world, &mut facts),
            Self::Cut => presence::cut(world, &mut facts),
            Self::Hostile => hostile::storms(world, &mut facts),
            Self::Mute => calls::mute(world, &mut facts),
            Self::Data => calls::data(world, &mut facts),
            Self::Rooms => calls::rooms(world, &mut facts),
            Self::Speakers => calls::speakers(world, &mut facts),
            Self::Crowd => calls::crowd(world, &mut facts),
        }
        facts.0
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a scenario measured, by name.
#[derive(Default)]
struct Facts(BTreeMap<String, u64>);

impl Facts {
    fn set(&mut self, name: &str, value: u64) {
        self.0.insert(name.to_owned(), value);
    }

    fn millis(&mut self, name: &str, value: Duration) {
        self.set(name, u64::try_from(value.as_millis()).unwrap_or(u64::MAX));
    }
}

/// A person's microphone and camera, in every scenario.
const MICROPHONE: u32 = 1;
const CAMERA: u32 = 2;

const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

const fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// On a clean line sound comes every 20 ms and a picture every 66 ms at the
/// slowest; the rest is jitter and a frame that waits for its neighbour.
const CLEAN_AUDIO: Duration = millis(60);
const CLEAN_VIDEO: Duration = millis(150);

/// Joins, with a microphone and a small camera.
fn arrive(world: &mut World, room: &str, identity: &str, options: JoinOptions) -> PersonId {
    let id = world.join(room, identity, options);
    world.publish(
        id,
        MICROPHONE,
        Source::Microphone,
        Feed::Audio(AudioFeed::VOICE),
    );
    world.publish(
        id,
        CAMERA,
        Source::Camera,
        Feed::Video(VideoFeed::thumbnail()),
    );
    id
}

/// Rosters, streams and signalling are as they should be.
fn judge(world: &mut World, audio: Duration, video: Duration) {
    let mut wrong = oracle::rosters(world);
    wrong.extend(oracle::flows(world, audio, video));
    wrong.extend(oracle::conformance(world));
    world.fail_all(wrong);
}

/// A stretch of time without anybody doing anything, judged at its end.
fn watch(world: &mut World, time: Duration, audio: Duration, video: Duration) {
    world.begin_window();
    world.run_for(time);
    judge(world, audio, video);
}
