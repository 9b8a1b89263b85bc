//! Garbage, from strangers and from people who should know better.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use protocol::signal::Frame;

use super::{CLEAN_AUDIO, CLEAN_VIDEO, Facts, arrive, judge, millis, seconds, watch};
use crate::world::{JoinOptions, World, grants};

/// Datagrams of each storm.
const STORM: u64 = 2_000;

pub(super) fn storms(world: &mut World, facts: &mut Facts) {
    let ann = arrive(world, "room", "ann", JoinOptions::default());
    arrive(world, "room", "bob", JoinOptions::default());
    world.run_for(seconds(4));
    watch(world, seconds(2), CLEAN_AUDIO, CLEAN_VIDEO);

    // From unknown addresses, and from ann's own, as anyone can fake it.
    let stranger = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9)), 9_999);
    let known = world.address_of(ann).unwrap_or(stranger);
    world.begin_window();
    for source in [stranger, known] {
        for _ in 0..STORM {
            let bytes = garbage(world);
            world.inject(source, bytes);
            world.run_for(millis(1));
        }
    }
    judge(world, CLEAN_AUDIO, CLEAN_VIDEO);
    facts.set("datagrams of garbage", 2 * STORM);

    // Joins that can't be read.
    let mut refused = 0;
    for n in 0..200 {
        let text: String = (0..n)
            .map(|_| char::from(b'!' + u8::try_from(world.random().below(90)).unwrap_or(0)))
            .collect();
        let token = grants("other", "mallory");
        if world
            .connect_raw(token, &format!("join_request={text}"))
            .is_err()
        {
            refused += 1;
        }
    }
    facts.set("joins refused", refused);
    // Frames that can't be read, on sessions that were opened properly.
    let joins = 20;
    world.begin_window();
    for n in 0..joins {
        let query = "join_request=EgA="; // an empty JoinRequest, not compressed
        match world.connect_raw(grants("other", &format!("mallory{n}")), query) {
            Ok(session) => {
                for _ in 0..20 {
                    let bytes = garbage(world);
                    let frame = if world.random().chance(300) {
                        Frame::Text(String::from_utf8_lossy(&bytes).into_owned())
                    } else {
                        Frame::Binary(Bytes::from(bytes))
                    };
                    world.inject_frame(session, frame);
                }
                world.run_for(millis(200));
            }
            Err(error) => world.fail(format!("a proper join was refused: {error}")),
        }
    }
    judge(world, CLEAN_AUDIO, CLEAN_VIDEO);
    let closed = world.raw_closed().len();
    facts.set(
        "sessions closed for garbage",
        u64::try_from(closed).unwrap_or(0),
    );
    if closed < joins / 2 {
        world.fail(format!(
            "only {closed} of {joins} sessions were closed for garbage"
        ));
    }
    watch(world, seconds(2), CLEAN_AUDIO, CLEAN_VIDEO);
}

/// Random bytes that often begin like something that they are not.
fn garbage(world: &mut World) -> Vec<u8> {
    let random = world.random();
    let length = usize::try_from(random.below(1_400)).unwrap_or(0);
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.word().to_le_bytes());
    }
    bytes.truncate(length);
    let beginnings: [&[u8]; 6] = [
        &[],
        &[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42], // STUN binding request
        &[22, 0xfe, 0xfd, 0, 0, 0, 0, 0],      // DTLS handshake
        &[0x80, 96, 0, 1],                     // RTP
        &[0x81, 201, 0, 7],                    // RTCP receiver report
        &[0x90, 111, 0, 1],                    // RTP with extensions
    ];
    let which = usize::try_from(random.below(6)).unwrap_or(0);
    let beginning = beginnings.get(which).copied().unwrap_or_default();
    for (to, from) in bytes.iter_mut().zip(beginning) {
        *to = *from;
    }
    bytes
}
