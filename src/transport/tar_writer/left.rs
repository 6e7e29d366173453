//! Leftovers of an earlier run that wrote an archive: the names of its files, and which members in them can be used.
//!
//! The archive under way is `.partial-archive-FILE` next to FILE, laid out as the archive is going to be. The header of
//! a member stands before its content; until all of that is written its mode is 0, so that the header tells how far
//! to look. That is a hint only: nothing is kept without hashing it. Content comes in order, and what was never
//! written reads as zeros. A member that waits for its place is `.partial-ALGORITHM-HEX-FILE`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::header::{self, BLOCK, Type};
use crate::Result;
use crate::image::{Algorithm, Digest};
use crate::platform::FileExt;
use crate::transport::blob_store::{self, Lock, PREFIX, Partial};

/// The mode that a header has while its member is being written.
const UNFINISHED: u32 = 0;
/// Names of archives beyond this length are replaced by their digest.
const LONGEST: usize = 64;
/// Bytes looked at at a time.
const PIECE: u64 = 256 * 1024;

/// The names of the files that are written next to an archive.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) directory: PathBuf,
    /// How all of them end.
    ending: String,
}

impl Names {
    /// Those of the archive `path`.
    pub(super) fn of(path: &Path) -> Names {
        let directory = path.parent().filter(|p| !p.as_os_str().is_empty());
        let name = path.file_name().unwrap_or_default();
        let short = name.to_str().filter(|name| name.len() <= LONGEST);
        let hash = || Digest::of(Algorithm::Sha256, name.as_encoded_bytes());
        Names {
            directory: directory.unwrap_or(Path::new(".")).to_owned(),
            ending: short.map_or_else(|| hash().hex().to_owned(), str::to_owned),
        }
    }

    /// The file of the archive under way, with what was left in it; `None` where the file system has no locks.
    pub(super) fn claim(&self) -> io::Result<Option<(File, PathBuf)>> {
        let name = |suffix: &str| format!("{PREFIX}archive{suffix}-{}", self.ending);
        blob_store::claim(&self.directory, name)
    }

    /// The lock under which the archive gets its name. Blocks.
    pub(super) fn lock(&self) -> Result<Lock> {
        Lock::take(&self.directory, Some(&self.ending))
    }

    fn waiting(&self, digest: &Digest, suffix: &str) -> String {
        let (algorithm, hex) = (digest.algorithm(), digest.hex());
        format!("{PREFIX}{algorithm}-{hex}{suffix}-{}", self.ending)
    }

    /// Whether an earlier run left the member `digest`, or a part of it, waiting for its place.
    pub(super) fn has_waiting(&self, digest: &Digest) -> bool {
        let path = self.directory.join(self.waiting(digest, ""));
        path.symlink_metadata().is_ok()
    }

    /// The file in which the member `digest` waits for its place.
    pub(super) fn claim_waiting(&self, digest: &Digest, size: Option<u64>) -> Result<Partial> {
        let name = |suffix: &str| self.waiting(digest, suffix);
        Partial::claim_as(&self.directory, name, size)
    }

    /// Whether `name` is one of these.
    fn are(&self, name: &str) -> bool {
        let middle = name.strip_prefix(PREFIX).and_then(|rest| {
            let middle = rest.strip_suffix(&self.ending)?;
            middle.strip_suffix('-')
        });
        let Some(middle) = middle else {
            return false;
        };
        let (what, n) = middle.split_once('.').unwrap_or((middle, "0"));
        let digest = || what.replacen('-', ":", 1).parse::<Digest>().is_ok();
        n.bytes().all(|b| b.is_ascii_digit()) && (matches!(what, "archive" | "lock") || digest())
    }

    /// Removes those that no process writes any more.
    pub(super) fn sweep(&self) {
        blob_store::sweep(&self.directory, Duration::ZERO, |name| self.are(name));
    }
}

/// The values in the header of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// The member was begun.
    Begun,
    /// All of it was written.
    Whole,
}

/// The blocks before a member that is being written, as many as before the finished one; its size is 0 where it is
/// not known.
pub(super) fn unfinished(name: &str, size: Option<u64>) -> Vec<u8> {
    header::blocks(name, Type::File, UNFINISHED, size.unwrap_or(0))
}

