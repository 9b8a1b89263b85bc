//! Data packets (LiveKit's `DataPacket`): stamped with who sent them, else
//! passed on byte for byte. They are not decoded into messages, so kinds of
//! content that we have never heard of pass as well.

use std::collections::BTreeSet;

use bytes::{BufMut, Bytes, BytesMut};
use protocol::{limits, plane::DataChannel};

/// Field numbers of `DataPacket`.
mod packet {
    pub(super) const KIND: u64 = 1;
    pub(super) const USER: u64 = 2;
    /// Active speakers, which only a server may tell.
    pub(super) const SPEAKER: u64 = 3;
    pub(super) const IDENTITY: u64 = 4;
    pub(super) const DESTINATIONS: u64 = 5;
    pub(super) const SEQUENCE: u64 = 16;
    pub(super) const SID: u64 = 17;
}

/// Field numbers of `UserPacket`, which has older fields of the same meaning.
mod user {
    pub(super) const SID: u64 = 1;
    pub(super) const DESTINATION_SIDS: u64 = 3;
    pub(super) const IDENTITY: u64 = 5;
    pub(super) const DESTINATIONS: u64 = 6;
}

/// Wire types (protobuf encoding, "Message Structure").
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH: u64 = 2;
const FIXED32: u64 = 5;

/// Why a packet is not passed on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Undeliverable {
    #[error("longer than {} bytes", limits::DATA_MESSAGE_BYTES)]
    TooLong,
    #[error("not a DataPacket")]
    Malformed,
    #[error("of a kind that only a server may send")]
    Reserved,
}

/// Who sent a packet; empty for those who are not to be seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'a> {
    pub(crate) sid: &'a str,
    pub(crate) identity: &'a str,
}

/// A packet ready to be sent to any number of receivers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Stamped {
    pub(crate) bytes: Bytes,
    /// Identities and (older clients) sids; nobody named means everybody.
    pub(crate) destinations: BTreeSet<String>,
    /// Counts a sender's reliable packets from 1; 0 when it does not count.
    pub(crate) sequence: u64,
}

/// Reads what has to be known, drops what the sender must not say of itself,
/// and stamps the truth.
pub(crate) fn stamp(
    payload: &[u8],
    channel: DataChannel,
    sender: Sender<'_>,
) -> Result<Stamped, Undeliverable> {
    if payload.len() > limits::DATA_MESSAGE_BYTES {
        return Err(Undeliverable::TooLong);
    }
    let mut out = BytesMut::with_capacity(payload.len() + 128);
    let mut destinations = BTreeSet::new();
    let mut sequence = 0;
    // The channel tells the truth about reliability, the field does not always.
    if channel == DataChannel::Lossy {
        put_key(&mut out, packet::KIND, VARINT);
        put_varint(&mut out, 1);
    }
    let mut rest = payload;
    while !rest.is_empty() {
        let field = Field::read(&mut rest).ok_or(Undeliverable::Malformed)?;
        match field.number {
            packet::KIND | packet::IDENTITY | packet::SID => {}
            packet::SPEAKER => return Err(Undeliverable::Reserved),
            packet::USER => {
                let inner = stamp_user(field.content()?, sender, &mut destinations)?;
                put_bytes(&mut out, packet::USER, &inner);
            }
            packet::DESTINATIONS => {
                destinations.insert(field.text()?);
                out.put_slice(field.whole);
            }
            packet::SEQUENCE => {
                sequence = field.value;
                out.put_slice(field.whole);
            }
            _ => out.put_slice(field.whole),
        }
    }
    put_bytes(&mut out, packet::IDENTITY, sender.identity.as_bytes());
    put_bytes(&mut out, packet::SID, sender.sid.as_bytes());
    Ok(Stamped {
        bytes: out.freeze(),
        destinations,
        sequence,
    })
}

fn stamp_user(
    content: &[u8],
    sender: Sender<'_>,
    destinations: &mut BTreeSet<String>,
) -> Result<BytesMut, Undeliverable> {
    let mut out = BytesMut::with_capacity(content.len() + 64);
    let mut rest = content;
    while !rest.is_empty() {
        let field = Field::read(&mut rest).ok_or(Undeliverable::Malformed)?;
        match field.number {
            user::SID | user::IDENTITY => {}
            user::DESTINATION_SIDS | user::DESTINATIONS => {
                destinations.insert(field.text()?);
                out.put_slice(field.whole);
            }
            _ => out.put_slice(field.whole),
        }
    }
    put_bytes(&mut out, user::SID, sender.sid.as_bytes());
    put_bytes(&mut out, user::IDENTITY, sender.identity.as_bytes());
    Ok(out)
}

/// One field of a protobuf message.
struct Field<'a> {
    number: u64,
    /// Of a varint.
    value: u64,
    /// Of a length-delimited field.
    content: Option<&'a [u8]>,
    /// Key and all.
    whole: &'a [u8],
}

impl<'a> Field<'a> {
    /// Takes the first field off `rest`.
    fn read(rest: &mut &'a [u8]) -> Option<Self> {
        let start = *rest;
        let key = varint(rest)?;
        let (number, wire) = (key >> 3, key & 7);
        let (mut value, mut content) = (0, None);
        match wire {
            VARINT => value = varint(rest)?,
            FIXED64 => *rest = rest.get(8..)?,
            LENGTH => {
                let length = usize::try_from(varint(rest)?).ok()?;
                content = Some(rest.get(..length)?);
                *rest = rest.get(length..)?;
            }
            FIXED32 => *rest = rest.get(4..)?,
            // Groups have been out of use since before LiveKit existed.
            _ => return None,
        }
        let whole = start.get(..start.len() - rest.len())?;
        (number > 0).then_some(Self {
            number,
            value,
            content,
            whole,
        })
    }

