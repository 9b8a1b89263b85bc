//! The contract that a switching forwarder owes to a decoder, checked from
//! outside: from the packets that went out and from what the publisher says it
//! put into them, and from nothing that the rewriter knows.
//!
//! For tests only; shares no code with what it checks but the parsers.

use std::collections::{BTreeMap, BTreeSet};

use protocol::media::Codec;

use crate::{
    codec,
    rtp::{Extender, Header, is_newer},
};

/// What the publisher put into a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source {
    pub encoding: u8,
    /// Frames of one encoding are numbered from 0.
    pub frame: u64,
    /// Packet of the frame, from 0, and how many there are.
    pub part: u16,
    pub parts: u16,
    pub key_frame: bool,
    /// The frames of the same encoding that this one is predicted from.
    pub needs: [Option<u64>; 2],
    /// Pictures of one encoding are numbered from 0. Those of a scalable stream
    /// consist of a frame for each spatial layer.
    pub picture: u64,
}

/// How a stream breaks the contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Violation {
    #[error("number {0} was used twice")]
    Reused(u64),
    #[error("the timestamp of packet {0} does not fit its frame")]
    FrameTimestamp(u64),
    #[error("the timestamp of packet {0} is not after that of the frame before")]
    Backwards(u64),
    #[error("packet {0} begins another encoding, or one anew, but no key frame")]
    NoKeyFrame(u64),
    #[error("the picture id of packet {0} does not follow")]
    PictureId(u64),
    #[error("the base-layer counter of packet {0} does not follow")]
    BaseCounter(u64),
    #[error("the frame of packet {0} is predicted from one that was not sent")]
    Undecodable(u64),
    #[error("the number of the frame of packet {0} does not follow")]
    FrameNumber(u64),
    #[error("packet {0} is the last of its picture and not marked, or the other way round")]
    Marker(u64),
    #[error("the frame of packet {0} was sent in part though it came whole")]
    Incomplete(u64),
}

/// What a stream without violations consists of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    pub packets: u64,
    /// Numbers between the first and the last that were not used.
    pub missing: u64,
    pub blanks: u64,
    pub frames: u64,
    pub switches: u64,
}

#[derive(Clone, Debug)]
struct Sent {
    header: Header,
    payload: Vec<u8>,
    frame: Option<u16>,
    source: Source,
}

/// Collects what went out of one stream.
#[derive(Debug, Default)]
pub struct Checker {
    extender: Extender,
    sent: BTreeMap<u64, Sent>,
    reused: Option<u64>,
    lost: BTreeSet<(u8, u64)>,
}

/// The state of a decoder between frames.
#[derive(Debug, Default)]
struct Decoder {
    last: Option<Frame>,
    /// Of the newest base-layer frame.
    tl0: Option<u8>,
    decodable: BTreeSet<(u8, u64)>,
    summary: Summary,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    source: Source,
    timestamp: u32,
    picture_id: Option<codec::PictureId>,
    tl0: Option<u8>,
    /// As the dependency descriptor has it.
    number: Option<u16>,
    marker: bool,
    last_number: u64,
    first_number: u64,
    parts: u16,
}

impl Checker {
    /// A packet went out in clear: not a repeat, but in the order of sending.
    pub fn sent(&mut self, header: &Header, payload: &[u8], source: Source) {
        self.sent_scalable(header, payload, None, source);
    }

    /// As [`Self::sent`], with the frame number of the dependency descriptor.
    pub fn sent_scalable(
        &mut self,
        header: &Header,
        payload: &[u8],
        frame: Option<u16>,
        source: Source,
    ) {
        let number = self.extender.extend(header.sequence);
        let sent = Sent {
            header: *header,
            payload: payload.to_vec(),
            frame,
            source,
        };
        if self.sent.insert(number, sent).is_some() {
            self.reused.get_or_insert(number);
        }
    }

    /// A packet of this frame never reached us, or only after it was of use.
    pub fn lost(&mut self, encoding: u8, frame: u64) {
        self.lost.insert((encoding, frame));
    }

    /// Judges what was sent so far.
    ///
    /// # Errors
    /// The first violation, in order of sequence number.
    pub fn verify(&self, codec: Codec) -> Result<Summary, Violation> {
        if let Some(number) = self.reused {
            return Err(Violation::Reused(number));
        }
        let mut decoder = Decoder::default();
        let mut before = None;
        for (number, sent) in &self.sent {
            let gap = before.map_or(0, |before| number - before - 1);
            decoder.summary.missing += gap;
            decoder.summary.packets += 1;
            before = Some(*number);
            if sent.payload.is_empty() {
                decoder.summary.blanks += 1;
            } else {
                self.check(&mut decoder, *number, sent, codec)?;
            }
        }
        Ok(decoder.summary)
    }

