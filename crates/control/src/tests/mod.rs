//! Tests of the whole machine through its face: pretended clients on one
//! side, a pretended media plane on the other.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one kind of message"
)]

mod admin;
mod chaos;
mod data;
mod data_tracks;
mod descriptions;
mod dual;
mod dynacast;
mod hostile;
mod join_requests;
mod joining;
mod leaving;
mod plane;
mod publishing;
mod reasons;
mod resuming;
mod simulating;
mod sketch;
mod subscribing;
mod voices;
mod whip;
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
