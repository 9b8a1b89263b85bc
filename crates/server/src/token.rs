//! Tokens: reads LiveKit's access tokens into [`Grants`], and mints our own.
//!
//! Reads no clock: the Unix time is passed in.

use std::collections::BTreeMap;

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, dangerous, decode, encode,
};
use protocol::{
    grants::{Grants, Kind, Role, RoomRights, Source},
    limits,
    rooms::RoomConfig,
};
use serde::{Deserialize, Serialize};

use crate::settings::Keys;

/// How far clocks may differ, in seconds.
const LEEWAY_S: i64 = 60;

/// A longer token is refused unread: it carries at most an identity, a
/// name, metadata and attributes, in base64.
const TOKEN_BYTES: usize = 4 * limits::METADATA_BYTES;

/// Life of a join token, in seconds: a long meeting with a break.
pub const JOIN_TTL_S: i64 = 6 * 3_600;
/// Life of a token that a connected client is given to reconnect with, in seconds.
pub const REFRESH_TTL_S: i64 = 600;
/// Life of a host token, in seconds: meetings are planned up to a quarter ahead.
pub const HOST_TTL_S: i64 = 90 * 24 * 3_600;

/// The claims that LiveKit's SDKs write and that we understand. Unknown ones
/// (SIP, agents, egress) are passed over.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Claims {
    pub iss: String,
    pub sub: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    pub exp: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    pub video: Video,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metadata: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// One of [`Kind`]; absent for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    #[serde(rename = "roomConfig", skip_serializing_if = "Option::is_none")]
    pub room_config: Option<RoomConfigClaim>,
    /// Of a body that the token is sent with, in base64: webhooks have it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plenary: Option<PlenaryClaim>,
}

/// LiveKit's video grant. What is absent is not the same as `false`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Video {
    pub room: String,
    pub room_join: bool,
    pub room_admin: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub room_create: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub room_list: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub destination_room: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_subscribe: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_publish_data: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_update_own_metadata: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub can_publish_sources: Vec<String>,
    pub hidden: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub recorder: bool,
    #[serde(skip_serializing_if = "is_false")]
    pub agent: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it by reference"
)]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// How the room is to be that a join opens (LiveKit's `RoomConfiguration`). Some
/// SDKs write its fields with underscores.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RoomConfigClaim {
    #[serde(alias = "empty_timeout")]
    pub empty_timeout: u32,
    #[serde(alias = "departure_timeout")]
    pub departure_timeout: u32,
    #[serde(alias = "max_participants")]
    pub max_participants: u32,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub metadata: String,
}

impl RoomConfigClaim {
    fn config(self) -> RoomConfig {
        RoomConfig {
            empty_timeout: self.empty_timeout,
            departure_timeout: self.departure_timeout,
            max_participants: self.max_participants,
            metadata: self.metadata,
        }
    }

    fn of(config: &RoomConfig) -> Self {
        Self {
            empty_timeout: config.empty_timeout,
            departure_timeout: config.departure_timeout,
            max_participants: config.max_participants,
            metadata: config.metadata.clone(),
        }
    }
}

/// What Plenary adds to LiveKit's claims.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PlenaryClaim {
    /// `host` or `participant`.
    pub role: String,
}

/// Why a token is not accepted: 401, but for the last two (400).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TokenError {
    #[error("no access token: send it as `Authorization: Bearer` or as `access_token`")]
    Missing,
    #[error("the access token is not a JWT that can be read")]
    Malformed,
    #[error("the access token is of an API key that this server does not have")]
    UnknownKey,
    #[error(
        "the signature of the access token is wrong: was it made with this server's secret, by HS256?"
    )]
    BadSignature,
    #[error("the access token has expired: ask for a new one")]
    Expired,
    #[error("the access token is not valid yet: compare the clocks of both machines")]
    TooEarly,
    #[error(
        "the access token has no identity (`sub`), or one of more than {} bytes",
        limits::IDENTITY_BYTES
    )]
    BadIdentity,
    #[error("the access token exceeds a limit: its {0} is too long")]
    TooLong(&'static str),
}

