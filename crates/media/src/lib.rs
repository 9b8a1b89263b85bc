//! The media plane: receives, repairs, chooses and forwards packets.
//!
//! A pure state machine, [`Shard`]: sans-IO, with time and randomness passed
//! in. It never decodes media, never sees a session description, never
//! allocates for a forwarded packet, and never walks the streams of a peer to
//! forward one packet.
