//! A client's whole offer.

use std::collections::BTreeSet;

use protocol::{
    limits,
    media::{ExtensionIds, Fingerprint, IceCredentials, Payload},
};
use sdp_types::{Attribute, Session};

use super::section::{self, Section};

/// Why an offer can't be answered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum OfferError {
    #[error("not a session description: {0}")]
    Grammar(String),
    #[error("more than {} media sections", limits::MEDIA_SECTIONS)]
    TooManySections,
    #[error("no media section")]
    Empty,
    #[error("a media section has no mid, or one that is too long")]
    Mid,
    #[error("two media sections have the same mid")]
    MidTwice,
    #[error("no ICE user fragment and password of lawful length")]
    Ice,
    #[error("no SHA-256 fingerprint")]
    Fingerprint,
    #[error("the client must be ready to be the DTLS client")]
    Setup,
    #[error("media sections of an earlier offer are missing")]
    SectionsVanished,
    #[error("the client's certificate changed")]
    OtherCertificate,
}

/// A client's offer, as far as it matters to us. Candidates are left out: we
/// are ICE-lite and answer whoever knows the password (RFC 8445 §2.5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Offer {
    pub(crate) ice: IceCredentials,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) sections: Vec<Section>,
}

impl Offer {
    pub(crate) fn parse(text: &str) -> Result<Self, OfferError> {
        // Counted first: the parser would hold them all.
        if text.lines().filter(|line| line.starts_with("m=")).count() > limits::MEDIA_SECTIONS {
            return Err(OfferError::TooManySections);
        }
        let session = Session::parse(text.as_bytes())
            .map_err(|error| OfferError::Grammar(error.to_string()))?;
        let direction = section::direction(&session.attributes);
        let mixed = section::allows_mixed(&session.attributes);
        let sections = session
            .medias
            .iter()
            .map(|media| Section::parse(media, direction, mixed))
            .collect::<Result<Vec<_>, _>>()?;
        let mut mids = BTreeSet::new();
        if !sections.iter().all(|section| mids.insert(section.mid)) {
            return Err(OfferError::MidTwice);
        }
        if sections.is_empty() {
            return Err(OfferError::Empty);
        }
        if attribute(&session, "setup").is_some_and(|setup| setup == "passive") {
            return Err(OfferError::Setup);
        }
        Ok(Self {
            ice: ice(&session)?,
            fingerprint: fingerprint(&session)?,
            sections,
        })
    }

    /// Ids of the header extensions. Within a bundle one id means the same
    /// in every section (RFC 9143 §9.1), so the first mention decides.
    pub(crate) fn extensions(&self) -> ExtensionIds {
        let mut ids = ExtensionIds::default();
        for (id, extension) in self.sections.iter().flat_map(|s| &s.extensions) {
            extension.slot(&mut ids).get_or_insert(*id);
        }
        ids
    }

    /// The payload types of all sections; within a bundle they are one space.
    pub(crate) fn payloads(&self) -> Vec<Payload> {
        let mut payloads: Vec<Payload> = Vec::new();
        let mut seen = [false; 128];
        for codec in self.sections.iter().flat_map(|s| &s.codecs) {
            if let Some(seen) = seen.get_mut(usize::from(codec.payload.payload_type))
                && !*seen
            {
                *seen = true;
                payloads.push(codec.payload);
            }
        }
        payloads
    }
}

/// An attribute of the transport: of the session, or of the first section that
/// has it. The bundle has one transport, described where it comes first.
fn attribute<'a>(session: &'a Session, name: &str) -> Option<&'a str> {
    let of = |attributes: &'a [Attribute]| section::value(attributes, name);
    session
        .medias
        .iter()
        .find_map(|media| of(&media.attributes))
        .or_else(|| of(&session.attributes))
}

/// RFC 8839 §5.4: a fragment of 4 to 256 ICE characters, a password of 22 to 256.
fn ice(session: &Session) -> Result<IceCredentials, OfferError> {
    let lawful = |text: &&str, least: usize| {
        (least..=256).contains(&text.len())
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
    };
    let ufrag = attribute(session, "ice-ufrag").filter(|text| lawful(text, 4));
    let password = attribute(session, "ice-pwd").filter(|text| lawful(text, 22));
    match (ufrag, password) {
        (Some(ufrag), Some(password)) => Ok(IceCredentials {
            ufrag: ufrag.to_owned(),
            password: password.to_owned(),
        }),
        _ => Err(OfferError::Ice),
    }
}

/// The first SHA-256 fingerprint; a description may have others beside it
/// (RFC 8122 §5).
fn fingerprint(session: &Session) -> Result<Fingerprint, OfferError> {
    session
        .medias
        .iter()
        .map(|media| media.attributes.as_slice())
        .chain([session.attributes.as_slice()])
        .flatten()
        .filter(|a| a.attribute == "fingerprint")
        .filter_map(|a| a.value.as_deref())
        .find_map(sha256)
        .ok_or(OfferError::Fingerprint)
}

fn sha256(value: &str) -> Option<Fingerprint> {
    let (function, digits) = value.split_once(' ')?;
    if !function.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let mut bytes = [0_u8; 32];
    let mut pairs = digits.trim().split(':');
    for byte in &mut bytes {
        let pair = pairs.next().filter(|pair| pair.len() == 2)?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(Fingerprint(bytes))
}
