//! The join request of the `/rtc/v1` dialect: protobuf, gzip, base64url.

use std::io::{Read, Write};

use base64::{Engine, engine::general_purpose::URL_SAFE};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use livekit_protocol::{
    ClientInfo, ConnectionSettings, JoinRequest, SessionDescription, WrappedJoinRequest,
    client_info, wrapped_join_request,
};
use prost::Message;
use protocol::limits::JOIN_REQUEST_BYTES;

use crate::face::ClientConfig;

/// The signalling protocol that this client speaks.
const PROTOCOL: i32 = 17;
/// Its understanding of packets between clients: 1 and above know text
/// streams, 2 streams within one packet; this client only sends user packets.
const CLIENT_PROTOCOL: i32 = 0;

/// Why a join request can't be read back.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("no join_request in the query")]
    Missing,
    #[error(transparent)]
    Base64(#[from] base64::DecodeError),
    #[error(transparent)]
    Protobuf(#[from] prost::DecodeError),
    #[error(transparent)]
    Gzip(#[from] std::io::Error),
}

pub(crate) fn request(config: &ClientConfig, offer: SessionDescription) -> JoinRequest {
    JoinRequest {
        publisher_offer: Some(offer),
        ..about(config)
    }
}

/// To go on with the session of the participant `sid`.
pub(crate) fn reconnect(config: &ClientConfig, sid: String) -> JoinRequest {
    JoinRequest {
        reconnect: true,
        participant_sid: sid,
        ..about(config)
    }
}

fn about(config: &ClientConfig) -> JoinRequest {
    let sdk = if config.browser {
        client_info::Sdk::Js
    } else {
        client_info::Sdk::Rust
    };
    JoinRequest {
        client_info: Some(ClientInfo {
            sdk: sdk.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            client_protocol: CLIENT_PROTOCOL,
            ..ClientInfo::default()
        }),
        connection_settings: Some(ConnectionSettings {
            auto_subscribe: config.auto_subscribe,
            adaptive_stream: config.adaptive_stream,
            ..ConnectionSettings::default()
        }),
        ..JoinRequest::default()
    }
}

/// The query string, without the token.
pub(crate) fn query(request: &JoinRequest) -> String {
    let plain = request.encode_to_vec();
    let (compression, bytes) = match gzip(&plain) {
        Ok(packed) => (wrapped_join_request::Compression::Gzip, packed),
        // Writing to memory does not fail; if it ever did, plain is as good.
        Err(_) => (wrapped_join_request::Compression::None, plain),
    };
    let wrapped = WrappedJoinRequest {
        compression: compression.into(),
        join_request: bytes,
    };
    format!("join_request={}", URL_SAFE.encode(wrapped.encode_to_vec()))
}

fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain)?;
    encoder.finish()
}

/// Reads a query back, for tests of what was asked for.
///
/// # Errors
/// When it is not a join request.
pub fn decode_join_query(query: &str) -> Result<JoinRequest, JoinError> {
    let value = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("join_request="))
        .ok_or(JoinError::Missing)?;
    let wrapped = WrappedJoinRequest::decode(URL_SAFE.decode(value)?.as_slice())?;
    if wrapped.compression() == wrapped_join_request::Compression::None {
        return Ok(JoinRequest::decode(wrapped.join_request.as_slice())?);
    }
    let limit = u64::try_from(JOIN_REQUEST_BYTES).unwrap_or(u64::MAX);
    let mut plain = Vec::new();
    GzDecoder::new(wrapped.join_request.as_slice())
        .take(limit)
        .read_to_end(&mut plain)?;
    Ok(JoinRequest::decode(plain.as_slice())?)
}
