//! Passes data packets on within the room.

use bytes::Bytes;
use protocol::plane::{Command, DataChannel};

use super::Room;
use crate::{
    data::{self, Sender},
    desk::{Desk, PersonKey},
};

impl Room {
    /// A packet came from a participant: everyone else gets it, or those whom
    /// it names.
    pub(crate) fn route(
        &mut self,
        person: PersonKey,
        channel: DataChannel,
        payload: &Bytes,
        desk: &mut Desk,
    ) {
        if channel == DataChannel::DataTrack {
            let routed = self.route_frame(person, payload, desk);
            desk.stats.data_routed += u64::from(routed);
            desk.stats.data_dropped += u64::from(!routed);
            return;
        }
        let Some(packet) = self.admit(person, channel, payload) else {
            desk.stats.data_dropped += 1;
            return;
        };
        desk.stats.data_routed += 1;
        if !self.calls.is_empty()
            && let Some(call) = packet.destinations.iter().find(|d| self.calls.awaits(d))
        {
            self.answer_call(person, call, &packet.bytes, desk);
            return;
        }
        for (key, receiver) in &self.people {
            let named = packet.destinations.is_empty()
                || packet.destinations.contains(receiver.identity())
                || packet.destinations.contains(&receiver.sid);
            if *key == person || !named {
                continue;
            }
            if let Some(peer) = receiver.connected_peer() {
                let payload = packet.bytes.clone();
                desk.order(
                    peer.shard,
                    Command::SendData {
                        peer: peer.id,
                        channel,
                        payload,
                    },
                );
            }
        }
    }

    fn admit(
        &mut self,
        person: PersonKey,
        channel: DataChannel,
        payload: &Bytes,
    ) -> Option<data::Stamped> {
        let participant = self.people.get_mut(&person)?;
        if !participant.grants.can_publish_data {
            return None;
        }
        let sender = if participant.grants.hidden {
            Sender {
                sid: "",
                identity: "",
            }
        } else {
            Sender {
                sid: &participant.sid,
                identity: &participant.grants.identity,
            }
        };
        let packet = data::stamp(payload, channel, sender)
            .inspect_err(|error| tracing::debug!(%error, "a data packet is dropped"))
            .ok()?;
        if channel == DataChannel::Reliable && packet.sequence > 0 {
            // A client that resumed repeats what it is not sure of.
            let sequence = u32::try_from(packet.sequence).ok()?;
            if sequence <= participant.data_sequence {
                return None;
            }
            participant.data_sequence = sequence;
        }
        Some(packet)
    }
}
