//! What goes into [`crate::Control`] and what comes out of it.

use livekit_protocol as proto;
use protocol::{
    grants::Grants,
    ids::{RequestId, SessionId, ShardId},
    media::PlaneFacts,
    plane,
    rooms::RoomDefaults,
    signal::Frame,
    store::Attendance,
};

use crate::{admin, whip};

/// What control is told once, at the start.
#[derive(Clone, Debug)]
pub struct Config {
    pub plane: PlaneFacts,
    /// Unix time in milliseconds at the `Instant` given to `Control::new`;
    /// later wall times are counted from it.
    pub unix_ms: i64,
    /// Seed of everything that is drawn: sids, ICE credentials, SSRCs. From
    /// the operating system in production, fixed in simulation.
    pub seed: [u8; 32],
    pub rooms: RoomDefaults,
    /// Somebody wants [`Output::Report`].
    pub reports: bool,
    /// Plenary's version, shown to clients in the server info.
    pub version: &'static str,
}

/// What may happen to control. Mutate once, then drain `poll_output`.
#[derive(Debug)]
pub enum Input {
    /// A client's WebSocket is up. `join` was parsed from the request by
    /// [`crate::Join::parse`], `grants` from its verified token.
    Connect {
        session: SessionId,
        grants: Grants,
        join: Box<crate::Join>,
    },
    Frame {
        session: SessionId,
        frame: Frame,
    },
    /// The WebSocket is gone, whoever closed it.
    Disconnect {
        session: SessionId,
    },
    /// The answer to [`Output::RefreshToken`].
    Token {
        session: SessionId,
        token: String,
    },
    /// The answer to [`Output::MintToken`].
    Minted {
        request: RequestId,
        token: String,
    },
    Plane {
        shard: ShardId,
        event: plane::Event,
    },
    Ask {
        request: RequestId,
        question: Question,
    },
}

/// What control wants done.
#[derive(Clone, PartialEq, Debug)]
pub enum Output {
    Frame {
        session: SessionId,
        frame: Frame,
    },
    /// Close the WebSocket once everything before this has been written.
    Close {
        session: SessionId,
        end: SessionEnd,
    },
    /// Mint a new token for the same grants and give it back as [`Input::Token`].
    RefreshToken {
        session: SessionId,
        grants: Grants,
    },
    /// Mint a token for someone who is about to be moved to another room, and
    /// give it back as [`Input::Minted`].
    MintToken {
        request: RequestId,
        grants: Grants,
    },
    Plane {
        shard: ShardId,
        command: plane::Command,
    },
    /// Presence: to be kept as history and counted.
    Attendance(AttendanceChange),
    /// What webhooks tell; only with [`Config::reports`].
    Report(Box<proto::WebhookEvent>),
    Answer {
        request: RequestId,
        answer: Answer,
    },
}

/// Someone came or went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AttendanceChange {
    Joined(Attendance),
    /// `id` is the one of the [`Attendance`]; `left_at` is Unix time in milliseconds.
    Left {
        id: String,
        left_at: i64,
    },
}

/// Why control closes a signalling connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SessionEnd {
    /// The participant left, was removed, or the meeting ended: a leave
    /// message with the reason went before.
    Left,
    /// A newer connection took its place.
    Replaced,
    /// A frame could not be read, or broke the protocol.
    ProtocolError,
    /// No ping for [`protocol::limits::PING_TIMEOUT`].
    Silence,
}

/// What the shell may ask on behalf of those who speak HTTP.
#[derive(Clone, PartialEq, Debug)]
pub enum Question {
    /// Who is in the room.
    Participants { room: String },
    /// End the room for everybody (leave reason ROOM_DELETED).
    EndRoom { room: String },
    /// The node stops: end every room (leave reason SERVER_SHUTDOWN, action
    /// DISCONNECT), close all sessions and peers, report everybody as left.
    StopAll,
    /// Sizes, for metrics.
    Counts,
    /// Whether there is such a room, or a join may open it.
    Door { room: String },
    /// A request of the server API.
    Admin(Box<admin::Request>),
    /// Somebody enters by a single offer (WHIP, WHEP).
    Enter(Box<whip::Entry>),
    /// Who entered so ends it.
    Quit {
        room: String,
        identity: String,
        sid: String,
    },
}

/// One answer for each [`Question`], at once or later.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    Participants(Vec<Attendance>),
    /// How many were asked to leave, by `EndRoom` or `StopAll`.
    Ended {
        participants: usize,
    },
    Counts {
        rooms: usize,
        participants: usize,
        sessions: usize,
        tracks: usize,
    },
    /// To [`Question::Door`].
    Door {
        open: bool,
    },
    Admin(admin::Outcome),
    Entered(Result<whip::Entered, whip::NoEntry>),
    /// To [`Question::Quit`]; false when there was no such session.
    Quit {
        found: bool,
    },
}

/// Why control wants to be woken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Wake {
    /// Changes of a room's roster are waiting to be told.
    Roster,
    /// Who speaks has to be judged again.
    Speakers,
    /// Link qualities are waiting to be told.
    Quality,
    /// A participant has not answered a procedure call in time.
    Calls,
    /// The regular look for the silent, the overdue and the empty.
    Sweep,
}

/// What control has counted since the start, and its present sizes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    pub rooms: usize,
    pub participants: usize,
    pub sessions: usize,
    pub tracks: usize,
    /// Sessions ended because of what they sent.
    pub protocol_errors: u64,
    /// Offers that could not be answered.
    pub bad_offers: u64,
    /// Requests refused for lack of a grant or beyond a limit.
    pub refused_requests: u64,
    /// Data packets passed on to at least one receiver.
    pub data_routed: u64,
    /// Data packets dropped: unreadable, repeated, or sent without the right.
    pub data_dropped: u64,
    /// Sessions that were taken up again by a new connection.
    pub resumed: u64,
}
