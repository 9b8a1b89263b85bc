//! What is written can be read back, and nothing that is read can panic.

use proptest::prelude::*;

use super::*;
use crate::rtp::testing::hex;

fn one(bytes: &[u8]) -> Packet<'_> {
    let mut all = packets(bytes);
    let first = all.next().unwrap().unwrap();
    assert_eq!(all.next(), None);
    first
}

fn block() -> ReportBlock {
    ReportBlock {
        ssrc: 7,
        fraction_lost: 64,
        lost: -3,
        highest_sequence: 0x0001_0002,
        jitter: 90,
        last_report: 0x1234_5678,
        delay: 65_536,
    }
}

#[test]
fn reports_come_back() {
    let info = SenderInfo {
        ssrc: 1,
        ntp: 0x0102_0304_0506_0708,
        timestamp: 9,
        packets: 10,
        bytes: 11,
    };
    let mut out = Vec::new();
    write_sender_report(&mut out, &info, &[block()]);
    write_receiver_report(&mut out, 5, &[block(), block()]);
    write_sdes_cname(&mut out, 5, "plenary");
    write_bye(&mut out, 5);
    let all: Vec<_> = packets(&out).map(Result::unwrap).collect();
    assert_eq!(all.len(), 4);
    let Packet::SenderReport { info: read, blocks } = &all[0] else {
        panic!("{:?}", all[0])
    };
    assert_eq!(*read, info);
    assert_eq!(blocks.clone().collect::<Vec<_>>(), [block()]);
    let Packet::ReceiverReport { ssrc: 5, blocks } = &all[1] else {
        panic!("{:?}", all[1])
    };
    assert_eq!(blocks.clone().count(), 2);
    assert_eq!(all[2], Packet::Sdes);
    let Packet::Bye(sources) = &all[3] else {
        panic!("{:?}", all[3])
    };
    assert_eq!(sources.clone().collect::<Vec<_>>(), [5]);
}

#[test]
fn reads_the_rest() {
    let fir = hex("84ce0004 00000001 00000000 00000009 2a000000");
    let Packet::Fir(fir) = one(&fir) else {
        panic!("no FIR")
    };
    assert_eq!(fir.requests().collect::<Vec<_>>(), [(9, 0x2a)]);
    let remb = hex("8fce0005 00000001 00000000 52454d42 0103ffff 00000009");
    assert_eq!(
        one(&remb),
        Packet::Remb(Remb {
            bits_per_second: 0x3_ffff
        })
    );
    let wide = hex("8fce0005 00000001 00000000 52454d42 01ffffff 00000009");
    assert_eq!(
        one(&wide),
        Packet::Remb(Remb {
            bits_per_second: u64::MAX
        })
    );
    let mut pli = Vec::new();
    write_pli(&mut pli, 1, 77);
    assert_eq!(one(&pli), Packet::Pli { media: 77 });
    assert_eq!(one(&hex("80cf0001 00000001")), Packet::ExtendedReport);
    let padded = hex("a0cb0001 00000004");
    assert!(matches!(one(&padded), Packet::Bye(_)));
}

#[test]
fn refuses_what_does_not_fit() {
    for (text, error) in [
        ("80", RtcpError::Truncated),
        ("00c80000", RtcpError::Version),
        ("80c80006 00000000", RtcpError::Truncated),
        ("81c90001 00000001", RtcpError::Truncated),
        ("82cb0001 00000001", RtcpError::Truncated),
        ("a0cb0001 00000005", RtcpError::Padding),
        ("a0cb0001 00000000", RtcpError::Padding),
        (
            "8fcd0004 00000001 00000002 0000ffff 00000000",
            RtcpError::TooMany,
        ),
        (
            "8fcd0004 00000001 00000002 00000001 00000000",
            RtcpError::Truncated,
        ),
    ] {
        let bytes = hex(text);
        let mut all = packets(&bytes);
        assert_eq!(all.next(), Some(Err(error)), "{text}");
        assert_eq!(all.next(), None);
    }
}

/// The draft's symbols, in all three kinds of chunk.
#[test]
fn reads_all_chunks() {
    // Run of 2 × small; vector of 14 one-bit 1,0,1,…; vector of 7 two-bit 2,0,1,….
    let bytes = hex(
        "8fcd0008 00000001 00000002 fffe0017 ffffff03 2002 a800 e100 0102 03 04 0100 05 000000",
    );
    let Packet::TransportFeedback(feedback) = one(&bytes) else {
        panic!("no feedback");
    };
    assert_eq!((feedback.base, feedback.count), (0xfffe, 23));
    assert_eq!((feedback.reference, feedback.number), (-1, 3));
    let statuses: Vec<_> = feedback.statuses().collect();
    assert_eq!(statuses.len(), 23);
    assert_eq!(statuses[0].sequence, 0xfffe);
    assert_eq!(statuses[22].sequence, 20);
    let deltas: Vec<_> = statuses.iter().filter_map(|status| status.delta).collect();
    assert_eq!(deltas, [1, 2, 3, 4, 256, 5]);
}

fn deltas() -> impl Strategy<Value = Vec<Option<i16>>> {
    let one = prop_oneof![
        3 => Just(None),
        6 => (0_i16..256).prop_map(Some),
        1 => any::<i16>().prop_map(Some),
    ];
    let run = (one, 1_usize..40).prop_map(|(delta, length)| vec![delta; length]);
    prop::collection::vec(run, 1..60).prop_map(|runs| runs.concat())
}

proptest! {
    #[test]
    fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = packets(&bytes).count();
    }

    /// The same with headers that get further than chance does.
    #[test]
    fn bodies_never_panic(
        count in 0_u8..32, packet_type in 200_u8..208, words in 0_u8..20,
        body in prop::collection::vec(any::<u8>(), 80),
    ) {
        let mut bytes = vec![0x80 | count, packet_type, 0, words];
        bytes.extend(&body[..4 * usize::from(words)]);
        let first = packets(&bytes).next();
        if let Some(Ok(Packet::Nack(nack))) = &first {
            prop_assert!(nack.sequences().count() <= 17 * 20);
        } else if let Some(Ok(Packet::TransportFeedback(feedback))) = &first {
            prop_assert_eq!(feedback.statuses().count(), usize::from(feedback.count));
        } else if let Some(Ok(Packet::Fir(fir))) = &first {
            prop_assert!(fir.requests().count() <= 20);
        }
    }

    #[test]
    fn nacks_come_back(start: u16, steps in prop::collection::vec(1_u16..40, 1..60)) {
        let mut sequences = vec![start];
        for step in steps {
            sequences.push(sequences.last().unwrap().wrapping_add(step));
        }
        let mut out = Vec::new();
        write_nack(&mut out, 1, 2, &sequences);
        let Packet::Nack(nack) = one(&out) else { panic!("no NACK") };
        prop_assert_eq!(nack.media, 2);
        prop_assert_eq!(nack.sequences().collect::<Vec<_>>(), sequences);
    }

    #[test]
    fn feedback_comes_back(base: u16, reference in -0x80_0000_i32..0x80_0000, deltas in deltas()) {
        let mut out = Vec::new();
        write_transport_feedback(&mut out, 9, 200, (base, reference), &deltas);
        let Packet::TransportFeedback(feedback) = one(&out) else { panic!("no feedback") };
        prop_assert_eq!(feedback.base, base);
        prop_assert_eq!(feedback.reference, reference);
        prop_assert_eq!(feedback.number, 200);
        let read: Vec<_> = feedback.statuses().map(|status| status.delta).collect();
        prop_assert_eq!(read, deltas);
    }
}
