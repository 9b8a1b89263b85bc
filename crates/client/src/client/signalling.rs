//! What the server says.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use livekit_protocol::{
    JoinResponse, Ping, SessionDescription, SpeakersChanged, SyncState, TrackInfo,
    TrackPublishedResponse, TrickleRequest, request_response, signal_request, signal_response,
};
use protocol::signal::Frame;
use str0m::{Candidate, media::Mid};

use super::{Client, Signal};
use crate::{
    face::{Arrival, Event, Problem, Speaker},
    receiver::Receiver,
    signal,
};

impl Client {
    pub(super) fn frame(&mut self, frame: &Frame, now: Instant) {
        if let Signal::Open { heard, .. } = &mut self.signal {
            *heard = now;
        }
        match signal::decode(frame) {
            Ok(Some(message)) => self.message(message, now),
            Ok(None) => {}
            Err(problem) => self.problem(problem),
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "LiveKit's messages are an open set; clients skip what they don't know"
    )]
    pub(super) fn message(&mut self, message: signal_response::Message, now: Instant) {
        use signal_response::Message;
        let in_order = match self.signal {
            Signal::AwaitingJoin => matches!(message, Message::Join(_) | Message::Leave(_)),
            Signal::AwaitingReconnect => {
                matches!(message, Message::Reconnect(_) | Message::Leave(_))
            }
            Signal::Open { .. } => !matches!(message, Message::Join(_) | Message::Reconnect(_)),
            Signal::Closed => return,
        };
        if !in_order {
            return self.problem(Problem::OutOfOrder);
        }
        match message {
            Message::Join(join) => self.joined(&join, now),
            Message::Reconnect(_) => self.resumed(now),
            Message::Answer(answer) => self.answer(answer, now),
            Message::Offer(_) => self.problem(Problem::UnexpectedOffer),
            Message::Trickle(trickle) => self.trickle(&trickle, now),
            Message::Update(update) => {
                for info in &update.participants {
                    self.roster.update(info);
                }
            }
            Message::TrackPublished(published) => self.track_published(&published),
            Message::TrackUnpublished(gone) => {
                if let Some(key) = self.publication_of(&gone.track_sid) {
                    self.publications.remove(&key);
                    self.negotiation.touch();
                    self.event(Event::Unpublished { key });
                }
            }
            Message::Mute(mute) => {
                if let Some(key) = self.publication_of(&mute.sid) {
                    self.set_muted(key, mute.muted, now);
                    self.event(Event::MutedByServer {
                        key,
                        muted: mute.muted,
                    });
                }
            }
            Message::MediaSectionsRequirement(more) => {
                let count = |n| usize::try_from(n).unwrap_or(usize::MAX);
                self.negotiation
                    .require(count(more.num_audios), count(more.num_videos));
            }
            Message::SpeakersChanged(speakers) => self.speakers(speakers),
            Message::ConnectionQuality(update) => {
                for info in update.updates {
                    let (participant, quality) = (info.participant_sid, info.quality);
                    self.event(Event::ConnectionQuality {
                        participant,
                        quality,
                    });
                }
            }
            Message::SubscriptionResponse(response) => {
                self.event(Event::SubscriptionRefused {
                    track: response.track_sid,
                });
            }
            Message::RequestResponse(response) => self.request_response(response),
            Message::Leave(leave) => {
                let (reason, action) = (leave.reason, leave.action);
                self.event(Event::Ended { reason, action });
            }
            _ => {}
        }
    }

    fn open(&mut self, interval: Duration, timeout: Duration, now: Instant) {
        self.ping_times = (interval, timeout);
        self.signal = Signal::Open {
            interval,
            timeout,
            next_ping: now + interval,
            heard: now,
        };
    }

    /// The server goes on with our session: tell it what we believe, then
    /// find new ways for media, as the SDKs do.
    fn resumed(&mut self, now: Instant) {
        let (interval, timeout) = self.ping_times;
        self.open(interval, timeout, now);
        let publish_tracks = self
            .publications
            .values()
            .filter_map(|publication| {
                let sid = publication.track.clone()?;
                let track = TrackInfo {
                    sid,
                    ..TrackInfo::default()
                };
                let cid = publication.cid.clone();
                Some(TrackPublishedResponse {
                    cid,
                    track: Some(track),
                })
            })
            .collect();
        self.send(signal_request::Message::SyncState(SyncState {
            publish_tracks,
            ..SyncState::default()
        }));
        self.event(Event::Resumed);
    }

