//! Session keys from master keys (RFC 3711 §4.3 with the sizes of RFC 7714
//! §11), and the nonces that go with them.

use std::fmt;

use aes::{
    Aes128, Aes256, Block,
    cipher::{BlockCipherEncrypt, KeyInit},
};
use protocol::plane::SrtpCipher;
use ring::aead::{AES_128_GCM, AES_256_GCM, LessSafeKey, Nonce, UnboundKey};

/// Bytes of a salt, master and session alike (RFC 7714 §12).
pub(super) const SALT: usize = 12;
/// The longest key.
const KEY_MAX: usize = 32;

pub(super) const fn key_len(cipher: SrtpCipher) -> usize {
    match cipher {
        SrtpCipher::AeadAes256Gcm => 32,
        SrtpCipher::AeadAes128Gcm => 16,
    }
}

/// What key derivation is for: RFC 3711 §4.3.1.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Label {
    RtpKey = 0,
    RtpSalt = 2,
    RtcpKey = 3,
    RtcpSalt = 5,
}

/// The key and salt of one kind of packet in one direction.
pub(super) struct Session {
    pub(super) key: LessSafeKey,
    salt: [u8; SALT],
}

/// Keys must not reach a log.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

pub(super) struct Pair {
    pub(super) rtp: Session,
    pub(super) rtcp: Session,
}

/// `None` when the key has neither 16 nor 32 bytes, or the salt not 12.
pub(super) fn derive(master: &[u8], salt: &[u8]) -> Option<Pair> {
    let salt: [u8; SALT] = salt.try_into().ok()?;
    let session = |key, its_salt| Session::new(master, &salt, key, its_salt);
    Some(Pair {
        rtp: session(Label::RtpKey, Label::RtpSalt)?,
        rtcp: session(Label::RtcpKey, Label::RtcpSalt)?,
    })
}

impl Session {
    fn new(master: &[u8], salt: &[u8; SALT], key_label: Label, salt_label: Label) -> Option<Self> {
        let mut key = [0; KEY_MAX];
        let key = key.get_mut(..master.len())?;
        expand(master, salt, key_label, key)?;
        let mut session_salt = [0; SALT];
        expand(master, salt, salt_label, &mut session_salt)?;
        Self::with(key, session_salt)
    }

    /// The session key and salt as they are.
    pub(super) fn with(key: &[u8], salt: [u8; SALT]) -> Option<Self> {
        let algorithm = match key.len() {
            16 => &AES_128_GCM,
            32 => &AES_256_GCM,
            _ => return None,
        };
        let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
        Some(Self { key, salt })
    }

    /// RFC 7714 §8.1: SSRC, roll-over counter and sequence number (together
    /// the 48-bit index), xor the salt.
    pub(super) fn rtp_nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = u128::from(ssrc) << 48 | u128::from(index & 0xffff_ffff_ffff);
        nonce ^= u128::from_be_bytes(widen(self.salt));
        Nonce::assume_unique_for_key(narrow(nonce))
    }

    /// RFC 7714 §9.1: SSRC, 16 zero bits, and the 31-bit index, xor the salt.
    pub(super) fn rtcp_nonce(&self, ssrc: u32, index: u32) -> Nonce {
        self.rtp_nonce(ssrc, u64::from(index))
    }
}

fn widen(salt: [u8; SALT]) -> [u8; 16] {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = salt;
    [0, 0, 0, 0, a, b, c, d, e, f, g, h, i, j, k, l]
}

fn narrow(nonce: u128) -> [u8; SALT] {
    let [_, _, _, _, rest @ ..] = nonce.to_be_bytes();
    rest
}

/// AES in counter mode as a pseudo-random function (RFC 3711 §4.3.3). The
/// 96-bit salt is taken for 112 bits with zeros at its end (RFC 7714 §11), the
/// key derivation rate is 0.
fn expand(master: &[u8], salt: &[u8; SALT], label: Label, out: &mut [u8]) -> Option<()> {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = *salt;
    let mut block = [a, b, c, d, e, f, g, h ^ label as u8, i, j, k, l, 0, 0, 0, 0];
    let cipher = Cipher::new(master)?;
    for (counter, chunk) in (0_u16..).zip(out.chunks_mut(16)) {
        let [.., high, low] = &mut block;
        [*high, *low] = counter.to_be_bytes();
        let stream = cipher.encrypt(block);
        chunk.copy_from_slice(stream.get(..chunk.len())?);
    }
    Some(())
}

enum Cipher {
    Short(Box<Aes128>),
    Long(Box<Aes256>),
}

impl Cipher {
    fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => Some(Self::Short(Box::new(Aes128::new_from_slice(key).ok()?))),
            32 => Some(Self::Long(Box::new(Aes256::new_from_slice(key).ok()?))),
            _ => None,
        }
    }

    fn encrypt(&self, bytes: [u8; 16]) -> [u8; 16] {
        let mut block = Block::from(bytes);
        match self {
            Self::Short(cipher) => cipher.encrypt_block(&mut block),
            Self::Long(cipher) => cipher.encrypt_block(&mut block),
        }
        block.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711 B.3 gives the function's output for a 112-bit salt; ours ends in
    /// zeros, so the expected values here come from RFC 7714 by way of the
    /// packets in `srtp/tests.rs`, and this only pins the block layout.
    #[test]
    fn labels_give_different_keys() {
        let master = [7; 32];
        let salt = [9; SALT];
        let mut keys = Vec::new();
        for label in [
            Label::RtpKey,
            Label::RtpSalt,
            Label::RtcpKey,
            Label::RtcpSalt,
        ] {
            let mut key = [0; 32];
            expand(&master, &salt, label, &mut key).unwrap();
            assert!(!keys.contains(&key));
            keys.push(key);
        }
    }
}
