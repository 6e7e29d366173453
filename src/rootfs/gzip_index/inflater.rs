//! gzip that can be read from the middle: where a decoder can begin again is noted while a layer is read, and used later.
//!
//! A decoder can begin at the boundary of two deflate blocks when it gets the 32 KiB before it (RFC 1951, section 2), and where a
//! gzip member begins without anything. The decoder is the one that knows its blocks; the one that reads all other layers
//! is faster and does not.

use std::cell::Cell;
use std::io::{self, BufRead, ErrorKind, Read};
use std::ops::Range;
use std::rc::Rc;

use miniz_oxide::inflate::TINFLStatus as Status;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY,
};
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress};

/// Plain bytes before a place to which later data may refer.
const WINDOW: usize = 32 << 10;
/// Plain bytes that are held.
const RING: usize = 2 * WINDOW;
/// Plain bytes from one place to the next; the index of a usual layer is about 1 % of it then.
pub(super) const SPACING: u64 = 4 << 20;
/// The same where a member begins: such a place takes a few bytes only.
const MEMBER_SPACING: u64 = 256 << 10;

/// A place in a layer where a decoder can begin.
#[derive(Debug, Clone, Default)]
pub(super) struct Restart {
    /// Bytes of the layer before it.
    pub(super) stored: u64,
    /// Bytes of the tar before it.
    pub(super) plain: u64,
    /// `None` where a gzip member begins.
    pub(super) inside: Option<Inside>,
}

/// What a decoder has to know between two blocks.
#[derive(Debug, Clone)]
pub(super) struct Inside {
    /// So many bits of the byte before are still to be read: these.
    pub(super) bits: u8,
    pub(super) value: u8,
    /// The plain bytes before it.
    pub(super) window: Vec<u8>,
}

/// How far a reader has come.
#[derive(Default)]
pub(super) struct Progress {
    /// Bytes of the layer that were taken for what was read until now.
    pub(super) stored: Cell<u64>,
    /// Bytes of the tar that were read.
    pub(super) plain: Cell<u64>,
}

enum Step {
    /// A member begins here, or the data ends.
    Member,
    Blocks,
    Trailer,
}

/// The plain form of gzip, of several members too, whose CRCs are checked.
pub(super) struct Inflater<'a, R> {
    input: R,
    step: Step,
    decoder: Box<DecompressorOxide>,
    ring: Box<[u8; RING]>,
    /// Where in the ring the next byte goes.
    at: usize,
    /// What is in the ring and was not read yet.
    ready: Range<usize>,
    /// Plain bytes of this member, with those of a window that it began with.
    filled: u64,
    /// `None` in a member that was not read from its beginning.
    crc: Option<flate2::Crc>,
    /// Plain bytes that were decoded.
    decoded: u64,
    /// Where the last place is that was noted.
    noted: Option<u64>,
    note: Box<dyn FnMut(Restart) + 'a>,
    progress: Rc<Progress>,
}

impl<'a, R: BufRead> Inflater<'a, R> {
    /// The plain form of `input`. `note` gets places where a decoder can begin.
    pub(super) fn new(input: R, note: impl FnMut(Restart) + 'a) -> Inflater<'a, R> {
        Inflater {
            input,
            step: Step::Member,
            decoder: Box::default(),
            ring: Box::new([0; RING]),
            at: 0,
            ready: 0..0,
            filled: 0,
            crc: None,
            decoded: 0,
            noted: None,
            note: Box::new(note),
            progress: Rc::default(),
        }
    }

    /// The plain form from the place `from` on; `input` begins there.
    pub(super) fn resume(input: R, from: &Restart) -> Inflater<'a, R> {
        let mut inflater = Inflater::new(input, |_| {});
        if let Some(Inside {
            bits,
            value,
            window,
        }) = &from.inside
        {
            let state = BlockBoundaryState {
                num_bits: *bits,
                bit_buf: *value,
                ..BlockBoundaryState::default()
            };
            *inflater.decoder = DecompressorOxide::from_block_boundary_state(&state);
            inflater.step = Step::Blocks;
            let len = window.len().min(WINDOW);
            inflater.ring[..len].copy_from_slice(&window[window.len() - len..]);
            (inflater.at, inflater.ready) = (len, len..len);
            inflater.filled = len as u64;
        }
        inflater
    }

    /// How far it has come.
    pub(super) fn progress(&self) -> Rc<Progress> {
        self.progress.clone()
    }

    fn took(&mut self, n: usize) {
        self.input.consume(n);
        let stored = &self.progress.stored;
        stored.set(stored.get() + n as u64);
    }

