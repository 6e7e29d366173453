//! Partial files: blobs that are being written, under names that cannot be mistaken for those of blobs.
//!
//! A partial is `.partial-ALGORITHM-HEX`, in the root of a layout (never inside `blobs/`, where other tools take
//! every name for a digest) or in the directory of a `dir:` image. Its writer holds an advisory lock on it for
//! as long as it lives, so a partial that can be locked is one that a dead process or a broken stream left: it
//! is continued. While somebody else writes the same blob, `.partial-ALGORITHM-HEX.1` and so on are taken; all
//! of them end in the same content, and whoever is last renames over an equal file. What waits for its place in an
//! archive is a partial too, under a name that the archive's writer gives.

use std::fs::File;
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempPath;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{BATCH, remove};
use crate::image::{Algorithm, Digest, Digester};
use crate::platform;
use crate::transport::claim::{PREFIX, claim, sweep};
use crate::transport::document::{
    UNKNOWN_SIZE, blocking, cannot_read, cannot_write, empty_file, stopped, temporary_in,
};
use crate::{Error, Kind, Result};

/// Whether `name` is that of a partial file.
pub(in crate::transport) fn is_partial_name(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Whether `name` is that of a partial file from which the next writer of the blob goes on.
fn is_continued(name: &str) -> bool {
    let rest = name.strip_prefix(PREFIX).unwrap_or_default();
    let (digest, _) = rest.split_once('.').unwrap_or((rest, ""));
    digest.replacen('-', ":", 1).parse::<Digest>().is_ok()
}

/// Removes the partial files of `directory` that dead writers left: those from which a writer could go on once they are
/// `age` old, the others at once. Blocks.
pub(in crate::transport) fn sweep_partials(directory: &Path, age: Duration) {
    sweep(directory, age, is_continued);
    let small = |name: &str| is_partial_name(name) && !is_continued(name);
    sweep(directory, Duration::ZERO, small);
}

/// A partial file that this writer alone appends to.
pub(in crate::transport) struct Partial {
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
        let name =
            |suffix: &str| format!("{PREFIX}{}-{}{suffix}", digest.algorithm(), digest.hex());
        Partial::claim_as(directory, name, Some(size))
    }

    /// [`Partial::claim`] under the names that `name` gives, see [`claim`]; for a blob of `size` bytes, where that is
    /// known. Blocks.
    pub(in crate::transport) fn claim_as(
        directory: &Path,
        name: impl Fn(&str) -> String,
        size: Option<u64>,
    ) -> Result<Partial> {
        let size = size.unwrap_or(UNKNOWN_SIZE);
        let path = directory.join(name(""));
        match claim(directory, name).map_err(|e| cannot_write(&path, 0, size, e))? {
            Some((file, path)) => Partial::of(file, path, size),
            None => Partial::unshared(directory, size),
        }
    }

    /// A partial for a blob whose digest is not known yet. It is removed when the second value is dropped, unless it
    /// has its final name by then.
    pub(super) fn fresh(directory: &Path) -> Result<(Partial, TempPath)> {
        // One name a blob: what is done with a name after its file has the final one concerns no other writer.
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let made = empty_file(directory, &format!("late-{}-{n}", std::process::id()));
        let (file, temporary) = made.map_err(|e| cannot_write(directory, 0, 0, e))?;
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

    /// The file, at its beginning or not.
    pub(in crate::transport) fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Where it is.
    pub(in crate::transport) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in the file, those on their way included.
    pub(in crate::transport) fn len(&self) -> u64 {
        self.len
    }

    /// Hashes what is in the file and leaves the position at its end.
    pub(super) async fn rehash(&mut self, algorithm: Algorithm) -> Result<Digester> {
        let (file, path, len) = (Arc::clone(&self.file), self.path.clone(), self.len);
        blocking(move || {
            let mut digester = Digester::new(algorithm);
            let mut hash = || {
                hash_at(&file, 0, len, &mut digester)?;
                (&*file).seek(SeekFrom::Start(len))
            };
            hash().map_err(|e| cannot_read(&path, e))?;
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

    /// A thread that writes at the end what it is sent.
    pub(super) fn append(&self) -> Appending {
        let (file, path, size) = (Arc::clone(&self.file), self.path.clone(), self.size);
        let mut done = self.len;
        let (batches, mut coming) = mpsc::channel::<Vec<Bytes>>(1);
        // It ends when the sender is gone, and what was sent is written then.
        let ended = tokio::task::spawn_blocking(move || {
            while let Some(batch) = coming.blocking_recv() {
                write_all(&file, &batch, &mut done)
                    .map_err(|e| cannot_write(&path, done, size, e))?;
            }
            Ok(())
        });
        Appending { batches, ended }
    }

    /// Puts the data on disk and gives the file its final name.
    pub(super) async fn publish(self, to: &Path) -> Result<()> {
        let to = to.to_owned();
        blocking(move || {
            let publish = || {
                self.file.sync_data()?;
                platform::rename(&self.path, &to)
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

/// The thread that writes to a partial file: one for a whole blob, because to hand each batch to another one and wait
/// for it costs more than writing it.
pub(super) struct Appending {
    batches: mpsc::Sender<Vec<Bytes>>,
    ended: JoinHandle<Result<()>>,
}

impl Appending {
    /// Hands over `batch`, which counts to `partial`; false when nothing can be written any more.
    pub(super) async fn send(&mut self, partial: &mut Partial, batch: Vec<Bytes>) -> bool {
        partial.len += batch.iter().map(|b| b.len() as u64).sum::<u64>();
        self.batches.send(batch).await.is_ok()
    }

    /// Waits until all is written.
    pub(super) async fn finish(self) -> Result<()> {
        drop(self.batches);
        self.ended.await.map_err(stopped)?
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

/// Adds the `len` bytes of `file` from `from` on to what `digester` has seen. Blocks.
pub(crate) fn hash_at(file: &File, from: u64, len: u64, digester: &mut Digester) -> io::Result<()> {
    use crate::platform::FileExt;
    let mut piece = vec![0; len.min(BATCH as u64) as usize];
    let (mut at, end) = (from, from + len);
    while at < end {
        let want = (end - at).min(BATCH as u64) as usize;
        file.read_exact_at(&mut piece[..want], at)?;
        digester.update(&piece[..want]);
        at += want as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blobs_of_a_known_digest_are_continued() {
        let hex = "a".repeat(64);
        for (name, continued) in [
            (format!(".partial-sha256-{hex}"), true),
            (format!(".partial-sha256-{hex}.3"), true),
            (format!(".partial-{hex}"), false),
            (".partial-index.json".to_owned(), false),
            (".partial-late-12-0.1".to_owned(), false),
            (".partial-lock".to_owned(), false),
            (".partial-Xy12ab".to_owned(), false),
        ] {
            assert_eq!(is_continued(&name), continued, "{name}");
        }
    }
}
