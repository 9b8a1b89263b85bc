//! The assembly: starts everything in its order, and stops it in the reverse.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use control::{Config, Question};
use protocol::media::PlaneFacts;
use rand::{Rng, rngs::StdRng};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task, time,
};

use crate::{
    app::{App, Shared},
    clock,
    control_thread::{self, ControlPost, Needs},
    history::History,
    http,
    listen::{self, Bounds},
    metrics::Metrics,
    passcode::{Hashing, Tries},
    settings::Settings,
    shard_thread::{self, ShardPost},
    socket,
    store::{OpenError, Store, StoreError},
    watch::Alive,
    webhook::Webhooks,
};

/// Events of all shards that may wait for control.
const EVENTS: usize = 65_536;

/// Each step of stopping may take so long, so that the whole is done well
/// before a supervisor's usual 10 s are over.
const STOP_STEP: Duration = Duration::from_secs(2);

/// What runs. To be ended by [`Node::stop`].
#[derive(Debug)]
pub struct Node {
    /// The address that is really listened on.
    pub http: SocketAddr,
    /// Where media is told to go.
    pub candidates: Vec<SocketAddr>,
    app: Shared,
    /// Ends the HTTP server.
    quit: oneshot::Sender<()>,
    server: task::JoinHandle<()>,
    history: task::JoinHandle<()>,
    webhooks: task::JoinSet<()>,
    threads: Vec<JoinHandle<()>>,
    ended: mpsc::Receiver<&'static str>,
}

/// The server does not start. Every text names the cause and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error("the attendance that a crash left open cannot be closed: {0}")]
    Stays(#[from] StoreError),
    #[error(transparent)]
    Rtc(#[from] socket::SocketError),
    #[error(
        "HTTP {address} is in use: another program, or another plenary, has it. Stop that one or choose another with --http ADDRESS:PORT"
    )]
    HttpInUse { address: SocketAddr },
    #[error(
        "HTTP {address} cannot be opened: {cause}. Is it an address of this machine? Choose another with --http ADDRESS:PORT"
    )]
    Http {
        address: SocketAddr,
        cause: io::Error,
    },
    #[error(transparent)]
    Certificate(#[from] media::CertificateError),
    #[error(transparent)]
    Shards(#[from] shard_thread::StartError),
    #[error(
        "webhooks cannot be sent: {0}. Are the root certificates of this system installed (package ca-certificates)?"
    )]
    Webhooks(#[from] reqwest::Error),
    #[error("a thread cannot be started: {0}")]
    System(#[from] io::Error),
}

impl Node {
    /// Starts everything and returns once the server answers. Must run in tokio.
    ///
    /// # Errors
    ///
    /// [`StartError`]; nothing is left running then.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let listener = listen(settings.http).await?;
        let sockets = socket::open(settings.rtc, settings.shards.get())?;
        let store = Store::open(&settings.data).await?;
        let crashed = store.close_stays(clock::unix_ms()).await?;
        if crashed > 0 {
            tracing::warn!(stays = crashed, "closed stays that were left open");
        }
        let metrics = Metrics::default();
        let (history, history_task) = History::start(store.clone(), metrics.clone());
        let (alive, ended) = Alive::new();
        let (webhooks, webhook_tasks) =
            Webhooks::start(&settings.webhooks, &settings.keys, &metrics)?;
        let records = Records { history, webhooks };
        let core = Core::start(&settings, sockets, records, &metrics, &alive)?;
        let http = listener.local_addr()?;
        let app = Arc::new(App {
            settings,
            http,
            store,
            control: core.control,
            shards: core.shards,
            metrics,
            hashing: Hashing::default(),
            tries: Tries::default(),
            rng: Mutex::new(rand::make_rng()),
            sessions: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
        });
        let (quit, quitting) = oneshot::channel::<()>();
        let bounds = Bounds::new(app.settings.trusted_proxies.clone());
        let router = http::router(app.clone());
        let server = listen::serve(listener, router, bounds, app.metrics.clone(), quitting);
        Ok(Self {
            http,
            candidates: core.candidates,
            app,
            quit,
            server: tokio::spawn(server),
            history: history_task,
            webhooks: webhook_tasks,
            threads: core.threads,
            ended,
        })
    }

    /// Returns when a part has ended that the server cannot do without.
    pub async fn failed(&mut self) -> &'static str {
        self.ended.recv().await.unwrap_or("everything")
    }

    /// Says goodbye to everybody, writes down who left, and ends. Takes a few
    /// seconds at most.
    pub async fn stop(mut self) {
        let app = self.app;
        app.stopping.store(true, Ordering::Release);
        let asked = time::timeout(STOP_STEP, app.control.ask(Question::StopAll)).await;
        tracing::info!(?asked, "stopping");
        drained(&app).await;
        drop(self.quit);
        if time::timeout(STOP_STEP, self.server).await.is_err() {
            tracing::warn!("HTTP requests were cut off");
        }
        app.control.stop();
        for shard in &app.shards {
            shard.stop();
        }
        let join = task::spawn_blocking(move || {
            for thread in self.threads {
                // A thread that panicked has already been reported.
                let _ = thread.join();
            }
        });
        if time::timeout(STOP_STEP, join).await.is_err() {
            tracing::warn!("a thread did not end in time");
        }
        if time::timeout(STOP_STEP, self.history).await.is_err() {
            tracing::error!("attendance was not written in time");
        }
        // The control thread is gone, and with it the last who could tell anything.
        let told = async { while self.webhooks.join_next().await.is_some() {} };
        if time::timeout(STOP_STEP, told).await.is_err() {
            tracing::warn!("webhooks were not delivered in time");
        }
        if let Err(error) = app.store.close_stays(clock::unix_ms()).await {
            tracing::error!(%error, "stays not closed");
        }
        app.store.close().await;
        tracing::info!("stopped");
    }
}

