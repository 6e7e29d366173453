//! `Sparse`: where the bytes of a file are of which only the pieces that are not zero are stored.

/// Most pieces of one member. The map is held in memory, 24 bytes a piece.
pub(crate) const MOST_PIECES: usize = 1 << 16;
/// Most bytes of a member: holes cost no space in an archive, but time to read.
const MOST_BYTES: u64 = 64 << 30;

/// It is well-formed and too large.
pub(crate) const TOO_MUCH: &str = "has more than 64 GiB, or more pieces than are read";

/// The content of a sparse member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sparse {
    /// Bytes of the file, holes included.
    size: u64,
    /// In order, without overlaps.
    pieces: Vec<Piece>,
}

/// Bytes of a sparse member that are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    /// In the file.
    at: u64,
    len: u64,
    /// In the archive.
    offset: u64,
}

/// The run of data or zeros at a place of a sparse file, with its length in bytes.
pub(crate) enum Run {
    Hole(u64),
    /// These are at `offset` of the archive.
    Data {
        offset: u64,
        len: u64,
    },
}

impl Sparse {
    /// A file of `size` bytes with the pieces `map` (place and length), which are stored one after the other in the
    /// `stored` bytes from `offset` of the archive. Fails with the mistake in the map, in words.
    pub(crate) fn new(
        size: u64,
        map: &[(u64, u64)],
        offset: u64,
        stored: u64,
    ) -> Result<Sparse, &'static str> {
        if size > MOST_BYTES || map.len() > MOST_PIECES {
            return Err(TOO_MUCH);
        }
        let (mut pieces, mut end, mut used) = (Vec::with_capacity(map.len()), 0, 0);
        for &(at, len) in map {
            let next = at.checked_add(len).filter(|next| *next <= size);
            let (Some(next), true) = (next, at >= end) else {
                return Err("has a sparse map that does not fit its size");
            };
            if len > 0 {
                let offset = offset + used;
                pieces.push(Piece { at, len, offset });
            }
            (end, used) = (next, used + len);
            if used > stored {
                return Err("has a sparse map that lists more than there is");
            }
        }
        Ok(Sparse { size, pieces })
    }

    /// Bytes of the file, holes included.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// How many pieces there are.
    pub(crate) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// The run at the place `at` of the file, which is before its end.
    pub(crate) fn run(&self, at: u64) -> Run {
        let next = self
            .pieces
            .partition_point(|piece| piece.at + piece.len <= at);
        match self.pieces.get(next) {
            Some(piece) if piece.at <= at => Run::Data {
                offset: piece.offset + (at - piece.at),
                len: piece.len - (at - piece.at),
            },
            Some(piece) => Run::Hole(piece.at - at),
            None => Run::Hole(self.size - at),
        }
    }
}
