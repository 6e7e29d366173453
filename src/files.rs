//! What several rooms do with files of any kind: wait for a lock that somebody else holds, and say so; find out what a
//! link leads to; read small ones whole. It must not know what is in the files.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Wait this long before telling the user.
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

/// Whether the program waits for what may never come, and holds nothing that would have to be let go of: whoever asks it
/// to end may end it on the spot.
pub(crate) static BLOCKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Does `work`, which may block for ever, with [`BLOCKED`] set.
pub(crate) fn while_blocked<T>(work: impl FnOnce() -> T) -> T {
    BLOCKED.store(true, Ordering::Relaxed);
    let done = work();
    BLOCKED.store(false, Ordering::Relaxed);
    done
}

/// The bytes of the file `path`; an error where they are more than `most`. Blocks, on a pipe until it is written to.
pub(crate) fn read_whole(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let read = || {
        let mut bytes = Vec::new();
        File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes: io::Result<Vec<u8>> = match path.metadata()?.is_file() {
        true => read(),
        false => while_blocked(read),
    };
    let bytes = bytes?;
    match bytes.len() as u64 <= most {
        true => Ok(bytes),
        false => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!(
                "it is larger than {} KiB, the most that is read",
                most >> 10
            ),
        )),
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
