//! Sparse members of a tar: files of which only the pieces that are not zero are stored (`tar -S`).
//!
//! GNU tar has had four forms: type `S` with the map in the header and in blocks behind it, and PAX records in the
//! versions 0.0, 0.1 and 1.0, the last with the map in front of the data (GNU tar manual, "Storing Sparse Files"). Each
//! becomes a [`Sparse`], which says where the bytes of the file are. Nothing is read here but maps.

use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

use crate::transport::sparse::{MOST_PIECES, Sparse};

const BLOCK: u64 = 512;

/// Why a member cannot be read: the words for a message.
pub(crate) type Unreadable = &'static str;

const MALFORMED: Unreadable = "has a malformed sparse map";

/// Reads the next block of the archive; `false` where it cannot be read.
pub(crate) type NextBlock<'a> = &'a mut dyn FnMut(&mut [u8; BLOCK as usize]) -> bool;

/// Places and lengths of pieces.
type Map = Vec<(u64, u64)>;

/// The map of a member of type `S`.
pub(crate) struct OldSparse {
    size: u64,
    map: Map,
}

impl OldSparse {
    /// Reads the map in `header`, and in the blocks that follow it.
    pub(crate) fn read(header: &Header, next: NextBlock<'_>) -> Result<OldSparse, Unreadable> {
        let gnu = header.as_gnu().ok_or(MALFORMED)?;
        let mut old = OldSparse {
            size: gnu.real_size().map_err(|_| MALFORMED)?,
            map: Vec::new(),
        };
        add(&mut old.map, &gnu.sparse)?;
        let mut extended = gnu.is_extended();
        while extended {
            let mut block = GnuExtSparseHeader::new();
            if !next(block.as_mut_bytes()) {
                return Err(MALFORMED);
            }
            add(&mut old.map, block.sparse())?;
            extended = block.is_extended();
        }
        Ok(old)
    }

    /// The member, whose `stored` bytes begin at `offset` of the archive.
    pub(crate) fn member(&self, offset: u64, stored: u64) -> Result<Sparse, Unreadable> {
        Sparse::new(self.size, &self.map, offset, stored)
    }
}

fn add(map: &mut Map, entries: &[GnuSparseHeader]) -> Result<(), Unreadable> {
    for entry in entries.iter().filter(|e| !e.is_empty()) {
        let read = (entry.offset(), entry.length());
        let (Ok(at), Ok(len)) = read else {
            return Err(MALFORMED);
        };
        // One more than are read says that there are too many; their blocks are passed all the same.
        if map.len() <= MOST_PIECES {
            map.push((at, len));
        }
    }
    Ok(())
}

/// The holes of a member, from its PAX records.
#[derive(Debug, Default, Clone)]
pub(crate) struct PaxSparse {
    major: u64,
    size: Option<u64>,
    /// The name of the file; `path` is an invented one then.
    name: Option<Vec<u8>>,
    map: Map,
    /// The place of a piece whose length comes next (0.0).
    at: Option<u64>,
    malformed: bool,
}

impl PaxSparse {
    /// The name of the file, where it is not `path`.
    pub(crate) fn name(&self) -> Option<&[u8]> {
        self.name.as_deref()
    }

    /// Takes the record `GNU.sparse.KEY=VALUE`.
    pub(crate) fn record(&mut self, key: &[u8], value: &[u8]) {
        let number = number(value);
        match (key, number) {
            (b"name", _) => self.name = Some(value.to_vec()),
            (b"major", Some(major)) => self.major = major,
            (b"size" | b"realsize", Some(size)) => self.size = Some(size),
            (b"offset", Some(at)) => self.at = Some(at),
            (b"numbytes", Some(len)) => match self.at.take() {
                Some(at) if self.map.len() <= MOST_PIECES => self.map.push((at, len)),
                _ => self.malformed = true,
            },
            (b"map", _) => {
                let numbers = value.split(|b| *b == b',').filter(|n| !n.is_empty());
                let numbers: Option<Vec<u64>> = numbers.map(self::number).collect();
                let numbers = numbers.filter(|n| n.len() % 2 == 0);
                self.malformed |= numbers.is_none();
                let pairs = numbers.unwrap_or_default();
                self.map = pairs.chunks_exact(2).map(|p| (p[0], p[1])).collect();
            }
            (b"minor" | b"numblocks", Some(_)) => {}
            _ => self.malformed = true,
        }
    }

