//! Descriptors and key frames, by hand-made and random payloads.

use proptest::prelude::*;

use super::*;

#[test]
fn vp8_as_libwebrtc_sends_it() {
    // X, S; I L T; 15-bit picture id 0x1234; TL0PICIDX 7; tid 2 with Y; key frame.
    let payload = [0x90, 0xe0, 0x92, 0x34, 7, 0xa0, 0x50, 1, 2];
    let facts = read(Codec::Vp8, &payload);
    assert_eq!(facts.key, KeyFrame::Start);
    assert_eq!(facts.temporal, 2);
    let vp8 = facts.vp8.unwrap();
    let id = PictureId {
        value: 0x1234,
        long: true,
    };
    assert_eq!(vp8.picture_id, Some(id));
    assert_eq!(vp8.tl0, Some(7));
    assert!(vp8.layer_sync && vp8.start);
    let mut copy = payload;
    vp8.patch(
        &mut copy,
        Vp8Patch {
            picture_id: 0x7fff,
            tl0: 200,
        },
    );
    assert_eq!(copy, [0x90, 0xe0, 0xff, 0xff, 200, 0xa0, 0x50, 1, 2]);
}

#[test]
fn vp8_with_little_or_nothing() {
    assert_eq!(read(Codec::Vp8, &[]), Facts::default());
    assert_eq!(
        read(Codec::Vp8, &[0x10]),
        Facts::default(),
        "ends before the frame"
    );
    assert_eq!(read(Codec::Vp8, &[0x10, 0]).key, KeyFrame::Start);
    assert_eq!(read(Codec::Vp8, &[0x10, 1]).key, KeyFrame::No);
    assert_eq!(
        read(Codec::Vp8, &[0x00, 0]).key,
        KeyFrame::No,
        "not the first packet"
    );
    assert_eq!(
        read(Codec::Vp8, &[0x11, 0]).key,
        KeyFrame::No,
        "another partition"
    );
    let short = [0x90, 0x80, 0x05, 0x00];
    let vp8 = read(Codec::Vp8, &short).vp8.unwrap();
    let mut copy = short;
    vp8.patch(
        &mut copy,
        Vp8Patch {
            picture_id: 0x1ff,
            tl0: 9,
        },
    );
    assert_eq!(copy, [0x90, 0x80, 0x7f, 0x00]);
}

#[test]
fn h264_key_frames() {
    let key = |payload: &[u8]| read(Codec::H264, payload).key;
    assert_eq!(key(&[]), KeyFrame::No);
    assert_eq!(key(&[0x67, 1]), KeyFrame::Start, "parameter set");
    assert_eq!(key(&[0x65, 1]), KeyFrame::IfFirst, "IDR slice");
    assert_eq!(key(&[0x61, 1]), KeyFrame::No, "other slice");
    assert_eq!(
        key(&[0x78, 0, 1, 0x67, 0, 1, 0x68]),
        KeyFrame::Start,
        "SPS and PPS"
    );
    assert_eq!(key(&[0x78, 0, 1, 0x68, 0, 1, 0x65]), KeyFrame::IfFirst);
    assert_eq!(
        key(&[0x78, 0xff, 0xff, 0x61, 0x67]),
        KeyFrame::No,
        "lengths lie"
    );
    assert_eq!(key(&[0x7c, 0x85]), KeyFrame::IfFirst, "first fragment");
    assert_eq!(key(&[0x7c, 0x05]), KeyFrame::No, "later fragment");
    assert_eq!(key(&[0x7c]), KeyFrame::No);
}

