//! Webhooks: what happens in rooms is posted to server applications, signed,
//! in order per room, and tried again when it fails. A target that hangs or lies
//! costs its own queue and nothing else.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use livekit_protocol as proto;
use rand::{RngExt, rngs::StdRng};
use reqwest::{Client, StatusCode, Url, header, redirect::Policy};
use ring::digest;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::sleep,
};

use crate::{
    clock,
    metrics::{Kind, Metrics},
    settings::Keys,
    token::Claims,
};

/// Queues of one target. A room always has the same, so its events keep their
/// order, and an event that is tried again delays one room in eight.
const LANES: usize = 8;

/// Bytes of events that may wait for one target; what comes then is dropped
/// and counted. Several thousand usual events of 2 kB.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// One event counts for this at least, so that their number is bounded too.
const EVENT_BYTES_MIN: usize = 1_024;

/// A try that has no answer by then has failed.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Tries of one event. With the pauses between them it is given up after 15 s,
/// or after 45 s if no try is answered.
const TRIES: u32 = 6;
/// The first pause; each is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(500);

/// Life of the token that signs one try, in seconds.
const TOKEN_TTL_S: i64 = 300;

/// Where webhooks go, and by which key they are signed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Targets {
    pub urls: Vec<Url>,
    /// The name of an API key; else the server's own.
    pub key: Option<String>,
}

/// Where control's thread puts what it reports. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Webhooks {
    targets: Arc<[Target]>,
    metrics: Metrics,
}

#[derive(Debug)]
struct Target {
    lanes: Vec<mpsc::UnboundedSender<Letter>>,
    space: Arc<Semaphore>,
}

#[derive(Debug)]
struct Letter {
    body: Bytes,
    _space: OwnedSemaphorePermit,
}

/// What one lane works with.
struct Postman {
    client: Client,
    url: Url,
    keys: Keys,
    key: Option<String>,
    metrics: Metrics,
}

/// How a try ended.
enum Tried {
    Delivered,
    /// It may go better the next time.
    Failed(String),
    /// It would be the same the next time.
    Refused(StatusCode),
}

impl Webhooks {
    /// Starts the lanes of all targets. They end once every clone of the
    /// `Webhooks` is gone and everything is delivered or given up.
    ///
    /// # Errors
    ///
    /// When there is a target and no HTTP client can be made: the system's root
    /// certificates cannot be read.
    pub fn start(
        targets: &Targets,
        keys: &Keys,
        metrics: &Metrics,
    ) -> Result<(Self, JoinSet<()>), reqwest::Error> {
        let mut tasks = JoinSet::new();
        let mut all = Vec::new();
        for url in &targets.urls {
            let client = client()?;
            let lanes = (0..LANES).map(|_| {
                let (lane, letters) = mpsc::unbounded_channel();
                let postman = Postman {
                    client: client.clone(),
                    url: url.clone(),
                    keys: keys.clone(),
                    key: targets.key.clone(),
                    metrics: metrics.clone(),
                };
                tasks.spawn(postman.work(letters));
                lane
            });
            all.push(Target {
                lanes: lanes.collect(),
                space: Arc::new(Semaphore::new(QUEUE_BYTES)),
            });
        }
        let webhooks = Self {
            targets: all.into(),
            metrics: metrics.clone(),
        };
        Ok((webhooks, tasks))
    }

    /// Whether anyone wants to be told.
    #[must_use]
    pub fn wanted(&self) -> bool {
        !self.targets.is_empty()
    }

    /// Never blocks: an event that finds a queue full is lost and counted.
    pub fn tell(&self, event: &proto::WebhookEvent) {
        let room = event.room.as_ref().map_or("", |room| room.name.as_str());
        let mut hasher = DefaultHasher::new();
        room.hash(&mut hasher);
        let lane = usize::try_from(hasher.finish()).unwrap_or(0) % LANES;
        let body = match serde_json::to_vec(event) {
            Ok(body) => Bytes::from(body),
            Err(error) => {
                tracing::error!(%error, "an event has no JSON form");
                return;
            }
        };
        for target in self.targets.iter() {
            if !target.queue(lane, body.clone()) {
                self.metrics.webhook_lost("queue_full");
            }
        }
    }
}

impl Target {
    fn queue(&self, lane: usize, body: Bytes) -> bool {
        let cost = body.len().clamp(EVENT_BYTES_MIN, QUEUE_BYTES);
        let cost = u32::try_from(cost).unwrap_or(u32::MAX);
        let Ok(space) = self.space.clone().try_acquire_many_owned(cost) else {
            return false;
        };
        let letter = Letter {
            body,
            _space: space,
        };
        self.lanes
            .get(lane)
            .is_some_and(|lane| lane.send(letter).is_ok())
    }
}

fn client() -> Result<Client, reqwest::Error> {
    Client::builder()
        .timeout(TIMEOUT)
        // Whoever may say where events go is the operator, not a target.
        .redirect(Policy::none())
        .pool_max_idle_per_host(LANES)
        .user_agent(concat!("Plenary/", env!("CARGO_PKG_VERSION")))
        .build()
}

impl Postman {
    async fn work(self, mut letters: mpsc::UnboundedReceiver<Letter>) {
        let mut rng: StdRng = rand::make_rng();
        while let Some(letter) = letters.recv().await {
            self.deliver(&letter.body, &mut rng).await;
        }
    }

    async fn deliver(&self, body: &Bytes, rng: &mut StdRng) {
        let mut pause = PAUSE;
        for attempt in 1..=TRIES {
            match self.post(body).await {
                Tried::Delivered => {
                    self.metrics.webhooks_delivered.inc();
                    return;
                }
                Tried::Refused(status) => {
                    tracing::warn!(url = %self.url, %status, "a webhook is refused");
                    self.metrics.webhook_lost("refused");
                    return;
                }
                Tried::Failed(cause) => {
                    tracing::debug!(url = %self.url, cause, attempt, "a webhook failed");
                    self.metrics.webhooks_failed.inc();
                }
            }
            if attempt < TRIES {
                // Half of it is chance, so that lanes don't come back together.
                let share = rng.random_range(0.5..1.0);
                sleep(pause.mul_f64(share)).await;
                pause *= 2;
            }
        }
        tracing::warn!(url = %self.url, "a webhook is given up");
        self.metrics.webhook_lost("given_up");
    }

    async fn post(&self, body: &Bytes) -> Tried {
        let token = match self.sign(body) {
            Ok(token) => token,
            Err(error) => return Tried::Failed(error.to_string()),
        };
        let request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, "application/webhook+json")
            .header(header::AUTHORIZATION, token)
            .body(body.clone());
        // The answer's body is not read: it may never end.
        match request.send().await {
            Ok(answer) => tried(answer.status()),
            Err(error) => Tried::Failed(error.without_url().to_string()),
        }
    }

    fn sign(&self, body: &[u8]) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = Claims {
            sha256: BASE64_STANDARD.encode(digest::digest(&digest::SHA256, body)),
            ..Claims::default()
        };
        let key = self.key.as_deref();
        claims.sign_by(&self.keys, key, clock::unix_s(), TOKEN_TTL_S)
    }
}

fn tried(status: StatusCode) -> Tried {
    let passing = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    if status.is_success() {
        Tried::Delivered
    } else if status.is_client_error() && !passing.contains(&status) {
        Tried::Refused(status)
    } else {
        Tried::Failed(format!("it answered {status}"))
    }
}

impl Metrics {
    fn webhook_lost(&self, kind: &'static str) {
        self.webhooks_lost.get_or_create(&Kind { kind }).inc();
    }
}
