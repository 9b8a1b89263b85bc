//! Subscribing: who is to receive what, and in which quality.

use livekit_protocol as proto;
use proto::{SubscriptionError, VideoQuality, signal_response::Message};
use protocol::{ids::TrackId, limits, media::Kind, plane::Command};

use super::Room;
use crate::{
    desk::{Desk, PersonKey},
    session::{Setting, Subscription},
};

/// Entries of one request that are looked at: a full room's tracks, no more.
const ENTRIES: usize = limits::SUBSCRIPTIONS_PER_PEER;

impl Room {
    /// A track was announced: everyone who subscribes to all gets it.
    pub(super) fn offer_to_all(&mut self, publisher: PersonKey, track: TrackId) {
        for (person, participant) in &mut self.people {
            if *person != publisher
                && participant.active()
                && participant.auto_subscribe
                && participant.grants.can_subscribe
                && participant.subscriptions.len() < limits::SUBSCRIPTIONS_PER_PEER
            {
                let setting = participant.first_setting();
                participant
                    .subscriptions
                    .entry(track)
                    .or_insert_with(|| Subscription {
                        setting,
                        ..Default::default()
                    });
                self.unsettled.insert(*person);
            }
        }
    }

    /// Someone has become active: it gets everything that was announced before.
    pub(super) fn offer_all_to(&mut self, person: PersonKey) {
        let told: Vec<TrackId> = self
            .people
            .iter()
            .filter(|(key, _)| **key != person)
            .flat_map(|(_, other)| other.tracks.values())
            .filter(|track| track.told)
            .map(|track| track.id)
            .collect();
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        self.unsettled.insert(person);
        if !participant.auto_subscribe || !participant.grants.can_subscribe {
            return;
        }
        let setting = participant.first_setting();
        for track in told {
            if participant.subscriptions.len() < limits::SUBSCRIPTIONS_PER_PEER
                && !participant.declined.contains(&track)
            {
                participant
                    .subscriptions
                    .entry(track)
                    .or_insert_with(|| Subscription {
                        setting,
                        ..Default::default()
                    });
            }
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
                if let Err(error) = self.subscribe(person, sid) {
                    desk.stats.refused_requests += 1;
                    self.subscription_failed(person, sid, error, desk);
                }
            } else {
                self.unsubscribe(person, sid, desk);
            }
        }
    }

    fn subscribe(&mut self, person: PersonKey, sid: &str) -> Result<(), SubscriptionError> {
        let (publisher, track) = self
            .tracks
            .get(sid)
            .copied()
            .ok_or(SubscriptionError::SeTrackNotfound)?;
        let told = self
            .people
            .get(&publisher)
            .and_then(|publisher| publisher.tracks.get(&track))
            .is_some_and(|track| track.told);
        if !told || publisher == person {
            return Err(SubscriptionError::SeTrackNotfound);
        }
        let Some(participant) = self.people.get_mut(&person) else {
            return Ok(());
        };
        if !participant.grants.can_subscribe
            || participant.subscriptions.len() >= limits::SUBSCRIPTIONS_PER_PEER
        {
            return Err(SubscriptionError::SeUnknown);
        }
        participant.declined.remove(&track);
        let setting = participant.first_setting();
        participant
            .subscriptions
            .entry(track)
            .or_insert_with(|| Subscription {
                setting,
                ..Default::default()
            });
        self.unsettled.insert(person);
        Ok(())
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

    fn drop_subscription(&mut self, person: PersonKey, track: TrackId, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let Some(subscription) = participant.subscriptions.remove(&track) else {
            return;
        };
        self.unsettled.insert(person);
        if let (Some(slot), Some(peer)) = (subscription.slot, &participant.peer) {
            participant.sections.release(track);
            desk.order(
                peer.shard,
                Command::Unsubscribe {
                    peer: peer.id,
                    slot: slot.id,
                },
            );
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
            if let Some(subscription) = self
                .people
                .get_mut(&person)
                .and_then(|participant| participant.subscriptions.get_mut(&track))
            {
                subscription.setting = setting;
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
            let setting = participant.subscriptions.get(&track)?.setting;
            Some(setting.wish(self.people.get(&seat.person)?.tracks.get(&track)?))
        }) else {
            return;
        };
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let Some(peer) = &participant.peer else {
            return;
        };
        if let Some(slot) = participant
            .subscriptions
            .get_mut(&track)
            .and_then(|s| s.slot.as_mut())
            && slot.wish != wish
        {
            slot.wish = wish;
            desk.order(
                peer.shard,
                Command::ChangeWish {
                    peer: peer.id,
                    slot: slot.id,
                    wish,
                },
            );
        }
    }

    /// Asks those whose subscriptions changed for the sections that they need.
    pub(super) fn settle(&mut self, desk: &mut Desk) {
        for person in std::mem::take(&mut self.unsettled) {
            let waiting = self.waiting_by_kind(person, desk);
            let Some(participant) = self.people.get_mut(&person) else {
                continue;
            };
            if !participant.active() || participant.link.session.is_none() {
                continue;
            }
            if let Some(demand) = participant.sections.demand(waiting, desk.now) {
                let requirement = proto::MediaSectionsRequirement {
                    num_audios: demand.audio,
                    num_videos: demand.video,
                };
                participant.send(desk, Message::MediaSectionsRequirement(requirement));
            }
        }
    }

    /// Subscriptions without a section: audio, video.
    fn waiting_by_kind(&self, person: PersonKey, desk: &Desk) -> [usize; 2] {
        let mut counts = [0, 0];
        let Some(participant) = self.people.get(&person) else {
            return counts;
        };
        let [audio, video] = &mut counts;
        for id in participant.waiting() {
            let kind = desk
                .tracks
                .get(&id)
                .and_then(|seat| self.people.get(&seat.person)?.tracks.get(&id))
                .map(|track| track.kind);
            match kind {
                Some(Kind::Audio) => *audio += 1,
                Some(Kind::Video) => *video += 1,
                None => {}
            }
        }
        counts
    }
}
