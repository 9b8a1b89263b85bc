//! Session descriptions (RFC 8866, RFC 8829): a client's offer becomes typed
//! sections, our decisions become an answer; and in the dialect where we offer,
//! the other way round. Nothing here knows rooms or sessions, and nothing
//! outside this folder sees a line of SDP.

mod accepted;
pub(crate) mod catalogue;
mod codec;
mod description;
mod offer;
mod section;

pub(crate) use accepted::ClientAnswer;
pub(crate) use codec::{OfferedCodec, OpusStyle, mime};
pub(crate) use description::{Description, Reply, Sending, Setup};
pub(crate) use offer::{Offer, OfferError};
pub(crate) use section::{Medium, Section};
