//! What belongs to one participant: its signalling link, its peer connections
//! and the sections of their session descriptions. Knows nothing of the others
//! in the room.

mod audience;
mod data_tracks;
mod demand;
mod flow;
mod link;
mod offering;
mod participant;
mod peer;
mod permission;
mod sections;
mod subscription;
mod subscriptions;
mod track;

pub(crate) use audience::Audience;
pub(crate) use data_tracks::{DataTrack, DataTracks, Handle};
pub(crate) use demand::{Demand, Step};
pub(crate) use flow::Flow;
pub(crate) use link::{Interruption, Link};
pub(crate) use offering::Offering;
pub(crate) use participant::{OWN_ATTRIBUTES, Participant, Presence};
pub(crate) use peer::{Origin, Peer, credentials};
pub(crate) use permission::Permission;
pub(crate) use sections::{Change, Sections, Usage};
pub(crate) use subscription::{Setting, Slot, Subscription};
pub(crate) use subscriptions::Subscriptions;
pub(crate) use track::{Track, Undeclared, source_of};
