//! The server: assembly, settings, clock, sockets, threads, HTTP, store. All
//! I/O of Plenary is here; what is decided is decided in `control` and `media`.

pub mod api;
pub mod app;
pub mod cli;
pub mod clock;
pub mod control_thread;
pub mod history;
pub mod http;
pub mod listen;
pub mod metrics;
pub mod node;
pub mod passcode;
pub mod settings;
mod shard_metrics;
pub mod shard_thread;
pub mod signal;
pub mod socket;
pub mod store;
pub mod telemetry;
pub mod token;
pub mod twirp;
pub mod watch;
pub mod web;
pub mod webhook;
pub mod whip;
