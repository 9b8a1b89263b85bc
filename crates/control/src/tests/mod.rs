//! Tests of the whole machine through its face: pretended clients on one
//! side, a pretended media plane on the other.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one kind of message"
)]

mod chaos;
mod data;
mod data_tracks;
mod descriptions;
mod dynacast;
mod join_requests;
mod joining;
mod leaving;
mod plane;
mod publishing;
mod resuming;
mod sketch;
mod subscribing;
mod voices;
mod world;

use std::time::Instant;

/// Some instant; only differences matter.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no other way to make an instant"
)]
pub(crate) fn start() -> Instant {
    Instant::now()
}
