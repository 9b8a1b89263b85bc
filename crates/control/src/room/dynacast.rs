//! Tells publishers which qualities of their pictures somebody watches, so
//! that they need not encode the others. More is asked for at once, less when
//! that has been enough for a while.

use std::collections::BTreeSet;

use livekit_protocol as proto;
use proto::{SubscribedCodec, signal_response::Message};
use protocol::{
    ids::TrackId,
    media::{Kind, Wish},
};

use super::Room;
use crate::{
    desk::{Desk, PersonKey},
    session::{Step, Track},
};

/// Tracks whose demand has to be looked at.
#[derive(Clone, Debug, Default)]
pub(super) struct Demands {
    changed: BTreeSet<TrackId>,
    /// Less is wanted, and may yet be more again.
    waiting: BTreeSet<TrackId>,
}

impl Room {
    /// Somebody's wish for a track changed; `None` is no subscription.
    pub(super) fn demand(
        &mut self,
        track: TrackId,
        from: Option<Wish>,
        to: Option<Wish>,
        desk: &Desk,
    ) {
        let Some(seat) = desk.tracks.get(&track) else {
            return;
        };
        let publisher = self.people.get_mut(&seat.person);
        if let Some(track) = publisher.and_then(|person| person.tracks.get_mut(&track))
            && track.kind == Kind::Video
        {
            track.demand.change(from, to);
            self.demands.changed.insert(track.id);
        }
    }

    /// Looks at a track that nobody may have subscribed to.
    pub(super) fn review_demand(&mut self, track: TrackId) {
        self.demands.changed.insert(track);
    }

    pub(super) fn review_demands_of(&mut self, person: PersonKey) {
        if let Some(participant) = self.people.get(&person) {
            self.demands.changed.extend(participant.tracks.keys());
        }
    }

    /// After every input.
    pub(super) fn settle_demands(&mut self, desk: &mut Desk) {
        for track in std::mem::take(&mut self.demands.changed) {
            self.settle_demand(track, desk);
        }
    }

    /// Now and then: some have waited long enough.
    pub(super) fn sweep_demands(&mut self, desk: &mut Desk) {
        for track in std::mem::take(&mut self.demands.waiting) {
            self.settle_demand(track, desk);
        }
    }

    fn settle_demand(&mut self, id: TrackId, desk: &mut Desk) {
        self.demands.waiting.remove(&id);
        let Some(seat) = desk.tracks.get(&id).copied() else {
            return;
        };
        if self.report_watchers(seat.person, id, desk) {
            return;
        }
        let elsewhere = self.wanted_elsewhere(seat.person, id);
        let Some(publisher) = self.people.get_mut(&seat.person) else {
            return;
        };
        let Some(track) = publisher.tracks.get_mut(&id) else {
            return;
        };
        if track.mid.is_none() || track.kind != Kind::Video {
            return;
        }
        match track.demand.settle(elsewhere, desk.now) {
            Step::Nothing => {}
            Step::Wait => {
                self.demands.waiting.insert(id);
            }
            Step::Tell => {
                let message = update(track);
                publisher.send(desk, message);
            }
        }
    }

    /// A client that was away is told again.
    pub(super) fn tell_demands(&self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        for track in participant.tracks.values() {
            if track.kind == Kind::Video && track.demand.spares() {
                participant.send(desk, update(track));
            }
        }
    }
}

#[expect(deprecated, reason = "older clients read the field without codecs")]
fn update(track: &Track) -> Message {
    let qualities = track.demand.qualities();
    let mime = track.info.mime_type.to_ascii_lowercase();
    let codec = mime.strip_prefix("video/").unwrap_or(&mime).to_owned();
    Message::SubscribedQualityUpdate(proto::SubscribedQualityUpdate {
        track_sid: track.sid().to_owned(),
        subscribed_qualities: qualities.clone(),
        subscribed_codecs: vec![SubscribedCodec { codec, qualities }],
    })
}
