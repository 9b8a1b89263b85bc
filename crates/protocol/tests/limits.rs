//! The page on limits names every limit, with the value that it has.

#![allow(
    clippy::allow_attributes,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

use std::{collections::BTreeMap, fmt::Display, time::Duration};

use protocol::limits;

const SOURCE: &str = include_str!("../src/limits.rs");
const PAGE: &str = include_str!("../../../docs/limits.md");

/// Digits in groups of three.
fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs())
}

macro_rules! values {
    ($write:expr, $($name:ident),+ $(,)?) => {
        [$((stringify!($name), $write(limits::$name))),+]
    };
}

/// Every limit as the page is to have it.
fn values() -> BTreeMap<&'static str, String> {
    let numbers = values!(
        grouped,
        PARTICIPANTS_PER_ROOM,
        TRACKS_PER_PARTICIPANT,
        DATA_TRACKS_PER_PARTICIPANT,
        DATA_SUBSCRIPTIONS_PER_PEER,
        SUBSCRIPTIONS_PER_PEER,
        MEDIA_SECTIONS,
        SIGNAL_FRAME_BYTES,
        JOIN_REQUEST_BYTES,
        SIGNAL_QUEUE_FRAMES,
        DATA_MESSAGE_BYTES,
        DATA_QUEUE_BYTES,
        DATA_QUEUE_LOSSY_BYTES,
        DATA_BACKLOG_BYTES,
        DATA_IN_FLIGHT_BYTES,
        DATA_COST_MIN,
        NAME_BYTES,
        IDENTITY_BYTES,
        METADATA_BYTES,
        TITLE_BYTES,
        SETTINGS_BYTES,
        BODY_BYTES,
        ADMIN_BODY_BYTES,
        RPC_ANSWER_BYTES,
        CALLS_PER_ROOM,
        REVOCATIONS,
        ROOMS,
        HTTP_CONNECTIONS,
        HTTP_CONNECTIONS_PER_ADDRESS,
        PASSCODE_BYTES,
        DATAGRAM_BYTES,
        DATAGRAM_BYTES_MAX,
    );
    let tries = values!(grouped, PASSCODE_TRIES_PER_MINUTE);
    let times = values!(
        seconds,
        DATA_STALL,
        RPC_WAIT,
        REVOCATION_LIFE,
        HTTP_HEAD,
        HTTP_STALL,
        HTTP_REQUEST,
        CONNECT_TIMEOUT,
        PEER_SILENCE,
        RESUME_WINDOW,
        PING_INTERVAL,
        PING_TIMEOUT,
    );
    numbers.into_iter().chain(tries).chain(times).collect()
}

#[test]
fn the_page_has_every_limit_and_no_other() {
    let names: Vec<&str> = SOURCE
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split(':').next())
        .collect();
    let values = values();
    for name in &names {
        assert!(values.contains_key(name), "this test lacks {name}");
    }
    let rows: BTreeMap<&str, &str> = PAGE
        .lines()
        .filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split(" | ");
            let name = cells.next()?.trim_end_matches('`');
            let value = cells.next()?;
            assert!(
                cells.next().is_some_and(|what| what.len() > 3),
                "what happens at {name}?"
            );
            Some((name, value))
        })
        .collect();
    for (name, value) in &values {
        assert_eq!(rows.get(name), Some(&value.as_str()), "{name}");
    }
    assert_eq!(rows.len(), names.len(), "the page has a limit too many");
}
