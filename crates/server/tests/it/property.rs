//! Random bodies and paths: any answer will do, but for a 5xx.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{Fresh, read};

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".*", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// Bodies that come close to good ones.
fn body() -> impl Strategy<Value = Value> {
    let names = [
        "title",
        "settings",
        "start_time",
        "name",
        "host_token",
        "previous_token",
        "x",
    ];
    let name = prop::sample::select(names.to_vec());
    let object = prop::collection::btree_map(name, anything(), 0..5).prop_map(|map| json!(map));
    prop_oneof![3 => object, 1 => anything()]
}

#[test]
fn no_body_is_the_servers_fault() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fresh = runtime.block_on(Fresh::start());
    let (id, _) = runtime.block_on(fresh.meeting(json!({})));
    let paths = [
        "/api/v1/meetings".to_owned(),
        format!("/api/v1/meetings/{id}/join"),
    ];
    let config = ProptestConfig::with_cases(128);
    proptest!(config, |(body in body(), path in prop::sample::select(paths.to_vec()))| {
        let answer = runtime.block_on(fresh.post(&path, &body));
        prop_assert!(answer.status < 500, "{answer:?}");
        if answer.status >= 400 {
            answer.problem();
        }
    });
    let config = ProptestConfig::with_cases(64);
    proptest!(config, |(bytes in prop::collection::vec(any::<u8>(), 0..200), token in "[!-~]{0,40}")| {
        let request = fresh.client.post(fresh.url(&paths[0])).header("content-type", "application/json");
        let answer = runtime.block_on(read(request.body(bytes)));
        prop_assert!(answer.status < 500, "{answer:?}");
        let answer = runtime.block_on(fresh.get_as(&format!("/api/v1/meetings/{id}/participants"), &token));
        prop_assert!(answer.status == 401 || answer.status == 400, "{answer:?}");
    });
    runtime.block_on(fresh.node.stop());
}
