//! What must be remembered of each source to know a packet's index (RFC 3711
//! §3.3.1) and to refuse it the second time (§3.3.2).

use super::SrtpError;

/// Packets behind the highest that can be told from repeats. RFC 3711 §3.3.2
/// asks for at least 64.
const WINDOW: u64 = 128;

/// One source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    highest: u64,
    /// Bit n: `highest − n` was received.
    bits: u128,
}

impl Window {
    /// The index of a packet with this sequence number: the one nearest to the
    /// highest, where the first packet of a source is in cycle 0.
    pub(super) fn estimate(window: Option<&Self>, sequence: u16) -> u64 {
        let sequence = u64::from(sequence);
        let Some(window) = window else {
            return sequence;
        };
        let cycle = window.highest >> 16;
        let last = window.highest & 0xffff;
        let cycle = if last < 0x8000 && sequence > last + 0x8000 {
            // From before the wrap. In cycle 0 there is no before; what is
            // sealed so cannot be opened, so any answer will do.
            cycle.saturating_sub(1)
        } else if last >= 0x8000 && sequence < last - 0x8000 {
            cycle + 1
        } else {
            cycle
        };
        cycle << 16 | sequence
    }

    pub(super) fn seen(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => false,
            Some(behind @ 0..WINDOW) => self.bits >> behind & 1 == 1,
            Some(_) => true,
        }
    }

    fn accept(&mut self, index: u64) {
        if let Some(behind) = self.highest.checked_sub(index) {
            if behind < WINDOW {
                self.bits |= 1 << behind;
            }
            return;
        }
        let ahead = index - self.highest;
        self.bits = if ahead < WINDOW {
            self.bits << ahead | 1
        } else {
            1
        };
        self.highest = index;
    }
}

/// The sources of one peer, by SSRC. Only authentic packets add to it.
#[derive(Debug)]
pub(super) struct Sources {
    /// Sorted by SSRC: a peer mostly has a handful.
    windows: Vec<(u32, Window)>,
    limit: usize,
}

impl Sources {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            windows: Vec::new(),
            limit,
        }
    }

    pub(super) fn find(&self, ssrc: u32) -> Option<&Window> {
        let at = self.position(ssrc).ok()?;
        self.windows.get(at).map(|(_, window)| window)
    }

    /// Whether a packet of this source may be accepted, to be asked before work
    /// is spent on it.
    pub(super) fn room_for(&self, ssrc: u32) -> Result<(), SrtpError> {
        if self.windows.len() < self.limit || self.position(ssrc).is_ok() {
            Ok(())
        } else {
            Err(SrtpError::TooManySources)
        }
    }

    pub(super) fn accept(&mut self, ssrc: u32, index: u64) -> Result<(), SrtpError> {
        self.room_for(ssrc)?;
        match self.position(ssrc) {
            Ok(at) => {
                if let Some((_, window)) = self.windows.get_mut(at) {
                    window.accept(index);
                }
            }
            Err(at) => {
                let window = Window {
                    highest: index,
                    bits: 1,
                };
                self.windows.insert(at, (ssrc, window));
            }
        }
        Ok(())
    }

    fn position(&self, ssrc: u32) -> Result<usize, usize> {
        self.windows.binary_search_by_key(&ssrc, |(ssrc, _)| *ssrc)
    }
}
