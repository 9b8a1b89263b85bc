//! Scenarios at committed seeds. A failure prints the report; to look closer:
//! `cargo run -p sim -- --scenario NAME --seed SEED --log`.

use sim::{Report, Scenario, run, run_with};

fn well(scenario: Scenario, seeds: std::ops::RangeInclusive<u64>) {
    for seed in seeds {
        let report = run(seed, scenario);
        assert!(report.failures.is_empty(), "{report}");
    }
}

#[test]
fn two_people_hear_and_see_each_other() {
    well(Scenario::TwoPeople, 1..=3);
}

#[test]
fn the_roster_is_right_while_five_people_come_and_go() {
    well(Scenario::Churn, 1..=3);
}

#[test]
fn five_percent_of_loss_is_repaired() {
    well(Scenario::Loss, 1..=4);
}

#[test]
fn people_get_in_over_bad_lines() {
    well(Scenario::LossyJoin, 1..=4);
}

#[test]
fn wishes_walk_through_the_layers_without_a_stop() {
    well(Scenario::Layers, 1..=3);
}

#[test]
fn subscribing_by_hand_needs_no_new_sections() {
    well(Scenario::Selective, 1..=2);
}

#[test]
fn temporal_layers_and_h264_pass() {
    well(Scenario::Codecs, 1..=2);
}

#[test]
fn who_vanishes_is_missed_within_fifteen_seconds() {
    well(Scenario::Vanish, 1..=2);
}

#[test]
fn a_broken_websocket_is_taken_up_again_unnoticed() {
    well(Scenario::Resume, 1..=2);
}

#[test]
fn a_short_cut_costs_no_more_than_its_length() {
    well(Scenario::Cut, 1..=2);
}

#[test]
fn garbage_disturbs_nobody() {
    well(Scenario::Hostile, 1..=2);
}

#[test]
fn muting_and_publishing_again_needs_no_new_sections() {
    well(Scenario::Mute, 1..=2);
}

#[test]
fn reliable_data_arrives_once_and_in_order() {
    well(Scenario::Data, 1..=3);
}

#[test]
fn rooms_have_nothing_to_do_with_each_other() {
    well(Scenario::Rooms, 1..=2);
}

#[test]
fn who_speaks_is_told_to_everyone() {
    well(Scenario::Speakers, 1..=2);
}

#[test]
fn sixteen_people_come_almost_at_once() {
    well(Scenario::Crowd, 1..=1);
}

/// The same people, networks and acts on one shard and on two: everybody
/// must get the same, give or take what a first key frame costs.
#[test]
fn two_shards_are_as_good_as_one() {
    for seed in 1..=2 {
        let [one, two] = [1, 2].map(|shards| run_with(seed, Scenario::Shards, shards, false));
        for report in [&one, &two] {
            assert!(report.failures.is_empty(), "{report}");
        }
        for (name, frames) in one
            .facts
            .iter()
            .filter(|(name, _)| name.starts_with("frames"))
        {
            let difference = frames.abs_diff(two.facts[name]);
            assert!(
                difference * 50 <= *frames,
                "{name}: {frames} and {}",
                two.facts[name]
            );
        }
    }
}

/// What all of this stands on.
#[test]
fn a_seed_is_a_run() {
    for scenario in [Scenario::TwoPeople, Scenario::Loss, Scenario::Shards] {
        let [first, again] = [(), ()].map(|()| run_with(5, scenario, scenario.shards(), true));
        assert_same(&first, &again);
        let other = run(6, scenario);
        assert_ne!(first.trace_hash, other.trace_hash, "{scenario}");
    }
}

fn assert_same(first: &Report, again: &Report) {
    // Remarks are not part of the hash.
    let [a, b] = [first, again].map(|report| report.log.iter().filter(|l| !l.starts_with('#')));
    let parted = (1..).zip(a.zip(b)).find(|(_, (a, b))| a != b);
    assert!(parted.is_none(), "{} parts at {parted:?}", first.scenario);
    assert_eq!(first.trace_hash, again.trace_hash);
    assert_eq!(first.facts, again.facts);
}
