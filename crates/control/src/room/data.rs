//! Passes data packets on within the room, no faster than they are taken.

use std::collections::BTreeSet;

use bytes::Bytes;
use protocol::{
    ids::PeerId,
    limits,
    plane::{Backlog, Command, DataChannel, data_cost},
};

use super::Room;
use crate::{
    data::{self, Sender},
    desk::{Desk, PersonKey},
};

/// Credit is given in steps of so many bytes, not for each message.
const STEP: usize = limits::DATA_IN_FLIGHT_BYTES / 4;

impl Room {
    /// A packet came from a participant.
    pub(crate) fn route(
        &mut self,
        person: PersonKey,
        (peer, channel): (PeerId, DataChannel),
        payload: &Bytes,
        desk: &mut Desk,
    ) {
        let behind = self.pass_on(person, channel, payload, desk);
        if let Some(participant) = self.people.get_mut(&person) {
            participant
                .flow
                .owe(peer, channel, data_cost(payload.len()));
            participant.flow.wait_for(behind);
        }
        self.credit(person, STEP, desk);
    }

    /// Lets someone send on, as far as others have taken what it sent.
    pub(super) fn credit(&mut self, person: PersonKey, least: usize, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        for (id, channel, bytes) in participant.flow.pay(least) {
            if let Some(peer) = participant.peers().find(|peer| peer.id == id) {
                let command = Command::CreditData {
                    peer: id,
                    channel,
                    bytes,
                };
                desk.order(peer.shard, command);
            }
        }
    }

    /// Reliable data waits for someone, or no longer does.
    pub(crate) fn note_backlog(
        &mut self,
        person: PersonKey,
        peer: PeerId,
        backlog: Backlog,
        desk: &mut Desk,
    ) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        if participant
            .receiving_peer()
            .is_none_or(|own| own.id != peer)
        {
            return;
        }
        participant.flow.report(backlog, desk.now);
        if backlog == Backlog::Low {
            self.release(person, desk);
        }
    }

    /// Nobody waits for this one any more.
    pub(super) fn release(&mut self, receiver: PersonKey, desk: &mut Desk) {
        let freed: Vec<PersonKey> = self
            .people
            .iter_mut()
            .filter_map(|(key, person)| person.flow.stop_waiting_for(receiver).then_some(*key))
            .collect();
        for person in freed {
            self.credit(person, 1, desk);
        }
    }

    /// Everyone else gets a packet, or those whom it names. Gives back whom
    /// its sender has to wait for.
    fn pass_on(
        &mut self,
        person: PersonKey,
        channel: DataChannel,
        payload: &Bytes,
        desk: &mut Desk,
    ) -> BTreeSet<PersonKey> {
        let mut behind = BTreeSet::new();
        if channel == DataChannel::DataTrack {
            let routed = self.route_frame(person, payload, desk);
            desk.stats.data_routed += u64::from(routed);
            desk.stats.data_dropped += u64::from(!routed);
            return behind;
        }
        let Some(packet) = self.admit(person, channel, payload) else {
            desk.stats.data_dropped += 1;
            return behind;
        };
        desk.stats.data_routed += 1;
        if !self.calls.is_empty()
            && let Some(call) = packet.destinations.iter().find(|d| self.calls.awaits(d))
        {
            self.answer_call(person, call, &packet.bytes, desk);
            return behind;
        }
        for (key, receiver) in &self.people {
            let named = packet.destinations.is_empty()
                || packet.destinations.contains(receiver.identity())
                || packet.destinations.contains(&receiver.sid);
            if *key == person || !named {
                continue;
            }
            if let Some(peer) = receiver.connected_peer() {
                if channel == DataChannel::Reliable && receiver.flow.behind().is_some() {
                    behind.insert(*key);
                }
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
        behind
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
