//! Every reason for which somebody goes, one test each: what the one who goes is
//! told, and what the others are.
//!
//! `USER_UNAVAILABLE`, `USER_REJECTED`, `SIP_TRUNK_FAILURE` and `AGENT_ERROR`
//! are said of telephones and agents, which are not here; `ROOM_CLOSED` is the
//! end of a room that nobody is in, so nobody hears of it.

use std::time::Duration;

use livekit_protocol as proto;
use proto::{DisconnectReason, leave_request::Action, participant_info::State};
use protocol::{
    grants::Grants,
    ids::{RequestId, SessionId},
    limits,
    plane::CloseReason,
};

use super::world::{Asked, Told, World, grants, join};
use crate::{Input, Join, Question, Resume, admin::Request};

impl World {
    /// What a session was told when it had to go.
    fn sent_off(&mut self, session: SessionId) -> Vec<(DisconnectReason, Action)> {
        let leaves = self.screen(session).leaves();
        leaves.iter().map(|l| (l.reason(), l.action())).collect()
    }

    /// Why somebody else left, as `watcher` was told.
    fn heard(&mut self, watcher: SessionId, identity: &str) -> Vec<DisconnectReason> {
        self.pass(Duration::from_millis(60));
        let told = self.screen(watcher).told.iter();
        told.filter_map(|told| match told {
            Told::Update(update) => Some(&update.participants),
            _ => None,
        })
        .flatten()
        .filter(|info| info.identity == identity && info.state() == State::Disconnected)
        .map(proto::ParticipantInfo::disconnect_reason)
        .collect()
    }

    fn instruct(&mut self, question: Question) {
        let request = RequestId(1);
        self.input(Input::Ask { request, question });
    }

    fn admin(&mut self, request: Request) {
        self.instruct(Question::Admin(Box::new(request)));
    }
}

/// Anna, and Bert who watches her go, in either dialect.
fn pairs() -> [(World, SessionId, SessionId); 2] {
    World::both().map(|mut world| {
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        (world, anna, bert)
    })
}

fn anna() -> proto::RoomParticipantIdentity {
    proto::RoomParticipantIdentity {
        room: "room".into(),
        identity: "anna".into(),
        ..Default::default()
    }
}

#[test]
fn client_initiated_is_who_says_goodbye() {
    for (mut world, anna, bert) in pairs() {
        world.ask(anna, Asked::Leave(proto::LeaveRequest::default()));
        assert_eq!(world.sent_off(anna), []);
        let reason = DisconnectReason::ClientInitiated;
        assert_eq!(world.heard(bert, "anna"), [reason]);
    }
}

#[test]
fn duplicate_identity_is_who_joined_again_elsewhere() {
    for (mut world, anna, bert) in pairs() {
        world.enter("anna");
        let reason = DisconnectReason::DuplicateIdentity;
        assert_eq!(world.sent_off(anna), [(reason, Action::Disconnect)]);
        assert_eq!(world.heard(bert, "anna"), [reason]);
    }
}

#[test]
fn server_shutdown_is_for_everybody() {
    for (mut world, anna, bert) in pairs() {
        world.instruct(Question::StopAll);
        for who in [anna, bert] {
            let reason = DisconnectReason::ServerShutdown;
            assert_eq!(world.sent_off(who), [(reason, Action::Disconnect)]);
        }
    }
}

#[test]
fn participant_removed_is_who_an_application_removed() {
    for (mut world, session, bert) in pairs() {
        world.admin(Request::RemoveParticipant(anna()));
        let reason = DisconnectReason::ParticipantRemoved;
        assert_eq!(world.sent_off(session), [(reason, Action::Disconnect)]);
        assert_eq!(world.heard(bert, "anna"), [reason]);
    }
}

#[test]
fn room_deleted_is_for_everybody_in_it() {
    for (mut world, anna, bert) in pairs() {
        world.admin(Request::DeleteRoom(proto::DeleteRoomRequest {
            room: "room".into(),
        }));
        for who in [anna, bert] {
            let reason = DisconnectReason::RoomDeleted;
            assert_eq!(world.sent_off(who), [(reason, Action::Disconnect)]);
        }
    }
}

#[test]
fn state_mismatch_is_who_resumes_what_is_not_there() {
    for (mut world, anna, _) in pairs() {
        world.ask(anna, Asked::Leave(proto::LeaveRequest::default()));
        let resume = Some(Resume {
            participant_sid: world.screen(anna).me.clone(),
            sync_state: None,
        });
        let again = world.connect(grants("anna"), Join { resume, ..join() });
        let reason = DisconnectReason::StateMismatch;
        assert_eq!(world.sent_off(again), [(reason, Action::Reconnect)]);
    }
}

#[test]
fn join_failure_is_who_may_not_join() {
    for mut world in World::both() {
        let unable = Grants {
            can_join: false,
            ..grants("anna")
        };
        let anna = world.connect(unable, join());
        let reason = DisconnectReason::JoinFailure;
        assert_eq!(world.sent_off(anna), [(reason, Action::Disconnect)]);
    }
}

