//! Directories that are entered one name at a time, without following links.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, RawMode, Timespec, Timestamps, Uid, XattrFlags,
    fchmod, fchown, fsetxattr, futimens, openat, unlinkat, utimensat,
};
use rustix::io::Errno;

use crate::platform::{About, Entered, Node};

/// An open directory. No link that another process makes meanwhile leads out of it.
#[derive(Debug, Clone)]
pub(crate) struct Folder(Arc<OwnedFd>);

impl Folder {
    /// Opens the directory `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Folder> {
        Ok(Folder(Arc::new(OwnedFd::from(File::open(path)?))))
    }

    /// Opens the directory `name`, unless it is something else, such as a link to a directory.
    pub(crate) fn enter(&self, name: &[u8]) -> io::Result<Entered> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.0, name, flags, Mode::empty()) {
            Ok(dir) => Ok(Entered::Folder(Folder(Arc::new(dir)))),
            Err(Errno::NOENT) => Ok(Entered::Missing),
            Err(Errno::LOOP | Errno::NOTDIR | Errno::MLINK | Errno::NXIO) => Ok(Entered::Other),
            Err(e) => Err(e.into()),
        }
    }

    /// Whether a file can have this name. Here every file can have the name that it has in an image.
    pub(crate) fn can_hold(&self, _: &[u8]) -> bool {
        true
    }

    /// The names in the directory.
    pub(crate) fn names(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(name.to_vec());
            }
        }
        Ok(names)
    }

    /// The target of the symbolic link `name`.
    pub(crate) fn link_target(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(rustix::fs::readlinkat(&self.0, name, Vec::new())?.into_bytes())
    }

    /// Makes a directory. Only with `shared` may other users look into it.
    pub(crate) fn make(&self, name: &[u8], shared: bool) -> io::Result<()> {
        let mode = if shared { 0o755 } else { 0o700 };
        Ok(rustix::fs::mkdirat(
            &self.0,
            name,
            Mode::from_raw_mode(mode),
        )?)
    }

    /// Creates a file for writing; fails if it exists.
    pub(crate) fn create(&self, name: &[u8]) -> io::Result<File> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o600);
        Ok(File::from(openat(&self.0, name, flags, mode)?))
    }

    /// Makes a symbolic link; `false` where the system permits none.
    pub(crate) fn symlink(&self, target: &[u8], name: &[u8]) -> io::Result<bool> {
        rustix::fs::symlinkat(target, &self.0, name)?;
        Ok(true)
    }

    /// Gives the file `name` of this directory the further name `other` in `folder`.
    pub(crate) fn link(&self, name: &[u8], folder: &Folder, other: &[u8]) -> io::Result<()> {
        let flags = AtFlags::empty();
        Ok(rustix::fs::linkat(&self.0, name, &folder.0, other, flags)?)
    }

    /// Makes a device or named pipe; `false` where the system permits none.
    pub(crate) fn node(&self, name: &[u8], node: &Node, about: &About<'_>) -> io::Result<bool> {
        if !make_node(self.0.as_fd(), name, node, about.mode)? {
            return Ok(false);
        }
        self.describe_link(name, about)?;
        // The mode was cut by the process's mask. No link can be in its place but one that somebody puts there now, and
        // for such a one this is an error.
        let mode = Mode::from_raw_mode(about.mode as RawMode);
        rustix::fs::chmodat(&self.0, name, mode, AtFlags::empty())?;
        Ok(true)
    }

    /// Removes what is no directory. Returns the bytes of a file that had no other name.
    pub(crate) fn remove_file(&self, name: &[u8]) -> io::Result<u64> {
        let about = rustix::fs::statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW)?;
        unlinkat(&self.0, name, AtFlags::empty())?;
        let is_file = FileType::from_raw_mode(about.st_mode) == FileType::RegularFile;
        Ok(match is_file && about.st_nlink == 1 {
            true => about.st_size as u64,
            false => 0,
        })
    }

    /// Removes an empty directory; `false` if something is in it, or it is not there.
    pub(crate) fn remove_folder(&self, name: &[u8]) -> io::Result<bool> {
        match unlinkat(&self.0, name, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Sets owner and time of what cannot be opened.
    pub(crate) fn describe_link(&self, name: &[u8], about: &About<'_>) -> io::Result<()> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        if let Some((uid, gid)) = about.owner {
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            rustix::fs::chownat(&self.0, name, Some(uid), Some(gid), flags)?;
        }
        Ok(utimensat(&self.0, name, &times(about), flags)?)
    }

    /// As [`describe`], for the directory itself.
    pub(crate) fn describe(&self, about: &About<'_>) -> io::Result<u64> {
        describe_fd(self.0.as_fd(), about)
    }
}

/// Sets owner, mode, attributes and time of an open file. Returns how many attributes could not be set.
pub(crate) fn describe(file: &File, about: &About<'_>) -> io::Result<u64> {
    describe_fd(file.as_fd(), about)
}

fn describe_fd(file: BorrowedFd<'_>, about: &About<'_>) -> io::Result<u64> {
    if let Some((uid, gid)) = about.owner {
        fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    let mut skipped = 0;
    for (name, value) in about.xattrs {
        if let Err(e) = fsetxattr(file, &name[..], value, XattrFlags::empty()) {
            let name = String::from_utf8_lossy(name);
            tracing::debug!("the attribute `{name}` was not set: {e:#}");
            skipped += 1;
        }
    }
    // Last but the time: a change of the owner clears the bits for set-user-id.
    fchmod(file, Mode::from_raw_mode(about.mode as RawMode))?;
    futimens(file, &times(about))?;
    Ok(skipped)
}

fn times(about: &About<'_>) -> Timestamps {
    let time = Timespec {
        tv_sec: about.modified.0,
        tv_nsec: about.modified.1.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

/// `false` where only root may.
#[cfg(not(target_vendor = "apple"))]
fn make_node(at: BorrowedFd<'_>, name: &[u8], node: &Node, mode: u32) -> io::Result<bool> {
    use rustix::fs::FileType;
    let (kind, (major, minor)) = match *node {
        Node::CharDevice(number) => (FileType::CharacterDevice, number),
        Node::BlockDevice(number) => (FileType::BlockDevice, number),
        Node::Pipe => (FileType::Fifo, (0, 0)),
    };
    let number = rustix::fs::makedev(major, minor);
    match rustix::fs::mknodat(at, name, kind, Mode::from_raw_mode(mode as RawMode), number) {
        Err(Errno::PERM | Errno::ACCESS) if kind != FileType::Fifo => Ok(false),
        made => Ok(made.map(|()| true)?),
    }
}

/// Darwin has no call that makes a node below an open directory, and its devices have other numbers than Linux's.
#[cfg(target_vendor = "apple")]
fn make_node(_: BorrowedFd<'_>, _: &[u8], _: &Node, _: u32) -> io::Result<bool> {
    Ok(false)
}
