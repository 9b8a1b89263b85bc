//! What lies below the media of one peer: connectivity (ICE), keys (DTLS)
//! and data channels (SCTP). Knows nothing of tracks.

mod channels;
mod dcep;
mod handshake;
mod link;
mod lite;

pub(crate) use channels::{ChannelEvent, Refusal};
pub(crate) use handshake::Keys;
pub(crate) use link::{Link, LinkConfig, Sink};
pub(crate) use lite::{Check, Path, local_ufrag};
