//! Whom a publisher allows to receive its tracks.

use std::collections::{BTreeMap, BTreeSet};

use livekit_protocol as proto;
use protocol::limits;

/// Everyone, unless the publisher has said otherwise.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) enum Audience {
    #[default]
    Everyone,
    /// Participants by sid or identity, and what they may receive.
    Chosen(BTreeMap<String, Allowed>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Allowed {
    All,
    /// Tracks by sid.
    Some(BTreeSet<String>),
}

impl Audience {
    /// Entries beyond the limits of a room name nobody, and are left out.
    pub(crate) fn read(permission: &proto::SubscriptionPermission) -> Self {
        if permission.all_participants {
            return Self::Everyone;
        }
        let chosen = permission
            .track_permissions
            .iter()
            .take(limits::PARTICIPANTS_PER_ROOM)
            .map(|entry| {
                let name = if entry.participant_identity.is_empty() {
                    &entry.participant_sid
                } else {
                    &entry.participant_identity
                };
                let tracks = entry.track_sids.iter();
                let allowed = if entry.all_tracks {
                    Allowed::All
                } else {
                    Allowed::Some(
                        tracks
                            .take(limits::TRACKS_PER_PARTICIPANT)
                            .cloned()
                            .collect(),
                    )
                };
                (name.clone(), allowed)
            })
            .collect();
        Self::Chosen(chosen)
    }

    pub(crate) fn admits(&self, sid: &str, identity: &str, track: &str) -> bool {
        match self {
            Self::Everyone => true,
            Self::Chosen(chosen) => [identity, sid]
                .into_iter()
                .filter_map(|name| chosen.get(name))
                .any(|allowed| match allowed {
                    Allowed::All => true,
                    Allowed::Some(tracks) => tracks.contains(track),
                }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_chosen_are_admitted() {
        let entry = |identity: &str, sid: &str, all_tracks, track: &str| proto::TrackPermission {
            participant_identity: identity.into(),
            participant_sid: sid.into(),
            all_tracks,
            track_sids: vec![track.into()],
        };
        let audience = Audience::read(&proto::SubscriptionPermission {
            all_participants: false,
            track_permissions: vec![
                entry("anna", "", true, ""),
                entry("", "PA_b", false, "TR_1"),
            ],
        });
        assert!(audience.admits("PA_a", "anna", "TR_9"));
        assert!(audience.admits("PA_b", "bert", "TR_1"));
        assert!(!audience.admits("PA_b", "bert", "TR_2"));
        assert!(!audience.admits("PA_c", "carl", "TR_1"));
        assert!(Audience::default().admits("PA_c", "carl", "TR_1"));
    }
}
