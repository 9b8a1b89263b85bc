//! Calls without trouble: the plain one, over two shards, muting, data, rooms.

use std::{collections::BTreeMap, time::Duration};

use client::{Action, AudioFeed, Event, Feed, PublicationKey, VideoFeed};
use protocol::{grants::Source, plane::DataChannel};

use super::{
    CAMERA, CLEAN_AUDIO, CLEAN_VIDEO, Facts, MICROPHONE, arrive, judge, millis, seconds, watch,
};
use crate::{
    oracle,
    person::PersonId,
    world::{JoinOptions, World},
};

pub(super) fn two_people(world: &mut World, facts: &mut Facts) {
    let ann = arrive(world, "room", "ann", JoinOptions::default());
    world.run_for(seconds(1));
    let bob = arrive(world, "room", "bob", JoinOptions::default());
    let first = first_picture(world, bob, ann);
    facts.millis("ms until the first picture", first);
    if first > FIRST_PICTURE {
        world.fail(format!("the first picture took {first:?}"));
    }
    world.run_for(seconds(3));
    watch(world, seconds(10), CLEAN_AUDIO, CLEAN_VIDEO);
    let frames = |world: &World, at: PersonId, of: PersonId, key| {
        let track = world
            .person(of)?
            .client
            .published(PublicationKey(key))?
            .to_owned();
        Some(world.person(at)?.client.stats(&track)?.frames)
    };
    facts.set(
        "frames at bob",
        frames(world, bob, ann, CAMERA).unwrap_or(0),
    );
    facts.set(
        "packets of sound at ann",
        frames(world, ann, bob, MICROPHONE).unwrap_or(0),
    );
    let lost: u64 = [(ann, bob), (bob, ann)]
        .iter()
        .filter_map(|(at, of)| {
            let track = world
                .person(*of)?
                .client
                .published(PublicationKey(CAMERA))?
                .to_owned();
            Some(world.person(*at)?.client.stats(&track)?.lost)
        })
        .sum();
    if lost > 0 {
        world.fail(format!("{lost} packets lost on clean lines"));
    }
    world.act(ann, Action::Leave);
    world.run_for(seconds(1));
    judge(world, CLEAN_AUDIO, CLEAN_VIDEO);
}

/// Ten round trips of 20 ms for signalling, ICE, DTLS and a second offer, and
/// a key frame that waits for its turn at 15 frames a second.
const FIRST_PICTURE: Duration = millis(500);

/// How long a newcomer waits for a picture, up to five seconds.
fn first_picture(world: &mut World, at: PersonId, of: PersonId) -> Duration {
    let seen = |world: &World| {
        let track = world
            .person(of)?
            .client
            .published(PublicationKey(CAMERA))?
            .to_owned();
        let stats = world.person(at)?.client.stats(&track)?;
        (stats.frames > 0).then_some(())
    };
    let mut waited = Duration::ZERO;
    while waited < seconds(5) && seen(world).is_none() {
        world.run_for(millis(10));
        waited += millis(10);
    }
    waited
}

pub(super) fn shards(world: &mut World, facts: &mut Facts) {
    for name in ["ann", "bob", "cleo", "dan", "eve", "fay"] {
        arrive(world, "room", name, JoinOptions::default());
        world.run_for(millis(300));
    }
    world.run_for(seconds(3));
    watch(world, seconds(5), CLEAN_AUDIO, CLEAN_VIDEO);
    let peers = world.shard_stats();
    facts.set("shards", u64::try_from(peers.len()).unwrap_or(0));
    // What everybody got, for comparing one shard with two.
    let mut frames = BTreeMap::new();
    for person in world.people() {
        let sum: u64 = person
            .client
            .subscribed()
            .filter_map(|(track, _)| person.client.stats(track))
            .map(|stats| stats.frames)
            .sum();
        frames.insert(person.identity.clone(), sum);
    }
    for (name, sum) in frames {
        facts.set(&format!("frames at {name}"), sum);
    }
}

