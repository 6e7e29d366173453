//! `Stamp`: by which a file is known to be as it was when something was read of it.

use std::fs::{self, Metadata};
use std::path::Path;
use std::time::SystemTime;

/// What the system says of a file that is another one after each change.
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
