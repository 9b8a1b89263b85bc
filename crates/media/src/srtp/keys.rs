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
/// And of the salt that key derivation takes (RFC 3711 §4.3.1).
const PRF_SALT: usize = 14;
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
    // RFC 7714 §11: the 96-bit salt is taken for 112 bits with zeros at its end.
    let mut padded = [0; PRF_SALT];
    padded.get_mut(..SALT)?.copy_from_slice(salt.get(..SALT)?);
    let salt = padded;
    let session = |key, its_salt| Session::new(master, &salt, key, its_salt);
    Some(Pair {
        rtp: session(Label::RtpKey, Label::RtpSalt)?,
        rtcp: session(Label::RtcpKey, Label::RtcpSalt)?,
    })
}

impl Session {
    /// See [`super::Outbound::touch`].
    pub(super) fn touch(&self) -> bool {
        std::ptr::eq(self.key.algorithm(), &AES_256_GCM) == (self.salt.first() == Some(&0))
    }

    fn new(
        master: &[u8],
        salt: &[u8; PRF_SALT],
        key_label: Label,
        salt_label: Label,
    ) -> Option<Self> {
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

/// AES in counter mode as a pseudo-random function (RFC 3711 §4.3.3), the key
/// derivation rate being 0.
fn expand(master: &[u8], salt: &[u8; PRF_SALT], label: Label, out: &mut [u8]) -> Option<()> {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = *salt;
    let labelled = h ^ label as u8;
    let mut block = [a, b, c, d, e, f, g, labelled, i, j, k, l, m, n, 0, 0];
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
    use crate::rtp::testing::hex;

    fn both(master: &str, salt: &str) -> (Vec<u8>, Vec<u8>) {
        let (master, salt) = (hex(master), hex(salt).try_into().unwrap());
        let mut key = vec![0; master.len()];
        expand(&master, &salt, Label::RtpKey, &mut key).unwrap();
        let mut session_salt = vec![0; PRF_SALT];
        expand(&master, &salt, Label::RtpSalt, &mut session_salt).unwrap();
        (key, session_salt)
    }

    /// RFC 3711 §B.3.
    #[test]
    fn vectors_of_128_bits() {
        let (key, salt) = both(
            "E1F97A0D3E018BE0D64FA32C06DE4139",
            "0EC675AD498AFEEBB6960B3AABE6",
        );
        assert_eq!(key, hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(salt, hex("30CBBC08863D8C85D49DB34A9AE1"));
    }

    /// RFC 6188 §7.4.
    #[test]
    fn vectors_of_256_bits() {
        let (key, salt) = both(
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
            "3b04803de51ee7c96423ab5b78d2",
        );
        assert_eq!(
            key,
            hex("5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4")
        );
        assert_eq!(salt, hex("fa31791685ca444a9e07c6c64e93"));
    }
}
