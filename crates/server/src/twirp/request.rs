//! From a method's name and a body to what control is asked, and what a token
//! must allow for it.

use control::admin::Request;
use prost::Message;
use serde::de::DeserializeOwned;

use super::{
    Form,
    error::{Code, Error},
};
use crate::token::Video;

#[derive(Debug)]
pub(super) struct Asked(pub(super) Request);

impl Asked {
    pub(super) fn parse(method: &str, form: Form, body: &[u8]) -> Result<Self, Error> {
        let request = match method {
            "CreateRoom" => Request::CreateRoom(Box::new(decode(form, body)?)),
            "ListRooms" => Request::ListRooms(decode(form, body)?),
            "DeleteRoom" => Request::DeleteRoom(decode(form, body)?),
            "ListParticipants" => Request::ListParticipants(decode(form, body)?),
            "GetParticipant" => Request::GetParticipant(decode(form, body)?),
            "RemoveParticipant" => Request::RemoveParticipant(decode(form, body)?),
            "MutePublishedTrack" => Request::MutePublishedTrack(decode(form, body)?),
            "UpdateParticipant" => Request::UpdateParticipant(decode(form, body)?),
            "UpdateSubscriptions" => Request::UpdateSubscriptions(decode(form, body)?),
            "SendData" => Request::SendData(decode(form, body)?),
            "UpdateRoomMetadata" => Request::UpdateRoomMetadata(decode(form, body)?),
            "PerformRpc" => Request::PerformRpc(decode(form, body)?),
            "MoveParticipant" => Request::MoveParticipant(decode(form, body)?),
            "ForwardParticipant" => Request::ForwardParticipant(decode(form, body)?),
            _ => return Err(Error::bad_route("RoomService has no such method")),
        };
        Ok(Self(request))
    }

    /// As in LiveKit, a token that does not allow it is as good as none.
    pub(super) fn check(&self, video: &Video) -> Result<(), Error> {
        let admin = |room: &str| video.room_admin && video.room == room;
        let onward = |room: &str, to: &str| admin(room) && video.destination_room == to;
        let (allowed, needed) = match &self.0 {
            Request::CreateRoom(_) | Request::DeleteRoom(_) => (video.room_create, "roomCreate"),
            Request::ListRooms(_) => (video.room_list, "roomList"),
            Request::ListParticipants(r) => (admin(&r.room), ADMIN),
            Request::GetParticipant(r) | Request::RemoveParticipant(r) => (admin(&r.room), ADMIN),
            Request::MutePublishedTrack(r) => (admin(&r.room), ADMIN),
            Request::UpdateParticipant(r) => (admin(&r.room), ADMIN),
            Request::UpdateSubscriptions(r) => (admin(&r.room), ADMIN),
            Request::SendData(r) => (admin(&r.room), ADMIN),
            Request::UpdateRoomMetadata(r) => (admin(&r.room), ADMIN),
            Request::PerformRpc(r) => (admin(&r.room), ADMIN),
            Request::MoveParticipant(r) => (onward(&r.room, &r.destination_room), ONWARD),
            Request::ForwardParticipant(r) => (onward(&r.room, &r.destination_room), ONWARD),
        };
        if allowed {
            return Ok(());
        }
        Err(Error::new(
            Code::Unauthenticated,
            format!("permissions denied: the token needs {needed}"),
        ))
    }
}

const ADMIN: &str = "roomAdmin for this room";
const ONWARD: &str = "roomAdmin for this room and destinationRoom for the other";

fn decode<T: Message + Default + DeserializeOwned>(form: Form, body: &[u8]) -> Result<T, Error> {
    let malformed = |cause: String| Error::new(Code::Malformed, cause);
    match form {
        Form::Protobuf => T::decode(body).map_err(|error| malformed(error.to_string())),
        Form::Json if body.is_empty() => Ok(T::default()),
        Form::Json => serde_json::from_slice(body).map_err(|error| malformed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_spellings_are_read() {
        for body in [
            r#"{"room":"r","track_sid":"TR_1","muted":true}"#,
            r#"{"room":"r","trackSid":"TR_1","muted":true,"new":{"a":1}}"#,
        ] {
            let asked = Asked::parse("MutePublishedTrack", Form::Json, body.as_bytes()).unwrap();
            let Request::MutePublishedTrack(request) = asked.0 else {
                panic!("another request")
            };
            assert_eq!((request.track_sid.as_str(), request.muted), ("TR_1", true));
        }
    }

    #[test]
    fn tokens_allow_what_they_say() {
        let allowed = |method: &str, body: &str, video: &Video| {
            let asked = Asked::parse(method, Form::Json, body.as_bytes()).unwrap();
            asked.check(video).is_ok()
        };
        let admin = Video {
            room: "r".into(),
            room_admin: true,
            destination_room: "s".into(),
            ..Video::default()
        };
        let onward =
            |to: &str| format!(r#"{{"room":"r","identity":"a","destination_room":"{to}"}}"#);
        assert!(allowed("RemoveParticipant", r#"{"room":"r"}"#, &admin));
        assert!(!allowed("RemoveParticipant", r#"{"room":"s"}"#, &admin));
        assert!(!allowed("CreateRoom", r#"{"name":"r"}"#, &admin));
        assert!(!allowed("ListRooms", "{}", &admin));
        assert!(allowed("MoveParticipant", &onward("s"), &admin));
        assert!(!allowed("MoveParticipant", &onward("t"), &admin));
        let maker = Video {
            room_create: true,
            ..Video::default()
        };
        assert!(allowed("CreateRoom", r#"{"name":"r"}"#, &maker));
        assert!(!allowed("GetParticipant", r#"{"room":""}"#, &maker));
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for method in ["CreateRoom", "SendData", "UpdateParticipant", "Nothing"] {
                for form in [Form::Json, Form::Protobuf] {
                    let _ = Asked::parse(method, form, &bytes);
                }
            }
        }
    }
}
