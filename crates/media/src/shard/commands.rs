//! What control orders. `None` says that an order could not be carried out.

use std::time::Instant;

use bytes::Bytes;
use protocol::{
    ids::PeerId,
    media::{Fingerprint, IceCredentials},
    plane::{CloseReason, Command, DataChannel},
};
use rand::RngExt;

use super::{Shard, dtls_config};
use crate::{
    peer::Peer,
    rtp::PayloadTypes,
    transport::{Link, LinkConfig, Refusal, Sink},
};

impl Shard {
    pub(super) fn handle_command(&mut self, command: Command, now: Instant) -> Option<()> {
        match command {
            Command::OpenPeer {
                peer,
                local_ice,
                remote_ice,
                fingerprint,
            } => self.open_peer(peer, (local_ice, remote_ice), fingerprint, now),
            Command::RestartIce {
                peer,
                local_ice,
                remote_ice,
            } => self.restart_ice(peer, local_ice, remote_ice),
            Command::Negotiate {
                peer,
                extensions,
                payloads,
            } => {
                let peer = self.peers.get_mut(*self.by_id.get(&peer)?)?;
                peer.extensions = extensions;
                peer.payloads = PayloadTypes::new(payloads);
                Some(())
            }
            Command::Publish { peer, uplink } => self.publish(peer, &uplink),
            Command::Unpublish { peer, track } => self.unpublish(peer, track),
            Command::MuteTrack { peer, track, muted } => self.mute(peer, track, muted, now),
            Command::Subscribe { peer, downlink } => self.subscribe(peer, &downlink, now),
            Command::ChangeWish { peer, slot, wish } => self.change_wish(peer, slot, wish, now),
            Command::Unsubscribe { peer, slot } => self.unsubscribe(peer, slot, now),
            Command::OpenData { peer, channel } => self.open_data(peer, channel, now),
            Command::SendData {
                peer,
                channel,
                payload,
            } => self.send_data(peer, channel, payload, now),
            Command::CreditData {
                peer,
                channel,
                bytes,
            } => self.credit_data(peer, channel, bytes, now),
            Command::ClosePeer { peer } => self.close_peer(peer, now),
        }
    }

    fn open_peer(
        &mut self,
        id: PeerId,
        (local_ice, remote_ice): (IceCredentials, IceCredentials),
        fingerprint: Fingerprint,
        now: Instant,
    ) -> Option<()> {
        if self.by_id.contains_key(&id) || self.by_ufrag.contains_key(&local_ice.ufrag) {
            return None;
        }
        let ufrag = local_ice.ufrag.clone();
        let dtls = match self.config.seed {
            // Two peers of one seed must not have one and the same random.
            Some(_) => dtls_config(Some(self.rng.random())).ok()?,
            None => self.dtls.clone(),
        };
        let config = LinkConfig {
            local_ice,
            remote_ice,
            fingerprint,
            dtls,
            certificate: &self.config.certificate,
        };
        let link = Link::new(config, now);
        let key = self.peers.insert(Box::new(Peer::new(id, link, now)))?;
        self.by_id.insert(id, key);
        self.by_ufrag.insert(ufrag, key);
        self.schedule(key);
        Some(())
    }

    fn restart_ice(
        &mut self,
        id: PeerId,
        local: IceCredentials,
        remote: IceCredentials,
    ) -> Option<()> {
        let key = *self.by_id.get(&id)?;
        if self.by_ufrag.contains_key(&local.ufrag) {
            return None;
        }
        let peer = self.peers.get_mut(key)?;
        let ufrag = local.ufrag.clone();
        if let Some(void) = peer.link.restart_ice(local, remote) {
            self.by_ufrag.remove(&void);
        }
        self.by_ufrag.insert(ufrag, key);
        Some(())
    }

    fn open_data(&mut self, id: PeerId, channel: DataChannel, now: Instant) -> Option<()> {
        let key = *self.by_id.get(&id)?;
        let mut sink = Sink::default();
        let peer = self.peers.get_mut(key)?;
        let result = peer.link.open_data(channel, &mut sink, now);
        self.settle(key, sink, result, now);
        Some(())
    }

    fn send_data(
        &mut self,
        id: PeerId,
        channel: DataChannel,
        payload: Bytes,
        now: Instant,
    ) -> Option<()> {
        let key = *self.by_id.get(&id)?;
        let peer = self.peers.get_mut(key)?;
        let mut sink = Sink::default();
        let result = match peer.link.send(channel, payload, &mut sink, now) {
            Ok(Ok(())) => {
                self.stats.data_messages_out += 1;
                Ok(())
            }
            Ok(Err(refusal)) => {
                self.stats.dropped.data += 1;
                match (refusal, channel) {
                    (Refusal::Full, DataChannel::Reliable) => Err(CloseReason::DataOverflow),
                    (Refusal::Full, DataChannel::Lossy | DataChannel::DataTrack)
                    | (Refusal::TooLong | Refusal::Closed, _) => Ok(()),
                }
            }
            Err(reason) => Err(reason),
        };
        self.settle(key, sink, result, now);
        Some(())
    }

    fn credit_data(
        &mut self,
        id: PeerId,
        channel: DataChannel,
        bytes: usize,
        now: Instant,
    ) -> Option<()> {
        let key = *self.by_id.get(&id)?;
        let peer = self.peers.get_mut(key)?;
        let mut sink = Sink::default();
        let result = peer.link.credit(channel, bytes, &mut sink, now);
        self.settle(key, sink, result, now);
        Some(())
    }

    fn close_peer(&mut self, id: PeerId, now: Instant) -> Option<()> {
        let key = *self.by_id.get(&id)?;
        let mut peer = self.forget(key, now)?;
        let mut sink = Sink::default();
        peer.link.close(&mut sink);
        self.post(peer.path, sink.records);
        Some(())
    }
}
