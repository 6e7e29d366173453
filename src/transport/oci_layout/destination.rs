//! `OciDestination`: an image written into a layout.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::attached::referrers_to;
use super::blobs::{Blobs, reader};
use super::enter::{NewEntries, enter, lock};
use super::index::Index;
use super::{INDEX_FILE, LAYOUT_FILE, check_version, image_name, read_index};
use crate::image::{Descriptor, Digest, Manifest, MediaType, Selector, Tag};
use crate::transport::blob_store::{self, blocking};
use crate::transport::{
    Attachment, AttachmentStore, BlobBody, BlobOutcome, Destination, DestinationCan,
    DestinationInventory, DestinationOffers, Foreign, IndexDescriptions, ManifestRef,
    ManifestWritten, Presence, StreamedBlobs, WrittenLate,
};
use crate::{Error, Result, locked};

/// How long a partial file waits to be continued before a later copy into the layout removes it.
const PARTIALS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// An image in an OCI layout, to write. Nothing is made before the first write.
pub struct OciDestination {
    path: PathBuf,
    blobs: Blobs,
    selector: Selector,
    made: OnceCell<()>,
    /// The entries that `finish` adds to the index.
    new: Mutex<NewEntries>,
    /// Blobs that were found or written. All of them still have to be there when the image is entered.
    parts: Mutex<Vec<(Digest, u64)>>,
}

impl OciDestination {
    /// Opens `path` to write: a layout, an empty directory, or nothing yet.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] for a directory with anything else in it; [`crate::Kind::Other`] for a name with `@N`, which is for
    /// reading only.
    pub async fn open(path: &Path, selector: &Selector) -> Result<OciDestination> {
        let new = NewEntries::called(selector, &image_name(path, selector))?;
        let (path, selector) = (path.to_owned(), selector.clone());
        blocking(move || {
            check_writable(&path)?;
            Ok(OciDestination {
                blobs: Blobs::new(&path, None),
                path,
                selector,
                made: OnceCell::new(),
                new: Mutex::new(new),
                parts: Mutex::default(),
            })
        })
        .await
    }

    /// The same layout with its blobs in the directory `shared` (`ALGORITHM/HEX` below it), if there is one.
    #[must_use]
    pub fn sharing(self, shared: Option<&Path>) -> OciDestination {
        OciDestination {
            blobs: Blobs::new(&self.path, shared),
            ..self
        }
    }

    fn new_entries(&self) -> MutexGuard<'_, NewEntries> {
        locked(&self.new)
    }

    fn relies_on(&self, digest: &Digest, size: u64) {
        let mut parts = locked(&self.parts);
        parts.push((digest.clone(), size));
    }

    /// Whether the manifest is here with its bytes; they are few enough to be read.
    async fn has_manifest(&self, digest: &Digest) -> bool {
        let (path, algorithm) = (self.blobs.file(digest), digest.algorithm());
        let bytes = blocking(move || blob_store::read_document(&path)).await;
        matches!(bytes, Ok(Some(bytes)) if Digest::of(algorithm, &bytes) == *digest)
    }

    /// Writes the manifest unless it is here.
    async fn write_manifest(&self, manifest: &Manifest) -> Result<()> {
        self.made().await?;
        let image = manifest.descriptor();
        if !self.has_manifest(&image.digest).await {
            let (to, partials) = (self.blobs.file(&image.digest), self.blobs.partials());
            blob_store::write_document(&to, partials, manifest.raw().clone()).await?;
        }
        self.relies_on(&image.digest, image.size);
        Ok(())
    }

    /// Makes this a layout, before anything else is in it: a copy that is killed leaves something that the next
    /// one takes for its own.
    async fn made(&self) -> Result<()> {
        let make = || {
            let path = self.path.clone();
            blocking(move || {
                blob_store::create_directory(&path)?;
                lock(&path).map(drop)
            })
        };
        self.made.get_or_try_init(make).await.copied()
    }
}

/// Removes what killed writers left in the layout and with its blobs.
fn sweep(layout: &Path, blobs: &Blobs) {
    for directory in BTreeSet::from([layout, blobs.partials()]) {
        blob_store::sweep_partials(directory, PARTIALS_KEPT);
    }
}

fn check_writable(path: &Path) -> Result<()> {
    let refused = |what: &str| Error::refused(format!("`{}` {what}", path.display()));
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(blob_store::no_directory(path, e)),
    };
    let names: Vec<_> = entries.flatten().map(|e| e.file_name()).collect();
    let layout = |name: &std::ffi::OsString| name == LAYOUT_FILE || name == INDEX_FILE;
    if names.iter().any(layout) {
        return check_version(path);
    }
    let ours = |name: &std::ffi::OsString| name.to_str().is_some_and(blob_store::is_partial_name);
    if names.iter().all(ours) {
        return Ok(());
    }
    Err(
        refused("is not empty and not an OCI image layout, don't want to overwrite important data")
            .hint("choose a new or empty directory"),
    )
}

#[async_trait]
impl Destination for OciDestination {
    fn name(&self) -> String {
        image_name(&self.path, &self.selector)
    }

