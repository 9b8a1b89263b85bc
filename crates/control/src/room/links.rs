//! The two lines to a participant, signalling and media: what happens when
//! one comes up or breaks.

use std::time::Duration;

use livekit_protocol as proto;
use proto::{DisconnectReason, leave_request::Action, signal_response::Message};
use protocol::{ids::PeerId, plane::CloseReason};

use super::{Exit, Room};
use crate::{
    desk::{Desk, PersonKey},
    face::{AttendanceChange, Output, SessionEnd},
    session::Presence,
};

/// How often a client is given a new token, for its next connection. Tokens
/// live for ten minutes.
const TOKEN_INTERVAL: Duration = Duration::from_secs(300);

impl Room {
    /// The WebSocket is gone without a leave message: with media alive the
    /// client may come back, else there is nothing to wait for.
    pub(crate) fn lose_link(&mut self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        if participant.connected_peer().is_some() {
            participant.link.lose(desk.now);
        } else {
            let reason = DisconnectReason::SignalClose;
            participant.link.lose(desk.now);
            self.expel(
                person,
                Exit {
                    reason,
                    action: None,
                    end: SessionEnd::Left,
                },
                desk,
            );
        }
    }

    pub(crate) fn send_token(&self, person: PersonKey, token: String, desk: &mut Desk) {
        self.reply(person, Message::RefreshToken(token), desk);
    }

    /// Has a new token minted when the client is due for one.
    pub(super) fn send_token_due(&mut self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        if let Some(session) = participant.link.session
            && participant.link.token_due <= desk.now
        {
            participant.link.token_due = desk.now + TOKEN_INTERVAL;
            let grants = participant.grants.clone();
            desk.outputs
                .push_back(Output::RefreshToken { session, grants });
        }
    }

    /// Whoever can receive is present.
    pub(crate) fn peer_connected(&mut self, person: PersonKey, id: PeerId, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        if let Some(peer) = participant.peer_mut(id) {
            peer.connected = true;
        }
        if participant.active() || participant.connected_peer().is_none() {
            return;
        }
        participant.presence = Presence::Active;
        if !participant.grants.hidden {
            let joined = AttendanceChange::Joined(participant.attendance(&self.name));
            desk.outputs.push_back(Output::Attendance(joined));
        }
        let info = participant.info();
        self.report_person("participant_joined", &info, desk);
        self.roster.change(person);
        self.tell_current_speakers(person, desk);
        self.tell_grades(person, desk);
        self.offer_all_to(person, desk);
    }

    /// The media plane has forgotten a peer. Clients with two see the loss of
    /// either as that of both.
    pub(crate) fn peer_closed(
        &mut self,
        person: PersonKey,
        id: PeerId,
        why: CloseReason,
        desk: &mut Desk,
    ) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        participant.forget_peer(id);
        desk.peers.remove(&id);
        let (reason, action) = match why {
            // It said goodbye to us, or has vanished. Should it still be
            // there, it comes back as someone new.
            CloseReason::Goodbye => (DisconnectReason::ClientInitiated, Action::Reconnect),
            CloseReason::Silence | CloseReason::DataOverflow => {
                (DisconnectReason::MediaFailure, Action::Reconnect)
            }
            // Trying again would fail again.
            CloseReason::ConnectTimeout => {
                (DisconnectReason::ConnectionTimeout, Action::Disconnect)
            }
            CloseReason::WrongCertificate | CloseReason::HandshakeFailed => {
                (DisconnectReason::MediaFailure, Action::Disconnect)
            }
        };
        self.expel(person, Exit::told(reason, action, SessionEnd::Left), desk);
    }
}
