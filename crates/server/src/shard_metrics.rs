//! What the shards report, written for Prometheus.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::shard_thread::ShardReport;

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ShardLabel {
    shard: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct DropLabel {
    shard: u16,
    reason: &'static str,
}

/// Name, help, and where in the report it is.
type Row = (&'static str, &'static str, fn(&ShardReport) -> u64);

const GAUGES: [Row; 5] = [
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

const COUNTERS: [Row; 15] = [
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

/// Adds all that the shards report.
pub(crate) fn register(to: &mut Registry, reports: &[ShardReport]) {
    for (name, help, read) in GAUGES {
        let family = Family::<ShardLabel, Gauge>::default();
        for report in reports {
            let value = i64::try_from(read(report)).unwrap_or(i64::MAX);
            let label = ShardLabel { shard: report.id.0 };
            family.get_or_create(&label).set(value);
        }
        to.register(name, help, family);
    }
    for (name, help, read) in COUNTERS {
        let family = Family::<ShardLabel, Counter>::default();
        for report in reports {
            let label = ShardLabel { shard: report.id.0 };
            family.get_or_create(&label).inc_by(read(report));
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
