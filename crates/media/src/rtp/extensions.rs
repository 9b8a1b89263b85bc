//! Header extensions (RFC 8285), typed.

use protocol::media::{ExtensionIds, Mid, Rid, Tag};

use super::{Header, Parsed, RtpError};

/// "Defined by profile" of one-byte elements (RFC 8285 §4.2).
const ONE_BYTE: u16 = 0xbede;
/// And of two-byte elements, without the four application bits (§4.3).
const TWO_BYTE: u16 = 0x1000;

/// Loudness of the sound in a packet (RFC 6464 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VoiceLevel {
    /// The sender believes that somebody speaks.
    pub voice: bool,
    /// In −dBov: 0 is the loudest, 127 is silence.
    pub level: u8,
}

impl VoiceLevel {
    #[must_use]
    pub const fn from_byte(byte: u8) -> Self {
        Self {
            voice: byte & 0x80 != 0,
            level: byte & 0x7f,
        }
    }

    #[must_use]
    pub const fn to_byte(self) -> u8 {
        (if self.voice { 0x80 } else { 0 }) | (self.level & 0x7f)
    }
}

/// The extensions of a received packet that we know. An element whose length
/// does not fit its type is passed over, as are unknown ids.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extensions<'a> {
    pub mid: Option<Mid>,
    pub rid: Option<Rid>,
    pub repaired_rid: Option<Rid>,
    /// Transport-wide sequence number.
    pub transport_cc: Option<u16>,
    pub audio_level: Option<VoiceLevel>,
    /// 24 bits: seconds in 6.18 fixed point, as the sender's clock has it.
    pub abs_send_time: Option<u32>,
    pub video_orientation: Option<u8>,
    /// As it came, at most 255 bytes.
    pub dependency_descriptor: Option<&'a [u8]>,
}

impl<'a> Extensions<'a> {
    /// Reads the extensions that have an id in `ids`.
    ///
    /// # Errors
    /// When an element runs past the block.
    pub fn read(packet: &'a [u8], parsed: &Parsed, ids: &ExtensionIds) -> Result<Self, RtpError> {
        let mut found = Self::default();
        let Some((profile, range)) = &parsed.extension else {
            return Ok(found);
        };
        let block = packet.get(range.clone()).ok_or(RtpError::Extension)?;
        if *profile == ONE_BYTE {
            found.walk(block, ids, one_byte_element)?;
        } else if profile & 0xfff0 == TWO_BYTE {
            found.walk(block, ids, two_byte_element)?;
        }
        Ok(found)
    }

    fn walk(
        &mut self,
        mut rest: &'a [u8],
        ids: &ExtensionIds,
        element: fn(&'a [u8]) -> Step<'a>,
    ) -> Result<(), RtpError> {
        while !rest.is_empty() {
            match element(rest) {
                Step::Padding(tail) => rest = tail,
                Step::Element(id, value, tail) => {
                    self.take(id, value, ids);
                    rest = tail;
                }
                Step::Stop => break,
                Step::Malformed => return Err(RtpError::Extension),
            }
        }
        Ok(())
    }

    fn take(&mut self, id: u8, value: &'a [u8], ids: &ExtensionIds) {
        let id = Some(id);
        if id == ids.transport_cc {
            self.transport_cc = value.try_into().ok().map(u16::from_be_bytes);
        } else if id == ids.mid {
            self.mid = Tag::new(value);
        } else if id == ids.rid {
            self.rid = Tag::new(value);
        } else if id == ids.repaired_rid {
            self.repaired_rid = Tag::new(value);
        } else if id == ids.audio_level {
            self.audio_level = one(value).map(VoiceLevel::from_byte);
        } else if id == ids.abs_send_time {
            if let [a, b, c] = *value {
                self.abs_send_time = Some(u32::from_be_bytes([0, a, b, c]));
            }
        } else if id == ids.video_orientation {
            self.video_orientation = one(value);
        } else if id == ids.dependency_descriptor && !value.is_empty() {
            self.dependency_descriptor = Some(value);
        }
    }
}

fn one(value: &[u8]) -> Option<u8> {
    match *value {
        [byte] => Some(byte),
        _ => None,
    }
}

/// What is found at one place of an extension block.
enum Step<'a> {
    Padding(&'a [u8]),
    Element(u8, &'a [u8], &'a [u8]),
    Stop,
    Malformed,
}

/// RFC 8285 §4.2: id 0 is padding, id 15 ends the block.
fn one_byte_element(bytes: &[u8]) -> Step<'_> {
    let Some((&head, rest)) = bytes.split_first() else {
        return Step::Stop;
    };
    let (id, length) = (head >> 4, usize::from(head & 0x0f) + 1);
    match id {
        0 => Step::Padding(rest),
        15 => Step::Stop,
        _ => cut(id, length, rest),
    }
}