/// Verifies signature and time.
///
/// # Errors
///
/// [`TokenError`], with the reason.
pub fn verify(keys: &Keys, token: &str, now_s: i64) -> Result<Claims, TokenError> {
    if token.is_empty() {
        return Err(TokenError::Missing);
    }
    if token.len() > TOKEN_BYTES {
        return Err(TokenError::Malformed);
    }
    // Only to learn which secret to verify with.
    let issuer = dangerous::insecure_decode::<Claims>(token)
        .map_err(|_| TokenError::Malformed)?
        .claims
        .iss;
    let secret = keys.secret(&issuer).ok_or(TokenError::UnknownKey)?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false; // below, by the time that is passed in
    validation.validate_aud = false;
    let claims = decode::<Claims>(
        token,
        &DecodingKey::from_secret(secret.as_bytes()),
        &validation,
    )
    .map_err(|_| TokenError::BadSignature)?
    .claims;
    if claims.exp.saturating_add(LEEWAY_S) < now_s {
        return Err(TokenError::Expired);
    }
    if claims.nbf.unwrap_or(0).saturating_sub(LEEWAY_S) > now_s {
        return Err(TokenError::TooEarly);
    }
    Ok(claims)
}

impl Claims {
    /// What the token lets its holder do.
    ///
    /// # Errors
    ///
    /// When the identity is missing, or a text exceeds its limit.
    pub fn grants(self) -> Result<Grants, TokenError> {
        if self.sub.is_empty() || self.sub.len() > limits::IDENTITY_BYTES {
            return Err(TokenError::BadIdentity);
        }
        let attributes_bytes: usize = self
            .attributes
            .iter()
            .map(|(key, value)| key.len() + value.len())
            .sum();
        let too_long = [
            ("name", self.name.len() > limits::NAME_BYTES),
            ("room", self.video.room.len() > limits::IDENTITY_BYTES),
            (
                "metadata",
                self.metadata.len() + attributes_bytes > limits::METADATA_BYTES,
            ),
            (
                "room's metadata",
                self.room_config
                    .as_ref()
                    .is_some_and(|config| config.metadata.len() > limits::METADATA_BYTES),
            ),
        ];
        if let Some((what, _)) = too_long.into_iter().find(|(_, is)| *is) {
            return Err(TokenError::TooLong(what));
        }
        let role = self.role();
        let video = self.video;
        // Once sources are listed, the list alone decides.
        let sources: Vec<Source> = video
            .can_publish_sources
            .iter()
            .filter_map(|name| source(name))
            .collect();
        let can_publish = if video.can_publish_sources.is_empty() {
            video.can_publish.unwrap_or(true)
        } else {
            !sources.is_empty()
        };
        Ok(Grants {
            identity: self.sub,
            name: self.name,
            room: video.room,
            role,
            can_join: video.room_join,
            can_publish,
            can_subscribe: video.can_subscribe.unwrap_or(true),
            can_publish_data: video.can_publish_data.unwrap_or(can_publish),
            can_update_own_metadata: video.can_update_own_metadata.unwrap_or(false),
            can_publish_sources: sources,
            hidden: video.hidden,
            metadata: self.metadata,
            attributes: self.attributes,
            kind: kind(&self.kind),
            recorder: video.recorder,
            agent: video.agent,
            rooms: RoomRights {
                create: video.room_create,
                list: video.room_list,
                admin: video.room_admin,
                destination: video.destination_room,
            },
            room_config: self.room_config.map(RoomConfigClaim::config),
            valid_since: self.nbf.unwrap_or(0),
        })
    }

    /// Our own claim decides; a LiveKit application says it by `roomAdmin`.
    #[must_use]
    pub fn role(&self) -> Role {
        let host = match &self.plenary {
            Some(claim) => claim.role == Role::Host.as_str(),
            None => self.video.room_admin,
        };
        if host { Role::Host } else { Role::Participant }
    }

