//! Memory of packets that nobody holds any more, for those to come. Packets
//! live for about a second, long enough for their memory to be cold, and to
//! give cold memory back to the allocator costs as much as to forward twice.

use std::{collections::VecDeque, sync::Arc};

use super::Packet;

/// Packets that are kept track of: two seconds of 10 Mbit/s. Beyond, their
/// memory goes back to the allocator when the last subscriber lets go of it.
const KEPT: usize = 2_048;

/// Unused ones that are kept: a large picture's.
const SPARE: usize = 32;

/// The last packets of one stream, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    packets: VecDeque<Arc<Packet>>,
}

impl Shelf {
    /// A packet that `fill` makes out of an empty buffer.
    pub(super) fn make(&mut self, fill: impl FnOnce(Vec<u8>) -> Packet) -> Arc<Packet> {
        self.trim();
        let packet = match self.take() {
            Some(mut packet) => {
                if let Some(unused) = Arc::get_mut(&mut packet) {
                    let mut data = std::mem::take(&mut unused.data);
                    data.clear();
                    *unused = fill(data);
                }
                packet
            }
            None => Arc::new(fill(Vec::new())),
        };
        self.packets.push_back(packet.clone());
        packet
    }

    /// The oldest, if nobody else holds it.
    fn take(&mut self) -> Option<Arc<Packet>> {
        let oldest = self.packets.front_mut()?;
        Arc::get_mut(oldest)?;
        self.packets.pop_front()
    }

    fn trim(&mut self) {
        let is_unused = |packet: &Arc<Packet>| Arc::strong_count(packet) == 1;
        if self.packets.len() >= KEPT || self.packets.get(SPARE).is_some_and(is_unused) {
            self.packets.pop_front();
        }
    }
}
