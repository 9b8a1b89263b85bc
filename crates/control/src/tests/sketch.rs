//! Writes offers as a browser would.

use std::fmt::Write;

/// A media section of a pretended client.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    pub(super) kind: &'static str,
    pub(super) direction: &'static str,
    pub(super) track: Option<String>,
    pub(super) rids: &'static [&'static str],
    /// Given up: port 0.
    pub(super) stopped: bool,
}

impl Sketch {
    pub(super) fn receive(kind: &'static str) -> Self {
        Self {
            kind,
            direction: "recvonly",
            track: None,
            rids: &[],
            stopped: false,
        }
    }

    pub(super) fn send(kind: &'static str, track: &str) -> Self {
        let rids: &[&str] = if kind == "video" {
            &["q", "h", "f"]
        } else {
            &[]
        };
        Self {
            kind,
            direction: "sendonly",
            track: Some(track.to_owned()),
            rids,
            stopped: false,
        }
    }
}

pub(super) const FINGERPRINT: &str = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:\
                                      00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

/// The data channels come first, then the sections; mids count from 0.
pub(super) fn offer(sections: &[Sketch], ice: &str, fingerprint: &str) -> String {
    let mut sdp = String::from("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE");
    for mid in 0..=sections.len() {
        write!(sdp, " {mid}").unwrap();
    }
    let transport = format!(
        "c=IN IP4 0.0.0.0\r\na=ice-ufrag:{ice}\r\na=ice-pwd:{ice}{ice}{ice}{ice}{ice}{ice}\r\n\
         a=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\n"
    );
    write!(
        sdp,
        "\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n{transport}a=mid:0\r\n\
         a=sctp-port:5000\r\na=max-message-size:262144\r\n"
    )
    .unwrap();
    for (index, section) in sections.iter().enumerate() {
        let payloads = if section.kind == "audio" {
            "111 0"
        } else {
            "96 97 102 103 98 99"
        };
        let port = if section.stopped { 0 } else { 9 };
        write!(
            sdp,
            "m={} {port} UDP/TLS/RTP/SAVPF {payloads}\r\n{transport}",
            section.kind
        )
        .unwrap();
        write!(
            sdp,
            "a=mid:{}\r\na={}\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
            index + 1,
            section.direction
        )
        .unwrap();
        sdp.push_str("a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n");
        sdp.push_str("a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n");
        sdp.push_str(if section.kind == "audio" {
            AUDIO
        } else {
            VIDEO
        });
        if let Some(track) = &section.track {
            write!(sdp, "a=msid:- {track}\r\n").unwrap();
            if section.rids.is_empty() {
                let ssrc = 1_000 + index * 2;
                write!(sdp, "a=ssrc-group:FID {ssrc} {}\r\n", ssrc + 1).unwrap();
                write!(sdp, "a=ssrc:{ssrc} cname:x\r\n").unwrap();
            }
        }
        for rid in section.rids {
            write!(sdp, "a=rid:{rid} send\r\n").unwrap();
        }
        if !section.rids.is_empty() {
            write!(sdp, "a=simulcast:send {}\r\n", section.rids.join(";")).unwrap();
        }
    }
    sdp
}

/// Answers an offer as a browser would: it receives whatever is sent, but for
/// codecs whose name contains `refused`.
pub(super) fn answer(offer: &str, ice: &str, refused: Option<&str>) -> String {
    let transport = format!(
        "a=ice-ufrag:{ice}\r\na=ice-pwd:{ice}{ice}{ice}{ice}{ice}{ice}\r\n\
         a=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:active\r\n"
    );
    let mut sdp = String::from("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n");
    for section in offer.split("\r\nm=").skip(1) {
        let refuses = refused.is_some_and(|codec| section.contains(codec));
        for (index, line) in section.lines().enumerate() {
            match line {
                _ if index == 0 => {
                    let line = if refuses {
                        line.replacen(" 9 ", " 0 ", 1)
                    } else {
                        line.to_owned()
                    };
                    write!(sdp, "m={line}\r\n{transport}").unwrap();
                }
                "a=sendonly" => sdp.push_str("a=recvonly\r\n"),
                "a=inactive" => sdp.push_str("a=inactive\r\n"),
                _ if [
                    "a=mid", "a=rtpmap", "a=fmtp", "a=rtcp", "a=extmap", "a=sctp",
                ]
                .iter()
                .any(|name| line.starts_with(name)) =>
                {
                    write!(sdp, "{line}\r\n").unwrap();
                }
                _ => {}
            }
        }
    }
    sdp
}

const AUDIO: &str = "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
    a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\n";

const VIDEO: &str = "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
    a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n\
    a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\n\
    a=rtcp-fb:96 ccm fir\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n\
    a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
    a=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack pli\r\n\
    a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n\
    a=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n\
    a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n\
    a=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n";
