//! Data packets within a room.

use bytes::Bytes;
use livekit_protocol as proto;
use prost::Message;
use proto::data_packet::Value;
use protocol::{
    ids::{PeerId, SessionId},
    limits,
    plane::{Backlog, Command, DataChannel, Event},
};

use super::world::{Asked, Told, World, grants, join};
use crate::{Input, Join, Resume};

fn packet(sequence: u32, to: &[&str]) -> proto::DataPacket {
    proto::DataPacket {
        sequence,
        destination_identities: to.iter().map(|s| (*s).to_owned()).collect(),
        value: Some(Value::User(proto::UserPacket {
            payload: b"hi".to_vec(),
            ..Default::default()
        })),
        ..Default::default()
    }
}

fn say(world: &mut World, from: SessionId, channel: DataChannel, payload: Vec<u8>) {
    let (shard, peer) = world.peer(from);
    let payload = Bytes::from(payload);
    world.input(Input::Plane {
        shard,
        event: Event::Data {
            peer,
            channel,
            payload,
        },
    });
}

fn delivered(world: &mut World) -> Vec<(PeerId, proto::DataPacket)> {
    let sent = world
        .commands()
        .filter_map(|c| match c {
            Command::SendData { peer, payload, .. } => {
                Some((*peer, proto::DataPacket::decode(payload.as_ref()).unwrap()))
            }
            _ => None,
        })
        .collect();
    world
        .orders
        .retain(|(_, c)| !matches!(c, Command::SendData { .. }));
    sent
}

#[test]
fn trap_14_everyone_else_or_those_named_get_it() {
    for mut world in World::both() {
        let (anna, bert, carl) = (
            world.enter("anna"),
            world.enter("bert"),
            world.enter("carl"),
        );
        let peers = [bert, carl].map(|s| world.peer(s).1);
        say(
            &mut world,
            anna,
            DataChannel::Reliable,
            packet(1, &[]).encode_to_vec(),
        );
        let sent = delivered(&mut world);
        assert_eq!(sent.iter().map(|(p, _)| *p).collect::<Vec<_>>(), peers);
        assert_eq!(sent[0].1.participant_identity, "anna");
        assert_eq!(sent[0].1.participant_sid, world.screen(anna).me);
        say(
            &mut world,
            anna,
            DataChannel::Lossy,
            packet(0, &["carl", "nobody"]).encode_to_vec(),
        );
        let sent = delivered(&mut world);
        assert_eq!(sent.iter().map(|(p, _)| *p).collect::<Vec<_>>(), peers[1..]);
    }
}

#[test]
fn trap_16_a_resumed_client_learns_what_came_through() {
    for mut world in World::both() {
        let (anna, _) = (world.enter("anna"), world.enter("bert"));
        for sequence in [1, 2, 3] {
            let payload = packet(sequence, &[]).encode_to_vec();
            say(&mut world, anna, DataChannel::Reliable, payload);
        }
        let resume = Some(Resume {
            participant_sid: world.screen(anna).me.clone(),
            sync_state: None,
        });
        world.disconnect(anna);
        let again = world.connect(grants("anna"), Join { resume, ..join() });
        let Told::Reconnect(response) = &world.screen(again).told[0] else {
            panic!("the reconnect response")
        };
        assert_eq!(response.last_message_seq, 3);
        // It repeats what it is not sure of, and goes on.
        delivered(&mut world);
        for sequence in [2, 3, 4] {
            let payload = packet(sequence, &[]).encode_to_vec();
            say(&mut world, again, DataChannel::Reliable, payload);
        }
        assert_eq!(delivered(&mut world).len(), 1);
    }
}

#[test]
fn repeated_forbidden_and_unreadable_packets_are_dropped() {
    for mut world in World::both() {
        let (anna, _) = (world.enter("anna"), world.enter("bert"));
        let mut mute = grants("mute");
        mute.can_publish_data = false;
        let mute = world.enter_as(mute, join());
        for sequence in [1, 2, 2, 1, 3] {
            say(
                &mut world,
                anna,
                DataChannel::Reliable,
                packet(sequence, &["bert"]).encode_to_vec(),
            );
        }
        assert_eq!(delivered(&mut world).len(), 3);
        say(
            &mut world,
            mute,
            DataChannel::Reliable,
            packet(1, &[]).encode_to_vec(),
        );
        say(&mut world, anna, DataChannel::Reliable, vec![0xff; 40]);
        say(
            &mut world,
            anna,
            DataChannel::DataTrack,
            packet(0, &[]).encode_to_vec(),
        );
        assert_eq!(delivered(&mut world).len(), 0);
        let stats = world.control.stats();
        assert_eq!((stats.data_routed, stats.data_dropped), (3, 5));
    }
}

