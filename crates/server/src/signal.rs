//! LiveKit's signalling endpoint: checks token and request, then carries
//! frames between the WebSocket and control. Reads no frame itself.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::{
        Query, State, WebSocketUpgrade,
        rejection::QueryRejection,
        ws::{CloseFrame, Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use control::{Answer, Join, Question, SessionEnd};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use protocol::{
    grants::Grants,
    ids::SessionId,
    limits,
    signal::{ConnectError, Dialect, Frame},
};
use tokio::{
    sync::Semaphore,
    time::{interval, timeout},
};

use crate::{
    app::{App, Shared},
    clock,
    control_thread::{Outgoing, SessionIn, session_queue},
    metrics::{Kind, Status},
    token::{TokenError, verify},
};

/// WebSocket pings keep proxies from closing a quiet connection; the usual
/// limit is a minute.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// A client whose socket takes nothing for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// The smallest share of a connection's allowance that a frame takes, in
/// bytes, so that many empty frames are bounded too.
const FRAME_COST_MIN: usize = 512;

/// Why a connection is refused: a status and a sentence.
#[derive(Debug)]
pub struct Refusal {
    status: StatusCode,
    text: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, text: impl ToString) -> Self {
        Self {
            status,
            text: text.to_string(),
        }
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        let status = match error {
            TokenError::Missing
            | TokenError::Malformed
            | TokenError::UnknownKey
            | TokenError::BadSignature
            | TokenError::Expired
            | TokenError::TooEarly => StatusCode::UNAUTHORIZED,
            TokenError::BadIdentity | TokenError::TooLong(_) => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error)
    }
}

impl From<ConnectError> for Refusal {
    fn from(error: ConnectError) -> Self {
        let status = match &error {
            ConnectError::Malformed(_) => StatusCode::BAD_REQUEST,
            ConnectError::Forbidden(_) => StatusCode::FORBIDDEN,
            ConnectError::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self::new(status, error)
    }
}

type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// The WebSocket: `GET /rtc/v1`, and in the dual-peer dialect `GET /rtc`.
pub async fn connect(
    Extension(dialect): Extension<Dialect>,
    State(app): State<Shared>,
    headers: HeaderMap,
    query: Parameters,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let (grants, join) = match admit(&app, dialect, &headers, query).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refuse(&app, &refusal),
    };
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            return refuse(
                &app,
                &Refusal::new(rejection.status(), rejection.body_text()),
            );
        }
    };
    upgrade
        .max_message_size(limits::SIGNAL_FRAME_BYTES)
        .max_frame_size(limits::SIGNAL_FRAME_BYTES)
        .on_upgrade(move |socket| carry(app, socket, grants, join))
}

/// `GET /rtc/v1/validate` and `GET /rtc/validate`: the same checks, so that a
/// browser can learn why its WebSocket was refused.
pub async fn validate(
    Extension(dialect): Extension<Dialect>,
    State(app): State<Shared>,
    headers: HeaderMap,
    query: Parameters,
) -> Response {
    match admit(&app, dialect, &headers, query).await {
        Ok(_) => cross_origin((StatusCode::OK, "success").into_response()),
        Err(refusal) => refuse(&app, &refusal),
    }
}

/// Anything else below `/rtc`: a client that asks for a later dialect takes
/// this status for "try an older one".
pub async fn other_dialect() -> Response {
    let text = "this server speaks LiveKit's signalling at /rtc/v1 and /rtc only";
    cross_origin((StatusCode::NOT_FOUND, text).into_response())
}

pub(crate) fn refuse(app: &App, refusal: &Refusal) -> Response {
    let status = refusal.status.as_u16();
    app.metrics
        .signal_refused
        .get_or_create(&Status { status })
        .inc();
    tracing::debug!(status, reason = refusal.text, "signalling refused");
    cross_origin((refusal.status, refusal.text.clone()).into_response())
}

