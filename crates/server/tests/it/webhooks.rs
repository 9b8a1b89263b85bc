//! Webhooks over real HTTP: signed, in order, tried again, and harmless when
//! nobody takes them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::digest;
use serde_json::Value;
use server::{clock, settings::Keys, token::verify};
use tokio::{
    net::TcpListener,
    time::{sleep, timeout},
};

use crate::support::{Fresh, settings, token};

/// What a target has been sent.
#[derive(Default)]
struct Seen {
    events: Mutex<Vec<(HeaderMap, Bytes)>>,
    /// So many are to fail first.
    failing: AtomicUsize,
}

async fn receive(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let fail = |left: usize| left.checked_sub(1);
    if seen
        .failing
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, fail)
        .is_ok()
    {
        return StatusCode::BAD_GATEWAY;
    }
    seen.events.lock().unwrap().push((headers, body));
    StatusCode::OK
}

async fn target(seen: Arc<Seen>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(receive)).with_state(seen);
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// Takes connections and says nothing.
async fn hanging() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(connection) = listener.accept().await {
            held.push(connection);
        }
    });
    url
}

async fn start(urls: &[String]) -> Fresh {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    settings.webhooks.urls = urls.iter().map(|url| url.parse().unwrap()).collect();
    Fresh::start_with(folder, settings).await
}

/// Names of the events, once there are so many.
async fn names(seen: &Seen, count: usize) -> Vec<String> {
    let name = |(_, body): &(HeaderMap, Bytes)| {
        let event: Value = serde_json::from_slice(body).unwrap();
        event["event"].as_str().unwrap().to_owned()
    };
    let all = async {
        loop {
            let names: Vec<String> = seen.events.lock().unwrap().iter().map(name).collect();
            if names.len() >= count {
                return names;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(20), all).await.expect("events")
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_signed_and_told_in_order() {
    let seen = Arc::new(Seen::default());
    seen.failing.store(2, Ordering::SeqCst);
    let fresh = start(&[target(seen.clone()).await, hanging().await]).await;
    let mut ann = fresh.dial(&token("room", "ann")).await.unwrap();
    ann.next().await.unwrap();
    drop(ann);
    let expected = ["room_started", "participant_connection_aborted"];
    assert_eq!(names(&seen, 2).await, expected);
    for (headers, body) in seen.events.lock().unwrap().iter() {
        assert_eq!(headers["content-type"], "application/webhook+json");
        let token = headers["authorization"].to_str().unwrap();
        let claims = verify(&Keys::dev(), token, clock::unix_s()).unwrap();
        let hash = digest::digest(&digest::SHA256, body);
        assert_eq!(claims.sha256, BASE64_STANDARD.encode(hash));
        let event: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(event["room"]["name"], "room");
        assert!(event["id"].as_str().unwrap().starts_with("EV_"));
        assert!(event["createdAt"].is_string());
    }
    let delivered = fresh.metric("plenary_webhooks_delivered_total").await;
    let failed = fresh.metric("plenary_webhooks_failed_total").await;
    assert!(delivered >= 2.0 && failed >= 2.0, "{delivered} {failed}");
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_hangs_or_lies_costs_nobody_anything() {
    let refusing = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let router = Router::new();
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    };
    let fresh = start(&[hanging().await, refusing]).await;
    // Each join makes a room, and each leave a report.
    for number in 0..100 {
        let token = token(&format!("room-{number}"), "ann");
        let joined = fresh.dial(&token);
        let mut ann = timeout(Duration::from_secs(5), joined)
            .await
            .unwrap()
            .unwrap();
        assert!(ann.next().await.is_some());
    }
    let lost = async {
        while fresh.metric("plenary_webhooks_lost_total").await < 100.0 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(20), lost)
        .await
        .expect("refused ones are given up");
    let stopped = fresh.node.stop();
    timeout(Duration::from_secs(12), stopped)
        .await
        .expect("the end is not held up");
}
