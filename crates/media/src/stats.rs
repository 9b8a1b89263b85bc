//! What a shard counts. Plain numbers that only grow, so that whoever reads
//! them twice knows what happened between.

/// Counters since the shard was made; gauges say so.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ShardStats {
    /// Gauge: peers that are open.
    pub peers: u64,
    /// Gauge: tracks that are published here.
    pub tracks: u64,
    /// Gauge: subscriptions of the peers here.
    pub subscriptions: u64,
    /// Gauge: addresses that are bound to a peer or to another shard.
    pub addresses: u64,
    pub datagrams_in: u64,
    pub bytes_in: u64,
    pub datagrams_out: u64,
    pub bytes_out: u64,
    /// Media packets that came in whole and were for a known stream.
    pub packets_in: u64,
    /// Media packets sent to subscribers, repairs not counted.
    pub packets_forwarded: u64,
    /// Media packets handed to other shards.
    pub packets_to_shards: u64,
    /// Packets sent again because a subscriber missed them.
    pub repairs_sent: u64,
    /// Key frames that were asked of publishers.
    pub key_frames_requested: u64,
    /// Handshakes that came to their end.
    pub handshakes: u64,
    /// Handshakes that failed, or showed the wrong certificate.
    pub handshake_failures: u64,
    pub data_messages_in: u64,
    pub data_messages_out: u64,
    pub dropped: Dropped,
}

/// What was thrown away, by the reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Dropped {
    /// Datagrams that are empty, too long, or not of a kind that RFC 7983 names.
    pub not_webrtc: u64,
    /// Datagrams from an address that no check has bound to a peer.
    pub unknown_address: u64,
    /// STUN that cannot be read or is not a binding request.
    pub stun_malformed: u64,
    /// Checks whose user fragment is nobody's here.
    pub stun_unknown_peer: u64,
    /// Checks whose integrity does not fit the password.
    pub stun_unauthenticated: u64,
    /// DTLS that broke a handshake or an association.
    pub dtls: u64,
    /// SCTP that was refused, or data on a channel that was not opened.
    pub sctp: u64,
    /// SRTP or SRTCP before there were keys for it.
    pub srtp_without_keys: u64,
    /// SRTP or SRTCP that is malformed, forged or replayed.
    pub srtp_unauthenticated: u64,
    /// RTP that cannot be read.
    pub rtp_malformed: u64,
    /// RTP that with our header would be longer than a datagram of ours may be.
    pub rtp_too_long: u64,
    /// RTP that came before, or carries nothing.
    pub rtp_redundant: u64,
    /// RTP of a stream that nobody announced.
    pub rtp_unknown_stream: u64,
    /// RTCP that cannot be read.
    pub rtcp_malformed: u64,
    /// RTCP about a stream that does not exist.
    pub rtcp_unknown_stream: u64,
    /// Packets that came for a peer faster than they could be sent.
    pub queue_full: u64,
    /// Data messages beyond a limit, or before their channel was open.
    pub data: u64,
    /// Orders that name an unknown peer, track or slot, or exceed a limit.
    pub commands: u64,
    /// Messages of other shards that do not fit this one.
    pub shard_messages: u64,
}
