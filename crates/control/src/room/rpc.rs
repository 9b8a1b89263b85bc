//! Procedure calls that a server application makes: the room plays the
//! caller towards a participant and waits for its answer, as clients do among
//! themselves.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use livekit_protocol as proto;
use prost::Message as _;
use proto::{data_packet::Value, data_stream, rpc_response};
use protocol::{ids::RequestId, limits, plane::DataChannel};

use super::Room;
use crate::{
    admin::{Code, Outcome, Refused, Reply},
    desk::{Desk, PersonKey},
    face::{Answer, Output, Wake},
};

/// Clients acknowledge a call as soon as they have it; that long it may take.
const ACKNOWLEDGED: Duration = Duration::from_secs(7);
/// How long clients wait for the result when nothing is said.
const ANSWERED: Duration = Duration::from_secs(15);

/// Arguments for clients that take them in one packet only.
const PACKET_PAYLOAD: usize = 15_360;
/// Bytes of a stream that clients put into one packet.
const CHUNK: usize = 15_000;
/// From this client protocol on, arguments go as a text stream…
const STREAMS: i32 = 1;
/// …and from this one on, short streams within their header.
const INLINE: i32 = 2;

const REQUEST_TOPIC: &str = "lk.rpc_request";
const RESPONSE_TOPIC: &str = "lk.rpc_response";
const ATTRIBUTE_ID: &str = "lk.rpc_request_id";

/// Errors that every LiveKit client knows by number.
mod error {
    pub(super) const CONNECTION_TIMEOUT: u32 = 1501;
    pub(super) const RESPONSE_TIMEOUT: u32 = 1502;
    pub(super) const RECIPIENT_DISCONNECTED: u32 = 1503;
    pub(super) const RESPONSE_PAYLOAD_TOO_LARGE: u32 = 1504;
    pub(super) const UNSUPPORTED_METHOD: u32 = 1400;
    pub(super) const RECIPIENT_NOT_FOUND: u32 = 1401;
    pub(super) const REQUEST_PAYLOAD_TOO_LARGE: u32 = 1402;
}

#[derive(Debug)]
struct Call {
    request: RequestId,
    person: PersonKey,
    /// `None` once the client has acknowledged.
    acknowledge_by: Option<Instant>,
    answer_by: Instant,
    /// The answer, when it comes as a stream: its id and what there is of it.
    stream: Option<(String, Vec<u8>)>,
}

/// Calls that wait, by their ids, which are also the caller's identity: it is
/// what the client addresses its answer to.
#[derive(Debug, Default)]
pub(super) struct Calls(BTreeMap<String, Call>);

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn awaits(&self, destination: &str) -> bool {
        self.0.contains_key(destination)
    }
}

/// What a packet of an answer means for its call.
enum Progress {
    Waiting,
    Done(Outcome),
}

impl Room {
    pub(crate) fn call(
        &mut self,
        request: RequestId,
        call: &proto::PerformRpcRequest,
        desk: &mut Desk,
    ) -> Result<(), Refused> {
        let not_found = || rpc_error(error::RECIPIENT_NOT_FOUND, "Recipient not found", "");
        let person = self
            .person(&call.destination_identity)
            .map_err(|_| not_found())?;
        let participant = self.people.get(&person).ok_or_else(not_found)?;
        if participant.connected_peer().is_none() {
            return Err(not_found());
        }
        if self.calls.0.len() >= limits::CALLS_PER_ROOM {
            return Err(Refused::new(
                Code::ResourceExhausted,
                "too many calls wait in this room",
            ));
        }
        let wait = match call.response_timeout_ms {
            0 => ANSWERED,
            ms => Duration::from_millis(ms.into()).min(limits::RPC_WAIT),
        };
        let id = format!("RPC_{}", desk.letters(22));
        let packets = packets(&id, call, wait, participant.client_protocol(), desk)?;
        let named = [call.destination_identity.clone()];
        for packet in packets {
            self.send_packet(&packet, DataChannel::Reliable, &named, desk)?;
        }
        desk.wake(self.key, Wake::Calls, ACKNOWLEDGED.min(wait));
        desk.wake(self.key, Wake::Calls, wait);
        let call = Call {
            request,
            person,
            acknowledge_by: Some(desk.now + ACKNOWLEDGED),
            answer_by: desk.now + wait,
            stream: None,
        };
        self.calls.0.insert(id, call);
        Ok(())
    }

