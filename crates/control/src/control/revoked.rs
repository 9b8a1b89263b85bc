//! Tokens that the server API has revoked: whoever was removed is not to come
//! back with a token from before.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use protocol::{grants::Grants, limits};

/// Where whose tokens are revoked.
type Name = (String, String);

#[derive(Clone, Copy, Debug)]
struct Revocation {
    /// Tokens have to hold since then, in Unix seconds, or later.
    valid_since: i64,
    /// When it was said last, and as which of all.
    at: Instant,
    serial: u64,
}

/// Revocations, forgotten in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Revoked {
    by_name: BTreeMap<Name, Revocation>,
    /// One entry for each time that something was revoked.
    order: VecDeque<(Instant, u64, Name)>,
    last: u64,
}

impl Revoked {
    /// Tokens of an identity for a room that hold since before `valid_since`
    /// are worth nothing from now on. What was revoked stays so.
    pub(super) fn add(&mut self, room: &str, identity: &str, valid_since: i64, now: Instant) {
        self.forget_old(now);
        let name = (room.to_owned(), identity.to_owned());
        let known = self.by_name.get(&name).map_or(0, |known| known.valid_since);
        self.last += 1;
        let revocation = Revocation {
            valid_since: valid_since.max(known),
            at: now,
            serial: self.last,
        };
        self.by_name.insert(name.clone(), revocation);
        self.order.push_back((now, self.last, name));
        while self.order.len() > limits::REVOCATIONS {
            self.forget_first();
        }
    }

    /// Whether a token is worth nothing any more.
    pub(super) fn refuses(&self, grants: &Grants, now: Instant) -> bool {
        if self.by_name.is_empty() {
            return false;
        }
        let name = (grants.room.clone(), grants.identity.clone());
        self.by_name.get(&name).is_some_and(|revocation| {
            now.duration_since(revocation.at) < limits::REVOCATION_LIFE
                && grants.valid_since < revocation.valid_since
        })
    }

    fn forget_old(&mut self, now: Instant) {
        while self
            .order
            .front()
            .is_some_and(|(at, ..)| now.duration_since(*at) >= limits::REVOCATION_LIFE)
        {
            self.forget_first();
        }
    }

    /// Unless it was said again later.
    fn forget_first(&mut self) {
        if let Some((_, serial, name)) = self.order.pop_front()
            && self
                .by_name
                .get(&name)
                .is_some_and(|known| known.serial == serial)
        {
            self.by_name.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut now = crate::tests::start();
        let mut revoked = Revoked::default();
        for number in 0..=limits::REVOCATIONS {
            now += Duration::from_millis(1);
            revoked.add("room", &number.to_string(), 5, now);
        }
        assert_eq!(revoked.by_name.len(), limits::REVOCATIONS);
        assert_eq!(revoked.order.len(), limits::REVOCATIONS);
        let refuses = |revoked: &Revoked, identity: &str, valid_since| {
            let grants = Grants {
                room: "room".into(),
                identity: identity.into(),
                valid_since,
                ..Grants::default()
            };
            revoked.refuses(&grants, now)
        };
        assert!(!refuses(&revoked, "0", 4), "the oldest made way");
        assert!(refuses(&revoked, "1", 4) && !refuses(&revoked, "1", 5));
        // The same one over and over displaces nobody for ever, and is not forgotten.
        for _ in 0..limits::REVOCATIONS {
            revoked.add("room", "x", 1, now);
        }
        revoked.add("room", "x", 9, now);
        assert!(refuses(&revoked, "x", 8));
        assert!(revoked.order.len() <= limits::REVOCATIONS);
        now += limits::REVOCATION_LIFE;
        revoked.add("room", "y", 5, now);
        assert_eq!(revoked.by_name.len(), 1);
    }
}
