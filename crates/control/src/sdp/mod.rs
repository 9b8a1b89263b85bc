//! Session descriptions (RFC 8866, RFC 8829): a client's offer becomes typed
//! sections, our decisions become an answer. Nothing here knows rooms or
//! sessions, and nothing outside this folder sees a line of SDP.

mod answer;
mod codec;
mod offer;
mod section;

pub(crate) use answer::{Answer, Reply, Sending};
pub(crate) use codec::{OfferedCodec, OpusStyle, mime};
pub(crate) use offer::{Offer, OfferError};
pub(crate) use section::{Medium, Section};
