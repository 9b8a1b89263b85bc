//! Every limit, in one place, with its reason and what happens at it.

use std::time::Duration;

/// People in one room; the next join is refused with `limits` (the mission's figure).
pub const PARTICIPANTS_PER_ROOM: usize = 1_000;

/// Tracks that one participant may publish at once; further `AddTrack`
/// requests get `LIMIT_EXCEEDED`. A person has a camera, a microphone, a
/// screen and its sound; the rest is room for bots and capture cards.
pub const TRACKS_PER_PARTICIPANT: usize = 32;

/// Data tracks that one participant may publish at once; further requests get
/// `LIMIT_EXCEEDED`. A robot with many joints has some dozens of sensors.
pub const DATA_TRACKS_PER_PARTICIPANT: usize = 128;

/// Data tracks that one participant may receive at once; further subscriptions
/// are passed over. All are told at each change, with some 60 bytes each.
pub const DATA_SUBSCRIPTIONS_PER_PEER: usize = 1_024;

/// Subscriptions of one peer; further ones get a subscription error. All of a
/// full room's microphones and as many pictures.
pub const SUBSCRIPTIONS_PER_PEER: usize = 2 * PARTICIPANTS_PER_ROOM;

/// Media sections in one description: one for each subscription and
/// publication, and the data channel. A larger offer closes the session.
pub const MEDIA_SECTIONS: usize = SUBSCRIPTIONS_PER_PEER + TRACKS_PER_PARTICIPANT + 16;

/// One signalling frame, in bytes. A larger one closes the session. The
/// LiveKit server takes 2 MiB; an offer of [`MEDIA_SECTIONS`] fits.
pub const SIGNAL_FRAME_BYTES: usize = 2 * 1024 * 1024;

/// A join request after decompression, in bytes: more is refused with 400.
pub const JOIN_REQUEST_BYTES: usize = 1024 * 1024;

/// Signalling frames that may wait for a client that reads slowly; the next
/// one closes its session. At the busiest (a join into a full room) a client
/// is sent a few dozen frames.
pub const SIGNAL_QUEUE_FRAMES: usize = 1_024;

/// One data-channel message in bytes; clients clamp theirs to 64,000. A longer
/// one is dropped and counted.
pub const DATA_MESSAGE_BYTES: usize = 65_535;

/// Data that may wait in SCTP for one peer, in bytes. Lossy messages beyond it
/// are dropped; a reliable one closes the peer, since it can no longer be reliable.
pub const DATA_QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// Lossy data that may wait in SCTP for one peer, in bytes; what comes then is
/// dropped. Far less than [`DATA_QUEUE_BYTES`], so that no flood of it leaves
/// the reliable without room.
pub const DATA_QUEUE_LOSSY_BYTES: usize = DATA_QUEUE_BYTES / 4;

/// Reliable data waiting for one peer beyond this makes those who send it wait
/// for that peer, until less than half of it is left.
pub const DATA_BACKLOG_BYTES: usize = DATA_QUEUE_BYTES / 4;

/// A peer whose backlog stays above half of [`DATA_BACKLOG_BYTES`] for so long
/// is closed: it takes less than 100 kB a second, and others wait for it.
pub const DATA_STALL: Duration = Duration::from_secs(5);

/// Data of one channel of one peer that may be under way in this node, in
/// bytes; an empty message counts as [`DATA_COST_MIN`]. Beyond it lossy
/// messages are dropped, and reliable ones stay in SCTP, whose window closes.
pub const DATA_IN_FLIGHT_BYTES: usize = 256 * 1024;

/// What a message of data costs at least, so that their number is bounded too.
pub const DATA_COST_MIN: usize = 512;

/// Name of a participant, in bytes of UTF-8. A longer one is refused with 400.
pub const NAME_BYTES: usize = 256;

/// Identity of a participant and name of a room, in bytes of UTF-8.
pub const IDENTITY_BYTES: usize = 256;

/// A participant's metadata, and all of its attributes together, in bytes.
pub const METADATA_BYTES: usize = 64 * 1024;

