//! What the fuzzers feed: one function for each target, which takes any bytes
//! and must neither panic nor hang. `xtask/tests/fuzz_corpus.rs` gives them the
//! corpus on a stable compiler.

mod browser;
mod people;
mod rooms;

use std::{
    net::SocketAddr,
    sync::OnceLock,
    time::{Duration, Instant},
};

use control::Join;
use media::{Certificate, Input as PlaneInput, Shard, ShardConfig};
use protocol::{
    ids::{PeerId, ShardId},
    media::{Codec, ExtensionIds, Fingerprint, IceCredentials},
    plane::Command,
    signal::Dialect,
};

pub use rooms::{sdp, signal};

/// What an input may make a machine put out, at most: far above anything that
/// the corpus does, far below what would be a flood.
const OUTPUTS: usize = 20_000;

/// Credentials of the peer that is open; the corpus has checks that prove them.
const LOCAL_UFRAG: &str = "0000fuzz";
const LOCAL_PASSWORD: &str = "fuzzfuzzfuzzfuzzfuzzfuzz";
const REMOTE_UFRAG: &str = "peer";

/// A packet as it is after decryption: header, extensions, and the payload as
/// every codec's descriptor.
pub fn rtp(data: &[u8]) {
    let Ok(parsed) = media::rtp::Parsed::read(data) else {
        return;
    };
    let ids = ExtensionIds {
        mid: Some(1),
        rid: Some(2),
        repaired_rid: Some(3),
        transport_cc: Some(4),
        audio_level: Some(5),
        abs_send_time: Some(6),
        video_orientation: Some(7),
        dependency_descriptor: Some(8),
    };
    let _ = media::rtp::Extensions::read(data, &parsed, &ids);
    let Some(payload) = parsed.payload(data).ok().and_then(|range| data.get(range)) else {
        return;
    };
    for codec in [
        Codec::Opus,
        Codec::Red,
        Codec::Vp8,
        Codec::H264,
        Codec::Vp9,
        Codec::Av1,
    ] {
        let _ = media::codec::read(codec, payload);
    }
}

/// Dependency descriptors of one stream, one after the other, each rewritten for
/// a receiver of the lowest layers.
pub fn dependency(data: &[u8]) {
    let mut reader = media::codec::Dependencies::default();
    let mut receiver = media::codec::Dependencies::default();
    for piece in pieces(data) {
        let Some(frame) = reader.read(piece) else {
            continue;
        };
        let mut copy = [0; media::codec::DESCRIPTOR];
        // There is no room for a mask in the longest.
        let Some(length) = frame.rewrite(piece, 7, Some((0, 0)), &mut copy) else {
            return;
        };
        let again = copy.get(..length).and_then(|copy| receiver.read(copy));
        assert!(again.is_some(), "what was rewritten can be read");
    }
}

/// A compound as it is after decryption, with everything that its packets carry.
pub fn rtcp(data: &[u8]) {
    use media::rtcp::Packet;
    for packet in media::rtcp::packets(data) {
        let Ok(packet) = packet else { continue };
        let items = match packet {
            Packet::SenderReport { blocks, .. } | Packet::ReceiverReport { blocks, .. } => {
                blocks.count()
            }
            Packet::Nack(nack) => nack.sequences().count(),
            Packet::Fir(fir) => fir.requests().count(),
            Packet::TransportFeedback(feedback) => feedback.statuses().count(),
            Packet::Sdes
            | Packet::Bye(_)
            | Packet::Pli { .. }
            | Packet::Remb(_)
            | Packet::ExtendedReport
            | Packet::Other { .. } => 0,
        };
        // A NACK names 17 packets with 4 bytes; a chunk of feedback, thousands with 2.
        assert!(
            items <= media::rtcp::STATUSES.max(17 * data.len()),
            "{items} items"
        );
    }
}

/// One datagram of STUN's kind for a shard that waits for a peer's checks.
pub fn stun(data: &[u8]) {
    let mut datagram = data.to_vec();
    if let Some(first) = datagram.first_mut() {
        *first &= 3;
    }
    let Some(mut shard) = shard() else { return };
    feed(&mut shard, 1, datagram, now());
}

/// Datagrams of any kind for a shard, from two addresses in turn, with time
/// that passes: what anyone on the internet may do.
pub fn datagram(data: &[u8]) {
    let Some(mut shard) = shard() else { return };
    let mut now = now();
    for (index, datagram) in pieces(data).enumerate() {
        let source = if index % 2 == 0 { 1 } else { 2 };
        feed(&mut shard, source, datagram.to_vec(), now);
        now += Duration::from_millis(700);
        shard.handle_timeout(now);
        drain(&mut shard, now);
    }
}

const DIALECTS: [Dialect; 2] = [Dialect::SinglePeer, Dialect::DualPeer];

/// The query of a request to join, in either dialect.
pub fn join(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let query = ["join_request", "attributes", "capabilities", "sdk"]
        .map(|name| (name.to_owned(), text.clone()));
    for dialect in DIALECTS {
        let _ = Join::parse(dialect, &query);
    }
}

/// Data is cut by lengths of two bytes; what is left over is the last piece.
fn pieces(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length)).min(after.len());
        let (piece, next) = after.split_at_checked(length)?;
        rest = next;
        Some(piece)
    })
}

/// The moment at which every run begins.
#[expect(
    clippy::disallowed_methods,
    reason = "the machines need some moment to count from"
)]
fn now() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

/// With one peer that has not connected yet.
fn shard() -> Option<Shard> {
    static CERTIFICATE: OnceLock<Option<Certificate>> = OnceLock::new();
    let certificate = CERTIFICATE
        .get_or_init(|| Certificate::generate().ok())
        .clone()?;
    let config = ShardConfig {
        id: ShardId(0),
        shards: 2,
        certificate,
        seed: Some(7),
    };
    let mut shard = Shard::new(config, now()).ok()?;
    let credentials = |ufrag: &str, password: &str| IceCredentials {
        ufrag: ufrag.to_owned(),
        password: password.to_owned(),
    };
    let open = Command::OpenPeer {
        peer: PeerId(1),
        local_ice: credentials(LOCAL_UFRAG, LOCAL_PASSWORD),
        remote_ice: credentials(REMOTE_UFRAG, LOCAL_PASSWORD),
        fingerprint: Fingerprint([0; 32]),
    };
    shard.handle_input(PlaneInput::Command(open), now());
    Some(shard)
}

fn feed(shard: &mut Shard, source: u8, mut datagram: Vec<u8>, now: Instant) {
    let datagram = PlaneInput::Datagram {
        source: SocketAddr::from(([192, 0, 2, source], 4_000)),
        destination: SocketAddr::from(([198, 51, 100, 1], 7_882)),
        bytes: &mut datagram,
    };
    shard.handle_input(datagram, now);
    drain(shard, now);
}

fn drain(shard: &mut Shard, now: Instant) {
    let mut outputs = 0;
    while shard.poll_output().is_some() || shard.poll_transmit(now).is_some() {
        outputs += 1;
        assert!(outputs < OUTPUTS, "a flood of outputs");
    }
}
