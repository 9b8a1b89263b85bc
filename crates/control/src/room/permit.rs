//! What a participant may do is changed while it is there.

use livekit_protocol as proto;
use proto::signal_response::Message;
use protocol::ids::TrackId;

use super::Room;
use crate::{
    desk::{Desk, PersonKey},
    session::Permission,
};

impl Room {
    /// From now on. Tracks that may no longer be published end, and so do all
    /// subscriptions of whoever may no longer subscribe.
    pub(crate) fn permit(&mut self, person: PersonKey, permission: Permission, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let could_subscribe = participant.grants.can_subscribe;
        permission.apply(&mut participant.grants);
        let can_subscribe = participant.grants.can_subscribe;
        // The token for its next connection has to say the same.
        participant.link.token_due = desk.now;
        self.roster.change(person);
        self.send_token_due(person, desk);
        self.revoke_tracks(person, desk);
        match (could_subscribe, can_subscribe) {
            (true, false) => self.drop_all_of(person, desk),
            (false, true) => self.offer_all_to(person, desk),
            (true, true) | (false, false) => {}
        }
    }

    /// Ends the tracks that their publisher may not publish, and tells it.
    fn revoke_tracks(&mut self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let revoked: Vec<(TrackId, String)> = participant
            .tracks
            .values()
            .filter(|track| !participant.may_publish(track.source))
            .map(|track| (track.id, track.sid().to_owned()))
            .collect();
        for (track, track_sid) in revoked {
            self.unpublish(person, track, desk);
            if let Some(participant) = self.people.get_mut(&person) {
                participant.sections.disown(track);
                let response = proto::TrackUnpublishedResponse { track_sid };
                participant.send(desk, Message::TrackUnpublished(response));
            }
        }
    }

    /// Ends everything that someone receives.
    pub(super) fn drop_all_of(&mut self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        let tracks: Vec<TrackId> = participant.subscriptions.tracks().collect();
        for track in tracks {
            self.drop_subscription(person, track, desk);
        }
    }
}
