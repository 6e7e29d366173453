//! Files of an image on disk, below one directory and never outside of it.
//!
//! Every step to a file is one name, opened in the directory before it without following links. Symbolic links in the image
//! are followed by hand, with the directory as their root, as a container would see them: no link of an image, and none
//! that another process puts there meanwhile, leads elsewhere. Modes and times of directories come last, so that what has
//! no write permission can be filled.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::entry::dead_link;
use super::{Content, Entry, EntryKind, ImagePath};
use crate::platform::{About, Entered, Folder, Node, describe};
use crate::transport::inflate::broken;
use crate::{Error, Result};

/// Links that are followed one after the other, as Linux has it.
const MOST_HOPS: usize = 40;
/// Bytes that are written at a time.
const PIECE: usize = 128 * 1024;

/// A directory below the root: opened, and its path without links.
#[derive(Clone)]
pub(super) struct Place {
    dir: Folder,
    pub(super) path: ImagePath,
}

impl Place {
    /// Closes the directory. Its path is left.
    fn close(self) -> ImagePath {
        self.path
    }
}

/// What could not be kept of the files, and how often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Devices, which only root may make, and named pipes where the system has none.
    pub devices: u64,
    /// Symbolic links, where the system does not let the user make any.
    pub links: u64,
    /// Files whose names the system does not permit, or takes for that of another file.
    pub names: u64,
    /// Extended attributes that the file system or the system's rules do not take.
    pub xattrs: u64,
}

/// The root of the files.
pub(super) struct Disk {
    root: Folder,
    /// Give files their owners.
    owners: bool,
    /// Where the last file was put, and the path by which it was asked for.
    last: Option<(ImagePath, Place)>,
    /// Directories whose modes, owners and times are still to be set.
    directories: BTreeMap<ImagePath, Entry>,
    /// Paths that the current layer made, by their hashes.
    made: HashSet<u64>,
    /// Paths of files that were left out, by their hashes: hard links to them are left out, too.
    left_out: HashSet<u64>,
    hasher: RandomState,
    pub(super) skipped: Skipped,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// The error `e` of writing the file `path`.
fn cannot_write(path: &ImagePath, e: io::Error) -> Error {
    Error::refused(format!("cannot write the file `{path}`")).because(e)
}

impl Disk {
    /// Files below the directory `root`.
    pub(super) fn new(root: Folder, owners: bool) -> Disk {
        Disk {
            root,
            owners,
            last: None,
            directories: BTreeMap::new(),
            made: HashSet::new(),
            left_out: HashSet::new(),
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
    /// is replaced. `None` when it is not there, or cannot have this name.
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
                if !place.dir.can_hold(part) {
                    return Ok(None);
                }
                let entered = place.dir.enter(part).map_err(|e| cannot_write(&name, e))?;
                let dir = match entered {
                    Entered::Folder(dir) => dir,
                    Entered::Missing if make => self.make_parent(&place, part, &name)?,
                    Entered::Missing => return Ok(None),
                    Entered::Other => match place.dir.link_target(part) {
                        Ok(target) if hops < MOST_HOPS => {
                            hops += 1;
                            let mut next = place.path.linked(&target)?;
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
                    },
                };
                place = Place { dir, path: name };
            }
            self.last = Some((path.clone(), place.clone()));
            return Ok(Some(place));
        }
    }

