//! What publishers are told of who watches.

use std::time::Duration;

use livekit_protocol as proto;
use proto::{signal_request::Message as Asked, signal_response::Message as Told};
use protocol::ids::SessionId;

use super::world::World;

/// The qualities that somebody was last asked for.
fn asked(world: &mut World, who: SessionId) -> Option<Vec<bool>> {
    let told = world.screen(who).told.iter().rev();
    let update = told
        .filter_map(|message| match message {
            Told::SubscribedQualityUpdate(update) => Some(update.clone()),
            _ => None,
        })
        .next()?;
    let codec = update.subscribed_codecs.first()?;
    assert_eq!(codec.codec, "vp8");
    Some(codec.qualities.iter().map(|one| one.enabled).collect())
}

#[test]
fn nobody_encodes_for_nobody() {
    let mut world = World::new();
    let (anna, bert) = (world.enter("anna"), world.enter("bert"));
    let sid = world.publish(anna, "cam", "video");
    let set = |disabled, quality: proto::VideoQuality| {
        Asked::TrackSetting(proto::UpdateTrackSettings {
            track_sids: vec![sid.clone()],
            disabled,
            quality: quality.into(),
            ..Default::default()
        })
    };
    world.pass(Duration::from_secs(1));
    assert_eq!(asked(&mut world, anna), None, "all of it is watched");
    world.ask(bert, set(false, proto::VideoQuality::Low));
    world.pass(Duration::from_secs(4));
    assert_eq!(asked(&mut world, anna), None, "not yet");
    world.pass(Duration::from_secs(2));
    assert_eq!(asked(&mut world, anna), Some(vec![true, false, false]));
    world.ask(bert, set(false, proto::VideoQuality::Medium));
    assert_eq!(asked(&mut world, anna), Some(vec![true, true, false]));
    world.ask(bert, Asked::Leave(proto::LeaveRequest::default()));
    world.pass(Duration::from_secs(6));
    assert_eq!(asked(&mut world, anna), Some(vec![false, false, false]));
}
