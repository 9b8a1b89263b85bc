//! Book-keeping of the media sections that the client offers: which carries
//! what, which are free, how many the client was asked for. In the single-peer
//! dialect only the client offers, so all we can do is to ask for sections and
//! to fill those that come; in the dual-peer dialect the client only sends here.

use std::time::{Duration, Instant};

use protocol::{
    ids::TrackId,
    limits,
    media::{Kind, Mid},
};

use crate::sdp::{Offer, OfferError};

/// A request for sections or for an offer that nothing came of is forgotten
/// after this, and made again if there is still need. Clients wait up to
/// 100 ms before they negotiate, and seconds while an earlier round goes on.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a section is used for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Usage {
    /// Nothing.
    Idle,
    /// The client sends, but has not yet said which of its tracks it is.
    Unclaimed,
    /// The client sends a track.
    Up(TrackId),
    /// The client receives a track.
    Down(TrackId),
    /// It carried a track to the client. It has to be seen inactive by the
    /// client before the next track can be put in: browsers only notice a
    /// new track when the direction changes.
    Released,
    /// Data channels.
    Data,
    /// Given up by the client, or of a kind that we don't know.
    Dead,
}

#[derive(Clone, Debug)]
struct Row {
    mid: Mid,
    kind: Option<Kind>,
    usage: Usage,
    /// The client is ready to receive in it.
    open: bool,
    /// From the client's first offer: provided on suspicion, not asked for.
    spare: bool,
}

/// What an offer changed of what was agreed before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// The client no longer sends the track.
    UplinkEnded(TrackId),
    /// The client no longer receives the track.
    DownlinkEnded(TrackId),
}

/// Sections to ask the client for; with none of either kind, an offer alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Demand {
    pub(crate) audio: u32,
    pub(crate) video: u32,
}

/// All sections of a peer, in the order of its description.
#[derive(Clone, Debug)]
pub(crate) struct Sections {
    rows: Vec<Row>,
    /// Whether the spare sections of the first offer may be filled. Native
    /// clients have had trouble with that; they get sections of their own.
    spares: bool,
    /// Sections asked for that have not come, by [`slot`]…
    expected: [usize; 2],
    /// …and when the last of them were asked for.
    expected_since: Option<Instant>,
    /// When the client was last asked for something that has not come.
    asked: Option<Instant>,
}

const fn slot(kind: Kind) -> usize {
    match kind {
        Kind::Audio => 0,
        Kind::Video => 1,
    }
}

impl Sections {
    pub(crate) const fn new(spares: bool) -> Self {
        Self {
            rows: Vec::new(),
            spares,
            expected: [0; 2],
            expected_since: None,
            asked: None,
        }
    }

    pub(crate) fn usage(&self, index: usize) -> Usage {
        self.rows.get(index).map_or(Usage::Dead, |row| row.usage)
    }

    /// Takes the directions of a new offer over. Everything that is not in
    /// the changes stays as it was.
    pub(crate) fn align(&mut self, offer: &Offer) -> Result<Vec<Change>, OfferError> {
        if offer.sections.len() < self.rows.len() {
            return Err(OfferError::SectionsVanished);
        }
        let first_offer = self.rows.is_empty();
        self.asked = None;
        let mut changes = Vec::new();
        for (index, section) in offer.sections.iter().enumerate() {
            let kind = section.medium.kind();
            let usable = !section.rejected && !section.codecs.is_empty();
            if index >= self.rows.len() {
                let receives = usable && section.receives && !section.sends;
                if let (Some(kind), true, false) = (kind, receives, first_offer)
                    && let Some(expected) = self.expected.get_mut(slot(kind))
                {
                    *expected = expected.saturating_sub(1);
                }
                self.rows.push(Row {
                    mid: section.mid,
                    kind,
                    usage: Usage::Idle,
                    open: false,
                    spare: first_offer,
                });
            }
            let Some(row) = self.rows.get_mut(index) else {
                continue;
            };
            if row.mid != section.mid || row.kind != kind {
                // A rejected section was recycled for something else (RFC 8829 §5.2.2).
                changes.extend(ended(row.usage));
                *row = Row {
                    mid: section.mid,
                    kind,
                    usage: Usage::Idle,
                    open: false,
                    spare: false,
                };
            }
            row.open = usable && section.receives && !section.sends;
            let next = match (kind, section.rejected) {
                (_, true) => Usage::Dead,
                (None, false) if section.medium == crate::sdp::Medium::Data => Usage::Data,
                (None, false) => Usage::Dead,
                (Some(_), false) => row.usage.after(usable, section.sends, row.open),
            };
            if next != row.usage {
                changes.extend(ended(row.usage));
            }
            row.usage = next;
        }
        if self.expected == [0; 2] {
            self.expected_since = None;
        }
        Ok(changes)
    }

