//! The REST API: what works, and every "no".

use serde_json::json;

use crate::support::{Answer, Fresh, read, token};

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_from_its_making_to_its_end() {
    let fresh = Fresh::start().await;
    let made = fresh
        .post(
            "/api/v1/meetings",
            &json!({"title": " Stand-up ", "passcode": "1234", "settings": {"a": 1}, "unknown": 1,
                    "start_time": "2030-01-02T03:04:05Z"}),
        )
        .await;
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let host_token = made.json()["host_token"].as_str().unwrap().to_owned();
    assert_eq!(made.json()["url"], fresh.url(&format!("/m/{id}")));
    assert_eq!(made.headers["location"], fresh.url(&format!("/m/{id}")));

    let facts = fresh.get(&format!("/api/v1/meetings/{id}")).await;
    assert_eq!(facts.status, 200);
    assert!(!facts.text.contains("1234") && !facts.text.contains("argon2"));
    let facts = facts.json();
    assert_eq!(facts["title"], "Stand-up");
    assert_eq!(facts["passcode_required"], true);
    assert_eq!(facts["settings"], json!({"a": 1}));
    assert_eq!(facts["start_time"], "2030-01-02T03:04:05Z");
    assert_eq!(
        (&facts["ended"], &facts["participants"]),
        (&json!(false), &json!(0))
    );

    let join = format!("/api/v1/meetings/{id}/join");
    let ann = fresh
        .post(&join, &json!({"name": "Ann", "passcode": "1234"}))
        .await;
    assert_eq!(ann.status, 200, "{ann:?}");
    assert_eq!(ann.json()["role"], "participant");
    assert_eq!(ann.json()["url"], format!("ws://{}", fresh.node.http));
    let host = fresh
        .post(&join, &json!({"name": "Hal", "host_token": host_token}))
        .await;
    assert_eq!(host.json()["role"], "host");

    let list = format!("/api/v1/meetings/{id}/participants");
    assert_eq!(
        fresh.get_as(&list, &host_token).await.json(),
        json!({"participants": []})
    );
    let end = format!("/api/v1/meetings/{id}/end");
    assert_eq!(
        fresh.post_as(&end, &host_token).await.json(),
        json!({"participants": 0})
    );
    assert_eq!(
        fresh.post_as(&end, &host_token).await.status,
        200,
        "ending twice is no mistake"
    );
    let refused = fresh
        .post(&join, &json!({"name": "Bob", "passcode": "1234"}))
        .await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (410, "meeting-ended")
    );
    assert_eq!(
        fresh.get(&format!("/api/v1/meetings/{id}")).await.json()["ended"],
        true
    );
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_comes_back_as_the_same_person() {
    let fresh = Fresh::start().await;
    let (id, _) = fresh.meeting(json!({"passcode": "p"})).await;
    let (other, _) = fresh.meeting(json!({})).await;
    let join = |id: &str| format!("/api/v1/meetings/{id}/join");
    let first = fresh
        .post(&join(&id), &json!({"name": "Ann", "passcode": "p"}))
        .await
        .json();
    let again = json!({"name": "Ann B", "previous_token": first["token"]});
    let second = fresh.post(&join(&id), &again).await;
    assert_eq!(second.status, 200, "{second:?}");
    assert_eq!(second.json()["identity"], first["identity"]);
    // Elsewhere it is worth nothing.
    let elsewhere = fresh.post(&join(&other), &again).await.json();
    assert_ne!(elsewhere["identity"], first["identity"]);
    // A forged one is no way around the passcode.
    let forged =
        json!({"name": "Eve", "previous_token": format!("{}x", first["token"].as_str().unwrap())});
    assert_eq!(
        fresh.post(&join(&id), &forged).await.problem(),
        "passcode-required"
    );
    fresh.node.stop().await;
}

const MEETINGS: &str = "/api/v1/meetings";