/// What the file tells at `at` of the member `name`, and its size; `None` where this is not its place.
pub(super) fn at(
    file: &File,
    at: u64,
    name: &str,
    mode: u32,
    size: Option<u64>,
) -> Option<(Left, u64)> {
    let mut blocks = unfinished(name, size);
    file.read_exact_at(&mut blocks, at).ok()?;
    let last = blocks.len() - BLOCK as usize;
    let told = tar::Header::from_byte_slice(&blocks[last..]);
    let told = told.entry_size().ok()?;
    let ends = at.saturating_add(blocks.len() as u64).saturating_add(told);
    let whole = blocks == header::blocks(name, Type::File, mode, told);
    if whole && size.is_none_or(|s| s == told) && ends <= file.metadata().ok()?.len() {
        return Some((Left::Whole, told));
    }
    let size = size?;
    (blocks == unfinished(name, Some(size))).then_some((Left::Begun, size))
}

/// How many of the `size` bytes from `from` on were written: those before the first that never was, without zeros
/// at their end, which cannot be told from those.
pub(super) fn written(file: &File, from: u64, size: u64) -> io::Result<u64> {
    let all = from.saturating_add(size).min(file.metadata()?.len());
    // A hole ends the search early. It begins with a block, so a part of what is before it may not be written.
    let hole = crate::platform::hole(file, from).unwrap_or(all);
    let mut end = hole.min(all);
    let mut piece = vec![0; PIECE as usize];
    while end > from {
        let begin = end.saturating_sub(PIECE).max(from);
        let piece = &mut piece[..(end - begin) as usize];
        file.read_exact_at(piece, begin)?;
        if let Some(last) = piece.iter().rposition(|b| *b != 0) {
            return Ok(begin + last as u64 + 1 - from);
        }
        end = begin;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_those_of_other_archives() {
        let names = Names::of(Path::new("a.tar"));
        let hex = "0".repeat(64);
        for own in [
            ".partial-archive-a.tar".to_owned(),
            ".partial-archive.1-a.tar".to_owned(),
            ".partial-lock-a.tar".to_owned(),
            format!(".partial-sha256-{hex}-a.tar"),
            format!(".partial-sha256-{hex}.12-a.tar"),
        ] {
            assert!(names.are(&own), "{own}");
        }
        for other in [
            "a.tar".to_owned(),
            ".partial-a.tar".to_owned(),
            ".partial-archive-b.tar".to_owned(),
            ".partial-archive-b-a.tar".to_owned(),
            ".partial-archive.b-a.tar".to_owned(),
            format!(".partial-sha256-{hex}"),
            format!(".partial-sha256-{hex}-b-a.tar"),
            format!(".partial-sha256-{}-a.tar", "0".repeat(63)),
        ] {
            assert!(!names.are(&other), "{other}");
        }
        let long = Names::of(Path::new(&"x".repeat(255)));
        let digest = Digest::of(Algorithm::Sha512, b"");
        assert!(long.waiting(&digest, ".1").len() < 255);
        assert!(long.are(&long.waiting(&digest, ".1")));
    }

    #[test]
    fn what_was_written_ends_before_what_never_was() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(1 << 20).unwrap();
        assert_eq!(written(&file, 1000, 500_000).unwrap(), 0);
        file.write_all_at(&[7; 70_000], 1000).unwrap();
        // Of the next member.
        file.write_all_at(&[7; 512], 501_000).unwrap();
        assert_eq!(written(&file, 1000, 500_000).unwrap(), 70_000);
        assert_eq!(written(&file, 1000, 60_000).unwrap(), 60_000);
        // Zeros are not counted, and beyond the end of the file is nothing.
        file.write_all_at(&[0; 5], 71_000).unwrap();
        assert_eq!(written(&file, 1000, 500_000).unwrap(), 70_000);
        assert_eq!(written(&file, 501_000, 1 << 30).unwrap(), 512);
        assert_eq!(written(&file, 1 << 30, 10).unwrap(), 0);
    }
}
