//! Directories that are entered one name at a time, without following links.
//!
//! A handle that does not share deletion keeps a directory, and those that lead to it, from being renamed or replaced by a
//! link while it is open. So paths below it stay where they are.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::windows::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, symlink_dir, symlink_file};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::platform::{About, Entered, Node};

// From winnt.h and winbase.h.
const FILE_SHARE_READ_WRITE: u32 = 0x3;
const FILE_READ_ATTRIBUTES: u32 = 0x80;
const FILE_WRITE_ATTRIBUTES: u32 = 0x100;
const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x400;
/// Opens directories, too.
const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
/// Errors of a file system or user that makes no symbolic links: function, request, privilege.
const NO_LINKS: [i32; 3] = [1, 50, 1314];

/// Names of devices, which no file can have, with or without an extension.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];

/// An open directory.
#[derive(Debug, Clone)]
pub(crate) struct Folder(Arc<Held>);

#[derive(Debug)]
struct Held {
    path: PathBuf,
    /// Keeps the directory where it is.
    _handle: File,
}

impl Folder {
    /// Opens the directory `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Folder> {
        // The full form, which has no limit of 260 characters.
        let path = fs::canonicalize(path)?;
        match held(path)? {
            Some(folder) => Ok(folder),
            None => Err(ErrorKind::NotADirectory.into()),
        }
    }

    /// Opens the directory `name`, unless it is something else, such as a link to a directory.
    pub(crate) fn enter(&self, name: &[u8]) -> io::Result<Entered> {
        let path = self.at(name)?;
        match fs::symlink_metadata(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Entered::Missing),
            Err(e) => Err(e),
            Ok(about) if !about.is_dir() => Ok(Entered::Other),
            Ok(_) => Ok(held(path)?.map_or(Entered::Other, Entered::Folder)),
        }
    }

    /// Whether a file can have this name, which is no other file's name in small or capital letters.
    pub(crate) fn can_hold(&self, name: &[u8]) -> bool {
        let Some(text) = std::str::from_utf8(name).ok().filter(|name| is_name(name)) else {
            return false;
        };
        let path = self.0.path.join(text);
        match fs::symlink_metadata(&path) {
            Err(_) => true,
            // The full path has a name as it was written first. That of a link leads to its target.
            Ok(about) if !is_link(&about) => {
                fs::canonicalize(&path).is_ok_and(|path| path.file_name() == Some(text.as_ref()))
            }
            Ok(_) => self
                .names()
                .is_ok_and(|names| names.iter().any(|n| n == name)),
        }
    }

    /// The names in the directory.
    pub(crate) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let names = fs::read_dir(&self.0.path)?;
        names
            .map(|entry| Ok(entry?.file_name().into_encoded_bytes()))
            .collect()
    }

    /// The target of the symbolic link `name`.
    pub(crate) fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        let target = fs::read_link(self.at(name)?)?;
        let target = target.into_os_string().into_encoded_bytes();
        let slashed = target
            .into_iter()
            .map(|b| if b == b'\\' { b'/' } else { b });
        Ok(slashed.collect())
    }

    /// Makes a directory. Who may look into it is what the directory above it says.
    pub(crate) fn make(&self, name: &[u8], _shared: bool) -> io::Result<()> {
        fs::create_dir(self.at(name)?)
    }

    /// Creates a file for writing; fails if it exists.
    pub(crate) fn create(&self, name: &[u8]) -> io::Result<File> {
        File::create_new(self.at(name)?)
    }

    /// Makes a symbolic link; `false` where the system permits none.
    pub(crate) fn symlink(&self, target: &[u8], name: &[u8]) -> io::Result<bool> {
        let Ok(target) = std::str::from_utf8(target) else {
            return Ok(false);
        };
        let (target, link) = (target.replace('/', "\\"), self.at(name)?);
        let is_dir = fs::metadata(self.0.path.join(&target)).is_ok_and(|about| about.is_dir());
        let made = match is_dir {
            true => symlink_dir(&target, link),
            false => symlink_file(&target, link),
        };
        match made {
            Err(e)
                if e.raw_os_error()
                    .is_some_and(|code| NO_LINKS.contains(&code)) =>
            {
                Ok(false)
            }
            made => made.map(|()| true),
        }
    }

    /// Gives the file `name` of this directory the further name `other` in `folder`.
    pub(crate) fn link(&self, name: &[u8], folder: &Folder, other: &[u8]) -> io::Result<()> {
        fs::hard_link(self.at(name)?, folder.at(other)?)
    }

    /// Makes a device or named pipe; `false`, as files are neither here.
    pub(crate) fn node(&self, _: &[u8], _: &Node, _: &About<'_>) -> io::Result<bool> {
        Ok(false)
    }

    /// Removes what is no directory. Returns the bytes of a file.
    pub(crate) fn remove_file(&self, name: &[u8]) -> io::Result<u64> {
        let path = self.at(name)?;
        let about = fs::symlink_metadata(&path)?;
        match about.file_type().is_symlink_dir() {
            true => fs::remove_dir(path)?,
            false => fs::remove_file(path)?,
        }
        Ok(if about.is_file() { about.len() } else { 0 })
    }

    /// Removes an empty directory; `false` if something is in it, or it is not there.
    pub(crate) fn remove_folder(&self, name: &[u8]) -> io::Result<bool> {
        match fs::remove_dir(self.at(name)?) {
            Ok(()) => Ok(true),
            Err(e) => match e.kind() {
                ErrorKind::DirectoryNotEmpty | ErrorKind::NotFound => Ok(false),
                _ => Err(e),
            },
        }
    }

    /// Sets the time of what cannot be opened.
    pub(crate) fn describe_link(&self, name: &[u8], about: &About<'_>) -> io::Result<()> {
        set_time(&opened(&self.at(name)?, FILE_WRITE_ATTRIBUTES)?, about)
    }

    /// As [`describe`], for the directory itself.
    pub(crate) fn describe(&self, about: &About<'_>) -> io::Result<u64> {
        describe(&opened(&self.0.path, FILE_WRITE_ATTRIBUTES)?, about)
    }

    /// The path of the file `name`, which is one name.
    fn at(&self, name: &[u8]) -> io::Result<PathBuf> {
        match std::str::from_utf8(name) {
            Ok(name) if is_name(name) => Ok(self.0.path.join(name)),
            _ => Err(ErrorKind::InvalidFilename.into()),
        }
    }
}

