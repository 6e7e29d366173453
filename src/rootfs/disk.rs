//! Files of an image on disk, below one directory and never outside of it.
//!
//! Every step to a file is one name, opened in the directory before it without following links. Symbolic links in the image
//! are followed by hand, with the directory as their root, as a container would see them: no link of an image, and none
//! that another process puts there meanwhile, leads elsewhere. Modes and times of directories come last, so that what has
//! no write permission can be filled.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags,
};
use rustix::io::Errno;

use super::{Content, Entry, EntryKind, ImagePath, Time};
use crate::transport::inflate::broken;
use crate::{Error, Kind, Result};

/// Links that are followed one after the other, as Linux has it.
const MOST_HOPS: usize = 40;
/// Bytes that are written at a time.
const PIECE: usize = 128 * 1024;

/// A directory below the root: opened, and its path without links.
#[derive(Clone)]
pub(super) struct Place {
    dir: Arc<OwnedFd>,
    pub(super) path: ImagePath,
}

/// What could not be kept of the files, and how often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Devices, which only root may make.
    pub devices: u64,
    /// Extended attributes that the file system or the system's rules do not take.
    pub xattrs: u64,
}

/// The root of the files.
pub(super) struct Disk {
    root: Arc<OwnedFd>,
    /// Give files their owners.
    owners: bool,
    /// Where the last file was put, and the path by which it was asked for.
    last: Option<(ImagePath, Place)>,
    /// Directories whose modes, owners and times are still to be set.
    directories: BTreeMap<ImagePath, Entry>,
    /// Paths that the current layer made, by their hashes.
    made: HashSet<u64>,
    hasher: RandomState,
    pub(super) skipped: Skipped,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// Opens a directory without following a link.
fn open_dir(at: BorrowedFd<'_>, name: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, flags, Mode::empty())
}

/// The error `errno` about writing the file `path`.
pub(super) fn cannot_write(path: &ImagePath, errno: impl Into<std::io::Error>) -> Error {
    Error::new(Kind::Refused, format!("cannot write the file `{path}`")).because(errno.into())
}

impl Disk {
    /// Files below the directory `root`.
    pub(super) fn new(root: OwnedFd, owners: bool) -> Disk {
        Disk {
            root: Arc::new(root),
            owners,
            last: None,
            directories: BTreeMap::new(),
            made: HashSet::new(),
            hasher: RandomState::new(),
            skipped: Skipped::default(),
            files: 0,
            bytes: 0,
        }
    }

    /// Begins the next layer: what was made until now is below it.
    pub(super) fn begin_layer(&mut self) {
        self.made.clear();
    }

    /// The directory `path`, links followed; with `make`, what is missing on the way is made, and what is not a directory
    /// is replaced. `None` when it is not there.
    pub(super) fn directory(&mut self, path: &ImagePath, make: bool) -> Result<Option<Place>> {
        if let Some((asked, place)) = &self.last
            && asked == path
        {
            return Ok(Some(place.clone()));
        }
        let (mut ahead, mut hops) = (path.clone(), 0);
        'path: loop {
            // The directories that lead to the place, for `..` is resolved on paths.
            let mut place = Place {
                dir: self.root.clone(),
                path: ImagePath::default(),
            };
            let parts: Vec<Vec<u8>> = ahead.parts().map(<[u8]>::to_vec).collect();
            for (i, part) in parts.iter().enumerate() {
                let name = place.path.child(part);
                let opened = match open_dir(place.dir.as_fd(), part) {
                    Ok(dir) => dir,
                    Err(Errno::NOENT) if make => self.make_parent(&place, part, &name)?,
                    Err(Errno::NOENT) => return Ok(None),
                    Err(Errno::LOOP | Errno::NOTDIR | Errno::MLINK) => {
                        match rustix::fs::readlinkat(&place.dir, &part[..], Vec::new()) {
                            Ok(target) if hops < MOST_HOPS => {
                                hops += 1;
                                let mut next = place.path.linked(target.as_bytes())?;
                                for rest in &parts[i + 1..] {
                                    next = next.child(rest);
                                }
                                ahead = ImagePath::parse(next.as_bytes())?;
                                continue 'path;
                            }
                            _ if !make => return Ok(None),
                            _ => {
                                self.remove(&place, part, true)?;
                                self.make_parent(&place, part, &name)?
                            }
                        }
                    }
                    Err(e) => return Err(cannot_write(&name, e)),
                };
                place = Place {
                    dir: Arc::new(opened),
                    path: name,
                };
            }
            self.last = Some((path.clone(), place.clone()));
            return Ok(Some(place));
        }
    }