/// Meeting title in bytes of UTF-8; a longer one is refused with 400.
pub const TITLE_BYTES: usize = 200;

/// A meeting's settings as JSON text, in bytes; longer ones are refused with 400.
pub const SETTINGS_BYTES: usize = 16 * 1024;

/// Body of a REST request in bytes; a longer one is refused with 413. Twice
/// the longest that the limits of its fields allow.
pub const BODY_BYTES: usize = 64 * 1024;

/// Body of a request to the server API in bytes; a longer one is refused with
/// 400. Metadata of [`METADATA_BYTES`] in JSON can be four times as long.
pub const ADMIN_BODY_BYTES: usize = 5 * METADATA_BYTES;

/// What a participant may answer to a procedure call of the server API, in
/// bytes; a longer answer fails the call.
pub const RPC_ANSWER_BYTES: usize = 256 * 1024;

/// Procedure calls of the server API that may wait in one room; the next one
/// is refused with 429.
pub const CALLS_PER_ROOM: usize = 256;

/// The longest that a procedure call of the server API may wait.
pub const RPC_WAIT: Duration = Duration::from_secs(60);

/// Revocations of tokens that a node remembers; the oldest make way. One has
/// two names of up to [`IDENTITY_BYTES`], so all have 10 MiB at the very most.
pub const REVOCATIONS: usize = 10_000;

/// A revocation is forgotten after so long: tokens of LiveKit's server SDKs
/// are good for six hours unless told otherwise, and meetings end within a day.
pub const REVOCATION_LIFE: Duration = Duration::from_hours(24);

/// Rooms of one node; further ones are refused with 429, and joins that would
/// open one with `JOIN_FAILURE`. An empty room costs about a kilobyte.
pub const ROOMS: usize = 100_000;

/// HTTP connections, WebSockets among them; further ones are closed at once.
pub const HTTP_CONNECTIONS: usize = 16_384;

/// HTTP connections of one address that is not a trusted proxy; further ones
/// are closed at once. Room for a thousand people behind one address.
pub const HTTP_CONNECTIONS_PER_ADDRESS: usize = 4_096;

/// The head of an HTTP request must have come by then, also the first byte of the
/// next one on a connection that is kept.
pub const HTTP_HEAD: Duration = Duration::from_secs(10);

/// A connection that takes nothing for so long is closed.
pub const HTTP_STALL: Duration = Duration::from_secs(30);

/// A request that is not answered by then, slow bodies among them, is given up with 408.
pub const HTTP_REQUEST: Duration = RPC_WAIT.saturating_add(Duration::from_secs(15));

/// Passcode in bytes; a longer one is refused with 400 before it is hashed.
pub const PASSCODE_BYTES: usize = 128;

/// Passcode tries per minute, for one address and one meeting; then 429.
pub const PASSCODE_TRIES_PER_MINUTE: u32 = 5;

/// A peer whose ICE and DTLS are not up by then is closed.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// A connected peer that no valid packet came from for so long is gone
/// (RFC 7675 §5.1 asks a sender to stop after 30 s without consent; presence
/// must be right 15 s after a client vanished, so we are stricter).
pub const PEER_SILENCE: Duration = Duration::from_secs(10);

/// A session that lost its signalling connection waits so long for a resume.
pub const RESUME_WINDOW: Duration = Duration::from_secs(10);

/// A client sends signalling pings at this interval…
pub const PING_INTERVAL: Duration = Duration::from_secs(5);
/// …and its session is closed after this silence.
pub const PING_TIMEOUT: Duration = Duration::from_secs(12);

/// A datagram of ours never exceeds this: IPv6's minimum MTU of 1,280 bytes
/// less headers would be safest, but clients send RTP of up to 1,200 bytes and we
/// forward it with our own extensions and tag (RFC 8834 leaves the choice).
pub const DATAGRAM_BYTES: usize = 1_400;

/// The largest datagram that we take in; anything longer is not WebRTC's.
pub const DATAGRAM_BYTES_MAX: usize = 1_500;
