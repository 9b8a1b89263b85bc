//! The dual-peer dialect: we offer what the client is to receive, and it
//! answers. One offer is under way at a time; what changes meanwhile goes
//! into the next.

use std::collections::HashMap;

use livekit_protocol as proto;
use proto::signal_response::Message;
use protocol::{
    media::{Kind, Tag},
    plane::{Command, DataChannel},
};

use super::{Room, requests::Fault};
use crate::{
    desk::{Desk, PersonKey, Seat},
    sdp::{ClientAnswer, Description, OpusStyle, Reply, Section, Setup, catalogue},
    session::{Offering, Participant, Peer},
};

/// The channels that we open: the client awaits what others send on them.
const CHANNELS: [DataChannel; 3] = [
    DataChannel::Reliable,
    DataChannel::Lossy,
    DataChannel::DataTrack,
];

impl Room {
    /// Offers what has changed since the last offer.
    pub(super) fn offer(&mut self, person: PersonKey, desk: &mut Desk) {
        let awaited = |participant: &Participant| {
            participant.link.session.is_some()
                && participant.offering.as_ref().is_some_and(|o| !o.busy())
        };
        if !self.people.get(&person).is_some_and(awaited) {
            return;
        }
        self.fill_offer(person, desk);
        let id = self
            .offering(person)
            .and_then(|offering| offering.begin(desk.now));
        if let Some(id) = id {
            self.send_offer(person, id, desk);
        }
    }

    fn offering(&mut self, person: PersonKey) -> Option<&mut Offering> {
        self.people.get_mut(&person)?.offering.as_mut()
    }

    fn fill_offer(&mut self, person: PersonKey, desk: &mut Desk) {
        let Some(offering) = self.offering(person) else {
            return;
        };
        let payloads = offering.payloads();
        for candidate in self.candidates(person, &payloads, desk) {
            let Some(rtx) = candidate.decodable else {
                self.refuse_subscription(person, candidate.track, desk);
                continue;
            };
            let mid = self.offering(person).and_then(|offering| {
                offering.fill(candidate.kind, candidate.track, &candidate.formats)
            });
            if mid.is_some() {
                self.reserve(person, &candidate, rtx, desk);
            }
        }
    }

    fn send_offer(&mut self, person: PersonKey, id: u32, desk: &mut Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        let (Some(offering), Some(zero)) = (&participant.offering, Tag::new(b"0")) else {
            return;
        };
        let mut mids = HashMap::new();
        let mut sections: Vec<(Section, Reply)> = vec![(catalogue::data(zero), Reply::Data)];
        for row in offering.rows() {
            let section = catalogue::media(row.mid, row.kind, &row.formats);
            let sending = row
                .offered
                .and_then(|track| self.sending(participant, track, desk));
            let reply = match sending {
                _ if row.dead => Reply::Reject,
                Some(sending) => {
                    mids.insert(row.mid.to_string(), sending.track.clone());
                    Reply::Send(sending)
                }
                None => Reply::Inactive,
            };
            sections.push((section, reply));
        }
        let description = Description {
            plane: &desk.config.plane,
            ice: &offering.ice,
            origin: offering.origin.id,
            version: offering.origin.version,
            setup: Setup::ActPass,
            opus: self.opus_for(participant, desk),
        };
        let offer = proto::SessionDescription {
            r#type: "offer".to_owned(),
            sdp: description.write(&sections),
            id,
            mid_to_track_id: mids,
        };
        participant.send(desk, Message::Offer(offer));
        if let Some(offering) = self.offering(person) {
            offering.origin.version += 1;
        }
    }

    /// The parameters that all Opus sections of someone's receiving connection share.
    fn opus_for(&self, receiver: &Participant, desk: &Desk) -> OpusStyle {
        let rows = receiver.offering.iter().flat_map(Offering::rows);
        let sends_stereo = rows
            .filter(|row| row.kind == Kind::Audio)
            .filter_map(|row| self.track(row.offered?, desk))
            .any(|(_, track)| track.stereo());
        OpusStyle {
            sends_stereo,
            ..OpusStyle::default()
        }
    }

    /// The client answered our offer. An answer to another offer, or to
    /// none, says nothing.
    pub(super) fn take_answer(
        &mut self,
        person: PersonKey,
        description: &proto::SessionDescription,
        desk: &mut Desk,
    ) -> Result<(), Fault> {
        let Some(offering) = self.offering(person) else {
            return Ok(());
        };
        if !offering.awaits(description.id) {
            return Ok(());
        }
        if description.r#type != "answer" {
            return Err(Fault::WrongType(
                description.r#type.chars().take(16).collect(),
            ));
        }
        let answer = ClientAnswer::parse(&description.sdp).map_err(Fault::Answer)?;
        let outcome = offering.take(&answer).map_err(Fault::Answer)?;
        self.connect_receiving(person, &answer, desk);
        for (track, mid) in outcome.agreed {
            let formats = self.track(track, desk).map(|(_, t)| t.formats.clone());
            let payload = self
                .offering(person)
                .and_then(|offering| offering.accepts(&formats?));
            let rtx = payload.is_some_and(|payload| payload.rtx.is_some());
            self.send_down(person, track, mid, rtx, desk);
        }
        for track in outcome.refused {
            self.refuse_subscription(person, track, desk);
        }
        self.unsettled.insert(person);
        Ok(())
    }

    /// Opens the peer with the first answer, follows our ICE restart with the
    /// answer to it.
    fn connect_receiving(&mut self, person: PersonKey, answer: &ClientAnswer, desk: &mut Desk) {
        let room = self.key;
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let shard = participant.shard;
        let Some(offering) = &mut participant.offering else {
            return;
        };
        let (local, remote) = (offering.ice.clone(), answer.ice().clone());
        let numbering = offering.numbering();
        match &mut offering.peer {
            Some(peer) => {
                if peer.local_ice != local {
                    peer.restart(local, remote, desk);
                }
                peer.negotiate(numbering, desk);
            }
            None => {
                let mut peer = Peer::open(shard, local, remote, answer.fingerprint(), desk);
                desk.peers.insert(peer.id, Seat { room, person });
                peer.negotiate(numbering, desk);
                for channel in CHANNELS {
                    let peer = peer.id;
                    desk.order(shard, Command::OpenData { peer, channel });
                }
                offering.peer = Some(peer);
            }
        }
    }
}