pub(super) fn mute(world: &mut World, facts: &mut Facts) {
    let ann = arrive(world, "room", "ann", JoinOptions::default());
    let native = JoinOptions {
        browser: false,
        ..JoinOptions::default()
    };
    let bob = arrive(world, "room", "bob", native);
    world.run_for(seconds(3));
    watch(world, seconds(2), CLEAN_AUDIO, CLEAN_VIDEO);
    for key in [MICROPHONE, CAMERA].map(PublicationKey) {
        for muted in [true, false, true, false] {
            world.act(ann, Action::Mute { key, muted });
            world.run_for(seconds(2));
            watch(world, seconds(1), CLEAN_AUDIO, CLEAN_VIDEO);
        }
    }
    let sections =
        |world: &World| [ann, bob].map(|id| world.person(id).map_or(0, |p| p.client.sections()));
    let before = sections(world);
    for _ in 0..6 {
        world.act(ann, Action::Unpublish(PublicationKey(CAMERA)));
        world.run_for(seconds(1));
        judge(world, CLEAN_AUDIO, CLEAN_VIDEO);
        let camera = Feed::Video(VideoFeed::thumbnail());
        world.publish(ann, CAMERA, Source::Camera, camera);
        world.run_for(seconds(2));
        watch(world, seconds(1), CLEAN_AUDIO, CLEAN_VIDEO);
    }
    let after = sections(world);
    if before != after {
        world.fail(format!("media sections grew from {before:?} to {after:?}"));
    }
    facts.set("sections", u64::try_from(after[0]).unwrap_or(0));
}

/// Messages of each kind that are sent.
const MESSAGES: u32 = 100;

pub(super) fn data(world: &mut World, facts: &mut Facts) {
    let people: Vec<PersonId> = ["ann", "bob", "cleo"]
        .iter()
        .map(|name| world.join("room", name, JoinOptions::default()))
        .collect();
    world.run_for(seconds(3));
    let [ann, bob, cleo] = people[..] else { return };
    let line = crate::network::LinkConfig::both(crate::network::Path::bad(50));
    world.set_link(bob, line);
    for number in 0..MESSAGES {
        let payload = bytes::Bytes::from(format!("reliable {number}"));
        let send = |channel, payload: &bytes::Bytes, destinations: Vec<String>| Action::SendData {
            channel,
            payload: payload.clone(),
            topic: Some("test".to_owned()),
            destinations,
        };
        world.act(ann, send(DataChannel::Reliable, &payload, Vec::new()));
        world.act(
            bob,
            send(DataChannel::Reliable, &payload, vec!["cleo".to_owned()]),
        );
        let payload = bytes::Bytes::from(format!("lossy {number}"));
        world.act(ann, send(DataChannel::Lossy, &payload, Vec::new()));
        world.run_for(millis(50));
    }
    world.run_for(seconds(5));
    let wanted: Vec<String> = (0..MESSAGES).map(|n| format!("reliable {n}")).collect();
    for (at, from, expected) in [
        (bob, "ann", wanted.as_slice()),
        (cleo, "ann", &wanted),
        (cleo, "bob", &wanted),
        (ann, "bob", &[]),
        (ann, "ann", &[]),
        (bob, "bob", &[]),
    ] {
        let got = received(world, at, from, DataChannel::Reliable);
        if got != expected {
            world.fail(format!(
                "{} reliable messages of {from} at {at:?}",
                got.len()
            ));
        }
    }
    let lossy = received(world, bob, "ann", DataChannel::Lossy);
    let mut once = lossy.clone();
    once.sort();
    once.dedup();
    if once.len() != lossy.len() || lossy.len() < usize::try_from(MESSAGES / 2).unwrap_or(0) {
        world.fail(format!(
            "{} lossy messages, {} different",
            lossy.len(),
            once.len()
        ));
    }
    facts.set(
        "lossy messages over 5 % loss",
        u64::try_from(lossy.len()).unwrap_or(0),
    );
    let wrong = oracle::conformance(world);
    world.fail_all(wrong);
}

