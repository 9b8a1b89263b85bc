//! The server as a whole, in process, over real sockets on free ports.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may fail"
)]

mod admin;
mod meetings;
mod property;
mod signalling;
mod start;
mod store;
mod support;
mod webhooks;
