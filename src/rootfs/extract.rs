//! Writing the files of an image into a directory.
//!
//! All is unpacked into a directory of its own inside the destination first, and moved from there when every layer was read
//! and verified. So nothing unfinished or wrong ever stands under a final name, whiteouts take away only what came from the
//! image, and what was in the destination is not touched unless that is wanted.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, Skipped, about};
use super::entry::dead_link;
use super::{Change, Content, Entry, EntryKind, Found, ImagePath, Layers, Next, Visit, merged};
use crate::platform::{self, Folder};
use crate::{Error, Result};

/// What is extracted, and how.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ExtractOptions {
    /// Files and directories, with all below them; everything if there are none.
    pub paths: Vec<ImagePath>,
    /// Give files the owners that they have in the image, which only root may.
    pub owners: bool,
    /// Replace files that are in the destination.
    pub overwrite: bool,
}

/// What was extracted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Files, links and devices; directories are not counted.
    pub files: u64,
    /// Bytes of the files, holes included. A file counts once, whatever names it has.
    pub bytes: u64,
    pub skipped: Skipped,
}

/// Writes the files of `layers` into the directory `to`, which is made if it is not there.
///
/// # Errors
/// [`crate::Kind::NotFound`] for a path that the image does not have; [`crate::Kind::Refused`] for what cannot be written, or is in `to`
/// already; those of reading the layers.
pub async fn extract(layers: &Layers, to: &Path, options: &ExtractOptions) -> Result<Extracted> {
    let is_new = fs::symlink_metadata(to).is_err();
    fs::create_dir_all(to).map_err(|e| cannot(to, e))?;
    let extracted = extract_into(layers, to, options, is_new).await;
    if is_new && extracted.is_err() {
        // A second try makes it again. It stays if something else is in it by now.
        let _ = fs::remove_dir(to);
    }
    extracted
}

/// As [`extract`] into a directory that is there. Only one that `is_new` gets what the image says of its root.
async fn extract_into(
    layers: &Layers,
    to: &Path,
    options: &ExtractOptions,
    is_new: bool,
) -> Result<Extracted> {
    let stage = tempfile::Builder::new()
        .prefix(".barque-extract-")
        .tempdir_in(to)
        .map_err(|e| cannot(to, e))?;
    let root = Folder::open(stage.path()).map_err(|e| cannot(stage.path(), e))?;
    let owners = options.owners;
    let mut disk = match options.paths.is_empty() {
        true => all(layers, root, owners).await?,
        false => parts(layers, root, owners, &options.paths).await?,
    };
    let about_root = disk.finish()?;
    let mut done = Extracted {
        files: disk.files,
        bytes: disk.bytes,
        skipped: disk.skipped,
    };
    // Some systems remove no directory that is open.
    drop(disk);
    move_in(stage.path(), to, options.overwrite)?;
    stage.close().map_err(|e| cannot(to, e))?;
    if let Some(entry) = about_root.filter(|_| is_new) {
        let described = Folder::open(to).and_then(|root| root.describe(&about(&entry, owners)));
        done.skipped.xattrs += described.map_err(|e| cannot(to, e))?;
    }
    Ok(done)
}

fn cannot(path: &Path, e: io::Error) -> Error {
    Error::refused(format!("cannot write into `{}`", path.display())).because(e)
}

/// Unpacks all layers, base first.
async fn all(layers: &Layers, root: Folder, owners: bool) -> Result<Disk> {
    let mut disk = Disk::new(root, owners);
    for at in 0..layers.list().len() {
        disk.begin_layer();
        disk = layers.walk(at, Unpack(disk)).await?.0;
    }
    Ok(disk)
}

/// Puts the entries of a layer on top of what is there.
struct Unpack(Disk);

impl Visit for Unpack {
    fn entry(&mut self, entry: Entry, content: &mut Content<'_, '_>) -> Result<Next> {
        match entry.change()? {
            Change::Nothing => {}
            Change::Hides(path) => self.0.hide(&path, false)?,
            Change::Opaque(path) => self.0.hide(&path, true)?,
            Change::Sets if entry.kind == EntryKind::HardLink => {
                self.0.link(&entry.path, &entry.hard_link()?)?;
            }
            Change::Sets => self.0.put(&entry, content)?,
        }
        Ok(Next::Go)
    }
}

/// The files of one layer that are wanted, by the paths of their entries: where each goes.
type Wanted = HashMap<ImagePath, Vec<ImagePath>>;

/// Unpacks the files at and below `paths`, from the layers that they are from.
async fn parts(layers: &Layers, root: Folder, owners: bool, paths: &[ImagePath]) -> Result<Disk> {
    let tree = merged(layers).await?;
    // Directories that no entry describes.
    let mut implied = Vec::new();
    let mut wanted: Vec<Wanted> = layers.list().iter().map(|_| Wanted::new()).collect();
    for path in paths {
        let Found::There(top) = tree.resolve(path, false) else {
            let text = format!("the image has no file `{path}`");
            return Err(Error::not_found(text));
        };
        let mut ahead = vec![top];
        while let Some(id) = ahead.pop() {
            if tree.node(id).kind == EntryKind::Directory {
                ahead.extend(tree.children(id));
            }
            match tree.origin(id) {
                Some(origin) => want(origin, tree.path(id), &mut wanted),
                None => implied.push(tree.path(id)),
            }
        }
    }
    let mut disk = Disk::new(root, owners);
    for (at, wanted) in wanted
        .into_iter()
        .enumerate()
        .filter(|(_, w)| !w.is_empty())
    {
        let pick = Pick {
            disk,
            wanted,
            found: HashSet::new(),
        };
        let picked = layers.walk_wanted(at, pick, Pick::target).await?;
        picked.check_all_found()?;
        disk = picked.disk;
    }
    for path in implied {
        disk.directory(&path, true)?;
    }
    Ok(disk)
}

