//! Tracks on their way down to one subscriber: which encoding it is sent, and
//! that what it is sent looks like one stream that never broke.
//!
//! Knows nothing of encryption, of peers, or of who else is subscribed. Forwards
//! without allocating, but for rings that grow with the bitrate and then stay.
//!
//! ```text
//! packet ─▶ Stream ── which encoding, which layer? ──▶ Segment ── its numbers ──▶ Rewritten
//!              │                                                        │
//!              └── Timeline: timestamps over switches      History ◀────┘ for repeats
//! ```

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod history;
mod layers;
mod offsets;
mod pictures;
mod reports;
mod savings;
mod segment;
mod stream;
mod timeline;
mod write;

pub use layers::{LayersPatch, Limit};
pub use stream::{Forward, Origin, Settings, Stream};
pub use write::{Patch, Repeat, Rewritten, Stamp};

#[cfg(test)]
mod tests;
