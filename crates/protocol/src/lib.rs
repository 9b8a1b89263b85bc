//! The words that one part of Plenary says to another.
//!
//! Pure data: ids, units, limits, reasons, what control orders of a media
//! shard ([`plane`]), what a participant may do ([`grants`]) and what is kept
//! on disk ([`store`]). Nothing here computes, does I/O or depends on another
//! crate of ours; every other crate may depend on this one.

pub mod grants;
pub mod ids;
pub mod limits;
pub mod media;
pub mod plane;
pub mod rooms;
pub mod signal;
pub mod store;
pub mod units;
