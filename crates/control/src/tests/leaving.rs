//! Going: clean and unclean ways, and how soon the others know.

use std::time::Duration;

use livekit_protocol::{DisconnectReason, leave_request::Action};
use protocol::{
    ids::SessionId,
    limits,
    plane::{CloseReason, Command},
    signal::Frame,
};

use super::world::{Asked, World, grants, join};
use crate::{AttendanceChange, Input, SessionEnd};

/// Two people, in either dialect.
fn two() -> [(World, SessionId, SessionId); 2] {
    World::both().map(|mut world| {
        let (anna, bert) = (world.enter("anna"), world.enter("bert"));
        (world, anna, bert)
    })
}

#[test]
fn a_leave_is_known_at_once() {
    for (mut world, anna, bert) in two() {
        world.ask(anna, Asked::Leave(Default::default()));
        world.pass(Duration::from_millis(60));
        assert_eq!(world.screen(bert).sees(), [("bert", 0)]);
    }
}

#[test]
fn a_vanished_client_is_gone_within_fifteen_seconds() {
    for (mut world, anna, bert) in two() {
        // Neither media nor signalling says anything any more.
        for second in 0..15_u64 {
            world.pass(Duration::from_secs(1));
            world.ask(bert, Asked::Ping(1));
            if second == limits::PEER_SILENCE.as_secs() {
                world.media_down(anna, CloseReason::Silence);
            }
        }
        assert_eq!(world.screen(bert).sees(), [("bert", 0)]);
        assert!(world.screen(anna).end.is_some());
        assert_eq!(world.attendance.len(), 3);
    }
}

#[test]
fn a_lost_socket_is_waited_for_while_media_lives() {
    for (mut world, anna, bert) in two() {
        world.disconnect(anna);
        world.pass(limits::RESUME_WINDOW - Duration::from_secs(1));
        world.ask(bert, Asked::Ping(1));
        assert_eq!(world.screen(bert).sees(), [("anna", 0), ("bert", 0)]);
        world.pass(Duration::from_secs(2));
        assert_eq!(world.screen(bert).sees(), [("bert", 0)]);
        assert!(
            world
                .commands()
                .any(|c| matches!(c, Command::ClosePeer { .. }))
        );
    }
}

#[test]
fn a_lost_socket_without_media_is_the_end() {
    for mut world in World::both() {
        let bert = world.enter("bert");
        let anna = world.connect(grants("anna"), join());
        world.pass(Duration::from_millis(60));
        assert_eq!(world.screen(bert).sees().len(), 2);
        world.disconnect(anna);
        world.pass(Duration::from_millis(60));
        assert_eq!(world.screen(bert).sees(), [("bert", 0)]);
    }
}

#[test]
fn a_silent_socket_is_closed_but_media_may_go_on() {
    for (mut world, anna, bert) in two() {
        for _ in 0..14 {
            world.pass(Duration::from_secs(1));
            world.ask(bert, Asked::Ping(1));
        }
        assert_eq!(world.screen(anna).end, Some(SessionEnd::Silence));
        assert_eq!(world.screen(bert).sees().len(), 2);
    }
}

#[test]
fn pings_are_answered_and_keep_a_session() {
    for (mut world, anna, _) in two() {
        world.live(60);
        assert_eq!(world.screen(anna).end, None);
        world.ask(
            anna,
            Asked::PingReq(livekit_protocol::Ping {
                timestamp: 5,
                rtt: 0,
            }),
        );
        let Some(super::world::Told::PongResp(pong)) = world.screen(anna).told.last() else {
            panic!("a pong")
        };
        assert_eq!(pong.last_ping_timestamp, 5);
        assert!(pong.timestamp > 1_700_000_060_000 && pong.timestamp < 1_700_000_070_000);
    }
}

#[test]
fn broken_media_sends_a_living_client_back_to_start() {
    for (mut world, anna, bert) in two() {
        world.media_down(anna, CloseReason::Silence);
        assert_eq!(world.screen(anna).leaves()[0].action(), Action::Reconnect);
        assert_eq!(world.screen(bert).sees(), [("bert", 0)]);
        let again = world.enter("anna");
        assert_eq!(world.screen(bert).sees(), [("anna", 0), ("bert", 0)]);
        world.media_down(again, CloseReason::HandshakeFailed);
        let leave = world.screen(again).leaves()[0].clone();
        assert_eq!(
            (leave.action(), leave.reason()),
            (Action::Disconnect, DisconnectReason::MediaFailure)
        );
    }
}

#[test]
fn whoever_never_comes_up_is_ended() {
    for mut world in World::both() {
        let anna = world.connect(grants("anna"), join());
        world.live(44);
        assert_eq!(world.screen(anna).end, None);
        world.live(2);
        assert_eq!(world.screen(anna).end, Some(SessionEnd::Left));
        assert!(world.attendance.is_empty());
    }
}

#[test]
fn garbage_ends_its_session_alone() {
    for frame in [
        Frame::Binary(vec![0xff; 10].into()),
        Frame::Text("{".into()),
        Frame::Binary(vec![0; limits::SIGNAL_FRAME_BYTES + 1].into()),
    ] {
        for (mut world, anna, bert) in two() {
            world.input(Input::Frame {
                session: anna,
                frame: frame.clone(),
            });
            world.pass(Duration::from_millis(60));
            assert_eq!(world.screen(anna).end, Some(SessionEnd::ProtocolError));
            assert_eq!(world.screen(bert).end, None);
            assert_eq!(world.screen(bert).sees(), [("bert", 0)]);
            assert_eq!(world.control.stats().protocol_errors, 1);
            let left = world
                .attendance
                .iter()
                .filter(|c| matches!(c, AttendanceChange::Left { .. }));
            assert_eq!(left.count(), 1);
        }
    }
}

#[test]
fn unanswerable_offers_end_their_session() {
    for (mut world, anna, bert) in two() {
        let mut offer = world.screen(anna).offer();
        offer.sdp.truncate(40);
        world.ask(anna, Asked::Offer(offer));
        assert_eq!(world.screen(anna).end, Some(SessionEnd::ProtocolError));
        world.offer(bert);
        // Another certificate on a standing peer: the client has to start anew.
        let mut offer = world.screen(bert).offer();
        offer.sdp = offer.sdp.replace("00:11:22", "01:11:22");
        world.ask(bert, Asked::Offer(offer));
        assert_eq!(world.screen(bert).leaves()[0].action(), Action::Reconnect);
        assert_eq!(world.control.stats().bad_offers, 2);
    }
}
