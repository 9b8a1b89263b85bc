//! LiveKit's server API over HTTP: who may, in which form, and what is refused.

use livekit_protocol as proto;
use prost::Message as _;
use protocol::{limits, rooms::RoomDefaults};
use serde_json::{Value, json};
use server::{
    clock,
    settings::Keys,
    token::{Claims, Video},
};

use crate::support::{Answer, Fresh, Said, join_request, read, refusal, settings, token};

/// A server application's token.
fn grant(video: Video) -> String {
    let claims = Claims {
        video,
        ..Claims::default()
    };
    claims.sign(&Keys::dev(), clock::unix_s(), 60).unwrap()
}

fn everything(room: &str) -> String {
    grant(Video {
        room: room.to_owned(),
        room_admin: true,
        room_create: true,
        room_list: true,
        destination_room: "there".to_owned(),
        ..Video::default()
    })
}

async fn ask(fresh: &Fresh, room: &str, method: &str, body: Value) -> Answer {
    let url = fresh.url(&format!("/twirp/livekit.RoomService/{method}"));
    let request = fresh.client.post(url).bearer_auth(everything(room));
    read(request.json(&body)).await
}

fn refused(answer: &Answer) -> (u16, String) {
    let body = answer.json();
    assert!(!body["msg"].as_str().unwrap().is_empty());
    (answer.status, body["code"].as_str().unwrap().to_owned())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

/// What is sent, and what is answered.
struct Check {
    path: &'static str,
    token: String,
    kind: &'static str,
    body: Vec<u8>,
    expected: (u16, &'static str),
}

fn checks() -> Vec<Check> {
    let check = |path, token: &str, body: &[u8], expected| Check {
        path,
        token: token.to_owned(),
        kind: "application/json",
        body: body.to_vec(),
        expected,
    };
    let all = everything("r");
    let long = vec![b' '; limits::ADMIN_BODY_BYTES + 1];
    let denied = (401, "unauthenticated");
    let mut checks = vec![
        check("RoomService/ListRooms", "", b"{}", denied),
        check("RoomService/ListRooms", "x.y.z", b"{}", denied),
        check("RoomService/ListRooms", &token("r", "a"), b"{}", denied),
        check(
            "RoomService/ListParticipants",
            &all,
            b"{\"room\":\"s\"}",
            denied,
        ),
        check(
            "RoomService/ListParticipants",
            &all,
            b"{\"room\":\"r\"}",
            (404, "not_found"),
        ),
        check(
            "RoomService/CreateRoom",
            &all,
            b"{}",
            (400, "invalid_argument"),
        ),
        check("RoomService/CreateRoom", &all, b"{", (400, "malformed")),
        check(
            "RoomService/CreateRoom",
            &all,
            &long,
            (400, "invalid_argument"),
        ),
        check("RoomService/MakeRoom", &all, b"{}", (404, "bad_route")),
        check("Egress/ListEgress", &all, b"{}", (501, "unimplemented")),
        check("RoomService", &all, b"{}", (404, "bad_route")),
    ];
    checks.push(Check {
        kind: "text/plain",
        ..check("RoomService/CreateRoom", &all, b"{}", (404, "bad_route"))
    });
    checks
}

#[tokio::test(flavor = "multi_thread")]
async fn every_no_has_its_status_and_its_code() {
    let fresh = Fresh::start().await;
    for check in checks() {
        let url = fresh.url(&format!("/twirp/livekit.{}", check.path));
        let post = fresh.client.post(url).bearer_auth(&check.token);
        let answer = read(post.header("content-type", check.kind).body(check.body)).await;
        let (status, code) = check.expected;
        assert_eq!(refused(&answer), is(status, code), "{}", check.path);
        assert_eq!(answer.headers["access-control-allow-origin"], "*");
    }
    let path = "/twirp/livekit.RoomService/ListRooms";
    assert_eq!(refused(&fresh.get(path).await), is(404, "bad_route"));
    let other = fresh.get("/twirp/other").await;
    assert_eq!(refused(&other), is(404, "bad_route"));
    let options = fresh
        .client
        .request(reqwest::Method::OPTIONS, fresh.url(path));
    let preflight = read(options).await;
    assert_eq!(preflight.status, 204);
    let headers = preflight.headers["access-control-allow-headers"].to_str();
    assert!(headers.unwrap().contains("authorization"));
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_forms_are_spoken() {
    let fresh = Fresh::start().await;
    let made = ask(
        &fresh,
        "r",
        "CreateRoom",
        json!({"name": "r", "maxParticipants": 7}),
    )
    .await;
    assert_eq!(made.headers["content-type"], "application/json");
    let made = made.json();
    assert_eq!(
        (&made["max_participants"], &made["num_publishers"]),
        (&json!(7), &json!(0))
    );
    let request = proto::ListRoomsRequest {
        names: vec!["r".to_owned()],
    };
    let url = fresh.url("/twirp/livekit.RoomService/ListRooms");
    let post = fresh.client.post(url).bearer_auth(everything("r"));
    let answer = post
        .header("content-type", "application/protobuf")
        .body(request.encode_to_vec())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "application/protobuf");
    let rooms = proto::ListRoomsResponse::decode(answer.bytes().await.unwrap()).unwrap();
    assert_eq!(rooms.rooms[0].sid, made["sid"].as_str().unwrap());
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_meeting_and_its_room_end_together() {
    let fresh = Fresh::start().await;
    let (id, host_token) = fresh.meeting(json!({})).await;
    let mut ann = fresh.dial(&fresh.join(&id, "Ann").await).await.unwrap();
    ann.next().await.unwrap();
    // The host of a meeting may do in its room what a server application may.
    let url = fresh.url("/twirp/livekit.RoomService/ListParticipants");
    let request = fresh.client.post(url).bearer_auth(&host_token);
    let list = read(request.json(&json!({"room": id}))).await.json();
    assert_eq!(list["participants"][0]["name"], "Ann");
    let deleted = ask(&fresh, &id, "DeleteRoom", json!({"room": id})).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (200, "{}"));
    let reason = ann
        .until(|said| {
            let Said::Leave(leave) = said else {
                return None;
            };
            Some(leave.reason())
        })
        .await;
    assert_eq!(reason, proto::DisconnectReason::RoomDeleted);
    let facts = fresh.get(&format!("/api/v1/meetings/{id}")).await.json();
    assert_eq!(facts["ended"], true);
    let again = ask(&fresh, &id, "CreateRoom", json!({"name": id})).await;
    assert_eq!(refused(&again), is(412, "failed_precondition"));
    let body = json!({"room": "r", "identity": "a", "destination_room": id});
    let onward = grant(Video {
        room: "r".to_owned(),
        room_admin: true,
        destination_room: id.clone(),
        ..Video::default()
    });
    let url = fresh.url("/twirp/livekit.RoomService/MoveParticipant");
    let moved = read(fresh.client.post(url).bearer_auth(onward).json(&body)).await;
    assert_eq!(refused(&moved), is(412, "failed_precondition"));
    // A meeting that nobody is in has no room, and can be ended all the same.
    let (idle, _) = fresh.meeting(json!({})).await;
    assert_eq!(
        ask(&fresh, &idle, "DeleteRoom", json!({"room": idle}))
            .await
            .status,
        200
    );
    let gone = ask(&fresh, &idle, "DeleteRoom", json!({"room": idle})).await;
    assert_eq!(refused(&gone), is(404, "not_found"));
    fresh.node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rooms_are_opened_by_the_api_alone_if_so_decided() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = settings(folder.path());
    settings.rooms = RoomDefaults {
        auto_create: false,
        ..RoomDefaults::default()
    };
    let fresh = Fresh::start_with(folder, settings).await;
    let words = "requested room does not exist";
    let (status, text) = refusal(fresh.dial(&token("r", "ann")).await, words);
    assert_eq!((status, text.as_str()), (404, words));
    let query = format!(
        "access_token={}&join_request={}",
        token("r", "ann"),
        join_request()
    );
    let validated = fresh.get(&format!("/rtc/v1/validate?{query}")).await;
    assert_eq!((validated.status, validated.text.as_str()), (404, words));
    let made = ask(
        &fresh,
        "r",
        "CreateRoom",
        json!({"name": "r", "metadata": "m"}),
    )
    .await;
    assert_eq!(made.status, 200);
    let mut ann = fresh.dial(&token("r", "ann")).await.unwrap();
    let Some(Said::Join(join)) = ann.next().await else {
        panic!("not let in")
    };
    assert_eq!(join.room.unwrap().metadata, "m");
    fresh.node.stop().await;
}
