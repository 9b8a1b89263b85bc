//! The simulator: a node with the real control and media machines, people
//! with real clients, and a lossy network between them, in virtual time and
//! one loop. A seed is a run: the same seed gives the same run to the packet.
//!
//! No IO, no clock, no thread but the one that a run has for itself.

pub mod network;
pub mod oracle;
pub mod person;
pub mod random;
pub mod scenario;
pub mod trace;
pub mod world;

mod crypto;
mod node;

use std::{collections::BTreeMap, fmt, time::Duration};

pub use node::{NodeError, NodeWake};
pub use scenario::Scenario;
pub use world::{JoinOptions, World, WorldConfig};

/// What a run was like.
#[derive(Clone, PartialEq, Debug)]
pub struct Report {
    pub scenario: Scenario,
    pub seed: u64,
    /// Equal for equal runs.
    pub trace_hash: u64,
    /// Virtual time that passed.
    pub time: Duration,
    /// Timers that fired.
    pub wakes: u64,
    pub datagrams: u64,
    pub lost: u64,
    /// What the scenario measured.
    pub facts: BTreeMap<String, u64>,
    /// What went wrong; empty when all is well.
    pub failures: Vec<String>,
    /// Everything that the trace hash is made of, if it was asked for.
    pub log: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.failures.is_empty() {
            "well"
        } else {
            "FAILED"
        };
        writeln!(f, "{} with seed {}: {verdict}", self.scenario, self.seed)?;
        writeln!(f, "  trace hash {:016x}", self.trace_hash)?;
        writeln!(
            f,
            "  {:?} of virtual time, {} wake-ups",
            self.time, self.wakes
        )?;
        writeln!(
            f,
            "  {} datagrams, {} of them lost",
            self.datagrams, self.lost
        )?;
        for (name, value) in &self.facts {
            writeln!(f, "  {name}: {value}")?;
        }
        for failure in &self.failures {
            writeln!(f, "  failure: {failure}")?;
        }
        Ok(())
    }
}

/// Plays a scenario.
#[must_use]
pub fn run(seed: u64, scenario: Scenario) -> Report {
    run_with(seed, scenario, scenario.shards(), false)
}

/// Plays a scenario on a node with so many shards, and keeps the log if asked to.
#[must_use]
pub fn run_with(seed: u64, scenario: Scenario, shards: u16, keep_log: bool) -> Report {
    // A thread of its own: str0m draws from a generator of the thread.
    let worker = std::thread::spawn(move || {
        play(
            WorldConfig {
                seed,
                shards,
                keep_log,
            },
            scenario,
        )
    });
    worker.join().unwrap_or_else(|_| Report {
        scenario,
        seed,
        trace_hash: 0,
        time: Duration::ZERO,
        wakes: 0,
        datagrams: 0,
        lost: 0,
        facts: BTreeMap::new(),
        failures: vec!["the run panicked".to_owned()],
        log: Vec::new(),
    })
}

fn play(config: WorldConfig, scenario: Scenario) -> Report {
    let mut report = Report {
        scenario,
        seed: config.seed,
        trace_hash: 0,
        time: Duration::ZERO,
        wakes: 0,
        datagrams: 0,
        lost: 0,
        facts: BTreeMap::new(),
        failures: Vec::new(),
        log: Vec::new(),
    };
    match World::new(config) {
        Err(error) => report.failures.push(error.to_string()),
        Ok(mut world) => {
            report.facts = scenario.play(&mut world);
            report.time = world.now();
            report.wakes = world.wakes();
            let network = world.network_stats();
            report.datagrams = network.sent;
            report.lost = network.lost + network.queue_dropped;
            (report.trace_hash, report.failures, report.log) = world.finish();
        }
    }
    report
}