/// Adds the file `path` to what is wanted of the layer that it is from.
fn want((layer, entry_path): (usize, ImagePath), path: ImagePath, wanted: &mut [Wanted]) {
    if let Some(of_layer) = wanted.get_mut(layer) {
        let goes = of_layer.entry(entry_path).or_default();
        if !goes.contains(&path) {
            goes.push(path);
        }
    }
}

/// Puts the wanted entries of a layer where they belong.
struct Pick {
    disk: Disk,
    wanted: Wanted,
    /// Keys of `wanted` whose entries came.
    found: HashSet<ImagePath>,
}

impl Pick {
    /// An error unless all that was wanted of the layer came: a hard link may name what is not there.
    fn check_all_found(&self) -> Result<()> {
        let mut wanted = self.wanted.iter();
        match wanted.find(|(path, _)| !self.found.contains(*path)) {
            None => Ok(()),
            Some((path, goes)) => {
                let link = goes.first().unwrap_or(path);
                Err(dead_link(link, path, "is not there"))
            }
        }
    }

    /// The path of `entry`, if it is wanted.
    fn target(&self, entry: &Entry) -> Option<ImagePath> {
        // A whiteout that names nothing was found when the layers were put on top of each other.
        if entry.change().ok()? != Change::Sets || entry.kind == EntryKind::HardLink {
            return None;
        }
        let is_wanted = self.wanted.contains_key(&entry.path);
        is_wanted.then(|| entry.path.clone())
    }
}

impl Visit for Pick {
    fn entry(&mut self, entry: Entry, content: &mut Content<'_, '_>) -> Result<Next> {
        let Some(path) = self.target(&entry) else {
            return Ok(Next::Go);
        };
        if let Some([first, others @ ..]) = self.wanted.get(&path).map(Vec::as_slice) {
            self.disk.put_at(first, &entry, content)?;
            for other in others {
                self.disk.link(other, first)?;
            }
            self.found.insert(path);
        }
        Ok(Next::Go)
    }
}

/// Moves all that is in the directory `from` into the directory `to`, which holds `from`.
///
/// Nothing is moved before it was seen that all of it can be.
fn move_in(from: &Path, to: &Path, overwrite: bool) -> Result<()> {
    let mut moves = Vec::new();
    let mut ahead = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = ahead.pop() {
        for entry in fs::read_dir(&from).map_err(|e| cannot(&from, e))? {
            let entry = entry.map_err(|e| cannot(&from, e))?;
            let (source, target) = (entry.path(), to.join(entry.file_name()));
            let is_dir = entry.file_type().map_err(|e| cannot(&source, e))?.is_dir();
            match fs::symlink_metadata(&target) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => moves.push((source, target)),
                Err(e) => return Err(cannot(&target, e)),
                Ok(there) if there.is_dir() && is_dir => {
                    // What is in it can be moved only from a directory that can be written.
                    platform::make_writable(&source).map_err(|e| cannot(&source, e))?;
                    ahead.push((source, target));
                }
                Ok(there) if overwrite && !there.is_dir() && !is_dir => {
                    moves.push((source, target))
                }
                Ok(there) => return Err(in_the_way(&target, there.is_dir() || is_dir)),
            }
        }
    }
    for (source, target) in moves {
        rename(&source, &target)?;
    }
    Ok(())
}

/// Moves a file or directory. A directory without write permission has to get it for the move: its `..` changes.
fn rename(source: &PathBuf, target: &Path) -> Result<()> {
    let Err(e) = fs::rename(source, target) else {
        return Ok(());
    };
    let about = fs::symlink_metadata(source).map_err(|e| cannot(source, e))?;
    if e.kind() != io::ErrorKind::PermissionDenied || !about.is_dir() {
        return Err(cannot(target, e));
    }
    let modified = about.modified().map_err(|e| cannot(source, e))?;
    if !platform::make_writable(source).map_err(|e| cannot(source, e))? {
        return Err(cannot(target, e));
    }
    fs::rename(source, target).map_err(|e| cannot(target, e))?;
    let dir = fs::File::open(target).map_err(|e| cannot(target, e))?;
    dir.set_modified(modified).map_err(|e| cannot(target, e))?;
    fs::set_permissions(target, about.permissions()).map_err(|e| cannot(target, e))
}

fn in_the_way(target: &Path, has_dir: bool) -> Error {
    let text = format!("`{}` is there already", target.display());
    let error = Error::refused(text);
    match has_dir {
        true => error.hint("choose another directory with `-C`"),
        false => error.hint("`--overwrite` replaces files; `-C DIR` chooses another directory"),
    }
}
