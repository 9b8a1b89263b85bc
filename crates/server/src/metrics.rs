//! What is counted, and how it is written for Prometheus. Counting never blocks.

use std::fmt;

use control::Answer;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{shard_metrics, shard_thread::ShardReport};

/// The shell's own counters. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Answers to HTTP requests.
    pub http_responses: Family<Status, Counter>,
    /// Connections that were closed as soon as they came.
    pub http_turned_away: Family<Kind, Counter>,
    /// Problem documents that were sent.
    pub problems: Family<Kind, Counter>,
    /// Signalling connections that were opened.
    pub signal_opened: Counter,
    /// Signalling connections that are open.
    pub signal_open: Gauge,
    /// Signalling connections that were refused.
    pub signal_refused: Family<Status, Counter>,
    /// Signalling connections that have ended.
    pub signal_closed: Family<Kind, Counter>,
    /// Attendance changes that could not be kept.
    pub attendance_lost: Counter,
    /// Webhooks that reached their target.
    pub webhooks_delivered: Counter,
    /// Tries that failed.
    pub webhooks_failed: Counter,
    /// Webhooks that did not reach their target.
    pub webhooks_lost: Family<Kind, Counter>,
    /// Events that a shard could not hand to control.
    pub events_lost: Counter,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct Status {
    pub status: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct Kind {
    pub kind: &'static str,
}

impl Metrics {
    pub fn problem(&self, kind: &'static str) {
        self.problems.get_or_create(&Kind { kind }).inc();
    }

    /// Everything in the OpenMetrics text format.
    ///
    /// # Errors
    ///
    /// None of ours: writing to a `String` does not fail.
    pub fn text(
        &self,
        counts: Option<&Answer>,
        shards: &[ShardReport],
    ) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("plenary");
        self.register(&mut registry);
        register_counts(&mut registry, counts);
        let mut out = String::new();
        text::encode_registry(&mut out, &registry)?;
        let mut media = Registry::with_prefix("plenary");
        shard_metrics::register(&mut media, shards);
        text::encode_registry(&mut out, &media)?;
        text::encode_eof(&mut out)?;
        Ok(out)
    }

    fn register(&self, to: &mut Registry) {
        to.register(
            "http_responses",
            "Answers to HTTP requests",
            self.http_responses.clone(),
        );
        to.register(
            "http_turned_away",
            "Connections closed as soon as they came, by reason",
            self.http_turned_away.clone(),
        );
        to.register(
            "http_problems",
            "Problem documents sent, by type",
            self.problems.clone(),
        );
        to.register(
            "signal_opened",
            "Signalling connections opened",
            self.signal_opened.clone(),
        );
        to.register(
            "signal_open",
            "Signalling connections now",
            self.signal_open.clone(),
        );
        to.register(
            "signal_refused",
            "Signalling connections refused",
            self.signal_refused.clone(),
        );
        to.register(
            "signal_closed",
            "Signalling connections ended",
            self.signal_closed.clone(),
        );
        to.register(
            "attendance_lost",
            "Attendance changes not kept",
            self.attendance_lost.clone(),
        );
        to.register(
            "webhooks_delivered",
            "Webhooks delivered",
            self.webhooks_delivered.clone(),
        );
        to.register(
            "webhooks_failed",
            "Tries to deliver a webhook that failed",
            self.webhooks_failed.clone(),
        );
        to.register(
            "webhooks_lost",
            "Webhooks given up, by reason",
            self.webhooks_lost.clone(),
        );
        to.register(
            "shard_events_lost",
            "Shard events not delivered",
            self.events_lost.clone(),
        );
    }
}

fn register_counts(to: &mut Registry, counts: Option<&Answer>) {
    let Some(Answer::Counts {
        rooms,
        participants,
        sessions,
        tracks,
    }) = counts
    else {
        return;
    };
    let mut gauge = |name: &str, help: &str, value: usize| {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        to.register(name, help, gauge);
    };
    gauge("rooms", "Rooms that are open", *rooms);
    gauge("participants", "Participants in all rooms", *participants);
    gauge("sessions", "Sessions that control knows", *sessions);
    gauge("tracks", "Tracks that are published", *tracks);
}
