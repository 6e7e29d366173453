//! `DirDestination`: an image written into a directory.
//!
//! A directory is replaced as a whole, but never torn down first: blobs that fit are kept, `manifest.json` changes last,
//! and only then does what belonged to the image before go. Killed at any point, it is the old image, the new one, or
//! something that the same copy completes.
//!
//! It holds one image, so one process at a time writes to it, under a lock: from the first look at what is there, since a
//! blob that another writer is about to remove is not there, to the end. Readers take no lock.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::blob_store::{self, Lock, blocking, read_document};
use super::{MANIFEST, blob_name, child_name, signatures};
use crate::image::{Algorithm, Descriptor, Digest, Manifest, View};
use crate::transport::{
    BlobBody, BlobOutcome, Destination, DestinationCan, DestinationInventory, DestinationOffers,
    ManifestRef, ManifestWritten, Presence, SignatureStore, StreamedBlobs, WrittenLate,
};
use crate::{Error, Result, locked};

const VERSION: &str = "version";
const VERSION_PREFIX: &str = "Directory Transport Version: 1.";
/// Blobs by bare hex digits: SHA-256 only.
const VERSION_1_1: &str = "Directory Transport Version: 1.1\n";
/// Blobs of other algorithms as `ALGORITHM-HEX`.
const VERSION_1_2: &str = "Directory Transport Version: 1.2\n";

/// An image in a flat directory, to write. Nothing is made before the first write.
pub struct DirDestination {
    path: PathBuf,
    /// Held from the first look at a blob that is there, or the first write.
    lock: OnceCell<Mutex<Option<Lock>>>,
    made: OnceCell<()>,
    image: Mutex<Image>,
}

/// The image that is being written.
#[derive(Default, Clone)]
struct Image {
    /// The bytes of `manifest.json`.
    manifest: Option<Bytes>,
    /// The files that belong to it.
    names: BTreeSet<String>,
    /// Sizes of the blobs that were found or written.
    parts: BTreeMap<String, u64>,
    /// Something has a digest of another algorithm than SHA-256.
    other_algorithms: bool,
}

impl Image {
    fn holds_blob(&mut self, digest: &Digest) {
        self.names.insert(blob_name(digest));
        self.other_algorithms |= digest.algorithm() != Algorithm::Sha256;
    }

    /// Notes a blob that is there now and has to be there still when the image is named.
    fn relies_on(&mut self, digest: &Digest, size: u64) {
        self.holds_blob(digest);
        self.parts.insert(blob_name(digest), size);
    }
}

impl DirDestination {
    /// Opens `path` to write: an image directory, which is replaced, an empty directory, or nothing yet.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] for a directory with anything else in it.
    pub async fn open(path: &Path) -> Result<DirDestination> {
        let path = path.to_owned();
        blocking(move || {
            check_writable(&path)?;
            Ok(DirDestination {
                path,
                lock: OnceCell::new(),
                made: OnceCell::new(),
                image: Mutex::default(),
            })
        })
        .await
    }

    fn image(&self) -> MutexGuard<'_, Image> {
        locked(&self.image)
    }

    /// Makes this an image directory, before anything else is in it: a copy that is killed leaves something that
    /// the next one takes for its own.
    async fn made(&self) -> Result<()> {
        let make = async || {
            self.locked().await?;
            let path = self.path.clone();
            blocking(move || {
                // It may have become something else while the lock was waited for.
                check_writable(&path)?;
                match path.join(VERSION).exists() {
                    true => Ok(()),
                    false => write_version(&path, VERSION_1_1),
                }
            })
            .await
        };
        self.made.get_or_try_init(make).await.copied()
    }

    /// Makes the directory and takes its lock; waits while another process holds it.
    async fn locked(&self) -> Result<()> {
        let take = || {
            let path = self.path.clone();
            blocking(move || {
                blob_store::create_directory(&path)?;
                Ok(Mutex::new(Some(Lock::take(&path, None)?)))
            })
        };
        self.lock.get_or_try_init(take).await.map(|_| ())
    }

    fn unlock(&self) {
        if let Some(lock) = self.lock.get() {
            let mut lock = locked(lock);
            drop(lock.take());
        }
    }

    /// Whether the file of `blob` is there, with its size.
    async fn has_file(&self, blob: &Descriptor) -> bool {
        blob_store::holds(&self.path.join(blob_name(&blob.digest)), blob.size).await
    }
}

fn write_version(path: &Path, version: &str) -> Result<()> {
    blob_store::write_document_blocking(&path.join(VERSION), path, version.as_bytes())
}