#[test]
fn join_failure_is_also_who_never_offered_any_media() {
    let mut world = World::new();
    let anna = world.connect(grants("anna"), join());
    let bert = world.enter("bert");
    world.live(46);
    let reason = DisconnectReason::JoinFailure;
    assert_eq!(world.sent_off(anna), [(reason, Action::Disconnect)]);
    assert_eq!(world.heard(bert, "anna"), [reason]);
}

#[test]
fn migration_is_who_was_moved() {
    for (mut world, anna, bert) in pairs() {
        world.admin(Request::MoveParticipant(proto::MoveParticipantRequest {
            room: "room".into(),
            identity: "anna".into(),
            destination_room: "other".into(),
        }));
        assert_eq!(world.sent_off(anna), []);
        assert_eq!(world.heard(bert, "anna"), [DisconnectReason::Migration]);
    }
}

#[test]
fn signal_close_is_who_lost_the_socket_and_did_not_come_back() {
    for (mut world, anna, bert) in pairs() {
        world.disconnect(anna);
        world.live(limits::RESUME_WINDOW.as_secs() + 1);
        assert_eq!(world.heard(bert, "anna"), [DisconnectReason::SignalClose]);
    }
}

#[test]
fn connection_timeout_is_whose_media_never_came_up() {
    for mut world in World::both() {
        let bert = world.enter("bert");
        let anna = world.enter("anna");
        world.media_down(anna, CloseReason::ConnectTimeout);
        let reason = DisconnectReason::ConnectionTimeout;
        assert_eq!(world.sent_off(anna), [(reason, Action::Disconnect)]);
        assert_eq!(world.heard(bert, "anna"), [reason]);
    }
}

#[test]
fn media_failure_is_whose_media_broke() {
    for (why, action) in [
        (CloseReason::Silence, Action::Reconnect),
        (CloseReason::DataOverflow, Action::Reconnect),
        (CloseReason::HandshakeFailed, Action::Disconnect),
        (CloseReason::WrongCertificate, Action::Disconnect),
    ] {
        for (mut world, anna, bert) in pairs() {
            world.media_down(anna, why);
            let reason = DisconnectReason::MediaFailure;
            assert_eq!(world.sent_off(anna), [(reason, action)], "{why:?}");
            assert_eq!(world.heard(bert, "anna"), [reason], "{why:?}");
        }
    }
}

/// A token of anna that holds since then.
fn token(valid_since: i64) -> Grants {
    Grants {
        valid_since,
        ..grants("anna")
    }
}

#[test]
fn whoever_was_removed_does_not_come_back_with_an_old_token() {
    const REVOKED: i64 = 1_700_000_100;
    for (mut world, session, bert) in pairs() {
        let removal = proto::RoomParticipantIdentity {
            revoke_token_ts: REVOKED,
            ..anna()
        };
        world.admin(Request::RemoveParticipant(removal));
        let removed = (DisconnectReason::ParticipantRemoved, Action::Disconnect);
        let resume = Some(Resume {
            participant_sid: world.screen(session).me.clone(),
            sync_state: None,
        });
        for since in [0, REVOKED - 1] {
            let joins = [resume.clone(), None].map(|resume| Join { resume, ..join() });
            for join in joins {
                let again = world.connect(token(since), join);
                assert_eq!(world.sent_off(again), [removed]);
                assert_eq!(world.screen(again).told.len(), 1);
            }
        }
        world.pass(Duration::from_millis(60));
        assert_eq!(world.screen(bert).sees(), [("bert", 0)]);
        // Neither a token made since, nor one for another room, nor anybody else's.
        let elsewhere = Grants {
            room: "other".into(),
            ..token(0)
        };
        for grants in [token(REVOKED), elsewhere, grants("carl")] {
            let let_in = world.enter_as(grants, join());
            assert_eq!(world.sent_off(let_in), []);
        }
    }
}

#[test]
fn whoever_left_just_before_its_removal_does_not_come_back_either() {
    let mut world = World::new();
    let removal = proto::RoomParticipantIdentity {
        revoke_token_ts: 1_700_000_100,
        ..anna()
    };
    world.admin(Request::RemoveParticipant(removal));
    let anna = world.connect(token(1_700_000_000), join());
    let removed = (DisconnectReason::ParticipantRemoved, Action::Disconnect);
    assert_eq!(world.sent_off(anna), [removed]);
    // Nothing is revoked by a removal that doesn't ask for it.
    let mut world = World::new();
    let anna = world.enter("anna");
    world.admin(Request::RemoveParticipant(self::anna()));
    assert_eq!(world.sent_off(anna), [removed]);
    let anna = world.connect(token(1_700_000_000), join());
    assert_eq!(world.sent_off(anna), []);
}
