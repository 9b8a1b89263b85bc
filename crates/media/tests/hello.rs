//! What today's browsers begin DTLS with: a ClientHello in two datagrams, as
//! captured from them (see `fixtures/README.md`). It must be understood in any
//! order and be answered with DTLS 1.2 and AES-256 for the media.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use is::stun::{StunMessage, TransId};
use media::{Certificate, Input, Output, Shard, ShardConfig};
use protocol::{
    ids::{PeerId, ShardId},
    media::{Fingerprint, IceCredentials},
    plane::Command,
};
use ring::hmac;

const CHROMIUM: [&[u8]; 2] = [
    include_bytes!("fixtures/chromium-1.bin"),
    include_bytes!("fixtures/chromium-2.bin"),
];
const FIREFOX: [&[u8]; 2] = [
    include_bytes!("fixtures/firefox-1.bin"),
    include_bytes!("fixtures/firefox-2.bin"),
];

/// Record and handshake headers (RFC 6347 §4.1, §4.2.2).
const RECORD_HEADER: usize = 13;
const HANDSHAKE_HEADER: usize = 12;
const DTLS_1_2: [u8; 2] = [0xfe, 0xfd];

const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const CERTIFICATE_REQUEST: u8 = 13;
const SERVER_HELLO_DONE: u8 = 14;

/// The extension of RFC 5764 §4.1.1, and the profile of RFC 7714 §14.2.
const USE_SRTP: u16 = 14;
const AEAD_AES_256_GCM: u16 = 0x0008;

#[test]
fn each_browser_needs_two_datagrams_for_a_post_quantum_key_share() {
    const X25519_MLKEM_768: [u8; 2] = [0x11, 0xec];
    for hello in [CHROMIUM, FIREFOX] {
        let length = uint(&hello[0][RECORD_HEADER + 1..][..3]);
        let fragments = hello.map(|d| d.len() - RECORD_HEADER - HANDSHAKE_HEADER);
        assert_eq!(fragments.iter().sum::<usize>(), length);
        let whole = hello.map(|d| &d[RECORD_HEADER + HANDSHAKE_HEADER..]);
        let whole = whole.concat();
        assert!(whole.windows(2).any(|pair| pair == X25519_MLKEM_768));
    }
}

#[test]
fn in_order() {
    for [first, second] in [CHROMIUM, FIREFOX] {
        let mut server = Server::new();
        assert_eq!(server.receive(first), NOTHING);
        check_flight(&server.receive(second));
    }
}

#[test]
fn reversed() {
    for [first, second] in [CHROMIUM, FIREFOX] {
        let mut server = Server::new();
        assert_eq!(server.receive(second), NOTHING);
        check_flight(&server.receive(first));
    }
}

#[test]
fn duplicated() {
    for [first, second] in [CHROMIUM, FIREFOX] {
        let mut server = Server::new();
        assert_eq!(server.receive(first), NOTHING);
        assert_eq!(server.receive(first), NOTHING);
        let flight = server.receive(second);
        check_flight(&flight);
        // To the server a copy looks like a flight sent again, which it
        // answers with the same flight (RFC 6347 §4.2.4), and not with
        // another handshake.
        for copy in [second, first] {
            let again = server.receive(copy);
            if again != NOTHING {
                assert_eq!(messages(&again), messages(&flight));
            }
        }
    }
}

/// A browser that hears nothing sends the same fragments in new records.
#[test]
fn sent_again_after_a_loss() {
    for [first, second] in [CHROMIUM, FIREFOX] {
        for lost in [0, 1] {
            let mut server = Server::new();
            assert_eq!(server.receive([second, first][lost]), NOTHING);
            server.pass(Duration::from_millis(50));
            let again = [renumbered(first, 2), renumbered(second, 3)];
            let mut answers = server.receive(&again[0]);
            answers.extend(server.receive(&again[1]));
            check_flight(&answers);
        }
    }
}

#[test]
fn a_lone_fragment_gets_no_answer() {
    for datagram in [CHROMIUM, FIREFOX].concat() {
        let mut server = Server::new();
        assert_eq!(server.receive(datagram), NOTHING);
        for _ in 0..5 {
            assert_eq!(server.pass(Duration::from_secs(1)), NOTHING);
        }
        assert_eq!(server.shard.stats().peers, 1, "it is still waited for");
    }
}

#[test]
fn what_is_cut_or_spoilt_is_survived() {
    for [first, second] in [CHROMIUM, FIREFOX] {
        for length in (0..first.len()).step_by(37) {
            let mut server = Server::new();
            server.receive(&first[..length]);
            server.receive(second);
        }
        for at in (0..first.len()).step_by(37) {
            let mut server = Server::new();
            let mut spoilt = first.to_vec();
            spoilt[at] ^= 0xff;
            server.receive(&spoilt);
            server.receive(second);
        }
    }
}

const NOTHING: Vec<Vec<u8>> = Vec::new();

/// A shard with one peer whose address has been proved.
struct Server {
    shard: Shard,
    now: Instant,
}

