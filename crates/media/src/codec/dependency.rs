//! The dependency descriptor (AV1 RTP specification, appendix A): which layer
//! a frame belongs to and what it is predicted from, whatever the codec. A key
//! frame brings templates; later frames name one of them.

use std::sync::Arc;

/// Decode targets and templates of a structure; the fields allow no more.
const TARGETS: usize = 32;
const TEMPLATES: usize = 64;
/// Chains are as many as targets at most.
const CHAINS: usize = TARGETS;
/// Frames that one is predicted from. AV1 has seven references.
const REFERENCES: usize = 16;
/// Mandatory fields, in bits (§A.8.1).
const MANDATORY: usize = 24;
/// Flags of the extended descriptor, in bits.
const FLAGS: usize = 5;

/// The longest descriptor that is rewritten, in bytes, with the mask added.
pub const DESCRIPTOR: usize = 255;

/// Layers and dependencies that frames name, from one key frame to the next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Structure {
    offset: u8,
    templates: Vec<Template>,
    /// Highest spatial and temporal layer of each decode target.
    targets: Vec<(u8, u8)>,
    chains: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Template {
    spatial: u8,
    temporal: u8,
    references: References,
}

/// Bit n: the frame whose number is n + 1 less. Further back is left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct References(pub u64);

/// What a descriptor says of its frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Dependency {
    pub structure: Arc<Structure>,
    pub spatial: u8,
    pub temporal: u8,
    /// First packet of the frame.
    pub begins: bool,
    /// Last packet of the frame.
    pub ends: bool,
    pub frame: u16,
    pub references: References,
    /// The structure came with it: a key frame's first packet.
    pub attached: bool,
    /// Decode targets that the publisher makes just now.
    active: u32,
    /// Where the mask of active targets is, or would be, in bits.
    mask_at: u16,
    masked: bool,
}

/// Reads the descriptors of one stream, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Dependencies {
    structure: Option<Arc<Structure>>,
    /// Of the frame that the structure came with.
    since: u16,
    active: u32,
}

impl Dependencies {
    /// `None` when the descriptor is malformed, or names templates that have
    /// not come. Allocates when a structure comes that is not the one known.
    pub fn read(&mut self, bytes: &[u8]) -> Option<Dependency> {
        let mut bits = Bits::new(bytes);
        let (begins, ends) = (bits.flag()?, bits.flag()?);
        let template = bits.take(6)?;
        let frame = u16::try_from(bits.take(16)?).ok()?;
        let flags = if bytes.len() > MANDATORY / 8 {
            Flags::read(&mut bits)?
        } else {
            Flags::default()
        };
        let structure = if flags.structure {
            self.share(Structure::read(&mut bits)?)
        } else {
            self.structure.clone()?
        };
        let all = all(structure.targets.len());
        let mask_at = u16::try_from(if bits.at > MANDATORY {
            bits.at
        } else {
            MANDATORY + FLAGS
        });
        let mut active = if flags.structure { all } else { self.active };
        if flags.mask {
            active = bits.take(structure.targets.len())?;
        }
        let template = structure.template(template)?;
        if flags.targets {
            bits.skip(2 * structure.targets.len())?;
        }
        let references = if flags.references {
            References::custom(&mut bits)?
        } else {
            template.references
        };
        if flags.chains {
            bits.skip(8 * usize::from(structure.chains))?;
        }
        // Nothing is taken over of a descriptor that can't be read to its end:
        // it is not passed on, and receivers must know what we know.
        if flags.structure {
            self.adopt(&structure, frame);
        }
        if !is_older(frame, self.since) {
            self.active = active;
        }
        Some(Dependency {
            spatial: template.spatial,
            temporal: template.temporal,
            begins,
            ends,
            frame,
            references,
            attached: flags.structure,
            active,
            mask_at: mask_at.ok()?,
            masked: flags.mask,
            structure,
        })
    }

    /// The one that is known, if it came again: it is repeated with every key frame.
    fn share(&self, structure: Structure) -> Arc<Structure> {
        match &self.structure {
            Some(known) if **known == structure => known.clone(),
            Some(_) | None => Arc::new(structure),
        }
    }

