//! The way of a packet: opened, told whose it is, queued for everyone who
//! wants it; and on its way out rewritten and sealed.

use std::{hint::black_box, sync::Arc, time::Instant};

use protocol::{limits::DATAGRAM_BYTES, plane::Event};
use smallvec::SmallVec;

use super::Shard;
use crate::{
    Output, ShardMessage,
    demux::is_rtcp,
    peer::{Depth, Opened, Outlet, ROUND_TRIP, Received, Sealing, Unused},
    rtcp::{self, Packet as Control},
    rtp::{Extensions, Parsed},
    slab::Key,
    uplink::{Encodings, Packet},
};

/// Peers that are drained in one go. What they need, about 4 kB each, must fit
/// the second-level cache together with what the shell does between.
const WARM: usize = 16;

/// What our header may have more than the client's: CSRCs fall away, sequence
/// number, send time, section name and alignment may come.
const GROWTH: usize = 32;

impl Shard {
    pub(super) fn handle_media(&mut self, key: Key, bytes: &mut [u8], now: Instant) {
        if is_rtcp(bytes) {
            self.handle_rtcp(key, bytes, now);
        } else {
            self.handle_rtp(key, bytes, now);
        }
    }

    fn handle_rtp(&mut self, key: Key, bytes: &mut [u8], now: Instant) {
        let dropped = &mut self.stats.dropped;
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let Some(ciphers) = &mut peer.ciphers else {
            dropped.srtp_without_keys += 1;
            return;
        };
        let Ok(parsed) = Parsed::read(bytes) else {
            dropped.rtp_malformed += 1;
            return;
        };
        let Ok(length) = ciphers.inbound.open_rtp(bytes, &parsed) else {
            dropped.srtp_unauthenticated += 1;
            return;
        };
        peer.link.hear(now);
        let packet = bytes.get(..length).unwrap_or_default();
        let (Ok(extensions), Ok(payload)) = (
            Extensions::read(packet, &parsed, &peer.extensions),
            parsed.payload(packet),
        ) else {
            dropped.rtp_malformed += 1;
            return;
        };
        let payload = packet.get(payload).unwrap_or_default();
        if payload.len() + GROWTH > DATAGRAM_BYTES {
            dropped.rtp_too_long += 1;
            return;
        }
        let opened = Opened {
            header: &parsed.header,
            extensions: &extensions,
            payload,
            payloads: &peer.payloads,
        };
        let received = peer.up.receive(&opened, now);
        let due = peer.up.due();
        match received {
            Ok(received) => self.handle_received(key, &received, now),
            Err(Unused::UnknownStream) => dropped.rtp_unknown_stream += 1,
            Err(Unused::Redundant) => dropped.rtp_redundant += 1,
        }
        if let Some(due) = due {
            self.arm(key, due);
        }
    }

    fn handle_received(&mut self, key: Key, received: &Received, now: Instant) {
        self.stats.packets_in += 1;
        if received.started
            && let Some(peer) = self.peers.get(key)
        {
            let (peer, packet) = (peer.id, &received.packet);
            self.event(Event::EncodingStarted {
                peer,
                track: packet.track,
                encoding: packet.encoding,
            });
        }
        if let Some(uplink) = received.heard {
            self.hear(key, uplink, now);
        }
        self.fan_out(received.track, &received.packet, received.live);
    }

    /// Queues a packet for everyone who wants it.
    pub(super) fn fan_out(&mut self, key: Key, packet: &Arc<Packet>, live: Encodings) {
        let Some(track) = self.tracks.get_mut(key) else {
            return;
        };
        track.live = live;
        if track.muted {
            return;
        }
        for subscriber in &track.subscribers {
            let Some(peer) = self.peers.get_mut(subscriber.peer) else {
                continue;
            };
            let queue = &mut peer.queue;
            if !queue.open {
                continue;
            }
            if !queue.push(subscriber.place, packet, live) {
                self.stats.dropped.queue_full += 1;
            }
            if !queue.dirty {
                queue.dirty = true;
                self.dirty.push_back(subscriber.peer);
            }
        }
        for outlet in &track.outlets {
            if outlet.limit.is_some_and(|limit| packet.encoding <= limit) {
                self.stats.packets_to_shards += 1;
                let packet = packet.clone();
                self.outputs.push_back(Output::Shard {
                    to: outlet.shard,
                    message: ShardMessage::Packet { packet, live },
                });
            }
        }
    }

    /// Brings what the next peers to be drained need into the cache, all at
    /// once: one by one, each would wait for memory in its turn.
    pub(super) fn warm_up(&mut self) {
        let mut sum = 0_usize;
        for depth in [Depth::Peer, Depth::Stream, Depth::History] {
            for key in self.dirty.iter().take(WARM) {
                let peer = self.peers.get(*key);
                sum = sum.wrapping_add(peer.map_or(0, |peer| peer.touch(depth)));
            }
        }
        self.warm = self.dirty.len().min(WARM);
        black_box(sum);
    }