    fn byte(&mut self) -> io::Result<u8> {
        let byte = *self
            .input
            .fill_buf()?
            .first()
            .ok_or(ErrorKind::UnexpectedEof)?;
        self.took(1);
        Ok(byte)
    }

    /// Decodes until there is something to read; `false` at the end.
    fn fill(&mut self) -> io::Result<bool> {
        while self.ready.is_empty() {
            match self.step {
                Step::Member if self.input.fill_buf()?.is_empty() => {
                    // Nothing at all is not gzip.
                    let begun = self.progress.stored.get() > 0;
                    return if begun {
                        Ok(false)
                    } else {
                        Err(ErrorKind::UnexpectedEof.into())
                    };
                }
                Step::Member => {
                    self.note(MEMBER_SPACING, |_| None);
                    self.header()?;
                    *self.decoder = DecompressorOxide::default();
                    (self.step, self.filled) = (Step::Blocks, 0);
                    self.crc = Some(flate2::Crc::new());
                }
                Step::Blocks => self.decode()?,
                Step::Trailer => self.trailer()?,
            }
        }
        Ok(true)
    }

    /// Passes over the header of a member (RFC 1952, section 2.3).
    fn header(&mut self) -> io::Result<()> {
        let mut fixed = [0; 10];
        for byte in &mut fixed {
            *byte = self.byte()?;
        }
        let flags = fixed[3];
        if fixed[..3] != [0x1f, 0x8b, 8] || flags & 0xe0 != 0 {
            return Err(invalid("there is no gzip header where one should be"));
        }
        if flags & 4 != 0 {
            let len = u16::from_le_bytes([self.byte()?, self.byte()?]);
            for _ in 0..len {
                self.byte()?;
            }
        }
        // A name and a comment, each ends with a zero; two bytes of a checksum.
        for _ in 0..(flags >> 3 & 1) + (flags >> 4 & 1) {
            while self.byte()? != 0 {}
        }
        for _ in 0..flags & 2 {
            self.byte()?;
        }
        Ok(())
    }