    fn check(
        &self,
        decoder: &mut Decoder,
        number: u64,
        sent: &Sent,
        codec: Codec,
    ) -> Result<(), Violation> {
        let facts = codec::read(codec, &sent.payload);
        let source = sent.source;
        let this = Frame {
            source,
            timestamp: sent.header.timestamp,
            picture_id: match (facts.vp8, facts.vp9) {
                (Some(vp8), _) => vp8.picture_id,
                (None, vp9) => vp9.and_then(|vp9| vp9.picture_id),
            },
            tl0: match (facts.vp8, facts.vp9) {
                (Some(vp8), _) => vp8.tl0,
                (None, vp9) => vp9.and_then(|vp9| vp9.tl0),
            },
            number: sent.frame,
            marker: sent.header.marker,
            last_number: number,
            first_number: number,
            parts: 1,
        };
        if let Some(last) = &mut decoder.last {
            let same = last.source.encoding == source.encoding && last.source.frame == source.frame;
            if same {
                if last.marker {
                    return Err(Violation::Marker(last.last_number));
                }
                last.marker = this.marker;
                last.last_number = number;
                last.parts += 1;
                return same_frame(last, &this, number);
            }
        }
        // Whole frames may hide in the gap, each of at least one packet.
        let hidden = match decoder.last {
            Some(last) => number - last.last_number - 1,
            None => 0,
        };
        self.next_frame(decoder, &this, facts.temporal, hidden)
    }

    fn next_frame(
        &self,
        decoder: &mut Decoder,
        this: &Frame,
        temporal: u8,
        hidden: u64,
    ) -> Result<(), Violation> {
        let number = this.first_number;
        let source = this.source;
        let begins = source.key_frame && source.part == 0;
        match decoder.last {
            None if !begins => return Err(Violation::NoKeyFrame(number)),
            None => {}
            Some(last) => {
                let switched = last.source.encoding != source.encoding;
                if switched && !begins {
                    return Err(Violation::NoKeyFrame(number));
                }
                decoder.summary.switches += u64::from(switched);
                let lost = self
                    .lost
                    .contains(&(last.source.encoding, last.source.frame));
                if last.parts < last.source.parts && !begins && !lost {
                    return Err(Violation::Incomplete(last.last_number));
                }
                let together = !switched && last.source.picture == source.picture;
                if together && last.timestamp != this.timestamp {
                    return Err(Violation::FrameTimestamp(number));
                }
                if !together && !is_newer(this.timestamp, last.timestamp) {
                    return Err(Violation::Backwards(number));
                }
                // After a loss, which frame is the last may be known too late.
                let whole = hidden == 0 && !begins && self.lost.is_empty();
                if whole && last.marker == together {
                    return Err(Violation::Marker(last.last_number));
                }
                follows(&last, this, begins, hidden)
                    .then_some(())
                    .ok_or(Violation::PictureId(number))?;
                numbered(&last, this, begins)
                    .then_some(())
                    .ok_or(Violation::FrameNumber(number))?;
            }
        }
        base_counter(decoder, this, temporal, hidden)?;
        let known = |frame| {
            let frame = (source.encoding, frame);
            decoder.decodable.contains(&frame) || self.lost.contains(&frame)
        };
        if source
            .needs
            .into_iter()
            .flatten()
            .any(|needs| !known(needs))
        {
            return Err(Violation::Undecodable(number));
        }
        if source.key_frame {
            decoder.decodable.clear();
        }
        decoder.decodable.insert((source.encoding, source.frame));
        decoder.summary.frames += 1;
        decoder.last = Some(*this);
        Ok(())
    }
}

fn same_frame(frame: &Frame, this: &Frame, number: u64) -> Result<(), Violation> {
    if frame.timestamp != this.timestamp {
        return Err(Violation::FrameTimestamp(number));
    }
    if frame.picture_id != this.picture_id {
        return Err(Violation::PictureId(number));
    }
    if frame.tl0 != this.tl0 {
        return Err(Violation::BaseCounter(number));
    }
    Ok(())
}