    /// Claims that carry the same grants on.
    #[must_use]
    pub fn from_grants(grants: &Grants) -> Self {
        Self {
            sub: grants.identity.clone(),
            name: grants.name.clone(),
            video: Video {
                room: grants.room.clone(),
                room_join: grants.can_join,
                room_admin: grants.rooms.admin,
                room_create: grants.rooms.create,
                room_list: grants.rooms.list,
                destination_room: grants.rooms.destination.clone(),
                can_publish: Some(grants.can_publish),
                can_subscribe: Some(grants.can_subscribe),
                can_publish_data: Some(grants.can_publish_data),
                can_update_own_metadata: Some(grants.can_update_own_metadata),
                can_publish_sources: grants
                    .can_publish_sources
                    .iter()
                    .filter_map(|source| source_name(*source))
                    .map(str::to_owned)
                    .collect(),
                hidden: grants.hidden,
                recorder: grants.recorder,
                agent: grants.agent,
            },
            metadata: grants.metadata.clone(),
            attributes: grants.attributes.clone(),
            kind: if grants.kind == Kind::Standard {
                String::new()
            } else {
                grants.kind.as_str().to_owned()
            },
            room_config: grants.room_config.as_ref().map(RoomConfigClaim::of),
            plenary: Some(PlenaryClaim {
                role: grants.role.as_str().to_owned(),
            }),
            ..Self::default()
        }
    }

    /// Someone who may do in `room` what people do in meetings.
    #[must_use]
    pub fn join(room: &str, identity: &str, name: &str, role: Role) -> Self {
        Self::from_grants(&Grants {
            identity: identity.to_owned(),
            name: name.to_owned(),
            room: room.to_owned(),
            role,
            can_join: true,
            can_publish: true,
            can_subscribe: true,
            can_publish_data: true,
            rooms: RoomRights {
                admin: role == Role::Host,
                ..RoomRights::default()
            },
            ..Grants::default()
        })
    }

    /// Signs with the server's own key.
    ///
    /// # Errors
    ///
    /// When the claims cannot be written as JSON, which no claims of ours cause.
    pub fn sign(
        self,
        keys: &Keys,
        now_s: i64,
        ttl_s: i64,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        self.sign_by(keys, None, now_s, ttl_s)
    }

    /// Signs with one of the server's keys: the one named, or its own.
    ///
    /// # Errors
    ///
    /// As [`Claims::sign`].
    pub fn sign_by(
        mut self,
        keys: &Keys,
        key: Option<&str>,
        now_s: i64,
        ttl_s: i64,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let named = key.and_then(|key| Some((key, keys.secret(key)?)));
        let (key, secret) = named.unwrap_or_else(|| keys.signing());
        key.clone_into(&mut self.iss);
        self.nbf = Some(now_s);
        self.exp = now_s.saturating_add(ttl_s);
        encode(
            &Header::new(Algorithm::HS256),
            &self,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
    }
}

/// A host token: proves who made the meeting. It opens no session by itself.
#[must_use]
pub fn host_claims(meeting: &str, host: &str) -> Claims {
    Claims {
        sub: host.to_owned(),
        video: Video {
            room: meeting.to_owned(),
            room_admin: true,
            ..Video::default()
        },
        plenary: Some(PlenaryClaim {
            role: Role::Host.as_str().to_owned(),
        }),
        ..Claims::default()
    }
}

fn source(name: &str) -> Option<Source> {
    match name.to_ascii_lowercase().as_str() {
        "camera" => Some(Source::Camera),
        "microphone" => Some(Source::Microphone),
        "screen_share" => Some(Source::ScreenShare),
        "screen_share_audio" => Some(Source::ScreenShareAudio),
        _ => None,
    }
}

/// What we have never heard of takes part like everybody else.
fn kind(name: &str) -> Kind {
    Kind::ALL
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(name))
        .unwrap_or_default()
}

