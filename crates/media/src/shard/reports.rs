//! What control hears from time to time: who is loud, and how good the links are.

use std::time::{Duration, Instant};

use protocol::plane::{Event, LEVELS_INTERVAL, LinkQuality, QUALITY_INTERVAL};

use super::Shard;
use crate::{peer::Peer, slab::Key};

impl Shard {
    /// A track was heard, for the first time since the last report.
    pub(super) fn hear(&mut self, peer: Key, uplink: usize, now: Instant) {
        self.heard.push((peer, uplink));
        self.levels_at = self.levels_at.or(now.checked_add(LEVELS_INTERVAL));
    }

    /// Reports what is due.
    pub(super) fn report(&mut self, now: Instant) {
        if self.levels_at.is_some_and(|at| at <= now) {
            self.levels_at = None;
            self.report_levels();
        }
        if self.quality_at.is_some_and(|at| at <= now) {
            self.report_quality();
            self.repeat_wants();
            let any = self.peers.len() > 0;
            self.quality_at = now.checked_add(QUALITY_INTERVAL).filter(|_| any);
        }
    }

    fn report_levels(&mut self) {
        let peers = &mut self.peers;
        let levels: Vec<_> = self
            .heard
            .drain(..)
            .filter_map(|(key, uplink)| {
                let up = &mut peers.get_mut(key)?.up;
                up.take_level(uplink, LEVELS_INTERVAL)
            })
            .collect();
        if !levels.is_empty() {
            self.event(Event::Levels { levels });
        }
    }

    fn report_quality(&mut self) {
        for (_, peer) in self.peers.iter_mut() {
            if !peer.link.is_connected() {
                continue;
            }
            let event = Event::Quality {
                peer: peer.id,
                quality: quality(peer),
            };
            self.outputs.push_back(crate::Output::Event(event));
        }
    }
}

fn quality(peer: &mut Peer) -> LinkQuality {
    let (received, lost) = peer.up.take_loss();
    let losses = peer.down.take_losses();
    LinkQuality {
        uplink_loss_permille: permille(received, lost),
        downlink_loss_permille: permille(losses.received, losses.lost),
        round_trip_ms: peer.up.round_trip.map_or(0, millis),
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX).max(1)
}

fn permille(received: u32, lost: u32) -> u16 {
    let all = u64::from(received) + u64::from(lost);
    let share = (u64::from(lost) * 1000).checked_div(all).unwrap_or(0);
    u16::try_from(share).unwrap_or(1000)
}
