//! `Stamp`: tells whether a file was changed since something was read from it. `Held`: an open file that must not change.

use std::fs::{self, File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt;

use crate::transport::BlobStream;
use crate::{Error, Result};

/// How often, and after which time, a file or layout is read again that another program seems to be writing.
pub(super) const TRIES: usize = 5;
pub(super) const WAIT: Duration = Duration::from_millis(10);

/// What the system says of a file. It differs after every change of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    names: u64,
    marks: [u64; 4],
}

impl Stamp {
    /// That of the file `about`.
    pub(super) fn of(about: &Metadata) -> Stamp {
        Stamp {
            len: about.len(),
            modified: about.modified().ok(),
            names: crate::platform::names(about),
            marks: crate::platform::marks(about),
        }
    }

    /// That of the file `path`; `None` where there is no file.
    pub(super) fn at(path: &Path) -> Option<Stamp> {
        let about = fs::metadata(path).ok()?;
        about.is_file().then(|| Stamp::of(&about))
    }

    /// Whether the file was changed in the last second, so that a change may be under way.
    pub(super) fn is_recent(&self) -> bool {
        let age = self.modified.and_then(|at| at.elapsed().ok());
        age.is_none_or(|age| age.as_secs() < 1)
    }
}

/// An open file whose content is used as long as nobody writes into it. It may be renamed or removed meanwhile.
pub(super) struct Held {
    path: PathBuf,
    file: File,
    stamp: Stamp,
}

impl Held {
    /// Opens the file `path`; `None` when it does not exist or cannot be read.
    pub(super) fn open(path: &Path) -> Option<Held> {
        let file = File::open(path).ok()?;
        let stamp = Stamp::of(&file.metadata().ok()?);
        Some(Held {
            path: path.to_owned(),
            file,
            stamp,
        })
    }

    /// Fails when the content is another one by now.
    pub(super) fn check(&self) -> Result<()> {
        let now = self.file.metadata().map(|about| Stamp::of(&about));
        let same = |now: Stamp| {
            // A new name, or one less, is a change of the file too, and not one of its content.
            let names = now.names != self.stamp.names;
            let content = (now.len, now.modified) == (self.stamp.len, self.stamp.modified);
            now == self.stamp || (names && content)
        };
        match now.is_ok_and(same) {
            true => Ok(()),
            false => {
                let text = format!("`{}` was changed while it was read", self.path.display());
                Err(Error::corrupt(text))
            }
        }
    }

    /// `content`, which is read from the file, up to the first bytes that may be others.
    pub(super) fn watch(self: Arc<Self>, content: BlobStream) -> BlobStream {
        let checked = content.map(move |piece| {
            let piece = piece?;
            self.check().map(|()| piece)
        });
        checked.boxed()
    }
}
