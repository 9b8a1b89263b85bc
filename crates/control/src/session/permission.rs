//! What may be changed of a participant's rights while it is there. Whether
//! it can be seen is settled when it joins.

use protocol::grants::{Grants, Source};

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
