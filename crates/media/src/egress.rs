//! Where sealed packets lie back to back until the shell has sent them, and
//! which of them may go to the kernel in one call.

use std::collections::VecDeque;

use crate::transport::Path;

/// Segments of one call: Linux takes 64 (`UDP_MAX_SEGMENTS`) since it has GSO.
const SEGMENTS: usize = 64;

/// Bytes of one call: what a UDP length can say, less headers.
const RUN_BYTES: usize = 65_000;

/// Datagrams of one size, but for the last, to one receiver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Run {
    pub(crate) path: Path,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) segment_size: usize,
    pub(crate) segments: usize,
}

#[derive(Debug, Default)]
pub(crate) struct SendSlab {
    /// Packets are written to its end.
    pub(crate) bytes: Vec<u8>,
    runs: VecDeque<Run>,
    /// Whether the last run may grow.
    open: bool,
}

impl SendSlab {
    /// Forgets what was sent; the memory stays.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.runs.clear();
        self.open = false;
    }

    /// What is written from `start` on is a datagram for `path`.
    pub(crate) fn commit(&mut self, start: usize, path: Path) {
        let end = self.bytes.len();
        let size = end.saturating_sub(start);
        if self.open
            && let Some(run) = self.runs.back_mut()
            && run.path == path
            && size <= run.segment_size
            && run.segments < SEGMENTS
            && end - run.start <= RUN_BYTES
        {
            run.end = end;
            run.segments += 1;
            self.open = size == run.segment_size;
            return;
        }
        self.runs.push_back(Run {
            path,
            start,
            end,
            segment_size: size,
            segments: 1,
        });
        self.open = true;
    }

    /// Takes back what was written from `start` on.
    pub(crate) fn abandon(&mut self, start: usize) {
        self.bytes.truncate(start);
    }

    pub(crate) fn pop(&mut self) -> Option<Run> {
        self.runs.pop_front()
    }

    pub(crate) fn contents(&self, run: &Run) -> &[u8] {
        self.bytes.get(run.start..run.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{RUN_BYTES, SEGMENTS, SendSlab};
    use crate::transport::Path;

    fn path(port: u16) -> Path {
        Path {
            remote: ([192, 0, 2, 1], port).into(),
            local: ([198, 51, 100, 1], 7882).into(),
        }
    }

    fn runs(packets: &[(u16, usize)]) -> Vec<(u16, usize, usize)> {
        let mut slab = SendSlab::default();
        for (port, size) in packets {
            let start = slab.bytes.len();
            slab.bytes.resize(start + size, 0);
            slab.commit(start, path(*port));
        }
        std::iter::from_fn(|| slab.pop())
            .map(|run| {
                (
                    run.path.remote.port(),
                    run.segment_size,
                    run.end - run.start,
                )
            })
            .collect()
    }

    #[test]
    fn equal_packets_go_together_and_a_shorter_one_ends_the_run() {
        assert_eq!(
            runs(&[(1, 100), (1, 100), (1, 50), (1, 50), (2, 50), (2, 60)]),
            [(1, 100, 250), (1, 50, 50), (2, 50, 50), (2, 60, 60)]
        );
    }

    proptest! {
        #[test]
        fn every_run_can_be_cut_back_into_its_datagrams(
            packets in prop::collection::vec((0_u16..3, 1_usize..1400), 0..300),
        ) {
            let mut rest = packets.as_slice();
            for (port, segment, length) in runs(&packets) {
                prop_assert!(length <= RUN_BYTES);
                prop_assert!(length.div_ceil(segment) <= SEGMENTS);
                let mut left = length;
                while left > 0 {
                    let cut = left.min(segment);
                    let ((to, size), tail) = rest.split_first().unwrap();
                    prop_assert_eq!((*to, *size), (port, cut));
                    rest = tail;
                    left -= cut;
                }
            }
            prop_assert!(rest.is_empty());
        }
    }
}
