//! What a client asks for, one request at a time.

use std::collections::BTreeMap;

use livekit_protocol as proto;
use proto::{
    DisconnectReason,
    leave_request::Action,
    request_response::{Reason, Request},
    signal_request::Message as Asked,
    signal_response::Message,
};
use protocol::{grants::Grants, limits, signal::Frame};

use super::{Exit, Room};
use crate::{
    desk::{Desk, PersonKey},
    face::SessionEnd,
    sdp::OfferError,
    session::OWN_ATTRIBUTES,
    wire::{self, Unreadable},
};

/// Why a session can't go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("an offer that can't be answered: {0}")]
    Offer(#[from] OfferError),
    #[error("an answer that is none to our offer: {0}")]
    Answer(OfferError),
    #[error("a description of type {0}")]
    WrongType(String),
}

impl Fault {
    /// Starting anew helps where the client and we disagree about what was;
    /// else it would only repeat the fault.
    const fn action(&self) -> Action {
        match self {
            Self::Offer(OfferError::SectionsVanished | OfferError::OtherCertificate)
            | Self::Answer(OfferError::SectionsVanished | OfferError::OtherCertificate) => {
                Action::Reconnect
            }
            Self::Unreadable(_) | Self::Offer(_) | Self::Answer(_) | Self::WrongType(_) => {
                Action::Disconnect
            }
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Refusal {
    pub(super) reason: Reason,
    pub(super) message: &'static str,
}

/// What a participant may change of itself. Empty texts mean "as it is".
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) metadata: String,
    /// An empty value deletes the attribute.
    pub(super) attributes: BTreeMap<String, String>,
}

impl Profile {
    pub(super) fn check(&self, grants: &Grants) -> Result<(), Refusal> {
        let refuse = |reason, message| Err(Refusal { reason, message });
        if !grants.can_update_own_metadata {
            return refuse(
                Reason::NotAllowed,
                "the token does not allow to update own metadata",
            );
        }
        self.check_limits(grants)
    }

    /// What holds for everyone, also for the server API.
    pub(super) fn check_limits(&self, grants: &Grants) -> Result<(), Refusal> {
        let refuse = |reason, message| Err(Refusal { reason, message });
        if self
            .attributes
            .keys()
            .any(|key| key.starts_with(OWN_ATTRIBUTES))
        {
            return refuse(
                Reason::NotAllowed,
                "attributes that begin with plenary. are the server's",
            );
        }
        if self.name.len() > limits::NAME_BYTES {
            return refuse(Reason::LimitExceeded, "the name is too long");
        }
        let mut after = grants.clone();
        self.clone().apply(&mut after);
        let attributes: usize = after
            .attributes
            .iter()
            .map(|(k, v)| k.len() + v.len())
            .sum();
        if after.metadata.len().saturating_add(attributes) > limits::METADATA_BYTES {
            return refuse(
                Reason::LimitExceeded,
                "metadata and attributes are too long",
            );
        }
        Ok(())
    }

    pub(super) fn apply(self, grants: &mut Grants) {
        if !self.name.is_empty() {
            grants.name = self.name;
        }
        if !self.metadata.is_empty() {
            grants.metadata = self.metadata;
        }
        for (key, value) in self.attributes {
            if value.is_empty() {
                grants.attributes.remove(&key);
            } else {
                grants.attributes.insert(key, value);
            }
        }
    }
}

impl Room {
    pub(crate) fn handle_frame(&mut self, person: PersonKey, frame: &Frame, desk: &mut Desk) {
        if let Some(participant) = self.people.get_mut(&person) {
            participant.link.heard = desk.now;
            participant.link.text = matches!(frame, Frame::Text(_));
        }
        let handled = match wire::decode(frame) {
            Ok(Some(message)) => self.handle_request(person, message, desk),
            Ok(None) => Ok(()),
            Err(unreadable) => Err(Fault::from(unreadable)),
        };
        if let Err(fault) = handled {
            self.fail(person, &fault, desk);
        }
    }

    /// Ends a session for what it sent.
    pub(super) fn fail(&mut self, person: PersonKey, fault: &Fault, desk: &mut Desk) {
        tracing::debug!(room = %self.name, %fault, "a session broke the protocol");
        desk.stats.protocol_errors += 1;
        if matches!(fault, Fault::Offer(_) | Fault::Answer(_)) {
            desk.stats.bad_offers += 1;
        }
        let reason = DisconnectReason::StateMismatch;
        self.expel(
            person,
            Exit::told(reason, fault.action(), SessionEnd::ProtocolError),
            desk,
        );
    }

