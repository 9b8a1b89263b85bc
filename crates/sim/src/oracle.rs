//! Independent judges: each looks at what the clients saw and at the
//! simulator's own record of what people did, never at the node's insides.
//! An empty answer means that all is well.

use std::{collections::BTreeSet, time::Duration};

use client::{Event, Owner, Problem};
use protocol::media::Kind;

use crate::{person::Person, world::World};

/// What a roster should say of one person: its tracks, by kind and mute.
type Tracks = Vec<(i32, bool)>;

fn kind_number(kind: Kind) -> i32 {
    match kind {
        Kind::Audio => 0,
        Kind::Video => 1,
    }
}

fn should_be(person: &Person) -> Tracks {
    let mut tracks: Tracks = person
        .published
        .values()
        .map(|p| (kind_number(p.kind), p.muted))
        .collect();
    tracks.sort_unstable();
    tracks
}

fn others<'a>(world: &'a World, person: &'a Person) -> impl Iterator<Item = &'a Person> {
    world
        .people()
        .iter()
        .filter(move |p| p.is_present() && p.room == person.room && p.tag != person.tag)
}

fn present(world: &World) -> impl Iterator<Item = &Person> {
    world.people().iter().filter(|p| p.is_present())
}

/// After a quiet second everybody sees everybody with the right tracks.
#[must_use]
pub fn rosters(world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    for person in present(world) {
        if !person.client.is_connected() {
            wrong.push(format!("{} is not connected", person.identity));
        }
        let mut expected: Vec<(&str, Tracks)> = others(world, person)
            .chain([person])
            .map(|p| (p.identity.as_str(), should_be(p)))
            .collect();
        expected.sort();
        let mut seen: Vec<(&str, Tracks)> = person
            .client
            .roster()
            .members()
            .values()
            .map(|member| {
                let mut tracks: Tracks =
                    member.tracks.values().map(|t| (t.kind, t.muted)).collect();
                tracks.sort_unstable();
                (member.identity.as_str(), tracks)
            })
            .collect();
        seen.sort();
        if seen != expected {
            let identity = &person.identity;
            wrong.push(format!("{identity} sees {seen:?} instead of {expected:?}"));
        }
        for member in person.client.roster().members().values() {
            if member.state != ACTIVE {
                let (identity, other) = (&person.identity, &member.identity);
                wrong.push(format!("{identity} sees {other} in state {}", member.state));
            }
        }
    }
    wrong
}

/// LiveKit's number for a participant whose transport is up.
const ACTIVE: i32 = 2;

/// Everyone who is subscribed to everything gets every track that is not
/// muted, without a longer gap than these since the window began.
#[must_use]
pub fn flows(world: &World, audio: Duration, video: Duration) -> Vec<String> {
    let mut wrong = Vec::new();
    for person in present(world).filter(|p| p.auto_subscribe) {
        for other in others(world, person) {
            for (key, published) in other.published.iter().filter(|(_, p)| !p.muted) {
                let bound = match published.kind {
                    Kind::Audio => audio,
                    Kind::Video => video,
                };
                let name = format!("{} of {} at {}", key.0, other.identity, person.identity);
                let gap = other
                    .client
                    .published(*key)
                    .and_then(|track| person.client.gap(track, world.instant()));
                match gap {
                    None => wrong.push(format!("track {name} has no place")),
                    Some(gap) if gap > bound => {
                        wrong.push(format!("track {name} had a gap of {gap:?}, over {bound:?}"));
                    }
                    Some(_) => {}
                }
            }
        }
    }
    wrong
}

/// No stream breaks a rule of RTP or VP8, nothing comes on a wrong track or
/// from another room, and the signalling has no fault.
#[must_use]
pub fn conformance(world: &World) -> Vec<String> {
    let mut wrong = Vec::new();
    for person in world.people() {
        let identity = &person.identity;
        let room: BTreeSet<u32> = world
            .people()
            .iter()
            .filter(|p| p.room == person.room)
            .map(|p| p.tag)
            .collect();
        for (track, _) in person.client.subscribed() {
            let Some(stats) = person.client.stats(track) else {
                continue;
            };
            if stats.violation_count > 0 {
                let first = stats
                    .violations
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                let count = stats.violation_count;
                wrong.push(format!(
                    "{identity}, {track}: {count} violations, first {first}"
                ));
            }
            if stats.owners.keys().any(|owner| !room.contains(&owner.tag)) {
                wrong.push(format!("{identity}, {track}: packets of another room"));
            }
            if let Some(owner) = owner_of(world, person, track)
                && stats.owners.keys().any(|o| *o != owner)
            {
                wrong.push(format!(
                    "{identity}, {track}: packets of {:?}",
                    stats.owners
                ));
            }
        }
        wrong.extend(problems(person).map(|(at, p)| format!("{at:?} {identity}: {p}")));
    }
    wrong
}

fn owner_of(world: &World, person: &Person, track: &str) -> Option<Owner> {
    others(world, person).find_map(|p| {
        let key = p
            .published
            .keys()
            .find(|key| p.client.published(**key) == Some(track))?;
        Some(Owner {
            tag: p.tag,
            key: key.0,
        })
    })
}

fn problems(person: &Person) -> impl Iterator<Item = (Duration, &Problem)> {
    person.events.iter().filter_map(|(at, event)| {
        if let Event::Problem(problem) = event {
            Some((*at, problem))
        } else {
            None
        }
    })
}
