//! The regular look for what is overdue: silent clients, lost ones that did
//! not come back, tracks that never came, tokens, unanswered requests.

use std::time::Duration;

use livekit_protocol as proto;
use proto::{DisconnectReason, leave_request::Action};
use protocol::{ids::TrackId, limits};

use super::{Exit, Room};
use crate::{
    desk::{Desk, PersonKey},
    face::SessionEnd,
    session::{Offering, Participant},
};

/// An announced track whose section did not come by then is forgotten, so
/// that failed attempts don't use up the limit. Clients give up after 10 s.
const ANNOUNCEMENT: Duration = Duration::from_secs(30);

/// A session whose media is not up by then is ended: the offer may take a
/// while to come, and then the media plane waits for [`limits::CONNECT_TIMEOUT`].
const JOINING: Duration = Duration::from_secs(15).saturating_add(limits::CONNECT_TIMEOUT);

/// What is overdue of someone.
enum Overdue {
    Nothing,
    /// Its WebSocket is up but silent.
    Signalling,
    Gone(Exit),
}

impl Room {
    pub(super) fn sweep(&mut self, desk: &mut Desk) {
        self.roster.sweep(desk.now);
        self.sweep_demands(desk);
        let everyone: Vec<PersonKey> = self.people.keys().copied().collect();
        for person in everyone {
            // Its own room looks after whoever is forwarded from there.
            if self.is_double(person) {
                continue;
            }
            match self
                .people
                .get(&person)
                .map(|participant| overdue(participant, desk))
            {
                Some(Overdue::Gone(exit)) => {
                    self.expel(person, exit, desk);
                    continue;
                }
                Some(Overdue::Signalling) => self.hang_up(person, desk),
                Some(Overdue::Nothing) | None => {}
            }
            self.send_token_due(person, desk);
            self.end_speech(person, desk);
            self.forget_announcements(person, desk);
            if let Some(participant) = self.people.get_mut(&person)
                && participant.sections.give_up(desk.now)
            {
                self.unsettled.insert(person);
            }
        }
    }

    /// Closes a silent WebSocket; from here on it is a lost one.
    fn hang_up(&mut self, person: PersonKey, desk: &mut Desk) {
        if let Some(participant) = self.people.get(&person)
            && let Some(session) = participant.link.session
        {
            desk.close(session, SessionEnd::Silence);
            self.lose_link(person, desk);
        }
    }

    fn forget_announcements(&mut self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let stale: Vec<TrackId> = participant
            .tracks
            .values()
            .filter(|track| track.mid.is_none())
            .filter(|track| desk.now.duration_since(track.announced_at) >= ANNOUNCEMENT)
            .map(|track| track.id)
            .collect();
        for id in stale {
            if let Some(track) = participant.tracks.remove(&id) {
                self.tracks.remove(track.sid());
                desk.tracks.remove(&id);
            }
        }
    }
}

fn overdue(participant: &Participant, desk: &Desk) -> Overdue {
    let now = desk.now;
    if let Some(lost) = participant.link.lost
        && now.duration_since(lost) >= limits::RESUME_WINDOW
    {
        let (reason, end) = (DisconnectReason::SignalClose, SessionEnd::Left);
        return Overdue::Gone(Exit {
            reason,
            action: None,
            end,
        });
    }
    if !participant.active() && now.duration_since(participant.joined) >= JOINING {
        let reason = DisconnectReason::JoinFailure;
        return Overdue::Gone(Exit::told(reason, Action::Disconnect, SessionEnd::Left));
    }
    // Others wait for it.
    if let Some(since) = participant.flow.behind()
        && now.duration_since(since) >= limits::DATA_STALL
    {
        let reason = DisconnectReason::MediaFailure;
        return Overdue::Gone(Exit::told(reason, Action::Reconnect, SessionEnd::Left));
    }
    let unanswered = |offering: &Offering| offering.overdue(now);
    if participant.link.session.is_some() && participant.offering.as_ref().is_some_and(unanswered) {
        let reason = DisconnectReason::StateMismatch;
        return Overdue::Gone(Exit::told(reason, Action::Reconnect, SessionEnd::Left));
    }
    let silence = now.duration_since(participant.link.heard);
    if participant.link.session.is_some() && silence >= limits::PING_TIMEOUT {
        return Overdue::Signalling;
    }
    Overdue::Nothing
}
