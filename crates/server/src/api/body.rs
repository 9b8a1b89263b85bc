//! What requests may hold, parsed and checked against the limits.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{StatusCode, header},
};
use protocol::limits;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::Problem;

/// A JSON body. Unlike axum's own extractor it takes an empty body as an empty
/// object, and refuses with problem documents.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(unreadable)?;
        if bytes.is_empty() {
            return parse(b"{}");
        }
        // A page of another origin cannot send this type without asking first.
        if !json {
            return Err(Problem::NotJson);
        }
        parse(&bytes)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<Body<T>, Problem> {
    // Serde would also take an array, of the fields in their order.
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(bytes).map_err(|error| Problem::MalformedBody(error.to_string()))?;
    serde_json::from_value(object.into())
        .map(Body)
        .map_err(|error| Problem::MalformedBody(error.to_string()))
}

fn unreadable(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::BodyTooLarge
    } else {
        Problem::MalformedBody(rejection.body_text())
    }
}

/// A new meeting.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(super) struct NewMeeting {
    /// At most 200 bytes.
    pub(super) title: Option<String>,
    /// Whoever joins must know it. At most 128 bytes.
    pub(super) passcode: Option<String>,
    /// Kept as it is and given to everybody who asks for the meeting.
    #[schema(value_type = Option<Object>)]
    pub(super) settings: Option<serde_json::Map<String, serde_json::Value>>,
    /// When it is planned to begin.
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) start_time: Option<OffsetDateTime>,
}

/// What was made.
#[derive(Serialize, ToSchema)]
pub(super) struct Created {
    #[schema(example = "abc-defg-hij")]
    pub(super) id: String,
    /// The link to pass on.
    pub(super) url: String,
    /// Keep it: it proves that you are the host.
    pub(super) host_token: String,
}

/// What everybody with the link may know.
#[derive(Serialize, ToSchema)]
pub(super) struct Facts {
    #[schema(example = "abc-defg-hij")]
    pub(super) id: String,
    pub(super) title: String,
    pub(super) passcode_required: bool,
    #[schema(value_type = Object)]
    pub(super) settings: serde_json::Value,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) start_time: Option<OffsetDateTime>,
    pub(super) ended: bool,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(super) ended_at: Option<OffsetDateTime>,
    /// How many people are in it now.
    pub(super) participants: usize,
}

/// Someone wants in.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(super) struct JoinRequest {
    /// To be shown to the others. At most 256 bytes.
    #[schema(required)]
    pub(super) name: String,
    pub(super) passcode: Option<String>,
    /// Makes the participant the host, whatever the passcode.
    pub(super) host_token: Option<String>,
    /// The `token` of an earlier join of the same person. While it is good, the
    /// new join takes the place of the old one, and needs no passcode again.
    pub(super) previous_token: Option<String>,
}

/// Leave to enter.
#[derive(Serialize, ToSchema)]
pub(super) struct Joined {
    /// For LiveKit clients, together with the token.
    #[schema(example = "wss://meet.example.org")]
    pub(super) url: String,
    pub(super) token: String,
    pub(super) identity: String,
    /// `host` or `participant`.
    #[schema(example = "participant")]
    pub(super) role: &'static str,
}

/// Who is in the meeting now.
#[derive(Serialize, ToSchema)]
pub(super) struct Participants {
    pub(super) participants: Vec<Present>,
}

/// One person who is in the meeting.
#[derive(Serialize, ToSchema)]
pub(super) struct Present {
    /// The `PA_…` id of this stay.
    pub(super) id: String,
    pub(super) identity: String,
    pub(super) name: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) joined_at: OffsetDateTime,
}

/// What ending the meeting did.
#[derive(Serialize, ToSchema)]
pub(super) struct Ended {
    /// How many people were asked to leave.
    pub(super) participants: usize,
}

/// A line that is shown to people: without space around it, control
/// characters, or more than `limit` bytes.
pub(super) fn line(field: &'static str, text: &str, limit: usize) -> Result<String, Problem> {
    let text = text.trim();
    let cause = if text.len() > limit {
        format!("it is longer than {limit} bytes of UTF-8")
    } else if text.chars().any(char::is_control) {
        "it has control characters".to_owned()
    } else {
        return Ok(text.to_owned());
    };
    Err(Problem::InvalidField { field, cause })
}

/// A passcode; one that is empty is none.
pub(super) fn passcode(text: Option<String>) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.len() > limits::PASSCODE_BYTES => Err(Problem::InvalidField {
            field: "passcode",
            cause: format!(
                "it is longer than {} bytes of UTF-8",
                limits::PASSCODE_BYTES
            ),
        }),
        Some(text) if text.is_empty() => Ok(None),
        other => Ok(other),
    }
}

/// Unix milliseconds as a date; out of range becomes 1970.
pub(super) fn date(unix_ms: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
