//! Offers of real clients, and offers that nobody should send.

use proptest::prelude::*;
use protocol::{
    ids::ShardId,
    limits,
    media::{Codec, Fingerprint, Format, IceCredentials, Kind, PlaneFacts, Tag},
};

use super::sketch::{self, Sketch};
use crate::sdp::{
    Description, Medium, Offer, OfferError, OpusStyle, Reply, Section, Sending, Setup,
};

const CHROMIUM_JOIN: &str = include_str!("fixtures/chromium-join.sdp");
const CHROMIUM_PUBLISH: &str = include_str!("fixtures/chromium-publish.sdp");
const FIREFOX: &str = include_str!("fixtures/firefox-publish.sdp");
const NATIVE: &str = include_str!("fixtures/native-publish.sdp");

fn format(codec: Codec, profile: u32) -> Format {
    Format { codec, profile }
}

fn rids(section: &Section) -> Vec<&str> {
    section.rids.iter().map(Tag::as_str).collect()
}

fn ladder(section: &Section) -> Vec<String> {
    section
        .encodings(true)
        .iter()
        .map(|e| e.rid.unwrap().to_string())
        .collect()
}

fn write(offer: &Offer, reply: impl Fn(usize, &Section) -> Reply) -> String {
    let plane = PlaneFacts {
        candidates: vec![
            "192.0.2.1:7882".parse().unwrap(),
            "[2001:db8::1]:7882".parse().unwrap(),
        ],
        fingerprint: Fingerprint([0xab; 32]),
        shards: 1,
    };
    let ice = IceCredentials::local(ShardId(3), "nonce", "p".repeat(24));
    let answer = Description {
        plane: &plane,
        ice: &ice,
        origin: 42,
        version: 1,
        setup: Setup::Passive,
        opus: OpusStyle {
            discontinuous: true,
            ..OpusStyle::default()
        },
    };
    let replies: Vec<(&Section, Reply)> = offer
        .sections
        .iter()
        .enumerate()
        .map(|(i, s)| (s, reply(i, s)))
        .collect();
    answer.write(&replies)
}

/// What control says before anything is published or subscribed.
fn idle(_: usize, section: &Section) -> Reply {
    match section.medium {
        Medium::Audio | Medium::Video => Reply::Inactive,
        Medium::Data => Reply::Data,
        Medium::Unknown => Reply::Reject,
    }
}

#[test]
fn chromium_is_understood() {
    let offer = Offer::parse(CHROMIUM_PUBLISH).unwrap();
    assert_eq!(offer.sections.len(), 8);
    assert_eq!(offer.ice.ufrag, "8Uof");
    assert_eq!(offer.fingerprint.0[..3], [0xc2, 0x54, 0x48]);
    let media: Vec<&Section> = offer
        .sections
        .iter()
        .filter(|s| s.sends && s.medium != Medium::Data)
        .collect();
    let [audio, video] = media[..] else {
        panic!("two sections send: {media:?}")
    };
    assert_eq!(audio.medium, Medium::Audio);
    assert_eq!(audio.ssrc, Some((1_475_271_736, None)));
    assert_eq!(
        video.msid.as_ref().unwrap().track,
        "d6f66646-a08e-4df8-b1e7-c1004f35a942"
    );
    assert_eq!(rids(video), ["q", "h", "f"]);
    let vp8 = &video.codecs[0];
    assert_eq!(vp8.format(), format(Codec::Vp8, 0));
    assert_eq!(vp8.payload.rtx, Some(97));
    assert!(vp8.feedback.nack && vp8.feedback.pli && vp8.feedback.fir && vp8.feedback.transport_cc);
    let h264: Vec<u32> = video
        .codecs
        .iter()
        .filter(|c| c.format().codec == Codec::H264)
        .map(|c| c.format().profile)
        .collect();
    assert_eq!(
        h264,
        [
            0x42_00_01, 0x42_00_00, 0x42_e0_01, 0x42_e0_00, 0x4d_00_01, 0x4d_00_00
        ]
    );
    let ids = offer.extensions();
    assert_eq!(
        (ids.mid, ids.rid, ids.repaired_rid),
        (Some(4), Some(10), Some(11))
    );
    assert_eq!(
        (ids.transport_cc, ids.audio_level, ids.abs_send_time),
        (Some(3), Some(1), Some(2))
    );
    assert!(
        offer
            .payloads()
            .iter()
            .any(|p| p.payload_type == 111 && p.rtx.is_none())
    );
}

