//! `Former`: an archive that is there and is to be extended, and how the new one takes its place.
//!
//! The new archive is another file, with the members of the old one first. What an archive's documents mean is its
//! transport's business.

use std::path::Path;

use super::archive_file::{ArchiveFile, STANDARD, is_used};
use super::tar_index::TarIndex;
use super::tar_writer::{Before, Entry, TarWriter};
use crate::{Error, Result};

/// An archive that is there.
pub(super) struct Former<D> {
    pub(super) tar: TarIndex,
    /// Its documents, parsed.
    pub(super) documents: D,
}

impl<D> Former<D> {
    /// Opens the plain archive at `path`, whose documents `read` understands; `None` when there is nothing, or something
    /// that is no file. Blocks.
    ///
    /// [`crate::Kind::Refused`] for a compressed archive and, with the words `otherwise`, for a file that is something else.
    pub(super) fn open(
        path: &Path,
        otherwise: &str,
        read: impl FnOnce(&TarIndex) -> Result<D>,
    ) -> Result<Option<Former<D>>> {
        if path.as_os_str() == STANDARD || !is_used(path) {
            return Ok(None);
        }
        let refused = |what: &str| Error::refused(format!("`{}` {what}", path.display()));
        let read = || -> Result<Option<Former<D>>> {
            let Some(archive) = ArchiveFile::in_place(path)? else {
                return Ok(None);
            };
            let tar = TarIndex::read(archive)?;
            let documents = read(&tar)?;
            Ok(Some(Former { tar, documents }))
        };
        match read() {
            Ok(Some(former)) => Ok(Some(former)),
            Ok(None) => Err(
                refused("is compressed; only a plain archive can be extended")
                    .hint("unpack it first, or choose a new file"),
            ),
            Err(e) => Err(refused(otherwise).because(e).hint("choose a new file")),
        }
    }
}

/// Ends `writer` with `entries` and gives the archive its name `path`, unless another program has written there since
/// `former` was read. That is as good where `is_there` finds the image in what that program wrote. Blocks.
pub(super) fn finish<D>(
    writer: &TarWriter,
    entries: &[Entry],
    path: &Path,
    former: Option<&Former<D>>,
    is_there: impl FnOnce() -> bool,
) -> Result<()> {
    let before = former.map_or(Before::Nothing, |f| Before::Archive(f.tar.archive()));
    if writer.finish(entries, before)? || is_there() {
        return Ok(());
    }
    let text = format!(
        "`{}` was written by another program meanwhile",
        path.display()
    );
    Err(Error::refused(text).hint("run the same command again"))
}
