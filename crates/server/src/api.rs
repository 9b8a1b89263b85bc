//! The REST API for meetings: routes and the OpenAPI document.

mod body;
mod meetings;
mod problem;

use axum::{
    Json, Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};
use protocol::limits::BODY_BYTES;
use utoipa::OpenApi;

use crate::app::Shared;
pub use problem::{Problem, ProblemKind};

/// Describes the API; the routes are in [`router`].
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Plenary",
        description = "Meetings: make one, join it, end it. Media and signalling are at /rtc/v1 and /rtc."
    ),
    paths(
        meetings::create,
        meetings::show,
        meetings::join,
        meetings::end,
        meetings::participants
    ),
    modifiers(&BearerToken)
)]
struct Document;

struct BearerToken;

impl utoipa::Modify for BearerToken {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some("The host token that came with the new meeting"))
            .build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("host_token", SecurityScheme::Http(scheme));
    }
}

/// The OpenAPI document as JSON.
///
/// # Errors
/// When it can't be written as JSON, which would be a mistake in its types.
pub fn document() -> Result<String, serde_json::Error> {
    Document::openapi().to_pretty_json()
}

/// Everything below `/api`.
pub fn router() -> Router<Shared> {
    let meetings = Router::new()
        .route("/", post(meetings::create))
        .route("/{id}", get(meetings::show))
        .route("/{id}/join", post(meetings::join))
        .route("/{id}/end", post(meetings::end))
        .route("/{id}/participants", get(meetings::participants));
    Router::new()
        .nest("/api/v1/meetings", meetings)
        .route("/api/v1/meetings/", post(meetings::create))
        .route(
            "/api/v1/openapi.json",
            get(|| async { Json(Document::openapi()) }),
        )
        .route("/api", get(Problem::no_such_resource))
        .route(
            "/api/{*rest}",
            axum::routing::any(Problem::no_such_resource),
        )
        .method_not_allowed_fallback(Problem::method_not_allowed)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}