    fn content(&self) -> Result<&'a [u8], Undeliverable> {
        self.content.ok_or(Undeliverable::Malformed)
    }

    fn text(&self) -> Result<String, Undeliverable> {
        let text = str::from_utf8(self.content()?).map_err(|_| Undeliverable::Malformed)?;
        Ok(text.to_owned())
    }
}

/// Seven bits a byte, the lowest first; at most ten bytes.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(out: &mut BytesMut, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.put_u8(low & 0x7f);
            return;
        }
        out.put_u8(low | 0x80);
    }
}

fn put_key(out: &mut BytesMut, number: u64, wire: u64) {
    put_varint(out, number << 3 | wire);
}

/// Empty means absent, as everywhere in protobuf 3.
fn put_bytes(out: &mut BytesMut, number: u64, content: &[u8]) {
    if content.is_empty() && number != packet::USER {
        return;
    }
    put_key(out, number, LENGTH);
    put_varint(out, u64::try_from(content.len()).unwrap_or(0));
    out.put_slice(content);
}

#[cfg(test)]
mod tests {
    use livekit_protocol as proto;
    use proptest::prelude::*;
    use prost::Message;
    use proto::data_packet::Value;

    use super::*;

    const SENDER: Sender<'static> = Sender {
        sid: "PA_true",
        identity: "anna",
    };

    fn stamped(packet: &proto::DataPacket, channel: DataChannel) -> (Stamped, proto::DataPacket) {
        let stamped = stamp(&packet.encode_to_vec(), channel, SENDER).unwrap();
        let decoded = proto::DataPacket::decode(stamped.bytes.as_ref()).unwrap();
        (stamped, decoded)
    }

    #[test]
    #[expect(deprecated, reason = "older clients read these fields")]
    fn the_sender_is_who_the_server_says() {
        let packet = proto::DataPacket {
            kind: 1,
            participant_identity: "mallory".into(),
            participant_sid: "PA_forged".into(),
            destination_identities: vec!["bert".into()],
            sequence: 7,
            value: Some(Value::User(proto::UserPacket {
                participant_sid: "PA_forged".into(),
                participant_identity: "mallory".into(),
                payload: b"hello".to_vec(),
                destination_sids: vec!["PA_carl".into()],
                topic: Some("lk-chat-topic".into()),
                ..Default::default()
            })),
        };
        let (stamped, out) = stamped(&packet, DataChannel::Reliable);
        assert_eq!(
            (
                out.participant_identity.as_str(),
                out.participant_sid.as_str()
            ),
            ("anna", "PA_true")
        );
        assert_eq!(out.kind, 0, "the channel decides");
        assert_eq!((stamped.sequence, out.sequence), (7, 7));
        let names: Vec<&str> = stamped.destinations.iter().map(String::as_str).collect();
        assert_eq!(names, ["PA_carl", "bert"]);
        let Some(Value::User(user)) = out.value else {
            panic!("user packet expected")
        };
        assert_eq!(
            (
                user.participant_sid.as_str(),
                user.participant_identity.as_str()
            ),
            ("PA_true", "anna")
        );
        assert_eq!(
            (user.payload.as_slice(), user.topic.as_deref()),
            (&b"hello"[..], Some("lk-chat-topic"))
        );
    }

    #[test]
    fn streams_and_unknown_content_pass_untouched() {
        let header = proto::data_stream::Header {
            stream_id: "s1".into(),
            topic: "lk.chat".into(),
            ..Default::default()
        };
        let packet = proto::DataPacket {
            value: Some(Value::StreamHeader(header.clone())),
            ..Default::default()
        };
        let (_, out) = stamped(&packet, DataChannel::Lossy);
        assert_eq!(out.value, Some(Value::StreamHeader(header)));
        assert_eq!(out.participant_identity, "anna");

        // Field 99 with three bytes: a message of tomorrow.
        let unknown = [0x9a, 0x06, 3, 1, 2, 3];
        let bytes = stamp(&unknown, DataChannel::Reliable, SENDER)
            .unwrap()
            .bytes;
        assert!(bytes.windows(unknown.len()).any(|window| window == unknown));
    }

    #[test]
    fn nobody_plays_the_server() {
        #[expect(deprecated, reason = "an attack")]
        let value = Some(Value::Speaker(proto::ActiveSpeakerUpdate::default()));
        let packet = proto::DataPacket {
            value,
            ..Default::default()
        };
        let result = stamp(&packet.encode_to_vec(), DataChannel::Lossy, SENDER);
        assert_eq!(result, Err(Undeliverable::Reserved));
        let long = vec![0; limits::DATA_MESSAGE_BYTES + 1];
        assert_eq!(
            stamp(&long, DataChannel::Lossy, SENDER),
            Err(Undeliverable::TooLong)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_stamped(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(stamped) = stamp(&bytes, DataChannel::Reliable, SENDER)
                && let Ok(packet) = proto::DataPacket::decode(stamped.bytes.as_ref())
            {
                prop_assert_eq!(packet.participant_identity, "anna");
                prop_assert_eq!(packet.participant_sid, "PA_true");
            }
        }

        #[test]
        fn numbers_survive(value in any::<u64>()) {
            let mut out = BytesMut::new();
            put_varint(&mut out, value);
            let mut rest = out.as_ref();
            prop_assert_eq!(varint(&mut rest), Some(value));
            prop_assert!(rest.is_empty());
        }
    }
}
