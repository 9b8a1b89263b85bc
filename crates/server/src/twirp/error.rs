//! Every "no" of the server API, as Twirp has it: a code that stands for an
//! HTTP status, a sentence, and more for programs.

use std::collections::BTreeMap;

use axum::{
    Json,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use control::admin;
use serde::Serialize;

use crate::store::StoreError;

/// Twirp's codes, as far as they are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Code {
    InvalidArgument,
    Malformed,
    BadRoute,
    NotFound,
    FailedPrecondition,
    ResourceExhausted,
    DeadlineExceeded,
    Unauthenticated,
    Unimplemented,
    Unavailable,
    Internal,
}

impl Code {
    const fn facts(self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidArgument => (StatusCode::BAD_REQUEST, "invalid_argument"),
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed"),
            Self::BadRoute => (StatusCode::NOT_FOUND, "bad_route"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::FailedPrecondition => (StatusCode::PRECONDITION_FAILED, "failed_precondition"),
            Self::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, "resource_exhausted"),
            Self::DeadlineExceeded => (StatusCode::REQUEST_TIMEOUT, "deadline_exceeded"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::Unimplemented => (StatusCode::NOT_IMPLEMENTED, "unimplemented"),
            Self::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

#[derive(Debug)]
pub(super) struct Error {
    pub(super) code: Code,
    message: String,
    meta: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Document {
    code: &'static str,
    msg: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    meta: BTreeMap<&'static str, String>,
}

impl Error {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            meta: BTreeMap::new(),
        }
    }

    pub(super) fn bad_route(message: &str) -> Self {
        Self::new(Code::BadRoute, message)
    }
}

impl From<admin::Refused> for Error {
    fn from(refused: admin::Refused) -> Self {
        let code = match refused.code {
            admin::Code::InvalidArgument => Code::InvalidArgument,
            admin::Code::NotFound => Code::NotFound,
            admin::Code::FailedPrecondition => Code::FailedPrecondition,
            admin::Code::ResourceExhausted => Code::ResourceExhausted,
            admin::Code::DeadlineExceeded => Code::DeadlineExceeded,
            admin::Code::Unavailable => Code::Unavailable,
            admin::Code::Internal => Code::Internal,
        };
        let mut error = Self::new(code, refused.message);
        if let Some((number, data)) = refused.rpc {
            error.meta.insert("rpc_code", number.to_string());
            if !data.is_empty() {
                error.meta.insert("rpc_data", data);
            }
        }
        error
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store failed");
        Self::new(Code::Unavailable, "the store does not answer")
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = self.code.facts();
        let document = Document {
            code,
            msg: self.message,
            meta: self.meta,
        };
        (status, Json(document)).into_response()
    }
}
