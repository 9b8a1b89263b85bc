//! SRTP and SRTCP with AES-GCM (RFC 3711, RFC 7714), keyed by DTLS (RFC 5764).
//!
//! Only the two AEAD profiles exist here. Knows of sources (SSRCs) nothing but
//! their packet index and replay window.

mod keys;
mod replay;

use protocol::plane::SrtpCipher;
use ring::aead::{Aad, LessSafeKey, Nonce};

use crate::rtp::{Parsed, be32};
use keys::Session;
use replay::{Sources, Window};

/// Appended to each packet: the whole tag (RFC 7714 §12).
pub const TAG: usize = 16;
/// SRTCP's flag and index, which follow the tag (RFC 7714 §9).
const TRAILER: usize = 4;
/// RTCP's common header and sender SSRC, which stay readable.
const RTCP_HEADER: usize = 8;
/// The flag of SRTCP's trailer that says "encrypted".
const ENCRYPTED: u32 = 0x8000_0000;

/// Sources of RTP that one peer may have at once: 32 tracks of three encodings
/// with their repairs are 192; the rest is room for tracks that came and went.
const RTP_SOURCES: usize = 1_024;
/// And of RTCP: Firefox reports from one SSRC per received track, and a full
/// room has 2,000 of them.
const RTCP_SOURCES: usize = 8_192;

/// Why a packet was not opened or sealed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SrtpError {
    #[error("the DTLS exporter gave {0} bytes of keys, which does not fit the cipher")]
    Keys(usize),
    #[error("the packet is too short")]
    Truncated,
    #[error("the tag is wrong")]
    Forged,
    #[error("the packet was received before, or is too old to tell")]
    Replayed,
    #[error("the control packet is not encrypted")]
    Unencrypted,
    #[error("the peer uses too many sources")]
    TooManySources,
    #[error("the keys are used up")]
    Exhausted,
}

/// Bytes of keys that the DTLS exporter must give (RFC 5764 §4.2): two keys and two salts.
#[must_use]
pub const fn exporter_len(cipher: SrtpCipher) -> usize {
    2 * (keys::key_len(cipher) + keys::SALT)
}

/// Both directions from what the DTLS exporter gave, us being the DTLS server.
///
/// # Errors
/// [`SrtpError::Keys`] when the material is not [`exporter_len`] bytes long.
pub fn from_exporter(
    cipher: SrtpCipher,
    material: &[u8],
) -> Result<(Inbound, Outbound), SrtpError> {
    let wrong = SrtpError::Keys(material.len());
    if material.len() != exporter_len(cipher) {
        return Err(wrong);
    }
    // RFC 5764 §4.2: client key, server key, client salt, server salt.
    let key = keys::key_len(cipher);
    let (client_key, rest) = material.split_at_checked(key).ok_or(wrong)?;
    let (server_key, salts) = rest.split_at_checked(key).ok_or(wrong)?;
    let (client_salt, server_salt) = salts.split_at_checked(keys::SALT).ok_or(wrong)?;
    let client = keys::derive(client_key, client_salt).ok_or(wrong)?;
    let server = keys::derive(server_key, server_salt).ok_or(wrong)?;
    Ok((Inbound::new(client), Outbound::new(server)))
}

/// Opens what one peer sends.
#[derive(Debug)]
pub struct Inbound {
    rtp: Session,
    rtcp: Session,
    rtp_sources: Sources,
    rtcp_sources: Sources,
}

impl Inbound {
    fn new(keys: keys::Pair) -> Self {
        Self {
            rtp: keys.rtp,
            rtcp: keys.rtcp,
            rtp_sources: Sources::new(RTP_SOURCES),
            rtcp_sources: Sources::new(RTCP_SOURCES),
        }
    }

    /// Decrypts a packet in place and returns its length without the tag.
    ///
    /// # Errors
    /// When it is forged, replayed or older than 128 packets, or when the peer
    /// has more than 1,024 sources. The packet's content is then undefined and
    /// nothing was remembered.
    pub fn open_rtp(&mut self, packet: &mut [u8], parsed: &Parsed) -> Result<usize, SrtpError> {
        let length = packet.len().checked_sub(TAG).ok_or(SrtpError::Truncated)?;
        if length < parsed.header_len {
            return Err(SrtpError::Truncated);
        }
        let ssrc = parsed.header.ssrc;
        let window = self.rtp_sources.find(ssrc);
        let index = Window::estimate(window, parsed.header.sequence);
        if window.is_some_and(|window| window.seen(index)) {
            return Err(SrtpError::Replayed);
        }
        self.rtp_sources.room_for(ssrc)?;
        let nonce = self.rtp.rtp_nonce(ssrc, index);
        open(&self.rtp.key, nonce, packet, parsed.header_len)?;
        self.rtp_sources.accept(ssrc, index)?;
        Ok(length)
    }

    /// Decrypts a compound in place and returns its length without tag and index.
    ///
    /// # Errors
    /// As [`Self::open_rtp`]; and when the packet is not encrypted.
    pub fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let sealed = packet
            .len()
            .checked_sub(TRAILER)
            .ok_or(SrtpError::Truncated)?;
        let length = sealed.checked_sub(TAG).ok_or(SrtpError::Truncated)?;
        if length < RTCP_HEADER {
            return Err(SrtpError::Truncated);
        }
        let ssrc = be32(packet, 4).ok_or(SrtpError::Truncated)?;
        let trailer = be32(packet, sealed).ok_or(SrtpError::Truncated)?;
        if trailer & ENCRYPTED == 0 {
            return Err(SrtpError::Unencrypted);
        }
        let index = trailer & !ENCRYPTED;
        let window = self.rtcp_sources.find(ssrc);
        if window.is_some_and(|window| window.seen(u64::from(index))) {
            return Err(SrtpError::Replayed);
        }
        self.rtcp_sources.room_for(ssrc)?;
        let nonce = self.rtcp.rtcp_nonce(ssrc, index);
        let body = packet.get_mut(..sealed).ok_or(SrtpError::Truncated)?;
        open_with(
            &self.rtcp.key,
            nonce,
            body,
            RTCP_HEADER,
            &trailer.to_be_bytes(),
        )?;
        self.rtcp_sources.accept(ssrc, u64::from(index))?;
        Ok(length)
    }
}

