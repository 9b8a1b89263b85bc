//! ICE, DTLS and data channels against `str0m`, without sockets.

mod common;

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use common::{CHANNELS, Packet, World, server};
use protocol::{
    limits::{
        DATA_BACKLOG_BYTES, DATA_IN_FLIGHT_BYTES, DATA_MESSAGE_BYTES, DATA_QUEUE_BYTES,
        PEER_SILENCE,
    },
    media::IceCredentials,
    plane::{Backlog, CloseReason, Command, DataChannel, Event, SrtpCipher},
};
use str0m::ice::IceCreds;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_client_connects_with_aes_256_gcm() {
    let mut world = World::new(1);
    let client = world.join(0);
    world.connect();
    world.run_for(SECOND);
    let connected = Event::PeerConnected {
        peer: world.clients[client].peer,
        cipher: SrtpCipher::AeadAes256Gcm,
    };
    assert!(world.events.iter().any(|(_, event)| *event == connected));
    assert_eq!(world.shards[0].stats().handshakes, 1);
}

#[test]
fn connecting_survives_loss() {
    let mut world = World::new(1);
    world.join(0);
    let mut n = 0_u32;
    world.lose = Box::new(move |_| {
        n += 1;
        // A quarter of all, and never in step with the packets of a flight.
        n.wrapping_mul(0x9e37_79b9) >> 30 == 0
    });
    world.run_for(20 * SECOND);
    assert!(world.clients[0].connected);
}

#[test]
fn a_wrong_certificate_ends_the_peer() {
    let mut world = World::new(1);
    let client = world.join_with(0, |fingerprint| fingerprint.0[0] ^= 1);
    world.run_for(5 * SECOND);
    assert_eq!(world.closed(client), Some(CloseReason::WrongCertificate));
    assert_eq!(world.shards[0].stats().handshake_failures, 1);
    assert_eq!(world.shards[0].stats().peers, 0);
}

#[test]
fn silence_ends_the_peer_in_time() {
    let mut world = World::new(1);
    let client = world.join(0);
    world.connect();
    world.run_for(30 * SECOND);
    assert_eq!(
        world.closed(client),
        None,
        "a quiet client is not a lost one"
    );
    world.clients[client].dead = true;
    world.run_for(PEER_SILENCE - SECOND - 5 * SECOND);
    assert_eq!(world.closed(client), None);
    world.run_for(7 * SECOND);
    assert_eq!(world.closed(client), Some(CloseReason::Silence));
    let stats = world.shards[0].stats();
    assert_eq!((stats.peers, stats.addresses), (0, 0));
}

#[test]
fn a_client_that_never_comes_is_given_up() {
    let mut world = World::new(1);
    let client = world.join(0);
    world.clients[client].dead = true;
    world.run_for(29 * SECOND);
    assert_eq!(world.closed(client), None);
    world.run_for(2 * SECOND);
    assert_eq!(world.closed(client), Some(CloseReason::ConnectTimeout));
}

#[test]
fn goodbye_is_heard_and_said() {
    let mut world = World::new(1);
    let (leaver, left) = (world.join(0), world.join(0));
    world.connect();
    world.run_for(SECOND);
    world.clients[leaver].rtc.close().unwrap();
    world.clients[leaver].wake = world.now;
    world.order(left, |peer| Command::ClosePeer { peer });
    world.run_for(SECOND);
    assert_eq!(world.closed(leaver), Some(CloseReason::Goodbye));
    assert_eq!(world.closed(left), None, "an ordered end is no event");
    assert!(world.clients[left].closed || !world.clients[left].rtc.is_alive());
    assert_eq!(world.shards[0].stats().peers, 0);
}

#[test]
fn data_channels_echo() {
    let mut world = World::new(1);
    world.echo_data = true;
    let client = world.join(0);
    for (label, channel) in CHANNELS {
        world.clients[client].open_channel(label, channel == DataChannel::Reliable);
    }
    world.clients[client].open_channel("unknown", true);
    world.connect();
    world.run_for(SECOND);
    assert_eq!(
        world.clients[client].channels.len(),
        4,
        "all are acknowledged"
    );
    let opened = world
        .events
        .iter()
        .filter(|(_, event)| matches!(event, Event::DataOpened { .. }));
    assert_eq!(opened.count(), 3);
    let long = vec![5; 60_000];
    for (id, _) in world.clients[client].channels.clone() {
        let mut channel = world.clients[client].rtc.channel(id).unwrap();
        assert!(channel.write(true, b"hello").unwrap());
        world.run_for(SECOND);
    }
    let (reliable, _) = world.clients[client].channels[0].clone();
    let mut channel = world.clients[client].rtc.channel(reliable).unwrap();
    assert!(channel.write(true, &long).unwrap());
    world.clients[client].wake = world.now;
    world.run_for(5 * SECOND);
    let data = &world.clients[client].data;
    assert_eq!(data.iter().filter(|(_, d)| d == b"hello").count(), 3);
    assert!(data.iter().any(|(_, d)| *d == long));
}