    /// One that was overtaken by a newer one does not replace that.
    fn adopt(&mut self, structure: &Arc<Structure>, frame: u16) {
        if let Some(known) = &self.structure
            && !Arc::ptr_eq(known, structure)
            && is_older(frame, self.since)
        {
            return;
        }
        self.structure = Some(structure.clone());
        self.since = frame;
    }
}

const fn is_older(frame: u16, than: u16) -> bool {
    than.wrapping_sub(frame).wrapping_sub(1) < 0x7fff
}

/// Masks of so many targets.
fn all(targets: usize) -> u32 {
    let count = u32::try_from(targets).unwrap_or(u32::MAX);
    1_u32.checked_shl(count).map_or(u32::MAX, |bit| bit - 1)
}

#[derive(Clone, Copy, Default)]
struct Flags {
    structure: bool,
    mask: bool,
    targets: bool,
    references: bool,
    chains: bool,
}

impl Flags {
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        Some(Self {
            structure: bits.flag()?,
            mask: bits.flag()?,
            targets: bits.flag()?,
            references: bits.flag()?,
            chains: bits.flag()?,
        })
    }
}

impl Structure {
    fn read(bits: &mut Bits<'_>) -> Option<Self> {
        let offset = u8::try_from(bits.take(6)?).ok()?;
        let targets = bits.take(5)? as usize + 1;
        let mut templates = read_layers(bits)?;
        let mut layers = vec![(0, 0); targets];
        for template in &templates {
            for (spatial, temporal) in &mut layers {
                // 0 is "not present"; the other indications are of no use here.
                if bits.take(2)? != 0 {
                    *spatial = template.spatial.max(*spatial);
                    *temporal = template.temporal.max(*temporal);
                }
            }
        }
        for template in &mut templates {
            template.references = References::of_template(bits)?;
        }
        let chains = bits.non_symmetric(targets + 1)?;
        if chains > 0 {
            for _ in 0..targets {
                bits.non_symmetric(chains)?;
            }
            bits.skip(4 * chains * templates.len())?;
        }
        if bits.flag()? {
            let highest = templates.last().map_or(0, |template| template.spatial);
            bits.skip(32 * (usize::from(highest) + 1))?;
        }
        Some(Self {
            offset,
            templates,
            targets: layers,
            chains: u8::try_from(chains.min(CHAINS)).ok()?,
        })
    }

    fn template(&self, id: u32) -> Option<Template> {
        let index = (id + 64 - u32::from(self.offset)) % 64;
        self.templates.get(index as usize).copied()
    }

    /// The targets that need nothing above the layers.
    fn within(&self, spatial: u8, temporal: u8) -> u32 {
        let fits = |(s, t): &(u8, u8)| *s <= spatial && *t <= temporal;
        (0_u32..)
            .zip(&self.targets)
            .filter(|(_, layers)| fits(layers))
            .fold(0, |mask, (at, _)| mask | 1 << at)
    }

    /// Whether there is nothing above the layers.
    #[must_use]
    pub fn is_within(&self, spatial: u8, temporal: u8) -> bool {
        self.within(spatial, temporal) == all(self.targets.len())
    }
}

/// §A.8.2, template_layers().
fn read_layers(bits: &mut Bits<'_>) -> Option<Vec<Template>> {
    let mut templates = Vec::new();
    let mut template = Template::default();
    loop {
        if templates.len() == TEMPLATES {
            return None;
        }
        templates.push(template);
        match bits.take(2)? {
            0 => {}
            1 => template.temporal += 1,
            2 => {
                template.temporal = 0;
                template.spatial += 1;
            }
            _ => return Some(templates),
        }
        // Three and two bits, in AV1 and in the extension's own tables.
        if template.temporal > 7 || template.spatial > 3 {
            return None;
        }
    }
}

impl References {
    const fn with(self, difference: u32) -> Self {
        match 1_u64.checked_shl(difference.wrapping_sub(1)) {
            Some(bit) => Self(self.0 | bit),
            None => self,
        }
    }

    /// template_fdiffs() for one template.
    fn of_template(bits: &mut Bits<'_>) -> Option<Self> {
        let mut found = Self::default();
        for _ in 0..=REFERENCES {
            if !bits.flag()? {
                return Some(found);
            }
            found = found.with(bits.take(4)? + 1);
        }
        None
    }

