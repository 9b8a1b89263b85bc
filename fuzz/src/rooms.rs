//! What the fuzzers of signalling and of session descriptions do in a room.

use std::time::Duration;

use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use protocol::signal::Frame;

use super::{
    browser, now,
    people::{PEOPLE, People},
    pieces,
};

/// Pieces of one input that are done: more only make runs slow.
const PIECES: usize = 96;

/// A piece that begins with this byte, which begins no frame, says what happens
/// besides: see [`do_act`].
const ACT: u8 = 0xff;

/// Divides an input of `sdp` into several descriptions.
const NEXT: &str = "\n%%\n";

/// Session descriptions, divided by `%%`: the first is offered by someone in each
/// dialect who announced two tracks, the second is its answer to our offer, the
/// third is offered later. Those that are missing are as the first.
pub fn sdp(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut texts = text.split(NEXT);
    let first = texts.next().unwrap_or("").to_owned();
    let answer = texts.next().map(str::to_owned);
    let later = texts.next().unwrap_or(&first).to_owned();
    let mut people = People::new(now());
    for who in [0, 1] {
        for (cid, kind) in [(1, 0), (2, 1)] {
            people.ask(who, add_track(cid, kind));
        }
        people.offer(who, first.clone());
    }
    people.pass(Duration::from_secs(1));
    people.answer(1, |offered| {
        answer.unwrap_or_else(|| browser::answer(offered, 0, 0))
    });
    for who in [0, 1] {
        people.offer(who, later.clone());
    }
    people.pass(Duration::from_secs(1));
    people.end();
}

/// Frames of those who are in a room, each JSON when it begins like it, else
/// protobuf; and what happens in between.
pub fn signal(data: &[u8]) {
    let mut people = People::new(now());
    let mut who = 0;
    for piece in pieces(data).take(PIECES) {
        match piece.split_first() {
            Some((&ACT, [act, rest @ ..])) => do_act(&mut people, &mut who, *act, rest),
            _ => people.frame(who, frame(piece)),
        }
    }
    people.end();
}

fn frame(piece: &[u8]) -> Frame {
    match std::str::from_utf8(piece) {
        Ok(text) if text.starts_with('{') => Frame::Text(text.to_owned()),
        Ok(_) | Err(_) => Frame::Binary(piece.to_vec().into()),
    }
}

/// What may happen, by letter; `rest` says how.
fn do_act(people: &mut People, who: &mut usize, act: u8, rest: &[u8]) {
    let (first, more) = rest.split_first().unwrap_or((&0, &[]));
    match act {
        // Who acts from now on.
        b'w' => *who = usize::from(*first) % PEOPLE,
        b't' => people.pass(Duration::from_millis(100) * u32::from(*first)),
        b'j' => people.join(*who, (!rest.is_empty()).then(|| browser::offer(rest))),
        b'r' => people.resume(*who, (!rest.is_empty()).then(|| browser::offer(rest))),
        b'd' => people.drop_socket(*who),
        b'c' => people.turn_coat(*who),
        b'o' => people.offer(*who, browser::offer(rest)),
        b'a' => {
            let refused = more.first().copied().unwrap_or(0);
            people.answer(*who, |offered| browser::answer(offered, *first, refused));
        }
        b'p' => people.ask(*who, add_track(*first, more.first().copied().unwrap_or(0))),
        b'k' => {
            let track = people.track(*first);
            people.ask(*who, about(track, more.first().copied().unwrap_or(0)));
        }
        b'l' => people.lose_peer(*first),
        b's' => people.say(*first, more),
        _ => {}
    }
}

fn add_track(cid: u8, how: u8) -> Asked {
    Asked::AddTrack(proto::AddTrackRequest {
        cid: browser::cid(cid),
        r#type: i32::from(how & 1),
        source: i32::from(how >> 1 & 7),
        muted: how & 0x10 != 0,
        width: 1280,
        height: 720,
        ..Default::default()
    })
}

/// Something that a client may want with a track.
fn about(track: String, how: u8) -> Asked {
    let odd = how & 0x80 != 0;
    match how & 7 {
        0 => Asked::Mute(proto::MuteTrackRequest {
            sid: track,
            muted: odd,
        }),
        1 => Asked::Subscription(proto::UpdateSubscription {
            track_sids: vec![track],
            subscribe: odd,
            ..Default::default()
        }),
        2 => Asked::TrackSetting(proto::UpdateTrackSettings {
            track_sids: vec![track],
            disabled: odd,
            width: u32::from(how) * 8,
            height: u32::from(how) * 4,
            ..Default::default()
        }),
        3 => Asked::SubscriptionPermission(proto::SubscriptionPermission {
            all_participants: odd,
            track_permissions: vec![proto::TrackPermission {
                participant_identity: "bert".to_owned(),
                track_sids: vec![track],
                ..Default::default()
            }],
        }),
        4 => Asked::UpdateVideoTrack(proto::UpdateLocalVideoTrack {
            track_sid: track,
            width: u32::from(how),
            height: 1,
        }),
        5 => Asked::UpdateAudioTrack(proto::UpdateLocalAudioTrack {
            track_sid: track,
            features: vec![i32::from(how)],
        }),
        6 => Asked::SyncState(proto::SyncState {
            publish_tracks: vec![proto::TrackPublishedResponse {
                cid: String::new(),
                track: Some(proto::TrackInfo {
                    sid: track,
                    ..Default::default()
                }),
            }],
            ..Default::default()
        }),
        _ => Asked::Leave(proto::LeaveRequest::default()),
    }
}
