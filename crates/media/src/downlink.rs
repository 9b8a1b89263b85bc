//! Tracks on their way down to one subscriber: which encoding it is sent, and
//! that what it is sent looks like one stream that never broke.
//!
//! Knows nothing of encryption, of peers, or of who else is subscribed. Forwards
//! without allocating.

mod stream;

pub use stream::{Forward, Origin, Repeat, Rewritten, Settings, Stamp, Stream};
