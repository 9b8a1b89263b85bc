//! Headers and extensions: read, written, and torn apart.

use proptest::prelude::*;
use protocol::media::{Codec, ExtensionIds, Format, Payload, Tag};

use super::*;

const IDS: ExtensionIds = ExtensionIds {
    mid: Some(1),
    rid: Some(2),
    repaired_rid: Some(3),
    transport_cc: Some(4),
    audio_level: Some(5),
    abs_send_time: Some(6),
    video_orientation: Some(13),
    dependency_descriptor: Some(14),
};

fn header() -> Header {
    Header {
        marker: true,
        payload_type: 96,
        sequence: 0xfffe,
        timestamp: 0x0102_0304,
        ssrc: 0xdead_beef,
    }
}

#[test]
fn reads_what_a_browser_sends() {
    // X, two CSRCs, one-byte block with mid "0", rid "hi", padding, level −17 with voice.
    let mut packet = vec![0x92, 0x6f, 0, 7, 0, 0, 0, 9, 0, 0, 0, 5];
    packet.extend([1, 1, 1, 1, 2, 2, 2, 2]);
    packet.extend([
        0xbe,
        0xde,
        0,
        3,
        0x10,
        b'0',
        0x21,
        b'h',
        b'i',
        0,
        0,
        0x50,
        0x80 | 17,
    ]);
    packet.extend([0xf0, 9, 9]);
    packet.extend(b"payload");
    let parsed = Parsed::read(&packet).unwrap();
    assert_eq!(parsed.header.sequence, 7);
    assert_eq!(parsed.header.payload_type, 0x6f);
    assert!(!parsed.header.marker);
    assert_eq!(parsed.header_len, 12 + 8 + 16);
    assert_eq!(&packet[parsed.payload(&packet).unwrap()], b"payload");
    let extensions = Extensions::read(&packet, &parsed, &IDS).unwrap();
    assert_eq!(extensions.mid, Tag::new(b"0"));
    assert_eq!(extensions.rid, Tag::new(b"hi"));
    let level = extensions.audio_level.unwrap();
    assert!(level.voice && level.level == 17);
    assert_eq!(level.to_byte(), 0x91);
    assert_eq!(extensions.transport_cc, None);
}

#[test]
fn refuses_what_does_not_fit() {
    assert_eq!(Parsed::read(&[]), Err(RtpError::Truncated));
    assert_eq!(Parsed::read(&[0x40; 12]), Err(RtpError::Version));
    assert_eq!(Parsed::read(&[0x80; 11]), Err(RtpError::Truncated));
    let mut csrcs = [0; 16];
    csrcs[0] = 0x82;
    assert_eq!(Parsed::read(&csrcs), Err(RtpError::Truncated));
    let mut block = [0; 20];
    block[0] = 0x90;
    block[15] = 2;
    assert_eq!(Parsed::read(&block), Err(RtpError::Truncated));
    let mut padded = [0; 16];
    padded[0] = 0xa0;
    let parsed = Parsed::read(&padded).unwrap();
    assert_eq!(parsed.payload(&padded), Err(RtpError::Padding));
    padded[15] = 5;
    assert_eq!(parsed.payload(&padded), Err(RtpError::Padding));
    padded[15] = 4;
    assert_eq!(parsed.payload(&padded), Ok(12..12));
}

#[test]
fn an_element_may_not_run_past_the_block() {
    let packet = [
        0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x13, 1, 2, 3,
    ];
    let parsed = Parsed::read(&packet).unwrap();
    assert_eq!(
        Extensions::read(&packet, &parsed, &IDS),
        Err(RtpError::Extension)
    );
    let packet = [
        0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 1, 3, 2, 3,
    ];
    let parsed = Parsed::read(&packet).unwrap();
    assert_eq!(
        Extensions::read(&packet, &parsed, &IDS),
        Err(RtpError::Extension)
    );
}

#[test]
fn a_long_descriptor_needs_two_byte_elements() {
    for length in [1, 16, 17, 255] {
        let descriptor = vec![7; length];
        let outgoing = Outgoing {
            mid: Tag::new(b"a"),
            dependency_descriptor: Some(&descriptor),
            ..Outgoing::default()
        };
        let mut out = vec![0xaa];
        let header_len = write_header(&mut out, &header(), &IDS, &outgoing);
        let packet = &out[1..];
        let parsed = Parsed::read(packet).unwrap();
        assert_eq!(parsed.header_len, header_len);
        let (profile, _) = parsed.extension.clone().unwrap();
        assert_eq!(profile, if length > 16 { 0x1000 } else { 0xbede });
        let read = Extensions::read(packet, &parsed, &IDS).unwrap();
        assert_eq!(read.dependency_descriptor, Some(&descriptor[..]));
        assert_eq!(read.mid, Tag::new(b"a"));
    }
}