#[test]
fn data_sent_early_waits_for_its_channel() {
    let mut world = World::new(1);
    let client = world.join(0);
    world.order(client, |peer| Command::SendData {
        peer,
        channel: DataChannel::Reliable,
        payload: Bytes::from_static(b"early"),
    });
    world.connect();
    world.clients[client].open_channel("_reliable", true);
    world.clients[client].wake = world.now;
    world.run_for(SECOND);
    assert_eq!(world.clients[client].data[0].1, b"early");
}

#[test]
fn channels_that_we_open_are_the_clients_to_read() {
    let mut world = World::new(1);
    let client = world.join(0);
    for (_, channel) in CHANNELS {
        world.order(client, |peer| Command::OpenData { peer, channel });
    }
    world.order(client, |peer| Command::SendData {
        peer,
        channel: DataChannel::Lossy,
        payload: Bytes::from_static(b"early"),
    });
    world.connect();
    world.clients[client].wake = world.now;
    world.run_for(5 * SECOND);
    let opened: BTreeSet<&str> = world.clients[client]
        .channels
        .iter()
        .map(|(_, label)| label.as_str())
        .collect();
    assert_eq!(opened, CHANNELS.map(|(label, _)| label).into());
    assert_eq!(world.clients[client].data[0].1, b"early");
    // And it answers on them.
    let (id, _) = world.clients[client].channels[0].clone();
    let mut channel = world.clients[client].rtc.channel(id).unwrap();
    assert!(channel.write(true, b"back").unwrap());
    world.clients[client].wake = world.now;
    world.run_for(SECOND);
    let came = |event: &Event| matches!(event, Event::Data { payload, .. } if payload == "back");
    assert!(world.events.iter().any(|(_, event)| came(event)));
}

#[test]
fn a_full_queue_drops_the_lossy_and_ends_the_reliable() {
    let mut world = World::new(1);
    let client = world.join(0);
    for (label, channel) in CHANNELS {
        world.clients[client].open_channel(label, channel == DataChannel::Reliable);
    }
    world.connect();
    world.run_for(SECOND);
    world.lose = Box::new(|_| true);
    let payload = Bytes::from(vec![1; DATA_MESSAGE_BYTES]);
    for _ in 0..100 {
        let payload = payload.clone();
        world.order(client, |peer| Command::SendData {
            peer,
            channel: DataChannel::Lossy,
            payload,
        });
    }
    assert!(world.shards[0].stats().dropped.data > 0);
    world.run_for(Duration::from_millis(10));
    let reliable = |world: &mut World| {
        let payload = payload.clone();
        world.order(client, |peer| Command::SendData {
            peer,
            channel: DataChannel::Reliable,
            payload,
        });
        world.run_for(Duration::from_millis(10));
    };
    // However much is lost of the one, there is room for the other.
    reliable(&mut world);
    assert_eq!(world.closed(client), None);
    for _ in 0..DATA_QUEUE_BYTES / DATA_MESSAGE_BYTES {
        reliable(&mut world);
    }
    assert_eq!(world.closed(client), Some(CloseReason::DataOverflow));
}