    /// Decodes what the input has ready, to the end of the ring or of a block.
    fn decode(&mut self) -> io::Result<()> {
        let input = self.input.fill_buf()?;
        let more = if input.is_empty() {
            0
        } else {
            TINFL_FLAG_HAS_MORE_INPUT
        };
        let is_last = input.is_empty();
        let at = self.at % RING;
        let flags = more | TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
        let (status, taken, made) =
            decompress(&mut self.decoder, input, &mut self.ring[..], at, flags);
        self.took(taken);
        self.ready = at..at + made;
        self.at = at + made;
        self.filled += made as u64;
        self.decoded += made as u64;
        if let Some(crc) = &mut self.crc {
            crc.update(&self.ring[self.ready.clone()]);
        }
        match status {
            Status::Done => self.step = Step::Trailer,
            Status::BlockBoundary => self.note(SPACING, Self::inside),
            Status::HasMoreOutput => {}
            Status::NeedsMoreInput if !is_last => {}
            Status::NeedsMoreInput | Status::FailedCannotMakeProgress => {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            _ => return Err(invalid("the deflate data is broken")),
        }
        Ok(())
    }

    /// Notes this place unless the last one is nearer than `spacing`. `state` is `None` where that is all it takes.
    fn note(&mut self, spacing: u64, state: impl FnOnce(&Self) -> Option<Inside>) {
        if self.noted.is_none_or(|last| self.decoded - last >= spacing) {
            let place = Restart {
                stored: self.progress.stored.get(),
                plain: self.decoded,
                inside: state(self),
            };
            self.noted = Some(self.decoded);
            (self.note)(place);
        }
    }

    /// What a decoder that begins at this boundary of blocks has to know.
    fn inside(&self) -> Option<Inside> {
        let state = self.decoder.block_boundary_state()?;
        let len = self.filled.min(WINDOW as u64) as usize;
        let begin = self.at + RING - len;
        let window = (begin..self.at + RING).map(|at| self.ring[at % RING]);
        Some(Inside {
            bits: state.num_bits,
            value: state.bit_buf,
            window: window.collect(),
        })
    }

    fn trailer(&mut self) -> io::Result<()> {
        let mut words = [0_u32; 2];
        for word in &mut words {
            for shift in [0, 8, 16, 24] {
                *word |= u32::from(self.byte()?) << shift;
            }
        }
        if let Some(crc) = self.crc.take()
            && words != [crc.sum(), crc.amount()]
        {
            return Err(invalid("the checksum of the gzip data is another one"));
        }
        self.step = Step::Member;
        Ok(())
    }
}

impl<R: BufRead> Read for Inflater<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() || !self.fill()? {
            return Ok(0);
        }
        let n = buffer.len().min(self.ready.len());
        let begin = self.ready.start;
        buffer[..n].copy_from_slice(&self.ring[begin..begin + n]);
        self.ready.start += n;
        let plain = &self.progress.plain;
        plain.set(plain.get() + n as u64);
        Ok(n)
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(content: &[u8], level: u32) -> Vec<u8> {
        let mut encoder =
            flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    /// Words, numbers and noise, so that there are blocks of every kind.
    fn content(len: usize) -> Vec<u8> {
        let mut seed = 1_u64;
        let mut content = Vec::new();
        while content.len() < len {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            match seed >> 61 {
                0..=3 => content.extend(format!("file {} of {seed}\n", seed >> 50).bytes()),
                4 => content.extend((0..5000_u64).map(|i| (seed.wrapping_mul(i * i) >> 33) as u8)),
                5 => content.extend([0; 3000]),
                _ => content.extend_from_within(
                    content.len() / 2..(content.len() / 2 + 900).min(content.len()),
                ),
            }
        }
        content.truncate(len);
        content
    }

    fn all(packed: &[u8], piece: usize) -> io::Result<(Vec<u8>, Vec<Restart>)> {
        let mut places = Vec::new();
        let mut plain = Vec::new();
        let input = io::BufReader::with_capacity(piece, packed);
        let mut inflater = Inflater::new(input, |place| places.push(place));
        inflater.read_to_end(&mut plain)?;
        drop(inflater);
        Ok((plain, places))
    }

    #[test]
    fn it_reads_what_other_decoders_read_in_pieces_of_any_size() {
        let content = content(600_000);
        for level in [0, 1, 6, 9] {
            let packed = gzip(&content, level);
            for piece in [1, 2, 3, 5, 13, 14, 64, 4096, 1 << 20] {
                let (plain, _) = all(&packed, piece).unwrap();
                assert!(plain == content, "level {level}, pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_decoder_begins_at_every_place() {
        let content = content(21 << 20);
        for level in [0, 1, 6] {
            let packed = gzip(&content, level);
            let (_, places) = all(&packed, 64 << 10).unwrap();
            // This encoder writes one block for all of it when it has to be quick.
            let wanted = if level == 1 { 1..=6 } else { 5..=6 };
            assert!(wanted.contains(&places.len()), "{level}: {}", places.len());
            for place in &places {
                let rest = &packed[place.stored as usize..];
                for piece in [1 << 16, 7] {
                    let input = io::BufReader::with_capacity(piece, rest);
                    let at = place.plain as usize;
                    let mut plain = vec![0; (content.len() - at).min(300_000)];
                    let mut inflater = Inflater::resume(input, place);
                    inflater.read_exact(&mut plain).unwrap();
                    assert!(plain == content[at..at + plain.len()], "level {level}");
                }
            }
        }
    }

    #[test]
    fn members_and_headers() {
        let content = content(700_000);
        let (a, b) = content.split_at(400_000);
        let with_all = flate2::GzBuilder::new()
            .filename("name")
            .comment("comment")
            .extra("extra");
        let mut second = with_all.write(Vec::new(), flate2::Compression::fast());
        second.write_all(b).unwrap();
        let packed = [gzip(a, 6), second.finish().unwrap(), gzip(b"", 6)].concat();
        let (plain, places) = all(&packed, 1000).unwrap();
        assert!(plain == content);
        let members: Vec<_> = places
            .iter()
            .map(|p| (p.plain, p.inside.is_none()))
            .collect();
        assert_eq!(members, [(0, true), (400_000, true), (700_000, true)]);
        // From the first member into the second.
        let mut rest = Vec::new();
        let input = &packed[places[1].stored as usize..];
        Inflater::resume(input, &places[1])
            .read_to_end(&mut rest)
            .unwrap();
        assert!(rest == b);
    }

    #[test]
    fn broken_data_is_refused() {
        let packed = gzip(&content(100_000), 6);
        let len = packed.len();
        let kind = |packed: &[u8]| all(packed, 500).unwrap_err().kind();
        assert_eq!(kind(b""), ErrorKind::UnexpectedEof);
        for end in [1, 9, 12, len / 2, len - 9, len - 1] {
            assert_eq!(kind(&packed[..end]), ErrorKind::UnexpectedEof, "{end}");
        }
        for at in [0, 3, len / 2, len - 7, len - 2] {
            let mut changed = packed.clone();
            changed[at] ^= 0xe0;
            assert!(all(&changed, 500).is_err(), "{at}");
        }
        assert_eq!(
            kind(&[&packed[..], b"more"].concat()),
            ErrorKind::UnexpectedEof
        );
        assert_eq!(
            kind(&[&packed[..], &[0; 20]].concat()),
            ErrorKind::InvalidData
        );
    }
}