    /// Makes a directory that no entry describes yet.
    fn make_parent(&mut self, place: &Place, name: &[u8], path: &ImagePath) -> Result<Folder> {
        let made = place.dir.make(name, true);
        made.map_err(|e| cannot_write(path, e))?;
        self.note(path);
        match place.dir.enter(name) {
            Ok(Entered::Folder(dir)) => Ok(dir),
            Ok(_) => Err(cannot_write(path, io::ErrorKind::NotADirectory.into())),
            Err(e) => Err(cannot_write(path, e)),
        }
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
            Some(place) if place.dir.can_hold(path.name()) => {
                self.remove(&place, path.name(), false)
            }
            _ => Ok(()),
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
                    // Some systems remove no directory that is open.
                    let path = done.close();
                    let removed = outer.dir.remove_folder(path.name());
                    if removed.map_err(|e| cannot_write(&path, e))? {
                        self.directories.remove(&path);
                    }
                    // Otherwise, something of the current layer is in it.
                }
                continue;
            };
            let path = dir.path.child(&name);
            match dir.dir.enter(&name) {
                Ok(Entered::Folder(dir)) => {
                    let inner = Place { dir, path };
                    let inside = names(&inner)?;
                    open.push((inner, inside));
                }
                Ok(Entered::Missing) => {}
                Ok(Entered::Other) => {
                    if all || !self.is_made(&path) {
                        let gone = dir.dir.remove_file(&name);
                        let freed = gone.map_err(|e| cannot_write(&path, e))?;
                        self.files = self.files.saturating_sub(1);
                        self.bytes = self.bytes.saturating_sub(freed);
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
        let Some(place) = self.parent_of(path)? else {
            self.skipped.names += 1;
            self.leave_out(path);
            return Ok(());
        };
        let (name, at) = (path.name(), place.path.child(path.name()));
        let failed = |e: io::Error| cannot_write(&at, e);
        if entry.kind == EntryKind::Directory {
            if !matches!(place.dir.enter(name), Ok(Entered::Folder(_))) {
                self.remove(&place, name, true)?;
                place.dir.make(name, false).map_err(failed)?;
            }
            self.note(&at);
            self.directories.insert(at, entry.clone());
            return Ok(());
        }
        self.remove(&place, name, true)?;
        match entry.kind {
            EntryKind::File => self.file(&place, name, &at, entry, content)?,
            EntryKind::Symlink => {
                if !place.dir.symlink(&entry.link, name).map_err(failed)? {
                    self.skipped.links += 1;
                    self.leave_out(path);
                    return Ok(());
                }
                let set = place.dir.describe_link(name, &about(entry, self.owners));
                set.map_err(failed)?;
                self.skipped.xattrs += entry.xattrs.len() as u64;
            }
            EntryKind::CharDevice | EntryKind::BlockDevice | EntryKind::Fifo => {
                let node = match entry.kind {
                    EntryKind::CharDevice => Node::CharDevice(entry.device),
                    EntryKind::BlockDevice => Node::BlockDevice(entry.device),
                    _ => Node::Pipe,
                };
                let made = place.dir.node(name, &node, &about(entry, self.owners));
                if !made.map_err(failed)? {
                    self.skipped.devices += 1;
                    self.leave_out(path);
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
        let missing = || dead_link(path, target, "is not there");
        let from = self.directory(&target.parent(), false)?;
        let from = from.filter(|from| from.dir.can_hold(target.name()));
        let is_left_out = self.left_out.contains(&self.hasher.hash_one(target));
        let Some(from) = from else {
            if !is_left_out {
                return Err(missing());
            }
            self.leave_out(path);
            return Ok(());
        };
        let Some(place) = self.parent_of(path)? else {
            self.skipped.names += 1;
            self.leave_out(path);
            return Ok(());
        };
        let at = place.path.child(path.name());
        // As runtimes do, the old file is removed first. A link to itself thereby loses its target, which is an error.
        self.remove(&place, path.name(), true)?;
        match from.dir.link(target.name(), &place.dir, path.name()) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound && is_left_out => {
                self.leave_out(path);
                return Ok(());
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(missing()),
            Err(_) if matches!(from.dir.enter(target.name()), Ok(Entered::Folder(_))) => {
                return Err(dead_link(path, target, "is a directory"));
            }
            Err(e) => return Err(cannot_write(&at, e)),
        }
        self.files += 1;
        self.note(&at);
        Ok(())
    }

    /// The directory for the file `path`; `None` if a name of the path cannot be given.
    fn parent_of(&mut self, path: &ImagePath) -> Result<Option<Place>> {
        let place = self.directory(&path.parent(), true)?;
        Ok(place.filter(|place| place.dir.can_hold(path.name())))
    }

    /// Remembers that the file `path` was left out.
    fn leave_out(&mut self, path: &ImagePath) {
        self.left_out.insert(self.hasher.hash_one(path));
    }

    fn file(
        &mut self,
        place: &Place,
        name: &[u8],
        path: &ImagePath,
        entry: &Entry,
        content: &mut Content<'_, '_>,
    ) -> Result<()> {
        let created = place.dir.create(name);
        let mut file = created.map_err(|e| cannot_write(path, e))?;
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
        }
        self.bytes += at;
        if sparse {
            file.set_len(at).map_err(|e| cannot_write(path, e))?;
        }
        let skipped = describe(&file, &about(entry, self.owners));
        self.skipped.xattrs += skipped.map_err(|e| cannot_write(path, e))?;
        Ok(())
    }

    /// Sets modes, owners and times of the directories, those below before those above. Returns the entry of the root, which
    /// is left as it is: files may still have to be moved out of it.
    pub(super) fn finish(&mut self) -> Result<Option<Entry>> {
        let root = self.directories.remove(&ImagePath::default());
        for (path, entry) in std::mem::take(&mut self.directories).into_iter().rev() {
            self.last = None;
            let Some(place) = self.directory(&path, false)? else {
                continue;
            };
            let skipped = place.dir.describe(&about(&entry, self.owners));
            self.skipped.xattrs += skipped.map_err(|e| cannot_write(&path, e))?;
        }
        Ok(root)
    }
}

/// What the file of `entry` is given; its owner only with `owners`.
pub(super) fn about(entry: &Entry, owners: bool) -> About<'_> {
    About {
        owner: owners.then_some((entry.uid, entry.gid)),
        mode: entry.mode,
        modified: (entry.modified.seconds, entry.modified.nanos),
        xattrs: &entry.xattrs,
    }
}

/// The names in a directory.
fn names(place: &Place) -> Result<Vec<Vec<u8>>> {
    let names = place.dir.names();
    names.map_err(|e| cannot_write(&place.path, e))
}
