//! `OciSource`: an image of a layout, to read, in a directory or in an archive.
//!
//! It knows the index of the layout, and reads blobs by way of [`LayoutBlobs`], wherever they are.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::attached::{Referrers, digest_tags, referrers_of};
use super::blobs::{Blobs, LayoutBlobs, reader};
use super::index::Index;
use super::{checked, data, image_name, index_at};
use crate::image::{Descriptor, Digest, Manifest, MediaType, Selector, Tag};
use crate::settings::{Context, redacted};
use crate::transport::blob_store::blocking;
use crate::transport::bundles::may_hold_bundle;
use crate::transport::{
    AttachmentSource, BlobBody, BlobStream, BundleSource, ManifestRef, Source, SourceInventory,
    SourceOffers, sized_from, verified_from,
};
use crate::{Error, Result};

/// Entries up to which looking for referrers takes no time that a user would notice.
const FEW: usize = 64;

/// An image in an OCI layout, to read.
pub struct OciSource {
    name: String,
    blobs: Arc<dyn LayoutBlobs>,
    index: Index,
    image: Descriptor,
    /// An index of the image's platforms, where the layout lists them themselves.
    made: Option<Manifest>,
    /// The referrers in the layout by subject, once they were asked for.
    referrers: OnceCell<Referrers>,
}

impl OciSource {
    /// Opens the layout in the directory `path` and picks an image of it.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no layout or no such image; the hint lists the names that are there.
    /// [`crate::Kind::Corrupt`] when its index cannot be read.
    pub async fn open(path: &Path, selector: &Selector) -> Result<OciSource> {
        OciSource::open_in(path, selector, &Context::default()).await
    }

    /// The same in a `context`, of which the shared blobs and skopeo's ways matter.
    ///
    /// # Errors
    /// As [`OciSource::open`].
    pub async fn open_in(path: &Path, selector: &Selector, context: &Context) -> Result<OciSource> {
        let (path, selector) = (path.to_owned(), selector.clone());
        let (shared, first) = (context.shared_blobs.clone(), context.as_skopeo);
        let source = blocking(move || {
            let mut index = index_at(&path)?;
            index.first = first;
            let (name, blobs) = (image_name(&path, &selector), Blobs::new(&path, None));
            OciSource::of(name, Arc::new(blobs), index, &selector)
        });
        Ok(source.await?.sharing(shared.as_deref()))
    }

    /// The image that `selector` picks of `index`, called `name`. Blocks. Fails with [`crate::Kind::NotFound`] when
    /// there is no such image; the hint lists the names that are there.
    pub(in crate::transport) fn of(
        name: String,
        blobs: Arc<dyn LayoutBlobs>,
        index: Index,
        selector: &Selector,
    ) -> Result<OciSource> {
        let shown = blobs.path().display().to_string();
        let (image, made) = index.image(selector, &shown, &reader(&*blobs))?;
        Ok(OciSource {
            name,
            blobs,
            index,
            image,
            made,
            referrers: OnceCell::new(),
        })
    }

    /// The same image with its blobs in the directory `shared` (`ALGORITHM/HEX` below it), if there is one; what is
    /// not there is looked for in the layout itself.
    #[must_use]
    pub fn sharing(self, shared: Option<&Path>) -> OciSource {
        let blobs = Arc::new(Blobs::new(self.blobs.path(), shared));
        OciSource { blobs, ..self }
    }

    /// The manifest `digest`, which an entry calls `media_type`: the blob, or what the descriptor itself carries.
    async fn read(&self, digest: &Digest, media_type: Option<&str>) -> Result<Manifest> {
        let (blobs, wanted) = (self.blobs.clone(), digest.clone());
        let raw = match blocking(move || blobs.document(&wanted)).await? {
            Some(bytes) => bytes,
            None => {
                let carried = (self.image.digest == *digest).then(|| data(&self.image));
                carried.flatten().ok_or_else(|| self.missing(digest))?
            }
        };
        checked(raw, digest, media_type, self.blobs.path())
    }