#[test]
fn vp9_and_av1_key_frames() {
    let vp9 = |payload: &[u8]| read(Codec::Vp9, payload).key == KeyFrame::Start;
    assert!(vp9(&[0x08]));
    assert!(vp9(&[0x88, 0x81, 0x02]));
    assert!(!vp9(&[0x48]), "predicted");
    assert!(!vp9(&[0x00]), "not the beginning");
    assert!(vp9(&[0xa8, 0x81, 0x02, 0x00, 0x00]));
    assert!(
        !vp9(&[0xa8, 0x81, 0x02, 0x02, 0x00]),
        "second spatial layer"
    );
    assert!(!vp9(&[0xa8, 0x81]));
    let av1 = |payload: &[u8]| read(Codec::Av1, payload).key == KeyFrame::Start;
    assert!(av1(&[0x18]));
    assert!(!av1(&[0x10]));
    assert!(!av1(&[]));
}

proptest! {
    #[test]
    fn bytes_never_panic(payload in prop::collection::vec(any::<u8>(), 0..40), picture_id: u16, tl0: u8) {
        for codec in [Codec::Opus, Codec::Red, Codec::Vp8, Codec::H264, Codec::Vp9, Codec::Av1] {
            let facts = read(codec, &payload);
            if let Some(vp8) = facts.vp8 {
                let mut copy = payload.clone();
                vp8.patch(&mut copy, Vp8Patch { picture_id, tl0 });
                // What was patched reads as what was patched in; the rest is as it was.
                let again = Vp8::read(&copy).unwrap();
                prop_assert_eq!(again.temporal, vp8.temporal);
                prop_assert_eq!(again.key_frame, vp8.key_frame);
                prop_assert_eq!(again.tl0, vp8.tl0.map(|_| tl0));
                if let Some(id) = vp8.picture_id {
                    let mask = if id.long { 0x7fff } else { 0x7f };
                    prop_assert_eq!(again.picture_id.unwrap().value, picture_id & mask);
                }
            }
        }
    }
}

#[test]
fn vp9_layers_as_libwebrtc_sends_them() {
    // I, P, L, B, E; 15-bit picture id 0x1234; tid 2, U, sid 1, D; TL0PICIDX 7.
    let payload = [0xec, 0x92, 0x34, 0x53, 7, 0x11, 0x22];
    let vp9 = Vp9::read(&payload).unwrap();
    assert_eq!((vp9.spatial, vp9.temporal, vp9.tl0), (1, 2, Some(7)));
    assert!(vp9.begins && vp9.ends && vp9.predicted && vp9.switch_up);
    let mut copy = payload;
    let shift = Vp9Shift {
        picture_id: 0x7fff,
        tl0: 250,
    };
    vp9.shift(&mut copy, shift);
    assert_eq!(copy, [0xec, 0x92, 0x33, 0x53, 1, 0x11, 0x22]);
    // Flexible mode has no counter, short ids have 7 bits.
    let payload = [0xb8, 0x05, 0x00, 0x11];
    let vp9 = Vp9::read(&payload).unwrap();
    assert_eq!((vp9.tl0, vp9.spatial), (None, 0));
    let mut copy = payload;
    vp9.shift(&mut copy, shift);
    assert_eq!(copy, [0xb8, 0x04, 0x00, 0x11]);
}

#[test]
fn redundant_audio() {
    // An old block of 2 bytes, 960 ticks before the newest, of 3 bytes.
    let payload = [0xef, 0x0f, 0x00, 0x02, 0x6f, 1, 2, 3, 4, 5];
    assert_eq!(read(Codec::Red, &payload).primary, Some(7));
    assert_eq!(red::payload_type(&payload), Some(0x6f));
    let mut copy = payload;
    red::renumber(&mut copy, 100);
    assert_eq!(copy, [0xe4, 0x0f, 0x00, 0x02, 100, 1, 2, 3, 4, 5]);
    assert_eq!(red::primary(&[0x6f, 9]), Some(1), "nothing old");
    assert_eq!(red::primary(&[0x6f]), None, "nothing at all");
    assert_eq!(red::primary(&[0xef, 0x0f, 0x00, 0x09, 0x6f, 1]), None);
    assert_eq!(red::primary(&[0xef; 400]), None, "never ends");
    assert_eq!(red::primary(&[]), None);
}

/// One spatial and two temporal layers, with a chain, sizes and an active mask.
const DESCRIPTOR_OF_KEY_FRAME: [u8; 14] = dependency_key_frame();

