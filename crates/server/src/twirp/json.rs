//! Answers in JSON as LiveKit's server writes them: names with underscores,
//! and every field, also those that are not set. The messages' own `Serialize`
//! writes neither, so the fields are listed here; a test compares the list with
//! the messages.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// The fields of a message, by their names in the schema.
pub(super) type Shape = &'static [(&'static str, Field)];

/// What stands for a field that is not set, and what is in one that is.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Text,
    Number,
    /// 64 bits: JSON has them as text.
    Long,
    Flag,
    /// Named, with the name of 0.
    Choice(&'static str),
    List,
    Map,
    Message(Shape),
    Messages(Shape),
    /// Passed on as it is.
    Opaque,
}

use Field::{Choice, Flag, List, Long, Message, Messages, Number, Opaque, Text};

pub(super) const ROOM: Shape = &[
    ("sid", Text),
    ("name", Text),
    ("empty_timeout", Number),
    ("departure_timeout", Number),
    ("max_participants", Number),
    ("creation_time", Long),
    ("creation_time_ms", Long),
    ("turn_password", Text),
    (
        "enabled_codecs",
        Messages(&[("mime", Text), ("fmtp_line", Text)]),
    ),
    ("metadata", Text),
    ("num_participants", Number),
    ("num_publishers", Number),
    ("active_recording", Flag),
    ("version", Message(VERSION)),
];

pub(super) const ROOMS: Shape = &[("rooms", Messages(ROOM))];
pub(super) const PARTICIPANTS: Shape = &[("participants", Messages(PARTICIPANT))];
pub(super) const TRACK: Shape = &[("track", Message(TRACK_INFO))];
pub(super) const PAYLOAD: Shape = &[("payload", Text)];

const VERSION: Shape = &[("unix_micro", Long), ("ticks", Number)];

pub(super) const PARTICIPANT: Shape = &[
    ("sid", Text),
    ("identity", Text),
    ("state", Choice("JOINING")),
    ("tracks", Messages(TRACK_INFO)),
    ("metadata", Text),
    ("joined_at", Long),
    ("joined_at_ms", Long),
    ("name", Text),
    ("version", Number),
    ("permission", Message(PERMISSION)),
    ("region", Text),
    ("is_publisher", Flag),
    ("kind", Choice("STANDARD")),
    ("attributes", Field::Map),
    ("disconnect_reason", Choice("UNKNOWN_REASON")),
    ("kind_details", List),
    ("data_tracks", Messages(DATA_TRACK)),
    ("client_protocol", Number),
    ("capabilities", List),
];

const PERMISSION: Shape = &[
    ("can_subscribe", Flag),
    ("can_publish", Flag),
    ("can_publish_data", Flag),
    ("can_publish_sources", List),
    ("hidden", Flag),
    ("recorder", Flag),
    ("can_update_metadata", Flag),
    ("agent", Flag),
    ("can_subscribe_metrics", Flag),
    ("can_manage_agent_session", Flag),
];

const DATA_TRACK: Shape = &[
    ("pub_handle", Number),
    ("sid", Text),
    ("name", Text),
    ("encryption", Choice("NONE")),
    ("frame_encoding", Opaque),
    ("schema", Opaque),
];

const TRACK_INFO: Shape = &[
    ("sid", Text),
    ("type", Choice("AUDIO")),
    ("name", Text),
    ("muted", Flag),
    ("width", Number),
    ("height", Number),
    ("simulcast", Flag),
    ("disable_dtx", Flag),
    ("source", Choice("UNKNOWN")),
    ("layers", Messages(LAYER)),
    ("mime_type", Text),
    ("mid", Text),
    ("codecs", Messages(CODEC)),
    ("stereo", Flag),
    ("disable_red", Flag),
    ("encryption", Choice("NONE")),
    ("stream", Text),
    ("version", Message(VERSION)),
    ("audio_features", List),
    ("backup_codec_policy", Choice("PREFER_REGRESSION")),
    ("packet_trailer_features", List),
];

const CODEC: Shape = &[
    ("mime_type", Text),
    ("mid", Text),
    ("cid", Text),
    ("layers", Messages(LAYER)),
    ("video_layer_mode", Choice("MODE_UNUSED")),
    ("sdp_cid", Text),
];

const LAYER: Shape = &[
    ("quality", Choice("LOW")),
    ("width", Number),
    ("height", Number),
    ("bitrate", Number),
    ("ssrc", Number),
    ("spatial_layer", Number),
    ("rid", Text),
    ("repair_ssrc", Number),
];

/// The message in JSON, in UTF-8.
pub(super) fn write<T: Serialize>(message: &T, shape: Shape) -> Vec<u8> {
    // Maps with string keys and finite numbers always have a JSON form.
    let short = serde_json::to_value(message).unwrap_or_default();
    spell_out(short, shape).to_string().into_bytes()
}

