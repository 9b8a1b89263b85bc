//! Reads what a client says of itself before its WebSocket exists: the query
//! of the upgrade request. Every byte of it is a stranger's.

use std::io::Read;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use flate2::read::GzDecoder;
use livekit_protocol as proto;
use prost::Message;
use proto::{
    client_info::{Capability, Sdk},
    wrapped_join_request::Compression,
};
use protocol::{
    limits,
    signal::{ConnectError, Dialect},
};

/// A parsed request to join, or to take a lost session up again.
#[derive(Clone, PartialEq, Debug)]
pub struct Join {
    pub dialect: Dialect,
    pub client: proto::ClientInfo,
    /// Subscribe to everything that is published; the default.
    pub auto_subscribe: bool,
    /// As well to every data track; not the default.
    pub auto_subscribe_data: bool,
    /// The client will say how large its tiles are: begin with the lowest layer.
    pub adaptive_stream: bool,
    pub metadata: String,
    pub attributes: std::collections::BTreeMap<String, String>,
    /// Tracks announced together with the join.
    pub add_tracks: Vec<proto::AddTrackRequest>,
    /// The client's first offer, to be answered right after the join response.
    pub offer: Option<proto::SessionDescription>,
    pub resume: Option<Resume>,
}

/// A client that lost its signalling connection and wants to go on.
#[derive(Clone, PartialEq, Debug)]
pub struct Resume {
    /// The `PA_…` id that the client was given when it joined.
    pub participant_sid: String,
    pub sync_state: Option<proto::SyncState>,
}

/// Base64 with the URL alphabet: JavaScript pads, others do not.
const URL_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Join {
    /// Reads the decoded key-value pairs of the upgrade request's query.
    ///
    /// # Errors
    /// [`ConnectError::Malformed`] when `join_request` is missing, is not what
    /// it should be, or is larger than [`limits::JOIN_REQUEST_BYTES`]; in the
    /// dual-peer dialect, when `attributes` are not what they should be.
    pub fn parse(dialect: Dialect, query: &[(String, String)]) -> Result<Self, ConnectError> {
        match dialect {
            Dialect::SinglePeer => Self::single_peer(query),
            Dialect::DualPeer => dual_peer(query),
        }
    }

    /// Of whoever says nothing but an offer (WHIP, WHEP).
    pub(crate) fn unspoken(auto_subscribe: bool) -> Self {
        Self::from_request(proto::JoinRequest {
            connection_settings: Some(proto::ConnectionSettings {
                auto_subscribe,
                ..Default::default()
            }),
            ..Default::default()
        })
    }

    fn single_peer(query: &[(String, String)]) -> Result<Self, ConnectError> {
        let text = query
            .iter()
            .find(|(key, value)| key == "join_request" && !value.is_empty())
            .map(|(_, value)| value.as_str())
            .ok_or_else(|| malformed("join_request is missing"))?;
        let bytes = unwrap(text)?;
        let request = proto::JoinRequest::decode(bytes.as_slice())
            .map_err(|error| malformed(format!("not a JoinRequest: {error}")))?;
        Ok(Self::from_request(request))
    }

    fn from_request(request: proto::JoinRequest) -> Self {
        // A missing message means defaults, and the default is to subscribe.
        let settings = request
            .connection_settings
            .unwrap_or(proto::ConnectionSettings {
                auto_subscribe: true,
                ..Default::default()
            });
        let resume = request.reconnect.then_some(Resume {
            participant_sid: request.participant_sid,
            sync_state: request.sync_state,
        });
        Self {
            dialect: Dialect::SinglePeer,
            client: request.client_info.unwrap_or_default(),
            auto_subscribe: settings.auto_subscribe,
            auto_subscribe_data: settings.auto_subscribe_data_track.unwrap_or(false),
            adaptive_stream: settings.adaptive_stream,
            metadata: request.metadata,
            attributes: request.participant_attributes.into_iter().collect(),
            add_tracks: request.add_track_requests,
            offer: request.publisher_offer,
            resume,
        }
    }
}

