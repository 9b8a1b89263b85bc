//! The faults that clients have us pretend, to see how they bear them. Each
//! concerns the one who asks, and nobody else.

use std::time::Duration;

use livekit_protocol as proto;
use proto::{DisconnectReason, leave_request::Action, simulate_scenario::Scenario};

use super::{Exit, Room, leave};
use crate::{
    desk::{Desk, PersonKey},
    face::SessionEnd,
    session::Interruption,
    speakers::Turn,
};

/// Nobody pretends to speak for longer.
const SPEECH: Duration = Duration::from_secs(30);

impl Room {
    pub(super) fn simulate(&mut self, person: PersonKey, scenario: Scenario, desk: &mut Desk) {
        match scenario {
            Scenario::SpeakerUpdate(seconds) => self.pretend_speech(person, seconds, desk),
            // As if we had crashed: no word of goodbye, and nothing to resume.
            Scenario::NodeFailure(_) => {
                let (reason, end) = (DisconnectReason::SignalClose, SessionEnd::Left);
                let exit = Exit {
                    reason,
                    action: None,
                    end,
                };
                self.expel(person, exit, desk);
            }
            Scenario::ServerLeave(_) => {
                let reason = DisconnectReason::ServerShutdown;
                let exit = Exit::told(reason, Action::Disconnect, SessionEnd::Left);
                self.expel(person, exit, desk);
            }
            Scenario::LeaveRequestFullReconnect(_) => {
                let reason = DisconnectReason::StateMismatch;
                let exit = Exit::told(reason, Action::Reconnect, SessionEnd::Left);
                self.expel(person, exit, desk);
            }
            Scenario::Migration(_) => self.send_away(person, desk),
            Scenario::DisconnectSignalOnResume(_) => {
                self.interrupt(person, Interruption::AfterMessages);
            }
            Scenario::DisconnectSignalOnResumeNoMessages(_) => {
                self.interrupt(person, Interruption::BeforeMessages);
            }
            // There is one protocol for candidates, and no estimate of the
            // subscriber's bandwidth that could be held down. Clients that
            // ask for the former connect anew by themselves.
            Scenario::SwitchCandidateProtocol(_) | Scenario::SubscriberBandwidth(_) => {}
        }
    }

    /// The client is to come back by another connection; we are that one, too.
    /// Its old one is closed when it does: a client that heard of both, the word
    /// and the closing, would begin to reconnect twice.
    fn send_away(&self, person: PersonKey, desk: &mut Desk) {
        self.reply(
            person,
            leave(DisconnectReason::Migration, Action::Resume),
            desk,
        );
    }

    fn interrupt(&mut self, person: PersonKey, how: Interruption) {
        if let Some(participant) = self.people.get_mut(&person) {
            participant.link.interruption = Some(how);
        }
    }

    fn pretend_speech(&mut self, person: PersonKey, seconds: i32, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        if participant.grants.hidden || participant.speech_ends.is_some() {
            return;
        }
        let seconds = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        participant.speech_ends = Some(desk.now + seconds.min(SPEECH));
        let sid = participant.sid.clone();
        self.tell_speakers(&[(sid, turn(person, 0.9))], desk);
    }

    /// Ends pretended speech whose time is over.
    pub(super) fn end_speech(&mut self, person: PersonKey, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        if participant.speech_ends.is_some_and(|end| end <= desk.now) {
            participant.speech_ends = None;
            let sid = participant.sid.clone();
            self.tell_speakers(&[(sid, turn(person, 0.0))], desk);
        }
    }
}

const fn turn(person: PersonKey, level: f32) -> Turn {
    Turn {
        person,
        active: level > 0.0,
        level,
    }
}
