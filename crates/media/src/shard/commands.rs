//! What control orders.

use std::time::Instant;

use bytes::Bytes;
use protocol::{
    ids::PeerId,
    media::{Fingerprint, IceCredentials},
    plane::{CloseReason, Command, DataChannel},
};
use rand::RngExt;

use super::{Datagram, Shard, dtls_config};
use crate::{
    peer::Peer,
    transport::{Link, LinkConfig, Refusal, Sink},
};

impl Shard {
    pub(super) fn handle_command(&mut self, command: Command, now: Instant) {
        let known = match command {
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
            Command::SendData {
                peer,
                channel,
                payload,
            } => self.send_data(peer, channel, payload, now),
            Command::ClosePeer { peer } => self.close_peer(peer),
            _ => None,
        };
        if known.is_none() {
            self.stats.dropped.commands += 1;
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
        let link = Link::new(
            LinkConfig {
                local_ice,
                remote_ice,
                fingerprint,
                dtls,
                certificate: &self.config.certificate,
            },
            now,
        );
        let key = self.peers.insert(Box::new(Peer::new(id, link)))?;
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
        let peer = self.peers.get_mut(key)?;
        let ufrag = local.ufrag.clone();
        if let Some(void) = peer.link.restart_ice(local, remote) {
            self.by_ufrag.remove(&void);
        }
        self.by_ufrag.insert(ufrag, key);
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

    fn close_peer(&mut self, id: PeerId) -> Option<()> {
        let key = *self.by_id.get(&id)?;
        let mut peer = self.forget(key)?;
        let mut sink = Sink::default();
        peer.link.close(&mut sink);
        if let Some(path) = peer.link.path() {
            let records = sink.records.into_iter();
            self.outbox
                .extend(records.map(|bytes| Datagram { path, bytes }));
        }
        Some(())
    }
}