    /// Rewrites and seals what waits for one peer.
    pub(super) fn drain_peer(&mut self, key: Key, now: Instant) {
        let abs_send_time = self.abs_send_time(now);
        self.slab.clear();
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        peer.queue.dirty = false;
        let (Some(ciphers), Some(path)) = (&peer.ciphers, peer.path) else {
            peer.queue.discard();
            peer.down.discard();
            return;
        };
        let sealing = Sealing {
            outbound: &ciphers.outbound,
            extensions: &peer.extensions,
            payloads: &peer.payloads,
            abs_send_time,
            round_trip: peer.down.round_trip.unwrap_or(ROUND_TRIP),
        };
        let mut out = Outlet {
            slab: &mut self.slab,
            path,
            needs: &mut self.needs,
        };
        let (forwarded, repeated) = peer.down.drain(&mut peer.queue, &sealing, &mut out, now);
        self.stats.packets_forwarded += forwarded;
        self.stats.repairs_sent += repeated;
        let due = peer.down.due();
        if let Some(due) = due {
            self.arm(key, due);
        }
        self.meet_needs(now);
    }

    fn meet_needs(&mut self, now: Instant) {
        if self.needs.is_empty() {
            return;
        }
        let mut needs = std::mem::take(&mut self.needs);
        for (track, encoding) in needs.drain(..) {
            self.need_key_frame(track, encoding, now);
        }
        self.needs = needs;
    }

    fn handle_rtcp(&mut self, key: Key, bytes: &mut [u8], now: Instant) {
        let dropped = &mut self.stats.dropped;
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let Some(ciphers) = &mut peer.ciphers else {
            dropped.srtp_without_keys += 1;
            return;
        };
        let Ok(length) = ciphers.inbound.open_rtcp(bytes) else {
            dropped.srtp_unauthenticated += 1;
            return;
        };
        peer.link.hear(now);
        for packet in rtcp::packets(bytes.get(..length).unwrap_or_default()) {
            match packet {
                Ok(packet) => self.handle_control(key, &packet, now),
                Err(_) => self.stats.dropped.rtcp_malformed += 1,
            }
        }
        if let Some(peer) = self.peers.get_mut(key)
            && peer.down.is_dirty()
            && !peer.queue.dirty
        {
            peer.queue.dirty = true;
            self.dirty.push_back(key);
        }
    }

    fn handle_control(&mut self, key: Key, packet: &Control<'_>, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        let mut unknown = 0;
        match packet {
            Control::SenderReport { info, blocks } => {
                unknown += u64::from(peer.up.sender_report(info, now).is_none());
                self.handle_blocks(key, blocks.clone(), now);
            }
            Control::ReceiverReport { blocks, .. } => {
                self.handle_blocks(key, blocks.clone(), now);
            }
            Control::Nack(nack) => unknown += u64::from(!peer.down.nack(nack)),
            Control::Pli { media } => self.handle_request(key, *media, now),
            Control::Fir(fir) => {
                let wanted: SmallVec<[u32; 4]> = fir.requests().map(|(ssrc, _)| ssrc).collect();
                for ssrc in wanted {
                    self.handle_request(key, ssrc, now);
                }
            }
            Control::TransportFeedback(feedback) => peer.down.transport_feedback(feedback),
            Control::Sdes
            | Control::Bye(_)
            | Control::Remb(_)
            | Control::ExtendedReport
            | Control::Other { .. } => {}
        }
        self.stats.dropped.rtcp_unknown_stream += unknown;
    }

    fn handle_blocks(&mut self, key: Key, blocks: rtcp::ReportBlocks<'_>, now: Instant) {
        let Some(peer) = self.peers.get_mut(key) else {
            return;
        };
        for block in blocks {
            if peer.down.report_received(&block, now).is_none() {
                self.stats.dropped.rtcp_unknown_stream += 1;
            }
        }
        peer.up.round_trip = peer.down.round_trip;
    }

    /// A decoder needs a key frame.
    fn handle_request(&mut self, key: Key, ssrc: u32, now: Instant) {
        let down = self.peers.get(key).and_then(|p| p.down.by_ssrc(ssrc));
        let Some(down) = down else {
            self.stats.dropped.rtcp_unknown_stream += 1;
            return;
        };
        let track = down.track;
        let live = self.tracks.get(track).map(|t| t.live).unwrap_or_default();
        if let Some(encoding) = down.stream.decoder_needs(live) {
            self.need_key_frame(track, encoding, now);
        }
    }
}
