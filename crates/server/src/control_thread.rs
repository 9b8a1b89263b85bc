//! The thread of control: its inbox, its clock, the sessions' queues. All
//! decisions are [`control::Control`]'s.

use std::{
    collections::BTreeMap,
    io,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use control::{Answer, Control, Input, Join, Output, Question, SessionEnd};
use crossbeam_channel::{Receiver, Sender, select, unbounded};
use protocol::{
    grants::Grants,
    ids::{RequestId, SessionId, ShardId},
    limits::SIGNAL_QUEUE_FRAMES,
    plane::Event,
    signal::Frame,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, oneshot};

use crate::{
    clock,
    history::History,
    settings::Keys,
    shard_thread::ShardPost,
    token::{Claims, REFRESH_TTL_S},
    watch::Alive,
    webhook::Webhooks,
};

/// The longest sleep.
const SLEEP: Duration = Duration::from_millis(500);

/// Letters or events of one kind before the other kind has its turn.
const TURN: usize = 256;

/// What the signalling connections and the HTTP APIs send to control.
#[derive(Debug)]
enum Letter {
    Connect {
        session: SessionId,
        grants: Box<Grants>,
        join: Box<Join>,
        out: SessionOut,
    },
    Frame {
        session: SessionId,
        frame: Frame,
        /// Given back once the frame has been dealt with.
        _allowance: OwnedSemaphorePermit,
    },
    Disconnect {
        session: SessionId,
    },
    Ask {
        question: Question,
        reply: oneshot::Sender<Answer>,
    },
    Stop,
}

/// What a signalling connection is told to write.
#[derive(Debug)]
pub enum Outgoing {
    Frame(Frame),
    Close(SessionEnd),
}

/// Control's end of one signalling connection.
#[derive(Debug)]
pub struct SessionOut {
    frames: mpsc::Sender<Outgoing>,
    /// Told when the client reads too slowly; what waits is of no use then.
    overflow: Arc<Notify>,
}

/// The connection's end.
#[derive(Debug)]
pub struct SessionIn {
    pub frames: mpsc::Receiver<Outgoing>,
    pub overflow: Arc<Notify>,
}

/// The two ends of one connection's queue.
#[must_use]
pub fn session_queue() -> (SessionOut, SessionIn) {
    let (sender, frames) = mpsc::channel(SIGNAL_QUEUE_FRAMES);
    let overflow = Arc::new(Notify::new());
    let out = SessionOut {
        frames: sender,
        overflow: overflow.clone(),
    };
    (out, SessionIn { frames, overflow })
}

/// Control's thread has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("control is gone")]
pub struct ControlGone;

/// The way to control. Cheap to clone.
///
/// The queue has no bound of its own: each connection has at most one
/// `Connect`, one `Disconnect` and the frames of its allowance in it, and each
/// request of an HTTP API one question.
#[derive(Clone, Debug)]
pub struct ControlPost {
    letters: Sender<Letter>,
}

impl ControlPost {
    /// # Errors
    ///
    /// When control's thread has ended; so for the others.
    pub fn connect(
        &self,
        session: SessionId,
        grants: Grants,
        join: Join,
        out: SessionOut,
    ) -> Result<(), ControlGone> {
        self.send(Letter::Connect {
            session,
            grants: Box::new(grants),
            join: Box::new(join),
            out,
        })
    }

    /// # Errors
    ///
    /// As [`ControlPost::connect`].
    pub fn frame(
        &self,
        session: SessionId,
        frame: Frame,
        allowance: OwnedSemaphorePermit,
    ) -> Result<(), ControlGone> {
        self.send(Letter::Frame {
            session,
            frame,
            _allowance: allowance,
        })
    }

    /// The connection is gone.
    pub fn disconnect(&self, session: SessionId) {
        // Without control there is nobody to tell.
        let _ = self.send(Letter::Disconnect { session });
    }

    /// # Errors
    ///
    /// As [`ControlPost::connect`].
    pub async fn ask(&self, question: Question) -> Result<Answer, ControlGone> {
        let (reply, answer) = oneshot::channel();
        self.send(Letter::Ask { question, reply })?;
        answer.await.map_err(|_| ControlGone)
    }

    /// Asks the thread to end once everything before is done.
    pub fn stop(&self) {
        let _ = self.send(Letter::Stop);
    }

    fn send(&self, letter: Letter) -> Result<(), ControlGone> {
        self.letters.send(letter).map_err(|_| ControlGone)
    }
}

/// What control's thread needs.
#[derive(Debug)]
pub struct Needs {
    pub config: control::Config,
    pub events: Receiver<(ShardId, Event)>,
    pub shards: Vec<ShardPost>,
    pub history: History,
    pub webhooks: Webhooks,
    pub keys: Keys,
}

/// Starts the thread.
///
/// # Errors
///
/// When the system has no thread to give.
pub fn start(needs: Needs, alive: &Alive) -> io::Result<(ControlPost, JoinHandle<()>)> {
    let (letters, inbox) = unbounded();
    let thread = ControlThread {
        control: Control::new(needs.config, clock::now()),
        inbox,
        events: needs.events,
        shards: needs.shards,
        history: needs.history,
        webhooks: needs.webhooks,
        keys: needs.keys,
        sessions: BTreeMap::new(),
        questions: BTreeMap::new(),
        next_request: 0,
        stopping: false,
    };
    let guard = alive.guard("control");
    let run = move || {
        let _guard = guard;
        thread.run();
    };
    let thread = std::thread::Builder::new()
        .name("control".to_owned())
        .spawn(run)?;
    Ok((ControlPost { letters }, thread))
}

struct ControlThread {
    control: Control,
    inbox: Receiver<Letter>,
    events: Receiver<(ShardId, Event)>,
    shards: Vec<ShardPost>,
    history: History,
    webhooks: Webhooks,
    keys: Keys,
    sessions: BTreeMap<SessionId, SessionOut>,
    questions: BTreeMap<RequestId, oneshot::Sender<Answer>>,
    next_request: u64,
    stopping: bool,
}

impl ControlThread {
    fn run(mut self) {
        while !self.stopping {
            let now = clock::now();
            let sleep = self
                .control
                .poll_timeout()
                .map_or(SLEEP, |(at, _)| at.saturating_duration_since(now))
                .min(SLEEP);
            select! {
                recv(self.inbox) -> letter => match letter {
                    Ok(letter) => self.open(letter, clock::now()),
                    // Everybody who could send is gone.
                    Err(_) => return,
                },
                recv(self.events) -> event => match event {
                    Ok((shard, event)) => self.input(Input::Plane { shard, event }, clock::now()),
                    Err(_) => return,
                },
                default(sleep) => {}
            }
            self.take_in();
            // Whoever waits no longer needs no answer.
            self.questions.retain(|_, reply| !reply.is_closed());
            let now = clock::now();
            if self.control.poll_timeout().is_some_and(|(at, _)| at <= now) {
                self.control.handle_timeout(now);
                self.drain(now);
            }
        }
    }

    /// What else is there, both kinds in turn.
    fn take_in(&mut self) {
        for _ in 0..TURN {
            let Ok((shard, event)) = self.events.try_recv() else {
                break;
            };
            self.input(Input::Plane { shard, event }, clock::now());
        }
        for _ in 0..TURN {
            let Ok(letter) = self.inbox.try_recv() else {
                break;
            };
            self.open(letter, clock::now());
        }
    }

    fn open(&mut self, letter: Letter, now: Instant) {
        match letter {
            Letter::Connect {
                session,
                grants,
                join,
                out,
            } => {
                self.sessions.insert(session, out);
                let grants = *grants;
                self.input(
                    Input::Connect {
                        session,
                        grants,
                        join,
                    },
                    now,
                );
            }
            Letter::Frame { session, frame, .. } => {
                self.input(Input::Frame { session, frame }, now);
            }
            Letter::Disconnect { session } => {
                self.sessions.remove(&session);
                self.input(Input::Disconnect { session }, now);
            }
            Letter::Ask { question, reply } => {
                let request = RequestId(self.next_request);
                self.next_request += 1;
                self.questions.insert(request, reply);
                self.input(Input::Ask { request, question }, now);
            }
            Letter::Stop => self.stopping = true,
        }
    }

    fn input(&mut self, input: Input, now: Instant) {
        self.control.handle_input(input, now);
        self.drain(now);
    }

    fn drain(&mut self, now: Instant) {
        while let Some(output) = self.control.poll_output() {
            match output {
                Output::Frame { session, frame } => {
                    self.write(session, Outgoing::Frame(frame), now);
                }
                Output::Close { session, end } => {
                    self.write(session, Outgoing::Close(end), now);
                    self.sessions.remove(&session);
                }
                Output::RefreshToken { session, grants } => self.refresh(session, &grants, now),
                Output::MintToken { request, grants } => {
                    if let Some(token) = self.mint(&grants) {
                        self.control
                            .handle_input(Input::Minted { request, token }, now);
                    }
                }
                Output::Report(event) => self.webhooks.tell(&event),
                Output::Plane { shard, command } => {
                    let post = self.shards.get(usize::from(shard.0));
                    if let Some(Err(error)) = post.map(|post| post.command(command)) {
                        tracing::error!(%shard, %error, "command not delivered");
                    }
                }
                Output::Attendance(change) => self.history.record(change),
                Output::Answer { request, answer } => {
                    if let Some(reply) = self.questions.remove(&request) {
                        // Whoever asked may have hung up.
                        let _ = reply.send(answer);
                    }
                }
            }
        }
    }

    fn write(&mut self, session: SessionId, outgoing: Outgoing, now: Instant) {
        let Some(out) = self.sessions.get(&session) else {
            return;
        };
        let Err(error) = out.frames.try_send(outgoing) else {
            return;
        };
        let Some(out) = self.sessions.remove(&session) else {
            return;
        };
        if matches!(error, mpsc::error::TrySendError::Full(_)) {
            out.overflow.notify_one();
        }
        self.control
            .handle_input(Input::Disconnect { session }, now);
    }

    fn refresh(&mut self, session: SessionId, grants: &Grants, now: Instant) {
        if let Some(token) = self.mint(grants) {
            self.control
                .handle_input(Input::Token { session, token }, now);
        }
    }

    fn mint(&self, grants: &Grants) -> Option<String> {
        Claims::from_grants(grants)
            .sign(&self.keys, clock::unix_s(), REFRESH_TTL_S)
            .inspect_err(|error| tracing::error!(%error, "a token cannot be made"))
            .ok()
    }
}
