//! Tracks on their way up: what is kept of each received stream, what is asked
//! of its sender, and the packet that all subscribers share.
//!
//! Knows nothing of encryption, of peers, or of who is subscribed.

mod arrivals;
mod feedback;
mod key_frames;
mod levels;
mod liveness;
mod missing;
mod packet;
mod shelf;
mod stream;

pub use feedback::Feedback;
pub use key_frames::KeyFrames;
pub use levels::Levels;
pub use liveness::{Encodings, Liveness};
pub use packet::{Packet, Reference};
pub use stream::{Arrival, Rejected, Stream, unwrap_repair};

#[cfg(test)]
mod tests;
