//! The only place that reads the machine's clocks. Everything else is given
//! the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Monotonic time.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where time enters")]
pub fn now() -> Instant {
    Instant::now()
}

/// Unix time in milliseconds; 0 when the clock is set before 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is where time enters")]
pub fn unix_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|past| i64::try_from(past.as_millis()).ok())
        .unwrap_or(0)
}

/// Unix time in whole seconds, as tokens count it.
#[must_use]
pub fn unix_s() -> i64 {
    unix_ms() / 1_000
}
