//! How fast the data of one participant may come, and whether it takes what
//! comes to it: those who send more than others take are made to wait.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use protocol::{
    ids::PeerId,
    plane::{Backlog, DataChannel},
};

use crate::desk::PersonKey;

#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    /// What has come and has not been credited.
    debts: BTreeMap<(PeerId, DataChannel), usize>,
    /// Those who have not taken its reliable data.
    waits_for: BTreeSet<PersonKey>,
    /// Since when reliable data waits for it.
    behind: Option<Instant>,
}

impl Flow {
    pub(crate) const fn behind(&self) -> Option<Instant> {
        self.behind
    }

    pub(crate) fn report(&mut self, backlog: Backlog, now: Instant) {
        self.behind = match backlog {
            Backlog::High => self.behind.or(Some(now)),
            Backlog::Low => None,
        };
    }

    pub(crate) fn owe(&mut self, peer: PeerId, channel: DataChannel, bytes: usize) {
        let debt = self.debts.entry((peer, channel)).or_default();
        *debt = debt.saturating_add(bytes);
    }

    pub(crate) fn wait_for(&mut self, receivers: impl IntoIterator<Item = PersonKey>) {
        self.waits_for.extend(receivers);
    }

    /// Whether it waited for this one, and for no other.
    pub(crate) fn stop_waiting_for(&mut self, receiver: PersonKey) -> bool {
        self.waits_for.remove(&receiver) && self.waits_for.is_empty()
    }

    pub(crate) fn wait_for_nobody(&mut self) {
        self.waits_for.clear();
    }

    /// What may be credited now, as far as it comes to `least` bytes.
    pub(crate) fn pay(&mut self, least: usize) -> Vec<(PeerId, DataChannel, usize)> {
        let waits = !self.waits_for.is_empty();
        let due: Vec<_> = self
            .debts
            .iter()
            .filter(|(_, bytes)| **bytes >= least)
            .filter(|((_, channel), _)| !waits || *channel != DataChannel::Reliable)
            .map(|((peer, channel), bytes)| (*peer, *channel, *bytes))
            .collect();
        for (peer, channel, _) in &due {
            self.debts.remove(&(*peer, *channel));
        }
        due
    }
}
