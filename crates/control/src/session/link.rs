//! The signalling side of a participant: which WebSocket, when it was heard
//! last, since when it is lost.

use std::time::Instant;

use protocol::ids::SessionId;

#[derive(Clone, Debug)]
pub(crate) struct Link {
    /// `None` while the client has no signalling connection.
    pub(crate) session: Option<SessionId>,
    /// The client's last frame was JSON: so are ours.
    pub(crate) text: bool,
    pub(crate) heard: Instant,
    /// Since when there is no signalling connection.
    pub(crate) lost: Option<Instant>,
    /// When the client is due for a new token.
    pub(crate) token_due: Instant,
    /// What the client wants to happen when it comes back.
    pub(crate) interruption: Option<Interruption>,
}

/// A signalling connection that breaks as soon as it has been taken up again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Interruption {
    BeforeMessages,
    AfterMessages,
}

impl Link {
    pub(crate) const fn new(session: SessionId, now: Instant) -> Self {
        Self {
            session: Some(session),
            text: false,
            heard: now,
            lost: None,
            token_due: now,
            interruption: None,
        }
    }

    /// Of whoever never has one (WHIP, WHEP), and so does not lose it.
    pub(crate) const fn none(now: Instant) -> Self {
        Self {
            session: None,
            text: false,
            heard: now,
            lost: None,
            token_due: now,
            interruption: None,
        }
    }

    /// A new WebSocket took the place of the old one, which is returned.
    pub(crate) const fn replace(&mut self, session: SessionId, now: Instant) -> Option<SessionId> {
        let old = self.session.replace(session);
        self.text = false;
        self.heard = now;
        self.lost = None;
        self.token_due = now;
        old
    }

    pub(crate) const fn lose(&mut self, now: Instant) {
        self.session = None;
        self.lost = Some(now);
    }
}
