//! What belongs to an image in the same archive, as in a layout ([`crate::transport::oci_layout`]).

use std::collections::HashSet;

use async_trait::async_trait;

use super::{OciArchiveDestination, OciArchiveSource, reader};
use crate::image::{Descriptor, Digest, Manifest, Tag};
use crate::transport::blob_store::blocking;
use crate::transport::oci_layout::{self, Referrers, digest_tags, listed_as, referrers_of};
use crate::transport::{Attachment, AttachmentSource, AttachmentStore};
use crate::{Error, Kind, Result};

impl OciArchiveSource {
    async fn all_referrers(&self) -> Result<&Referrers> {
        let find = || {
            let (index, tar) = (self.index.clone(), self.tar.clone());
            blocking(move || Ok(referrers_of(&index, &reader(&tar))))
        };
        self.referrers.get_or_try_init(find).await
    }
}

#[async_trait]
impl AttachmentSource for OciArchiveSource {
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
        let raw = self.document(&digest).await?;
        oci_layout::checked(raw, &digest, self.index.media_type_of(&digest), self.path())
    }
}

#[async_trait]
impl AttachmentStore for OciArchiveDestination {
    async fn referrers(&self, of: &Digest) -> Result<HashSet<Digest>> {
        let Some(former) = self.former.clone() else {
            return Ok(HashSet::new());
        };
        let of = of.clone();
        blocking(move || {
            let mut all = referrers_of(&former.documents, &reader(&former.tar));
            let referrers = all.remove(&of).unwrap_or_default();
            Ok(referrers.into_iter().map(|d| d.digest).collect())
        })
        .await
    }

    async fn tagged(&self, tag: &Tag) -> Result<Option<Digest>> {
        let former = self.former.as_ref();
        Ok(former.and_then(|f| f.documents.current(Some(tag.as_str()))))
    }

    async fn attach(&self, manifest: &Manifest, how: &Attachment) -> Result<()> {
        let entry = match how {
            Attachment::Referrer => listed_as(manifest).map(|(_, entry)| entry),
            Attachment::Tag(_) => None,
        };
        let entry = entry.unwrap_or_else(|| manifest.descriptor());
        let mut manifests = self.manifests();
        manifests.written.push(manifest.clone());
        manifests.attached.push((entry, how.clone()));
        Ok(())
    }
}