    /// The sections in which the client sends something yet to be claimed.
    pub(crate) fn unclaimed(&self) -> impl Iterator<Item = usize> + '_ {
        self.rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.usage == Usage::Unclaimed)
            .map(|(index, _)| index)
    }

    pub(crate) fn claim(&mut self, index: usize, track: TrackId) {
        if let Some(row) = self
            .rows
            .get_mut(index)
            .filter(|row| row.usage == Usage::Unclaimed)
        {
            row.usage = Usage::Up(track);
        }
    }

    /// We ended a track that the client may go on to send: it is as if the
    /// section had just come.
    pub(crate) fn disown(&mut self, track: TrackId) {
        for row in self
            .rows
            .iter_mut()
            .filter(|row| row.usage == Usage::Up(track))
        {
            row.usage = Usage::Idle;
        }
    }

    /// Puts a track into a section in which the client is ready to receive.
    pub(crate) fn fill(&mut self, kind: Kind, track: TrackId) -> Option<Mid> {
        let spares = self.spares;
        let row = self.rows.iter_mut().find(|row| row.free(kind, spares))?;
        row.usage = Usage::Down(track);
        Some(row.mid)
    }

    /// The client shall no longer receive a track.
    pub(crate) fn release(&mut self, track: TrackId) {
        for row in self
            .rows
            .iter_mut()
            .filter(|row| row.usage == Usage::Down(track))
        {
            row.usage = Usage::Released;
        }
    }

    /// After an answer in which released sections were inactive.
    pub(crate) fn settle(&mut self) {
        for row in self
            .rows
            .iter_mut()
            .filter(|row| row.usage == Usage::Released)
        {
            row.usage = Usage::Idle;
        }
    }

    /// What to ask of the client so that `waiting` tracks (audio, video) find
    /// a section and released ones are tidied up. Asks for nothing twice.
    pub(crate) fn demand(&mut self, waiting: [usize; 2], now: Instant) -> Option<Demand> {
        if self.rows.is_empty() {
            // No description yet: the first one may bring what is needed.
            return None;
        }
        let mut room = limits::MEDIA_SECTIONS
            .saturating_sub(self.rows.len())
            .saturating_sub(self.expected.iter().sum());
        let mut missing = [0_usize; 2];
        let mut tidy = false;
        for kind in [Kind::Audio, Kind::Video] {
            let index = slot(kind);
            let wanted = waiting.get(index).copied().unwrap_or(0);
            let free = self
                .rows
                .iter()
                .filter(|row| row.free(kind, self.spares))
                .count();
            let released = self.rows.iter().filter(|row| row.released(kind)).count();
            let expected = self.expected.get(index).copied().unwrap_or(0);
            let lacking = wanted.saturating_sub(free + released + expected).min(room);
            room -= lacking;
            tidy |= released > 0 || (wanted > 0 && free > 0);
            if let (Some(missing), Some(expected)) =
                (missing.get_mut(index), self.expected.get_mut(index))
            {
                *missing = lacking;
                *expected += lacking;
            }
        }
        let [audio, video] = missing.map(|count| u32::try_from(count).unwrap_or(0));
        if audio == 0 && video == 0 && (!tidy || self.asked.is_some()) {
            return None;
        }
        self.asked = Some(now);
        if audio > 0 || video > 0 {
            self.expected_since = Some(now);
        }
        Some(Demand { audio, video })
    }

    /// True when the client has let a request go unanswered for too long; the
    /// request is then forgotten, and [`Sections::demand`] may repeat it.
    pub(crate) fn give_up(&mut self, now: Instant) -> bool {
        let due = [self.asked, self.expected_since]
            .into_iter()
            .flatten()
            .any(|asked| now.duration_since(asked) >= PATIENCE);
        if due {
            self.forget_requests();
        }
        due
    }

    /// A lost signalling connection may have swallowed requests.
    pub(crate) fn forget_requests(&mut self) {
        self.asked = None;
        self.expected = [0; 2];
        self.expected_since = None;
    }
}

impl Usage {
    /// What a section is used for after an offer: `usable` when there is a
    /// codec that we know, `sends` and `open` as the client is disposed.
    const fn after(self, usable: bool, sends: bool, open: bool) -> Self {
        match self {
            Self::Up(_) | Self::Unclaimed if usable && sends => self,
            Self::Down(_) | Self::Released if open => self,
            Self::Idle
            | Self::Unclaimed
            | Self::Up(_)
            | Self::Down(_)
            | Self::Released
            | Self::Data
            | Self::Dead => {
                if !usable {
                    Self::Dead
                } else if sends {
                    Self::Unclaimed
                } else {
                    Self::Idle
                }
            }
        }
    }
}

impl Row {
    fn free(&self, kind: Kind, spares: bool) -> bool {
        self.open && self.usage == Usage::Idle && self.kind == Some(kind) && (spares || !self.spare)
    }

    fn released(&self, kind: Kind) -> bool {
        self.usage == Usage::Released && self.open && self.kind == Some(kind)
    }
}

const fn ended(usage: Usage) -> Option<Change> {
    match usage {
        Usage::Up(track) => Some(Change::UplinkEnded(track)),
        Usage::Down(track) => Some(Change::DownlinkEnded(track)),
        Usage::Idle | Usage::Unclaimed | Usage::Released | Usage::Data | Usage::Dead => None,
    }
}
