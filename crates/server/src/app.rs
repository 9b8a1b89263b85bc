//! What every request handler shares.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use axum::http::{HeaderMap, header};
use protocol::ids::SessionId;
use rand::{RngExt, rngs::StdRng};

use crate::{
    control_thread::ControlPost,
    metrics::Metrics,
    passcode::{Hashing, Tries},
    settings::Settings,
    shard_thread::ShardPost,
    store::Store,
};

/// Letters of meeting ids and identities: without `l` and `o`, which are read
/// as digits.
const LETTERS: &[u8; 24] = b"abcdefghijkmnpqrstuvwxyz";

/// Letters of an identity: 73 bits, so that none is met twice.
const IDENTITY_LETTERS: usize = 16;

/// The state of the HTTP side.
#[derive(Debug)]
pub struct App {
    pub settings: Settings,
    /// The address that is really listened on.
    pub http: SocketAddr,
    pub store: Store,
    pub control: ControlPost,
    pub shards: Vec<ShardPost>,
    pub metrics: Metrics,
    pub hashing: Hashing,
    pub tries: Tries,
    /// Ids and identities are drawn here: a generator that is fit for keys,
    /// seeded by the system.
    pub rng: Mutex<StdRng>,
    pub sessions: AtomicU64,
    pub stopping: AtomicBool,
}

/// How the handlers hold it.
pub type Shared = Arc<App>;

impl App {
    #[must_use]
    pub fn next_session(&self) -> SessionId {
        SessionId(self.sessions.fetch_add(1, Ordering::Relaxed))
    }

    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Like `abc-defg-hij`: 45 bits, so that a link cannot be guessed.
    #[must_use]
    pub fn meeting_id(&self) -> String {
        [3, 4, 3].map(|length| self.letters(length)).join("-")
    }

    #[must_use]
    pub fn identity(&self) -> String {
        self.letters(IDENTITY_LETTERS)
    }

    fn letters(&self, length: usize) -> String {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        (0..length)
            .filter_map(|_| LETTERS.get(rng.random_range(0..LETTERS.len())))
            .map(|letter| char::from(*letter))
            .collect()
    }

    /// Who is asking: the peer, unless that is a proxy that we trust; then
    /// the last address in `X-Forwarded-For` that is not such a proxy.
    #[must_use]
    pub fn client_address(&self, peer: SocketAddr, headers: &HeaderMap) -> IpAddr {
        let trusted = |address: &IpAddr| self.settings.trusted_proxies.contains(address);
        let peer = peer.ip().to_canonical();
        if !trusted(&peer) {
            return peer;
        }
        headers
            .get_all("x-forwarded-for")
            .iter()
            .rev()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.rsplit(','))
            .map_while(|item| item.trim().parse::<IpAddr>().ok())
            .map(|address| address.to_canonical())
            .find(|address| !trusted(address))
            .unwrap_or(peer)
    }

    /// Where the client reached this server, like `https://meet.example.org`.
    /// TLS ends at a proxy in front; a browser's `Origin` tells that it was there.
    #[must_use]
    pub fn base_url(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.settings.public_url {
            return url.clone();
        }
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST).filter(|host| is_host(host));
        let Some(host) = host else {
            return format!("http://{}", self.http);
        };
        let secure = text(header::ORIGIN)
            .and_then(|origin| origin.strip_prefix("https://"))
            .is_some_and(|origin| origin.eq_ignore_ascii_case(host));
        format!("{}://{host}", if secure { "https" } else { "http" })
    }
}

/// A host name or address with or without port, and nothing that could turn
/// the URL into another one.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 255
        && text.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']' | b'_')
        })
}

/// Whether the text has the form of a meeting id: three, four and three small letters.
#[must_use]
pub fn is_meeting_id(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([3, 4, 3]) && text.bytes().all(|b| b == b'-' || b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meeting_ids_are_known_by_their_form() {
        assert!(is_meeting_id("abc-defg-hij"));
        for other in [
            "",
            "abc",
            "abc-defg-hi",
            "ABC-defg-hij",
            "abc-defg-hij-",
            "abc-de1g-hij",
        ] {
            assert!(!is_meeting_id(other), "{other}");
        }
    }

    #[test]
    fn hosts_cannot_change_the_url() {
        assert!(is_host("meet.example.org:8443") && is_host("[::1]:80") && is_host("localhost"));
        for other in ["", "a/b", "a@b", "a b", "a?b", "a#b"] {
            assert!(!is_host(other), "{other}");
        }
    }
}