fn spell_out(short: Value, shape: Shape) -> Value {
    let mut short = match short {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    let fields = shape.iter().map(|(name, field)| {
        let value = match short.remove(&camel_case(name)) {
            Some(value) => given(value, *field),
            None => absent(*field),
        };
        ((*name).to_owned(), value)
    });
    Value::Object(fields.collect())
}

fn given(value: Value, field: Field) -> Value {
    match (field, value) {
        (Message(shape), value) => spell_out(value, shape),
        (Messages(shape), Value::Array(items)) => items
            .into_iter()
            .map(|item| spell_out(item, shape))
            .collect(),
        (_, value) => value,
    }
}

fn absent(field: Field) -> Value {
    match field {
        Text => json!(""),
        Number => json!(0),
        Long => json!("0"),
        Flag => json!(false),
        Choice(first) => json!(first),
        List | Messages(_) => json!([]),
        Field::Map => json!({}),
        Message(_) | Opaque => Value::Null,
    }
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut text, word| {
        let mut letters = word.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.extend(letters);
        text
    })
}

#[cfg(test)]
mod tests {
    use livekit_protocol as proto;
    use serde::{
        Deserialize, Deserializer,
        de::{Visitor, value::Error},
    };

    use super::*;

    /// Learns a message's fields from what its `Deserialize` asks for.
    struct Names<'a>(&'a mut Vec<&'static str>);

    impl<'de> Deserializer<'de> for Names<'_> {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(serde::de::Error::custom("a struct is expected"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            self.0.extend(fields);
            Err(serde::de::Error::custom("seen"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
            unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    fn same<T: for<'a> Deserialize<'a>>(shape: Shape) {
        let mut names = Vec::new();
        assert!(T::deserialize(Names(&mut names)).is_err());
        assert!(!names.is_empty());
        let mut listed: Vec<String> = shape.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut known: Vec<String> = names
            .iter()
            .map(|name| (*name).to_owned())
            .filter(|name| !name.chars().any(char::is_uppercase))
            .collect();
        listed.sort();
        known.sort();
        assert_eq!(listed, known, "{}", std::any::type_name::<T>());
        for name in listed {
            assert!(names.contains(&camel_case(&name).as_str()), "{name}");
        }
    }

    #[test]
    fn every_field_is_listed() {
        same::<proto::Room>(ROOM);
        same::<proto::TimedVersion>(VERSION);
        same::<proto::ParticipantInfo>(PARTICIPANT);
        same::<proto::ParticipantPermission>(PERMISSION);
        same::<proto::DataTrackInfo>(DATA_TRACK);
        same::<proto::TrackInfo>(TRACK_INFO);
        same::<proto::SimulcastCodecInfo>(CODEC);
        same::<proto::VideoLayer>(LAYER);
        same::<proto::ListRoomsResponse>(ROOMS);
        same::<proto::ListParticipantsResponse>(PARTICIPANTS);
        same::<proto::MuteRoomTrackResponse>(TRACK);
        same::<proto::PerformRpcResponse>(PAYLOAD);
    }

    /// What is written for unset fields has to be read as unset.
    #[test]
    fn defaults_are_defaults() {
        let empty = |shape| {
            let mut value = spell_out(Value::Null, shape);
            value.as_object_mut().unwrap().retain(|_, v| !v.is_null());
            value
        };
        let room: proto::Room = serde_json::from_value(empty(ROOM)).unwrap();
        assert_eq!(room, proto::Room::default());
        let info: proto::ParticipantInfo = serde_json::from_value(empty(PARTICIPANT)).unwrap();
        assert_eq!(info, proto::ParticipantInfo::default());
        let track: proto::TrackInfo = serde_json::from_value(empty(TRACK_INFO)).unwrap();
        assert_eq!(track, proto::TrackInfo::default());
        let codec: proto::SimulcastCodecInfo = serde_json::from_value(empty(CODEC)).unwrap();
        assert_eq!(codec, proto::SimulcastCodecInfo::default());
        let layer: proto::VideoLayer = serde_json::from_value(empty(LAYER)).unwrap();
        assert_eq!(layer, proto::VideoLayer::default());
    }

    #[test]
    fn names_have_underscores_and_attributes_keep_theirs() {
        let info = proto::ParticipantInfo {
            joined_at: 7,
            attributes: [("someKey".to_owned(), "v".to_owned())].into(),
            tracks: vec![proto::TrackInfo {
                mime_type: "audio/opus".to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let value: Value = serde_json::from_slice(&write(&info, PARTICIPANT)).unwrap();
        assert_eq!(value["joined_at"], "7");
        assert_eq!(value["attributes"]["someKey"], "v");
        assert_eq!(value["tracks"][0]["mime_type"], "audio/opus");
        assert_eq!(value["tracks"][0]["muted"], false);
        let back: proto::ParticipantInfo = serde_json::from_value(value).unwrap();
        assert_eq!(back, info);
    }
}