/// RFC 8285 §4.3: id 0 is padding, without a length.
fn two_byte_element(bytes: &[u8]) -> Step<'_> {
    match bytes {
        [] => Step::Stop,
        [0, rest @ ..] => Step::Padding(rest),
        [_] => Step::Malformed,
        [id, length, rest @ ..] => cut(*id, usize::from(*length), rest),
    }
}

fn cut(id: u8, length: usize, rest: &[u8]) -> Step<'_> {
    match rest.split_at_checked(length) {
        Some((value, tail)) => Step::Element(id, value, tail),
        None => Step::Malformed,
    }
}

/// The extensions of a packet that we send. What the receiver has no id for is
/// left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outgoing<'a> {
    pub mid: Option<Mid>,
    pub transport_cc: Option<u16>,
    /// 24 bits, seconds in 6.18 fixed point.
    pub abs_send_time: Option<u32>,
    /// As [`VoiceLevel::to_byte`] has it.
    pub audio_level: Option<u8>,
    pub video_orientation: Option<u8>,
    /// 1 to 255 bytes, else it is left out.
    pub dependency_descriptor: Option<&'a [u8]>,
}

/// Appends a header with its extensions and returns its length in bytes, as
/// SRTP needs it. One-byte elements, unless the dependency descriptor is longer
/// than they allow (16 bytes, RFC 8285 §4.2).
pub fn write_header(
    out: &mut Vec<u8>,
    header: &Header,
    ids: &ExtensionIds,
    extensions: &Outgoing<'_>,
) -> usize {
    let start = out.len();
    out.push(0x80);
    out.push((header.payload_type & 0x7f) | if header.marker { 0x80 } else { 0 });
    out.extend_from_slice(&header.sequence.to_be_bytes());
    out.extend_from_slice(&header.timestamp.to_be_bytes());
    out.extend_from_slice(&header.ssrc.to_be_bytes());
    let block = out.len();
    let long = extensions
        .dependency_descriptor
        .is_some_and(|dd| dd.len() > 16)
        && ids.dependency_descriptor.is_some();
    let profile = if long { TWO_BYTE } else { ONE_BYTE };
    out.extend_from_slice(&profile.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    let mut elements = Elements { out, long };
    elements.write_all(ids, extensions);
    finish_block(out, start, block);
    out.len() - start
}

/// Pads the block, fills in its length; or takes it away if it is empty.
fn finish_block(out: &mut Vec<u8>, start: usize, block: usize) {
    let content = out.len() - block - 4;
    if content == 0 {
        out.truncate(block);
        return;
    }
    let padded = content.next_multiple_of(4);
    out.resize(block + 4 + padded, 0);
    // Six elements of at most 257 bytes: far below 65,535 words.
    let words = u16::try_from(padded / 4).unwrap_or(u16::MAX);
    if let Some(field) = out.get_mut(block + 2..block + 4) {
        field.copy_from_slice(&words.to_be_bytes());
    }
    if let Some(flags) = out.get_mut(start) {
        *flags |= 0x10;
    }
}

struct Elements<'o> {
    out: &'o mut Vec<u8>,
    long: bool,
}

impl Elements<'_> {
    fn write_all(&mut self, ids: &ExtensionIds, extensions: &Outgoing<'_>) {
        if let (Some(id), Some(sequence)) = (ids.transport_cc, extensions.transport_cc) {
            self.write(id, &sequence.to_be_bytes());
        }
        if let (Some(id), Some(time)) = (ids.abs_send_time, extensions.abs_send_time) {
            let [_, bytes @ ..] = time.to_be_bytes();
            self.write(id, &bytes);
        }
        if let (Some(id), Some(mid)) = (ids.mid, extensions.mid) {
            self.write(id, mid.as_str().as_bytes());
        }
        if let (Some(id), Some(level)) = (ids.audio_level, extensions.audio_level) {
            self.write(id, &[level]);
        }
        if let (Some(id), Some(orientation)) = (ids.video_orientation, extensions.video_orientation)
        {
            self.write(id, &[orientation]);
        }
        if let (Some(id), Some(descriptor)) =
            (ids.dependency_descriptor, extensions.dependency_descriptor)
        {
            self.write(id, descriptor);
        }
    }

    /// `value` has 1 to 255 bytes, and at most 16 unless `long`; others are left out.
    fn write(&mut self, id: u8, value: &[u8]) {
        let Ok(length @ 1..) = u8::try_from(value.len()) else {
            return;
        };
        if self.long {
            self.out.extend_from_slice(&[id, length]);
        } else if length <= 16 && (1..=14).contains(&id) {
            self.out.push(id << 4 | (length - 1));
        } else {
            return;
        }
        self.out.extend_from_slice(value);
    }
}
