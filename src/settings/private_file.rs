//! Replacing a file that only its owner may read.
//!
//! The steps that keep a credential file whole and private, without knowing what is in it: make its folder,
//! lock it, put a new one in its place.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Random characters in the name of a temporary file.
const RANDOM: usize = 6;

/// Locks `path` until the answer is dropped. The lock is on a file beside it, because `path` itself is replaced
/// and a lock on it would be on the old file.
pub(super) fn lock(path: &Path) -> std::io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = File::options();
    options.write(true).create(true).truncate(false);
    crate::platform::private_file(&mut options);
    // Where others may make links too, one would lead to a file of theirs, or of ours.
    crate::platform::without_links(&mut options);
    let name = PathBuf::from(name);
    let file = options.open(&name).map_err(|e| match name.is_symlink() {
        true => std::io::Error::other(format!("its lock `{}` is a link", name.display())),
        false => e,
    })?;
    match crate::files::lock(&file, &name) {
        // Some network file systems have no locks; the replacement is still in one step.
        Err(e) if e.kind() == ErrorKind::Unsupported => Ok(file),
        Err(e) => Err(e),
        Ok(()) => {
            remove_left(path);
            Ok(file)
        }
    }
}

/// How the temporary files for `path` begin.
fn prefix(path: &Path) -> OsString {
    let mut prefix = OsString::from(".auth-");
    prefix.push(path.file_name().unwrap_or_default());
    prefix.push("-");
    prefix
}

/// Removes the temporary files that killed processes left, which may hold secrets. The lock is held.
fn remove_left(path: &Path) {
    let prefix = prefix(path);
    for entry in fs::read_dir(folder(path)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let rest = name
            .as_encoded_bytes()
            .strip_prefix(prefix.as_encoded_bytes());
        let ours = rest.is_some_and(|rest| rest.len() == RANDOM);
        if ours && entry.file_type().is_ok_and(|t| t.is_file()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
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
    crate::platform::private_directory(&mut builder);
    builder.recursive(true).create(folder)
}

/// Puts a file with `bytes`, readable by its owner alone, in the place of `path` in one step.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = folder(path);
    // tempfile makes files of mode 0600.
    let mut file = tempfile::Builder::new()
        .prefix(&prefix(path))
        .rand_bytes(RANDOM)
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    // Makes the new name durable; not every system can open a folder.
    let _ = crate::platform::sync_directory(folder);
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
    fn what_a_killed_process_left_is_removed_under_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let others = [".auth-b.json-abc123", ".auth-a.json-abc", ".auth-abc123"];
        for name in [".auth-a.json-abc123"].iter().chain(&others) {
            fs::write(at(name), "secret").unwrap();
        }
        let lock = lock(&at("a.json")).unwrap();
        assert!(!at(".auth-a.json-abc123").exists());
        assert!(others.iter().all(|name| at(name).exists()));
        replace(&at("a.json"), b"x").unwrap();
        drop(lock);
        let names = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(names, others.len() + 2, "the file and its lock");
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