#[test]
fn firefox_is_understood() {
    let offer = Offer::parse(FIREFOX).unwrap();
    assert_eq!(offer.fingerprint.0[0], 0xe5);
    let video = &offer.sections[3];
    assert_eq!(ladder(video), ["q", "h", "f"]);
    assert_eq!(video.msid.as_ref().unwrap().track, "{cam}");
    assert!(
        video
            .codecs
            .iter()
            .any(|c| c.format() == format(Codec::H264, 0x42_e0_00))
    );
    assert_eq!(
        offer.extensions().rid,
        Some(8),
        "a direction after the id is passed over"
    );
    assert_eq!(offer.sections[1].codecs[0].payload.payload_type, 109);
}

#[test]
fn native_clients_list_their_encodings_from_the_top() {
    let offer = Offer::parse(NATIVE).unwrap();
    let video = offer.sections.last().unwrap();
    assert_eq!(rids(video), ["f", "h", "q"]);
    assert_eq!(ladder(video), ["q", "h", "f"]);
}

#[test]
fn trap_01_idle_answers_keep_every_section_usable() {
    let offer = Offer::parse(CHROMIUM_JOIN).unwrap();
    let sdp = write(&offer, idle);
    assert_eq!(sdp.matches("a=inactive").count(), 6);
    assert_eq!(sdp.matches("\r\nm=").count(), 7);
    assert!(sdp.contains("a=group:BUNDLE 0 1 2 3 4 5 6\r\n"));
    assert!(!sdp.contains(" 0 UDP/"), "no section is rejected");
    assert_eq!(sdp.matches("a=candidate:").count(), 2);
    assert_eq!(sdp.matches("a=end-of-candidates").count(), 1);
    assert!(sdp.contains("a=ice-lite\r\n") && sdp.contains("a=ice-ufrag:0003nonce\r\n"));
    assert_eq!(sdp.matches("a=setup:passive").count(), 7);
    assert!(sdp.contains("a=sctp-port:5000\r\na=max-message-size:65535\r\n"));
    // Without these a native client silently fails to publish later.
    assert_eq!(sdp.matches("sdes:rtp-stream-id").count(), 3);
    assert_eq!(sdp.matches("sdes:repaired-rtp-stream-id").count(), 3);
    let again = sdp_types::Session::parse(sdp.as_bytes()).unwrap();
    assert_eq!(again.medias.len(), 7);
}

#[test]
fn trap_20_a_published_camera_is_answered_with_its_encodings() {
    let offer = Offer::parse(NATIVE).unwrap();
    let sdp = write(&offer, |_, section| match section.medium {
        Medium::Video if section.sends => Reply::Receive {
            formats: vec![format(Codec::Vp8, 0)],
        },
        Medium::Audio if section.sends => Reply::Receive {
            formats: vec![format(Codec::Opus, 0)],
        },
        Medium::Audio | Medium::Video | Medium::Data | Medium::Unknown => idle(0, section),
    });
    let video = sdp.rsplit("\r\nm=").next().unwrap();
    assert!(video.starts_with("video 9 UDP/TLS/RTP/SAVPF 96 97\r\n"));
    assert!(video.contains("a=recvonly\r\n"));
    assert!(
        video
            .contains("a=rid:f recv\r\na=rid:h recv\r\na=rid:q recv\r\na=simulcast:recv f;h;q\r\n")
    );
    assert!(video.contains("a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"));
    assert!(!sdp.contains("goog-remb"));
    // One payload type, one set of parameters, in all sections.
    assert_eq!(
        sdp.matches("a=fmtp:111 minptime=10;useinbandfec=1;usedtx=1\r\n")
            .count(),
        4
    );
    assert_eq!(sdp.matches("a=fmtp:111").count(), 4);
}

#[test]
fn a_subscribed_track_says_whose_it_is() {
    let offer = Offer::parse(CHROMIUM_JOIN).unwrap();
    let sdp = write(&offer, |index, section| {
        if index != 3 {
            return idle(index, section);
        }
        Reply::Send(Sending {
            formats: vec![format(Codec::Vp8, 0)],
            stream: "PA_a|camera".into(),
            track: "TR_x".into(),
            cname: "PA_a".into(),
            ssrc: 7,
            rtx_ssrc: Some(8),
        })
    });
    assert!(sdp.contains(
        "a=msid:PA_a|camera TR_x\r\na=ssrc-group:FID 7 8\r\na=ssrc:7 cname:PA_a\r\na=ssrc:8 cname:PA_a\r\n"
    ));
    assert_eq!(sdp.matches("a=sendonly").count(), 1);
}

