//! Every "no" of the REST API: a problem document (RFC 9457) with a stable
//! type, the cause and the remedy.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::limits;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    control_thread::ControlGone, passcode::HashError, store::StoreError, token::TokenError,
};

/// Why a request is not done.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("The body is not what this request takes: {0}. See /api/v1/openapi.json.")]
    MalformedBody(String),
    #[error("The body is longer than {} bytes. Send less.", limits::BODY_BYTES)]
    BodyTooLarge,
    #[error("The body must be JSON: send it with `Content-Type: application/json`.")]
    NotJson,
    #[error("`{field}` is not valid: {cause}.")]
    InvalidField { field: &'static str, cause: String },
    #[error("There is no meeting with this id. Check the link.")]
    NoSuchMeeting,
    #[error("The meeting was ended by its host. Ask for a new link.")]
    MeetingEnded,
    #[error("This meeting needs a passcode. Send it as `passcode`.")]
    PasscodeRequired,
    #[error("The passcode is wrong. Ask whoever invited you.")]
    WrongPasscode,
    #[error(
        "Too many wrong passcodes: {} a minute are allowed. Wait {} s and try again.",
        limits::PASSCODE_TRIES_PER_MINUTE,
        whole_seconds(.0)
    )]
    TooManyTries(Duration),
    #[error("This needs the meeting's host token as `Authorization: Bearer`.")]
    HostTokenMissing,
    #[error("The host token is not accepted: {0}.")]
    HostTokenInvalid(TokenError),
    #[error("The token is not one of this meeting's host.")]
    NotHost,
    #[error("Too many requests are waiting. Try again in a moment.")]
    Busy,
    #[error("The store does not answer. Live meetings go on; try again in a moment.")]
    StoreUnavailable,
    #[error("The server is stopping or has failed. Try again in a moment.")]
    Unavailable,
    #[error("There is nothing here. See /api/v1/openapi.json.")]
    NoSuchResource,
    #[error("This resource has no such method. See /api/v1/openapi.json.")]
    MethodNotAllowed,
}

/// How a problem looks to the client (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(super) struct ProblemDocument {
    /// A stable name, like `urn:plenary:problem:wrong-passcode`.
    #[serde(rename = "type")]
    #[schema(example = "urn:plenary:problem:wrong-passcode")]
    pub kind: String,
    /// The same for every problem of the type.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What went wrong this time, and what helps.
    pub detail: String,
}

/// Marks a response as a problem, for the metrics.
#[derive(Clone, Copy, Debug)]
pub struct ProblemKind(pub &'static str);

fn whole_seconds(time: &Duration) -> u64 {
    time.as_millis()
        .div_ceil(1_000)
        .try_into()
        .unwrap_or(u64::MAX)
}

impl Problem {
    /// Status, name and title.
    const fn facts(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::MalformedBody(_) => (StatusCode::BAD_REQUEST, "malformed-body", "Malformed body"),
            Self::BodyTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "body-too-large",
                "Body too large",
            ),
            Self::NotJson => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json", "Not JSON"),
            Self::InvalidField { .. } => {
                (StatusCode::BAD_REQUEST, "invalid-field", "Invalid field")
            }
            Self::NoSuchMeeting => (StatusCode::NOT_FOUND, "no-such-meeting", "No such meeting"),
            Self::MeetingEnded => (StatusCode::GONE, "meeting-ended", "Meeting ended"),
            Self::PasscodeRequired => (
                StatusCode::FORBIDDEN,
                "passcode-required",
                "Passcode required",
            ),
            Self::WrongPasscode => (StatusCode::FORBIDDEN, "wrong-passcode", "Wrong passcode"),
            Self::TooManyTries(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-tries",
                "Too many wrong passcodes",
            ),
            Self::HostTokenMissing => (
                StatusCode::UNAUTHORIZED,
                "host-token-required",
                "Host token required",
            ),
            Self::HostTokenInvalid(_) => (
                StatusCode::UNAUTHORIZED,
                "host-token-invalid",
                "Host token not accepted",
            ),
            Self::NotHost => (StatusCode::FORBIDDEN, "not-host", "Not the host"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy", "Busy"),
            Self::StoreUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "store-unavailable",
                "Store unavailable",
            ),
            Self::Unavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "Unavailable",
            ),
            Self::NoSuchResource => (
                StatusCode::NOT_FOUND,
                "no-such-resource",
                "No such resource",
            ),
            Self::MethodNotAllowed => (
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "Method not allowed",
            ),
        }
    }

    /// When to try again, in seconds.
    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyTries(wait) => Some(whole_seconds(wait).max(1)),
            Self::Busy | Self::StoreUnavailable | Self::Unavailable => Some(1),
            Self::MalformedBody(_)
            | Self::BodyTooLarge
            | Self::NotJson
            | Self::InvalidField { .. }
            | Self::NoSuchMeeting
            | Self::MeetingEnded
            | Self::PasscodeRequired
            | Self::WrongPasscode
            | Self::HostTokenMissing
            | Self::HostTokenInvalid(_)
            | Self::NotHost
            | Self::NoSuchResource
            | Self::MethodNotAllowed => None,
        }
    }

    pub async fn no_such_resource() -> Self {
        Self::NoSuchResource
    }

    pub async fn method_not_allowed() -> Self {
        Self::MethodNotAllowed
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, name, title) = self.facts();
        let document = ProblemDocument {
            kind: format!("urn:plenary:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: self.to_string(),
        };
        let mut response = (status, axum::Json(document)).into_response();
        response.extensions_mut().insert(ProblemKind(name));
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store failed");
        Self::StoreUnavailable
    }
}

impl From<ControlGone> for Problem {
    fn from(error: ControlGone) -> Self {
        tracing::error!(%error, "question not answered");
        Self::Unavailable
    }
}

impl From<HashError> for Problem {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Failed => Self::Unavailable,
        }
    }
}

impl From<jsonwebtoken::errors::Error> for Problem {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        tracing::error!(%error, "a token cannot be made");
        Self::Unavailable
    }
}
