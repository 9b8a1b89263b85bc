//! Tells the room who speaks and how good everyone's connection is.

use std::time::Duration;

use livekit_protocol as proto;
use proto::signal_response::Message;
use protocol::{
    grants::Source,
    ids::PeerId,
    plane::{AudioLevel, LinkQuality},
};

use super::Room;
use crate::{
    desk::{Desk, PersonKey},
    face::Wake,
    quality::Grade,
    session::Participant,
    speakers::Turn,
};

/// Changes of quality are gathered for so long. Reports come every 5 s per
/// peer, so in a full room there is one at every moment.
const QUALITY_INTERVAL: Duration = Duration::from_secs(1);

impl Room {
    /// The media plane heard a track. The sound of a shared screen makes
    /// nobody a speaker.
    pub(crate) fn heard(&mut self, person: PersonKey, level: &AudioLevel, desk: &Desk) {
        let Some(participant) = self.people.get(&person) else {
            return;
        };
        let Some(track) = participant.tracks.get(&level.track) else {
            return;
        };
        if track.source != Source::ScreenShareAudio
            && !track.info.muted
            && !participant.grants.hidden
        {
            self.speakers
                .heard(person, level.level, level.voiced_percent, desk.now);
        }
    }

    pub(super) fn judge_speakers(&mut self, desk: &mut Desk) {
        self.judging = false;
        let turns = self.speakers.judge(desk.now);
        let named: Vec<(String, Turn)> = turns
            .into_iter()
            .filter_map(|turn| Some((self.people.get(&turn.person)?.sid.clone(), turn)))
            .collect();
        self.tell_speakers(&named, desk);
    }

    pub(super) fn tell_speakers(&self, turns: &[(String, Turn)], desk: &mut Desk) {
        if !turns.is_empty() {
            self.broadcast(speakers_changed(turns), desk);
        }
    }

    /// Only changes are told, so a newcomer has to be told how things stand.
    pub(super) fn tell_current_speakers(&self, person: PersonKey, desk: &mut Desk) {
        let turns: Vec<(String, Turn)> = self
            .speakers
            .current()
            .filter_map(|turn| Some((self.people.get(&turn.person)?.sid.clone(), turn)))
            .collect();
        if !turns.is_empty() {
            self.reply(person, speakers_changed(&turns), desk);
        }
    }

    pub(crate) fn grade(
        &mut self,
        person: PersonKey,
        id: PeerId,
        quality: &LinkQuality,
        desk: &mut Desk,
    ) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let before = participant.grade();
        if let Some(peer) = participant.peer_mut(id) {
            peer.grade = Some(Grade::of(quality));
        }
        if participant.grade() == before {
            return;
        }
        if self.graded.is_empty() {
            desk.wake(self.key, Wake::Quality, QUALITY_INTERVAL);
        }
        self.graded.insert(person);
    }

    pub(super) fn tell_quality(&mut self, desk: &mut Desk) {
        let mut updates = Vec::new();
        for person in std::mem::take(&mut self.graded) {
            let Some(participant) = self.people.get(&person) else {
                continue;
            };
            let Some(info) = graded(participant) else {
                continue;
            };
            if participant.grants.hidden {
                let updates = vec![info];
                let update = proto::ConnectionQualityUpdate { updates };
                participant.send(desk, Message::ConnectionQuality(update));
            } else {
                updates.push(info);
            }
        }
        if !updates.is_empty() {
            let update = proto::ConnectionQualityUpdate { updates };
            self.broadcast(Message::ConnectionQuality(update), desk);
        }
    }

    /// As with speakers, only changes are told to those who are there.
    pub(super) fn tell_grades(&self, person: PersonKey, desk: &mut Desk) {
        let updates: Vec<_> = self
            .people
            .values()
            .filter(|participant| !participant.grants.hidden)
            .filter_map(graded)
            .collect();
        if !updates.is_empty() {
            let update = proto::ConnectionQualityUpdate { updates };
            self.reply(person, Message::ConnectionQuality(update), desk);
        }
    }
}

fn graded(participant: &Participant) -> Option<proto::ConnectionQualityInfo> {
    let grade = participant.grade()?;
    Some(proto::ConnectionQualityInfo {
        participant_sid: participant.sid.clone(),
        quality: grade.wire().into(),
        score: grade.score(),
    })
}

fn speakers_changed(turns: &[(String, Turn)]) -> Message {
    let speakers = turns
        .iter()
        .map(|(sid, turn)| proto::SpeakerInfo {
            sid: sid.clone(),
            level: turn.level,
            active: turn.active,
        })
        .collect();
    Message::SpeakersChanged(proto::SpeakersChanged { speakers })
}
