//! The vectors of RFC 7714, RFC 3711 and RFC 6188, and replays.

#![expect(
    clippy::cast_possible_truncation,
    reason = "the numbers of a test are small"
)]

use proptest::prelude::*;

use super::*;
use crate::rtp::{self, testing::hex};

const SALT_7714: &str = "517569642070726f2071756f";
const KEY_128: &str = "000102030405060708090a0b0c0d0e0f";
const KEY_256: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const RTP_7714: &str = "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973
    20646976 69736120 696e2070 61727465 73207472 6573";
const RTCP_7714: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
    deadbeef deadbeef deadbeef deadbeef deadbeef";

fn session(key: &str) -> Session {
    let salt = hex(SALT_7714).try_into().unwrap();
    Session::with(&hex(key), salt).unwrap()
}

fn pair(key: &str) -> keys::Pair {
    keys::Pair {
        rtp: session(key),
        rtcp: session(key),
    }
}

/// RFC 7714 §16.1.1 and §16.2.1.
#[test]
fn rtp_vectors() {
    for (key, sealed) in [
        (
            KEY_128,
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
             0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
        ),
        (
            KEY_256,
            "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
             9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
        ),
    ] {
        let clear = hex(RTP_7714);
        let mut packet = clear.clone();
        let outbound = Outbound::new(pair(key));
        outbound
            .seal_rtp(&mut packet, 0, 12, 0x5501_a0b2, 0xf17b)
            .unwrap();
        assert_eq!(packet, hex(sealed));
        let mut inbound = Inbound::new(pair(key));
        let parsed = Parsed::read(&packet).unwrap();
        let length = inbound.open_rtp(&mut packet, &parsed).unwrap();
        assert_eq!(packet[..length], clear);
    }
}

/// RFC 7714 §17.1 and §17.2.
#[test]
fn rtcp_vectors() {
    for (key, sealed) in [
        (
            KEY_128,
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1
             730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        ),
        (
            KEY_256,
            "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1
             110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
        ),
    ] {
        let clear = hex(RTCP_7714);
        let mut packet = clear.clone();
        let mut outbound = Outbound::new(pair(key));
        outbound.rtcp_index = 0x5d4;
        outbound.seal_rtcp(&mut packet, 0).unwrap();
        assert_eq!(packet, hex(sealed));
        let mut inbound = Inbound::new(pair(key));
        let length = inbound.open_rtcp(&mut packet).unwrap();
        assert_eq!(packet[..length], clear);
    }
}

/// What the two ends of one DTLS association derive.
fn ends(cipher: SrtpCipher) -> (Inbound, Outbound) {
    let material: Vec<u8> = (0..exporter_len(cipher)).map(|at| at as u8).collect();
    let key = keys::key_len(cipher);
    let (server_in, _) = from_exporter(cipher, &material).unwrap();
    let client_keys = keys::derive(&material[..key], &material[2 * key..2 * key + keys::SALT]);
    (server_in, Outbound::new(client_keys.unwrap()))
}

fn packet(ssrc: u32, index: u64, payload: &[u8]) -> Vec<u8> {
    let header = rtp::Header {
        marker: false,
        payload_type: 96,
        sequence: (index & 0xffff) as u16,
        timestamp: 1,
        ssrc,
    };
    let mut out = Vec::new();
    rtp::write_header(&mut out, &header, &Default::default(), &Default::default());
    out.extend_from_slice(payload);
    out
}

fn sealed(outbound: &Outbound, ssrc: u32, index: u64, payload: &[u8]) -> Vec<u8> {
    let mut out = packet(ssrc, index, payload);
    outbound.seal_rtp(&mut out, 0, 12, ssrc, index).unwrap();
    out
}

fn open(inbound: &mut Inbound, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut packet = packet.to_vec();
    let parsed = Parsed::read(&packet).unwrap();
    let length = inbound.open_rtp(&mut packet, &parsed)?;
    Ok(packet[..length].to_vec())
}

#[test]
fn both_ciphers_and_only_the_right_length() {
    for cipher in [SrtpCipher::AeadAes256Gcm, SrtpCipher::AeadAes128Gcm] {
        let (mut inbound, outbound) = ends(cipher);
        let bytes = sealed(&outbound, 5, 9, b"hello");
        assert_eq!(open(&mut inbound, &bytes).unwrap()[12..], *b"hello");
        let short = vec![0; exporter_len(cipher) - 1];
        assert_eq!(
            from_exporter(cipher, &short).map(|_| ()),
            Err(SrtpError::Keys(short.len()))
        );
    }
    assert_eq!(exporter_len(SrtpCipher::AeadAes256Gcm), 88);
    assert_eq!(exporter_len(SrtpCipher::AeadAes128Gcm), 56);
}

#[test]
fn a_changed_bit_is_noticed_and_nothing_remembered() {
    let (mut inbound, outbound) = ends(SrtpCipher::AeadAes256Gcm);
    let bytes = sealed(&outbound, 5, 9, b"hello");
    for at in [1, 4, 12, 20, bytes.len() - 1] {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        assert_eq!(open(&mut inbound, &forged), Err(SrtpError::Forged));
    }
    assert!(open(&mut inbound, &bytes).is_ok());
    assert_eq!(open(&mut inbound, &bytes), Err(SrtpError::Replayed));
    assert_eq!(open(&mut inbound, &bytes[..20]), Err(SrtpError::Truncated));
}