    /// The member, whose `stored` bytes begin at `offset` of the archive. `next` reads from there on.
    pub(crate) fn member(
        &self,
        offset: u64,
        stored: u64,
        next: NextBlock<'_>,
    ) -> Result<Sparse, Unreadable> {
        let size = self.size.filter(|_| !self.malformed).ok_or(MALFORMED)?;
        match self.major {
            0 => Sparse::new(size, &self.map, offset, stored),
            1 => {
                let (map, len) = map_before_data(stored, next)?;
                Sparse::new(size, &map, offset + len, stored - len)
            }
            _ => Err("is sparse in a form that is not known"),
        }
    }
}

/// The map in front of the data (1.0): decimal numbers, a line each, the first the count of pieces. Returns the map and
/// how many bytes of blocks it takes.
fn map_before_data(stored: u64, next: NextBlock<'_>) -> Result<(Map, u64), Unreadable> {
    let (mut len, mut text) = (0, Vec::new());
    let mut numbers: Vec<u64> = Vec::new();
    loop {
        let wanted = numbers
            .first()
            .map(|n| n.saturating_mul(2).saturating_add(1));
        if wanted.is_some_and(|wanted| wanted <= numbers.len() as u64) {
            let pairs = numbers[1..].chunks_exact(2).map(|p| (p[0], p[1]));
            return Ok((pairs.collect(), len));
        }
        if stored - len < BLOCK || numbers.len() > 2 * MOST_PIECES {
            return Err(MALFORMED);
        }
        let mut block = [0; BLOCK as usize];
        if !next(&mut block) {
            return Err(MALFORMED);
        }
        len += BLOCK;
        for byte in block {
            let count = numbers
                .first()
                .map(|n| n.saturating_mul(2).saturating_add(1));
            let complete = count.is_some_and(|count| count <= numbers.len() as u64);
            match byte {
                // The rest of the last block.
                _ if complete => break,
                b'\n' => {
                    numbers.push(number(&text).ok_or(MALFORMED)?);
                    text.clear();
                }
                digit if text.len() < 20 => text.push(digit),
                _ => return Err(MALFORMED),
            }
        }
    }
}

fn number(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(text).ok().filter(|_| digits)?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::sparse::Run;

    fn runs(sparse: &Sparse) -> Vec<String> {
        let (mut at, mut runs) = (0, Vec::new());
        while at < sparse.size() {
            let (len, text) = match sparse.run(at) {
                Run::Hole(len) => (len, format!("{len} zeros")),
                Run::Data { offset, len } => (len, format!("{len} at {offset}")),
            };
            at += len;
            runs.push(text);
        }
        runs
    }

    #[test]
    fn pieces_and_holes_take_turns() {
        let sparse = Sparse::new(100, &[(10, 5), (15, 5), (50, 0), (90, 10)], 512, 20).unwrap();
        let wanted = ["10 zeros", "5 at 512", "5 at 517", "70 zeros", "10 at 522"];
        assert_eq!(runs(&sparse), wanted);
        let hole = Sparse::new(7, &[(7, 0)], 512, 0).unwrap();
        assert_eq!(runs(&hole), ["7 zeros"]);
    }

    #[test]
    fn maps_that_cannot_be_are_refused() {
        for (size, map, stored) in [
            (10, &[(5, 6)][..], 10),
            (10, &[(u64::MAX, 2)], 10),
            (10, &[(4, 4), (6, 1)], 10),
            (10, &[(0, 8)], 7),
            (u64::MAX, &[], 0),
        ] {
            assert!(Sparse::new(size, map, 0, stored).is_err(), "{map:?}");
        }
    }

    #[test]
    fn records_of_the_old_forms_are_read() {
        let read = |records: &[(&str, &str)]| {
            let mut pax = PaxSparse::default();
            for (key, value) in records {
                pax.record(key.as_bytes(), value.as_bytes());
            }
            (pax.size, pax.map, pax.malformed)
        };
        let zero = [
            ("size", "9"),
            ("numblocks", "2"),
            ("offset", "0"),
            ("numbytes", "1"),
            ("offset", "5"),
            ("numbytes", "2"),
        ];
        assert_eq!(read(&zero), (Some(9), vec![(0, 1), (5, 2)], false));
        let one = [("size", "9"), ("map", "0,1,5,2"), ("name", "x")];
        assert_eq!(read(&one), (Some(9), vec![(0, 1), (5, 2)], false));
        for wrong in [
            ("numbytes", "1"),
            ("map", "1,2,3"),
            ("map", "a"),
            ("size", "-1"),
            ("x", "1"),
        ] {
            assert!(read(&[wrong]).2, "{wrong:?}");
        }
    }
}
