//! Transport-wide feedback to one peer: when each of its packets arrived, from
//! which it estimates what the network can carry.

use std::time::{Duration, Instant};

use crate::{rtcp::write_transport_feedback, rtp::Extender};

/// Feedback goes out so long after the first packet it speaks of; libwebrtc's
/// receivers answer in 50 to 250 ms, and the estimator is the quicker the sooner.
const INTERVAL: Duration = Duration::from_millis(50);
/// Or after so many packets, so that one RTCP packet holds them.
const PACKETS: u32 = 200;
/// Received packets in one RTCP packet: with two bytes each and the chunks of
/// [`HISTORY`] packets it stays below 1,150 bytes.
const DELTAS: usize = 400;
/// Packets of which arrival times are kept. A late packet is reported together
/// with all after it once more, as a feedback speaks of consecutive packets.
const HISTORY: u64 = SLOTS as u64;
const SLOTS: usize = 1_024;
/// Arrival times are told in 250 µs…
const TICK_MICROS: u128 = 250;
/// …and reference times in 64 ms.
const TICKS_PER_REFERENCE: u64 = 256;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    /// `u64::MAX` for none.
    sequence: u64,
    ticks: u64,
}

const NONE: Seen = Seen {
    sequence: u64::MAX,
    ticks: 0,
};

/// What has not been told: from the first of these numbers to before the second.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Untold {
    from: u64,
    until: u64,
    due: Instant,
    packets: u32,
}

/// Notes when each packet of a transport arrived and says so every 50 ms.
#[derive(Debug)]
pub struct Feedback {
    epoch: Instant,
    extender: Extender,
    /// Number n is at n mod 1,024; empty until the first packet.
    history: Vec<Seen>,
    untold: Option<Untold>,
    /// Where what was told last ends.
    told: u64,
    media: u32,
    number: u8,
    deltas: Vec<Option<i16>>,
}

impl Feedback {
    /// `epoch` is any moment before the first packet.
    #[must_use]
    pub fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            extender: Extender::default(),
            history: Vec::new(),
            untold: None,
            told: 0,
            media: 0,
            number: 0,
            deltas: Vec::new(),
        }
    }

    /// A packet with this transport-wide sequence number arrived.
    pub fn record(&mut self, sequence: u16, ssrc: u32, now: Instant) {
        let sequence = self.place(sequence);
        let highest = self.extender.highest().unwrap_or(sequence);
        if sequence + HISTORY <= highest || self.seen(sequence).is_some() {
            return;
        }
        let ticks = now.saturating_duration_since(self.epoch).as_micros() / TICK_MICROS;
        let ticks = u64::try_from(ticks).unwrap_or(u64::MAX);
        let at = slot(sequence);
        if let Some(slot) = self.history.get_mut(at) {
            *slot = Seen { sequence, ticks };
        }
        self.media = ssrc;
        // Numbers that were skipped since the last feedback belong to this one.
        let from = if self.told == 0 || sequence < self.told {
            sequence
        } else {
            self.told
        };
        let untold = self.untold.get_or_insert(Untold {
            from,
            until: sequence + 1,
            due: now + INTERVAL,
            packets: 0,
        });
        untold.from = untold
            .from
            .min(from)
            .max(highest.saturating_sub(HISTORY - 1));
        untold.until = untold.until.max(sequence + 1).max(self.told);
        untold.packets += 1;
        if untold.packets >= PACKETS {
            untold.due = untold.due.min(now);
        }
    }

    /// Extends the number. A leap beyond the history means that the sender
    /// started over, or that all between is lost: what was before is forgotten.
    fn place(&mut self, sequence: u16) -> u64 {
        if self.history.is_empty() {
            self.history = vec![NONE; SLOTS];
        }
        let before = self.extender.highest();
        let place = self.extender.extend(sequence);
        if before.is_some_and(|before| place >= before + HISTORY) {
            self.untold = None;
            self.told = 0;
        }
        place
    }

    fn seen(&self, sequence: u64) -> Option<Seen> {
        let seen = self.history.get(slot(sequence)).copied()?;
        (seen.sequence == sequence).then_some(seen)
    }

    /// When [`Self::write`] should be called.
    #[must_use]
    pub fn due(&self) -> Option<Instant> {
        self.untold.map(|untold| untold.due)
    }

    /// Appends one RTCP packet of at most 1,150 bytes with what has not been
    /// said yet, and returns whether there was any. What did not fit stays due.
    pub fn write(&mut self, out: &mut Vec<u8>, now: Instant) -> bool {
        let Some(untold) = self.untold.take() else {
            return false;
        };
        let Some(reference) = (untold.from..untold.until)
            .find_map(|sequence| self.seen(sequence))
            .map(|seen| seen.ticks / TICKS_PER_REFERENCE)
        else {
            return false;
        };
        let end = self.collect(untold, reference);
        // 24 bits on the wire: it wraps after twelve days, as it may.
        let wrapped = (reference & 0x00ff_ffff) as u32;
        let base = (untold.from & 0xffff) as u16;
        write_transport_feedback(
            out,
            self.media,
            self.number,
            (base, wrapped.cast_signed()),
            &self.deltas,
        );
        self.number = self.number.wrapping_add(1);
        self.told = self.told.max(end);
        if end < untold.until {
            self.untold = Some(Untold {
                from: end,
                due: now,
                ..untold
            });
        }
        true
    }

    /// Fills `deltas` and returns the number after the last.
    fn collect(&mut self, untold: Untold, reference: u64) -> u64 {
        self.deltas.clear();
        let mut last = reference * TICKS_PER_REFERENCE;
        let mut received = 0;
        for sequence in untold.from..untold.until {
            let Some(seen) = self.seen(sequence) else {
                self.deltas.push(None);
                continue;
            };
            let delta = seen.ticks.cast_signed().wrapping_sub(last.cast_signed());
            let Ok(delta) = i16::try_from(delta) else {
                // More than 8.2 s since the one before: needs its own reference.
                return sequence;
            };
            self.deltas.push(Some(delta));
            last = seen.ticks;
            received += 1;
            if received == DELTAS {
                return sequence + 1;
            }
        }
        untold.until
    }
}

const fn slot(sequence: u64) -> usize {
    (sequence % HISTORY) as usize
}