/// Browsers show an answer of another origin to the page only with this.
pub(crate) fn cross_origin(mut response: Response) -> Response {
    response.headers_mut().insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    response
}

async fn admit(
    app: &App,
    dialect: Dialect,
    headers: &HeaderMap,
    query: Parameters,
) -> Result<(Grants, Join), Refusal> {
    let Ok(Query(query)) = query else {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "the query cannot be read",
        ));
    };
    let parameter = query.iter().find(|(key, _)| key == "access_token");
    let token = bearer(headers).or_else(|| parameter.map(|(_, token)| token.as_str()));
    let grants = authorize(app, token)?;
    let join = Join::parse(dialect, &query)?;
    may_enter(app, &grants.room).await?;
    Ok((grants, join))
}

/// What the token allows, if it is good for a room.
pub(crate) fn authorize(app: &App, token: Option<&str>) -> Result<Grants, Refusal> {
    if app.is_stopping() {
        return Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the server is stopping",
        ));
    }
    let token = token.ok_or(TokenError::Missing)?;
    let grants = verify(&app.settings.keys, token, clock::unix_s())?.grants()?;
    if !grants.can_join {
        return Err(ConnectError::Forbidden("join a room: it has no `roomJoin`").into());
    }
    if grants.room.is_empty() {
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "the access token names no room",
        ));
    }
    Ok(grants)
}

/// Whether there is a room to enter, or there may be.
pub(crate) async fn may_enter(app: &App, room: &str) -> Result<(), Refusal> {
    if !app.settings.rooms.auto_create && !is_open(app, room).await {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "requested room does not exist",
        ));
    }
    match app.store.meeting(room).await {
        // These words of LiveKit's make its clients stop trying.
        Ok(Some(meeting)) if meeting.ended_at.is_some() => Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "requested room does not exist: the meeting has ended",
        )),
        Ok(_) => Ok(()),
        Err(error) => {
            // A live room goes on without the store.
            tracing::error!(%error, "meeting not looked up");
            Ok(())
        }
    }
}

async fn is_open(app: &App, room: &str) -> bool {
    let question = Question::Door {
        room: room.to_owned(),
    };
    matches!(
        app.control.ask(question).await,
        Ok(Answer::Door { open: true })
    )
}

/// The token in `Authorization: Bearer`.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// Why a connection ended, for the metrics and the close frame.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Control(SessionEnd),
    /// The client closed it, or the network did.
    Client,
    /// [`limits::SIGNAL_QUEUE_FRAMES`] were waiting.
    Overflow,
    /// Nothing could be written for [`WRITE_TIMEOUT`].
    WriteTimeout,
    /// Not a WebSocket message, or too large a one.
    BadMessage,
    /// The server stops.
    Stopped,
}

impl Ending {
    const fn kind(self) -> &'static str {
        match self {
            Self::Control(SessionEnd::Left) => "left",
            Self::Control(SessionEnd::Replaced) => "replaced",
            Self::Control(SessionEnd::ProtocolError) => "protocol_error",
            Self::Control(SessionEnd::Silence) => "silence",
            Self::Client => "client",
            Self::Overflow => "overflow",
            Self::WriteTimeout => "write_timeout",
            Self::BadMessage => "bad_message",
            Self::Stopped => "stopped",
        }
    }

    /// RFC 6455 §7.4.1.
    const fn code(self) -> u16 {
        match self {
            Self::Control(SessionEnd::Left | SessionEnd::Replaced) | Self::Client => 1000,
            Self::Control(SessionEnd::Silence) | Self::Stopped => 1001,
            Self::Control(SessionEnd::ProtocolError) => 1002,
            Self::Overflow | Self::WriteTimeout => 1008,
            Self::BadMessage => 1009,
        }
    }
}

