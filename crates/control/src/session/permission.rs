//! What may be changed of a participant's rights while it is there. Whether
//! it can be seen is settled when it joins.

use std::collections::BTreeSet;

use livekit_protocol as proto;
use protocol::grants::{Grants, Source};

use super::source_of;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Permission {
    pub(crate) can_publish: bool,
    /// When not empty, only these sources may be published.
    pub(crate) can_publish_sources: Vec<Source>,
    pub(crate) can_subscribe: bool,
    pub(crate) can_publish_data: bool,
    pub(crate) can_update_own_metadata: bool,
}

impl Permission {
    pub(crate) fn apply(self, grants: &mut Grants) {
        let Self {
            can_publish,
            can_publish_sources,
            can_subscribe,
            can_publish_data,
            can_update_own_metadata,
        } = self;
        grants.can_publish = can_publish;
        grants.can_publish_sources = can_publish_sources;
        grants.can_subscribe = can_subscribe;
        grants.can_publish_data = can_publish_data;
        grants.can_update_own_metadata = can_update_own_metadata;
    }
}

/// Whether someone is hidden is the token's to say: most updates do not mention
/// it, and in this message that can't be told from `false`.
impl From<&proto::ParticipantPermission> for Permission {
    fn from(permission: &proto::ParticipantPermission) -> Self {
        let listed = &permission.can_publish_sources;
        let known: BTreeSet<Source> = listed
            .iter()
            .map(|source| source_of(*source))
            .filter(|source| *source != Source::Unknown)
            .collect();
        // In a token a list of sources is a right by itself, and an empty one allows all:
        // what can't be said there must not be had here.
        let can_publish = permission.can_publish && (listed.is_empty() || !known.is_empty());
        Self {
            can_publish,
            can_publish_sources: known.into_iter().filter(|_| can_publish).collect(),
            can_subscribe: permission.can_subscribe,
            can_publish_data: permission.can_publish_data,
            can_update_own_metadata: permission.can_update_metadata,
        }
    }
}