fn backlogs(world: &World) -> Vec<Backlog> {
    let events = world.events.iter();
    events
        .filter_map(|(_, event)| {
            if let Event::DataBacklog { backlog, .. } = event {
                Some(*backlog)
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn a_reader_that_stops_is_told_of_and_again_when_it_goes_on() {
    let mut world = World::new(1);
    let client = world.join(0);
    for (label, channel) in CHANNELS {
        world.clients[client].open_channel(label, channel == DataChannel::Reliable);
    }
    world.connect();
    world.run_for(SECOND);
    world.lose = Box::new(|_| true);
    for _ in 0..=DATA_BACKLOG_BYTES / DATA_MESSAGE_BYTES {
        assert_eq!(backlogs(&world), []);
        world.order(client, |peer| Command::SendData {
            peer,
            channel: DataChannel::Reliable,
            payload: Bytes::from(vec![1; DATA_MESSAGE_BYTES]),
        });
        world.run_for(Duration::from_millis(1));
    }
    assert_eq!(backlogs(&world), [Backlog::High]);
    world.lose = Box::new(|_| false);
    world.run_for(8 * SECOND);
    assert_eq!(backlogs(&world), [Backlog::High, Backlog::Low]);
    assert_eq!(world.closed(client), None);
}

/// Messages of a channel that have come to us.
fn arrived(world: &World, channel: DataChannel) -> usize {
    let events = world.events.iter();
    let came = events
        .filter(|(_, event)| matches!(event, Event::Data { channel: c, .. } if *c == channel));
    came.count()
}

#[test]
fn who_sends_more_than_is_dealt_with_waits_and_loses_nothing() {
    const MESSAGES: usize = 40;
    const LENGTH: usize = 60_000;
    let mut world = World::new(1);
    world.credits_data = false;
    let client = world.join(0);
    for (label, channel) in CHANNELS {
        world.clients[client].open_channel(label, channel == DataChannel::Reliable);
    }
    world.connect();
    world.run_for(SECOND);
    let channels = world.clients[client].channels.clone();
    let send = |world: &mut World, at: usize| {
        let mut channel = world.clients[client].rtc.channel(channels[at].0).unwrap();
        let sent = channel.write(true, &[7; LENGTH]).unwrap();
        world.clients[client].wake = world.now;
        world.run_for(Duration::from_millis(100));
        sent
    };
    let mut sent = 0;
    for _ in 0..MESSAGES {
        sent += usize::from(send(&mut world, 0));
        send(&mut world, 1);
    }
    world.run_for(3 * SECOND);
    let most = DATA_IN_FLIGHT_BYTES / LENGTH + 1;
    assert_eq!(arrived(&world, DataChannel::Reliable), most);
    assert_eq!(arrived(&world, DataChannel::Lossy), most);
    for _ in 0..MESSAGES {
        world.order(client, |peer| Command::CreditData {
            peer,
            channel: DataChannel::Reliable,
            bytes: LENGTH,
        });
        world.run_for(SECOND);
    }
    assert_eq!(arrived(&world, DataChannel::Reliable), sent);
    assert_eq!(world.closed(client), None);
}

#[test]
fn ice_restarts_on_a_new_address() {
    let mut world = World::new(1);
    let client = world.join(0);
    world.connect();
    let fresh = IceCredentials::local(world.clients[client].shard, "fresh", "t".repeat(24));
    let theirs = IceCreds {
        ufrag: "again".into(),
        pass: "u".repeat(24),
    };
    let local_ice = fresh.clone();
    let remote_ice = IceCredentials {
        ufrag: theirs.ufrag.clone(),
        password: theirs.pass.clone(),
    };
    world.order(client, |peer| Command::RestartIce {
        peer,
        local_ice,
        remote_ice,
    });
    let mut api = world.clients[client].rtc.direct_api();
    api.set_local_ice_credentials(theirs);
    api.set_remote_ice_credentials(IceCreds {
        ufrag: fresh.ufrag,
        pass: fresh.password,
    });
    world.run_for(20 * SECOND);
    assert_eq!(world.closed(client), None);
    assert!(world.clients[client].rtc.is_alive());
}

#[test]
fn checks_find_their_shard_whichever_receives_them() {
    let mut world = World::new(3);
    world.entry = |_, _| 0;
    for shard in 0..3 {
        world.join(shard);
    }
    world.connect();
    world.run_for(20 * SECOND);
    for client in 0..3 {
        assert_eq!(world.closed(client), None);
    }
    assert_eq!(world.shards[1].stats().handshakes, 1);
    assert_eq!(world.shards[2].stats().handshakes, 1);
    assert_eq!(world.shards[0].stats().addresses, 3);
}

#[test]
fn strangers_get_nothing_but_counted() {
    let mut world = World::new(2);
    let stranger = ([203, 0, 113, 9], 9).into();
    for bytes in [
        vec![],
        vec![0xff; 100],
        vec![22; 100],
        vec![0x80; 100],
        vec![0; 20],
        vec![0x80; 1501],
    ] {
        world.send(Packet {
            source: stranger,
            destination: server(),
            bytes,
        });
    }
    world.run_for(SECOND);
    let dropped = world.shards[0].stats().dropped;
    assert_eq!(dropped.not_webrtc, 3);
    assert_eq!(dropped.unknown_address, 2);
    assert_eq!(dropped.stun_malformed, 1);
    assert_eq!(world.shards[0].stats().datagrams_out, 0);
}

#[test]
fn a_peer_is_followed_to_its_new_address() {
    let mut world = World::new(2);
    world.entry = |_, _| 0;
    let clients = [world.join(0), world.join(1)];
    world.connect();
    for (client, port) in clients.into_iter().zip([7_001, 7_002]) {
        let inside = world.clients[client].address;
        world.translated = Some((inside, ([203, 0, 113, 5], port).into()));
        // A client checks every few seconds. What it sends before it does so
        // comes from an address that nobody vouches for.
        world.run_for(5 * SECOND);
        let strange = world.shards[0].stats().dropped.unknown_address;
        world.run_for(25 * SECOND);
        assert_eq!(world.closed(client), None);
        let stranger = world.shards[0].stats().dropped.unknown_address;
        assert_eq!(stranger, strange);
    }
}

#[test]
fn idle_peers_cost_nothing_between_timers() {
    let mut world = World::new(1);
    for _ in 0..10 {
        world.join(0);
    }
    world.connect();
    world.run_for(10 * SECOND);
    let before = world.wakes;
    world.run_for(60 * SECOND);
    let wakes = world.wakes - before;
    assert!(
        wakes < 600,
        "{wakes} wake-ups of ten idle peers in a minute"
    );
}