fn check_writable(path: &Path) -> Result<()> {
    let refused = |what: &str| Error::refused(format!("`{}` {what}", path.display()));
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(blob_store::no_directory(path, e)),
    };
    let mut names = entries.flatten().map(|e| e.file_name());
    if names.all(|name| name.to_str().is_some_and(blob_store::is_partial_name)) {
        return Ok(());
    }
    // After the names: another process that writes an image here just now has written the version before its first file.
    let version = read_document(&path.join(VERSION))?;
    if version.is_some_and(|v| v.starts_with(VERSION_PREFIX.as_bytes())) {
        return Ok(());
    }
    Err(
        refused("is not a containers image directory, don't want to overwrite important data")
            .hint("choose a new or empty directory"),
    )
}

#[async_trait]
impl Destination for DirDestination {
    fn name(&self) -> String {
        format!("dir:{}", self.path.display())
    }

    fn can(&self) -> DestinationCan {
        DestinationCan {
            accepts_unknown_digest: true,
            ..DestinationCan::default()
        }
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        self.made().await?;
        self.image().holds_blob(&blob.digest);
        let to = self.path.join(blob_name(&blob.digest));
        let stored = blob_store::write_blob(&to, &self.path, blob, &body).await?;
        self.image().relies_on(&blob.digest, blob.size);
        Ok(stored)
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten> {
        self.made().await?;
        {
            let mut image = self.image();
            match manifest.view() {
                Ok(View::Image(view)) => view.blobs().for_each(|b| image.holds_blob(&b.digest)),
                Ok(View::Artifact(view)) => {
                    view.blobs.iter().for_each(|b| image.holds_blob(&b.digest));
                }
                Ok(View::Schema1(view)) => {
                    view.fs_layers.iter().for_each(|l| image.holds_blob(l));
                }
                Ok(View::Index(view)) => {
                    for child in &view.manifests {
                        image.names.insert(child_name(&child.digest));
                    }
                }
                Err(_) => {}
            }
            if *at == ManifestRef::Named {
                image.manifest = Some(manifest.raw().clone());
                return Ok(ManifestWritten::default());
            }
            image.names.insert(child_name(manifest.digest()));
            image.other_algorithms |= manifest.digest().algorithm() != Algorithm::Sha256;
        }
        let to = self.path.join(child_name(manifest.digest()));
        blob_store::write_document(&to, &self.path, manifest.raw().clone()).await?;
        Ok(ManifestWritten::default())
    }

    async fn finish(&self) -> Result<()> {
        let (path, image) = (self.path.clone(), self.image().clone());
        if self.made.get().is_none() {
            // The image was there. A writer that was killed at its end may have left parts of the one before.
            if self.lock.get().is_some() {
                let tidy = move || {
                    remove_former(&path, |name| {
                        !is_signature(name) && !image.names.contains(name)
                    });
                    blob_store::sweep(&path, Duration::ZERO, blob_store::is_partial_name);
                    Ok(())
                };
                blocking(tidy).await?;
                self.unlock();
            }
            return Ok(());
        }
        let finished = blocking(move || {
            blob_store::sync_directory(&path)?;
            let Some(manifest) = &image.manifest else {
                return Ok(());
            };
            check_parts(&path, &image.parts)?;
            let former = |name: &str| !image.names.contains(name);
            // The new image never has the signatures of the old one.
            remove_former(&path, |name| is_signature(name) && former(name));
            // Readers of 1.2 read 1.1 too, so between the two writes the directory is called 1.2.
            let before = read_document(&path.join(VERSION))?;
            if image.other_algorithms && before.as_deref() != Some(VERSION_1_2.as_bytes()) {
                write_version(&path, VERSION_1_2)?;
            }
            blob_store::write_document_blocking(&path.join(MANIFEST), &path, manifest)?;
            if !image.other_algorithms && before.as_deref() != Some(VERSION_1_1.as_bytes()) {
                write_version(&path, VERSION_1_1)?;
            }
            blob_store::sync_directory(&path)?;
            remove_former(&path, former);
            blob_store::sweep(&path, Duration::ZERO, blob_store::is_partial_name);
            Ok(())
        });
        finished.await?;
        self.unlock();
        Ok(())
    }

    fn offers(&self) -> DestinationOffers<'_> {
        DestinationOffers {
            inventory: Some(self),
            streams: Some(self),
            signatures: Some(self),
            ..DestinationOffers::default()
        }
    }
}

#[async_trait]
impl DestinationInventory for DirDestination {
    async fn current(&self) -> Result<Option<Digest>> {
        let path = self.path.join(MANIFEST);
        blocking(move || {
            let raw = read_document(&path)?;
            let manifest = raw.and_then(|raw| Manifest::parse(raw, None).ok());
            Ok(manifest.map(|m| m.digest().clone()))
        })
        .await
    }