/// In the dual-peer dialect each option has a parameter of its own; what we
/// don't know of is passed over.
fn dual_peer(query: &[(String, String)]) -> Result<Join, ConnectError> {
    let value = |name: &str| {
        let pair = query.iter().find(|(key, _)| key == name);
        pair.map_or("", |(_, value)| value.as_str())
    };
    let flag = |name: &str| matches!(value(name), "1" | "true");
    let client = proto::ClientInfo {
        sdk: sdk(value("sdk")).into(),
        version: value("version").to_owned(),
        protocol: value("protocol").parse().unwrap_or(0),
        client_protocol: value("client_protocol").parse().unwrap_or(0),
        os: value("os").to_owned(),
        os_version: value("os_version").to_owned(),
        device_model: value("device_model").to_owned(),
        browser: value("browser").to_owned(),
        browser_version: value("browser_version").to_owned(),
        network: value("network").to_owned(),
        capabilities: value("capabilities")
            .split(',')
            .filter_map(|name| Capability::from_str_name(name.trim()))
            .map(i32::from)
            .collect(),
        ..Default::default()
    };
    let resume = flag("reconnect").then(|| Resume {
        participant_sid: value("sid").to_owned(),
        // It comes as a message, once we have said that the session goes on.
        sync_state: None,
    });
    Ok(Join {
        dialect: Dialect::DualPeer,
        client,
        auto_subscribe: value("auto_subscribe").is_empty() || flag("auto_subscribe"),
        auto_subscribe_data: flag("auto_subscribe_data_track"),
        adaptive_stream: flag("adaptive_stream"),
        metadata: String::new(),
        attributes: attributes(value("attributes"))?,
        add_tracks: Vec::new(),
        offer: None,
        resume,
    })
}

/// Clients write the names of their SDKs in their own ways.
fn sdk(name: &str) -> Sdk {
    match name.to_ascii_lowercase().as_str() {
        "ios" => Sdk::Swift,
        "reactnative" => Sdk::ReactNative,
        "unityweb" => Sdk::UnityWeb,
        other => Sdk::from_str_name(&other.to_ascii_uppercase()).unwrap_or(Sdk::Unknown),
    }
}

/// Base64url of a JSON object of texts.
fn attributes(text: &str) -> Result<std::collections::BTreeMap<String, String>, ConnectError> {
    if text.is_empty() {
        return Ok(std::collections::BTreeMap::new());
    }
    let json = URL_BASE64
        .decode(text)
        .map_err(|error| malformed(format!("attributes are not base64url: {error}")))?;
    serde_json::from_slice(&json)
        .map_err(|error| malformed(format!("attributes are not an object of texts: {error}")))
}

/// The bytes of the inner JoinRequest.
fn unwrap(text: &str) -> Result<Vec<u8>, ConnectError> {
    // Base64 needs four characters for three bytes.
    if text.len() / 4 * 3 > limits::JOIN_REQUEST_BYTES {
        return Err(malformed("join_request is too large"));
    }
    let outer = URL_BASE64
        .decode(text)
        .map_err(|error| malformed(format!("join_request is not base64url: {error}")))?;
    let wrapped = proto::WrappedJoinRequest::decode(outer.as_slice())
        .map_err(|error| malformed(format!("not a WrappedJoinRequest: {error}")))?;
    match Compression::try_from(wrapped.compression) {
        Ok(Compression::None) => Ok(wrapped.join_request),
        Ok(Compression::Gzip) => gunzip(&wrapped.join_request),
        Err(_) => Err(malformed("unknown compression of the join request")),
    }
}

/// Never holds more than one byte above the limit, however good the compression.
fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, ConnectError> {
    let limit = u64::try_from(limits::JOIN_REQUEST_BYTES).unwrap_or(u64::MAX);
    let mut plain = Vec::new();
    GzDecoder::new(bytes)
        .take(limit.saturating_add(1))
        .read_to_end(&mut plain)
        .map_err(|error| malformed(format!("join_request is not gzip: {error}")))?;
    if plain.len() > limits::JOIN_REQUEST_BYTES {
        return Err(malformed("join_request is too large"));
    }
    Ok(plain)
}

fn malformed(why: impl Into<String>) -> ConnectError {
    ConnectError::Malformed(why.into())
}
