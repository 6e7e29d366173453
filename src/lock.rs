//! Waiting for an advisory lock that somebody else holds, and saying so.
//!
//! Apart from the rooms because two of them lock files; it must not know what the files are.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long is waited before a reader is told.
const SILENT: Duration = Duration::from_secs(2);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Locks `file`, which is called `path`. Blocks the thread until the lock is free.
pub(crate) fn wait(file: &File, path: &Path) -> io::Result<()> {
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
