//! A lock on a place that is written to: an advisory lock on a hidden file, which goes with the lock.
//!
//! The lock ends with its process; the file that a killed one leaves is taken by the next. It is a file, because
//! network file systems lock no directories, and `dir:` images and archives have no file that is never replaced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::remove;
use crate::Result;
use crate::transport::claim::{PREFIX, is_of};
use crate::transport::document::cannot_write;

/// A lock that is held until this is dropped.
pub(crate) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the lock on `directory`, or on the part of it called `name`. If another process holds it, says so and
    /// waits. Blocks.
    pub(crate) fn take(directory: &Path, name: Option<&str>) -> Result<Lock> {
        let lock = Lock::with(directory, name, |file, path| {
            crate::files::lock(file, path).map(|()| true)
        })?;
        // With `true` there is always one.
        lock.ok_or_else(|| crate::Error::other("a lock was not taken"))
    }

    /// [`Lock::take`] without waiting: `None` while another process holds the lock.
    pub(crate) fn try_take(directory: &Path, name: Option<&str>) -> Result<Option<Lock>> {
        Lock::with(directory, name, |file, _| match file.try_lock() {
            Ok(()) => Ok(true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(e)) => Err(e),
        })
    }

    fn with(
        directory: &Path,
        name: Option<&str>,
        lock: impl Fn(&File, &Path) -> io::Result<bool>,
    ) -> Result<Option<Lock>> {
        let ending = name.map_or_else(String::new, |name| format!("-{name}"));
        let path = directory.join(format!("{PREFIX}lock{ending}"));
        let cannot = |e| cannot_write(&path, 0, 0, e);
        loop {
            let file = open(&path).map_err(cannot)?;
            match lock(&file, &path) {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(e) if e.kind() == ErrorKind::Unsupported => {
                    tracing::warn!("`{}` cannot be locked: {e:#}", path.display());
                    return Ok(Some(Lock { path, _file: file }));
                }
                Err(e) => return Err(cannot(e)),
            }
            match fs::symlink_metadata(&path) {
                Ok(about) if is_of(&about, &file) => {
                    return Ok(Some(Lock { path, _file: file }));
                }
                // The one that held it took the file away.
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(cannot(e)),
            }
        }
    }
}

/// Opens the file of a lock, or makes it. For writing, because network file systems lock nothing else; the file of
/// another user may allow reading only. No link is followed.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    crate::platform::without_links(&mut options);
    options.read(true);
    let opened = options.clone().write(true).create(true).open(path);
    opened.or_else(|e| match e.kind() {
        ErrorKind::PermissionDenied => options.open(path).map_err(|_| e),
        _ => Err(e),
    })
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is still locked, so that no other process can take it over in between.
        remove(&self.path);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_the_lock_and_nothing_stays() {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path();
        let first = Lock::try_take(at, None).unwrap().unwrap();
        assert!(Lock::try_take(at, None).unwrap().is_none());
        let other = Lock::try_take(at, Some("a.tar")).unwrap();
        assert!(other.is_some());
        let (waiting, path) = (std::sync::mpsc::channel(), at.to_owned());
        let waiter = std::thread::spawn(move || {
            let _lock = Lock::take(&path, None).unwrap();
            waiting.0.send(()).unwrap();
        });
        assert!(waiting.1.try_recv().is_err());
        drop(first);
        waiting.1.recv().unwrap();
        waiter.join().unwrap();
        drop(other);
        assert_eq!(fs::read_dir(at).unwrap().count(), 0);
        // A lock that a killed process left is taken over.
        fs::write(at.join(".partial-lock"), "").unwrap();
        drop(Lock::take(at, None).unwrap());
        assert_eq!(fs::read_dir(at).unwrap().count(), 0);
    }
}
