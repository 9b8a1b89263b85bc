//! What belongs to one participant: its signalling link, its peer connection
//! and the sections of its session description. Knows nothing of the others
//! in the room.

mod audience;
mod data_tracks;
mod demand;
mod link;
mod participant;
mod peer;
mod sections;
mod subscription;
mod subscriptions;
mod track;

pub(crate) use audience::Audience;
pub(crate) use data_tracks::{DataTrack, DataTracks, Handle};
pub(crate) use demand::{Demand, Step};
pub(crate) use link::Link;
pub(crate) use participant::{OWN_ATTRIBUTES, Participant, Presence};
pub(crate) use peer::Peer;
pub(crate) use sections::{Change, Sections, Usage};
pub(crate) use subscription::{Setting, Slot, Subscription};
pub(crate) use subscriptions::Subscriptions;
pub(crate) use track::{Track, Undeclared};