fn open(
    key: &LessSafeKey,
    nonce: Nonce,
    packet: &mut [u8],
    header_len: usize,
) -> Result<(), SrtpError> {
    let (header, body) = packet
        .split_at_mut_checked(header_len)
        .ok_or(SrtpError::Truncated)?;
    key.open_in_place(nonce, Aad::from(&*header), body)
        .map(|_| ())
        .map_err(|_| SrtpError::Forged)
}

/// RFC 7714 §9.2: SRTCP authenticates its trailer along with its header.
fn open_with(
    key: &LessSafeKey,
    nonce: Nonce,
    packet: &mut [u8],
    header_len: usize,
    trailer: &[u8; TRAILER],
) -> Result<(), SrtpError> {
    let (header, body) = packet
        .split_at_mut_checked(header_len)
        .ok_or(SrtpError::Truncated)?;
    let aad = rtcp_aad(header, trailer).ok_or(SrtpError::Truncated)?;
    key.open_in_place(nonce, Aad::from(aad), body)
        .map(|_| ())
        .map_err(|_| SrtpError::Forged)
}

fn rtcp_aad(header: &[u8], trailer: &[u8; TRAILER]) -> Option<[u8; RTCP_HEADER + TRAILER]> {
    let mut aad = [0; RTCP_HEADER + TRAILER];
    let (first, last) = aad.split_at_mut(RTCP_HEADER);
    first.copy_from_slice(header.get(..RTCP_HEADER)?);
    last.copy_from_slice(trailer);
    Some(aad)
}

/// Seals what we send to one peer.
#[derive(Debug)]
pub struct Outbound {
    rtp: Session,
    rtcp: Session,
    /// One counter for all our sources: for each of them it only rises.
    rtcp_index: u32,
}

impl Outbound {
    fn new(keys: keys::Pair) -> Self {
        Self {
            rtp: keys.rtp,
            rtcp: keys.rtcp,
            rtcp_index: 0,
        }
    }

    /// Reads a little of what sealing will need, so that the memory is near when
    /// it does. The result means nothing.
    #[must_use]
    pub fn touch(&self) -> bool {
        self.rtp.touch()
    }

    /// Seals the packet that begins at `start` and ends the buffer: its first
    /// `header_len` bytes stay readable, the rest is encrypted, the tag is
    /// appended.
    ///
    /// `index` is the packet's extended sequence number; its low 16 bits must
    /// be the header's, and it must begin below 2^15 so that the receiver's
    /// roll-over counter agrees. **An index must never be used twice with one
    /// SSRC**, whatever the content: GCM then loses all secrecy (RFC 7714 §13).
    /// An SSRC must therefore never be given to a second stream of the peer.
    ///
    /// # Errors
    /// [`SrtpError::Exhausted`] from index 2^48 on; [`SrtpError::Truncated`]
    /// when the buffer ends before the header does. The buffer's tail is then
    /// to be thrown away.
    pub fn seal_rtp(
        &self,
        buffer: &mut Vec<u8>,
        start: usize,
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<(), SrtpError> {
        if index >> 48 != 0 {
            return Err(SrtpError::Exhausted);
        }
        let packet = buffer.get_mut(start..).ok_or(SrtpError::Truncated)?;
        let (header, body) = packet
            .split_at_mut_checked(header_len)
            .ok_or(SrtpError::Truncated)?;
        let nonce = self.rtp.rtp_nonce(ssrc, index);
        let tag = self
            .rtp
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(&*header), body)
            .map_err(|_| SrtpError::Exhausted)?;
        buffer.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Seals the compound that begins at `start` and ends the buffer.
    ///
    /// # Errors
    /// [`SrtpError::Exhausted`] after 2^31 compounds; [`SrtpError::Truncated`]
    /// when there are not at least the eight bytes of an RTCP header.
    pub fn seal_rtcp(&mut self, buffer: &mut Vec<u8>, start: usize) -> Result<(), SrtpError> {
        if self.rtcp_index & ENCRYPTED != 0 {
            return Err(SrtpError::Exhausted);
        }
        let index = self.rtcp_index;
        let trailer = (index | ENCRYPTED).to_be_bytes();
        let packet = buffer.get_mut(start..).ok_or(SrtpError::Truncated)?;
        let ssrc = be32(packet, 4).ok_or(SrtpError::Truncated)?;
        let (header, body) = packet
            .split_at_mut_checked(RTCP_HEADER)
            .ok_or(SrtpError::Truncated)?;
        let aad = rtcp_aad(header, &trailer).ok_or(SrtpError::Truncated)?;
        let nonce = self.rtcp.rtcp_nonce(ssrc, index);
        // Before the key is used, so that no path leads to a second use.
        self.rtcp_index += 1;
        let tag = self
            .rtcp
            .key
            .seal_in_place_separate_tag(nonce, Aad::from(aad), body)
            .map_err(|_| SrtpError::Exhausted)?;
        buffer.extend_from_slice(tag.as_ref());
        buffer.extend_from_slice(&trailer);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
