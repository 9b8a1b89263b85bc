//! RTCP: compound packets read lazily, and the packets that we send written
//! one after the other into a buffer (RFC 3550 §6, RFC 4585, RFC 5104,
//! draft-holmer-rmcat-transport-wide-cc-extensions-01).
//!
//! Knows nothing of streams or time. Every byte that it reads is hostile: all
//! lengths and counts are checked before an iterator is handed out, so the
//! iterators themselves cannot fail, and no packet makes more than
//! [`STATUSES`] items.

mod parse;
mod transport;
mod write;

pub use parse::{Bye, Fir, Nack, Packet, Packets, Remb, ReportBlocks, packets};
pub use transport::{Status, Statuses, TransportFeedback, write_transport_feedback};
pub use write::{
    write_bye, write_nack, write_pli, write_receiver_report, write_sdes_cname, write_sender_report,
};

/// Packets that one transport-wide feedback may speak of. The field allows
/// 65,535; senders of feedback cover 50 to 250 ms, and 8,192 packets in 250 ms
/// are 300 Mbit/s.
pub const STATUSES: usize = 8_192;

/// Why bytes are not RTCP.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RtcpError {
    #[error("the packet is shorter than it says")]
    Truncated,
    #[error("the version is not 2")]
    Version,
    #[error("the padding is longer than the packet")]
    Padding,
    #[error("the feedback speaks of more packets than anyone sends")]
    TooMany,
}

/// What a sender says of its stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderInfo {
    pub ssrc: u32,
    /// Seconds since 1900 in 32.32 fixed point.
    pub ntp: u64,
    /// The same moment on the stream's RTP clock.
    pub timestamp: u32,
    pub packets: u32,
    /// Of payload.
    pub bytes: u32,
}

/// What a receiver says of one stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportBlock {
    /// The stream that this is about.
    pub ssrc: u32,
    /// Lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Since the beginning; 24 bits, signed.
    pub lost: i32,
    pub highest_sequence: u32,
    /// In ticks of the stream's clock.
    pub jitter: u32,
    /// Middle 32 bits of the NTP time of the last sender report, 0 if none came.
    pub last_report: u32,
    /// Since that report, in 1/65536 s.
    pub delay: u32,
}

#[cfg(test)]
mod tests;
