//! `OciDestination`: an image written into a layout.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::blobs::Blobs;
use super::enter::{enter, lock};
use super::{INDEX_FILE, LAYOUT_FILE, check_version, image_name, read_index};
use crate::image::{Descriptor, Digest, Manifest, MediaType, Selector};
use crate::transport::blob_store::{self, blocking};
use crate::transport::{
    Attachment, BlobBody, BlobOutcome, Destination, DestinationCan, DestinationInventory,
    DestinationOffers, Foreign, IndexDescriptions, ManifestRef, ManifestWritten, Presence,
    StreamedBlobs, WrittenLate,
};
use crate::{Error, Kind, Result};

/// How long a partial file waits to be continued before a later copy into the layout removes it.
const PARTIALS_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// An image in an OCI layout, to write. Nothing is made before the first write.
pub struct OciDestination {
    pub(super) path: PathBuf,
    pub(super) blobs: Blobs,
    selector: Selector,
    made: OnceCell<()>,
    /// What `finish` enters into the index.
    image: Mutex<Option<Descriptor>>,
    /// How the source's index describes it.
    description: Mutex<Option<Descriptor>>,
    /// Manifests that are entered in addition to the image.
    pub(super) attached: Mutex<Vec<(Descriptor, Attachment)>>,
    /// What was found or written: all of it has to be there still when the image is entered.
    parts: Mutex<Vec<(Digest, u64)>>,
}

impl OciDestination {
    /// Opens `path` to write: a layout, an empty directory, or nothing yet.
    ///
    /// # Errors
    /// [`Kind::Refused`] for a directory with anything else in it; [`Kind::Other`] for a name with `@N`, which is for
    /// reading only.
    pub async fn open(path: &Path, selector: &Selector) -> Result<OciDestination> {
        if let Selector::At(n) = selector {
            return Err(Error::other(format!(
                "`{}`: `@{n}` is for reading only",
                image_name(path, selector)
            ))
            .hint("give the image a name, or none"));
        }
        let (path, selector) = (path.to_owned(), selector.clone());
        blocking(move || {
            check_writable(&path)?;
            Ok(OciDestination {
                blobs: Blobs::new(&path, None),
                path,
                selector,
                made: OnceCell::new(),
                image: Mutex::new(None),
                description: Mutex::new(None),
                attached: Mutex::default(),
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

    fn ref_name(&self) -> Option<&str> {
        match &self.selector {
            Selector::Named(name) => Some(name),
            Selector::Only | Selector::At(_) => None,
        }
    }

    pub(super) fn relies_on(&self, digest: &Digest, size: u64) {
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.push((digest.clone(), size));
    }

    /// Whether the manifest is here with its bytes; they are few enough to be read.
    pub(super) async fn has_manifest(&self, digest: &Digest) -> bool {
        let (path, algorithm) = (self.blobs.file(digest), digest.algorithm());
        let bytes = blocking(move || blob_store::read_document(&path)).await;
        matches!(bytes, Ok(Some(bytes)) if Digest::of(algorithm, &bytes) == *digest)
    }

    /// Makes this a layout, before anything else is in it: a copy that is killed leaves something that the next
    /// one takes for its own.
    pub(super) async fn made(&self) -> Result<()> {
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
    let refused = |what: &str| Error::new(Kind::Refused, format!("`{}` {what}", path.display()));
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotADirectory => {
            return Err(refused("is a file, not a directory").because(e));
        }
        Err(e) => return Err(refused("cannot be read").because(e)),
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
        DestinationCan {
            holds,
            manifest_implies_blobs: false,
            plain_layers: false,
            foreign_layers: Foreign::Left,
            accepts_unknown_digest: true,
        }
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        self.made().await?;
        let to = self.blobs.file(&blob.digest);
        let stored = blob_store::write_blob(&to, self.blobs.partials(), blob, &body).await?;
        self.relies_on(&blob.digest, blob.size);
        Ok(stored)
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten> {
        if !holds(manifest.media_type()) {
            return Err(Error::new(
                Kind::Refused,
                format!(
                    "an OCI image layout cannot hold a manifest of type `{}`",
                    manifest.media_type()
                ),
            ));
        }
        self.made().await?;
        let image = manifest.descriptor();
        let to = self.blobs.file(&image.digest);
        if !self.has_manifest(&image.digest).await {
            let partials = self.blobs.partials();
            blob_store::write_document(&to, partials, manifest.raw().clone()).await?;
        }
        self.relies_on(&image.digest, image.size);
        if *at == ManifestRef::Named {
            *self.image.lock().unwrap_or_else(PoisonError::into_inner) = Some(image);
        }
        Ok(ManifestWritten::default())
    }

    async fn finish(&self) -> Result<()> {
        let image = self
            .image
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (path, blobs) = (self.path.clone(), self.blobs.clone());
        if self.made.get().is_none() {
            return blocking(move || {
                sweep(&path, &blobs);
                Ok(())
            })
            .await;
        }
        let description = self
            .description
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let name = self.ref_name().map(str::to_owned);
        let parts = self
            .parts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let attached = self
            .attached
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        blocking(move || {
            // The names of the blobs are on disk before the index points at them.
            blobs.sync()?;
            let image = image.map(|image| image.described_by(description.as_ref()));
            if image.is_some() || !attached.is_empty() {
                enter(
                    &path,
                    image.as_ref(),
                    name.as_deref(),
                    &attached,
                    &blobs,
                    &parts,
                )?;
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
        let digest = index.and_then(|index| index.current(self.ref_name()));
        // The blob that the index names may have been lost.
        Ok(match digest {
            Some(digest) if self.has_manifest(&digest).await => Some(digest),
            _ => None,
        })
    }

    async fn has(&self, blob: &Descriptor) -> Result<Presence> {
        let path = self.blobs.file(&blob.digest);
        Ok(if blob_store::holds(&path, blob.size).await {
            self.relies_on(&blob.digest, blob.size);
            Presence::Present
        } else {
            Presence::Absent
        })
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
        let mut known = self
            .description
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *known = Some(description.clone());
    }
}

pub(in crate::transport) fn holds(media_type: &MediaType) -> bool {
    matches!(
        media_type.as_str(),
        MediaType::OCI_MANIFEST
            | MediaType::OCI_INDEX
            | MediaType::OCI_ARTIFACT
            | MediaType::ORAS_ARTIFACT
    )
}
