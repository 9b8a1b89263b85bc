//! From a client's offer to our answer.

use std::collections::{BTreeSet, HashMap};

use livekit_protocol as proto;
use proto::{SubscriptionError, signal_response::Message};
use protocol::{
    ids::{PeerId, ShardId, SlotId, TrackId},
    media::{Downlink, IceCredentials, Kind, Wish},
    plane::Command,
};

use super::{Room, requests::Fault};
use crate::{
    desk::{Desk, PersonKey, Seat},
    sdp::{Answer, Offer, OfferError, Reply, Section, Sending},
    session::{Change, Participant, Peer, Slot, Usage},
};

/// Characters of our ICE user fragment beside the shard's number, and of the
/// password. RFC 8445 §5.3 asks for 24 and 128 bits; a letter has 5.9.
const FRAGMENT: usize = 8;
const PASSWORD: usize = 24;

/// A track that waits for a section.
struct Candidate {
    track: TrackId,
    publisher: PersonKey,
    sid: String,
    home: ShardId,
    kind: Kind,
    /// The first of the track's formats that the subscriber can decode, and
    /// whether it can be told of retransmissions.
    format: Option<bool>,
    wish: Wish,
}

impl Room {
    pub(super) fn negotiate(
        &mut self,
        person: PersonKey,
        description: &proto::SessionDescription,
        desk: &mut Desk,
    ) -> Result<(), Fault> {
        if description.r#type != "offer" {
            return Err(Fault::NotAnOffer(
                description.r#type.chars().take(16).collect(),
            ));
        }
        let offer = Offer::parse(&description.sdp)?;
        let changes = self.align(person, &offer)?;
        self.connect(person, &offer, desk);
        for change in changes {
            match change {
                Change::UplinkEnded(track) => self.unpublish(person, track, desk),
                Change::DownlinkEnded(track) => self.lose_slot(person, track, desk),
            }
        }
        self.renew_uplinks(person, &offer, desk);
        self.claim(person, desk);
        self.fill(person, &offer, desk);
        self.answer(person, description.id, &offer, desk);
        // What was released can be filled now, if the client offers again.
        self.unsettled.insert(person);
        Ok(())
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
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let shard = participant.shard;
        let negotiated = (offer.extensions(), offer.payloads());
        let known = match &mut participant.peer {
            Some(peer) => {
                if peer.remote_ice != offer.ice {
                    peer.local_ice = credentials(shard, desk);
                    peer.remote_ice = offer.ice.clone();
                    let command = Command::RestartIce {
                        peer: peer.id,
                        local_ice: peer.local_ice.clone(),
                        remote_ice: peer.remote_ice.clone(),
                    };
                    desk.order(shard, command);
                }
                let known = peer.negotiated == negotiated;
                peer.negotiated = negotiated.clone();
                known
            }
            None => {
                let peer = open(shard, offer, negotiated.clone(), desk);
                desk.peers.insert(
                    peer.id,
                    Seat {
                        room: self.key,
                        person,
                    },
                );
                participant.peer = Some(peer);
                false
            }
        };
        if let (Some(peer), false) = (&participant.peer, known) {
            let (extensions, payloads) = negotiated;
            desk.order(
                shard,
                Command::Negotiate {
                    peer: peer.id,
                    extensions,
                    payloads,
                },
            );
        }
    }

    /// The client closed the section in which it received a track; the
    /// subscription stays and waits for another.
    fn lose_slot(&mut self, person: PersonKey, track: TrackId, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        if let (Some(slot), Some(peer)) =
            (participant.subscriptions.displace(track), &participant.peer)
        {
            desk.order(
                peer.shard,
                Command::Unsubscribe {
                    peer: peer.id,
                    slot: slot.id,
                },
            );
            self.demand(track, Some(slot.wish), None, desk);
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
        if !self.people.get(&person).is_some_and(Participant::active) {
            return;
        }
        for candidate in self.candidates(person, offer, desk) {
            match candidate.format {
                Some(rtx) => self.place(person, &candidate, rtx, desk),
                None => self.refuse_subscription(person, &candidate, desk),
            }
        }
    }

    fn candidates(&self, person: PersonKey, offer: &Offer, desk: &Desk) -> Vec<Candidate> {
        let Some(participant) = self.people.get(&person) else {
            return Vec::new();
        };
        let payloads = offer.payloads();
        participant
            .subscriptions
            .waiting()
            .filter_map(|id| {
                let publisher = desk.tracks.get(&id)?.person;
                let source = self.people.get(&publisher)?;
                let track = source.tracks.get(&id)?;
                // Without any section of the kind there is nothing to judge by.
                if !payloads.iter().any(|p| p.format.codec.kind() == track.kind) {
                    return None;
                }
                let decodable = payloads.iter().find(|p| track.formats.contains(&p.format));
                Some(Candidate {
                    track: id,
                    publisher,
                    sid: track.sid().to_owned(),
                    home: source.shard,
                    kind: track.kind,
                    format: decodable.map(|payload| payload.rtx.is_some()),
                    wish: participant.subscriptions.get(id)?.setting.wish(track),
                })
            })
            .collect()
    }

    fn place(&mut self, person: PersonKey, candidate: &Candidate, rtx: bool, desk: &mut Desk) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let Some(peer) = &participant.peer else {
            return;
        };
        let Some(mid) = participant.sections.fill(candidate.kind, candidate.track) else {
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
        };
        participant.next_slot += 1;
        let downlink = Downlink {
            slot: slot.id,
            track: candidate.track,
            home: candidate.home,
            mid,
            kind: candidate.kind,
            ssrc: slot.ssrc,
            rtx_ssrc: slot.rtx_ssrc,
            wish: slot.wish,
        };
        desk.order(
            peer.shard,
            Command::Subscribe {
                peer: peer.id,
                downlink,
            },
        );
        participant.subscriptions.place(candidate.track, slot);
        self.demand(candidate.track, None, Some(slot.wish), desk);
        self.tell_received(candidate, desk);
    }

    /// The publisher is told once that someone receives its track.
    fn tell_received(&mut self, candidate: &Candidate, desk: &mut Desk) {
        let Some(publisher) = self.people.get_mut(&candidate.publisher) else {
            return;
        };
        let Some(track) = publisher.tracks.get_mut(&candidate.track) else {
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

    fn refuse_subscription(&mut self, person: PersonKey, candidate: &Candidate, desk: &mut Desk) {
        if let Some(participant) = self.people.get_mut(&person) {
            participant.subscriptions.shelve(candidate.track);
        }
        let error = SubscriptionError::SeCodecUnsupported;
        self.subscription_failed(person, &candidate.sid, error, desk);
    }

    fn answer(&mut self, person: PersonKey, id: u32, offer: &Offer, desk: &mut Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        let Some(peer) = &participant.peer else {
            return;
        };
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
        let answer = Answer {
            plane: &desk.config.plane,
            ice: &peer.local_ice,
            origin: peer.origin,
            version: peer.version,
            opus: participant.opus(),
        };
        let description = proto::SessionDescription {
            r#type: "answer".to_owned(),
            sdp: answer.write(&replies),
            id,
            // The whole map every time: browsers replace theirs by it.
            mid_to_track_id: mids,
        };
        participant.send(desk, Message::Answer(description));
        if let Some(participant) = self.people.get_mut(&person) {
            participant.sections.settle();
            for (_, section) in &mut participant.unclaimed {
                // Whatever is announced for it later, this has been agreed on.
                let agreed = section.preferred();
                section
                    .codecs
                    .retain(|codec| agreed.contains(&codec.format()));
            }
            if let Some(peer) = &mut participant.peer {
                peer.version += 1;
            }
        }
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

    fn sending(&self, receiver: &Participant, track: TrackId, desk: &Desk) -> Option<Sending> {
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
    fn track(&self, id: TrackId, desk: &Desk) -> Option<(&Participant, &crate::session::Track)> {
        let publisher = self.people.get(&desk.tracks.get(&id)?.person)?;
        Some((publisher, publisher.tracks.get(&id)?))
    }
}

fn credentials(shard: ShardId, desk: &mut Desk) -> IceCredentials {
    let nonce = desk.letters(FRAGMENT);
    IceCredentials::local(shard, &nonce, desk.letters(PASSWORD))
}

fn open(
    shard: ShardId,
    offer: &Offer,
    negotiated: (protocol::media::ExtensionIds, Vec<protocol::media::Payload>),
    desk: &mut Desk,
) -> Peer {
    let peer = Peer {
        id: PeerId(desk.id()),
        shard,
        local_ice: credentials(shard, desk),
        remote_ice: offer.ice.clone(),
        fingerprint: offer.fingerprint,
        connected: false,
        negotiated,
        origin: desk.origin(),
        version: 1,
    };
    let command = Command::OpenPeer {
        peer: peer.id,
        local_ice: peer.local_ice.clone(),
        remote_ice: peer.remote_ice.clone(),
        fingerprint: peer.fingerprint,
    };
    desk.order(shard, command);
    peer
}
