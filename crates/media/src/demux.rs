//! Tells apart what shares the one UDP port (RFC 7983 §7).

/// What a datagram is, by its first byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Class {
    Stun,
    Dtls,
    /// RTP or RTCP, encrypted.
    Media,
}

/// `None`: nothing that WebRTC sends, or too long for it.
pub(crate) fn classify(datagram: &[u8]) -> Option<Class> {
    if datagram.len() > protocol::limits::DATAGRAM_BYTES_MAX {
        return None;
    }
    match datagram.first()? {
        0..=3 => Some(Class::Stun),
        20..=63 => Some(Class::Dtls),
        128..=191 => Some(Class::Media),
        _ => None,
    }
}

/// Whether a media datagram is RTCP (RFC 5761 §4): its packet type lies
/// where RTP has marker and payload type.
pub(crate) fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram.get(1), Some(192..=223))
}

#[cfg(test)]
mod tests {
    use super::{Class, classify, is_rtcp};

    #[test]
    fn first_bytes_are_those_of_rfc_7983() {
        let class = |first: u8| classify(&[first, 0]);
        assert_eq!(class(0), Some(Class::Stun));
        assert_eq!(class(3), Some(Class::Stun));
        assert_eq!(class(4), None);
        assert_eq!(class(19), None);
        assert_eq!(class(20), Some(Class::Dtls));
        assert_eq!(class(63), Some(Class::Dtls));
        assert_eq!(class(64), None);
        assert_eq!(class(128), Some(Class::Media));
        assert_eq!(class(191), Some(Class::Media));
        assert_eq!(class(192), None);
        assert_eq!(classify(&[]), None);
        assert_eq!(classify(&[128; 1501]), None);
    }

    #[test]
    fn rtcp_is_known_by_its_packet_type() {
        assert!(is_rtcp(&[0x80, 200]));
        assert!(is_rtcp(&[0x80, 206]));
        assert!(!is_rtcp(&[0x80, 96]));
        assert!(!is_rtcp(&[0x80, 0x80 | 111]));
        assert!(!is_rtcp(&[0x80]));
    }
}