impl Server {
    #[expect(
        clippy::disallowed_methods,
        reason = "virtual time needs some instant to start from"
    )]
    fn new() -> Self {
        let now = Instant::now();
        let config = ShardConfig {
            id: ShardId(0),
            shards: 1,
            certificate: Certificate::generate().unwrap(),
            seed: Some(1),
        };
        let mut server = Self {
            shard: Shard::new(config, now).unwrap(),
            now,
        };
        let local_ice = IceCredentials::local(ShardId(0), "hello", "p".repeat(24));
        let (password, name) = (local_ice.password.clone(), local_ice.ufrag.clone());
        let command = Command::OpenPeer {
            peer: PeerId(1),
            local_ice,
            remote_ice: IceCredentials {
                ufrag: "browser".into(),
                password: "q".repeat(24),
            },
            fingerprint: Fingerprint([0; 32]),
        };
        server.shard.handle_input(Input::Command(command), now);
        let user = format!("{name}:browser");
        let check = StunMessage::binding_request(&user, TransId::new(), true, 1, 100, true);
        let mut bytes = [0; 256];
        let length = check
            .to_bytes(Some(password.as_bytes()), &mut bytes, hmac_sha1)
            .unwrap();
        assert_eq!(server.receive(&bytes[..length]).len(), 1, "a binding reply");
        server
    }

    /// What is sent in answer to a datagram.
    fn receive(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        let input = Input::Datagram {
            source: SocketAddr::from(([192, 0, 2, 1], 5000)),
            destination: SocketAddr::from(([198, 51, 100, 1], 7882)),
            bytes: &mut datagram.to_vec(),
        };
        self.shard.handle_input(input, self.now);
        self.drain()
    }

    /// What is sent while time passes.
    fn pass(&mut self, time: Duration) -> Vec<Vec<u8>> {
        self.now += time;
        self.shard.handle_timeout(self.now);
        self.drain()
    }

    fn drain(&mut self) -> Vec<Vec<u8>> {
        while let Some(output) = self.shard.poll_output() {
            assert!(matches!(output, Output::Event(_)));
        }
        let mut datagrams = Vec::new();
        while let Some(transmit) = self.shard.poll_transmit(self.now) {
            let segments = transmit.contents.chunks(transmit.segment_size);
            datagrams.extend(segments.map(<[u8]>::to_vec));
        }
        datagrams
    }
}

/// The flight of RFC 6347 §4.2.4 with a client's certificate asked for.
fn check_flight(datagrams: &[Vec<u8>]) {
    let messages = messages(datagrams);
    let types: Vec<u8> = messages.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(
        types,
        [
            SERVER_HELLO,
            CERTIFICATE,
            SERVER_KEY_EXCHANGE,
            CERTIFICATE_REQUEST,
            SERVER_HELLO_DONE
        ]
    );
    let hello = &messages[0].1;
    assert_eq!(hello[..2], DTLS_1_2);
    // `[profiles: 2 bytes of length, profile][MKI: 1 byte of length]`
    let [high, low] = AEAD_AES_256_GCM.to_be_bytes();
    assert_eq!(
        extension(hello, USE_SRTP).unwrap(),
        [0, 2, high, low, 0],
        "the one profile that was chosen, and no MKI"
    );
    const SUPPORTED_VERSIONS: u16 = 43;
    assert_eq!(
        extension(hello, SUPPORTED_VERSIONS),
        None,
        "that would be 1.3"
    );
}

/// The handshake messages in a flight, put together: type and body.
fn messages(datagrams: &[Vec<u8>]) -> Vec<(u8, Vec<u8>)> {
    const HANDSHAKE: u8 = 22;
    let mut messages: Vec<(u8, Vec<u8>)> = Vec::new();
    for datagram in datagrams {
        let mut rest = &datagram[..];
        while !rest.is_empty() {
            assert_eq!((rest[0], &rest[1..3]), (HANDSHAKE, &DTLS_1_2[..]));
            let (record, next) = rest[RECORD_HEADER..].split_at(uint(&rest[11..13]));
            fragments(record, &mut messages);
            rest = next;
        }
    }
    messages
}

fn fragments(mut record: &[u8], messages: &mut Vec<(u8, Vec<u8>)>) {
    while !record.is_empty() {
        let (offset, length) = (uint(&record[6..9]), uint(&record[9..12]));
        let (body, rest) = record[HANDSHAKE_HEADER..].split_at(length);
        if offset == 0 {
            messages.push((record[0], Vec::new()));
        }
        let message = &mut messages.last_mut().unwrap().1;
        assert_eq!(message.len(), offset, "fragments in order");
        message.extend_from_slice(body);
        record = rest;
    }
}

/// What a ServerHello (RFC 5246 §7.4.1.3) says in one extension.
fn extension(hello: &[u8], wanted: u16) -> Option<&[u8]> {
    // Version, random, session id, cipher suite, compression.
    let session = usize::from(hello[34]);
    let mut rest = &hello[35 + session + 3 + 2..];
    while !rest.is_empty() {
        let (body, next) = rest[4..].split_at(uint(&rest[2..4]));
        if uint(&rest[..2]) == usize::from(wanted) {
            return Some(body);
        }
        rest = next;
    }
    None
}

/// The same record with another sequence number.
fn renumbered(datagram: &[u8], sequence: u8) -> Vec<u8> {
    let mut again = datagram.to_vec();
    again[10] = sequence;
    again
}

fn uint(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b))
}

fn hmac_sha1(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &parts.concat());
    tag.as_ref().try_into().unwrap()
}
