//! Partial files: blobs that are being written, under names that nobody takes for blobs.
//!
//! A partial is `.partial-ALGORITHM-HEX`, in the root of a layout (never inside `blobs/`, where other tools take
//! every name for a digest) or in the directory of a `dir:` image. Its writer holds an advisory lock on it for
//! as long as it lives, so a partial that can be locked is one that a dead process or a broken stream left: it
//! is continued. While somebody else writes the same blob, `.partial-ALGORITHM-HEX.1` and so on are taken; all
//! of them end in the same content, and whoever is last renames over an equal file.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempPath;
use tokio::task::JoinHandle;

use super::document::{UNKNOWN_SIZE, blocking, cannot_read, cannot_write, temporary_in};
use super::{BATCH, remove};
use crate::image::{Algorithm, Digest, Digester};
use crate::{Error, Kind, Result};

/// How the name of every temporary file begins.
pub(super) const PREFIX: &str = ".partial-";

/// Whether `name` is that of a partial file.
pub(in crate::transport) fn is_partial_name(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// A partial file that this writer alone appends to.
pub(super) struct Partial {
    file: Arc<File>,
    path: PathBuf,
    /// Bytes that were handed to the file.
    len: u64,
    /// Bytes of the whole blob.
    size: u64,
}

impl Partial {
    /// Takes the partial file of `digest` in `directory`, with what an earlier writer left in it.
    pub(super) fn claim(directory: &Path, digest: &Digest, size: u64) -> Result<Partial> {
        let mut n = 0;
        loop {
            let suffix = if n == 0 {
                String::new()
            } else {
                format!(".{n}")
            };
            let name = format!("{PREFIX}{}-{}{suffix}", digest.algorithm(), digest.hex());
            let path = directory.join(name);
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .map_err(|e| cannot_write(&path, 0, size, e))?;
            match file.try_lock() {
                Ok(()) if still_named(&file, &path) => return Partial::of(file, path, size),
                // Its writer renamed or removed it between the opening and the lock.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => n += 1,
                Err(TryLockError::Error(e)) => {
                    tracing::debug!("no locks at `{}`: {e}", path.display());
                    return Partial::unshared(directory, size);
                }
            }
        }
    }

    /// A partial for a blob whose digest is not known yet, under a random name. It is removed when the second value
    /// is dropped, unless it has its final name by then.
    pub(super) fn fresh(directory: &Path) -> Result<(Partial, TempPath)> {
        let made = temporary_in(directory).map_err(|e| cannot_write(directory, 0, 0, e))?;
        let (file, temporary) = made.into_parts();
        // Locked, it is not swept away by others; without locks nobody sweeps.
        let _ = file.try_lock();
        let partial = Partial::of(file, temporary.to_path_buf(), UNKNOWN_SIZE)?;
        Ok((partial, temporary))
    }

    /// A partial under a random name, for file systems without locks; it is never continued.
    fn unshared(directory: &Path, size: u64) -> Result<Partial> {
        let (file, path) = temporary_in(directory)
            .and_then(|file| file.keep().map_err(io::Error::from))
            .map_err(|e| cannot_write(directory, 0, size, e))?;
        Partial::of(file, path, size)
    }

    fn of(mut file: File, path: PathBuf, size: u64) -> Result<Partial> {
        let open = |file: &mut File| -> io::Result<u64> {
            let len = file.metadata()?.len();
            if len <= size {
                return Ok(len);
            }
            file.set_len(0)?;
            Ok(0)
        };
        let len = open(&mut file).map_err(|e| cannot_write(&path, 0, size, e))?;
        Ok(Partial {
            file: Arc::new(file),
            path,
            len,
            size,
        })
    }

    /// Bytes in the file, those on their way included.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Hashes what is in the file and leaves the position at its end.
    pub(super) async fn rehash(&mut self, algorithm: Algorithm) -> Result<Digester> {
        let (file, path, len) = (Arc::clone(&self.file), self.path.clone(), self.len);
        blocking(move || {
            let mut file = &*file;
            let mut digester = Digester::new(algorithm);
            let mut piece = vec![0; BATCH];
            let mut left = len;
            file.seek(SeekFrom::Start(0))
                .map_err(|e| cannot_read(&path, e))?;
            while left > 0 {
                let want = left.min(BATCH as u64) as usize;
                file.read_exact(&mut piece[..want])
                    .map_err(|e| cannot_read(&path, e))?;
                digester.update(&piece[..want]);
                left -= want as u64;
            }
            Ok(digester)
        })
        .await
    }

    /// Throws away what is in the file.
    pub(super) async fn clear(&mut self) -> Result<()> {
        let (file, path, size) = (Arc::clone(&self.file), self.path.clone(), self.size);
        self.len = 0;
        blocking(move || {
            let clear = || file.set_len(0).and_then(|()| (&*file).rewind());
            clear().map_err(|e| cannot_write(&path, 0, size, e))
        })
        .await
    }

    /// Begins to write `batch` at the end; the caller waits for it before the next call.
    pub(super) fn append(&mut self, batch: Vec<Bytes>) -> JoinHandle<Result<()>> {
        let (file, path, size) = (Arc::clone(&self.file), self.path.clone(), self.size);
        let start = self.len;
        self.len += batch.iter().map(|b| b.len() as u64).sum::<u64>();
        tokio::task::spawn_blocking(move || {
            let mut done = start;
            write_all(&file, &batch, &mut done).map_err(|e| cannot_write(&path, done, size, e))
        })
    }

    /// Puts the data on disk and gives the file its final name.
    pub(super) async fn publish(self, to: &Path) -> Result<()> {
        let to = to.to_owned();
        blocking(move || {
            let publish = || {
                self.file.sync_data()?;
                fs::rename(&self.path, &to)
            };
            publish().map_err(|e| cannot_write(&to, self.len, self.size, e))
        })
        .await
    }

    /// Gives up after `why`: bytes that are known to be wrong are removed, others wait for the next try.
    pub(super) async fn abandon(&self, why: &Error) {
        if self.len == 0 || why.kind() == Kind::Corrupt {
            let path = self.path.clone();
            let _ = blocking(move || {
                remove(&path);
                Ok(())
            })
            .await;
        }
    }
}

/// Writes all of `batch` without copying it together; `done` counts the bytes.
fn write_all(mut file: &File, batch: &[Bytes], done: &mut u64) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = batch.iter().map(|b| IoSlice::new(b)).collect();
    let mut left = &mut slices[..];
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                *done += n as u64;
                IoSlice::advance_slices(&mut left, n);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Whether `path` still leads to `file`.
#[cfg(unix)]
fn still_named(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn still_named(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Removes partial files of `directory` that nobody writes and that were last written at least `age` ago.
pub(in crate::transport) fn sweep(directory: &Path, age: Duration) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        if !entry.file_name().to_str().is_some_and(is_partial_name) {
            continue;
        }
        let old = entry
            .metadata()
            .and_then(|m| m.modified())
            .is_ok_and(|t| t.elapsed().is_ok_and(|elapsed| elapsed >= age));
        let path = entry.path();
        if old && File::open(&path).is_ok_and(|f| f.try_lock().is_ok()) {
            remove(&path);
        }
    }
}
