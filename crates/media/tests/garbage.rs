//! Hostile datagrams, from strangers and from peers: nothing panics, and
//! nobody else notices.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{Packet, World, audio, down_ssrc, server, video};
use proptest::prelude::*;
use protocol::media::Kind;

const MS: Duration = Duration::from_millis(1);

/// What a datagram is made of: bytes at random, or of the right kind at the
/// beginning and at random then.
fn datagram() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 0..200);
    let long = prop::collection::vec(any::<u8>(), 1_400..1_600);
    let first = prop::sample::select(vec![0_u8, 1, 20, 22, 23, 63, 0x80, 0x90, 0xb0, 0xbf]);
    let second = prop::sample::select(vec![0_u8, 1, 0x60, 0x6f, 0xe0, 200, 201, 205, 206, 254]);
    let shaped = (first, second, noise.clone()).prop_map(|(first, second, mut bytes)| {
        bytes.splice(0..0, [first, second]);
        bytes
    });
    prop_oneof![noise, long, shaped.clone(), shaped]
}

/// Where it pretends to come from: a stranger, or one of the two clients.
fn source() -> impl Strategy<Value = u8> {
    prop::sample::select(vec![1_u8, 2, 77])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn garbage_disturbs_nobody(
        datagrams in prop::collection::vec((source(), datagram()), 1..80),
    ) {
        let mut world = World::new(2);
        let (a, b) = (world.join(0), world.join(1));
        world.connect();
        world.publish(a, 1, Kind::Audio);
        world.publish(a, 2, Kind::Video);
        world.subscribe(b, 1, 0, Kind::Audio);
        world.subscribe(b, 2, 0, Kind::Video);
        let count = u16::try_from(datagrams.len()).unwrap();
        for (n, (from, bytes)) in (0..count).zip(datagrams) {
            world.write(a, audio(1, n));
            world.write(a, video(2, n));
            world.send(Packet {
                source: ([192, 0, 2, from], 5000).into(),
                destination: server(),
                bytes,
            });
            world.run_for(20 * MS);
        }
        world.run_for(500 * MS);
        for client in [a, b] {
            prop_assert_eq!(world.closed(client), None);
        }
        let received = &world.clients[b].received;
        for track in [1, 2] {
            let packets = received.iter().filter(|p| *p.header.ssrc == down_ssrc(track));
            prop_assert_eq!(packets.count(), usize::from(count));
        }
        let stats = world.shards[0].stats();
        prop_assert_eq!(stats.peers, 1);
        prop_assert!(stats.addresses <= 2);
    }

    #[test]
    fn garbage_during_the_handshake_disturbs_nobody(
        datagrams in prop::collection::vec((source(), datagram()), 1..60),
    ) {
        let mut world = World::new(1);
        world.join(0);
        world.join(0);
        for (from, bytes) in datagrams {
            world.send(Packet {
                source: ([192, 0, 2, from], 5000).into(),
                destination: server(),
                bytes,
            });
            world.run_for(2 * MS);
        }
        world.run_for(Duration::from_secs(5));
        prop_assert!(world.clients.iter().all(|client| client.connected));
    }
}

#[test]
fn a_stranger_cannot_take_over_an_address() {
    let mut world = World::new(2);
    let (a, b) = (world.join(0), world.join(0));
    world.connect();
    world.publish(a, 1, Kind::Audio);
    world.subscribe(b, 1, 0, Kind::Audio);
    // A check with the name of a peer but without its password, as from the
    // address of another; and one that names another shard.
    for user in ["0000n0:guess", "0001nobody:guess"] {
        world.send(Packet {
            source: world.clients[b].address,
            destination: server(),
            bytes: unauthenticated_check(user),
        });
    }
    for n in 0..50 {
        world.write(a, audio(1, n));
        world.run_for(20 * MS);
    }
    world.run_for(500 * MS);
    assert_eq!(world.clients[b].received.len(), 50);
    assert_eq!(world.shards[0].stats().dropped.stun_unauthenticated, 1);
    assert_eq!(world.shards[1].stats().dropped.stun_unknown_peer, 1);
}

/// A binding request whose integrity is zero (RFC 8489 §14).
fn unauthenticated_check(user: &str) -> Vec<u8> {
    let mut attributes = Vec::new();
    let mut attribute = |kind: u16, value: &[u8]| {
        attributes.extend(kind.to_be_bytes());
        attributes.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
        attributes.extend(value);
        attributes.resize(attributes.len().next_multiple_of(4), 0);
    };
    attribute(0x0006, user.as_bytes());
    attribute(0x0024, &[0, 0, 0, 9]);
    attribute(0x0025, &[]);
    attribute(0x0008, &[0; 20]);
    let length = u16::try_from(attributes.len()).unwrap();
    let mut message = vec![0, 1];
    message.extend(length.to_be_bytes());
    message.extend([0x21, 0x12, 0xa4, 0x42]);
    message.extend([7; 12]);
    message.extend(attributes);
    message
}