    /// Makes a directory that no entry describes yet.
    fn make_parent(&mut self, place: &Place, name: &[u8], path: &ImagePath) -> Result<OwnedFd> {
        let made = rustix::fs::mkdirat(&place.dir, name, Mode::from_raw_mode(0o755));
        made.map_err(|e| cannot_write(path, e))?;
        self.note(path);
        open_dir(place.dir.as_fd(), name).map_err(|e| cannot_write(path, e))
    }

    /// Remembers that the current layer made `path`.
    fn note(&mut self, path: &ImagePath) {
        self.made.insert(self.hasher.hash_one(path));
    }

    fn is_made(&self, path: &ImagePath) -> bool {
        self.made.contains(&self.hasher.hash_one(path))
    }

    /// Takes away what layers below have at `path` and below it; `only_below` leaves `path` itself.
    pub(super) fn hide(&mut self, path: &ImagePath, only_below: bool) -> Result<()> {
        if only_below {
            if let Some(place) = self.directory(path, false)? {
                for name in names(&place)? {
                    self.remove(&place, &name, false)?;
                }
            }
            return Ok(());
        }
        match self.directory(&path.parent(), false)? {
            Some(place) => self.remove(&place, path.name(), false),
            None => Ok(()),
        }
    }

    /// Removes `name` and all below it; without `all`, what the current layer made stays.
    fn remove(&mut self, place: &Place, name: &[u8], all: bool) -> Result<()> {
        self.last = None;
        // Directories that were entered, each with the names in it that are still to be removed.
        let mut open: Vec<(Place, Vec<Vec<u8>>)> = vec![(place.clone(), vec![name.to_vec()])];
        while let Some((dir, names_left)) = open.last_mut() {
            let Some(name) = names_left.pop() else {
                let (done, _) = match open.pop() {
                    Some(done) if !open.is_empty() => done,
                    _ => return Ok(()),
                };
                let Some((outer, _)) = open.last() else {
                    return Ok(());
                };
                let stays = !all && self.is_made(&done.path);
                if !stays {
                    match rustix::fs::unlinkat(&outer.dir, done.path.name(), AtFlags::REMOVEDIR) {
                        Ok(()) => drop(self.directories.remove(&done.path)),
                        // Something of the current layer is in it.
                        Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT) => {}
                        Err(e) => return Err(cannot_write(&done.path, e)),
                    }
                }
                continue;
            };
            let path = dir.path.child(&name);
            match open_dir(dir.dir.as_fd(), &name) {
                Ok(opened) => {
                    let inner = Place {
                        dir: Arc::new(opened),
                        path,
                    };
                    let inside = names(&inner)?;
                    open.push((inner, inside));
                }
                Err(Errno::NOENT) => {}
                Err(Errno::LOOP | Errno::NOTDIR | Errno::MLINK | Errno::NXIO) => {
                    if all || !self.is_made(&path) {
                        let gone = rustix::fs::unlinkat(&dir.dir, &name[..], AtFlags::empty());
                        gone.map_err(|e| cannot_write(&path, e))?;
                    }
                }
                Err(e) => return Err(cannot_write(&path, e)),
            }
        }
        Ok(())
    }

    /// Puts `entry`, which is no hard link, at its path.
    pub(super) fn put(&mut self, entry: &Entry, content: &mut Content<'_, '_>) -> Result<()> {
        self.put_at(&entry.path, entry, content)
    }

    /// Puts `entry`, which is no hard link, at `path`.
    pub(super) fn put_at(
        &mut self,
        path: &ImagePath,
        entry: &Entry,
        content: &mut Content<'_, '_>,
    ) -> Result<()> {
        if path.is_root() {
            if entry.kind == EntryKind::Directory {
                self.directories.insert(path.clone(), entry.clone());
            }
            return Ok(());
        }
        let place = self.parent_of(path)?;
        let (name, at) = (path.name(), place.path.child(path.name()));
        let failed = |e: Errno| cannot_write(&at, e);
        if entry.kind == EntryKind::Directory {
            if open_dir(place.dir.as_fd(), name).is_err() {
                self.remove(&place, name, true)?;
                rustix::fs::mkdirat(&place.dir, name, Mode::from_raw_mode(0o700))
                    .map_err(failed)?;
            }
            self.note(&at);
            self.directories.insert(at, entry.clone());
            return Ok(());
        }
        self.remove(&place, name, true)?;
        match entry.kind {
            EntryKind::File => self.file(&place, name, &at, entry, content)?,
            EntryKind::Symlink => {
                rustix::fs::symlinkat(&entry.link[..], &place.dir, name).map_err(failed)?;
                self.about_link(&place, name, entry).map_err(failed)?;
                self.skipped.xattrs += entry.xattrs.len() as u64;
            }
            EntryKind::CharDevice | EntryKind::BlockDevice | EntryKind::Fifo => {
                if !self.node(&place, name, entry).map_err(failed)? {
                    return Ok(());
                }
            }
            EntryKind::HardLink | EntryKind::Directory => {}
        }
        self.files += 1;
        self.note(&at);
        Ok(())
    }

    /// Makes `path` another name of the file `target`.
    pub(super) fn link(&mut self, path: &ImagePath, target: &ImagePath) -> Result<()> {
        let missing = || {
            let text = format!("the hard link `{path}` names `{target}`, which is not there");
            Error::new(Kind::Corrupt, text)
        };
        let from = self
            .directory(&target.parent(), false)?
            .ok_or_else(missing)?;
        let place = self.parent_of(path)?;
        let at = place.path.child(path.name());
        if from.path.child(target.name()) == at {
            return Ok(());
        }
        self.remove(&place, path.name(), true)?;
        let flags = AtFlags::empty();
        match rustix::fs::linkat(&from.dir, target.name(), &place.dir, path.name(), flags) {
            Ok(()) => {}
            Err(Errno::NOENT) => return Err(missing()),
            Err(e) => return Err(cannot_write(&at, e)),
        }
        self.files += 1;
        self.note(&at);
        Ok(())
    }

    fn parent_of(&mut self, path: &ImagePath) -> Result<Place> {
        let parent = path.parent();
        self.directory(&parent, true)?
            .ok_or_else(|| cannot_write(&parent, Errno::NOENT))
    }

    fn file(
        &mut self,
        place: &Place,
        name: &[u8],
        path: &ImagePath,
        entry: &Entry,
        content: &mut Content<'_, '_>,
    ) -> Result<()> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(&place.dir, name, flags, Mode::from_raw_mode(0o600));
        let mut file = File::from(opened.map_err(|e| cannot_write(path, e))?);
        let mut buffer = vec![0; PIECE.min(entry.size.max(1) as usize)];
        let (mut at, mut sparse) = (0, false);
        loop {
            let hole = content.pass_hole();
            if hole > 0 {
                (at, sparse) = (at + hole, true);
                let moved = file.seek(SeekFrom::Start(at));
                moved.map_err(|e| cannot_write(path, e))?;
            }
            let n = content.read(&mut buffer).map_err(|e| broken(None, e))?;
            if n == 0 {
                break;
            }
            file.write_all(&buffer[..n])
                .map_err(|e| cannot_write(path, e))?;
            at += n as u64;
            self.bytes += n as u64;
        }
        if sparse {
            file.set_len(at).map_err(|e| cannot_write(path, e))?;
        }
        self.about(file.as_fd(), entry)
            .map_err(|e| cannot_write(path, e))
    }

    /// Makes a device or named pipe; `false` where only root may.
    fn node(&mut self, place: &Place, name: &[u8], entry: &Entry) -> Result<bool, Errno> {
        let kind = match entry.kind {
            EntryKind::CharDevice => FileType::CharacterDevice,
            EntryKind::BlockDevice => FileType::BlockDevice,
            _ => FileType::Fifo,
        };
        let (major, minor) = entry.device;
        let number = rustix::fs::makedev(major, minor);
        let mode = Mode::from_raw_mode(entry.mode);
        match rustix::fs::mknodat(&place.dir, name, kind, mode, number) {
            Err(Errno::PERM | Errno::ACCESS) if kind != FileType::Fifo => {
                self.skipped.devices += 1;
                return Ok(false);
            }
            made => made?,
        }
        self.about_link(place, name, entry)?;
        // The mode was cut by the process's mask. No link can be in its place but one that somebody puts there now, and
        // for such a one this is an error.
        rustix::fs::chmodat(&place.dir, name, mode, AtFlags::empty())?;
        Ok(true)
    }

    /// Sets owner and time of what cannot be opened.
    fn about_link(&self, place: &Place, name: &[u8], entry: &Entry) -> Result<(), Errno> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        if self.owners {
            let (uid, gid) = owner(entry);
            rustix::fs::chownat(&place.dir, name, uid, gid, flags)?;
        }
        rustix::fs::utimensat(&place.dir, name, &times(entry.modified), flags)
    }

    /// Sets owner, mode, attributes and time of an open file or directory.
    fn about(&mut self, file: BorrowedFd<'_>, entry: &Entry) -> Result<(), Errno> {
        if self.owners {
            let (uid, gid) = owner(entry);
            rustix::fs::fchown(file, uid, gid)?;
        }
        for (name, value) in &entry.xattrs {
            let set = rustix::fs::fsetxattr(file, &name[..], value, XattrFlags::empty());
            if let Err(e) = set {
                tracing::debug!("an attribute of `{}` was not set: {e}", entry.path);
                self.skipped.xattrs += 1;
            }
        }
        // Last but the time: a change of the owner clears the bits for set-user-id.
        rustix::fs::fchmod(file, Mode::from_raw_mode(entry.mode))?;
        rustix::fs::futimens(file, &times(entry.modified))
    }

    /// Sets modes, owners and times of the directories, those below before those above.
    pub(super) fn finish(&mut self) -> Result<()> {
        for (path, entry) in std::mem::take(&mut self.directories).into_iter().rev() {
            self.last = None;
            let Some(place) = self.directory(&path, false)? else {
                continue;
            };
            let set = self.about(place.dir.as_fd(), &entry);
            set.map_err(|e| cannot_write(&path, e))?;
        }
        Ok(())
    }
}

fn owner(entry: &Entry) -> (Option<Uid>, Option<Gid>) {
    (
        Some(Uid::from_raw(entry.uid)),
        Some(Gid::from_raw(entry.gid)),
    )
}

fn times(modified: Time) -> Timestamps {
    let time = Timespec {
        tv_sec: modified.seconds,
        tv_nsec: modified.nanos.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

/// The names in a directory.
fn names(place: &Place) -> Result<Vec<Vec<u8>>> {
    let failed = |e: Errno| cannot_write(&place.path, e);
    let mut names = Vec::new();
    for entry in Dir::read_from(&place.dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.to_vec());
        }
    }
    Ok(names)
}
