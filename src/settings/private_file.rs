//! Replacing a file that only its owner may read.
//!
//! The steps that keep a credential file whole and private, without knowing what is in it: make its folder,
//! lock it, put a new one in its place.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Locks `path` until the answer is dropped. The lock is on a file beside it, because `path` itself is replaced
/// and a lock on it would be on the old file.
pub(super) fn lock(path: &Path) -> std::io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let name = PathBuf::from(name);
    let file = options.open(&name)?;
    match crate::files::lock(&file, &name) {
        // Some network file systems have no locks; the replacement is still in one step.
        Err(e) if e.kind() == ErrorKind::Unsupported => Ok(file),
        locked => locked.map(|()| file),
    }
}

/// Makes the folder of `path`, for its owner alone.
pub(super) fn make_folder(path: &Path) -> std::io::Result<()> {
    let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    else {
        return Ok(());
    };
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Puts a file with `bytes`, readable by its owner alone, in the place of `path` in one step.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // tempfile makes files of mode 0600.
    let mut file = tempfile::Builder::new()
        .prefix(".auth-")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // Makes the new name durable; not every system can open a folder.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::files::follow;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn files_and_folders_are_their_owner_s_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        make_folder(&path).unwrap();
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        drop(lock(&path).unwrap());
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(
            (mode(&path), mode(&folder.path().join("a"))),
            (0o600, 0o700)
        );
        assert_eq!(mode(&folder.path().join("a/b/file.lock")), 0o600);
        let left = fs::read_dir(folder.path().join("a/b")).unwrap().count();
        assert_eq!(left, 2, "no temporary file stays");
    }

    #[test]
    fn links_are_followed_even_to_what_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        symlink("two", at("one")).unwrap();
        symlink(at("real"), at("two")).unwrap();
        assert_eq!(follow(&at("one")).unwrap(), at("real"));
        replace(&follow(&at("one")).unwrap(), b"x").unwrap();
        assert!(at("one").is_symlink() && at("two").is_symlink());
        assert_eq!(fs::read(at("one")).unwrap(), b"x");
        symlink("round", at("round")).unwrap();
        assert!(follow(&at("round")).is_err());
    }
}
