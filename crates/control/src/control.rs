//! The dispatcher: finds whom an input concerns and hands it on.

use std::{collections::VecDeque, time::Instant};

use crate::face::{Config, Input, Output, Stats, Wake};

/// All rooms and sessions of one node.
#[derive(Debug)]
pub struct Control {
    config: Config,
    start: Instant,
    outputs: VecDeque<Output>,
    stats: Stats,
}

impl Control {
    #[must_use]
    pub fn new(config: Config, now: Instant) -> Self {
        Self {
            config,
            start: now,
            outputs: VecDeque::new(),
            stats: Stats::default(),
        }
    }

    pub fn handle_input(&mut self, input: Input, now: Instant) {
        tracing::trace!(?input, version = self.config.version, age = ?(now - self.start), "input");
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        tracing::trace!(age = ?(now - self.start), "timeout");
    }

    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    #[must_use]
    pub const fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        None
    }

    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }
}
