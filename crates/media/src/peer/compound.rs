//! Packs RTCP packets into compounds (RFC 3550 §6.1): each begins with a
//! report, even an empty one, and fits a datagram.

use crate::rtcp::{
    ReportBlock, SenderInfo, write_receiver_report, write_sdes_cname, write_sender_report,
};

/// Whom our feedback comes from: the transport, not one of its streams.
pub(crate) const SENDER: u32 = 1;

/// A compound before SRTCP adds its 20 bytes: together what every path carries.
const COMPOUND_BYTES: usize = 1_180;

#[derive(Debug, Default)]
pub(crate) struct Compounds {
    finished: Vec<Vec<u8>>,
    current: Vec<u8>,
    scratch: Vec<u8>,
}

impl Compounds {
    /// Adds the packets that `write` appends, if any.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.scratch.clear();
        write(&mut self.scratch);
        self.take_scratch(false);
    }

    pub(crate) fn add_report(&mut self, blocks: &[ReportBlock]) {
        self.scratch.clear();
        write_receiver_report(&mut self.scratch, SENDER, blocks);
        self.take_scratch(true);
    }

    pub(crate) fn add_sender_report(&mut self, info: &SenderInfo, cname: &str) {
        self.scratch.clear();
        write_sender_report(&mut self.scratch, info, &[]);
        write_sdes_cname(&mut self.scratch, info.ssrc, cname);
        self.take_scratch(true);
    }

    fn take_scratch(&mut self, begins_with_report: bool) {
        if self.scratch.is_empty() {
            return;
        }
        if self.current.len() + self.scratch.len() > COMPOUND_BYTES && !self.current.is_empty() {
            self.finished.push(std::mem::take(&mut self.current));
        }
        if self.current.is_empty() && !begins_with_report {
            write_receiver_report(&mut self.current, SENDER, &[]);
        }
        self.current.extend_from_slice(&self.scratch);
    }

    /// All compounds, in clear.
    pub(crate) fn finish(mut self) -> Vec<Vec<u8>> {
        if !self.current.is_empty() {
            self.finished.push(self.current);
        }
        self.finished
    }
}

#[cfg(test)]
mod tests {
    use super::Compounds;
    use crate::rtcp::{Packet, SenderInfo, packets, write_pli};

    #[test]
    fn every_compound_begins_with_a_report_and_fits() {
        let mut compounds = Compounds::default();
        compounds.add(|_| ());
        let info = SenderInfo {
            ssrc: 7,
            ntp: 1,
            timestamp: 2,
            packets: 3,
            bytes: 4,
        };
        for n in 0..200 {
            compounds.add(|out| write_pli(out, 1, n));
            if n % 3 == 0 {
                compounds.add_sender_report(&info, "somebody");
            }
        }
        let compounds = compounds.finish();
        assert!(compounds.len() > 2);
        let mut requests = 0;
        for compound in compounds {
            assert!(compound.len() <= 1_200);
            let read: Vec<_> = packets(&compound).map(Result::unwrap).collect();
            assert!(matches!(
                read[0],
                Packet::ReceiverReport { .. } | Packet::SenderReport { .. }
            ));
            requests += read
                .iter()
                .filter(|p| matches!(p, Packet::Pli { .. }))
                .count();
        }
        assert_eq!(requests, 200);
    }
}
