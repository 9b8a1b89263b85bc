//! A client's answer to our offer.

use protocol::media::{ExtensionIds, Fingerprint, IceCredentials};

use super::{Medium, Offer, OfferError, Section};

/// An answer reads like an offer: the same lines say the same of the client.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ClientAnswer(Offer);

impl ClientAnswer {
    pub(crate) fn parse(text: &str) -> Result<Self, OfferError> {
        Offer::parse(text).map(Self)
    }

    pub(crate) const fn ice(&self) -> &IceCredentials {
        &self.0.ice
    }

    pub(crate) const fn fingerprint(&self) -> Fingerprint {
        self.0.fingerprint
    }

    pub(crate) fn extensions(&self) -> ExtensionIds {
        self.0.extensions()
    }

    /// The sections but for that of the data channels, in their order.
    pub(crate) fn media(&self) -> Vec<&Section> {
        self.0
            .sections
            .iter()
            .filter(|section| section.medium != Medium::Data)
            .collect()
    }
}