/// Bytes credited to someone in its reliable channel.
fn credited(world: &mut World, peer: PeerId) -> usize {
    let credits = world.commands().filter_map(|command| match command {
        Command::CreditData {
            peer: whose,
            channel: DataChannel::Reliable,
            bytes,
        } if *whose == peer => Some(*bytes),
        _ => None,
    });
    let sum = credits.sum();
    world
        .orders
        .retain(|(_, command)| !matches!(command, Command::CreditData { .. }));
    sum
}

fn long_packet() -> Vec<u8> {
    let mut packet = packet(0, &[]);
    packet.value = Some(Value::User(proto::UserPacket {
        payload: vec![7; 32_000],
        ..Default::default()
    }));
    packet.encode_to_vec()
}

fn backlog(world: &mut World, whose: SessionId, backlog: Backlog) {
    let (shard, peer) = world.peer(whose);
    world.input(Input::Plane {
        shard,
        event: Event::DataBacklog { peer, backlog },
    });
}

#[test]
fn senders_wait_for_those_who_are_behind_and_for_nobody_else() {
    let mut world = World::new();
    let [anna, bert, carl] = ["anna", "bert", "carl"].map(|name| world.enter(name));
    let (sender, length) = (world.peer(anna).1, long_packet().len());
    let sixteen = |world: &mut World| {
        for _ in 0..16 {
            say(world, anna, DataChannel::Reliable, long_packet());
        }
    };
    sixteen(&mut world);
    let given = credited(&mut world, sender);
    assert!(given + limits::DATA_IN_FLIGHT_BYTES / 4 >= 16 * length);
    backlog(&mut world, bert, Backlog::High);
    backlog(&mut world, carl, Backlog::High);
    sixteen(&mut world);
    assert_eq!(credited(&mut world, sender), 0);
    // What is lossy is never waited with.
    for _ in 0..4 {
        say(&mut world, anna, DataChannel::Lossy, long_packet());
    }
    let lossy = |command: &Command| matches!(command, Command::CreditData { channel, .. } if *channel == DataChannel::Lossy);
    assert!(world.commands().any(lossy));
    backlog(&mut world, bert, Backlog::Low);
    assert_eq!(credited(&mut world, sender), 0);
    backlog(&mut world, carl, Backlog::Low);
    let rest = credited(&mut world, sender);
    assert_eq!(given + rest, 32 * length, "everything is given back");
    assert_eq!(world.screen(bert).end, None);
}

#[test]
fn whoever_takes_nothing_is_not_waited_for_without_end() {
    for mut world in World::both() {
        let [anna, bert] = ["anna", "bert"].map(|name| world.enter(name));
        backlog(&mut world, bert, Backlog::High);
        world.live(4);
        assert_eq!(world.screen(bert).end, None);
        world.live(2);
        let leave = world.screen(bert).leaves()[0];
        assert_eq!(leave.reason(), proto::DisconnectReason::MediaFailure);
        assert_eq!(leave.action(), proto::leave_request::Action::Reconnect);
        assert_eq!(world.screen(anna).end, None);
    }
}

#[test]
fn those_who_leave_are_not_waited_for() {
    let mut world = World::new();
    let [anna, bert] = ["anna", "bert"].map(|name| world.enter(name));
    let sender = world.peer(anna).1;
    backlog(&mut world, bert, Backlog::High);
    for _ in 0..4 {
        say(&mut world, anna, DataChannel::Reliable, long_packet());
    }
    assert_eq!(credited(&mut world, sender), 0);
    world.ask(bert, Asked::Leave(proto::LeaveRequest::default()));
    assert_eq!(credited(&mut world, sender), 4 * long_packet().len());
}