    /// A packet that is addressed to a call.
    pub(super) fn answer_call(
        &mut self,
        person: PersonKey,
        id: &str,
        bytes: &Bytes,
        desk: &mut Desk,
    ) {
        let Some(call) = self.calls.0.get_mut(id).filter(|c| c.person == person) else {
            return;
        };
        let Ok(proto::DataPacket {
            value: Some(value), ..
        }) = proto::DataPacket::decode(bytes.as_ref())
        else {
            return;
        };
        if let Progress::Done(outcome) = call.take(id, value)
            && let Some(call) = self.calls.0.remove(id)
        {
            answer(call.request, outcome, desk);
        }
    }

    /// Gives up on the calls whose time is over.
    pub(super) fn expire_calls(&mut self, desk: &mut Desk) {
        let now = desk.now;
        self.end_calls(desk, |call| {
            if call.acknowledge_by.is_some_and(|by| by <= now) {
                Some(rpc_error(
                    error::CONNECTION_TIMEOUT,
                    "Connection timeout",
                    "",
                ))
            } else if call.answer_by <= now {
                Some(rpc_error(error::RESPONSE_TIMEOUT, "Response timeout", ""))
            } else {
                None
            }
        });
    }

    /// Whoever leaves answers no more.
    pub(super) fn drop_calls(&mut self, person: PersonKey, desk: &mut Desk) {
        self.end_calls(desk, |call| {
            (call.person == person)
                .then(|| rpc_error(error::RECIPIENT_DISCONNECTED, "Recipient disconnected", ""))
        });
    }

    fn end_calls(&mut self, desk: &mut Desk, verdict: impl Fn(&Call) -> Option<Refused>) {
        self.calls.0.retain(|_, call| match verdict(call) {
            Some(refused) => {
                answer(call.request, Err(refused), desk);
                false
            }
            None => true,
        });
    }
}

impl Call {
    fn take(&mut self, id: &str, value: Value) -> Progress {
        match value {
            Value::RpcAck(ack) if ack.request_id == id => self.acknowledge_by = None,
            Value::RpcResponse(response) if response.request_id == id => {
                return Progress::Done(outcome(response.value));
            }
            Value::StreamHeader(header) => return self.open(id, header),
            Value::StreamChunk(chunk) => return self.add(&chunk.stream_id, &chunk.content),
            Value::StreamTrailer(trailer) => return self.close(&trailer.stream_id),
            // Whatever else is sent to a call is no answer.
            Value::RpcAck(_)
            | Value::RpcResponse(_)
            | Value::User(_)
            | Value::SipDtmf(_)
            | Value::Transcription(_)
            | Value::Metrics(_)
            | Value::ChatMessage(_)
            | Value::RpcRequest(_)
            | Value::EncryptedPacket(_) => {}
            #[expect(deprecated, reason = "clients could still send it")]
            Value::Speaker(_) => {}
        }
        Progress::Waiting
    }

    fn open(&mut self, id: &str, header: data_stream::Header) -> Progress {
        let named = header
            .attributes
            .get(ATTRIBUTE_ID)
            .is_some_and(|of| of == id);
        if header.topic != RESPONSE_TOPIC || !named {
            return Progress::Waiting;
        }
        // An answer is as good as an acknowledgement, and may overtake it.
        self.acknowledge_by = None;
        self.stream = Some((header.stream_id.clone(), Vec::new()));
        match header.inline_content {
            // We say nothing that would let a client compress.
            Some(_) if header.compression != 0 => Progress::Done(Err(Refused::new(
                Code::Internal,
                "the answer is compressed",
            ))),
            Some(content) => match self.add(&header.stream_id, &content) {
                Progress::Waiting => self.close(&header.stream_id),
                done @ Progress::Done(_) => done,
            },
            None => Progress::Waiting,
        }
    }

    fn add(&mut self, stream: &str, content: &[u8]) -> Progress {
        let Some((_, text)) = self.stream.as_mut().filter(|(id, _)| id == stream) else {
            return Progress::Waiting;
        };
        if text.len().saturating_add(content.len()) > limits::RPC_ANSWER_BYTES {
            return Progress::Done(Err(rpc_error(
                error::RESPONSE_PAYLOAD_TOO_LARGE,
                "Response payload too large",
                "",
            )));
        }
        text.extend_from_slice(content);
        Progress::Waiting
    }

    fn close(&mut self, stream: &str) -> Progress {
        let Some((_, text)) = self.stream.take_if(|(id, _)| id == stream) else {
            return Progress::Waiting;
        };
        Progress::Done(match String::from_utf8(text) {
            Ok(text) => Ok(Reply::Payload(text)),
            Err(_) => Err(Refused::new(Code::Internal, "the answer is not text")),
        })
    }
}