    /// The blob's bytes from offset `from` on, unchecked.
    async fn bytes_of(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        if let Some(stream) = self.blobs.stream(&blob.digest, from).await? {
            return Ok(stream);
        }
        if let Some(bytes) = data(blob) {
            return BlobBody::of_bytes(bytes).open(from).await;
        }
        let error = self.missing(&blob.digest);
        Err(match blob.urls.as_ref().and_then(|urls| urls.first()) {
            Some(url) => error.hint(format!("its content is at `{}`", redacted(url))),
            None => error,
        })
    }

    fn missing(&self, digest: &Digest) -> Error {
        let message = format!("`{}` has no blob `{digest}`", self.blobs.path().display());
        Error::not_found(message)
    }

    async fn all_referrers(&self) -> Result<&Referrers> {
        let find = || {
            let (index, blobs) = (self.index.clone(), self.blobs.clone());
            blocking(move || Ok(referrers_of(&index, &reader(&*blobs))))
        };
        self.referrers.get_or_try_init(find).await
    }
}

#[async_trait]
impl Source for OciSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        if let Some(made) = self.made.as_ref().filter(|made| which.is(made)) {
            return Ok(made.clone());
        }
        match which {
            ManifestRef::Named => {
                let media_type = self.image.media_type.as_str();
                self.read(&self.image.digest, Some(media_type)).await
            }
            ManifestRef::Digest(digest) => {
                self.read(digest, self.index.media_type_of(digest)).await
            }
        }
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        Ok(verified_from(self.bytes_of(blob, from).await?, blob, from))
    }

    async fn blob_unhashed(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        Ok(sized_from(self.bytes_of(blob, from).await?, blob, from))
    }

    fn offers(&self) -> SourceOffers<'_> {
        SourceOffers {
            inventory: Some(self),
            attachments: Some(self),
            bundles: Some(self),
            ..SourceOffers::default()
        }
    }
}

#[async_trait]
impl SourceInventory for OciSource {
    fn described(&self, digest: &Digest) -> Option<Descriptor> {
        self.index.described(digest, &self.image)
    }

    async fn lacks(&self, blob: &Descriptor) -> Result<bool> {
        let (blobs, digest) = (self.blobs.clone(), blob.digest.clone());
        let is_there = blocking(move || Ok(blobs.has(&digest))).await?;
        Ok(!is_there && data(blob).is_none())
    }
}

#[async_trait]
impl AttachmentSource for OciSource {
    async fn referrers(&self, of: &Digest, _: Option<&HashSet<Tag>>) -> Result<Vec<Descriptor>> {
        let all = self.all_referrers().await?;
        Ok(all.get(of).cloned().unwrap_or_default())
    }

    async fn digest_tags(&self) -> Result<HashSet<Tag>> {
        Ok(digest_tags(&self.index))
    }

    async fn tagged(&self, tag: &Tag) -> Result<Manifest> {
        let Some(digest) = self.index.current(Some(tag.as_str())) else {
            let text = format!(
                "`{}` has no image named `{tag}`",
                self.blobs.path().display()
            );
            return Err(Error::not_found(text));
        };
        self.read(&digest, self.index.media_type_of(&digest)).await
    }

    async fn known_referrers(&self, of: &Digest) -> Option<Vec<Descriptor>> {
        match self.index.entries().len() > FEW {
            true => None,
            false => self.referrers(of, None).await.ok(),
        }
    }
}

#[async_trait]
impl BundleSource for OciSource {
    async fn bundle_manifests(&self, of: &Digest) -> Result<Vec<Descriptor>> {
        let mut listed = self.referrers(of, None).await?;
        listed.retain(may_hold_bundle);
        Ok(listed)
    }

    /// In a large layout, only where its index says that it holds bundles.
    async fn bundles_to_copy(&self, of: &Digest) -> Result<Option<Vec<Descriptor>>> {
        let entries = self.index.entries();
        let is_bundle = |e: &Value| e["artifactType"].as_str() == Some(MediaType::SIGSTORE_BUNDLE);
        match entries.len() <= FEW || entries.iter().any(is_bundle) {
            true => self.bundle_manifests(of).await.map(Some),
            false => Ok(None),
        }
    }
}
