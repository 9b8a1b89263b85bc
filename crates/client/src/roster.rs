//! Who is in the room, as the server tells it.

use std::collections::BTreeMap;

use livekit_protocol::{ParticipantInfo, participant_info};

/// Everyone in the room, oneself included, by `PA_…` id.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Roster {
    members: BTreeMap<String, Member>,
    /// Versions of those who left: a late update must not bring them back.
    left: BTreeMap<String, u32>,
}

/// One participant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    pub identity: String,
    pub name: String,
    /// As LiveKit numbers it: 0 joining, 1 joined, 2 active.
    pub state: i32,
    pub version: u32,
    /// By `TR_…` id.
    pub tracks: BTreeMap<String, TrackFacts>,
}

/// What is told of a published track.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrackFacts {
    /// As LiveKit numbers it: 0 audio, 1 video.
    pub kind: i32,
    pub source: i32,
    pub muted: bool,
}

/// Those who left are remembered up to this number.
const LEFT: usize = 1_024;

impl Roster {
    #[must_use]
    pub const fn members(&self) -> &BTreeMap<String, Member> {
        &self.members
    }

    /// The owner of a track.
    #[must_use]
    pub fn publisher(&self, track: &str) -> Option<&Member> {
        self.members.values().find(|m| m.tracks.contains_key(track))
    }

    /// Older versions of a participant are dropped, as the SDKs do.
    pub(crate) fn update(&mut self, info: &ParticipantInfo) {
        let known = self.members.get(&info.sid).map(|m| m.version);
        let newest = known.max(self.left.get(&info.sid).copied());
        if newest.is_some_and(|version| info.version < version) {
            return;
        }
        if info.state() == participant_info::State::Disconnected {
            self.members.remove(&info.sid);
            self.left.insert(info.sid.clone(), info.version);
            while self.left.len() > LEFT {
                self.left.pop_first();
            }
            return;
        }
        if self.left.contains_key(&info.sid) {
            return;
        }
        let tracks = info
            .tracks
            .iter()
            .map(|t| {
                let facts = TrackFacts {
                    kind: t.r#type,
                    source: t.source,
                    muted: t.muted,
                };
                (t.sid.clone(), facts)
            })
            .collect();
        let member = Member {
            identity: info.identity.clone(),
            name: info.name.clone(),
            state: info.state,
            version: info.version,
            tracks,
        };
        self.members.insert(info.sid.clone(), member);
    }
}

#[cfg(test)]
mod tests {
    use livekit_protocol::{ParticipantInfo, participant_info::State};

    use super::Roster;

    fn info(version: u32, state: State) -> ParticipantInfo {
        ParticipantInfo {
            sid: "PA_a".to_owned(),
            identity: "a".to_owned(),
            version,
            state: state.into(),
            ..ParticipantInfo::default()
        }
    }

    #[test]
    fn old_news_is_dropped_and_who_left_stays_away() {
        let mut roster = Roster::default();
        roster.update(&info(3, State::Active));
        roster.update(&info(2, State::Joining));
        assert_eq!(roster.members()["PA_a"].state, 2);
        roster.update(&info(4, State::Disconnected));
        assert!(roster.members().is_empty());
        roster.update(&info(3, State::Active));
        roster.update(&info(5, State::Active));
        assert!(roster.members().is_empty());
    }
}
