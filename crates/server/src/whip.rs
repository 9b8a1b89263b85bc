//! The open standards for publishing and watching by HTTP: WHIP (RFC 9725) at
//! `/whip`, WHEP (draft-ietf-wish-whep) at `/whep`. The room is that of the
//! token. One offer, one answer; we are ICE-lite and reachable from the start,
//! so there is nothing to trickle, and a session can't be changed.

use axum::{
    Router,
    body::Body,
    extract::{DefaultBodyLimit, Path, State, rejection::StringRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{delete, post},
};
use control::{
    Answer, Question,
    whip::{Entered, Entry, NoEntry, Way},
};
use protocol::limits::BODY_BYTES;

use crate::{
    app::{App, Shared},
    signal::{Refusal, authorize, bearer, cross_origin, may_enter, refuse},
};

const SDP: &str = "application/sdp";

/// Seconds after which a viewer may look again whether somebody publishes.
const LOOK_AGAIN_S: &str = "2";

/// `/whip`, `/whep`, and the sessions below them.
pub fn router() -> Router<Shared> {
    let sessions = delete(quit)
        .options(preflight)
        .patch(unchangeable)
        .fallback(not_allowed);
    Router::new()
        .route("/whip", post(publish).options(preflight))
        .route("/whep", post(watch).options(preflight))
        .route("/whip/{sid}", sessions.clone())
        .route("/whep/{sid}", sessions)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
}

type Offer = Result<String, StringRejection>;

async fn publish(State(app): State<Shared>, headers: HeaderMap, offer: Offer) -> Response {
    respond(&app, enter(&app, Way::Publish, &headers, offer).await)
}

async fn watch(State(app): State<Shared>, headers: HeaderMap, offer: Offer) -> Response {
    respond(&app, enter(&app, Way::Watch, &headers, offer).await)
}

async fn enter(
    app: &App,
    way: Way,
    headers: &HeaderMap,
    offer: Offer,
) -> Result<Response, Refusal> {
    let grants = authorize(app, bearer(headers))?;
    if !is_sdp(headers) {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be an offer: send it with `Content-Type: application/sdp`",
        ));
    }
    let offer = offer.map_err(|error| Refusal::new(error.status(), error.body_text()))?;
    may_enter(app, &grants.room).await?;
    let entry = Entry { grants, way, offer };
    match app.control.ask(Question::Enter(Box::new(entry))).await {
        Ok(Answer::Entered(Ok(entered))) => Ok(created(way, entered)),
        Ok(Answer::Entered(Err(why))) => Err(no_entry(&why)),
        Ok(_) | Err(_) => Err(out_of_order()),
    }
}

fn is_sdp(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(SDP))
}

/// RFC 9725 §4.2: 201, the answer, and where the session can be ended.
fn created(way: Way, entered: Entered) -> Response {
    let below = match way {
        Way::Publish => "/whip",
        Way::Watch => "/whep",
    };
    let headers = [
        (header::CONTENT_TYPE, SDP.to_owned()),
        (header::LOCATION, format!("{below}/{}", entered.sid)),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "location".to_owned()),
    ];
    (StatusCode::CREATED, headers, entered.answer).into_response()
}

fn no_entry(why: &NoEntry) -> Refusal {
    let status = match why {
        NoEntry::Forbidden(_) => StatusCode::FORBIDDEN,
        NoEntry::Malformed(_) => StatusCode::BAD_REQUEST,
        NoEntry::Unanswerable(_) => StatusCode::UNPROCESSABLE_ENTITY,
        NoEntry::Full => StatusCode::SERVICE_UNAVAILABLE,
        NoEntry::NothingToWatch => StatusCode::CONFLICT,
        NoEntry::NoRoom => StatusCode::NOT_FOUND,
    };
    Refusal::new(status, why)
}

fn out_of_order() -> Refusal {
    Refusal::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "the server is stopping or has failed",
    )
}

/// RFC 9725 §4.2: ends the session; by the token that began it.
async fn quit(State(app): State<Shared>, headers: HeaderMap, Path(sid): Path<String>) -> Response {
    let grants = match authorize(&app, bearer(&headers)) {
        Ok(grants) => grants,
        Err(refusal) => return respond(&app, Err(refusal)),
    };
    let question = Question::Quit {
        room: grants.room,
        identity: grants.identity,
        sid,
    };
    let quit = match app.control.ask(question).await {
        Ok(Answer::Quit { found: true }) => Ok(StatusCode::OK.into_response()),
        Ok(Answer::Quit { found: false }) => Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "there is no such session of this token's participant",
        )),
        Ok(_) | Err(_) => Err(out_of_order()),
    };
    respond(&app, quit)
}

fn respond(app: &App, done: Result<Response, Refusal>) -> Response {
    let mut response = match done {
        Ok(response) => cross_origin(response),
        Err(refusal) => refuse(app, &refusal),
    };
    let wait = match response.status() {
        StatusCode::CONFLICT | StatusCode::SERVICE_UNAVAILABLE => Some(LOOK_AGAIN_S),
        _ => None,
    };
    if let Some(wait) = wait {
        let wait = HeaderValue::from_static(wait);
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    response
}

/// What a page of another origin asks before it sends a token.
async fn preflight() -> Response {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST, DELETE, PATCH"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, if-match",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        // RFC 9725 §4.2 asks for it.
        (header::HeaderName::from_static("accept-post"), SDP),
    ];
    cross_origin((StatusCode::NO_CONTENT, allowed).into_response())
}

/// RFC 9725 §4.3: for a server with neither trickled candidates nor restarts.
async fn unchangeable() -> Response {
    let text = "nothing needs to be trickled, and a session can't be changed: begin a new one";
    cross_origin((StatusCode::NOT_IMPLEMENTED, text).into_response())
}

async fn not_allowed() -> Response {
    let allow = [(header::ALLOW, "DELETE, PATCH, OPTIONS")];
    cross_origin((StatusCode::METHOD_NOT_ALLOWED, allow, Body::empty()).into_response())
}
