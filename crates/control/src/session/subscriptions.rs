//! Everything that one participant wants to receive, and what of it still
//! waits for a section: asked at every change in a full room, so it is
//! counted as it changes and not by going through them all.

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    ids::TrackId,
    limits,
    media::{Kind, Wish},
};

use super::{Setting, Slot, Subscription};

#[derive(Clone, Debug, Default)]
pub(crate) struct Subscriptions {
    all: BTreeMap<TrackId, Subscription>,
    waiting_audio: BTreeSet<TrackId>,
    waiting_video: BTreeSet<TrackId>,
    ssrcs: BTreeSet<u32>,
}

impl Subscriptions {
    pub(crate) fn full(&self) -> bool {
        self.all.len() >= limits::SUBSCRIPTIONS_PER_PEER
    }

    pub(crate) fn get(&self, track: TrackId) -> Option<&Subscription> {
        self.all.get(&track)
    }

    /// Everything that it wants to receive.
    pub(crate) fn tracks(&self) -> impl Iterator<Item = TrackId> + '_ {
        self.all.keys().copied()
    }

    /// Does nothing when there is one already.
    pub(crate) fn add(&mut self, track: TrackId, kind: Kind, setting: Setting) {
        if self.all.contains_key(&track) {
            return;
        }
        let subscription = Subscription {
            kind,
            setting,
            slot: None,
        };
        self.all.insert(track, subscription);
        self.waiting_mut(kind).insert(track);
    }

    pub(crate) fn remove(&mut self, track: TrackId) -> Option<Subscription> {
        let subscription = self.all.remove(&track)?;
        self.waiting_mut(subscription.kind).remove(&track);
        self.give_back(subscription.slot);
        Some(subscription)
    }

    /// A section was found.
    pub(crate) fn place(&mut self, track: TrackId, slot: Slot) {
        if let Some(subscription) = self.all.get_mut(&track) {
            subscription.slot = Some(slot);
            let kind = subscription.kind;
            self.waiting_mut(kind).remove(&track);
            self.ssrcs.insert(slot.ssrc);
            self.ssrcs.extend(slot.rtx_ssrc);
        }
    }

    /// The media plane is being told.
    pub(crate) fn order(&mut self, track: TrackId) -> Option<Slot> {
        let slot = self.all.get_mut(&track)?.slot.as_mut()?;
        (!std::mem::replace(&mut slot.ordered, true)).then_some(*slot)
    }

    /// The section was lost; the subscription waits for another.
    pub(crate) fn displace(&mut self, track: TrackId) -> Option<Slot> {
        let subscription = self.all.get_mut(&track)?;
        let (kind, slot) = (subscription.kind, subscription.slot.take()?);
        self.waiting_mut(kind).insert(track);
        self.give_back(Some(slot));
        Some(slot)
    }

    /// It can't be served: it stays, but waits no longer.
    pub(crate) fn shelve(&mut self, track: TrackId) {
        if let Some(subscription) = self.all.get(&track) {
            let kind = subscription.kind;
            self.waiting_mut(kind).remove(&track);
        }
    }

    pub(crate) fn set(&mut self, track: TrackId, setting: Setting) {
        if let Some(subscription) = self.all.get_mut(&track) {
            subscription.setting = setting;
        }
    }

    /// Notes a new wish; returns the slot, and the old wish, if that differs.
    pub(crate) fn wish(&mut self, track: TrackId, wish: Wish) -> Option<(Slot, Wish)> {
        let slot = self.all.get_mut(&track)?.slot.as_mut()?;
        let old = std::mem::replace(&mut slot.wish, wish);
        (old != wish).then_some((*slot, old))
    }

    /// What the media plane was told, of those that have a section.
    pub(crate) fn wishes(&self) -> impl Iterator<Item = (TrackId, Wish)> + '_ {
        let slots = self.all.iter();
        slots.filter_map(|(track, subscription)| Some((*track, subscription.slot?.wish)))
    }

    /// Those without a section, the oldest tracks first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = TrackId> + '_ {
        self.waiting_audio
            .iter()
            .chain(&self.waiting_video)
            .copied()
    }

    /// How many wait: audio, video.
    pub(crate) fn waiting_counts(&self) -> [usize; 2] {
        [self.waiting_audio.len(), self.waiting_video.len()]
    }

    pub(crate) fn uses_ssrc(&self, ssrc: u32) -> bool {
        self.ssrcs.contains(&ssrc)
    }

    const fn waiting_mut(&mut self, kind: Kind) -> &mut BTreeSet<TrackId> {
        match kind {
            Kind::Audio => &mut self.waiting_audio,
            Kind::Video => &mut self.waiting_video,
        }
    }

    fn give_back(&mut self, slot: Option<Slot>) {
        if let Some(slot) = slot {
            self.ssrcs.remove(&slot.ssrc);
            if let Some(rtx) = slot.rtx_ssrc {
                self.ssrcs.remove(&rtx);
            }
        }
    }
}