#[test]
fn without_extensions_there_is_no_block() {
    let mut out = Vec::new();
    let outgoing = Outgoing {
        transport_cc: Some(1),
        ..Outgoing::default()
    };
    let none = ExtensionIds::default();
    assert_eq!(
        write_header(&mut out, &header(), &none, &outgoing),
        FIXED_HEADER
    );
    assert_eq!(Parsed::read(&out).unwrap().header, header());
}

#[test]
fn payload_types_are_each_peers_own() {
    let vp8 = Format {
        codec: Codec::Vp8,
        profile: 0,
    };
    let types = PayloadTypes::new(vec![Payload {
        payload_type: 96,
        format: vp8,
        rtx: Some(97),
    }]);
    assert_eq!(types.meaning(96), Some(Meaning::Media(vp8)));
    assert_eq!(types.meaning(97), Some(Meaning::Repair(vp8)));
    assert_eq!(types.meaning(98), None);
    assert_eq!(types.numbering(vp8).unwrap().payload_type, 96);
    let other = Format { profile: 1, ..vp8 };
    assert_eq!(types.numbering(other), None);
}

#[test]
fn timestamps_and_sequences_wrap() {
    assert!(is_newer(1, 0xffff_fff0));
    assert!(!is_newer(0xffff_fff0, 1));
    assert!(!is_newer(5, 5));
    assert_eq!(ticks(std::time::Duration::from_millis(20), 48_000), 960);
    let mut extender = Extender::default();
    let first = extender.extend(0xffff);
    assert_eq!(extender.extend(0), first + 1);
    assert_eq!(extender.extend(0xfffe), first - 1);
    assert_eq!(extender.highest(), Some(first + 1));
    let again = extender.restart(0);
    assert!(again > first + 1 && again.is_multiple_of(0x1_0000));
}

proptest! {
    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(parsed) = Parsed::read(&bytes) {
            let _ = parsed.payload(&bytes).map(|range| bytes[range].len());
            let _ = Extensions::read(&bytes, &parsed, &IDS);
        }
    }

    /// The same with a header that gets further than chance does.
    #[test]
    fn blocks_never_panic(two_byte: bool, block in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut packet = vec![0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        packet.extend(if two_byte { [0x10, 0x05] } else { [0xbe, 0xde] });
        packet.extend([0, u8::try_from(block.len() / 4).unwrap()]);
        packet.extend(&block);
        let parsed = Parsed::read(&packet).unwrap();
        let _ = Extensions::read(&packet, &parsed, &IDS);
    }

    #[test]
    fn what_is_written_is_read(
        marker: bool, payload_type in 0_u8..128, sequence: u16, timestamp: u32, ssrc: u32,
        transport_cc: Option<u16>, abs_send_time in prop::option::of(0_u32..1 << 24),
        audio_level: Option<u8>, video_orientation: Option<u8>,
        mid in prop::option::of("[a-z0-9]{1,16}"),
        descriptor in prop::option::of(prop::collection::vec(any::<u8>(), 1..256)),
    ) {
        let header = Header { marker, payload_type, sequence, timestamp, ssrc };
        let outgoing = Outgoing {
            mid: mid.and_then(|mid| Tag::new(mid.as_bytes())),
            transport_cc, abs_send_time, audio_level, video_orientation,
            dependency_descriptor: descriptor.as_deref(),
        };
        let mut out = Vec::new();
        let header_len = write_header(&mut out, &header, &IDS, &outgoing);
        out.extend(b"payload");
        let parsed = Parsed::read(&out).unwrap();
        prop_assert_eq!(parsed.header, header);
        prop_assert_eq!(parsed.header_len, header_len);
        prop_assert_eq!(&out[parsed.payload(&out).unwrap()], b"payload");
        let read = Extensions::read(&out, &parsed, &IDS).unwrap();
        prop_assert_eq!(read.mid, outgoing.mid);
        prop_assert_eq!(read.transport_cc, transport_cc);
        prop_assert_eq!(read.abs_send_time, abs_send_time);
        prop_assert_eq!(read.audio_level.map(VoiceLevel::to_byte), audio_level);
        prop_assert_eq!(read.video_orientation, video_orientation);
        prop_assert_eq!(read.dependency_descriptor, descriptor.as_deref());
    }

    #[test]
    fn extension_follows_a_stream(start: u16, steps in prop::collection::vec(-500_i32..30_000, 1..100)) {
        let mut extender = Extender::default();
        let mut true_number = i64::from(start) + 0x1_0000;
        prop_assert_eq!(extender.extend(start), true_number.cast_unsigned());
        for step in steps {
            let next = true_number + i64::from(step);
            let extended = extender.extend((next & 0xffff) as u16);
            prop_assert_eq!(extended, next.cast_unsigned());
            true_number = true_number.max(next);
        }
    }
}
