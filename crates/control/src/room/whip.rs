//! Entering by a single offer, without signalling (WHIP, WHEP). Such a
//! participant is like any other, but nothing can be told to it, and its one
//! description can't be changed: it stays as long as its media does.

use livekit_protocol as proto;
use proto::{DisconnectReason, TrackSource, TrackType, VideoQuality, leave_request::Action};
use protocol::{grants::Grants, media::Kind};

use super::{Exit, Room};
use crate::{
    desk::{Desk, PersonKey},
    face::SessionEnd,
    join::Join,
    sdp::{Offer, OfferError, Section},
    session::Link,
    whip::{Entered, NoEntry, Way},
};

/// Reads an offer that somebody wants to enter by.
pub(crate) fn read_offer(way: Way, text: &str) -> Result<Offer, NoEntry> {
    let offer = Offer::parse(text).map_err(unreadable)?;
    let media = offer.sections.iter().filter(|s| s.medium.kind().is_some());
    let (sends, receives) = media.fold((false, false), |(sends, receives), section| {
        (sends || section.sends, receives || section.receives)
    });
    match way {
        Way::Publish if !sends => Err(pointless("nothing is sent in it")),
        Way::Watch if !receives => Err(pointless("nothing is received in it")),
        Way::Publish | Way::Watch => Ok(offer),
    }
}

impl Room {
    pub(crate) fn enter(
        &mut self,
        grants: Grants,
        way: Way,
        offer: &Offer,
        desk: &mut Desk,
    ) -> Result<Entered, NoEntry> {
        self.check_entry(&grants, way)?;
        self.replace(&grants.identity, desk);
        let join = Join::unspoken(way == Way::Watch);
        let person = self.seat_new(grants, &join, Link::none(desk.now), desk);
        if let Some(participant) = self.people.get_mut(&person) {
            participant.take_one_offer();
        }
        match way {
            Way::Publish => self.announce_all(person, &offer.sections, desk),
            Way::Watch => self.offer_all_to(person, desk),
        }
        let answer = self.accept(person, 0, offer, desk);
        let sid = self.people.get(&person).map(|p| p.sid.clone());
        match (answer, sid) {
            (Ok(Some(answer)), Some(sid)) => Ok(Entered {
                sid,
                answer: answer.sdp,
            }),
            (Err(error), _) => {
                self.see_out(person, desk);
                Err(unreadable(error))
            }
            (Ok(_), _) => Err(NoEntry::Full),
        }
    }

    fn check_entry(&self, grants: &Grants, way: Way) -> Result<(), NoEntry> {
        if !grants.can_join {
            return Err(NoEntry::Forbidden("join a room"));
        }
        match way {
            Way::Publish if !grants.can_publish => return Err(NoEntry::Forbidden("publish")),
            Way::Watch if !grants.can_subscribe => return Err(NoEntry::Forbidden("subscribe")),
            Way::Publish | Way::Watch => {}
        }
        let known = self.identities.contains_key(&grants.identity);
        if !known && !self.has_place(grants.is_counted()) {
            return Err(NoEntry::Full);
        }
        let mut others = self
            .people
            .values()
            .filter(|person| person.identity() != grants.identity);
        let told = others.any(|person| person.tracks.values().any(|track| track.told));
        if way == Way::Watch && !told {
            return Err(NoEntry::NothingToWatch);
        }
        Ok(())
    }

    /// The client ends its session. Only its own: the sid is no secret.
    pub(crate) fn quit(&mut self, identity: &str, sid: &str, desk: &mut Desk) -> bool {
        let person = self.identities.get(identity).copied();
        let named = person.filter(|key| self.people.get(key).is_some_and(|p| p.sid == sid));
        if let Some(person) = named {
            self.see_out(person, desk);
        }
        named.is_some()
    }

    fn see_out(&mut self, person: PersonKey, desk: &mut Desk) {
        let reason = DisconnectReason::ClientInitiated;
        let exit = Exit::told(reason, Action::Disconnect, SessionEnd::Left);
        self.expel(person, exit, desk);
    }

    /// Nobody announces the tracks of a client without signalling.
    fn announce_all(&mut self, person: PersonKey, sections: &[Section], desk: &mut Desk) {
        for section in sections.iter().filter(|section| section.sends) {
            if let Some(kind) = section.medium.kind() {
                self.add_track(person, announcement(section, kind), desk);
            }
        }
    }
}

/// A camera or a microphone: the offer does not say what else it could be.
fn announcement(section: &Section, kind: Kind) -> proto::AddTrackRequest {
    let (r#type, source) = match kind {
        Kind::Audio => (TrackType::Audio, TrackSource::Microphone),
        Kind::Video => (TrackType::Video, TrackSource::Camera),
    };
    let id = section.msid.as_ref().map(|msid| msid.track.clone());
    proto::AddTrackRequest {
        cid: id.unwrap_or_else(|| section.mid.to_string()),
        r#type: r#type.into(),
        source: source.into(),
        layers: layers(section),
        ..Default::default()
    }
}

/// Names for the encodings of a simulcast offer. How large they are is not said.
fn layers(section: &Section) -> Vec<proto::VideoLayer> {
    let qualities = [VideoQuality::Low, VideoQuality::Medium, VideoQuality::High];
    let encodings = section.encodings(true).into_iter();
    encodings
        .filter_map(|encoding| encoding.rid)
        .zip(qualities)
        .map(|(rid, quality)| proto::VideoLayer {
            quality: quality.into(),
            rid: rid.to_string(),
            ..Default::default()
        })
        .collect()
}

fn unreadable(error: OfferError) -> NoEntry {
    match &error {
        OfferError::Grammar(why) => NoEntry::Malformed(why.clone()),
        OfferError::TooManySections
        | OfferError::Empty
        | OfferError::Mid
        | OfferError::MidTwice
        | OfferError::Ice
        | OfferError::Fingerprint
        | OfferError::Setup
        | OfferError::SectionsVanished
        | OfferError::OtherCertificate => NoEntry::Unanswerable(error.to_string()),
    }
}

fn pointless(why: &str) -> NoEntry {
    NoEntry::Unanswerable(why.to_owned())
}
