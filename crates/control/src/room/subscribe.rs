//! Subscribing: who is to receive what, and in which quality.

use livekit_protocol as proto;
use proto::{SubscriptionError, VideoQuality, signal_response::Message};
use protocol::{ids::TrackId, limits, plane::Command, signal::Dialect};

use super::{Room, downlinks::end};
use crate::{
    desk::{Desk, PersonKey},
    session::{Audience, Participant, Setting},
};

/// Entries of one request that are looked at: a full room's tracks, no more.
const ENTRIES: usize = limits::SUBSCRIPTIONS_PER_PEER;

impl Room {
    /// A track was announced: everyone who subscribes to all gets it.
    pub(super) fn offer_to_all(&mut self, publisher: PersonKey, track: TrackId, desk: &mut Desk) {
        let everyone: Vec<PersonKey> = self.people.keys().copied().collect();
        for person in everyone {
            self.offer_one(person, publisher, track, desk);
        }
    }

    /// Someone is ready to receive: it gets everything that was announced before.
    pub(super) fn offer_all_to(&mut self, person: PersonKey, desk: &mut Desk) {
        let told: Vec<(PersonKey, TrackId)> = self
            .people
            .iter()
            .flat_map(|(key, other)| other.tracks.values().map(|track| (*key, track)))
            .filter(|(_, track)| track.told)
            .map(|(key, track)| (key, track.id))
            .collect();
        for (publisher, track) in told {
            self.offer_one(person, publisher, track, desk);
        }
        self.unsettled.insert(person);
    }

    /// Subscribes someone to a track, if it takes whatever there is.
    pub(super) fn offer_one(
        &mut self,
        person: PersonKey,
        publisher: PersonKey,
        track: TrackId,
        desk: &mut Desk,
    ) {
        let wanted = self.people.get(&person).is_some_and(|participant| {
            participant.listens()
                && participant.auto_subscribe
                && participant.grants.can_subscribe
                && !participant.declined.contains(&track)
        });
        if wanted && person != publisher {
            // Beyond its limit a client gets no more than it asks for.
            let _ = self.subscribe_to(person, publisher, track, desk);
        }
    }

    pub(super) fn update_subscription(
        &mut self,
        person: PersonKey,
        update: &proto::UpdateSubscription,
        desk: &mut Desk,
    ) {
        let grouped = update
            .participant_tracks
            .iter()
            .flat_map(|tracks| &tracks.track_sids);
        for sid in update.track_sids.iter().chain(grouped).take(ENTRIES) {
            if update.subscribe {
                if let Err(error) = self.subscribe(person, sid, desk) {
                    desk.stats.refused_requests += 1;
                    self.subscription_failed(person, sid, error, desk);
                }
            } else {
                self.unsubscribe(person, sid, desk);
            }
        }
    }

    fn subscribe(
        &mut self,
        person: PersonKey,
        sid: &str,
        desk: &mut Desk,
    ) -> Result<(), SubscriptionError> {
        let (publisher, track) = self
            .tracks
            .get(sid)
            .copied()
            .ok_or(SubscriptionError::SeTrackNotfound)?;
        if publisher == person {
            return Err(SubscriptionError::SeTrackNotfound);
        }
        if let Some(participant) = self.people.get_mut(&person) {
            participant.declined.remove(&track);
        }
        self.subscribe_to(person, publisher, track, desk)
    }

    /// Whoever may not receive a track is told so, which is no error.
    fn subscribe_to(
        &mut self,
        person: PersonKey,
        publisher: PersonKey,
        track: TrackId,
        desk: &mut Desk,
    ) -> Result<(), SubscriptionError> {
        let (Some(participant), Some(source)) =
            (self.people.get(&person), self.people.get(&publisher))
        else {
            return Ok(());
        };
        let track = source
            .tracks
            .get(&track)
            .filter(|track| track.told)
            .ok_or(SubscriptionError::SeTrackNotfound)?;
        if !participant.grants.can_subscribe || participant.subscriptions.full() {
            return Err(SubscriptionError::SeUnknown);
        }
        if !source.admits(participant, track) {
            tell_permission(participant, source, track.sid(), false, desk);
            return Ok(());
        }
        let (id, kind) = (track.id, track.kind);
        if let Some(participant) = self.people.get_mut(&person) {
            let setting = participant.first_setting();
            participant.subscriptions.add(id, kind, setting);
            self.unsettled.insert(person);
        }
        Ok(())
    }

    /// A publisher chooses who may receive its tracks.
    pub(super) fn update_audience(
        &mut self,
        publisher: PersonKey,
        permission: &proto::SubscriptionPermission,
    ) {
        self.roster.admit(publisher, Audience::read(permission));
    }

    /// Those whom a publisher's choice concerns are told.
    pub(super) fn change_audience(&mut self, publisher: PersonKey, new: Audience, desk: &mut Desk) {
        let Some(source) = self.people.get_mut(&publisher) else {
            return;
        };
        if source.audience == new {
            return;
        }
        let old = std::mem::replace(&mut source.audience, new);
        let told: Vec<(TrackId, String)> = source
            .tracks
            .values()
            .filter(|track| track.told)
            .map(|track| (track.id, track.sid().to_owned()))
            .collect();
        let others: Vec<PersonKey> = self.people.keys().copied().collect();
        for person in others.into_iter().filter(|person| *person != publisher) {
            for (track, sid) in &told {
                let Some(participant) = self.people.get(&person) else {
                    continue;
                };
                let Some(source) = self.people.get(&publisher) else {
                    return;
                };
                let before = old.admits(&participant.sid, participant.identity(), sid);
                let after = source
                    .audience
                    .admits(&participant.sid, participant.identity(), sid);
                if before == after {
                    continue;
                }
                tell_permission(participant, source, sid, after, desk);
                if after {
                    self.offer_one(person, publisher, *track, desk);
                } else {
                    self.drop_subscription(person, *track, desk);
                }
            }
        }
    }

