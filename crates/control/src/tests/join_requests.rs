//! The query of the upgrade request.

use std::io::Write;

use base64::{Engine, engine::general_purpose};
use flate2::{Compression, write::GzEncoder};
use livekit_protocol as proto;
use prost::Message;
use protocol::{limits, signal::Dialect};

use crate::Join;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn wrap(compression: i32, join_request: Vec<u8>) -> Vec<u8> {
    proto::WrappedJoinRequest {
        compression,
        join_request,
    }
    .encode_to_vec()
}

fn parse(text: String) -> Result<Join, protocol::signal::ConnectError> {
    Join::parse(
        Dialect::SinglePeer,
        &[
            ("access_token".into(), "x".into()),
            ("join_request".into(), text),
        ],
    )
}

#[test]
fn all_forms_are_read() {
    let request = proto::JoinRequest {
        client_info: Some(proto::ClientInfo {
            client_protocol: 2,
            ..Default::default()
        }),
        metadata: "hello".into(),
        reconnect: true,
        participant_sid: "PA_1".into(),
        ..Default::default()
    }
    .encode_to_vec();
    for wrapped in [wrap(0, request.clone()), wrap(1, gzip(&request))] {
        for text in [
            general_purpose::URL_SAFE.encode(&wrapped),
            general_purpose::URL_SAFE_NO_PAD.encode(&wrapped),
        ] {
            let join = parse(text).unwrap();
            assert_eq!(
                (join.metadata.as_str(), join.client.client_protocol),
                ("hello", 2)
            );
            assert_eq!(join.resume.unwrap().participant_sid, "PA_1");
            assert!(join.auto_subscribe);
        }
    }
}

#[test]
fn what_is_malformed_or_too_large_is_refused() {
    let bomb = gzip(&vec![0; limits::JOIN_REQUEST_BYTES + 1]);
    assert!(bomb.len() < 10_000);
    let encode = |bytes: Vec<u8>| general_purpose::URL_SAFE.encode(bytes);
    for text in [
        encode(wrap(1, bomb)),
        encode(wrap(1, vec![1, 2, 3])),
        encode(wrap(7, Vec::new())),
        encode(wrap(0, vec![0xff])),
        encode(vec![0xff]),
        "?!".to_owned(),
        "A".repeat(limits::JOIN_REQUEST_BYTES * 2),
    ] {
        assert!(parse(text).is_err());
    }
    assert!(Join::parse(Dialect::SinglePeer, &[]).is_err());
}

#[test]
fn the_other_dialect_has_a_parameter_for_everything() {
    let parse = |text: &str| {
        let query: Vec<(String, String)> = text
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        Join::parse(Dialect::DualPeer, &query)
    };
    let join = parse(
        "sdk=python&os=linux&protocol=18&client_protocol=2&auto_subscribe=0&adaptive_stream=1\
         &browser=Firefox&capabilities=CAP_PACKET_TRAILER,CAP_UNHEARD_OF&attributes=eyJhIjoiYiJ9",
    )
    .unwrap();
    assert_eq!(join.dialect, Dialect::DualPeer);
    assert_eq!(join.client.sdk(), proto::client_info::Sdk::Python);
    assert_eq!((join.client.protocol, join.client.client_protocol), (18, 2));
    assert_eq!(join.client.capabilities.len(), 1);
    assert!(!join.auto_subscribe && join.adaptive_stream && join.resume.is_none());
    assert_eq!(join.attributes["a"], "b");
    let plain = parse("").unwrap();
    assert!(plain.auto_subscribe && !plain.adaptive_stream);
    let back = parse("reconnect=1&sid=PA_x").unwrap();
    assert_eq!(back.resume.unwrap().participant_sid, "PA_x");
    assert!(parse("attributes=e30").is_ok());
    assert!(parse("attributes=!").is_err() && parse("attributes=W10").is_err());
}
