//! What belongs to an image in the same archive, as in a layout ([`crate::transport::oci_layout`]).

use std::collections::HashSet;

use async_trait::async_trait;

use super::{OciArchiveDestination, reader};
use crate::Result;
use crate::image::{Digest, Manifest, Tag};
use crate::transport::blob_store::blocking;
use crate::transport::oci_layout::{listed_as, referrers_of};
use crate::transport::{Attachment, AttachmentStore};

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