    #[expect(
        deprecated,
        reason = "older clients send messages that newer ones don't"
    )]
    fn handle_request(
        &mut self,
        person: PersonKey,
        message: Asked,
        desk: &mut Desk,
    ) -> Result<(), Fault> {
        match message {
            Asked::Offer(offer) => self.negotiate(person, &offer, desk)?,
            Asked::Answer(answer) => self.take_answer(person, &answer, desk)?,
            Asked::AddTrack(request) => self.add_track(person, request, desk),
            Asked::Mute(request) => self.mute(person, &request, desk),
            Asked::Subscription(update) => self.update_subscription(person, &update, desk),
            Asked::TrackSetting(settings) => self.update_settings(person, &settings, desk),
            Asked::Leave(_) => {
                let reason = DisconnectReason::ClientInitiated;
                self.expel(
                    person,
                    Exit {
                        reason,
                        action: None,
                        end: SessionEnd::Left,
                    },
                    desk,
                );
            }
            Asked::SubscriptionPermission(permission) => {
                self.update_audience(person, &permission);
            }
            Asked::SyncState(state) => self.sync(person, &state, desk),
            Asked::Ping(_) => {
                let now = desk.unix_ms();
                self.reply(person, Message::Pong(now), desk);
            }
            Asked::PingReq(ping) => {
                let pong = proto::Pong {
                    last_ping_timestamp: ping.timestamp,
                    timestamp: desk.unix_ms(),
                };
                self.reply(person, Message::PongResp(pong), desk);
            }
            Asked::UpdateMetadata(update) => self.update_metadata(person, update, desk),
            Asked::UpdateAudioTrack(update) => self.update_audio_track(person, &update),
            Asked::UpdateVideoTrack(update) => self.update_video_track(person, &update),
            Asked::PublishDataTrackRequest(request) => {
                self.publish_data_track(person, request, desk);
            }
            Asked::UnpublishDataTrackRequest(request) => {
                self.unpublish_data_track(person, &request, desk);
            }
            Asked::UpdateDataSubscription(update) => {
                self.update_data_subscription(person, &update, desk);
            }
            Asked::Simulate(asked) => {
                if let Some(scenario) = asked.scenario {
                    self.simulate(person, scenario, desk);
                }
            }
            // We are ICE-lite and wait for the client's checks: its candidates
            // tell us nothing. The rest asks for what we don't have.
            Asked::Trickle(_)
            | Asked::UpdateLayers(_)
            | Asked::StoreDataBlobRequest(_)
            | Asked::GetDataBlobRequest(_) => {}
        }
        Ok(())
    }

    pub(super) fn reply(&self, person: PersonKey, message: Message, desk: &mut Desk) {
        if let Some(participant) = self.people.get(&person) {
            participant.send(desk, message);
        }
    }

    pub(super) fn refuse(
        &self,
        person: PersonKey,
        request_id: u32,
        refusal: Refusal,
        request: Request,
        desk: &mut Desk,
    ) {
        desk.stats.refused_requests += 1;
        let response = proto::RequestResponse {
            request_id,
            reason: refusal.reason.into(),
            message: refusal.message.to_owned(),
            request: Some(request),
        };
        self.reply(person, Message::RequestResponse(response), desk);
    }

    fn update_metadata(
        &mut self,
        person: PersonKey,
        update: proto::UpdateParticipantMetadata,
        desk: &mut Desk,
    ) {
        let Some(participant) = self.people.get_mut(&person) else {
            return;
        };
        let profile = Profile {
            name: update.name.clone(),
            metadata: update.metadata.clone(),
            attributes: update.attributes.clone().into_iter().collect(),
        };
        if let Err(refusal) = profile.check(&participant.grants) {
            // The echo shall not carry back what was too long.
            let echo = proto::UpdateParticipantMetadata {
                request_id: update.request_id,
                ..Default::default()
            };
            let id = update.request_id;
            self.refuse(person, id, refusal, Request::UpdateMetadata(echo), desk);
            return;
        }
        profile.apply(&mut participant.grants);
        self.roster.change(person);
        let response = proto::RequestResponse {
            request_id: update.request_id,
            reason: Reason::Ok.into(),
            message: String::new(),
            request: Some(Request::UpdateMetadata(update)),
        };
        self.reply(person, Message::RequestResponse(response), desk);
    }
}
