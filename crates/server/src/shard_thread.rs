//! The thread of one media shard: its socket, its inbox, its clock. All
//! decisions are [`media::Shard`]'s.

use std::{
    collections::VecDeque,
    io,
    net::UdpSocket,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use media::{Input, Output, Shard, ShardConfig, ShardMessage, ShardStats};
use mio::{Events, Poll, Token, Waker};
use protocol::{
    ids::ShardId,
    plane::{Command, Event},
};
use tokio::sync::oneshot;

use crate::{
    clock,
    metrics::Metrics,
    socket::{Batch, MediaSocket, SocketStats},
    watch::Alive,
};

/// Letters that may wait for a shard. Another shard's packets beyond are
/// dropped; control waits for room.
const INBOX: usize = 65_536;

/// Letters and batches that are taken in before the clock is read again: about
/// a millisecond of work, so that timers stay exact.
const TURN_LETTERS: usize = 512;
const TURN_BATCHES: usize = 4;

/// Events that may wait while control is busy. Reports are dropped first.
const EVENTS_WAITING: usize = 65_536;

/// How soon to offer waiting events again.
const EVENTS_RETRY: Duration = Duration::from_millis(1);

/// The longest sleep: a lost wake-up would cost no more than this.
const SLEEP: Duration = Duration::from_millis(500);

const SOCKET: Token = Token(0);
const BELL: Token = Token(1);

/// What a shard may be sent.
#[derive(Debug)]
enum Letter {
    Command(Command),
    Shard {
        from: ShardId,
        message: ShardMessage,
    },
    Report(oneshot::Sender<ShardReport>),
    Stop,
}

/// What a shard counts, and what its thread counts.
#[derive(Clone, Copy, Debug)]
pub struct ShardReport {
    pub id: ShardId,
    pub shard: ShardStats,
    pub socket: SocketStats,
    /// Messages to other shards that found their inbox full.
    pub ring_full: u64,
}

/// The shard's thread has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the media shard is gone")]
pub struct ShardGone;

/// The way to one shard. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ShardPost {
    letters: Sender<Letter>,
    bell: Arc<Bell>,
}

/// Wakes the shard, once for any number of letters.
#[derive(Debug)]
struct Bell {
    waker: Waker,
    rung: AtomicBool,
}

impl ShardPost {
    /// Waits while the inbox is full. The shard never waits for control, so
    /// this ends.
    ///
    /// # Errors
    ///
    /// When the shard's thread has ended.
    pub fn command(&self, command: Command) -> Result<(), ShardGone> {
        self.letters
            .send(Letter::Command(command))
            .map_err(|_| ShardGone)?;
        self.ring();
        Ok(())
    }

    /// # Errors
    ///
    /// When the shard's thread has ended, or is so far behind that it may as well have.
    pub async fn report(&self) -> Result<ShardReport, ShardGone> {
        let (reply, report) = oneshot::channel();
        self.letters
            .try_send(Letter::Report(reply))
            .map_err(|_| ShardGone)?;
        self.ring();
        report.await.map_err(|_| ShardGone)
    }

    /// Asks the thread to end once everything before is done.
    pub fn stop(&self) {
        let _ = self.letters.send(Letter::Stop);
        self.ring();
    }

    fn ring(&self) {
        if !self.bell.rung.swap(true, Ordering::AcqRel) {
            // It fails only when the shard's poll is gone.
            let _ = self.bell.waker.wake();
        }
    }
}

/// A shard that is ready to run.
#[derive(Debug)]
struct Berth {
    poll: Poll,
    inbox: Receiver<Letter>,
    post: ShardPost,
}

impl Berth {
    fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), BELL)?;
        let (letters, inbox) = bounded(INBOX);
        let bell = Arc::new(Bell {
            waker,
            rung: AtomicBool::new(false),
        });
        Ok(Self {
            poll,
            inbox,
            post: ShardPost { letters, bell },
        })
    }
}

