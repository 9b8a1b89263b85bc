//! The life of a meeting: LiveKit sessions, session descriptions, rooms,
//! tracks, subscriptions, data routing, presence.
//!
//! A pure state machine, [`Control`]: it reads no clock, opens no socket,
//! never sees a media packet and never blocks. Effects are values
//! ([`Output`]); time and randomness are passed in.

pub mod admin;
mod control;
mod data;
mod desk;
mod face;
mod join;
mod quality;
mod room;
mod sdp;
mod session;
mod speakers;
#[cfg(test)]
mod tests;
pub mod whip;
mod wire;

pub use control::Control;
pub use face::{
    Answer, AttendanceChange, Config, Input, Output, Question, SessionEnd, Stats, Wake,
};
pub use join::{Join, Resume};
