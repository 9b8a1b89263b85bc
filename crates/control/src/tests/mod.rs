//! Tests of the whole machine.

use std::time::Instant;

/// Some instant; only differences matter.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no other way to make an instant"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}