#[test]
fn the_window_is_128_packets() {
    let (mut inbound, outbound) = ends(SrtpCipher::AeadAes256Gcm);
    let at = |index| sealed(&outbound, 5, index, b"x");
    assert!(open(&mut inbound, &at(1_000)).is_ok());
    assert!(open(&mut inbound, &at(873)).is_ok());
    assert_eq!(open(&mut inbound, &at(873)), Err(SrtpError::Replayed));
    assert_eq!(open(&mut inbound, &at(872)), Err(SrtpError::Replayed));
    assert!(open(&mut inbound, &at(2_000)).is_ok());
    assert!(open(&mut inbound, &at(1_999)).is_ok());
    assert_eq!(open(&mut inbound, &at(1_000)), Err(SrtpError::Replayed));
}

#[test]
fn rolls_over_with_reordering() {
    let (mut inbound, outbound) = ends(SrtpCipher::AeadAes256Gcm);
    for index in [
        0xfff0, 0xffff, 0x1_0001, 0xfffe, 0x1_0000, 0x1_6000, 0x1_c000, 0x1_ffff, 0x2_0003,
        0x1_fffe,
    ] {
        assert!(
            open(&mut inbound, &sealed(&outbound, 5, index, b"x")).is_ok(),
            "{index:x}"
        );
    }
}

#[test]
fn sources_are_bounded() {
    let (mut inbound, outbound) = ends(SrtpCipher::AeadAes128Gcm);
    for ssrc in 0..RTP_SOURCES as u32 {
        assert!(open(&mut inbound, &sealed(&outbound, ssrc, 1, b"x")).is_ok());
    }
    let one_more = sealed(&outbound, 1 << 20, 1, b"x");
    assert_eq!(
        open(&mut inbound, &one_more),
        Err(SrtpError::TooManySources)
    );
    assert!(open(&mut inbound, &sealed(&outbound, 7, 2, b"x")).is_ok());
}

#[test]
fn control_packets_are_guarded_as_well() {
    let (mut inbound, mut outbound) = ends(SrtpCipher::AeadAes256Gcm);
    let mut first = vec![0xee];
    crate::rtcp::write_pli(&mut first, 1, 2);
    let clear = first[1..].to_vec();
    outbound.seal_rtcp(&mut first, 1).unwrap();
    let mut second = clear.clone();
    outbound.seal_rtcp(&mut second, 0).unwrap();
    let mut opened = second.clone();
    let length = inbound.open_rtcp(&mut opened).unwrap();
    assert_eq!(opened[..length], clear);
    assert!(inbound.open_rtcp(&mut first[1..]).is_ok(), "reordered");
    assert_eq!(inbound.open_rtcp(&mut second), Err(SrtpError::Replayed));
    let mut plain = second.clone();
    let flag = plain.len() - 4;
    plain[flag] &= 0x7f;
    assert_eq!(inbound.open_rtcp(&mut plain), Err(SrtpError::Unencrypted));
    assert_eq!(inbound.open_rtcp(&mut [0; 27]), Err(SrtpError::Truncated));
}

#[test]
fn used_up_keys_seal_nothing() {
    let (_, mut outbound) = ends(SrtpCipher::AeadAes256Gcm);
    let mut bytes = packet(1, 0, b"x");
    let refused = outbound.seal_rtp(&mut bytes, 0, 12, 1, 1 << 48);
    assert_eq!(refused, Err(SrtpError::Exhausted));
    outbound.rtcp_index = ENCRYPTED;
    let mut bytes = vec![0; 12];
    assert_eq!(outbound.seal_rtcp(&mut bytes, 0), Err(SrtpError::Exhausted));
}

proptest! {
    #[test]
    fn bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let (mut inbound, _) = ends(SrtpCipher::AeadAes128Gcm);
        if let Ok(parsed) = Parsed::read(&bytes) {
            prop_assert!(inbound.open_rtp(&mut bytes, &parsed).is_err());
        }
        prop_assert!(inbound.open_rtcp(&mut bytes).is_err());
    }

    /// Every packet that is at most 127 behind the highest opens once, and never twice.
    #[test]
    fn opens_once(start in 0_u64..0x8000, steps in prop::collection::vec(-140_i64..3_000, 1..60)) {
        let (mut inbound, outbound) = ends(SrtpCipher::AeadAes128Gcm);
        let mut seen = std::collections::BTreeSet::new();
        let mut highest = start;
        for step in steps {
            let Some(index) = highest.checked_add_signed(step) else { continue };
            let fresh = seen.last().is_none_or(|top| index + 128 > *top) && seen.insert(index);
            let opened = open(&mut inbound, &sealed(&outbound, 3, index, b"p"));
            prop_assert_eq!(opened.is_ok(), fresh, "{}", index);
            highest = highest.max(index);
        }
    }
}