    /// frame_fdiffs().
    fn custom(bits: &mut Bits<'_>) -> Option<Self> {
        let mut found = Self::default();
        for _ in 0..=REFERENCES {
            let size = bits.take(2)? as usize;
            if size == 0 {
                return Some(found);
            }
            found = found.with(bits.take(4 * size)? + 1);
        }
        None
    }
}

impl Dependency {
    /// Decode targets that the sender makes just now, by bits.
    #[must_use]
    pub const fn active(&self) -> u32 {
        self.active
    }

    /// Writes the descriptor `bytes` that this was read from with the number of
    /// its frame moved, and, where `limit` gives the highest spatial and temporal
    /// layer that are passed on, with a mask of the targets that leaves active
    /// (§A.8.4). Gives back how much of `out` was written, in bytes.
    pub fn rewrite(
        &self,
        bytes: &[u8],
        shift: u16,
        limit: Option<(u8, u8)>,
        out: &mut [u8; DESCRIPTOR],
    ) -> Option<usize> {
        let mask =
            limit.map(|(spatial, temporal)| self.active & self.structure.within(spatial, temporal));
        let length = match mask.filter(|mask| *mask != 0 && self.begins) {
            Some(mask) => self.with_mask(bytes, mask, out)?,
            None => {
                out.get_mut(..bytes.len())?.copy_from_slice(bytes);
                bytes.len()
            }
        };
        shift_frame(out, shift)?;
        Some(length)
    }

    fn with_mask(&self, bytes: &[u8], mask: u32, out: &mut [u8; DESCRIPTOR]) -> Option<usize> {
        let targets = self.structure.targets.len();
        let at = usize::from(self.mask_at);
        let mut from = Bits::new(bytes);
        let mut to = Writer { out, at: 0 };
        from.copy(MANDATORY, &mut to)?;
        if bytes.len() > MANDATORY / 8 {
            from.copy(1, &mut to)?;
            from.skip(1)?;
            to.put(1, 1)?;
            from.copy(at.checked_sub(MANDATORY + 2)?, &mut to)?;
        } else {
            to.put(0b01000, FLAGS)?;
        }
        to.put(mask, targets)?;
        if self.masked {
            from.skip(targets)?;
        }
        let rest = (8 * bytes.len()).saturating_sub(from.at);
        from.copy(rest, &mut to)?;
        Some(to.finish())
    }
}

/// Moves the frame's number in a copy of a descriptor.
pub(crate) fn shift_frame(copy: &mut [u8], shift: u16) -> Option<()> {
    let (number, _) = copy.get_mut(1..)?.split_first_chunk_mut()?;
    *number = u16::from_be_bytes(*number)
        .wrapping_add(shift)
        .to_be_bytes();
    Some(())
}

/// Reads big-endian bits.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    fn flag(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// At most 32.
    fn take(&mut self, count: usize) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            value = value << 1 | u32::from(self.flag()?);
        }
        Some(value)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at = self.at.checked_add(count)?;
        (self.at <= 8 * self.bytes.len()).then_some(())
    }

    fn copy(&mut self, count: usize, to: &mut Writer<'_>) -> Option<()> {
        for _ in 0..count {
            to.put(u32::from(self.flag()?), 1)?;
        }
        Some(())
    }

    /// ns(n) of AV1's §4.10.7: a number below `range`.
    fn non_symmetric(&mut self, range: usize) -> Option<usize> {
        let width = range.checked_ilog2()? as usize + 1;
        let short = (1_usize << width) - range;
        let value = self.take(width - 1)? as usize;
        if value < short {
            return Some(value);
        }
        let extra = usize::from(self.flag()?);
        Some((value << 1) - short + extra)
    }
}

/// Writes big-endian bits.
struct Writer<'o> {
    out: &'o mut [u8; DESCRIPTOR],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, value: u32, count: usize) -> Option<()> {
        for bit in (0..count).rev() {
            let byte = self.out.get_mut(self.at / 8)?;
            let shift = 7 - self.at % 8;
            // What was there before is of no account.
            let kept = *byte & !(0xff_u8 >> (7 - shift));
            let bit = u8::from(value >> bit & 1 == 1);
            *byte = kept | bit << shift;
            self.at += 1;
        }
        Some(())
    }

    const fn finish(self) -> usize {
        self.at.div_ceil(8)
    }
}
