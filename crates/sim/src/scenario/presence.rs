//! Coming, going, vanishing and coming back.

use std::time::Duration;

use client::{Action, AudioFeed, Feed};
use protocol::grants::Source;

use super::{CLEAN_AUDIO, CLEAN_VIDEO, Facts, MICROPHONE, arrive, judge, millis, seconds, watch};
use crate::{
    person::PersonId,
    world::{JoinOptions, World},
};

/// Presence must be right so soon after a join or a clean leave…
const SETTLED: Duration = seconds(1);
/// …and after somebody vanished.
const NOTICED: Duration = seconds(15);

pub(super) fn churn(world: &mut World, facts: &mut Facts) {
    let mut here: Vec<(PersonId, u64)> = Vec::new();
    let mut joins = 0;
    for round in 0..20 {
        let leaves = here.len() == 5 || (here.len() > 1 && world.random().chance(400));
        if leaves {
            let count = u64::try_from(here.len()).unwrap_or(1);
            let at = usize::try_from(world.random().below(count)).unwrap_or(0);
            let (id, _) = here.remove(at);
            world.act(id, Action::Leave);
            world.run_for(SETTLED);
        } else {
            let name = (0..5)
                .find(|n| here.iter().all(|(_, taken)| taken != n))
                .unwrap_or(round);
            let id = world.join("room", &format!("p{name}"), JoinOptions::default());
            joins += 1;
            here.push((id, name));
            world.publish(
                id,
                MICROPHONE,
                Source::Microphone,
                Feed::Audio(AudioFeed::VOICE),
            );
            world.run_for(SETTLED);
        }
        let wrong = crate::oracle::rosters(world);
        world.fail_all(wrong);
        world.run_for(millis(700));
        watch(world, millis(500), CLEAN_AUDIO, CLEAN_VIDEO);
    }
    facts.set("joins", joins);
    let expected = usize::try_from(joins).unwrap_or(0);
    let joined = world
        .attendance()
        .iter()
        .filter(|(_, c)| matches!(c, control::AttendanceChange::Joined(_)))
        .count();
    let left = world.attendance().len() - joined;
    if (joined, left) != (expected, expected - here.len()) {
        world.fail(format!(
            "history has {joined} joins and {left} leaves of {expected}"
        ));
    }
}

pub(super) fn vanish(world: &mut World, facts: &mut Facts) {
    let names = ["ann", "bob", "cleo"];
    let people = names.map(|name| arrive(world, "room", name, JoinOptions::default()));
    world.run_for(seconds(4));
    watch(world, seconds(2), CLEAN_AUDIO, CLEAN_VIDEO);
    let [_, bob, _] = people;
    world.vanish(bob);
    world.begin_window();
    let mut waited = Duration::ZERO;
    while waited < NOTICED && !crate::oracle::rosters(world).is_empty() {
        world.run_for(millis(250));
        waited += millis(250);
    }
    facts.millis("ms until it was noticed", waited);
    // The others notice nothing but the absence.
    judge(world, CLEAN_AUDIO, CLEAN_VIDEO);
    // Coming back under the same name works.
    arrive(world, "room", "bob", JoinOptions::default());
    world.run_for(seconds(3));
    watch(world, seconds(2), CLEAN_AUDIO, CLEAN_VIDEO);
}

pub(super) fn cut(world: &mut World, facts: &mut Facts) {
    let ann = arrive(world, "room", "ann", JoinOptions::default());
    let bob = arrive(world, "room", "bob", JoinOptions::default());
    world.run_for(seconds(4));
    for length in [500, 2_000, 4_000] {
        world.set_cut(bob, true);
        world.run_for(millis(length));
        world.set_cut(bob, false);
        // Packets lost during the cut cost a key frame, no more.
        world.run_for(seconds(3));
        watch(world, seconds(2), CLEAN_AUDIO, CLEAN_VIDEO);
    }
    let state = |world: &World, id| world.person(id).map_or(0, |p| p.events.len());
    facts.set(
        "events at ann",
        u64::try_from(state(world, ann)).unwrap_or(0),
    );
}

pub(super) fn resume(world: &mut World, facts: &mut Facts) {
    let ann = arrive(world, "room", "ann", JoinOptions::default());
    let bob = arrive(world, "room", "bob", JoinOptions::default());
    world.run_for(seconds(4));
    let came = world.attendance().len();
    let state = |world: &World| world.person(ann).map(|p| p.client.roster().clone());
    let before = state(world);
    // The WebSocket breaks: media does not notice, nor does anybody else.
    for gap in [200, 5_000] {
        world.begin_window();
        world.drop_signal(bob);
        world.run_for(millis(gap));
        world.resume(bob, false);
        world.run_for(seconds(3));
        judge(world, CLEAN_AUDIO, CLEAN_VIDEO);
    }
    if state(world) != before || world.attendance().len() != came {
        world.fail("others saw a flap");
    }
    // The network changes: nothing comes from the old address any more.
    world.set_cut(bob, true);
    world.drop_signal(bob);
    world.run_for(seconds(1));
    world.resume(bob, true);
    world.run_for(seconds(3));
    watch(world, seconds(2), CLEAN_AUDIO, CLEAN_VIDEO);
    if state(world) != before || world.attendance().len() != came {
        world.fail("others saw a flap when the network changed");
    }
    facts.set("resumed", world.control_stats().resumed);
    // Too late: the session is gone, and so the client is told to start anew.
    world.drop_signal(bob);
    world.run_for(seconds(30));
    world.expect_end(bob);
    world.resume(bob, false);
    world.run_for(seconds(1));
    judge(world, CLEAN_AUDIO, CLEAN_VIDEO);
}
