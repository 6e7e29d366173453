//! The header of a member of a tar, as far as it tells a tar from anything else.

use std::path::Path;

use tar::Header;

use crate::{Error, Result};

/// The size of a header, and what all others are a multiple of.
pub(super) const BLOCK: u64 = 512;

/// The error that the archive `path` is not as it has to be.
pub(super) fn corrupt_at(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("`{}` {what}", path.display()))
}

/// An error unless an archive called `path` that begins with `bytes` may be a tar with members.
pub(crate) fn check_begin(bytes: &[u8], path: &Path) -> Result<()> {
    match bytes.first_chunk() {
        Some(block) if is_empty(block) => Err(corrupt_at(path, EMPTY)),
        Some(block) if has_checksum(&header_of(block)) => Ok(()),
        None if bytes.is_empty() => Err(corrupt_at(path, EMPTY)),
        _ => Err(corrupt_at(path, NO_TAR)),
    }
}

/// A block as a header.
pub(crate) fn header_of(block: &[u8; BLOCK as usize]) -> Header {
    let mut header = Header::new_old();
    *header.as_mut_bytes() = *block;
    header
}

pub(super) const NO_TAR: &str = "is not a tar archive";
pub(super) const EMPTY: &str = "is not a tar archive, or an empty one";

/// Whether a block has nothing but zeros.
pub(crate) fn is_empty(block: &[u8; BLOCK as usize]) -> bool {
    block.iter().all(|b| *b == 0)
}

/// Whether a header has the sum of its bytes in it, its own eight taken for blanks.
pub(crate) fn has_checksum(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let summed = bytes[..148].iter().chain(&bytes[156..]);
    let sum: u32 = summed.map(|b| u32::from(*b)).sum();
    header.cksum().ok() == Some(sum + 8 * 32)
}