fn refused(answer: &Answer, status: u16, problem: &str) {
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (status, problem),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_cannot_be_taken_are_refused() {
    let fresh = Fresh::start().await;
    let raw = [
        ("{", "application/json", 400, "malformed-body"),
        ("[]", "application/json", 400, "malformed-body"),
        (r#"{"title": 1}"#, "application/json", 400, "malformed-body"),
        (
            r#"{"settings": []}"#,
            "application/json",
            400,
            "malformed-body",
        ),
        (
            r#"{"start_time": "soon"}"#,
            "application/json",
            400,
            "malformed-body",
        ),
        ("{}", "text/plain", 415, "not-json"),
    ];
    for (body, kind, status, problem) in raw {
        let request = fresh
            .client
            .post(fresh.url(MEETINGS))
            .header("content-type", kind);
        refused(&read(request.body(body)).await, status, problem);
    }
    let long = |length: usize| "x".repeat(length);
    let json = [
        (json!({"title": long(201)}), 400, "invalid-field"),
        (json!({"title": "a\u{7}b"}), 400, "invalid-field"),
        (json!({"passcode": long(129)}), 400, "invalid-field"),
        (
            json!({"settings": {"a": long(17_000)}}),
            400,
            "invalid-field",
        ),
        (json!({"title": long(70_000)}), 413, "body-too-large"),
    ];
    for (body, status, problem) in json {
        refused(&fresh.post(MEETINGS, &body).await, status, problem);
    }
    assert!(fresh.metric("plenary_http_problems_total").await >= 11.0);
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_join_is_told_why() {
    let fresh = Fresh::start().await;
    let (id, _) = fresh.meeting(json!({"passcode": "right"})).await;
    let (_, foreign) = fresh.meeting(json!({})).await;
    let joins = [
        (json!({"passcode": "right"}), 400, "invalid-field"),
        (json!({"name": " "}), 400, "invalid-field"),
        (json!({"name": "x".repeat(257)}), 400, "invalid-field"),
        (json!({"name": "Ann"}), 403, "passcode-required"),
        (
            json!({"name": "Ann", "passcode": ""}),
            403,
            "passcode-required",
        ),
        (
            json!({"name": "Ann", "passcode": "wrong"}),
            403,
            "wrong-passcode",
        ),
        (
            json!({"name": "Ann", "host_token": "h"}),
            401,
            "host-token-invalid",
        ),
        (
            json!({"name": "Ann", "host_token": foreign}),
            403,
            "not-host",
        ),
    ];
    for (body, status, problem) in joins {
        let answer = fresh.post(&format!("{MEETINGS}/{id}/join"), &body).await;
        refused(&answer, status, problem);
    }
    let nowhere = format!("{MEETINGS}/abc-defg-hij/join");
    refused(
        &fresh.post(&nowhere, &json!({"name": "Ann"})).await,
        404,
        "no-such-meeting",
    );
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_host_ends_and_lists() {
    let fresh = Fresh::start().await;
    let (id, host_token) = fresh.meeting(json!({})).await;
    let (_, foreign) = fresh.meeting(json!({})).await;
    let end = format!("{MEETINGS}/{id}/end");
    let list = format!("{MEETINGS}/{id}/participants");
    refused(
        &read(fresh.client.post(fresh.url(&end))).await,
        401,
        "host-token-required",
    );
    refused(&fresh.get(&list).await, 401, "host-token-required");
    refused(&fresh.post_as(&end, "h").await, 401, "host-token-invalid");
    for token in [foreign, token(&id, "ann")] {
        refused(&fresh.post_as(&end, &token).await, 403, "not-host");
        refused(&fresh.get_as(&list, &token).await, 403, "not-host");
    }
    assert_eq!(fresh.get_as(&list, &host_token).await.status, 200);
    assert_eq!(fresh.post_as(&end, &host_token).await.status, 200);
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_a_problem_too() {
    let fresh = Fresh::start().await;
    refused(
        &fresh.get(&format!("{MEETINGS}/abc-defg-hij")).await,
        404,
        "no-such-meeting",
    );
    refused(
        &fresh.get(&format!("{MEETINGS}/%00'--")).await,
        404,
        "no-such-meeting",
    );
    refused(&fresh.get("/api/v1/nothing").await, 404, "no-such-resource");
    refused(&fresh.get(MEETINGS).await, 405, "method-not-allowed");
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passcode_cannot_be_guessed_by_trying() {
    let fresh = Fresh::start().await;
    let (id, host_token) = fresh.meeting(json!({"passcode": "right"})).await;
    let join = format!("/api/v1/meetings/{id}/join");
    // All at once is not faster.
    let wrong = json!({"name": "Eve", "passcode": "wrong"});
    let tries = (0..12).map(|_| fresh.post(&join, &wrong));
    let answers = futures_util::future::join_all(tries).await;
    let told = |status| {
        answers
            .iter()
            .filter(|answer| answer.status == status)
            .count()
    };
    assert_eq!((told(403), told(429)), (5, 7));
    let refused = fresh
        .post(&join, &json!({"name": "Ann", "passcode": "right"}))
        .await;
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (429, "too-many-tries")
    );
    let wait: u64 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // Nobody can lift the limit by claiming to be a proxy, nor lock the host out.
    let spoofed = fresh
        .client
        .post(fresh.url(&join))
        .header("x-forwarded-for", "192.0.2.1");
    assert_eq!(read(spoofed.json(&wrong)).await.status, 429);
    let host = fresh
        .post(&join, &json!({"name": "Hal", "host_token": host_token}))
        .await;
    assert_eq!(host.status, 200);
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passcodes_are_not_limited() {
    let fresh = Fresh::start().await;
    let (id, _) = fresh.meeting(json!({"passcode": "right"})).await;
    let join = format!("/api/v1/meetings/{id}/join");
    let body = json!({"name": "Ann", "passcode": "right"});
    let answers = futures_util::future::join_all((0..8).map(|_| fresh.post(&join, &body))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pages_and_the_papers_are_there() {
    let fresh = Fresh::start().await;
    for path in ["/", "/m/abc-defg-hij"] {
        let page = fresh.get(path).await;
        assert_eq!(page.status, 200);
        assert!(page.text.contains("<title>"));
        assert_eq!(page.headers["x-content-type-options"], "nosniff");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.contains("connect-src 'self' ws: wss:")
                && policy.contains("worker-src 'self' blob:")
        );
    }
    assert_eq!(fresh.get("/nothing.js").await.status, 404);
    assert_eq!(fresh.get("/../Cargo.toml").await.status, 404);
    assert_eq!(fresh.get("/healthz").await.text, "ok\n");
    assert_eq!(fresh.get("/readyz").await.text, "ready\n");
    let document = fresh.get("/api/v1/openapi.json").await.json();
    for path in ["", "/{id}", "/{id}/join", "/{id}/end", "/{id}/participants"] {
        assert!(
            document["paths"][format!("/api/v1/meetings{path}")].is_object(),
            "{path}"
        );
    }
    let metrics = fresh.get("/metrics").await.text;
    assert!(metrics.ends_with("# EOF\n"));
    for name in [
        "plenary_rooms 0",
        "plenary_shard_peers{shard=\"1\"} 0",
        "plenary_http_responses_total",
    ] {
        assert!(metrics.contains(name), "{name} is not in {metrics}");
    }
    fresh.node.stop().await;
}