#[test]
fn what_can_not_be_answered_has_a_reason() {
    let one = [Sketch::receive("audio")];
    let good = sketch::offer(&one, "abcd", sketch::FINGERPRINT);
    assert!(Offer::parse(&good).is_ok());
    let parse = |text: &str| Offer::parse(text).unwrap_err();
    assert!(matches!(parse("hello"), OfferError::Grammar(_)));
    assert_eq!(
        parse("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"),
        OfferError::Empty
    );
    assert_eq!(
        parse(&good.replace("a=mid:1", "a=mid:0")),
        OfferError::MidTwice
    );
    assert_eq!(parse(&good.replace("a=mid:1\r\n", "")), OfferError::Mid);
    assert_eq!(
        parse(&good.replace("a=mid:1", "a=mid:12345678901234567")),
        OfferError::Mid
    );
    assert_eq!(
        parse(&good.replace("a=ice-pwd:", "a=ice-pwd:?")),
        OfferError::Ice
    );
    assert_eq!(
        parse(&good.replace("sha-256", "sha-1")),
        OfferError::Fingerprint
    );
    assert_eq!(
        parse(&good.replace("sha-256 00:", "sha-256 ")),
        OfferError::Fingerprint
    );
    assert_eq!(
        parse(&good.replace("actpass", "passive")),
        OfferError::Setup
    );
    let many = format!(
        "{good}{}",
        "m=audio 9 X 0\r\n".repeat(limits::MEDIA_SECTIONS)
    );
    assert_eq!(parse(&many), OfferError::TooManySections);
}

#[test]
fn strange_sections_are_rejected_without_harm() {
    let sections = [
        Sketch {
            kind: "text",
            ..Sketch::receive("audio")
        },
        Sketch::receive("video"),
    ];
    let offer = Offer::parse(&sketch::offer(&sections, "abcd", sketch::FINGERPRINT)).unwrap();
    let sdp = write(&offer, idle);
    assert!(sdp.contains("m=text 0 UDP/TLS/RTP/SAVPF 96\r\n"));
    assert!(sdp.contains("a=group:BUNDLE 0 2\r\n"));
}

#[test]
fn unlawful_numbers_are_passed_over() {
    let sdp = sketch::offer(&[Sketch::send("video", "x")], "abcd", sketch::FINGERPRINT)
        .replace("a=extmap:10 ", "a=extmap:15 ")
        .replace("profile-level-id=42e01f", "profile-level-id=zz")
        .replace("profile-id=0", "profile-id=900")
        .replace("apt=96", "apt=999")
        .replace(
            "a=simulcast:send q;h;f",
            "a=simulcast:send ~a,b;c;d;e;f;g recv x",
        );
    let offer = Offer::parse(&sdp).unwrap();
    let video = &offer.sections[1];
    assert_eq!(
        offer.extensions().rid,
        None,
        "two-byte headers are not for us"
    );
    assert_eq!(video.codecs.len(), 1);
    assert_eq!(video.codecs[0].payload.rtx, None);
    assert_eq!(rids(video), ["a", "c", "d"]);
    assert_eq!(video.medium.kind(), Some(Kind::Video));
}

proptest! {
    #[test]
    fn any_text_is_refused_or_parsed(text in "(?s).{0,400}") {
        let _ = Offer::parse(&text);
    }

    #[test]
    fn damaged_offers_never_panic(
        source in 0..4_usize,
        cuts in proptest::collection::vec((any::<prop::sample::Index>(), "[ -~\r\n]{0,8}"), 1..12),
    ) {
        let mut text = [CHROMIUM_PUBLISH, FIREFOX, NATIVE, CHROMIUM_JOIN][source].to_owned();
        for (at, with) in cuts {
            let at = at.index(text.len());
            let end = (at + with.len()).min(text.len());
            text.replace_range(at..end, &with);
        }
        if let Ok(offer) = Offer::parse(&text) {
            let sdp = write(&offer, idle);
            let again = sdp_types::Session::parse(sdp.as_bytes()).unwrap();
            prop_assert_eq!(again.medias.len(), offer.sections.len());
        }
    }
}
