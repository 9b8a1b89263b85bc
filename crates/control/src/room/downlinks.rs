//! Where subscriptions meet sections: which waiting track may go where, and
//! what the media plane is told of it.

use std::collections::BTreeSet;

use livekit_protocol as proto;
use proto::{SubscriptionError, signal_response::Message};
use protocol::{
    ids::{SlotId, TrackId},
    media::{Downlink, Format, Kind, Mid, Payload, Wish},
    plane::Command,
};

use super::Room;
use crate::{
    desk::{Desk, PersonKey},
    sdp::Sending,
    session::{Participant, Slot, Track},
};

/// A track that waits for a section.
pub(super) struct Candidate {
    pub(super) track: TrackId,
    pub(super) kind: Kind,
    pub(super) formats: Vec<Format>,
    /// Whether the subscriber can decode one of the formats, and can be told
    /// of retransmissions of it.
    pub(super) decodable: Option<bool>,
    wish: Wish,
}

impl Room {
    /// What someone waits for, judged by what it can decode.
    pub(super) fn candidates(
        &self,
        person: PersonKey,
        payloads: &[Payload],
        desk: &Desk,
    ) -> Vec<Candidate> {
        let Some(participant) = self.people.get(&person) else {
            return Vec::new();
        };
        participant
            .subscriptions
            .waiting()
            .filter_map(|id| {
                let publisher = desk.tracks.get(&id)?.person;
                let source = self.people.get(&publisher)?;
                let track = source.tracks.get(&id)?;
                let decodable = payloads.iter().find(|p| track.formats.contains(&p.format));
                Some(Candidate {
                    track: id,
                    kind: track.kind,
                    formats: track.formats.clone(),
                    decodable: decodable.map(|payload| payload.rtx.is_some()),
                    wish: participant.subscriptions.get(id)?.setting.wish(track),
                })
            })
            .collect()
    }

    /// Draws what a track goes by in the subscriber's description.
    pub(super) fn reserve(
        &mut self,
        person: PersonKey,
        candidate: &Candidate,
        rtx: bool,
        desk: &mut Desk,
    ) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let mut drawn = BTreeSet::new();
        let mut fresh = || loop {
            let ssrc = desk.ssrc();
            if !participant.subscriptions.uses_ssrc(ssrc) && drawn.insert(ssrc) {
                break ssrc;
            }
        };
        let slot = Slot {
            id: SlotId(participant.next_slot),
            ssrc: fresh(),
            rtx_ssrc: rtx.then(&mut fresh),
            wish: candidate.wish,
            ordered: false,
        };
        participant.next_slot += 1;
        participant.subscriptions.place(candidate.track, slot);
        self.demand(candidate.track, None, Some(slot.wish), desk);
    }

    /// The client is ready to receive a track: has the media plane send it.
    pub(super) fn send_down(
        &mut self,
        person: PersonKey,
        track: TrackId,
        mid: Mid,
        rtx: bool,
        desk: &mut Desk,
    ) {
        let Some((publisher, kind, home)) = desk.tracks.get(&track).and_then(|seat| {
            let source = self.people.get(&seat.person)?;
            Some((seat.person, source.tracks.get(&track)?.kind, source.shard))
        }) else {
            return;
        };
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let Some((shard, peer)) = participant.receiving_peer().map(|p| (p.shard, p.id)) else {
            return;
        };
        let Some(slot) = participant.subscriptions.order(track) else {
            return;
        };
        let downlink = Downlink {
            slot: slot.id,
            track,
            home,
            mid,
            kind,
            ssrc: slot.ssrc,
            rtx_ssrc: slot.rtx_ssrc.filter(|_| rtx),
            wish: slot.wish,
        };
        desk.order(shard, Command::Subscribe { peer, downlink });
        self.tell_received(publisher, track, desk);
    }

    /// The publisher is told once that someone receives its track.
    fn tell_received(&mut self, publisher: PersonKey, track: TrackId, desk: &mut Desk) {
        let Some(publisher) = self.people.get_mut(&publisher) else {
            return;
        };
        let Some(track) = publisher.tracks.get_mut(&track) else {
            return;
        };
        if !std::mem::replace(&mut track.received, true) {
            let track_sid = track.sid().to_owned();
            publisher.send(
                desk,
                Message::TrackSubscribed(proto::TrackSubscribed { track_sid }),
            );
        }
    }

    /// The section in which someone received a track is closed; the
    /// subscription stays and waits for another.
    pub(super) fn lose_slot(&mut self, person: PersonKey, track: TrackId, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        if let Some(slot) = participant.subscriptions.displace(track) {
            end(participant, slot, desk);
            self.demand(track, Some(slot.wish), None, desk);
        }
    }

    /// The client can't decode a track.
    pub(super) fn refuse_subscription(
        &mut self,
        person: PersonKey,
        track: TrackId,
        desk: &mut Desk,
    ) {
        self.lose_slot(person, track, desk);
        if let Some(participant) = self.people.get_mut(&person) {
            participant.subscriptions.shelve(track);
        }
        if let Some(sid) = self.track(track, desk).map(|(_, t)| t.sid().to_owned()) {
            let error = SubscriptionError::SeCodecUnsupported;
            self.subscription_failed(person, &sid, error, desk);
        }
    }

    /// How a subscribed track is described to its subscriber.
    pub(super) fn sending(
        &self,
        receiver: &Participant,
        track: TrackId,
        desk: &Desk,
    ) -> Option<Sending> {
        let slot = receiver.subscriptions.get(track)?.slot?;
        let (publisher, track) = self.track(track, desk)?;
        Some(Sending {
            formats: track.formats.clone(),
            stream: publisher.stream(track, receiver),
            track: track.sid().to_owned(),
            cname: publisher.sid.clone(),
            ssrc: slot.ssrc,
            rtx_ssrc: slot.rtx_ssrc,
        })
    }

    /// A track of this room and its publisher.
    pub(super) fn track(&self, id: TrackId, desk: &Desk) -> Option<(&Participant, &Track)> {
        let publisher = self.people.get(&desk.tracks.get(&id)?.person)?;
        Some((publisher, publisher.tracks.get(&id)?))
    }
}

/// Has the media plane stop what it was ordered to send.
pub(super) fn end(receiver: &Participant, slot: Slot, desk: &mut Desk) {
    if let Some(peer) = receiver.receiving_peer().filter(|_| slot.ordered) {
        desk.order(
            peer.shard,
            Command::Unsubscribe {
                peer: peer.id,
                slot: slot.id,
            },
        );
    }
}
