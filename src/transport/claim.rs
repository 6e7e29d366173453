//! Files under stable hidden names that one process at a time writes to, and that the next one takes up.
//!
//! The writer holds an advisory lock for as long as it lives, so a file that can be locked is one that a dead process
//! or a broken stream left. Knows names and locks, and not what is in the files.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the name of every temporary file begins.
pub(crate) const PREFIX: &str = ".partial-";

/// Removes the file `path`; one that is not there is as good.
pub(crate) fn remove(path: &Path) {
    if let Err(e) = fs::remove_file(path)
        && e.kind() != ErrorKind::NotFound
    {
        tracing::warn!("cannot remove `{}`: {e:#}", path.display());
    }
}

/// Takes the first of the files `name("")`, `name(".1")` and so on of `directory` that nobody else holds, with what is
/// in it; `None` where the file system has no locks. Blocks.
///
/// A file that another user could have put there, or still writes to by another name, is passed over.
pub(in crate::transport) fn claim(
    directory: &Path,
    name: impl Fn(&str) -> String,
) -> io::Result<Option<(File, PathBuf)>> {
    let mut n = 0;
    loop {
        let suffix = match n {
            0 => String::new(),
            n => format!(".{n}"),
        };
        let path = directory.join(name(&suffix));
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let (file, new) = match options.clone().create_new(true).open(&path) {
            Ok(file) => (file, true),
            Err(e) if e.kind() == ErrorKind::AlreadyExists => match options.open(&path) {
                Ok(file) => (file, false),
                Err(e)
                    if e.kind() == ErrorKind::NotFound && fs::symlink_metadata(&path).is_err() =>
                {
                    continue;
                }
                Err(_) => {
                    n += 1;
                    continue;
                }
            },
            Err(e) => return Err(e),
        };
        match file.try_lock() {
            Ok(()) => match fs::symlink_metadata(&path) {
                Ok(about) if !is_of(&about, &file) && about.is_file() => {}
                Ok(about) if new || is_own(&about, directory)? => {
                    return Ok(Some((file, path)));
                }
                Ok(_) => n += 1,
                // Its writer renamed or removed it between the opening and the lock.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            },
            Err(TryLockError::WouldBlock) => n += 1,
            Err(TryLockError::Error(e)) => {
                tracing::debug!("no locks at `{}`: {e:#}", path.display());
                if new {
                    remove(&path);
                }
                return Ok(None);
            }
        }
    }
}

/// Whether `about` is of the open `file`.
pub(in crate::transport) fn is_of(about: &Metadata, file: &File) -> bool {
    file.metadata()
        .is_ok_and(|open| crate::platform::is_same(&open, about))
}

/// Whether the entry `about` of `directory` is a file of this user that has no other name. What a new file there
/// gets for an owner tells who this user is, whatever the file system makes of it.
fn is_own(about: &Metadata, directory: &Path) -> io::Result<bool> {
    let new = tempfile::tempfile_in(directory)?.metadata()?;
    Ok(about.is_file()
        && crate::platform::names(about) <= 1
        && crate::platform::has_same_owner(about, &new))
}

/// Removes the files of `directory` that are `left` by their names, that nobody holds and that were last written at
/// least `age` ago. Blocks.
pub(crate) fn sweep(directory: &Path, age: Duration, left: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        if !entry.file_name().to_str().is_some_and(&left) {
            continue;
        }
        let old = entry
            .metadata()
            .and_then(|m| m.modified())
            .is_ok_and(|t| age.is_zero() || t.elapsed().is_ok_and(|elapsed| elapsed >= age));
        let path = entry.path();
        // Held until it is removed, so that no other process takes it up in between.
        if old && let Ok(Some(_held)) = held(&path) {
            remove(&path);
        }
    }
}

/// The file `path` with its lock, unless another process holds it.
fn held(path: &Path) -> io::Result<Option<File>> {
    // Only a file: opening a pipe would wait for its writer.
    if !fs::symlink_metadata(path)?.is_file() {
        return Ok(None);
    }
    let file = File::open(path)?;
    let held = file.try_lock().is_ok() && is_of(&fs::symlink_metadata(path)?, &file);
    Ok(held.then_some(file))
}