/// Payloads in the order of their arrival; a wrong stamp is left out.
fn received(world: &World, at: PersonId, from: &str, channel: DataChannel) -> Vec<String> {
    let Some(person) = world.person(at) else {
        return Vec::new();
    };
    let sid = world
        .people()
        .iter()
        .find(|p| p.identity == from)
        .and_then(|p| p.client.sid());
    person
        .data()
        .filter(|d| d.channel == channel && d.identity == from && Some(d.sid.as_str()) == sid)
        .map(|d| String::from_utf8_lossy(&d.payload).into_owned())
        .collect()
}

pub(super) fn rooms(world: &mut World, facts: &mut Facts) {
    for (room, name) in [
        ("red", "ann"),
        ("blue", "ann"),
        ("red", "bob"),
        ("blue", "bob"),
    ] {
        arrive(world, room, name, JoinOptions::default());
    }
    world.run_for(seconds(3));
    watch(world, seconds(5), CLEAN_AUDIO, CLEAN_VIDEO);
    // An identity is unique within a room: a second one ends the first.
    world.expect_end(PersonId(0));
    let second = world.join("red", "ann", JoinOptions::default());
    let voice = Feed::Audio(AudioFeed::VOICE);
    world.publish(second, MICROPHONE, Source::Microphone, voice);
    world.run_for(seconds(3));
    watch(world, seconds(2), CLEAN_AUDIO, CLEAN_VIDEO);
    facts.set(
        "rooms",
        u64::try_from(world.control_stats().rooms).unwrap_or(0),
    );
}

/// Loud enough for a speaker, and as quiet as a room.
const LOUD: i8 = -20;
const QUIET: i8 = -90;

pub(super) fn speakers(world: &mut World, facts: &mut Facts) {
    let people = ["ann", "bob", "cleo"].map(|name| {
        let id = arrive(world, "room", name, JoinOptions::default());
        let key = PublicationKey(MICROPHONE);
        world.act(id, Action::Speak { key, level: QUIET });
        id
    });
    world.run_for(seconds(5));
    let key = PublicationKey(MICROPHONE);
    let mut changes = 0;
    for speaker in people.iter().cycle().take(7) {
        world.act(*speaker, Action::Speak { key, level: LOUD });
        world.run_for(seconds(1));
        expect_speakers(world, &[*speaker]);
        world.act(*speaker, Action::Speak { key, level: QUIET });
        world.run_for(seconds(2));
        expect_speakers(world, &[]);
        changes += 2;
    }
    judge(world, CLEAN_AUDIO, CLEAN_VIDEO);
    facts.set("changes", changes);
}

/// Everyone was told of exactly these speakers.
fn expect_speakers(world: &mut World, expected: &[PersonId]) {
    let sids = |ids: &[PersonId]| -> Vec<String> {
        let mut sids: Vec<String> = ids
            .iter()
            .filter_map(|id| Some(world.person(*id)?.client.sid()?.to_owned()))
            .collect();
        sids.sort();
        sids
    };
    let expected = sids(expected);
    let mut wrong = Vec::new();
    for person in world.people() {
        let mut active = BTreeMap::new();
        for (_, event) in &person.events {
            if let Event::Speakers(changes) = event {
                active.extend(changes.iter().map(|s| (s.sid.clone(), s.active)));
            }
        }
        let told: Vec<String> = active
            .into_iter()
            .filter_map(|(sid, active)| active.then_some(sid))
            .collect();
        if told != expected {
            wrong.push(format!("{} believes that {told:?} speak", person.identity));
        }
    }
    world.fail_all(wrong);
}

pub(super) fn crowd(world: &mut World, facts: &mut Facts) {
    for n in 0..16 {
        let options = JoinOptions {
            browser: n % 2 == 0,
            ..JoinOptions::default()
        };
        arrive(world, "room", &format!("p{n:02}"), options);
        world.run_for(millis(100));
    }
    world.run_for(seconds(5));
    watch(world, seconds(3), CLEAN_AUDIO, CLEAN_VIDEO);
    let most = world.people().iter().map(|p| p.client.sections()).max();
    facts.set(
        "most sections",
        u64::try_from(most.unwrap_or(0)).unwrap_or(0),
    );
}
