//! What is counted, and how it is written for Prometheus. Counting never blocks.

use std::fmt;

use control::Answer;
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::shard_thread::ShardReport;

/// The shell's own counters. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// Answers to HTTP requests.
    pub http_responses: Family<Status, Counter>,
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
        register_shards(&mut media, shards);
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

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ShardLabel {
    shard: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct DropLabel {
    shard: u16,
    reason: &'static str,
}

fn register_shards(to: &mut Registry, reports: &[ShardReport]) {
    type Read = fn(&ShardReport) -> u64;
    let gauges: [(&str, &str, Read); 5] = [
        ("shard_peers", "Peers of the shard", |r| r.shard.peers),
        ("shard_tracks", "Tracks published at the shard", |r| {
            r.shard.tracks
        }),
        ("shard_subscriptions", "Subscriptions of its peers", |r| {
            r.shard.subscriptions
        }),
        (
            "shard_addresses",
            "Addresses bound to peers or shards",
            |r| r.shard.addresses,
        ),
        (
            "shard_send_backlog_bytes",
            "Bytes that wait for the socket",
            |r| r.socket.backlog_bytes,
        ),
    ];
    for (name, help, read) in gauges {
        let family = Family::<ShardLabel, Gauge>::default();
        for report in reports {
            let value = i64::try_from(read(report)).unwrap_or(i64::MAX);
            family
                .get_or_create(&ShardLabel { shard: report.id.0 })
                .set(value);
        }
        to.register(name, help, family);
    }
    let counters: [(&str, &str, Read); 15] = [
        ("shard_datagrams_in", "Datagrams received", |r| {
            r.shard.datagrams_in
        }),
        ("shard_bytes_in", "Bytes received", |r| r.shard.bytes_in),
        ("shard_datagrams_out", "Datagrams sent", |r| {
            r.shard.datagrams_out
        }),
        ("shard_bytes_out", "Bytes sent", |r| r.shard.bytes_out),
        ("shard_packets_in", "Media packets received", |r| {
            r.shard.packets_in
        }),
        ("shard_packets_forwarded", "Media packets forwarded", |r| {
            r.shard.packets_forwarded
        }),
        (
            "shard_packets_to_shards",
            "Media packets to other shards",
            |r| r.shard.packets_to_shards,
        ),
        ("shard_repairs_sent", "Packets sent again", |r| {
            r.shard.repairs_sent
        }),
        ("shard_key_frames_requested", "Key frames requested", |r| {
            r.shard.key_frames_requested
        }),
        ("shard_handshakes", "DTLS handshakes done", |r| {
            r.shard.handshakes
        }),
        ("shard_handshake_failures", "DTLS handshakes failed", |r| {
            r.shard.handshake_failures
        }),
        ("shard_data_messages_in", "Data messages received", |r| {
            r.shard.data_messages_in
        }),
        ("shard_data_messages_out", "Data messages sent", |r| {
            r.shard.data_messages_out
        }),
        (
            "shard_receive_calls",
            "Batches taken from the socket",
            |r| r.socket.receive_calls,
        ),
        ("shard_send_calls", "Runs given to the socket", |r| {
            r.socket.send_calls
        }),
    ];
    for (name, help, read) in counters {
        let family = Family::<ShardLabel, Counter>::default();
        for report in reports {
            family
                .get_or_create(&ShardLabel { shard: report.id.0 })
                .inc_by(read(report));
        }
        to.register(name, help, family);
    }
    let family = Family::<DropLabel, Counter>::default();
    for report in reports {
        for (reason, count) in drops(report) {
            let label = DropLabel {
                shard: report.id.0,
                reason,
            };
            family.get_or_create(&label).inc_by(count);
        }
    }
    to.register("shard_dropped", "What was thrown away, by reason", family);
}

fn drops(report: &ShardReport) -> [(&'static str, u64); 20] {
    let dropped = &report.shard.dropped;
    let socket = &report.socket;
    [
        ("not_webrtc", dropped.not_webrtc),
        ("unknown_address", dropped.unknown_address),
        ("stun_malformed", dropped.stun_malformed),
        ("stun_unknown_peer", dropped.stun_unknown_peer),
        ("stun_unauthenticated", dropped.stun_unauthenticated),
        ("dtls", dropped.dtls),
        ("sctp", dropped.sctp),
        ("srtp_without_keys", dropped.srtp_without_keys),
        ("srtp_unauthenticated", dropped.srtp_unauthenticated),
        ("rtp_malformed", dropped.rtp_malformed),
        ("rtp_unknown_stream", dropped.rtp_unknown_stream),
        ("rtcp_malformed", dropped.rtcp_malformed),
        ("rtcp_unknown_stream", dropped.rtcp_unknown_stream),
        ("queue_full", dropped.queue_full),
        ("data", dropped.data),
        ("commands", dropped.commands),
        ("shard_messages", dropped.shard_messages),
        ("send_backlog", socket.dropped_backlog),
        ("send_error", socket.dropped_error),
        ("shard_ring_full", report.ring_full),
    ]
}
