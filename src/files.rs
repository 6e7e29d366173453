//! What several rooms do with files of any kind: wait for a lock that somebody else holds, and say so; find out what a
//! link leads to; read small ones whole. It must not know what is in the files.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use crate::platform;

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
        false => while_blocked(|| {
            let (_reading, read_is_over) = mpsc::channel::<()>();
            let name = path.display().to_string();
            std::thread::spawn(move || {
                if read_is_over.recv_timeout(SILENT) == Err(RecvTimeoutError::Timeout) {
                    tracing::warn!("waiting for what somebody else writes to `{name}`");
                }
            });
            read()
        }),
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

/// The file that `path` is a link to, there or not; `path` itself when it is no link. A link that another user may have
/// left as a trap is an error, as it is for a kernel that protects links.
pub(crate) fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..8 {
        let Ok(to) = std::fs::read_link(&path) else {
            return Ok(path);
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if platform::is_foreign_link(&path.symlink_metadata()?, &folder.metadata()?) {
            let text = format!(
                "`{}` is a link that another user made in a directory that is open to all",
                path.display()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        // A relative link starts from its own folder; an absolute one replaces it all.
        path = folder.join(to);
    }
    Err(io::Error::other("too many links"))
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, lchown, symlink};

    #[test]
    fn links_of_other_users_in_a_directory_open_to_all_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        symlink(&target, &link).unwrap();
        if lchown(&link, Some(12345), None).is_err() {
            // Only root can give a link away.
            return;
        }
        assert_eq!(follow(&link).unwrap(), target, "the directory is closed");
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o1777)).unwrap();
        let refused = follow(&link).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        lchown(&link, Some(0), None).unwrap();
        assert_eq!(follow(&link).unwrap(), target, "the user's own");
    }
}
