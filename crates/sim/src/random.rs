//! The simulator's own random numbers: a committed seed must mean the same
//! run for years, so they don't come from a crate that may change.

/// SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// An independent stream for one thing among many.
    #[must_use]
    pub fn for_part(seed: u64, part: u64) -> Self {
        let mut mixed = Self(seed ^ part.rotate_left(32));
        mixed.word();
        mixed
    }

    pub const fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 when the bound is 0. The bias of the remainder does
    /// not matter for bounds this small.
    pub const fn below(&mut self, bound: u64) -> u64 {
        let word = self.word();
        if bound == 0 { 0 } else { word % bound }
    }

    /// True in `permille` of 1,000 cases.
    pub const fn chance(&mut self, permille: u32) -> bool {
        self.below(1_000) < permille as u64
    }

    /// Fills 32 bytes.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut out = [0; 32];
        for chunk in out.chunks_mut(8) {
            chunk.copy_from_slice(&self.word().to_le_bytes());
        }
        out
    }
}
