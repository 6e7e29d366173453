//! An image that was picked of a layout, to read: what `oci:` and `oci-archive:` have in common.
//!
//! It knows the index of the layout, and reads blobs by way of [`LayoutBlobs`], wherever they are.

use std::collections::HashSet;
use std::path::Path;

use async_trait::async_trait;
use tokio::sync::OnceCell;

use super::attached::{Referrers, digest_tags, referrers_of};
use super::blobs::{LayoutBlobs, reader};
use super::index::Index;
use super::{checked, data};
use crate::image::{Descriptor, Digest, Manifest, Selector, Tag};
use crate::registry::redacted;
use crate::transport::blob_store::blocking;
use crate::transport::{AttachmentSource, BlobBody, BlobStream, ManifestRef, SourceInventory};
use crate::{Error, Kind, Result};

/// Entries up to which looking for referrers takes no time that a user would notice.
const FEW: usize = 64;

/// An image of a layout.
pub(in crate::transport) struct Picked<B> {
    blobs: B,
    index: Index,
    image: Descriptor,
    /// An index of the image's platforms, where the layout lists them themselves.
    made: Option<Manifest>,
    /// The referrers in the layout by subject, once they were asked for.
    referrers: OnceCell<Referrers>,
}

impl<B: LayoutBlobs> Picked<B> {
    /// The image that `selector` picks of `index`. Blocks.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such image; the hint lists the names that are there.
    pub(in crate::transport) fn of(
        blobs: B,
        index: Index,
        selector: &Selector,
    ) -> Result<Picked<B>> {
        let shown = blobs.path().display().to_string();
        let (image, made) = index.image(selector, &shown, &reader(&blobs))?;
        Ok(Picked {
            blobs,
            index,
            image,
            made,
            referrers: OnceCell::new(),
        })
    }

    /// The same image with its blobs elsewhere.
    pub(super) fn with_blobs(self, blobs: B) -> Picked<B> {
        Picked { blobs, ..self }
    }

    /// The directory or the archive, for messages.
    pub(in crate::transport) fn path(&self) -> &Path {
        self.blobs.path()
    }

    /// The manifest `which`, as [`crate::transport::Source::manifest`] has it.
    pub(in crate::transport) async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
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
        checked(raw, digest, media_type, self.path())
    }

    /// The blob's bytes from offset `from` on, unchecked.
    pub(in crate::transport) async fn bytes_of(
        &self,
        blob: &Descriptor,
        from: u64,
    ) -> Result<BlobStream> {
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
        let message = format!("`{}` has no blob `{digest}`", self.path().display());
        Error::new(Kind::NotFound, message)
    }

    async fn all_referrers(&self) -> Result<&Referrers> {
        let find = || {
            let (index, blobs) = (self.index.clone(), self.blobs.clone());
            blocking(move || Ok(referrers_of(&index, &reader(&blobs))))
        };
        self.referrers.get_or_try_init(find).await
    }
}

#[async_trait]
impl<B: LayoutBlobs> SourceInventory for Picked<B> {
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
impl<B: LayoutBlobs> AttachmentSource for Picked<B> {
    async fn referrers(&self, of: &Digest, _: Option<&HashSet<Tag>>) -> Result<Vec<Descriptor>> {
        let all = self.all_referrers().await?;
        Ok(all.get(of).cloned().unwrap_or_default())
    }

    async fn digest_tags(&self) -> Result<HashSet<Tag>> {
        Ok(digest_tags(&self.index))
    }

    async fn tagged(&self, tag: &Tag) -> Result<Manifest> {
        let Some(digest) = self.index.current(Some(tag.as_str())) else {
            let text = format!("`{}` has no image named `{tag}`", self.path().display());
            return Err(Error::new(Kind::NotFound, text));
        };
        self.read(&digest, self.index.media_type_of(&digest)).await
    }

    async fn known_referrers(&self, of: &Digest) -> Option<usize> {
        if self.index.entries().len() > FEW {
            return None;
        }
        let all = self.all_referrers().await.ok()?;
        Some(all.get(of).map_or(0, Vec::len))
    }
}