const fn dependency_key_frame() -> [u8; 14] {
    let fields: [(u64, u32); 24] = [
        (0b10, 2), // first packet, not the last
        (5, 6),
        (0x0102, 16),
        (0b11000, 5), // structure and mask
        (5, 6),
        (1, 5), // two targets
        (1, 2),
        (3, 2), // two templates, of two temporal layers
        (2, 2),
        (2, 2),
        (0, 2),
        (1, 2), // who needs them
        (0, 1), // needs nothing
        (1, 1),
        (0, 4),
        (0, 1), // needs the one before
        (1, 1), // ns(3) of 1 has two bits: one chain
        (0, 1),
        (0, 0),
        (0, 8), // differences of chains
        (1, 1),
        (0x013f, 16),
        (0x00b3, 16), // 320 times 180
        (0b11, 2),    // both active
    ];
    let mut bytes = [0_u8; 14];
    let (mut at, mut field) = (0, 0);
    while field < fields.len() {
        let (value, count) = fields[field];
        let mut bit = count;
        while bit > 0 {
            bit -= 1;
            bytes[at / 8] |= ((value >> bit & 1) as u8) << (7 - at % 8);
            at += 1;
        }
        field += 1;
    }
    bytes
}

#[test]
fn dependency_descriptors_name_layers_and_what_they_need() {
    let mut reader = Dependencies::default();
    let delta = [0xc0 | 6, 0x01, 0x03];
    assert_eq!(reader.read(&delta), None, "no structure yet");
    let key = reader.read(&DESCRIPTOR_OF_KEY_FRAME).unwrap();
    assert!(key.attached && key.begins && !key.ends);
    assert_eq!((key.frame, key.spatial, key.temporal), (0x0102, 0, 0));
    assert_eq!((key.references, key.active()), (References(0), 0b11));
    let frame = reader.read(&delta).unwrap();
    assert_eq!((frame.frame, frame.temporal), (0x0103, 1));
    assert_eq!(frame.references, References(1));
    assert_eq!(reader.read(&[0xc0 | 7, 1, 4]), None, "no such template");
    assert_eq!(reader.read(&[0xc0, 1]), None);
}

proptest! {
    #[test]
    fn descriptors_never_panic(
        pieces in prop::collection::vec(
            (any::<bool>(), prop::collection::vec(any::<u8>(), 0..60), any::<prop::sample::Index>(), any::<u8>()), 0..20,
        ),
        shift: u16, spatial in 0_u8..4, temporal in 0_u8..8,
    ) {
        let mut reader = Dependencies::default();
        for (known, bytes, at, value) in pieces {
            let mut bytes = if known { DESCRIPTOR_OF_KEY_FRAME.to_vec() } else { bytes };
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
            let mut copy = reader.clone();
            let Some(frame) = reader.read(&bytes) else { continue };
            let mut out = [0; DESCRIPTOR];
            let Some(length) = frame.rewrite(&bytes, shift, Some((spatial, temporal)), &mut out) else {
                continue;
            };
            // What was rewritten reads as before, but for the number and the mask.
            let again = copy.read(&out[..length]).unwrap();
            prop_assert_eq!(again.frame, frame.frame.wrapping_add(shift));
            prop_assert_eq!(&again.structure, &frame.structure);
            prop_assert_eq!(again.references, frame.references);
            prop_assert_eq!((again.spatial, again.temporal), (frame.spatial, frame.temporal));
            prop_assert!(!frame.begins || again.active() & !frame.active() == 0);
        }
    }

    #[test]
    fn redundant_audio_never_panics(mut payload in prop::collection::vec(any::<u8>(), 0..60), number: u8) {
        let primary = red::primary(&payload);
        red::renumber(&mut payload, number);
        prop_assert_eq!(red::primary(&payload), primary);
        if primary.is_some() {
            prop_assert_eq!(red::payload_type(&payload), Some(number & 0x7f));
        }
    }
}
