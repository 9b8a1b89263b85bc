//! Data tracks: who is told of them, who gets their packets.

use std::time::Duration;

use bytes::Bytes;
use livekit_protocol as proto;
use proto::{
    request_response::Reason, signal_request::Message as Asked, signal_response::Message as Told,
};
use protocol::{
    ids::{PeerId, SessionId},
    plane::{Command, DataChannel, Event},
};

use super::world::World;
use crate::Input;

fn publish(world: &mut World, who: SessionId, handle: u32, name: &str) {
    let request = proto::PublishDataTrackRequest {
        pub_handle: handle,
        name: name.to_owned(),
        ..Default::default()
    };
    world.ask(who, Asked::PublishDataTrackRequest(request));
}

fn sid(world: &mut World, who: SessionId) -> String {
    let told = world.screen(who).told.iter().rev();
    told.filter_map(|message| match message {
        Told::PublishDataTrackResponse(response) => response.info.clone(),
        _ => None,
    })
    .next()
    .unwrap()
    .sid
}

fn refusals(world: &mut World, who: SessionId) -> Vec<Reason> {
    let told = world.screen(who).told.iter();
    told.filter_map(|message| match message {
        Told::RequestResponse(response) => Reason::try_from(response.reason).ok(),
        _ => None,
    })
    .collect()
}

fn subscribe(world: &mut World, who: SessionId, sid: &str, subscribe: bool) {
    let update = proto::update_data_subscription::Update {
        track_sid: sid.to_owned(),
        subscribe,
        options: None,
    };
    let updates = vec![update];
    world.ask(
        who,
        Asked::UpdateDataSubscription(proto::UpdateDataSubscription { updates }),
    );
}

fn handles(world: &mut World, who: SessionId) -> Vec<(u32, String)> {
    let told = world.screen(who).told.iter().rev();
    let handles = told
        .filter_map(|message| match message {
            Told::DataTrackSubscriberHandles(handles) => Some(handles.sub_handles.clone()),
            _ => None,
        })
        .next()
        .unwrap_or_default();
    handles
        .into_iter()
        .map(|(handle, track)| (handle, track.track_sid))
        .collect()
}

fn push(world: &mut World, from: SessionId, payload: &[u8]) -> Vec<(PeerId, Vec<u8>)> {
    let (shard, peer) = world.peer(from);
    world.orders.clear();
    world.input(Input::Plane {
        shard,
        event: Event::Data {
            peer,
            channel: DataChannel::DataTrack,
            payload: Bytes::copy_from_slice(payload),
        },
    });
    world
        .commands()
        .filter_map(|command| match command {
            Command::SendData {
                peer,
                channel: DataChannel::DataTrack,
                payload,
            } => Some((*peer, payload.to_vec())),
            _ => None,
        })
        .collect()
}

#[test]
fn those_who_ask_get_the_packets_under_their_own_number() {
    let mut world = World::new();
    let (anna, bert, carl) = (
        world.enter("anna"),
        world.enter("bert"),
        world.enter("carl"),
    );
    publish(&mut world, anna, 0x0102, "pose");
    let sid = sid(&mut world, anna);
    assert!(sid.starts_with("DTR_"));
    let packet = [0x18, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 9, 42];
    assert_eq!(push(&mut world, anna, &packet), []);

    subscribe(&mut world, bert, &sid, true);
    subscribe(&mut world, anna, &sid, true);
    assert_eq!(handles(&mut world, bert), [(1, sid.clone())]);
    assert_eq!(handles(&mut world, anna), []);
    let peer = world.peer(bert).1;
    let mut numbered = packet;
    numbered[2..4].copy_from_slice(&[0, 1]);
    assert_eq!(push(&mut world, anna, &packet), [(peer, numbered.to_vec())]);
    for bad in [&packet[..11], &[0x38; 13][..], &[0; 13][..], &[][..]] {
        assert_eq!(push(&mut world, anna, bad), []);
    }
    assert_eq!(push(&mut world, carl, &packet), [], "not carl's track");

    subscribe(&mut world, bert, &sid, false);
    assert_eq!(handles(&mut world, bert), []);
    assert_eq!(push(&mut world, anna, &packet), []);
    subscribe(&mut world, bert, &sid, true);
    assert_eq!(handles(&mut world, bert), [(2, sid.clone())]);
    let request = proto::UnpublishDataTrackRequest { pub_handle: 0x0102 };
    world.ask(anna, Asked::UnpublishDataTrackRequest(request));
    world.pass(Duration::from_millis(60));
    assert_eq!(handles(&mut world, bert), []);
    assert_eq!(push(&mut world, anna, &packet), []);
}

#[test]
fn what_can_not_be_published_has_a_reason() {
    let mut world = World::new();
    let anna = world.enter("anna");
    publish(&mut world, anna, 1, "pose");
    publish(&mut world, anna, 1, "other");
    publish(&mut world, anna, 2, "pose");
    publish(&mut world, anna, 0, "zero");
    publish(&mut world, anna, 0x1_0000, "large");
    publish(&mut world, anna, 3, "");
    for handle in 4..200 {
        publish(&mut world, anna, handle, &format!("track {handle}"));
    }
    let request = proto::UnpublishDataTrackRequest { pub_handle: 999 };
    world.ask(anna, Asked::UnpublishDataTrackRequest(request));
    let seen = refusals(&mut world, anna);
    assert_eq!(
        seen[..6],
        [
            Reason::DuplicateHandle,
            Reason::DuplicateName,
            Reason::InvalidHandle,
            Reason::InvalidHandle,
            Reason::InvalidName,
            Reason::LimitExceeded,
        ]
    );
    assert_eq!(seen.last(), Some(&Reason::NotFound));
}
