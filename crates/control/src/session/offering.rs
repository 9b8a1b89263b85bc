//! The connection in which we offer and the client receives, as the dual-peer
//! dialect has it: what each of its sections carries, and how far the
//! exchange of descriptions has come. A section whose track ended is offered
//! inactive once and then carries the next track of its kind, so that the
//! description is never longer than what was received at one time.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use protocol::{
    ids::TrackId,
    limits,
    media::{ExtensionIds, Format, IceCredentials, Kind, Mid, Payload, Tag},
};

use super::{Origin, Peer, peer::Numbering};
use crate::{
    desk::Desk,
    sdp::{ClientAnswer, OfferError, catalogue},
};

/// An offer that is not answered by then never will be: clients answer within
/// a round trip, and give up on a connection after 15 s.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) mid: Mid,
    pub(crate) kind: Kind,
    /// The formats in which it was last used.
    pub(crate) formats: Vec<Format>,
    /// What it is to carry.
    track: Option<TrackId>,
    /// What the client was last told that it carries.
    pub(crate) offered: Option<TrackId>,
    /// The client refused it (port 0).
    pub(crate) dead: bool,
}

impl Row {
    const fn free(&self) -> bool {
        self.track.is_none() && self.offered.is_none() && !self.dead
    }

    /// Carries nothing any more, but the client does not know yet.
    const fn released(&self) -> bool {
        self.track.is_none() && self.offered.is_some() && !self.dead
    }
}

/// An offer that waits for its answer.
#[derive(Clone, Copy, Debug)]
struct Round {
    id: u32,
    since: Instant,
}

/// What an answer says of the tracks that were offered.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The client is ready to receive these, in these sections.
    pub(crate) agreed: Vec<(TrackId, Mid)>,
    /// The client can't receive these.
    pub(crate) refused: Vec<TrackId>,
}

#[derive(Clone, Debug)]
pub(crate) struct Offering {
    pub(crate) peer: Option<Peer>,
    /// What our next description says; the peer follows when it is answered.
    pub(crate) ice: IceCredentials,
    pub(crate) origin: Origin,
    rows: Vec<Row>,
    round: Option<Round>,
    last_id: u32,
    /// An offer is due whatever the sections say.
    due: bool,
    /// Formats that the client agreed to, as we number them…
    accepted: BTreeMap<u8, Payload>,
    /// …and those that it did not.
    refused: BTreeSet<Format>,
    extensions: ExtensionIds,
}

impl Offering {
    pub(crate) fn new(ice: IceCredentials, desk: &mut Desk) -> Self {
        Self {
            peer: None,
            ice,
            origin: Origin::new(desk),
            rows: Vec::new(),
            round: None,
            last_id: 0,
            due: true,
            accepted: BTreeMap::new(),
            refused: BTreeSet::new(),
            extensions: ExtensionIds::default(),
        }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// An offer is on its way: what changes meanwhile waits for the answer.
    pub(crate) const fn busy(&self) -> bool {
        self.round.is_some()
    }

    /// The client does not answer.
    pub(crate) fn overdue(&self, now: Instant) -> bool {
        self.round
            .is_some_and(|round| now.duration_since(round.since) >= PATIENCE)
    }

    /// What the client may be offered: whatever we know, but for what it refused.
    pub(crate) fn payloads(&self) -> Vec<Payload> {
        catalogue::payloads()
            .filter(|payload| !self.refused.contains(&payload.format))
            .collect()
    }

    /// Formats that the client agreed to.
    pub(crate) fn accepts(&self, formats: &[Format]) -> Option<Payload> {
        self.accepted
            .values()
            .find(|payload| formats.contains(&payload.format))
            .copied()
    }

    pub(crate) fn numbering(&self) -> Numbering {
        (self.extensions, self.accepted.values().copied().collect())
    }

    /// Finds a section for a track, or adds one. `None` when it has to wait:
    /// for a section that is being emptied, or for good at the limit.
    pub(crate) fn fill(&mut self, kind: Kind, track: TrackId, formats: &[Format]) -> Option<Mid> {
        let usable = |row: &&mut Row| row.kind == kind && row.free();
        if let Some(row) = self.rows.iter_mut().find(usable) {
            row.track = Some(track);
            row.formats = formats.to_vec();
            return Some(row.mid);
        }
        let emptied = self
            .rows
            .iter()
            .any(|row| row.kind == kind && row.released());
        // One section is for data channels.
        if emptied || self.rows.len() + 1 >= limits::MEDIA_SECTIONS {
            return None;
        }
        let mid = Tag::new((self.rows.len() + 1).to_string().as_bytes())?;
        self.rows.push(Row {
            mid,
            kind,
            formats: formats.to_vec(),
            track: Some(track),
            offered: None,
            dead: false,
        });
        Some(mid)
    }

    /// The client shall no longer receive a track.
    pub(crate) fn release(&mut self, track: TrackId) {
        for row in self.rows.iter_mut().filter(|row| row.track == Some(track)) {
            row.track = None;
        }
    }

    /// Begins an exchange if there is anything to tell: the id of the offer.
    pub(crate) fn begin(&mut self, now: Instant) -> Option<u32> {
        let changed = self.rows.iter().any(|row| row.track != row.offered);
        if self.busy() || !(self.due || changed) {
            return None;
        }
        self.due = false;
        for row in &mut self.rows {
            row.offered = row.track;
        }
        self.last_id += 1;
        self.round = Some(Round {
            id: self.last_id,
            since: now,
        });
        Some(self.last_id)
    }

    /// Whether an answer is the one that we wait for. Clients that don't
    /// number their answers say 0.
    pub(crate) fn awaits(&self, id: u32) -> bool {
        self.round.is_some_and(|round| id == 0 || id == round.id)
    }

    /// Takes the answer to the offer that is on its way.
    pub(crate) fn take(&mut self, answer: &ClientAnswer) -> Result<Outcome, OfferError> {
        let replies = answer.media();
        if replies.len() != self.rows.len() {
            return Err(OfferError::SectionsVanished);
        }
        if let Some(peer) = &self.peer
            && peer.fingerprint != answer.fingerprint()
        {
            return Err(OfferError::OtherCertificate);
        }
        self.round = None;
        self.extensions = answer.extensions();
        let mut outcome = Outcome::default();
        for (row, reply) in self.rows.iter_mut().zip(replies) {
            if reply.mid != row.mid {
                return Err(OfferError::SectionsVanished);
            }
            let agreed = catalogue::agreed(reply);
            self.accepted.extend(
                agreed
                    .iter()
                    .map(|payload| (payload.payload_type, *payload)),
            );
            if reply.rejected {
                row.dead = true;
                row.offered = None;
                outcome.refused.extend(row.track.take());
                self.refused.extend(row.formats.iter().copied());
                continue;
            }
            let Some(track) = row.offered.filter(|track| row.track == Some(*track)) else {
                continue;
            };
            let named = |format: &&Format| agreed.iter().any(|p| p.format == **format);
            let receives = reply.receives && row.formats.iter().any(|f| named(&f));
            if receives {
                outcome.agreed.push((track, row.mid));
            } else {
                self.refused
                    .extend(row.formats.iter().filter(|f| !named(f)).copied());
                row.track = None;
                outcome.refused.push(track);
            }
        }
        Ok(outcome)
    }

    /// The signalling connection was lost and is back: what was on its way
    /// may not have arrived, and the path may be another one.
    pub(crate) fn restart(&mut self, ice: IceCredentials) {
        self.round = None;
        self.due = true;
        self.ice = ice;
    }
}
