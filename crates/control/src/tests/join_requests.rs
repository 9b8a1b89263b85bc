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
