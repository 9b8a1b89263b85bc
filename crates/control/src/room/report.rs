//! What server applications are told of a room by webhooks.

use livekit_protocol as proto;

use super::Room;
use crate::{desk::Desk, face::Output, session::Track};

impl Room {
    /// `room_started` and `room_finished`.
    pub(crate) fn report_room(
        &self,
        event: &'static str,
        reason: proto::RoomEndReason,
        desk: &mut Desk,
    ) {
        if let Some(mut report) = self.report(event, desk) {
            report.room_end_reason = reason.into();
            desk.outputs.push_back(Output::Report(report));
        }
    }

    pub(super) fn report_person(
        &self,
        event: &'static str,
        participant: &proto::ParticipantInfo,
        desk: &mut Desk,
    ) {
        if let Some(mut report) = self.report(event, desk) {
            report.participant = Some(participant.clone());
            desk.outputs.push_back(Output::Report(report));
        }
    }

    /// Tracks are reported once they are more than an announcement.
    pub(super) fn report_track(
        &self,
        event: &'static str,
        participant: &proto::ParticipantInfo,
        track: &Track,
        desk: &mut Desk,
    ) {
        if track.mid.is_none() {
            return;
        }
        if let Some(mut report) = self.report(event, desk) {
            report.participant = Some(participant.clone());
            report.track = Some(track.info.clone());
            desk.outputs.push_back(Output::Report(report));
        }
    }

    fn report(&self, event: &'static str, desk: &mut Desk) -> Option<Box<proto::WebhookEvent>> {
        desk.config.reports.then(|| {
            Box::new(proto::WebhookEvent {
                event: event.to_owned(),
                room: Some(self.room_info()),
                id: desk.sid("EV_"),
                created_at: desk.unix_ms() / 1_000,
                ..Default::default()
            })
        })
    }
}
