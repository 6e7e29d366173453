//! The files of a repository's blobs, and the links by which repositories share them.
//!
//! A blob has a link in the layout of each repository that may read it, and one in the pool. A repository gets a link by an upload or a
//! mount and by nothing else. Where the file system has no hard links, each repository has a copy.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::image::{Algorithm, Digest};
use crate::serve::stamp::Stamp;
use crate::transport::blob_store::{self, cannot_write};
use crate::{Error, Result};

/// The blobs of one repository.
pub(in crate::serve) struct Blobs {
    dir: PathBuf,
    pool: PathBuf,
}

impl Blobs {
    /// Blobs in `dir`, which share their files with those in `pool`.
    pub(super) fn new(dir: PathBuf, pool: PathBuf) -> Blobs {
        Blobs { dir, pool }
    }

    /// All blobs that are here, manifests included. Blocks.
    pub(in crate::serve) fn all(&self) -> impl Iterator<Item = (Digest, fs::Metadata)> + use<> {
        in_directory(&self.dir)
    }

    /// Where the blob `digest` is, if it is here.
    pub(in crate::serve) fn file(&self, digest: &Digest) -> PathBuf {
        below(&self.dir, digest)
    }

    /// The stamp of the file of `digest`, if it is here.
    pub(super) fn stamp(&self, digest: &Digest) -> Option<Stamp> {
        Stamp::at(&self.file(digest))
    }

    /// The size of a blob that is here.
    pub(in crate::serve) fn size(&self, digest: &Digest) -> Option<u64> {
        let about = fs::metadata(self.file(digest)).ok()?;
        about.is_file().then_some(about.len())
    }

    /// Takes the complete and verified file `upload` in as the blob `digest`. A blob that is here already is replaced: who
    /// pushes it again may know that its file is damaged. Blocks.
    pub(in crate::serve) fn take(&self, upload: &Path, digest: &Digest) -> Result<()> {
        let (to, pooled) = (self.file(digest), below(&self.pool, digest));
        let size = fs::metadata(upload)
            .map_err(|e| cannot_write(&to, 0, 0, e))?
            .len();
        self.prepare(&to, &pooled)?;
        let same = |path: &Path| fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() == size);
        if same(&to) {
            fs::rename(upload, &to).map_err(|e| cannot_write(&to, 0, size, e))?;
            blob_store::remove(&pooled);
            _ = fs::hard_link(&to, &pooled);
            return Ok(());
        }
        if same(&pooled) && link(&pooled, &to, size).is_ok() {
            blob_store::remove(upload);
            return Ok(());
        }
        match link(upload, &to, size) {
            // The repository has it by now, so that the pool's link is never the only one.
            Ok(()) => {
                if let Err(e) = fs::rename(upload, &pooled) {
                    tracing::warn!("`{}` is not shared: {e:#}", to.display());
                    blob_store::remove(upload);
                }
                Ok(())
            }
            Err(e) => {
                tracing::debug!("no hard links at `{}`: {e:#}", to.display());
                fs::rename(upload, &to).map_err(|e| cannot_write(&to, 0, size, e))
            }
        }
    }

    /// Gives this repository the blob `digest` of `other`; false when it is not there. Blocks.
    pub(in crate::serve) fn mount(&self, digest: &Digest, other: &Blobs) -> Result<bool> {
        match other.size(digest) {
            Some(size) => self.mount_file(digest, &other.file(digest), size),
            None => Ok(false),
        }
    }

    /// Gives this repository the blob `digest` from whichever has it; false when none has. Blocks.
    pub(in crate::serve) fn mount_any(&self, digest: &Digest) -> Result<bool> {
        let pooled = below(&self.pool, digest);
        match fs::metadata(&pooled) {
            Ok(about) if about.is_file() => self.mount_file(digest, &pooled, about.len()),
            _ => Ok(false),
        }
    }

    fn mount_file(&self, digest: &Digest, from: &Path, size: u64) -> Result<bool> {
        let to = self.file(digest);
        self.prepare(&to, &below(&self.pool, digest))?;
        let linked = match link(from, &to, size) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
            Err(e) => {
                tracing::debug!("no hard links at `{}`: {e:#}", to.display());
                copy(from, &self.layout(), &to)
            }
            linked => linked,
        };
        linked.map_err(|e| cannot_write(&to, 0, size, e))?;
        Ok(true)
    }

    /// Removes a blob from this repository, and from the pool when no other has it; false when it is not here. Blocks.
    pub(in crate::serve) fn remove(&self, digest: &Digest) -> Result<bool> {
        let file = self.file(digest);
        match fs::remove_file(&file) {
            Ok(()) => {}
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
            Err(e) => {
                let text = format!("cannot remove `{}`", file.display());
                return Err(Error::other(text).because(e));
            }
        }
        let pooled = below(&self.pool, digest);
        if fs::metadata(&pooled).is_ok_and(|about| crate::platform::names(&about) == 1) {
            blob_store::remove(&pooled);
        }
        Ok(true)
    }

    /// Makes the names of the blobs durable. Blocks.
    pub(super) fn sync(&self) -> Result<()> {
        for algorithm in [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512] {
            let dir = self.dir.join(algorithm.as_str());
            if dir.exists() {
                blob_store::sync_directory(&dir)?;
            }
        }
        blob_store::sync_directory(&self.dir)
    }

    /// Where partial files are: in the layout, and not among its blobs, where other tools take every name for a digest.
    fn layout(&self) -> PathBuf {
        self.dir.parent().unwrap_or(&self.dir).to_owned()
    }

    fn prepare(&self, to: &Path, pooled: &Path) -> Result<()> {
        for file in [to, pooled] {
            if let Some(parent) = file.parent() {
                blob_store::create_directory(parent)?;
            }
        }
        Ok(())
    }
}

/// Links `from` to the name `to`. A file that is there already with `size` bytes is as good; one of another size is what a
/// crash of another program left.
fn link(from: &Path, to: &Path, size: u64) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            if fs::metadata(to).is_ok_and(|m| m.is_file() && m.len() == size) {
                return Ok(());
            }
            fs::remove_file(to)?;
            fs::hard_link(from, to)
        }
        linked => linked,
    }
}

fn copy(from: &Path, dir: &Path, to: &Path) -> io::Result<()> {
    let temporary = blob_store::temporary_in(dir)?;
    fs::copy(from, temporary.path())?;
    temporary.as_file().sync_data()?;
    temporary.persist(to)?;
    Ok(())
}

/// The files of a directory of blobs.
pub(super) fn in_directory(dir: &Path) -> impl Iterator<Item = (Digest, fs::Metadata)> + use<> {
    let algorithms = fs::read_dir(dir).into_iter().flatten().flatten();
    algorithms.flat_map(|algorithm| {
        let files = fs::read_dir(algorithm.path()).into_iter();
        files.flatten().flatten().filter_map(move |file| {
            let (algorithm, hex) = (algorithm.file_name(), file.file_name());
            let digest = format!("{}:{}", algorithm.to_str()?, hex.to_str()?);
            Some((digest.parse().ok()?, file.metadata().ok()?))
        })
    })
}

fn below(root: &Path, digest: &Digest) -> PathBuf {
    root.join(digest.algorithm().as_str()).join(digest.hex())
}
