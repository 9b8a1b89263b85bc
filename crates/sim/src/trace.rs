//! Everything that happened in a run, folded into one number: two runs are
//! the same if their numbers are.

use std::time::Duration;

/// FNV-1a of 64 bits.
#[derive(Clone, Debug)]
pub struct Trace {
    hash: u64,
    /// What was folded in, kept only for finding out where two runs part.
    log: Option<Vec<String>>,
}

impl Trace {
    #[must_use]
    pub const fn new(keep_log: bool) -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            log: if keep_log { Some(Vec::new()) } else { None },
        }
    }

    pub fn note(&mut self, at: Duration, what: &str, details: [u64; 3]) {
        let nanos = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        self.fold(&nanos.to_le_bytes());
        self.fold(what.as_bytes());
        for detail in details {
            self.fold(&detail.to_le_bytes());
        }
        if let Some(log) = &mut self.log {
            log.push(format!("{at:?} {what} {details:?}"));
        }
    }

    /// Goes into the log only: timers that fire for nothing differ from run
    /// to run, and make no difference.
    pub fn remark(&mut self, at: Duration, what: impl FnOnce() -> String) {
        if let Some(log) = &mut self.log {
            log.push(format!("# {at:?} {}", what()));
        }
    }

    #[must_use]
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    #[must_use]
    pub fn log(self) -> Vec<String> {
        self.log.unwrap_or_default()
    }

    fn fold(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.hash = (self.hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// What a datagram is, by its first bytes (RFC 7983 §7, RFC 5761 §4).
#[must_use]
pub fn kind(bytes: &[u8]) -> &'static str {
    match bytes {
        [0..=3, ..] => "stun",
        [20..=63, ..] => "dtls",
        [128..=191, 192..=223, ..] => "rtcp",
        [128..=191, ..] => "rtp",
        _ => "other",
    }
}

/// What can be seen of a datagram from outside, for the log.
#[must_use]
pub fn describe(bytes: &[u8]) -> String {
    let kind = kind(bytes);
    let word = |at: usize| {
        let four: Option<[u8; 4]> = bytes.get(at..at + 4).and_then(|b| b.try_into().ok());
        four.map_or(0, u32::from_be_bytes)
    };
    let length = bytes.len();
    match kind {
        "rtp" => {
            let (first, timestamp, ssrc) = (word(0), word(4), word(8));
            let (payload_type, sequence) = (first >> 16 & 0x7f, first & 0xffff);
            format!(
                "rtp {ssrc:08x} type {payload_type} number {sequence} time {timestamp}, {length} bytes"
            )
        }
        "rtcp" => format!("rtcp type {}, {length} bytes", word(0) >> 16 & 0xff),
        _ => format!("{kind}, {length} bytes"),
    }
}