const fn source_name(source: Source) -> Option<&'static str> {
    match source {
        Source::Unknown => None,
        Source::Camera => Some("camera"),
        Source::Microphone => Some("microphone"),
        Source::ScreenShare => Some("screen_share"),
        Source::ScreenShareAudio => Some("screen_share_audio"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn signed(claims: &serde_json::Value, secret: &str) -> String {
        encode(
            &Header::default(),
            claims,
            &EncodingKey::from_secret(secret.as_bytes()),
        )
        .unwrap()
    }

    fn grants(video: serde_json::Value) -> Grants {
        let claims = serde_json::json!({
            "iss": "devkey", "sub": "ann", "exp": NOW + 60, "video": video, "sip": {"admin": true},
        });
        verify(&Keys::dev(), &signed(&claims, "secret"), NOW)
            .unwrap()
            .grants()
            .unwrap()
    }

    #[test]
    fn absent_rights_are_given_but_for_metadata() {
        let given = grants(serde_json::json!({"roomJoin": true, "room": "r"}));
        assert!(given.can_join && given.can_publish && given.can_subscribe);
        assert!(given.can_publish_data && !given.can_update_own_metadata);
        assert_eq!(given.role, Role::Participant);
        let refused = grants(serde_json::json!({"canPublish": false, "canSubscribe": false}));
        assert!(!refused.can_join && !refused.can_publish && !refused.can_subscribe);
    }

    #[test]
    fn listed_sources_decide_alone() {
        let some =
            grants(serde_json::json!({"canPublish": false, "canPublishSources": ["microphone"]}));
        assert!(some.can_publish);
        assert_eq!(some.can_publish_sources, [Source::Microphone]);
        let unknown = grants(serde_json::json!({"canPublishSources": ["smell"]}));
        assert!(!unknown.can_publish);
    }

    #[test]
    fn grants_survive_a_refresh() {
        let before = Claims::join("abc-defg-hij", "ann", "Ann", Role::Host);
        let token = before.clone().sign(&Keys::dev(), NOW, 60).unwrap();
        let after = verify(&Keys::dev(), &token, NOW).unwrap();
        let renewed = Grants {
            valid_since: NOW,
            ..before.grants().unwrap()
        };
        assert_eq!(after.grants().unwrap(), renewed);
    }

    #[test]
    fn everything_in_a_token_survives_a_refresh() {
        let claims = serde_json::json!({
            "iss": "devkey", "sub": "ann", "nbf": NOW, "exp": NOW + 60, "name": "Ann", "metadata": "m",
            "attributes": {"a": "b"}, "kind": "agent",
            "roomConfig": {"maxParticipants": 7, "empty_timeout": 9, "agents": [{"agentName": "x"}]},
            "video": {
                "room": "r", "roomJoin": true, "roomCreate": true, "roomList": true,
                "roomAdmin": true, "destinationRoom": "s", "hidden": true, "recorder": true,
                "agent": true, "canPublishSources": ["camera"], "canSubscribe": false,
                "canUpdateOwnMetadata": true,
            },
        });
        let before = verify(&Keys::dev(), &signed(&claims, "secret"), NOW)
            .unwrap()
            .grants()
            .unwrap();
        let config = before.room_config.clone().unwrap();
        assert_eq!((config.max_participants, config.empty_timeout), (7, 9));
        assert_eq!(before.kind, Kind::Agent);
        assert_eq!(before.rooms.destination, "s");
        let token = Claims::from_grants(&before)
            .sign(&Keys::dev(), NOW, 60)
            .unwrap();
        let after = verify(&Keys::dev(), &token, NOW).unwrap().grants().unwrap();
        assert_eq!(after, before);
    }

    #[test]
    fn bad_tokens_are_told_apart() {
        let keys = Keys::dev();
        let claims = |iss: &str, exp: i64, nbf: i64| serde_json::json!({"iss": iss, "sub": "ann", "exp": exp, "nbf": nbf});
        let verified = |token: &str| verify(&keys, token, NOW).map(|_| ());
        assert_eq!(verified(""), Err(TokenError::Missing));
        assert_eq!(verified("a.b.c"), Err(TokenError::Malformed));
        assert_eq!(
            verified(&"a".repeat(TOKEN_BYTES + 1)),
            Err(TokenError::Malformed)
        );
        let foreign = signed(&claims("other", NOW + 9, 0), "secret");
        assert_eq!(verified(&foreign), Err(TokenError::UnknownKey));
        let forged = signed(&claims("devkey", NOW + 9, 0), "guess");
        assert_eq!(verified(&forged), Err(TokenError::BadSignature));
        let old = signed(&claims("devkey", NOW - LEEWAY_S - 1, 0), "secret");
        assert_eq!(verified(&old), Err(TokenError::Expired));
        let early = signed(&claims("devkey", NOW + 999, NOW + LEEWAY_S + 1), "secret");
        assert_eq!(verified(&early), Err(TokenError::TooEarly));
        // No signature at all (RFC 8725 §2.1).
        let body = forged.split('.').nth(1).unwrap();
        assert!(verified(&format!("eyJhbGciOiJub25lIn0.{body}.")).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_only_refused(text in ".*") {
            prop_assert!(verify(&Keys::dev(), &text, NOW).is_err());
        }
    }
}