    pub(super) fn joined(&mut self, join: &JoinResponse, now: Instant) {
        let seconds = |n: i32| Duration::from_secs(u64::try_from(n).unwrap_or(0).max(1));
        self.open(seconds(join.ping_interval), seconds(join.ping_timeout), now);
        for info in join.participant.iter().chain(&join.other_participants) {
            self.roster.update(info);
        }
        if let Some(me) = &join.participant {
            self.me = Some(me.sid.clone());
            let (sid, identity) = (me.sid.clone(), me.identity.clone());
            self.event(Event::Joined { sid, identity });
        }
    }

    pub(super) fn answer(&mut self, answer: SessionDescription, now: Instant) {
        match self.negotiation.accept(&mut self.rtc, answer) {
            Ok(places) => self.arrange(places, now),
            Err(problem) => self.problem(problem),
        }
        self.drain(now);
        self.open_publications(now);
    }

    /// Tracks came to sections or left them.
    pub(super) fn arrange(&mut self, places: BTreeMap<Mid, String>, now: Instant) {
        let before = std::mem::replace(&mut self.places, places);
        for track in before.values() {
            if !self.places.values().any(|t| t == track) {
                self.receivers.remove(track);
                self.event(Event::Departed {
                    track: track.clone(),
                });
            }
        }
        let arrived: Vec<Arrival> = self
            .places
            .iter()
            .filter(|(_, track)| !self.receivers.contains_key(*track))
            .map(|(mid, track)| Arrival {
                track: track.clone(),
                mid: mid.to_string(),
            })
            .collect();
        for arrival in arrived {
            self.receivers
                .insert(arrival.track.clone(), Receiver::new(now));
            self.event(Event::Arrived(arrival));
        }
    }

    /// The `candidate` of an `RTCIceCandidateInit`; an empty one ends the list.
    pub(super) fn trickle(&mut self, trickle: &TrickleRequest, now: Instant) {
        let Some(text) = candidate_text(&trickle.candidate_init) else {
            return self.problem(Problem::BadCandidate(trickle.candidate_init.clone()));
        };
        if text.is_empty() {
            return;
        }
        match Candidate::from_sdp_string(&text) {
            Ok(candidate) => self.rtc.add_remote_candidate(candidate),
            Err(error) => self.problem(Problem::BadCandidate(error.to_string())),
        }
        self.drain(now);
    }

    pub(super) fn speakers(&mut self, changed: SpeakersChanged) {
        let speakers = changed
            .speakers
            .into_iter()
            .map(|s| Speaker {
                sid: s.sid,
                level: s.level,
                active: s.active,
            })
            .collect();
        self.event(Event::Speakers(speakers));
    }

    pub(super) fn request_response(&mut self, response: livekit_protocol::RequestResponse) {
        let Some(request_response::Request::AddTrack(add)) = response.request else {
            return;
        };
        let key = self
            .publications
            .values()
            .find(|p| p.cid == add.cid)
            .map(|p| p.key);
        if let Some(key) = key
            && response.reason != 0
        {
            self.publications.remove(&key);
            self.negotiation.touch();
            self.event(Event::PublishRefused {
                key,
                message: response.message,
            });
        }
    }

    pub(super) fn ping(&mut self, now: Instant) {
        let Signal::Open {
            interval,
            timeout,
            next_ping,
            heard,
        } = &mut self.signal
        else {
            return;
        };
        if now < *next_ping {
            return;
        }
        *next_ping = now + *interval;
        let silence = now.saturating_duration_since(*heard);
        let too_long = silence > *timeout;
        let timestamp = now.saturating_duration_since(self.begun).as_millis();
        let timestamp = i64::try_from(timestamp).unwrap_or(i64::MAX);
        if too_long {
            self.problem(Problem::SignalSilent(silence.as_secs()));
        }
        self.send(signal_request::Message::Ping(timestamp));
        self.send(signal_request::Message::PingReq(Ping { timestamp, rtt: 0 }));
    }
}

/// The value of `"candidate"` in a flat JSON object of browsers' making. A
/// candidate has no character that JSON escapes, so no more than this is needed.
fn candidate_text(init: &str) -> Option<String> {
    let (_, behind) = init.split_once("\"candidate\"")?;
    let (_, behind) = behind.split_once(':')?;
    let (_, behind) = behind.split_once('"')?;
    let (text, _) = behind.split_once('"')?;
    Some(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::candidate_text;

    #[test]
    fn candidates_are_found_in_their_json() {
        let init = r#"{"sdpMid":"0","sdpMLineIndex":0,"candidate":"candidate:1 1 udp 1 10.0.0.1 7 typ host"}"#;
        assert_eq!(
            candidate_text(init).unwrap(),
            "candidate:1 1 udp 1 10.0.0.1 7 typ host"
        );
        assert_eq!(candidate_text("{}"), None);
    }
}
