//! LiveKit's server API: `POST /twirp/livekit.RoomService/<Method>`. Reads the
//! request, checks what its token allows, and asks control. Decides nothing.

mod error;
mod json;
mod request;

use std::time::Duration;

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use bytes::Bytes;
use control::{
    Answer, Question,
    admin::{self, Reply},
};
use livekit_protocol as proto;
use prost::Message;
use protocol::limits;
use serde::Serialize;
use tokio::time::timeout;

use crate::{
    app::{App, Shared},
    clock,
    signal::bearer,
    token::verify,
};
use error::{Code, Error};
use request::Asked;

const SERVICE: &str = "livekit.RoomService";

/// A body that does not come within this is not waited for.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// Control answers within [`limits::RPC_WAIT`], or has failed.
const ANSWER_TIMEOUT: Duration = limits::RPC_WAIT.saturating_add(Duration::from_secs(5));

/// Everything below `/twirp`.
pub fn router() -> Router<Shared> {
    Router::new().route("/twirp/{*call}", any(call))
}

/// How the bodies of one exchange are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    Json,
    Protobuf,
}

impl Form {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        match kind.split(';').next()?.trim().to_ascii_lowercase().as_str() {
            "application/json" => Some(Self::Json),
            "application/protobuf" => Some(Self::Protobuf),
            _ => None,
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/protobuf",
        }
    }
}

async fn call(State(app): State<Shared>, Path(path): Path<String>, request: Request) -> Response {
    if request.method() == Method::OPTIONS {
        return preflight();
    }
    let answer = handle(&app, &path, request).await;
    finish(answer.unwrap_or_else(IntoResponse::into_response))
}

/// What a page of another origin asks before it sends a token.
fn preflight() -> Response {
    let allowed = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type, x-livekit-request-id",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
    ];
    finish((StatusCode::NO_CONTENT, allowed).into_response())
}

fn finish(mut response: Response) -> Response {
    response.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    response
}

async fn handle(app: &App, path: &str, request: Request) -> Result<Response, Error> {
    let (service, method) = path.split_once('/').unwrap_or((path, ""));
    if request.method() != Method::POST {
        return Err(Error::bad_route("the server API takes POST only"));
    }
    if service != SERVICE {
        return Err(if service.starts_with("livekit.") {
            Error::new(Code::Unimplemented, "this service is not offered here")
        } else {
            Error::bad_route("there is no such service")
        });
    }
    let headers = request.headers();
    let form = Form::of(headers).ok_or_else(|| {
        Error::bad_route("the Content-Type has to be application/json or application/protobuf")
    })?;
    // Before the body: a stranger's is not read.
    let token = bearer(headers).unwrap_or_default();
    let claims = verify(&app.settings.keys, token, clock::unix_s())
        .map_err(|error| Error::new(Code::Unauthenticated, error.to_string()))?;
    let body = read(request.into_body()).await?;
    let asked = Asked::parse(method, form, &body)?;
    asked.check(&claims.video)?;
    let before = with_meetings(app, &asked.0).await?;
    let reply = ask(app, asked.0).await;
    let reply = match (reply, before) {
        // Its meeting was there to end, though nobody was in it.
        (Err(error), Ended::Meeting) if error.code == Code::NotFound => Reply::Done,
        (reply, _) => reply?,
    };
    Ok(write(method, form, reply))
}

async fn read(body: Body) -> Result<Bytes, Error> {
    match timeout(BODY_TIMEOUT, to_bytes(body, limits::ADMIN_BODY_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(Error::new(
            Code::InvalidArgument,
            format!(
                "the body broke off, or is longer than {} bytes",
                limits::ADMIN_BODY_BYTES
            ),
        )),
        Err(_) => Err(Error::new(
            Code::DeadlineExceeded,
            "the body did not come in time",
        )),
    }
}

/// What became of the meeting of a room.
enum Ended {
    Nothing,
    Meeting,
}

/// A meeting and its room go together: a deleted room is an ended meeting, and an
/// ended meeting has no room.
async fn with_meetings(app: &App, request: &admin::Request) -> Result<Ended, Error> {
    use admin::Request;
    let opened = match request {
        Request::CreateRoom(request) => &request.name,
        Request::MoveParticipant(request) => &request.destination_room,
        Request::ForwardParticipant(request) => &request.destination_room,
        Request::DeleteRoom(request) => {
            let meeting = app.store.meeting(&request.room).await?;
            if meeting.is_none_or(|meeting| meeting.ended_at.is_some()) {
                return Ok(Ended::Nothing);
            }
            // First on disk, so that nobody comes in while the others go out.
            app.store.end(&request.room, clock::unix_ms()).await?;
            return Ok(Ended::Meeting);
        }
        Request::ListRooms(_)
        | Request::ListParticipants(_)
        | Request::GetParticipant(_)
        | Request::RemoveParticipant(_)
        | Request::MutePublishedTrack(_)
        | Request::UpdateParticipant(_)
        | Request::UpdateSubscriptions(_)
        | Request::SendData(_)
        | Request::UpdateRoomMetadata(_)
        | Request::PerformRpc(_) => return Ok(Ended::Nothing),
    };
    match app.store.meeting(opened).await? {
        Some(meeting) if meeting.ended_at.is_some() => Err(Error::new(
            Code::FailedPrecondition,
            "the meeting of this room has ended",
        )),
        Some(_) | None => Ok(Ended::Nothing),
    }
}

async fn ask(app: &App, request: admin::Request) -> Result<Reply, Error> {
    let asked = timeout(
        ANSWER_TIMEOUT,
        app.control.ask(Question::Admin(Box::new(request))),
    )
    .await;
    match asked {
        Ok(Ok(Answer::Admin(outcome))) => Ok(outcome?),
        Ok(
            Ok(
                Answer::Participants(_)
                | Answer::Ended { .. }
                | Answer::Counts { .. }
                | Answer::Door { .. }
                | Answer::Entered(_)
                | Answer::Quit { .. },
            )
            | Err(_),
        )
        | Err(_) => Err(Error::new(
            Code::Unavailable,
            "the server is stopping, or the participant went away",
        )),
    }
}

fn write(method: &str, form: Form, reply: Reply) -> Response {
    match reply {
        Reply::Room(room) => encode(form, &*room, json::ROOM),
        Reply::Rooms(rooms) => encode(form, &proto::ListRoomsResponse { rooms }, json::ROOMS),
        Reply::Participant(info) => encode(form, &*info, json::PARTICIPANT),
        Reply::Participants(participants) => encode(
            form,
            &proto::ListParticipantsResponse { participants },
            json::PARTICIPANTS,
        ),
        Reply::Track(track) => {
            let track = Some(*track);
            encode(form, &proto::MuteRoomTrackResponse { track }, json::TRACK)
        }
        Reply::Payload(payload) => {
            encode(form, &proto::PerformRpcResponse { payload }, json::PAYLOAD)
        }
        Reply::Done => {
            tracing::debug!(method, "done");
            body(
                form,
                if form == Form::Json {
                    b"{}".to_vec()
                } else {
                    Vec::new()
                },
            )
        }
    }
}

fn encode<T: Message + Serialize>(form: Form, message: &T, shape: json::Shape) -> Response {
    match form {
        Form::Protobuf => body(form, message.encode_to_vec()),
        Form::Json => body(form, json::write(message, shape)),
    }
}

fn body(form: Form, bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, form.content_type())], bytes).into_response()
}
