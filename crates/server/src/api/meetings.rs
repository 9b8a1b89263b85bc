//! Making, showing, joining and ending meetings.

use std::net::SocketAddr;

use axum::{
    Json,
    extract::{ConnectInfo, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use control::{Answer, Question};
use protocol::{
    grants::Role,
    limits,
    store::{Attendance, Meeting},
};

use super::{
    Problem,
    body::{
        Body, Created, Ended, Facts, JoinRequest, Joined, NewMeeting, Participants, Present, date,
        line, passcode,
    },
    problem::ProblemDocument,
};
use crate::{
    app::{App, Shared, is_meeting_id},
    clock,
    signal::bearer,
    store::StoreError,
    token::{Claims, HOST_TTL_S, JOIN_TTL_S, host_claims, verify},
};

/// Ids to try before giving up: a second one is needed once in 2^45 meetings.
const ID_TRIES: usize = 4;

/// Make a meeting.
#[utoipa::path(
    post, path = "/api/v1/meetings", request_body = NewMeeting,
    responses(
        (status = 201, body = Created),
        (status = 400, description = "malformed-body, invalid-field", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 413, description = "body-too-large", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 415, description = "not-json", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "busy, store-unavailable", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn create(
    State(app): State<Shared>,
    headers: HeaderMap,
    Body(new): Body<NewMeeting>,
) -> Result<Response, Problem> {
    let title = line(
        "title",
        new.title.as_deref().unwrap_or(""),
        limits::TITLE_BYTES,
    )?;
    let settings = serde_json::Value::Object(new.settings.unwrap_or_default()).to_string();
    if settings.len() > limits::SETTINGS_BYTES {
        return Err(Problem::InvalidField {
            field: "settings",
            cause: format!(
                "they are longer than {} bytes of JSON",
                limits::SETTINGS_BYTES
            ),
        });
    }
    let start_time = new
        .start_time
        .map(|time| time.unix_timestamp().saturating_mul(1_000));
    let passcode_hash = match passcode(new.passcode)? {
        Some(passcode) => Some(app.hashing.hash(passcode).await?),
        None => None,
    };
    let mut meeting = Meeting {
        meeting_id: String::new(),
        host_id: app.identity(),
        title,
        passcode_hash,
        settings_json: settings,
        created_at: clock::unix_ms(),
        start_time,
        ended_at: None,
    };
    insert(&app, &mut meeting).await?;
    let claims = host_claims(&meeting.meeting_id, &meeting.host_id);
    let url = format!("{}/m/{}", app.base_url(&headers), meeting.meeting_id);
    let created = Created {
        host_token: claims.sign(&app.settings.keys, clock::unix_s(), HOST_TTL_S)?,
        id: meeting.meeting_id,
        url: url.clone(),
    };
    Ok((
        StatusCode::CREATED,
        [(header::LOCATION, url)],
        Json(created),
    )
        .into_response())
}

async fn insert(app: &App, meeting: &mut Meeting) -> Result<(), Problem> {
    for _ in 0..ID_TRIES {
        meeting.meeting_id = app.meeting_id();
        match app.store.create(meeting).await {
            Err(StoreError::Taken) => {}
            done => return Ok(done?),
        }
    }
    Err(StoreError::Taken.into())
}

/// What everybody with the link may know of a meeting.
#[utoipa::path(
    get, path = "/api/v1/meetings/{id}",
    params(("id" = String, Path, example = "abc-defg-hij")),
    responses(
        (status = 200, body = Facts),
        (status = 404, description = "no-such-meeting", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "store-unavailable", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn show(
    State(app): State<Shared>,
    Path(id): Path<String>,
) -> Result<Json<Facts>, Problem> {
    let meeting = find(&app, &id).await?;
    let present = if meeting.ended_at.is_some() {
        0
    } else {
        present(&app, &id).await?.len()
    };
    Ok(Json(Facts {
        id: meeting.meeting_id,
        title: meeting.title,
        passcode_required: meeting.passcode_hash.is_some(),
        settings: serde_json::from_str(&meeting.settings_json).unwrap_or_default(),
        created_at: date(meeting.created_at),
        start_time: meeting.start_time.map(date),
        ended: meeting.ended_at.is_some(),
        ended_at: meeting.ended_at.map(date),
        participants: present,
    }))
}

/// Ask to enter a meeting.
#[utoipa::path(
    post, path = "/api/v1/meetings/{id}/join", request_body = JoinRequest,
    params(("id" = String, Path, example = "abc-defg-hij")),
    responses(
        (status = 200, body = Joined),
        (status = 400, description = "malformed-body, invalid-field", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 401, description = "host-token-invalid", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "passcode-required, wrong-passcode, not-host", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "no-such-meeting", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 410, description = "meeting-ended", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 429, description = "too-many-tries, with Retry-After", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "busy, store-unavailable, unavailable", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn join(
    State(app): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(request): Body<JoinRequest>,
) -> Result<Json<Joined>, Problem> {
    let name = line("name", &request.name, limits::NAME_BYTES)?;
    if name.is_empty() {
        return Err(Problem::InvalidField {
            field: "name",
            cause: "it is empty".to_owned(),
        });
    }
    let passcode = passcode(request.passcode)?;
    let meeting = find(&app, &id).await?;
    if meeting.ended_at.is_some() {
        return Err(Problem::MeetingEnded);
    }
    let host = match request.host_token.as_deref() {
        Some(token) => Some(host_of(&app, token, &id)?),
        None => None,
    };
    let previous = request
        .previous_token
        .and_then(|token| previous(&app, &token, &id));
    let (identity, role) = match (host, previous) {
        (Some(_), Some(previous)) => (previous.sub, Role::Host),
        (Some(host), None) => (host.sub, Role::Host),
        (None, Some(previous)) => (previous.sub.clone(), previous.role()),
        (None, None) => {
            let address = app.client_address(peer, &headers);
            check_passcode(&app, &meeting, passcode, address).await?;
            (app.identity(), Role::Participant)
        }
    };
    let claims = Claims::join(&id, &identity, &name, role);
    let base = app.base_url(&headers);
    Ok(Json(Joined {
        url: base.replacen("http", "ws", 1),
        token: claims.sign(&app.settings.keys, clock::unix_s(), JOIN_TTL_S)?,
        identity,
        role: role.as_str(),
    }))
}

/// End a meeting for everybody.
#[utoipa::path(
    post, path = "/api/v1/meetings/{id}/end",
    params(("id" = String, Path, example = "abc-defg-hij")),
    security(("host_token" = [])),
    responses(
        (status = 200, body = Ended),
        (status = 401, description = "host-token-required, host-token-invalid", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "not-host", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "no-such-meeting", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "store-unavailable, unavailable", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn end(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Ended>, Problem> {
    authorize(&app, &id, &headers).await?;
    // First on disk, so that nobody comes in while the others go out.
    app.store.end(&id, clock::unix_ms()).await?;
    match app.control.ask(Question::EndRoom { room: id }).await? {
        Answer::Ended { participants } => Ok(Json(Ended { participants })),
        Answer::Participants(_)
        | Answer::Counts { .. }
        | Answer::Door { .. }
        | Answer::Entered(_)
        | Answer::Quit { .. }
        | Answer::Admin(_) => Err(Problem::Unavailable),
    }
}

/// Who is in a meeting now.
#[utoipa::path(
    get, path = "/api/v1/meetings/{id}/participants",
    params(("id" = String, Path, example = "abc-defg-hij")),
    security(("host_token" = [])),
    responses(
        (status = 200, body = Participants),
        (status = 401, description = "host-token-required, host-token-invalid", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 403, description = "not-host", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 404, description = "no-such-meeting", body = ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "store-unavailable, unavailable", body = ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn participants(
    State(app): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Participants>, Problem> {
    authorize(&app, &id, &headers).await?;
    let present = present(&app, &id).await?;
    let participants = present
        .into_iter()
        .map(|stay| Present {
            id: stay.id,
            identity: stay.user_id,
            name: stay.name,
            joined_at: date(stay.joined_at),
        })
        .collect();
    Ok(Json(Participants { participants }))
}

async fn find(app: &App, id: &str) -> Result<Meeting, Problem> {
    if !is_meeting_id(id) {
        return Err(Problem::NoSuchMeeting);
    }
    app.store.meeting(id).await?.ok_or(Problem::NoSuchMeeting)
}

async fn present(app: &App, id: &str) -> Result<Vec<Attendance>, Problem> {
    let question = Question::Participants {
        room: id.to_owned(),
    };
    match app.control.ask(question).await? {
        Answer::Participants(present) => Ok(present),
        Answer::Ended { .. }
        | Answer::Counts { .. }
        | Answer::Door { .. }
        | Answer::Entered(_)
        | Answer::Quit { .. }
        | Answer::Admin(_) => Err(Problem::Unavailable),
    }
}

/// Lets only the host of an existing meeting pass.
async fn authorize(app: &App, id: &str, headers: &HeaderMap) -> Result<(), Problem> {
    let token = bearer(headers).ok_or(Problem::HostTokenMissing)?;
    host_of(app, token, id)?;
    find(app, id).await?;
    Ok(())
}

fn host_of(app: &App, token: &str, id: &str) -> Result<Claims, Problem> {
    let claims =
        verify(&app.settings.keys, token, clock::unix_s()).map_err(Problem::HostTokenInvalid)?;
    if claims.role() == Role::Host && claims.video.room == id {
        Ok(claims)
    } else {
        Err(Problem::NotHost)
    }
}

/// An earlier join of the same person. Nobody else has the token, and it
/// opens the room by itself while it lasts; so it may stand in for the passcode.
fn previous(app: &App, token: &str, id: &str) -> Option<Claims> {
    verify(&app.settings.keys, token, clock::unix_s())
        .ok()
        .filter(|claims| claims.video.room_join && claims.video.room == id)
        .filter(|claims| !claims.sub.is_empty())
}

async fn check_passcode(
    app: &App,
    meeting: &Meeting,
    passcode: Option<String>,
    address: std::net::IpAddr,
) -> Result<(), Problem> {
    let Some(hash) = meeting.passcode_hash.clone() else {
        return Ok(());
    };
    let passcode = passcode.ok_or(Problem::PasscodeRequired)?;
    let turn = app
        .tries
        .turn(address, &meeting.meeting_id, clock::now)
        .await
        .map_err(|refused| Problem::TooManyTries(refused.wait))?;
    if app.hashing.verify(passcode, hash).await? {
        return Ok(());
    }
    app.tries.wrong(turn, clock::now());
    Err(Problem::WrongPasscode)
}
