//! From a client's offer to our answer.

use std::collections::HashMap;

use livekit_protocol as proto;
use proto::signal_response::Message;
use protocol::signal::Dialect;

use super::{Room, requests::Fault};
use crate::{
    desk::{Desk, PersonKey, Seat},
    sdp::{Description, Offer, OfferError, Reply, Section, Setup},
    session::{Change, Participant, Peer, Usage, credentials},
};

impl Room {
    pub(super) fn negotiate(
        &mut self,
        person: PersonKey,
        description: &proto::SessionDescription,
        desk: &mut Desk,
    ) -> Result<(), Fault> {
        if description.r#type != "offer" {
            return Err(Fault::WrongType(
                description.r#type.chars().take(16).collect(),
            ));
        }
        let offer = Offer::parse(&description.sdp)?;
        if let Some(answer) = self.accept(person, description.id, &offer, desk)? {
            self.reply(person, Message::Answer(answer), desk);
        }
        Ok(())
    }

    /// Takes an offer in, and gives the answer to it.
    pub(super) fn accept(
        &mut self,
        person: PersonKey,
        id: u32,
        offer: &Offer,
        desk: &mut Desk,
    ) -> Result<Option<proto::SessionDescription>, OfferError> {
        let changes = self.align(person, offer)?;
        self.connect(person, offer, desk);
        for change in changes {
            match change {
                Change::UplinkEnded(track) => self.unpublish(person, track, desk),
                Change::DownlinkEnded(track) => self.lose_slot(person, track, desk),
            }
        }
        self.renew_uplinks(person, offer, desk);
        self.claim(person, desk);
        self.fill(person, offer, desk);
        let answer = self.answer(person, id, offer, desk);
        // What was released can be filled now, if the client offers again.
        self.unsettled.insert(person);
        Ok(answer)
    }

    fn align(&mut self, person: PersonKey, offer: &Offer) -> Result<Vec<Change>, OfferError> {
        let Some(participant) = self.people.get_mut(&person) else {
            return Ok(Vec::new());
        };
        if participant
            .peer
            .as_ref()
            .is_some_and(|peer| peer.fingerprint != offer.fingerprint)
        {
            return Err(OfferError::OtherCertificate);
        }
        let changes = participant.sections.align(offer)?;
        participant.unclaimed = participant
            .sections
            .unclaimed()
            .filter_map(|index| Some((index, offer.sections.get(index)?.clone())))
            .collect();
        Ok(changes)
    }

    /// Opens the peer, or follows the client's ICE restart, and tells the media
    /// plane how this client numbers formats and header extensions.
    fn connect(&mut self, person: PersonKey, offer: &Offer, desk: &mut Desk) {
        let room = self.key;
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let shard = participant.shard;
        let numbering = (offer.extensions(), offer.payloads());
        match &mut participant.peer {
            Some(peer) => {
                if peer.remote_ice != offer.ice {
                    peer.restart(credentials(shard, desk), offer.ice.clone(), desk);
                }
                peer.negotiate(numbering, desk);
            }
            None => {
                let (local, remote) = (credentials(shard, desk), offer.ice.clone());
                let mut peer = Peer::open(shard, local, remote, offer.fingerprint, desk);
                desk.peers.insert(peer.id, Seat { room, person });
                peer.negotiate(numbering, desk);
                participant.peer = Some(peer);
            }
        }
    }

    /// A client may add or drop encodings of a track that it publishes.
    fn renew_uplinks(&mut self, person: PersonKey, offer: &Offer, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let mut renewed = Vec::new();
        for (index, section) in offer.sections.iter().enumerate() {
            if let Usage::Up(id) = participant.sections.usage(index)
                && let Some(track) = participant.tracks.get_mut(&id)
                && track.encodings != section.encodings(track.separate())
            {
                track.bind(section);
                renewed.push(id);
            }
        }
        for track in renewed {
            self.publish(person, track, desk);
        }
    }

    /// Puts waiting subscriptions into sections that are ready to receive.
    fn fill(&mut self, person: PersonKey, offer: &Offer, desk: &mut Desk) {
        let receives_here = |participant: &Participant| {
            participant.dialect() == Dialect::SinglePeer && participant.listens()
        };
        if !self.people.get(&person).is_some_and(receives_here) {
            return;
        }
        let payloads = offer.payloads();
        for candidate in self.candidates(person, &payloads, desk) {
            // Without any section of the kind there is nothing to judge by.
            let kind = candidate.kind;
            if !payloads.iter().any(|p| p.format.codec.kind() == kind) {
                continue;
            }
            let Some(rtx) = candidate.decodable else {
                self.refuse_subscription(person, candidate.track, desk);
                continue;
            };
            let sections = self.people.get_mut(&person).map(|p| &mut p.sections);
            if let Some(mid) = sections.and_then(|s| s.fill(kind, candidate.track)) {
                self.reserve(person, &candidate, rtx, desk);
                self.send_down(person, candidate.track, mid, rtx, desk);
            }
        }
    }

    fn answer(
        &mut self,
        person: PersonKey,
        id: u32,
        offer: &Offer,
        desk: &Desk,
    ) -> Option<proto::SessionDescription> {
        let participant = self.people.get(&person)?;
        let peer = participant.peer.as_ref()?;
        let mut mids = HashMap::new();
        let mut replies = Vec::with_capacity(offer.sections.len());
        for (index, section) in offer.sections.iter().enumerate() {
            let usage = participant.sections.usage(index);
            if let Usage::Down(track) = usage
                && let Some(track) = self.track(track, desk)
            {
                mids.insert(section.mid.to_string(), track.1.sid().to_owned());
            }
            replies.push((section, self.reply_to(participant, section, usage, desk)));
        }
        let answer = Description {
            plane: &desk.config.plane,
            ice: &peer.local_ice,
            origin: participant.origin.id,
            version: participant.origin.version,
            setup: Setup::Passive,
            opus: participant.opus(),
        };
        let description = proto::SessionDescription {
            r#type: "answer".to_owned(),
            sdp: answer.write(&replies),
            id,
            // The whole map every time: browsers replace theirs by it.
            mid_to_track_id: mids,
        };
        if let Some(participant) = self.people.get_mut(&person) {
            participant.sections.settle();
            for (_, section) in &mut participant.unclaimed {
                // Whatever is announced for it later, this has been agreed on.
                let agreed = section.preferred();
                section
                    .codecs
                    .retain(|codec| agreed.contains(&codec.format()));
            }
            participant.origin.version += 1;
        }
        Some(description)
    }

    fn reply_to(
        &self,
        participant: &Participant,
        section: &Section,
        usage: Usage,
        desk: &Desk,
    ) -> Reply {
        match usage {
            Usage::Idle | Usage::Released => Reply::Inactive,
            Usage::Unclaimed if !participant.grants.can_publish => Reply::Inactive,
            Usage::Unclaimed => {
                let formats = section.preferred();
                Reply::Receive { formats }
            }
            Usage::Up(track) => participant
                .tracks
                .get(&track)
                .map_or(Reply::Inactive, |track| {
                    let formats = track.formats.clone();
                    Reply::Receive { formats }
                }),
            Usage::Down(track) => self
                .sending(participant, track, desk)
                .map_or(Reply::Inactive, Reply::Send),
            Usage::Data => Reply::Data,
            Usage::Dead => Reply::Reject,
        }
    }
}
