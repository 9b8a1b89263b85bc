//! The certificate with which this node proves itself in DTLS. Browsers trust
//! it by its fingerprint alone (RFC 8122), so it is self-signed.

use protocol::media::Fingerprint;

/// An ECDSA P-256 key with its self-signed certificate, shared by all shards.
#[derive(Clone, Debug)]
pub struct Certificate {
    dtls: dimpl::DtlsCertificate,
}

/// The certificate could not be made.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no self-signed certificate could be generated: {0}")]
pub struct CertificateError(dimpl::certificate::CertificateError);

impl Certificate {
    /// A fresh key from the system's random numbers.
    ///
    /// # Errors
    ///
    /// When the system has no random numbers to give.
    pub fn generate() -> Result<Self, CertificateError> {
        dimpl::certificate::generate_self_signed_certificate()
            .map(|dtls| Self { dtls })
            .map_err(CertificateError)
    }

    /// A key made elsewhere: the X.509 certificate and its private key
    /// (PKCS #8 or SEC 1), both in DER. A simulation gives every run the same.
    #[must_use]
    pub const fn from_der(certificate: Vec<u8>, private_key: Vec<u8>) -> Self {
        Self {
            dtls: dimpl::DtlsCertificate {
                certificate,
                private_key,
            },
        }
    }

    /// What clients are told in the session description.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.dtls.certificate)
    }

    pub(crate) fn dtls(&self) -> dimpl::DtlsCertificate {
        self.dtls.clone()
    }
}

/// SHA-256 of a certificate in DER (RFC 8122 §5).
pub(crate) fn fingerprint(certificate: &[u8]) -> Fingerprint {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    Fingerprint(bytes)
}