    pub(super) fn unsubscribe(&mut self, person: PersonKey, sid: &str, desk: &mut Desk) {
        let Some((_, track)) = self.tracks.get(sid).copied() else {
            return;
        };
        self.drop_subscription(person, track, desk);
        if let Some(participant) = self.people.get_mut(&person) {
            // Tracks that end are taken out again, so this is bounded by what exists.
            participant.declined.insert(track);
        }
    }

    pub(super) fn subscription_failed(
        &self,
        person: PersonKey,
        sid: &str,
        error: SubscriptionError,
        desk: &mut Desk,
    ) {
        let track_sid = sid.chars().take(limits::NAME_BYTES).collect();
        let response = proto::SubscriptionResponse {
            track_sid,
            err: error.into(),
        };
        self.reply(person, Message::SubscriptionResponse(response), desk);
    }

    /// A track is no more: nobody receives it.
    pub(super) fn drop_subscribers(&mut self, track: TrackId, desk: &mut Desk) {
        let everyone: Vec<PersonKey> = self.people.keys().copied().collect();
        for person in everyone {
            self.drop_subscription(person, track, desk);
            if let Some(participant) = self.people.get_mut(&person) {
                participant.declined.remove(&track);
            }
        }
    }

    pub(super) fn drop_subscription(&mut self, person: PersonKey, track: TrackId, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let Some(subscription) = participant.subscriptions.remove(track) else {
            return;
        };
        self.unsettled.insert(person);
        participant.release(track);
        if let Some(slot) = subscription.slot {
            end(participant, slot, desk);
            self.demand(track, Some(slot.wish), None, desk);
        }
    }

    pub(super) fn update_settings(
        &mut self,
        person: PersonKey,
        settings: &proto::UpdateTrackSettings,
        desk: &mut Desk,
    ) {
        let setting = Setting {
            disabled: settings.disabled,
            quality: match settings.quality() {
                VideoQuality::Low => Some(0),
                VideoQuality::Medium => Some(1),
                VideoQuality::High | VideoQuality::Off => None,
            },
            tile: (settings.width > 0 && settings.height > 0)
                .then_some((settings.width, settings.height)),
            frames: (settings.fps > 0).then_some(settings.fps),
            begin_low: false,
        };
        for sid in settings.track_sids.iter().take(ENTRIES) {
            let Some((_, track)) = self.tracks.get(sid).copied() else {
                continue;
            };
            if let Some(participant) = self.people.get_mut(&person) {
                participant.subscriptions.set(track, setting);
                self.update_wish(person, track, desk);
            }
        }
    }

    /// Tells the media plane what a subscriber wants, if that has changed.
    fn update_wish(&mut self, person: PersonKey, track: TrackId, desk: &mut Desk) {
        let Some(seat) = desk.tracks.get(&track).copied() else {
            return;
        };
        let Some(wish) = self.people.get(&person).and_then(|participant| {
            let setting = participant.subscriptions.get(track)?.setting;
            Some(setting.wish(self.people.get(&seat.person)?.tracks.get(&track)?))
        }) else {
            return;
        };
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let Some((slot, old)) = participant.subscriptions.wish(track, wish) else {
            return;
        };
        if let Some(peer) = participant.receiving_peer().filter(|_| slot.ordered) {
            desk.order(
                peer.shard,
                Command::ChangeWish {
                    peer: peer.id,
                    slot: slot.id,
                    wish,
                },
            );
        }
        self.demand(track, Some(old), Some(wish), desk);
    }

    /// Sees to the sections of those whose subscriptions changed.
    pub(super) fn settle(&mut self, desk: &mut Desk) {
        for person in std::mem::take(&mut self.unsettled) {
            match self.people.get(&person).map(Participant::dialect) {
                Some(Dialect::SinglePeer) => self.require_sections(person, desk),
                Some(Dialect::DualPeer) => self.offer(person, desk),
                None => {}
            }
        }
    }

    /// Asks the client for the sections that it needs.
    fn require_sections(&mut self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        if !participant.active() || participant.link.session.is_none() {
            return;
        }
        let waiting = participant.subscriptions.waiting_counts();
        if let Some(demand) = participant.sections.demand(waiting, desk.now) {
            let requirement = proto::MediaSectionsRequirement {
                num_audios: demand.audio,
                num_videos: demand.video,
            };
            participant.send(desk, Message::MediaSectionsRequirement(requirement));
        }
    }
}

fn tell_permission(
    receiver: &Participant,
    publisher: &Participant,
    track: &str,
    allowed: bool,
    desk: &mut Desk,
) {
    let update = proto::SubscriptionPermissionUpdate {
        participant_sid: publisher.sid.clone(),
        track_sid: track.to_owned(),
        allowed,
    };
    receiver.send(desk, Message::SubscriptionPermissionUpdate(update));
}