/// Whether the picture ids are neighbours, but for frames hidden in a gap; those
/// of scalable streams, by which frames name each other, keep their distances.
fn follows(last: &Frame, this: &Frame, begins: bool, hidden: u64) -> bool {
    let distance = this.source.picture.wrapping_sub(last.source.picture);
    let scalable = this.source.picture != this.source.frame;
    match (last.picture_id, this.picture_id) {
        (Some(last), Some(this)) if scalable => {
            let mask = if this.long { 0x7fff } else { 0x7f };
            let ahead = this.value.wrapping_sub(last.value) & mask;
            if begins {
                (1..mask / 2).contains(&ahead)
            } else {
                u64::from(ahead) == distance & u64::from(mask)
            }
        }
        (Some(last), Some(this)) => {
            let mask = if this.long { 0x7fff } else { 0x7f };
            let ahead = this.value.wrapping_sub(last.value) & mask;
            ahead >= 1 && u64::from(ahead) <= 1 + hidden
        }
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Whether the number of the dependency descriptor keeps its distance from the
/// one before it, and goes forward where something begins.
fn numbered(last: &Frame, this: &Frame, begins: bool) -> bool {
    match (last.number, this.number) {
        (Some(before), Some(number)) => {
            let ahead = number.wrapping_sub(before);
            let distance = this.source.frame.wrapping_sub(last.source.frame);
            (begins && (1..0x8000).contains(&ahead)) || u64::from(ahead) == distance & 0xffff
        }
        (None, _) | (Some(_), None) => true,
    }
}

fn base_counter(
    decoder: &mut Decoder,
    this: &Frame,
    temporal: u8,
    hidden: u64,
) -> Result<(), Violation> {
    let Some(tl0) = this.tl0 else {
        return Ok(());
    };
    if let Some(last) = decoder.tl0 {
        let ahead = u64::from(tl0.wrapping_sub(last));
        let upper = decoder
            .last
            .is_some_and(|last| last.timestamp == this.timestamp);
        let least = u64::from(temporal == 0 && !upper);
        if ahead < least || ahead > least + hidden {
            return Err(Violation::BaseCounter(this.first_number));
        }
    }
    decoder.tl0 = Some(tl0);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key frame of two packets, then two delta frames, each of one packet.
    fn good() -> Vec<(Header, Vec<u8>, Source)> {
        let shapes = [
            (0_u8, 0, 2, true),
            (0, 1, 2, true),
            (1, 0, 1, false),
            (2, 0, 1, false),
        ];
        (0_u16..)
            .zip(shapes)
            .map(|(at, (frame, part, parts, key_frame))| {
                let header = Header {
                    marker: part + 1 == parts,
                    payload_type: 96,
                    sequence: 65_534_u16.wrapping_add(at),
                    timestamp: 3_000 * u32::from(frame),
                    ssrc: 1,
                };
                let start = if part == 0 { 0x90 } else { 0x80 };
                let id = (0x7e + frame) & 0x7f;
                let base = 5 + frame;
                let payload = vec![start, 0xe0, id, base, 0, u8::from(!key_frame)];
                let source = Source {
                    encoding: 0,
                    frame: frame.into(),
                    part,
                    parts,
                    key_frame,
                    needs: [frame.checked_sub(1).map(u64::from), None],
                    picture: frame.into(),
                };
                (header, payload, source)
            })
            .collect()
    }

    fn judge(packets: &[(Header, Vec<u8>, Source)]) -> Result<Summary, Violation> {
        let mut checker = Checker::default();
        for (header, payload, source) in packets {
            checker.sent(header, payload, *source);
        }
        checker.verify(Codec::Vp8)
    }

    #[test]
    fn passes_what_is_right_in_any_order() {
        let mut packets = good();
        let summary = judge(&packets).unwrap();
        assert_eq!(
            (summary.packets, summary.frames, summary.missing),
            (4, 3, 0)
        );
        packets.swap(1, 2);
        assert!(judge(&packets).is_ok());
    }

    #[test]
    fn each_breach_is_seen() {
        type Breach = fn(&mut Vec<(Header, Vec<u8>, Source)>);
        let first = 0x1_0000 + 65_534;
        let breaches: [(Breach, Violation); 11] = [
            (|p| p[1].0.marker = false, Violation::Marker(first + 1)),
            (|p| p.push(p[0].clone()), Violation::Reused(first)),
            (
                |p| p[1].0.timestamp += 1,
                Violation::FrameTimestamp(first + 1),
            ),
            (
                |p| p[3].0.timestamp = p[2].0.timestamp,
                Violation::Backwards(first + 3),
            ),
            (|p| drop(p.drain(..2)), Violation::NoKeyFrame(first)),
            (|p| p[2].2.encoding = 1, Violation::NoKeyFrame(first + 2)),
            (|p| p[3].1[2] += 1, Violation::PictureId(first + 3)),
            (|p| p[1].1[2] += 1, Violation::PictureId(first + 1)),
            (|p| p[2].1[3] += 1, Violation::BaseCounter(first + 2)),
            (
                |p| p[3].2.needs[1] = Some(77),
                Violation::Undecodable(first + 3),
            ),
            (|p| p[0].2.parts = 3, Violation::Incomplete(first + 1)),
        ];
        for (breach, violation) in breaches {
            let mut packets = good();
            breach(&mut packets);
            let seen = judge(&packets).unwrap_err();
            if matches!(violation, Violation::NoKeyFrame(_)) {
                assert!(matches!(seen, Violation::NoKeyFrame(_)), "{seen}");
            } else {
                assert_eq!(seen, violation);
            }
        }
    }
}
