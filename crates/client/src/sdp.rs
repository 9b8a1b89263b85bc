//! What `str0m`'s offers are changed into before they are sent, so that they
//! look like a browser's: it gives every section SSRCs and a track, also those
//! that only receive, and it names the SSRCs of simulcast.

use std::collections::BTreeMap;

/// `tracks` gives the track id (the cid) of the sections that send, by mid.
pub(crate) fn like_a_browser(offer: &str, tracks: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(offer.len());
    for section in sections(offer) {
        let is_media = section.starts_with("m=audio") || section.starts_with("m=video");
        if !is_media {
            out.push_str(section);
            continue;
        }
        let sends = has(section, "a=sendonly") || has(section, "a=sendrecv");
        let simulcast = section.contains("\na=simulcast:");
        let track = value(section, "a=mid:").and_then(|mid| tracks.get(mid));
        for line in section.split_inclusive('\n') {
            let text = line.trim_end();
            let names_ssrc = text.starts_with("a=ssrc:") || text.starts_with("a=ssrc-group:");
            let names_track = text.starts_with("a=msid:");
            if (names_ssrc && (!sends || simulcast)) || (names_track && !sends) {
                continue;
            }
            match track {
                Some(track) if names_track => {
                    out.push_str("a=msid:- ");
                    out.push_str(track);
                    out.push_str("\r\n");
                }
                _ => out.push_str(line),
            }
        }
    }
    out
}

/// The session part and the media sections, in order.
pub(crate) fn sections(sdp: &str) -> impl Iterator<Item = &str> {
    let mut rest = sdp;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find("\nm=").map_or(rest.len(), |at| at + 1);
        let (section, behind) = rest.split_at(end);
        rest = behind;
        Some(section)
    })
}

/// The value of the first line with this beginning.
pub(crate) fn value<'a>(section: &'a str, prefix: &str) -> Option<&'a str> {
    section
        .lines()
        .find_map(|line| line.trim_end().strip_prefix(prefix))
}

fn has(section: &str, wanted: &str) -> bool {
    section.lines().any(|line| line.trim_end() == wanted)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{like_a_browser, sections};

    const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\n\
        m=audio 9 X 111\r\na=mid:a\r\na=recvonly\r\na=msid:s t\r\na=ssrc:1 cname:c\r\n\
        m=video 9 X 96\r\na=mid:b\r\na=sendonly\r\na=msid:s t\r\na=ssrc:2 cname:c\r\n\
        a=ssrc-group:FID 2 3\r\n\
        m=video 9 X 96\r\na=mid:c\r\na=sendonly\r\na=msid:s t\r\na=ssrc:4 cname:c\r\n\
        a=simulcast:send q;h\r\n\
        m=application 9 Y\r\na=mid:d\r\n";

    #[test]
    fn only_what_a_browser_would_say_is_left() {
        assert_eq!(sections(OFFER).count(), 5);
        assert_eq!(sections(OFFER).collect::<String>(), OFFER);
        let tracks = BTreeMap::from([("b".to_owned(), "camera".to_owned())]);
        let out = like_a_browser(OFFER, &tracks);
        let parts: Vec<&str> = sections(&out).collect();
        assert!(!parts[1].contains("ssrc") && !parts[1].contains("msid"));
        assert!(parts[2].contains("a=msid:- camera\r\n") && parts[2].contains("FID 2 3"));
        assert!(!parts[3].contains("ssrc") && parts[3].contains("a=msid:s t\r\n"));
        assert!(out.ends_with("a=mid:d\r\n"));
    }
}