/// Sets the time of an open file: it has neither mode nor owner as an image knows them. Returns how many attributes could
/// not be set, which is all.
pub(crate) fn describe(file: &File, about: &About<'_>) -> io::Result<u64> {
    set_time(file, about)?;
    Ok(about.xattrs.len() as u64)
}

/// Opens the directory `path` and keeps it in its place; `None` if it is something else, or a link to a directory.
fn held(path: PathBuf) -> io::Result<Option<Folder>> {
    let handle = opened(&path, FILE_READ_ATTRIBUTES)?;
    let about = handle.metadata()?;
    let is_folder = about.is_dir() && !is_link(&about);
    Ok(is_folder.then(|| {
        Folder(Arc::new(Held {
            path,
            _handle: handle,
        }))
    }))
}

/// Opens a file, link or directory itself for `access`, so that it cannot be removed meanwhile.
fn opened(path: &Path, access: u32) -> io::Result<File> {
    OpenOptions::new()
        .access_mode(access)
        .share_mode(FILE_SHARE_READ_WRITE)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path)
}

/// Whether it is a link of any kind, junctions and mount points among them.
fn is_link(about: &fs::Metadata) -> bool {
    about.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0
}

/// Times before 1601 cannot be set.
fn set_time(file: &File, about: &About<'_>) -> io::Result<()> {
    match time(about.modified) {
        Some(time) => file.set_modified(time),
        None => Ok(()),
    }
}

fn time((seconds, nanos): (i64, u32)) -> Option<SystemTime> {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let second = match seconds < 0 {
        true => UNIX_EPOCH.checked_sub(whole),
        false => UNIX_EPOCH.checked_add(whole),
    };
    second?.checked_add(Duration::from_nanos(nanos.into()))
}

/// Whether a file can have the name: no character with a meaning in paths, no device, no end that is cut off.
fn is_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let numbered = |device: &str| {
        let number = stem.get(..3).filter(|s| s.eq_ignore_ascii_case(device));
        number.is_some() && matches!(stem[3..].as_bytes(), [b'0'..=b'9'])
    };
    let is_device =
        DEVICES.iter().any(|d| stem.eq_ignore_ascii_case(d)) || numbered("COM") || numbered("LPT");
    !name.is_empty()
        && !name.ends_with(['.', ' '])
        && !name.contains(|c: char| c < ' ' || "<>:\"/\\|?*".contains(c))
        && !is_device
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_else_are_no_names() {
        for name in ["a", "a b", ".config", "COM", "COM10", "console", "é"] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "", ".", "..", "a.", "a ", "a:b", "a\\b", "nul", "Com1.txt", "CON .x", "a\tb",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
