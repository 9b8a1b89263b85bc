//! One participant of a run: the real client, its place in the world, and the
//! simulator's own record of what it did, against which the node is judged.

use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use client::{Client, Data, Event, PublicationKey, Timeout};
use protocol::{ids::SessionId, media::Kind};

/// Index of a person in its world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PersonId(pub usize);

/// Whether somebody is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    Present,
    /// Said goodbye.
    Left,
    /// Its machine stopped, or its network did for good: no goodbye.
    Vanished,
    /// The node ended its session.
    Ended,
}

/// What a person publishes, as it means to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Published {
    pub kind: Kind,
    pub muted: bool,
}

/// One participant.
pub struct Person {
    pub identity: String,
    pub room: String,
    pub tag: u32,
    pub client: Client,
    pub presence: Presence,
    pub events: Vec<(Duration, Event)>,
    pub published: BTreeMap<PublicationKey, Published>,
    pub auto_subscribe: bool,
    pub(crate) address: SocketAddr,
    pub(crate) session: Option<SessionId>,
    pub(crate) signal_latency: Duration,
    pub(crate) due: Option<Timeout>,
}

impl Person {
    #[must_use]
    pub fn is_present(&self) -> bool {
        self.presence == Presence::Present
    }

    /// Data messages so far, in the order of their arrival.
    pub fn data(&self) -> impl Iterator<Item = &Data> {
        self.events.iter().filter_map(|(_, event)| {
            if let Event::Data(data) = event {
                Some(data)
            } else {
                None
            }
        })
    }
}
