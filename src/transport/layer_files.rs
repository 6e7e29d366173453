//! The directory that `barque layers` writes: `manifest.json` and one `HEX.tar` a layer.
//!
//! A destination like the others, so that the copy engine fills it: with retries, progress, and partial files that the
//! next run continues. It is no transport: nothing is read from here by name.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;

use super::blob_store::Lock;
use super::blob_store::{self, blocking, read_document};
use super::{
    BlobBody, BlobOutcome, Destination, DestinationInventory, DestinationOffers, ManifestRef,
    ManifestWritten, Presence,
};
use crate::image::{Descriptor, Digest, Manifest};
use crate::{Error, Kind, Result};

const MANIFEST: &str = "manifest.json";
/// Random characters at the end of a directory's name.
const RANDOM: usize = 9;

/// A directory of layers, to write.
pub struct LayerFiles {
    path: PathBuf,
    /// Set where barque chose the name: the directory with its lock, where the file system has locks.
    own: Option<File>,
    /// That of a directory that the user chose, as long as it is written to.
    _lock: Option<Lock>,
}

impl LayerFiles {
    /// Opens the directory `path`, which is made when it does not exist. It may be empty, or hold what an earlier call
    /// left of the image `manifest` with these `layers`.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a directory with anything else in it, one that another process writes to, and one that
    /// cannot be made.
    pub fn open(path: &Path, manifest: &Manifest, layers: &[Descriptor]) -> Result<LayerFiles> {
        blob_store::create_directory(path)?;
        let lock = Lock::try_take(path, None)?.ok_or_else(|| {
            let text = format!("another process writes to `{}`", path.display());
            Error::refused(text).hint("choose a new or empty directory")
        })?;
        match is_of(path, manifest, layers) {
            Ok(true) => Ok(LayerFiles {
                path: path.to_owned(),
                own: None,
                _lock: Some(lock),
            }),
            Ok(false) => Err(Error::refused(format!("`{}` is not empty", path.display()))
                .hint("choose a new or empty directory, or the one of an interrupted download")),
            Err(e) => Err(cannot_make(path, e)),
        }
    }

    /// Continues a directory `PREFIXxxxxxxxxx` below the working directory that an interrupted call for the same image
    /// left, or makes a new one.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the directory cannot be made.
    pub fn fresh(prefix: &str, manifest: &Manifest, layers: &[Descriptor]) -> Result<LayerFiles> {
        if let Some(left) = interrupted(prefix, manifest, layers) {
            return Ok(left);
        }
        let made = tempfile::Builder::new()
            .prefix(prefix)
            .rand_bytes(RANDOM)
            .tempdir_in(".")
            .map_err(|e| cannot_make(Path::new(prefix), e))?;
        // The name alone, as it is in the working directory: tempfile makes its paths absolute.
        let path = PathBuf::from(made.keep().file_name().unwrap_or_default());
        let own = File::open(&path).map_err(|e| cannot_make(&path, e))?;
        // Without locks others take it for theirs only when they copy the same image.
        let _ = own.try_lock();
        Ok(LayerFiles::own(path, own))
    }

    fn own(path: PathBuf, own: File) -> LayerFiles {
        LayerFiles {
            path,
            own: Some(own),
            _lock: None,
        }
    }

    /// Where the layers are.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// After the failure `why`: removes a directory that barque named, unless running the command again may continue it.
    pub fn give_up(&self, why: &Error) {
        let continues = matches!(why.kind(), Kind::Unavailable | Kind::Refused);
        if self.own.is_some()
            && !continues
            && let Err(e) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!("cannot remove `{}`: {e:#}", self.path.display());
        }
    }

    fn file(&self, digest: &Digest) -> PathBuf {
        self.path.join(file_name(digest))
    }
}

impl Drop for LayerFiles {
    fn drop(&mut self) {
        // Also when a signal ends the program: only an empty directory goes.
        if self.own.is_some() {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn file_name(digest: &Digest) -> String {
    format!("{}.tar", digest.hex())
}

fn cannot_make(path: &Path, e: io::Error) -> Error {
    let text = format!("cannot make the directory `{}`", path.display());
    Error::refused(text).because(e)
}

/// Whether all that is in the directory `path` belongs to the image `manifest` with these `layers`.
fn is_of(path: &Path, manifest: &Manifest, layers: &[Descriptor]) -> io::Result<bool> {
    let is_layer = |name: &str| layers.iter().any(|l| file_name(&l.digest) == name);
    for entry in fs::read_dir(path)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str() else {
            return Ok(false);
        };
        let same = || {
            let there = read_document(&path.join(name)).ok().flatten();
            name == MANIFEST && there.is_some_and(|there| there == *manifest.raw())
        };
        if !blob_store::is_partial_name(name) && !is_layer(name) && !same() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// An unfinished directory of this user and this image that no other process is using.
fn interrupted(prefix: &str, manifest: &Manifest, layers: &[Descriptor]) -> Option<LayerFiles> {
    let entries = fs::read_dir(".").ok()?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let random = name.to_str().and_then(|name| name.strip_prefix(prefix));
        if !random
            .is_some_and(|r| r.len() == RANDOM && r.bytes().all(|b| b.is_ascii_alphanumeric()))
        {
            continue;
        }
        let path = PathBuf::from(&name);
        // Files are trusted by name and size, so no other user may have been able to put them there.
        let mine = fs::symlink_metadata(&path)
            .is_ok_and(|about| about.is_dir() && crate::platform::is_mine_alone(&about));
        if mine
            && !path.join(MANIFEST).exists()
            && matches!(is_of(&path, manifest, layers), Ok(true))
            && let Ok(own) = File::open(&path)
            && own.try_lock().is_ok()
        {
            tracing::debug!("continuing `{}`", path.display());
            return Some(LayerFiles::own(path, own));
        }
    }
    None
}

#[async_trait]
impl Destination for LayerFiles {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        blob_store::write_blob(&self.file(&blob.digest), &self.path, blob, &body).await
    }

    async fn put_manifest(&self, manifest: &Manifest, _: &ManifestRef) -> Result<ManifestWritten> {
        let (path, raw) = (self.path.clone(), manifest.raw().clone());
        blocking(move || {
            // The layers are durable before the manifest says that they are there.
            blob_store::sync_directory(&path)?;
            blob_store::write_document_blocking(&path.join(MANIFEST), &path, &raw)?;
            Ok(ManifestWritten::default())
        })
        .await
    }

    async fn finish(&self) -> Result<()> {
        let path = self.path.clone();
        blocking(move || {
            blob_store::sync_directory(&path)?;
            blob_store::sweep(&path, Duration::ZERO, blob_store::is_partial_name);
            Ok(())
        })
        .await
    }

    fn offers(&self) -> DestinationOffers<'_> {
        DestinationOffers {
            inventory: Some(self),
            ..DestinationOffers::default()
        }
    }
}

#[async_trait]
impl DestinationInventory for LayerFiles {
    async fn current(&self) -> Result<Option<Digest>> {
        let path = self.path.join(MANIFEST);
        blocking(move || {
            let manifest = read_document(&path)?.and_then(|raw| Manifest::parse(raw, None).ok());
            Ok(manifest.map(|m| m.digest().clone()))
        })
        .await
    }

    async fn has(&self, blob: &Descriptor) -> Result<Presence> {
        let file = self.file(&blob.digest);
        Ok(Presence::known(blob_store::holds(&file, blob.size).await))
    }
}
