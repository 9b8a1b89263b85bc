//! The web app, from inside the binary.

use axum::{
    http::{HeaderValue, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
struct Dist;

/// Shown when the server was built without the web app.
const NO_APP: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Plenary</title>\
<h1>Plenary is running</h1><p>The web app is not in this build. Run <code>cargo xtask run</code>, \
which builds both. LiveKit clients can connect all the same.</p></html>";

/// What the pages may do. `ws:` and `wss:` are named because Firefox ESR and
/// older Safari do not count them as `'self'`; blobs are the pictures and workers
/// that the app makes itself.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; \
script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
img-src 'self' data: blob:; media-src 'self' blob: mediastream:; font-src 'self' data:; \
connect-src 'self' ws: wss:; worker-src 'self' blob:; object-src 'none'; \
base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const PERMISSIONS_POLICY: &str = "camera=(self), microphone=(self), display-capture=(self), \
fullscreen=(self), autoplay=(self), geolocation=(), payment=(), usb=()";

/// Headers of every page and asset.
pub const HEADERS: [(header::HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (
        header::HeaderName::from_static("permissions-policy"),
        PERMISSIONS_POLICY,
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // A meeting's link is its key: it must not be told to other sites.
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// `/` and `/m/{id}`: the page that loads the app.
pub async fn page() -> Response {
    let Some(file) = Dist::get("index.html") else {
        return Html(NO_APP).into_response();
    };
    let mut response = Html(file.data).into_response();
    // It names the assets of one build.
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// Everything else that the build made.
pub async fn asset(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    match Dist::get(path) {
        Some(file) => found(path, file),
        None => (StatusCode::NOT_FOUND, "not found").into_response(),
    }
}

fn found(path: &str, file: EmbeddedFile) -> Response {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    // Vite puts a hash of the contents into the names of what is in `assets`.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let headers = [
        (header::CONTENT_TYPE, kind.as_ref()),
        (header::CACHE_CONTROL, cache),
    ];
    (headers, file.data).into_response()
}
