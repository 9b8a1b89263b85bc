//! The machine itself: one media core with its peers. It owns everything and
//! does I/O with nothing.

use std::time::Instant;

use crate::{Input, Output, SetupError, ShardConfig, ShardStats, Timeout, Transmit};

/// One media core. Give it any number of inputs, then drain
/// [`Shard::poll_output`] and [`Shard::poll_transmit`] until both are empty,
/// then sleep until [`Shard::poll_timeout`].
#[derive(Debug)]
pub struct Shard {
    config: ShardConfig,
    stats: ShardStats,
}

impl Shard {
    /// # Errors
    ///
    /// When DTLS refuses the settings.
    pub fn new(config: ShardConfig, _now: Instant) -> Result<Self, SetupError> {
        Ok(Self {
            config,
            stats: ShardStats::default(),
        })
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, _input: Input<'_>, _now: Instant) {}

    /// To be called at or after the time that [`Shard::poll_timeout`] gave.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// The next event or message, if there is one.
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// The next run of datagrams, if there is one.
    pub fn poll_transmit(&mut self, _now: Instant) -> Option<Transmit<'_>> {
        None
    }

    /// When to wake the shard next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Timeout> {
        None
    }

    #[must_use]
    pub fn stats(&self) -> ShardStats {
        self.stats
    }
}
