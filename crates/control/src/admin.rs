//! The server API's questions (LiveKit's RoomService), and why they may be
//! refused. Who may ask is the shell's business; what is asked is done here.

use livekit_protocol as proto;

/// What a server application asks for. The messages are LiveKit's.
#[derive(Clone, PartialEq, Debug)]
pub enum Request {
    /// Makes a room, or changes the settings of one that exists.
    CreateRoom(Box<proto::CreateRoomRequest>),
    ListRooms(proto::ListRoomsRequest),
    DeleteRoom(proto::DeleteRoomRequest),
    ListParticipants(proto::ListParticipantsRequest),
    GetParticipant(proto::RoomParticipantIdentity),
    RemoveParticipant(proto::RoomParticipantIdentity),
    MutePublishedTrack(proto::MuteRoomTrackRequest),
    UpdateParticipant(proto::UpdateParticipantRequest),
    UpdateSubscriptions(proto::UpdateSubscriptionsRequest),
    SendData(proto::SendDataRequest),
    UpdateRoomMetadata(proto::UpdateRoomMetadataRequest),
    /// Answered when the participant has, at the latest after
    /// [`protocol::limits::RPC_WAIT`].
    PerformRpc(proto::PerformRpcRequest),
    MoveParticipant(proto::MoveParticipantRequest),
    ForwardParticipant(proto::ForwardParticipantRequest),
}

/// What is answered, request by request.
#[derive(Clone, PartialEq, Debug)]
pub enum Reply {
    Room(Box<proto::Room>),
    Rooms(Vec<proto::Room>),
    Participant(Box<proto::ParticipantInfo>),
    Participants(Vec<proto::ParticipantInfo>),
    Track(Box<proto::TrackInfo>),
    /// What a procedure returned.
    Payload(String),
    /// There is nothing more to say than that it is done.
    Done,
}

/// Why a request is refused, by the kinds that LiveKit's clients know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    InvalidArgument,
    NotFound,
    FailedPrecondition,
    /// A limit is reached.
    ResourceExhausted,
    /// A participant did not answer in time.
    DeadlineExceeded,
    /// It was there, but went away meanwhile.
    Unavailable,
    /// A procedure failed at the participant.
    Internal,
}

/// A "no" with its reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    pub code: Code,
    pub message: String,
    /// The error of a procedure call, as participants know it: code and data.
    pub rpc: Option<(u32, String)>,
}

impl Refused {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            rpc: None,
        }
    }

    pub(crate) fn no_room() -> Self {
        // These words of LiveKit's are known to its clients.
        Self::new(Code::NotFound, "requested room does not exist")
    }

    pub(crate) fn no_participant() -> Self {
        Self::new(Code::NotFound, "participant does not exist")
    }
}

/// What a request comes to.
pub type Outcome = Result<Reply, Refused>;