/// The shards could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("a media shard cannot be set up: {0}")]
    Setup(#[from] media::SetupError),
    #[error("a media thread cannot be set up: {0}. Are there too many open files or threads?")]
    System(#[from] io::Error),
}

/// Starts one thread for each socket.
///
/// # Errors
///
/// [`StartError`], when the system refuses.
pub fn start(
    sockets: Vec<UdpSocket>,
    certificate: &media::Certificate,
    events: &Sender<(ShardId, Event)>,
    metrics: &Metrics,
    alive: &Alive,
) -> Result<(Vec<ShardPost>, Vec<JoinHandle<()>>), StartError> {
    let berths: Vec<Berth> = sockets
        .iter()
        .map(|_| Berth::new())
        .collect::<Result<_, _>>()?;
    let posts: Vec<ShardPost> = berths.iter().map(|berth| berth.post.clone()).collect();
    let shards = u16::try_from(berths.len()).unwrap_or(u16::MAX);
    let mut threads = Vec::new();
    for ((id, socket), berth) in (0..shards).zip(sockets).zip(berths) {
        let id = ShardId(id);
        let config = ShardConfig {
            id,
            shards,
            certificate: certificate.clone(),
            seed: None,
        };
        let socket = MediaSocket::new(socket, berth.poll.registry(), SOCKET)?;
        let thread = ShardThread {
            id,
            shard: Shard::new(config, clock::now())?,
            socket,
            bell: berth.post.bell,
            inbox: berth.inbox,
            posts: posts.clone(),
            events: events.clone(),
            waiting: VecDeque::new(),
            metrics: metrics.clone(),
            ring_full: 0,
            readable: true,
            stopping: false,
        };
        let guard = alive.guard("media shard");
        let run = move || {
            let _guard = guard;
            thread.run(berth.poll);
        };
        threads.push(
            std::thread::Builder::new()
                .name(format!("shard-{id}"))
                .spawn(run)?,
        );
    }
    Ok((posts, threads))
}

struct ShardThread {
    id: ShardId,
    shard: Shard,
    socket: MediaSocket,
    bell: Arc<Bell>,
    inbox: Receiver<Letter>,
    posts: Vec<ShardPost>,
    events: Sender<(ShardId, Event)>,
    /// Events that control had no room for.
    waiting: VecDeque<Event>,
    metrics: Metrics,
    ring_full: u64,
    /// The socket may hold more than was taken: readiness is told only once.
    readable: bool,
    stopping: bool,
}

impl ShardThread {
    fn run(mut self, mut poll: Poll) {
        let mut ready = Events::with_capacity(8);
        let mut batch = Batch::default();
        while !self.stopping {
            let sleep = self.sleep(clock::now());
            if let Err(error) = poll.poll(&mut ready, Some(sleep)) {
                if error.kind() == io::ErrorKind::Interrupted {
                    continue;
                }
                tracing::error!(%error, shard = %self.id, "poll failed: the shard ends");
                return;
            }
            for event in &ready {
                self.readable |= event.token() == SOCKET && event.is_readable();
                if event.token() == SOCKET && event.is_writable() {
                    self.socket.writable();
                }
            }
            self.turn(&mut batch);
        }
    }

    /// One round: datagrams, letters, timers, and what follows from them.
    fn turn(&mut self, batch: &mut Batch) {
        for _ in 0..TURN_BATCHES {
            if !self.readable {
                break;
            }
            self.readable = self.socket.receive(batch);
            let now = clock::now();
            batch.for_each(|source, destination, bytes| {
                let input = Input::Datagram {
                    source,
                    destination,
                    bytes,
                };
                self.shard.handle_input(input, now);
            });
            self.drain(now);
        }
        let now = clock::now();
        self.read_letters(now);
        if self.shard.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.shard.handle_timeout(now);
        }
        self.drain(now);
        self.offer_events();
    }

    fn read_letters(&mut self, now: Instant) {
        // Before reading: a letter that comes after the last one read rings again.
        self.bell.rung.store(false, Ordering::Release);
        for _ in 0..TURN_LETTERS {
            match self.inbox.try_recv() {
                Ok(Letter::Command(command)) => {
                    self.shard.handle_input(Input::Command(command), now);
                }
                Ok(Letter::Shard { from, message }) => {
                    self.shard.handle_input(Input::Shard { from, message }, now);
                }
                Ok(Letter::Report(reply)) => {
                    // Whoever asked may be gone.
                    let _ = reply.send(self.report());
                }
                Ok(Letter::Stop) => self.stopping = true,
                Err(_) => return,
            }
        }
        // There may be more, and nobody will ring for them.
        let _ = self.bell.waker.wake();
    }

    fn report(&self) -> ShardReport {
        ShardReport {
            id: self.id,
            shard: self.shard.stats(),
            socket: self.socket.stats(),
            ring_full: self.ring_full,
        }
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.shard.poll_output() {
            match output {
                Output::Event(event) => self.event(event),
                Output::Shard { to, message } => self.forward(to, message),
            }
        }
        while let Some(run) = self.shard.poll_transmit(now) {
            self.socket
                .send(run.destination, run.source, run.contents, run.segment_size);
        }
    }

    fn forward(&mut self, to: ShardId, message: ShardMessage) {
        let Some(post) = self.posts.get(usize::from(to.0)) else {
            return;
        };
        let letter = Letter::Shard {
            from: self.id,
            message,
        };
        match post.letters.try_send(letter) {
            Ok(()) => post.ring(),
            Err(_) => self.ring_full += 1,
        }
    }

    /// Control may be behind, but it is never waited for: it may be waiting
    /// for this shard's inbox.
    fn event(&mut self, event: Event) {
        let event = if self.waiting.is_empty() {
            match self.events.try_send((self.id, event)) {
                Ok(()) => return,
                Err(TrySendError::Full((_, event)) | TrySendError::Disconnected((_, event))) => {
                    event
                }
            }
        } else {
            event
        };
        let report = matches!(event, Event::Levels { .. } | Event::Quality { .. });
        if report || self.waiting.len() >= EVENTS_WAITING {
            self.metrics.events_lost.inc();
        } else {
            self.waiting.push_back(event);
        }
    }

    fn offer_events(&mut self) {
        while let Some(event) = self.waiting.pop_front() {
            match self.events.try_send((self.id, event)) {
                Ok(()) => {}
                Err(TrySendError::Full((_, event))) => {
                    self.waiting.push_front(event);
                    return;
                }
                Err(TrySendError::Disconnected(_)) => self.waiting.clear(),
            }
        }
    }

    fn sleep(&self, now: Instant) -> Duration {
        if self.readable {
            return Duration::ZERO;
        }
        let timer = self
            .shard
            .poll_timeout()
            .map_or(SLEEP, |(at, _)| at.saturating_duration_since(now));
        let most = if self.waiting.is_empty() {
            SLEEP
        } else {
            EVENTS_RETRY
        };
        timer.min(most)
    }
}