async fn carry(app: Shared, socket: WebSocket, grants: Grants, join: Join) {
    let session = app.next_session();
    let (out, queue) = session_queue();
    let identity = grants.identity.clone();
    let room = grants.room.clone();
    if app.control.connect(session, grants, join, out).is_err() {
        return;
    }
    app.metrics.signal_opened.inc();
    app.metrics.signal_open.inc();
    tracing::info!(%session, room, identity, "signalling opened");
    let (sink, stream) = socket.split();
    let ending = tokio::select! {
        ending = write(sink, queue) => ending,
        ending = read(&app, session, stream) => ending,
    };
    app.control.disconnect(session);
    let kind = ending.kind();
    app.metrics.signal_open.dec();
    app.metrics
        .signal_closed
        .get_or_create(&Kind { kind })
        .inc();
    tracing::info!(%session, room, identity, reason = kind, "signalling closed");
}

/// Reads no faster than control works: what is under way is bounded by an
/// allowance in bytes, so one client cannot fill control's inbox.
async fn read(app: &App, session: SessionId, mut stream: SplitStream<WebSocket>) -> Ending {
    let allowance = Arc::new(Semaphore::new(limits::SIGNAL_FRAME_BYTES));
    while let Some(message) = stream.next().await {
        let frame = match message {
            Ok(Message::Binary(bytes)) => Frame::Binary(bytes),
            Ok(Message::Text(text)) => Frame::Text(text.as_str().to_owned()),
            // Axum answers pings itself.
            Ok(Message::Ping(_) | Message::Pong(_)) => continue,
            Ok(Message::Close(_)) => return Ending::Client,
            Err(error) => return broken(session, &error),
        };
        let length = match &frame {
            Frame::Binary(bytes) => bytes.len(),
            Frame::Text(text) => text.len(),
        };
        let cost = length.clamp(FRAME_COST_MIN, limits::SIGNAL_FRAME_BYTES);
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let Ok(permit) = allowance.clone().acquire_many_owned(cost).await else {
            return Ending::Stopped;
        };
        if app.control.frame(session, frame, permit).is_err() {
            return Ending::Stopped;
        }
    }
    Ending::Client
}

/// A connection that is cut looks the same as one that breaks the rules, but for the text.
fn broken(session: SessionId, error: &axum::Error) -> Ending {
    let text = error.to_string();
    tracing::debug!(%session, error = text, "socket failed");
    let cut = ["reset", "closed", "Broken pipe", "without closing"];
    if cut.iter().any(|words| text.contains(words)) {
        Ending::Client
    } else {
        Ending::BadMessage
    }
}

async fn write(mut sink: SplitSink<WebSocket, Message>, mut queue: SessionIn) -> Ending {
    let mut pings = interval(PING_INTERVAL);
    pings.tick().await;
    let ending = loop {
        let message = tokio::select! {
            biased;
            () = queue.overflow.notified() => break Ending::Overflow,
            outgoing = queue.frames.recv() => match outgoing {
                Some(Outgoing::Frame(Frame::Binary(bytes))) => Message::Binary(bytes),
                Some(Outgoing::Frame(Frame::Text(text))) => Message::text(text),
                Some(Outgoing::Close(end)) => break Ending::Control(end),
                None => break Ending::Stopped,
            },
            _ = pings.tick() => Message::Ping(Bytes::new()),
        };
        // What waits is worthless once the queue has overflown.
        let sent = tokio::select! {
            biased;
            () = queue.overflow.notified() => break Ending::Overflow,
            sent = timeout(WRITE_TIMEOUT, sink.send(message)) => sent,
        };
        match sent {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Ending::Client,
            Err(_) => return Ending::WriteTimeout,
        }
    };
    let close = CloseFrame {
        code: ending.code(),
        reason: ending.kind().into(),
    };
    // A last courtesy; whoever does not read misses it.
    let courtesy = async {
        sink.send(Message::Close(Some(close))).await?;
        sink.close().await
    };
    let _ = timeout(Duration::from_secs(1), courtesy).await;
    ending
}
