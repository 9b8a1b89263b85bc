//! LiveKit's signalling: the door, and clients that misbehave.

use std::time::Duration;

use futures_util::SinkExt;
use livekit_protocol as proto;
use prost::Message as _;
use protocol::limits;
use serde_json::json;
use server::{
    clock,
    settings::Keys,
    token::{Claims, host_claims},
};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Fresh, Said, join_request, read, refusal, token};

fn joined(said: Said) -> Option<proto::JoinResponse> {
    let Said::Join(join) = said else {
        panic!("the first message is {said:?}")
    };
    Some(join)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_joins_and_leaves() {
    let fresh = Fresh::start().await;
    let (id, host_token) = fresh.meeting(json!({})).await;
    let mut ann = fresh.dial(&fresh.join(&id, "Ann").await).await.unwrap();
    let join = ann.until(joined).await;
    assert_eq!(join.room.unwrap().name, id);
    assert_eq!(join.participant.unwrap().name, "Ann");
    assert!(!join.server_info.unwrap().version.is_empty());
    let list = format!("/api/v1/meetings/{id}/participants");
    // Without media it is not present to the others, but it is connected.
    let present = fresh.get_as(&list, &host_token).await.json();
    assert_eq!(present["participants"], json!([]));
    assert_eq!(fresh.metric("plenary_sessions").await.to_string(), "1");
    assert_eq!(fresh.metric("plenary_signal_open").await.to_string(), "1");

    let leave = proto::LeaveRequest {
        reason: proto::DisconnectReason::ClientInitiated.into(),
        ..Default::default()
    };
    ann.send(proto::signal_request::Message::Leave(leave)).await;
    ann.end().await;
    assert_eq!(fresh.metric("plenary_sessions").await.to_string(), "0");
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_07_both_dialects_are_there_and_no_third() {
    let fresh = Fresh::start().await;
    let token = token("r", "ann");
    let query = format!("access_token={token}&sdk=js&protocol=17&auto_subscribe=1");
    let mut ann = fresh.dial_path("/rtc", &query).await.unwrap();
    let join = ann.until(joined).await;
    assert!(join.subscriber_primary);
    // The first offer is ours.
    let offer = ann
        .until(|said| {
            if let Said::Offer(offer) = said {
                Some(offer)
            } else {
                None
            }
        })
        .await;
    assert_eq!((offer.r#type.as_str(), offer.id), ("offer", 1));
    let answer = fresh.get(&format!("/rtc/validate?{query}")).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "success"));
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    // It takes no token for granted, and says so.
    let answer = fresh.get("/rtc/validate").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.headers["access-control-allow-origin"], "*");
    let (refused, _) = refusal(fresh.dial_path("/rtc/v2", &query).await, "a third dialect");
    assert_eq!(refused, 404);
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn trap_08_the_door_says_why_to_any_page() {
    let fresh = Fresh::start().await;
    let (ended, host_token) = fresh.meeting(json!({})).await;
    let late = fresh.join(&ended, "Ann").await;
    fresh
        .post_as(&format!("/api/v1/meetings/{ended}/end"), &host_token)
        .await;
    let sign = |claims: Claims, ttl| claims.sign(&Keys::dev(), clock::unix_s(), ttl).unwrap();
    let mut nobody = host_claims("r", "");
    nobody.video.room_join = true;
    let mut nowhere = host_claims("", "ann");
    nowhere.video.room_join = true;
    let good = join_request();
    let checks = [
        (String::new(), good.clone(), 401, "no access token"),
        ("x.y.z".to_owned(), good.clone(), 401, "not a JWT"),
        (
            sign(host_claims("r", "ann"), -999),
            good.clone(),
            401,
            "expired",
        ),
        (
            sign(host_claims("r", "ann"), 9),
            good.clone(),
            403,
            "roomJoin",
        ),
        (sign(nobody, 9), good.clone(), 400, "identity"),
        (sign(nowhere, 9), good.clone(), 400, "room"),
        (
            token("r", "ann"),
            String::new(),
            400,
            "join_request is missing",
        ),
        (token("r", "ann"), "AAAA".to_owned(), 400, "join"),
        (late, good, 404, "requested room does not exist"),
    ];
    for (token, request, status, words) in checks {
        let query = format!("access_token={token}&join_request={request}");
        let (refused, text) = refusal(fresh.dial_query(&query).await, words);
        assert_eq!(refused, status, "{text}");
        assert!(text.contains(words), "{text}");
        // A page learns the same by other means, also from another origin.
        let answer = fresh.get(&format!("/rtc/v1/validate?{query}")).await;
        assert_eq!((answer.status, answer.text), (status, text));
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
    }
    let query = format!(
        "access_token={}&join_request={}",
        token("r", "ann"),
        join_request()
    );
    let answer = fresh.get(&format!("/rtc/v1/validate?{query}")).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "success"));
    for path in ["/rtc/v2", "/rtc/v2/validate"] {
        let answer = fresh.get(&format!("{path}?{query}")).await;
        assert_eq!(answer.status, 404);
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
        assert!(!answer.text.contains("requested room does not exist"));
    }
    let header = fresh
        .client
        .get(fresh.url(&format!("/rtc/v1/validate?join_request={}", join_request())));
    assert_eq!(
        read(header.bearer_auth(token("r", "ann"))).await.status,
        200
    );
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_ends_one_session_only() {
    let fresh = Fresh::start().await;
    let mut good = fresh.dial(&token("r", "good")).await.unwrap();
    good.until(joined).await;

    let mut noise = fresh.dial(&token("r", "noise")).await.unwrap();
    noise.until(joined).await;
    noise
        .socket
        .send(Message::binary(vec![0xff; 100]))
        .await
        .unwrap();
    assert_eq!(noise.end().await, Some((1002, "protocol_error".to_owned())));

    let mut text = fresh.dial(&token("r", "text")).await.unwrap();
    text.until(joined).await;
    text.socket
        .send(Message::text("{\"offer\": 7"))
        .await
        .unwrap();
    text.end().await;

    let mut large = fresh.dial(&token("r", "large")).await.unwrap();
    large.until(joined).await;
    // It may already be cut while it is sent.
    let _ = large
        .socket
        .send(Message::binary(vec![0; limits::SIGNAL_FRAME_BYTES + 1]))
        .await;
    large.end().await;

    good.send(proto::signal_request::Message::Ping(1)).await;
    good.until(|said| matches!(said, Said::Pong(_)).then_some(()))
        .await;
    assert!(fresh.metric("plenary_signal_closed_total").await >= 3.0);
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_dropped_and_the_others_do_not_notice() {
    let fresh = Fresh::start().await;
    let mut good = fresh.dial(&token("r", "good")).await.unwrap();
    good.until(joined).await;
    let mut deaf = fresh.dial(&token("r", "deaf")).await.unwrap();
    deaf.until(joined).await;
    // Ask for far more than its queue and its socket hold, and read none of it.
    let update = proto::UpdateParticipantMetadata {
        name: "x".repeat(60_000),
        ..Default::default()
    };
    let request = proto::SignalRequest {
        message: Some(proto::signal_request::Message::UpdateMetadata(update)),
    };
    let update = Message::binary(request.encode_to_vec());
    // Ends when the server has cut it off.
    let asking = async { while deaf.socket.send(update.clone()).await.is_ok() {} };
    let closed = async {
        while fresh.metric("plenary_signal_open").await > 1.0 {
            good.send(proto::signal_request::Message::Ping(1)).await;
            let pong = good.until(|said| matches!(said, Said::Pong(_)).then_some(()));
            tokio::time::timeout(Duration::from_secs(1), pong)
                .await
                .expect("the good one waits");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        () = asking => {}
        done = tokio::time::timeout(Duration::from_secs(30), closed) => done.expect("not dropped"),
    }
    good.send(proto::signal_request::Message::Ping(1)).await;
    good.until(|said| matches!(said, Said::Pong(_)).then_some(()))
        .await;
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_says_goodbye() {
    let fresh = Fresh::start().await;
    let (id, _) = fresh.meeting(json!({})).await;
    let mut ann = fresh.dial(&fresh.join(&id, "Ann").await).await.unwrap();
    ann.until(joined).await;
    let stopping = tokio::spawn(fresh.node.stop());
    let leave = |said| {
        if let Said::Leave(leave) = said {
            Some(leave)
        } else {
            None
        }
    };
    assert_eq!(
        ann.until(leave).await.reason(),
        proto::DisconnectReason::ServerShutdown
    );
    tokio::time::timeout(Duration::from_secs(10), stopping)
        .await
        .expect("slow")
        .unwrap();
}

/// A thousand strangers a second at the door: those inside notice nothing.
#[tokio::test(flavor = "multi_thread")]
async fn bad_tokens_harm_nobody() {
    const STRANGERS: usize = 1_000;
    let fresh = Fresh::start().await;
    let mut ann = fresh.dial(&token("r", "ann")).await.unwrap();
    ann.until(joined).await;
    let address = fresh.node.http;
    let strangers: Vec<_> = (0..STRANGERS)
        .map(|number| {
            tokio::spawn(async move {
                // Spread over a second.
                tokio::time::sleep(Duration::from_millis(u64::try_from(number).unwrap())).await;
                let url = format!("ws://{address}/rtc/v1?access_token=a.b.{number}");
                tokio_tungstenite::connect_async(url).await.is_err()
            })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    while strangers.iter().any(|stranger| !stranger.is_finished()) {
        let asked = clock::now();
        ann.send(proto::signal_request::Message::Ping(1)).await;
        ann.until(|said| matches!(said, Said::Pong(_)).then_some(()))
            .await;
        slowest = slowest.max(clock::now().duration_since(asked));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for stranger in strangers {
        assert!(stranger.await.unwrap(), "let in");
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    let refused = fresh.metric("plenary_signal_refused_total").await;
    assert_eq!(refused.to_string(), STRANGERS.to_string());
    fresh.node.stop().await;
}