fn outcome(value: Option<rpc_response::Value>) -> Outcome {
    match value {
        Some(rpc_response::Value::Payload(payload)) => Ok(Reply::Payload(payload)),
        Some(rpc_response::Value::Error(error)) => Err(rpc_error(
            error.code,
            &cut(&error.message),
            &cut(&error.data),
        )),
        Some(rpc_response::Value::CompressedPayload(_)) => {
            Err(Refused::new(Code::Internal, "the answer is compressed"))
        }
        None => Ok(Reply::Payload(String::new())),
    }
}

/// Clients keep these texts below 15 KiB themselves.
fn cut(text: &str) -> String {
    text.chars().take(PACKET_PAYLOAD).collect()
}

fn rpc_error(number: u32, message: &str, data: &str) -> Refused {
    let code = match number {
        error::CONNECTION_TIMEOUT | error::RESPONSE_TIMEOUT => Code::DeadlineExceeded,
        error::RECIPIENT_DISCONNECTED => Code::Unavailable,
        error::RECIPIENT_NOT_FOUND => Code::NotFound,
        error::UNSUPPORTED_METHOD | error::REQUEST_PAYLOAD_TOO_LARGE => Code::InvalidArgument,
        _ => Code::Internal,
    };
    Refused {
        code,
        message: format!("RpcError {number}: {message}"),
        rpc: Some((number, data.to_owned())),
    }
}

fn answer(request: RequestId, outcome: Outcome, desk: &mut Desk) {
    let answer = Answer::Admin(outcome);
    desk.outputs.push_back(Output::Answer { request, answer });
}

/// The call in the form that the client takes.
fn packets(
    id: &str,
    call: &proto::PerformRpcRequest,
    wait: Duration,
    client_protocol: i32,
    desk: &mut Desk,
) -> Result<Vec<proto::DataPacket>, Refused> {
    let packet = |value| proto::DataPacket {
        participant_identity: id.to_owned(),
        destination_identities: vec![call.destination_identity.clone()],
        value: Some(value),
        ..Default::default()
    };
    let wait_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
    if client_protocol < STREAMS {
        if call.payload.len() > PACKET_PAYLOAD {
            return Err(rpc_error(
                error::REQUEST_PAYLOAD_TOO_LARGE,
                "Request payload too large",
                "",
            ));
        }
        let request = proto::RpcRequest {
            id: id.to_owned(),
            method: call.method.clone(),
            payload: call.payload.clone(),
            response_timeout_ms: wait_ms,
            version: 1,
            ..Default::default()
        };
        return Ok(vec![packet(Value::RpcRequest(request))]);
    }
    let inline = client_protocol >= INLINE && call.payload.len() <= CHUNK;
    let header = header(id, call, wait_ms, inline, desk);
    let stream_id = header.stream_id.clone();
    let mut packets = vec![packet(Value::StreamHeader(header))];
    if !inline {
        for (index, content) in (0..).zip(call.payload.as_bytes().chunks(CHUNK)) {
            packets.push(packet(Value::StreamChunk(data_stream::Chunk {
                stream_id: stream_id.clone(),
                chunk_index: index,
                content: content.to_vec(),
                ..Default::default()
            })));
        }
        packets.push(packet(Value::StreamTrailer(data_stream::Trailer {
            stream_id,
            ..Default::default()
        })));
    }
    Ok(packets)
}

fn header(
    id: &str,
    call: &proto::PerformRpcRequest,
    wait_ms: u32,
    inline: bool,
    desk: &mut Desk,
) -> data_stream::Header {
    let attributes = [
        (ATTRIBUTE_ID, id.to_owned()),
        ("lk.rpc_request_method", call.method.clone()),
        ("lk.rpc_request_response_timeout_ms", wait_ms.to_string()),
        ("lk.rpc_request_version", "2".to_owned()),
    ];
    data_stream::Header {
        stream_id: format!("ST_{}", desk.letters(22)),
        timestamp: desk.unix_ms(),
        topic: REQUEST_TOPIC.to_owned(),
        mime_type: "text/plain".to_owned(),
        total_length: u64::try_from(call.payload.len()).ok(),
        attributes: attributes
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
        inline_content: inline.then(|| call.payload.clone().into_bytes()),
        content_header: Some(data_stream::header::ContentHeader::TextHeader(
            data_stream::TextHeader::default(),
        )),
        ..Default::default()
    }
}
