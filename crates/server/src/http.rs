//! All routes, and what they have in common: limits, headers, counting.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{any, get},
};
use control::Question;
use futures_util::{FutureExt, future::join_all};
use protocol::{limits, signal::Dialect};
use tokio::time::timeout;

use crate::{
    api,
    app::{App, Shared},
    metrics::Status,
    shard_thread::ShardReport,
    signal, twirp, web, whip,
};

/// A shard, control or the store that says nothing for so long does not work.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Everything that the server serves.
pub fn router(app: Shared) -> Router {
    let single = Extension(Dialect::SinglePeer);
    let dual = Extension(Dialect::DualPeer);
    Router::new()
        .route("/rtc/v1", get(signal::connect).layer(single))
        .route("/rtc/v1/validate", get(signal::validate).layer(single))
        .route("/rtc", get(signal::connect).layer(dual))
        .route("/rtc/validate", get(signal::validate).layer(dual))
        .route("/rtc/{*rest}", any(signal::other_dialect))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .merge(api::router())
        .merge(twirp::router())
        .merge(whip::router())
        .route("/", get(web::page))
        .route("/m/{id}", get(web::page))
        .fallback(get(web::asset))
        .layer(middleware::from_fn_with_state(app.clone(), observe))
        .with_state(app)
}

/// Counts the answer, adds the headers, and turns a panic into a 500 and
/// slowness into a 408: one request's mistake is not the others'.
async fn observe(State(app): State<Shared>, request: Request, next: Next) -> Response {
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = match timeout(limits::HTTP_REQUEST, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a request handler panicked");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
        Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let status = response.status().as_u16();
    app.metrics
        .http_responses
        .get_or_create(&Status { status })
        .inc();
    if let Some(api::ProblemKind(kind)) = response.extensions().get() {
        app.metrics.problem(kind);
    }
    for (name, value) in web::HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the server can take meetings: store, control and all shards answer.
async fn ready(State(app): State<Shared>) -> Response {
    match readiness(&app).await {
        Ok(()) => "ready\n".into_response(),
        Err(cause) => (StatusCode::SERVICE_UNAVAILABLE, format!("{cause}\n")).into_response(),
    }
}

async fn readiness(app: &App) -> Result<(), &'static str> {
    if app.stopping.load(Ordering::Acquire) {
        return Err("the server is stopping");
    }
    let (store, control, shards) = tokio::join!(
        timeout(ANSWER_TIMEOUT, app.store.check()),
        timeout(ANSWER_TIMEOUT, app.control.ask(Question::Counts)),
        reports(app),
    );
    if !matches!(store, Ok(Ok(()))) {
        return Err("the store does not answer");
    }
    if !matches!(control, Ok(Ok(_))) {
        return Err("control does not answer");
    }
    if shards.len() < app.shards.len() {
        return Err("a media shard does not answer");
    }
    Ok(())
}

async fn reports(app: &App) -> Vec<ShardReport> {
    let answers = join_all(
        app.shards
            .iter()
            .map(|post| timeout(ANSWER_TIMEOUT, post.report())),
    );
    answers
        .await
        .into_iter()
        .filter_map(|answer| answer.ok()?.ok())
        .collect()
}

async fn metrics(State(app): State<Arc<App>>) -> Response {
    let (counts, shards) = tokio::join!(
        timeout(ANSWER_TIMEOUT, app.control.ask(Question::Counts)),
        reports(&app),
    );
    let counts = counts.ok().and_then(Result::ok);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match app.metrics.text(counts.as_ref(), &shards) {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
