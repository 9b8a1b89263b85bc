//! Takes connections in and hands them to the router, within limits: whoever
//! opens many, or sends or reads slowly, costs a bounded number of places
//! for a bounded time.

use std::{
    collections::BTreeMap,
    io,
    net::IpAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{Request, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use protocol::limits;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{oneshot, watch},
    time::{Sleep, sleep},
};
use tower_service::Service;

use crate::metrics::{Kind, Metrics};

/// When the system has no more sockets to give, it is asked again after this.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many connections there may be, and how slow.
#[derive(Clone, Debug)]
pub struct Bounds {
    pub connections: usize,
    pub per_address: usize,
    /// Those who may have as many as there are.
    pub trusted: Vec<IpAddr>,
    pub head: Duration,
    pub stall: Duration,
}

impl Bounds {
    #[must_use]
    pub const fn new(trusted: Vec<IpAddr>) -> Self {
        Self {
            connections: limits::HTTP_CONNECTIONS,
            per_address: limits::HTTP_CONNECTIONS_PER_ADDRESS,
            trusted,
            head: limits::HTTP_HEAD,
            stall: limits::HTTP_STALL,
        }
    }
}

/// Serves until `quit` is told or dropped, and then until what was asked
/// before is answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    metrics: Metrics,
    mut quit: oneshot::Receiver<()>,
) {
    let places = Places::new(bounds);
    let (stop, stopping) = watch::channel(());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = &mut quit => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !is_of_one_connection(&error) {
                    tracing::error!(%error, "no connection can be taken in");
                    sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        let Some(place) = places.take(peer.ip().to_canonical()) else {
            let kind = "full";
            metrics.http_turned_away.get_or_create(&Kind { kind }).inc();
            continue;
        };
        // Signalling frames are small and must not wait for each other.
        let _ = stream.set_nodelay(true);
        let io = Held::new(stream, place, places.bounds.stall);
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let mut router = router.clone();
            async move { router.call(request).await }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(places.bounds.head)
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        let mut stopping = stopping.clone();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                _ = stopping.changed() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%peer, %error, "a connection failed");
            }
        });
    }
    drop((listener, stopping));
    // Nobody hears it when nobody is connected.
    let _ = stop.send(());
    stop.closed().await;
}

/// The listener is well; the client went away before it was taken in.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Counts who is connected.
#[derive(Debug)]
struct Places {
    bounds: Bounds,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_address: BTreeMap<IpAddr, usize>,
}

/// One connection's; given back when dropped.
#[derive(Debug)]
struct Place {
    address: IpAddr,
    taken: Arc<Mutex<Taken>>,
}

impl Places {
    fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            taken: Arc::default(),
        }
    }

    fn take(&self, address: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = taken.by_address.get(&address).copied().unwrap_or(0);
        let crowded = mine >= self.bounds.per_address && !self.bounds.trusted.contains(&address);
        if crowded || taken.all >= self.bounds.connections {
            return None;
        }
        taken.all += 1;
        taken.by_address.insert(address, mine + 1);
        Some(Place {
            address,
            taken: self.taken.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        let left = taken.by_address.get(&self.address).copied().unwrap_or(0);
        if left > 1 {
            taken.by_address.insert(self.address, left - 1);
        } else {
            taken.by_address.remove(&self.address);
        }
    }
}

/// A socket with its place: it has it for as long as it lives, also as a
/// WebSocket. Fails when nothing can be written for too long.
#[derive(Debug)]
struct Held {
    stream: TcpStream,
    stall: Duration,
    /// Runs while there is something to write and no room for it.
    stalled: Option<Pin<Box<Sleep>>>,
    _place: Place,
}

impl Held {
    const fn new(stream: TcpStream, place: Place, stall: Duration) -> Self {
        Self {
            stream,
            stall,
            stalled: None,
            _place: place,
        }
    }

    fn watched<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let stall = self.stall;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(stall)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watched(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.watched(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::timeout,
    };

    use super::*;

    const LARGE: usize = 64 * 1024 * 1024;

    async fn start(bounds: Bounds) -> (SocketAddr, oneshot::Sender<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/", get(|| async { "ok" }))
            .route("/large", get(|| async { vec![0_u8; LARGE] }));
        let (quit, quitting) = oneshot::channel();
        tokio::spawn(serve(
            listener,
            router,
            bounds,
            Metrics::default(),
            quitting,
        ));
        (address, quit)
    }

    fn bounds() -> Bounds {
        Bounds {
            connections: 3,
            per_address: 2,
            trusted: Vec::new(),
            head: Duration::from_millis(200),
            stall: Duration::from_millis(200),
        }
    }

    async fn ask(stream: &mut TcpStream) -> bool {
        let asked = stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let mut answer = [0; 12];
        asked.is_ok() && stream.read_exact(&mut answer).await.is_ok() && answer == *b"HTTP/1.1 200"
    }

    /// Whether the server closes within two seconds.
    async fn closes(stream: &mut TcpStream) -> bool {
        let mut rest = [0; 4_096];
        let ended = async { while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {} };
        timeout(Duration::from_secs(2), ended).await.is_ok()
    }

    #[tokio::test]
    async fn a_slow_head_is_not_waited_for() {
        let (address, _quit) = start(bounds()).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
        assert!(closes(&mut slow).await);
        let mut silent = TcpStream::connect(address).await.unwrap();
        assert!(closes(&mut silent).await);
    }

    #[tokio::test]
    async fn places_are_limited_and_given_back() {
        let mut bounds = bounds();
        bounds.head = Duration::from_secs(10);
        let (address, _quit) = start(bounds).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut first).await && ask(&mut second).await);
        let mut third = TcpStream::connect(address).await.unwrap();
        assert!(!ask(&mut third).await, "more than its share");
        drop(first);
        let again = async {
            loop {
                let mut stream = TcpStream::connect(address).await.unwrap();
                if ask(&mut stream).await {
                    break;
                }
            }
        };
        timeout(Duration::from_secs(2), again).await.unwrap();
    }

    #[tokio::test]
    async fn whoever_does_not_read_is_let_go() {
        let mut bounds = bounds();
        bounds.per_address = 1;
        let (address, _quit) = start(bounds).await;
        let mut lazy = TcpStream::connect(address).await.unwrap();
        lazy.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        let place_is_free = async {
            loop {
                let mut stream = TcpStream::connect(address).await.unwrap();
                if ask(&mut stream).await {
                    break;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(5), place_is_free)
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn what_was_asked_is_answered_before_the_end() {
        let (address, quit) = start(bounds()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut stream).await);
        drop(quit);
        assert!(closes(&mut stream).await, "an idle connection is closed");
        assert!(TcpStream::connect(address).await.is_err());
    }
}