    async fn has(&self, blob: &Descriptor) -> Result<Presence> {
        if !self.has_file(blob).await {
            return Ok(Presence::Absent);
        }
        if let Err(e) = self.locked().await {
            // A copy that finds all in place needs no lock; one that writes fails for the same reason.
            tracing::debug!("{e:#}");
        }
        if self.has_file(blob).await {
            self.image().relies_on(&blob.digest, blob.size);
            return Ok(Presence::Present);
        }
        Ok(Presence::Absent)
    }

    async fn look(&self, blob: &Descriptor) -> Result<Presence> {
        Ok(Presence::known(self.has_file(blob).await))
    }

    async fn is_intact(&self, blob: &Descriptor) -> Result<bool> {
        let path = self.path.join(blob_name(&blob.digest));
        blob_store::is_intact(path, &blob.digest).await
    }
}

#[async_trait]
impl StreamedBlobs for DirDestination {
    async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        self.made().await?;
        let name = |digest: &Digest| self.path.join(blob_name(digest));
        let algorithm = planned.digest.algorithm();
        let written = blob_store::write_late(&self.path, algorithm, &body, name).await?;
        self.image().relies_on(&written.digest, written.size);
        Ok(written)
    }
}

#[async_trait]
impl SignatureStore for DirDestination {
    /// Before `manifest.json`: where the new image is seen, it has its signatures.
    async fn put_signatures(
        &self,
        of: &ManifestRef,
        _digest: &Digest,
        signatures: &[Bytes],
    ) -> Result<()> {
        self.made().await?;
        for (i, signature) in signatures.iter().enumerate() {
            let name = signatures::name(of, i + 1);
            let to = self.path.join(&name);
            self.image().names.insert(name);
            blob_store::write_document(&to, &self.path, signature.clone()).await?;
        }
        Ok(())
    }
}

/// Checks that all blobs of the image are still there: another program may know nothing of the lock.
fn check_parts(path: &Path, parts: &BTreeMap<String, u64>) -> Result<()> {
    let is_there = |(name, size): &(&String, &u64)| {
        fs::metadata(path.join(name)).is_ok_and(|m| m.len() == **size)
    };
    match parts.iter().find(|part| !is_there(part)) {
        None => Ok(()),
        Some((name, _)) => {
            let file = path.join(name);
            let text = format!(
                "`{}` was removed while the image was written",
                file.display()
            );
            Err(Error::refused(text).hint("run the same command again: it writes what is missing"))
        }
    }
}

/// Removes what an earlier image left: blobs, manifests and signatures that are `former` ones by their names. Files
/// that no image has stay.
fn remove_former(path: &Path, former: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let former = name
            .to_str()
            .is_some_and(|name| is_image_file(name) && former(name));
        if former && let Err(e) = fs::remove_file(entry.path()) {
            tracing::warn!("cannot remove `{}`: {e:#}", entry.path().display());
        }
    }
}

/// Whether an image directory's writer gave this name: a blob, a child manifest, a signature, a temporary file.
fn is_image_file(name: &str) -> bool {
    let (digest, rest) = name.split_once('.').unwrap_or((name, ""));
    is_signature(name)
        || name.starts_with("dir-put-blob")
        || (is_blob_name(digest) && matches!(rest, "" | MANIFEST | "tar"))
}

/// Whether this is the name of a signature, of the image or of a manifest that it lists.
fn is_signature(name: &str) -> bool {
    let (digest, rest) = name.split_once('.').unwrap_or((name, ""));
    signatures::is_name(name) || (is_blob_name(digest) && signatures::is_name(rest))
}

fn is_blob_name(name: &str) -> bool {
    let digest = match name.split_once('-') {
        Some((algorithm, hex)) => format!("{algorithm}:{hex}"),
        None => match name.len() {
            128 => format!("sha512:{name}"),
            96 => format!("sha384:{name}"),
            _ => format!("sha256:{name}"),
        },
    };
    digest.parse::<Digest>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_an_image_are_taken_for_such() {
        let hex = "a".repeat(64);
        for name in [
            hex.clone(),
            format!("{hex}.manifest.json"),
            format!("{hex}.signature-12"),
            format!("sha512-{hex}{hex}"),
            "signature-1".into(),
            "dir-put-blob123".into(),
        ] {
            assert!(is_image_file(&name), "{name}");
        }
        for name in [
            "notes.txt",
            "version",
            "manifest.json",
            "signature-",
            "abc",
            &format!("{hex}.jpg"),
        ] {
            assert!(!is_image_file(name), "{name}");
        }
    }
}
