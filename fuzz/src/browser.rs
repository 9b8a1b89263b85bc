//! Writes the descriptions of a pretended browser from a few bytes, so that a
//! fuzzer needs no luck to get past the grammar. Knows nothing of rooms.

use std::fmt::Write;

/// Sections of one offer; more teach the fuzzer nothing.
const SECTIONS: usize = 12;

const FINGERPRINT: &str = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:\
                           00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

const AUDIO: &str = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
    a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
    a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n";

const VIDEO: &str = "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
    a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n\
    a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
    a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n";

/// The name that a client gives to one of its eight tracks.
pub(crate) fn cid(number: u8) -> String {
    format!("c{}", number & 7)
}

fn transport(ice: u8, setup: &str) -> String {
    let ice = format!("ice{}", ice & 1);
    format!(
        "c=IN IP4 0.0.0.0\r\na=ice-ufrag:{ice}\r\na=ice-pwd:{ice}{ice}{ice}{ice}{ice}{ice}\r\n\
         a=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:{setup}\r\n"
    )
}

/// The first byte is the generation of the ICE credentials, each other one a
/// section: its bits are kind, direction (two), simulcast, track (three), port 0.
pub(crate) fn offer(bytes: &[u8]) -> String {
    let (ice, sections) = bytes.split_first().unwrap_or((&0, &[]));
    let transport = transport(*ice, "actpass");
    let mut sdp = format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
         m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{transport}a=mid:0\r\n\
         a=sctp-port:5000\r\n"
    );
    for (section, mid) in sections.iter().take(SECTIONS).zip(1..) {
        // Writing to a string can't fail.
        let _ = media(&mut sdp, *section, mid, &transport);
    }
    sdp
}

fn media(out: &mut String, section: u8, mid: usize, transport: &str) -> std::fmt::Result {
    let video = section & 1 != 0;
    let port = if section & 0x80 == 0 { 9 } else { 0 };
    let (kind, payloads) = if video {
        ("video", "96 97 98")
    } else {
        ("audio", "63 111")
    };
    let directions = ["recvonly", "sendonly", "sendrecv", "inactive"];
    let direction = directions
        .get(usize::from(section >> 1 & 3))
        .unwrap_or(&"inactive");
    write!(
        out,
        "m={kind} {port} UDP/TLS/RTP/SAVPF {payloads}\r\n{transport}a=mid:{mid}\r\n\
         a={direction}\r\na=rtcp-mux\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    )?;
    out.push_str(if video { VIDEO } else { AUDIO });
    if direction.starts_with("send") {
        write!(out, "a=msid:- {}\r\n", cid(section >> 4))?;
        out.push_str(if section & 8 == 0 {
            "a=ssrc-group:FID 1000 1001\r\na=ssrc:1000 cname:x\r\n"
        } else {
            "a=rid:q send\r\na=rid:h send\r\na=simulcast:send q;h\r\n"
        });
    }
    Ok(())
}

/// Takes what an offer has, but for the sections whose bit in `refused` is set.
pub(crate) fn answer(offer: &str, ice: u8, refused: u8) -> String {
    const KEPT: [&str; 7] = [
        "a=mid",
        "a=rtpmap",
        "a=fmtp",
        "a=rtcp",
        "a=extmap",
        "a=sctp",
        "a=inactive",
    ];
    let transport = transport(ice, "active");
    let mut sdp = String::from("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    for (index, section) in offer.split("\r\nm=").skip(1).enumerate() {
        let mut lines = section.lines();
        let heading = lines.next().unwrap_or("");
        let refuses = index < 8 && refused >> index & 1 != 0;
        let heading = if refuses {
            heading.replacen(" 9 ", " 0 ", 1)
        } else {
            heading.to_owned()
        };
        // Writing to a string can't fail.
        let _ = write!(sdp, "m={heading}\r\n{transport}");
        for line in lines {
            if line == "a=sendonly" {
                sdp.push_str("a=recvonly\r\n");
            } else if KEPT.iter().any(|name| line.starts_with(name)) {
                let _ = write!(sdp, "{line}\r\n");
            }
        }
    }
    sdp
}
