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
    assert!(vp9(&[0xa8, 0x81, 0x02, 0x00]));
    assert!(!vp9(&[0xa8, 0x81, 0x02, 0x02]), "second spatial layer");
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