    fn can(&self) -> DestinationCan {
        CAN
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        self.made().await?;
        let to = self.blobs.file(&blob.digest);
        let stored = blob_store::write_blob(&to, self.blobs.partials(), blob, &body).await?;
        self.relies_on(&blob.digest, blob.size);
        Ok(stored)
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten> {
        check_holds(manifest)?;
        self.write_manifest(manifest).await?;
        if *at == ManifestRef::Named {
            self.new_entries().image = Some(manifest.descriptor());
        }
        Ok(ManifestWritten::default())
    }

    async fn finish(&self) -> Result<()> {
        let (path, blobs) = (self.path.clone(), self.blobs.clone());
        if self.made.get().is_none() {
            return blocking(move || {
                sweep(&path, &blobs);
                Ok(())
            })
            .await;
        }
        let new = self.new_entries().clone();
        let parts = locked(&self.parts).clone();
        blocking(move || {
            // The names of the blobs are on disk before the index points at them.
            blobs.sync()?;
            if !new.is_empty() {
                enter(&path, &new, &blobs, &parts)?;
            }
            blob_store::sync_directory(&path)?;
            sweep(&path, &blobs);
            Ok(())
        })
        .await
    }

    fn offers(&self) -> DestinationOffers<'_> {
        DestinationOffers {
            inventory: Some(self),
            streams: Some(self),
            descriptions: Some(self),
            attachments: Some(self),
            ..DestinationOffers::default()
        }
    }
}

#[async_trait]
impl DestinationInventory for OciDestination {
    async fn current(&self) -> Result<Option<Digest>> {
        let path = self.path.clone();
        let index = blocking(move || read_index(&path)).await?;
        let name = self.new_entries().name.clone();
        let digest = index.and_then(|index| index.current(name.as_deref()));
        // The blob that the index names may have been lost.
        Ok(match digest {
            Some(digest) if self.has_manifest(&digest).await => Some(digest),
            _ => None,
        })
    }

    async fn has(&self, blob: &Descriptor) -> Result<Presence> {
        let path = self.blobs.file(&blob.digest);
        let is_there = blob_store::holds(&path, blob.size).await;
        if is_there {
            self.relies_on(&blob.digest, blob.size);
        }
        Ok(Presence::known(is_there))
    }

    async fn is_intact(&self, blob: &Descriptor) -> Result<bool> {
        blob_store::is_intact(self.blobs.file(&blob.digest), &blob.digest).await
    }
}

#[async_trait]
impl StreamedBlobs for OciDestination {
    async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        self.made().await?;
        let (algorithm, blobs) = (planned.digest.algorithm(), &self.blobs);
        let name = |digest: &Digest| blobs.file(digest);
        let late = blob_store::write_late(blobs.partials(), algorithm, &body, name).await?;
        self.relies_on(&late.digest, late.size);
        Ok(late)
    }
}

impl IndexDescriptions for OciDestination {
    fn describe(&self, description: &Descriptor) {
        self.new_entries().description = Some(description.clone());
    }
}

#[async_trait]
impl AttachmentStore for OciDestination {
    async fn referrers(&self, of: &Digest, wanted: &HashSet<Digest>) -> Result<HashSet<Digest>> {
        let (path, blobs, of) = (self.path.clone(), self.blobs.clone(), of.clone());
        blocking(move || {
            let index = read_index(&path)?.unwrap_or_else(Index::empty);
            Ok(referrers_to(&of, &index, &reader(&blobs)))
        })
        .await
        .map(|listed: HashSet<Digest>| &listed & wanted)
    }

    async fn tagged(&self, tag: &Tag) -> Result<Option<Digest>> {
        let path = self.path.clone();
        let index = blocking(move || read_index(&path)).await?;
        Ok(index.and_then(|index| index.current(Some(tag.as_str()))))
    }

    async fn attach(&self, manifest: &Manifest, how: &Attachment) -> Result<()> {
        self.write_manifest(manifest).await?;
        self.new_entries().attach(manifest, how);
        Ok(())
    }
}

/// The abilities of a layout, in a directory or in an archive.
pub(in crate::transport) const CAN: DestinationCan = DestinationCan {
    holds,
    holds_unchanged: Some(holds_unchanged),
    manifest_implies_blobs: false,
    plain_layers: false,
    foreign_layers: Foreign::Left,
    accepts_unknown_digest: true,
};

/// Refuses a manifest that a layout cannot hold.
pub(in crate::transport) fn check_holds(manifest: &Manifest) -> Result<()> {
    let media_type = manifest.media_type();
    if holds_unchanged(media_type) {
        return Ok(());
    }
    let text = format!("an OCI image layout cannot hold a manifest of type `{media_type}`");
    Err(Error::refused(text))
}

fn holds(media_type: &MediaType) -> bool {
    matches!(
        media_type.as_str(),
        MediaType::OCI_MANIFEST
            | MediaType::OCI_INDEX
            | MediaType::OCI_ARTIFACT
            | MediaType::ORAS_ARTIFACT
    )
}

/// Docker's types too, as in the layouts of crane, oras and BuildKit.
fn holds_unchanged(media_type: &MediaType) -> bool {
    let docker = [MediaType::DOCKER_MANIFEST, MediaType::DOCKER_LIST];
    holds(media_type) || docker.contains(&media_type.as_str())
}