/// Waits until every client has its goodbye, within [`STOP_STEP`].
async fn drained(app: &App) {
    let empty = async {
        while app.metrics.signal_open.get() > 0 {
            time::sleep(Duration::from_millis(10)).await;
        }
    };
    if time::timeout(STOP_STEP, empty).await.is_err() {
        tracing::warn!("clients were cut off");
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|cause| {
        if cause.kind() == io::ErrorKind::AddrInUse {
            StartError::HttpInUse { address }
        } else {
            StartError::Http { address, cause }
        }
    })
}

/// The threads: shards and control.
struct Core {
    control: ControlPost,
    shards: Vec<ShardPost>,
    threads: Vec<JoinHandle<()>>,
    candidates: Vec<SocketAddr>,
}

/// Where what happens in rooms is written down and told.
struct Records {
    history: History,
    webhooks: Webhooks,
}

impl Core {
    fn start(
        settings: &Settings,
        sockets: Vec<UdpSocket>,
        records: Records,
        metrics: &Metrics,
        alive: &Alive,
    ) -> Result<Self, StartError> {
        let certificate = media::Certificate::generate()?;
        let bound = match sockets.first() {
            Some(socket) => socket.local_addr()?,
            None => settings.rtc,
        };
        let candidates = socket::candidates(bound, settings.node_ip);
        let plane = PlaneFacts {
            candidates: candidates.clone(),
            fingerprint: certificate.fingerprint(),
            shards: settings.shards.get(),
        };
        let (sender, events) = crossbeam_channel::bounded(EVENTS);
        let (shards, mut threads) =
            shard_thread::start(sockets, &certificate, &sender, metrics, alive)?;
        let mut seed = [0; 32];
        rand::make_rng::<StdRng>().fill_bytes(&mut seed);
        let needs = Needs {
            config: Config {
                plane,
                unix_ms: clock::unix_ms(),
                seed,
                rooms: settings.rooms,
                reports: records.webhooks.wanted(),
                version: env!("CARGO_PKG_VERSION"),
            },
            events,
            shards: shards.clone(),
            history: records.history,
            webhooks: records.webhooks,
            keys: settings.keys.clone(),
        };
        let (control, thread) = control_thread::start(needs, alive)?;
        threads.push(thread);
        Ok(Self {
            control,
            shards,
            threads,
            candidates,
        })
    }
}
