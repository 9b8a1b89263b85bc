//! DTLS 1.2 as the server (RFC 6347, RFC 5764): proves the peer's
//! certificate, yields the keys of SRTP and carries SCTP.
//!
//! Not 1.3: there the server would take the client's first SRTP profile,
//! which is none of AEAD with Chromium.

use std::{sync::Arc, time::Instant};

use dimpl::{Config, Dtls, KeyingMaterial, Output, SrtpProfile};
use protocol::{
    media::Fingerprint,
    plane::{CloseReason, SrtpCipher},
};

use crate::{Certificate, certificate::fingerprint};

/// Room for any record: those that come are at most one datagram.
const RECORD_BYTES: usize = 2_048;

/// What SRTP is to be keyed with (RFC 5764 §4.2).
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) cipher: SrtpCipher,
    pub(crate) material: KeyingMaterial,
}

/// What came of DTLS.
#[derive(Debug)]
pub(crate) enum SecureEvent {
    /// A record to be sent to the peer.
    Record(Vec<u8>),
    /// The peer is who it should be; media may flow.
    Connected(Keys),
    /// A decrypted SCTP packet.
    Sctp(Vec<u8>),
}

/// The DTLS association with one peer.
pub(crate) struct Secure {
    dtls: Dtls,
    expected: Fingerprint,
    verified: bool,
    keys: Option<Keys>,
    connected: bool,
    next: Option<Instant>,
}

impl std::fmt::Debug for Secure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secure")
            .field("connected", &self.connected)
            .finish_non_exhaustive()
    }
}

impl Secure {
    pub(crate) fn new(
        config: Arc<Config>,
        certificate: &Certificate,
        expected: Fingerprint,
        now: Instant,
    ) -> Self {
        Self {
            dtls: Dtls::new_12(config, certificate.dtls(), now),
            expected,
            verified: false,
            keys: None,
            connected: false,
            next: None,
        }
    }

    pub(crate) const fn next_timeout(&self) -> Option<Instant> {
        self.next
    }

    pub(crate) fn receive(
        &mut self,
        datagram: &[u8],
        events: &mut Vec<SecureEvent>,
        now: Instant,
    ) -> Result<(), CloseReason> {
        self.dtls
            .handle_timeout(now)
            .and_then(|()| self.dtls.handle_packet(datagram))
            .map_err(|_| CloseReason::HandshakeFailed)?;
        self.drain(events)
    }

    pub(crate) fn handle_timeout(
        &mut self,
        events: &mut Vec<SecureEvent>,
        now: Instant,
    ) -> Result<(), CloseReason> {
        if self.next.is_none_or(|next| next > now) {
            return Ok(());
        }
        self.dtls
            .handle_timeout(now)
            .map_err(|_| CloseReason::HandshakeFailed)?;
        self.drain(events)
    }

    /// Encrypts one SCTP packet.
    pub(crate) fn send(
        &mut self,
        packet: &[u8],
        events: &mut Vec<SecureEvent>,
    ) -> Result<(), CloseReason> {
        if !self.connected {
            return Ok(());
        }
        self.dtls
            .send_application_data(packet)
            .map_err(|_| CloseReason::HandshakeFailed)?;
        self.drain(events)
    }

    /// Says goodbye (close_notify).
    pub(crate) fn close(&mut self, events: &mut Vec<SecureEvent>) {
        if self.connected && self.dtls.close().is_ok() {
            // The peer is being forgotten: its own goodbye changes nothing.
            let _ = self.drain(events);
        }
    }

    fn drain(&mut self, events: &mut Vec<SecureEvent>) -> Result<(), CloseReason> {
        let mut buffer = [0; RECORD_BYTES];
        loop {
            match self.dtls.poll_output(&mut buffer) {
                Output::Packet(record) => events.push(SecureEvent::Record(record.to_vec())),
                Output::PeerCert(der) => {
                    if fingerprint(der) != self.expected {
                        return Err(CloseReason::WrongCertificate);
                    }
                    self.verified = true;
                }
                Output::KeyingMaterial(material, profile) => {
                    let cipher = cipher(profile).ok_or(CloseReason::HandshakeFailed)?;
                    self.keys = Some(Keys { cipher, material });
                    self.connect(events);
                }
                Output::Connected => {
                    self.connected = true;
                    self.connect(events);
                }
                Output::ApplicationData(data) => {
                    if self.connected {
                        events.push(SecureEvent::Sctp(data.to_vec()));
                    }
                }
                Output::CloseNotify => return Err(CloseReason::Goodbye),
                Output::Timeout(next) => {
                    self.next = Some(next);
                    break;
                }
                // The wildcard stands for outputs to come.
                Output::BufferTooSmall { .. } | _ => return Err(CloseReason::HandshakeFailed),
            }
        }
        // A client without a certificate gets nowhere. One without SRTP never
        // counts as connected and runs into the timeout.
        if self.connected && !self.verified {
            return Err(CloseReason::HandshakeFailed);
        }
        Ok(())
    }

    /// Once both the end of the handshake and the keys are there.
    fn connect(&mut self, events: &mut Vec<SecureEvent>) {
        if self.connected && self.verified {
            events.extend(self.keys.take().map(SecureEvent::Connected));
        }
    }
}

/// Only AEAD is spoken here (RFC 7714).
const fn cipher(profile: SrtpProfile) -> Option<SrtpCipher> {
    match profile {
        SrtpProfile::AEAD_AES_256_GCM => Some(SrtpCipher::AeadAes256Gcm),
        SrtpProfile::AEAD_AES_128_GCM => Some(SrtpCipher::AeadAes128Gcm),
        // The wildcard stands for profiles to come.
        SrtpProfile::AES128_CM_SHA1_80 | _ => None,
    }
}
