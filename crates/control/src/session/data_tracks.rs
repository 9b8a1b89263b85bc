//! The data tracks of one participant: those that it publishes, with whoever
//! receives them, and how those that it receives are numbered for it.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use prost::Message;
use proto::{
    DataTrackInfo, data_track_subscriber_handles::PublishedDataTrack, request_response::Reason,
};
use protocol::limits;

use crate::desk::PersonKey;

/// What a data track says of its schema, and of the encoding of its frames, as
/// it stands in a message: two names of 256 characters each, as LiveKit has it.
const SCHEMA_BYTES: usize = 2 * limits::NAME_BYTES + 32;

/// A data track as its publisher numbers it.
pub(crate) type Handle = u16;

#[derive(Clone, Debug)]
pub(crate) struct DataTrack {
    pub(crate) info: DataTrackInfo,
    /// Who receives it, and under which number.
    pub(crate) receivers: BTreeMap<PersonKey, Handle>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct DataTracks {
    pub(crate) published: BTreeMap<Handle, DataTrack>,
    /// As the client is told of them.
    received: BTreeMap<Handle, PublishedDataTrack>,
    last: Handle,
}

impl DataTracks {
    /// Checks a request to publish by itself, without regard to grants.
    ///
    /// # Errors
    /// Why it can't be.
    pub(crate) fn check(&self, request: &proto::PublishDataTrackRequest) -> Result<Handle, Reason> {
        let handle = Handle::try_from(request.pub_handle)
            .ok()
            .filter(|handle| *handle > 0)
            .ok_or(Reason::InvalidHandle)?;
        if request.name.is_empty() || request.name.chars().count() > limits::NAME_BYTES {
            return Err(Reason::InvalidName);
        }
        // Everyone is told of these, so what is too long is not for us to pass on.
        let schema = request.schema.as_ref().map_or(0, Message::encoded_len);
        let encoding = request.frame_encoding.as_ref();
        if schema.max(encoding.map_or(0, Message::encoded_len)) > SCHEMA_BYTES {
            return Err(Reason::InvalidRequest);
        }
        if self.published.contains_key(&handle) {
            return Err(Reason::DuplicateHandle);
        }
        let mut tracks = self.published.values();
        if tracks.any(|track| track.info.name == request.name) {
            return Err(Reason::DuplicateName);
        }
        if self.published.len() >= limits::DATA_TRACKS_PER_PARTICIPANT {
            return Err(Reason::LimitExceeded);
        }
        Ok(handle)
    }

    /// Takes in a track to receive; `None` when there are too many.
    pub(crate) fn receive(&mut self, track: PublishedDataTrack) -> Option<Handle> {
        if self.received.len() >= limits::DATA_SUBSCRIPTIONS_PER_PEER {
            return None;
        }
        // Numbers go round, so that what is late of an old track isn't taken
        // for a new one's.
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if !self.received.contains_key(&self.last) {
                break;
            }
        }
        self.received.insert(self.last, track);
        Some(self.last)
    }

    /// Forgets a track that was received.
    pub(crate) fn forget(&mut self, handle: Handle) {
        self.received.remove(&handle);
    }

    pub(crate) fn receives_any(&self) -> bool {
        !self.received.is_empty()
    }

    /// All that is received: clients replace what they knew.
    pub(crate) fn handles(&self) -> proto::DataTrackSubscriberHandles {
        let handles = self.received.iter();
        proto::DataTrackSubscriberHandles {
            sub_handles: handles
                .map(|(handle, track)| (u32::from(*handle), track.clone()))
                .collect(),
        }
    }

    pub(crate) fn infos(&self) -> Vec<DataTrackInfo> {
        let tracks = self.published.values();
        tracks.map(|track| track.info.clone()).collect()
    }
}
