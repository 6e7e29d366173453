//! What several rooms do with files of any kind: wait for a lock that somebody else holds, and say so; find out what a
//! link leads to. It must not know what is in the files.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long is waited before a reader is told.
const SILENT: Duration = Duration::from_secs(2);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Locks `file`, which is called `path`. Blocks the thread until the lock is free.
pub(crate) fn lock(file: &File, path: &Path) -> io::Result<()> {
    let started = Instant::now();
    let mut told = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(e)) => return Err(e),
            Err(TryLockError::WouldBlock) => {}
        }
        if !told && started.elapsed() >= SILENT {
            told = true;
            tracing::warn!("waiting for the lock on `{}`", path.display());
        }
        std::thread::sleep(PAUSE);
    }
}

/// The file that `path` is a link to, there or not; `path` itself when it is no link.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..8 {
        match std::fs::read_link(&path) {
            // A relative link starts from its own folder; an absolute one replaces it all.
            Ok(to) => path = path.parent().unwrap_or(Path::new("")).join(to),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links"))
}
