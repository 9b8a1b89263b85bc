//! The life of peers: what their links produce, their timers, their end.

use std::time::Instant;

use protocol::{
    ids::PeerId,
    plane::{CloseReason, Event, QUALITY_INTERVAL},
};

use super::{Datagram, Shard};
use crate::{
    peer::{Ciphers, Compounds, Peer},
    slab::Key,
    srtp,
    transport::{ChannelEvent, Keys, Path, Sink},
};

/// Where our clock stands at the start, in seconds since 1900: some day of
/// 2019. Receivers compare our reports with each other and nothing else.
const EPOCH: u64 = 0xe000_0000;

impl Shard {
    /// Carries on with what a peer's link produced.
    pub(super) fn settle(
        &mut self,
        key: Key,
        sink: Sink,
        result: Result<(), CloseReason>,
        now: Instant,
    ) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let id = peer.id;
        let path = peer.path;
        self.post(path, sink.records);
        self.stats.dropped.sctp += sink.dropped;
        let keyed = sink
            .connected
            .map_or(Ok(()), |keys| self.connect(key, &keys, now));
        for event in sink.channels {
            self.channel_event(id, event);
        }
        match result.and(keyed) {
            Ok(()) => self.schedule(key),
            Err(reason) => self.lose(key, reason, now),
        }
    }

    /// Puts datagrams of one peer into the outbox.
    pub(super) fn post(&mut self, path: Option<Path>, datagrams: Vec<Vec<u8>>) {
        if let Some(path) = path {
            let datagrams = datagrams.into_iter();
            self.outbox
                .extend(datagrams.map(|bytes| Datagram { path, bytes }));
        }
    }

    fn connect(&mut self, key: Key, keys: &Keys, now: Instant) -> Result<(), CloseReason> {
        let Some(peer) = self.peers.get_mut(key) else {
            return Ok(());
        };
        let (inbound, outbound) = srtp::from_exporter(keys.cipher, &keys.material)
            .map_err(|_| CloseReason::HandshakeFailed)?;
        peer.ciphers = Some(Ciphers {
            inbound: Box::new(inbound),
            outbound,
        });
        peer.queue.open = true;
        let peer = peer.id;
        self.stats.handshakes += 1;
        self.quality_at = self.quality_at.or(now.checked_add(QUALITY_INTERVAL));
        self.event(Event::PeerConnected {
            peer,
            cipher: keys.cipher,
        });
        self.ask_for_all(key, now);
        Ok(())
    }

    fn channel_event(&mut self, peer: PeerId, event: ChannelEvent) {
        match event {
            ChannelEvent::Backlog(backlog) => self.event(Event::DataBacklog { peer, backlog }),
            ChannelEvent::Opened(channel) => self.event(Event::DataOpened { peer, channel }),
            ChannelEvent::Message(channel, payload) => {
                self.stats.data_messages_in += 1;
                self.event(Event::Data {
                    peer,
                    channel,
                    payload,
                });
            }
        }
    }

    /// Makes sure that the peer is woken when it must be.
    pub(super) fn schedule(&mut self, key: Key) {
        if let Some(peer) = self.peers.get(key) {
            let at = peer.next_timeout();
            self.arm(key, at);
        }
    }

    /// A peer's time has come.
    pub(super) fn wake_peer(&mut self, key: Key, now: Instant) {
        let ntp = self.ntp(now);
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let mut sink = Sink::default();
        let result = peer.link.handle_timeout(&mut sink, now);
        let mut compounds = Compounds::default();
        let requests = peer.up.handle_timeout(&mut compounds, now);
        let tracks = &self.tracks;
        let name = |track| tracks.get(track)?.publisher;
        peer.down.handle_timeout(&mut compounds, ntp, name, now);
        self.stats.key_frames_requested += requests;
        if let Some(ciphers) = &mut peer.ciphers {
            for mut bytes in compounds.finish() {
                if ciphers.outbound.seal_rtcp(&mut bytes, 0).is_ok() {
                    sink.records.push(bytes);
                }
            }
        }
        self.settle(key, sink, result, now);
    }

    /// Our clock: seconds since 1900 in 32.32 fixed point.
    fn ntp(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.started);
        let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
        (EPOCH.wrapping_add(elapsed.as_secs()) << 32) | fraction
    }

    /// Seconds of our clock in 6.18 fixed point, 24 bits.
    pub(super) fn abs_send_time(&self, now: Instant) -> u32 {
        let [_, _, _, a, b, c, d, _] = (self.ntp(now) >> 6).to_be_bytes();
        u32::from_be_bytes([a, b, c, d]) & 0x00ff_ffff
    }

    /// Ends a peer and says why.
    pub(super) fn lose(&mut self, key: Key, reason: CloseReason, now: Instant) {
        let Some(peer) = self.forget(key, now) else {
            return;
        };
        match reason {
            CloseReason::HandshakeFailed | CloseReason::WrongCertificate => {
                self.stats.handshake_failures += 1;
            }
            CloseReason::ConnectTimeout
            | CloseReason::Silence
            | CloseReason::Goodbye
            | CloseReason::DataOverflow => {}
        }
        self.event(Event::PeerClosed {
            peer: peer.id,
            reason,
        });
    }

    /// Takes a peer out of every table.
    pub(super) fn forget(&mut self, key: Key, now: Instant) -> Option<Box<Peer>> {
        let peer = self.peers.remove(key)?;
        self.by_id.remove(&peer.id);
        for ufrag in peer.link.ufrags() {
            self.by_ufrag.remove(ufrag);
        }
        for address in &peer.addresses {
            self.addresses.release(*address, key);
        }
        for (place, track) in peer.down.iter() {
            self.end_subscription(key, place, track.track, now);
        }
        for track in peer.up.keys() {
            self.end_publication(track);
        }
        Some(peer)
    }
}
