//! Attachments of an image in the same repository: its referrers, and the tags that cosign makes of its digest.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::TryStreamExt;
use tokio::sync::OnceCell;

use super::{DockerDestination, DockerSource};
use crate::image::{Descriptor, Digest, Manifest, MediaType, Tag, is_digest_tag, referrers_tag};
use crate::registry::v2::{ReadTag, TagOrDigest};
use crate::transport::{Attachment, AttachmentSource, AttachmentStore, BundleSource};
use crate::{Kind, Result};

#[async_trait]
impl AttachmentSource for DockerSource {
    async fn referrers(&self, of: &Digest, tags: Option<&HashSet<Tag>>) -> Result<Vec<Descriptor>> {
        let is_listed =
            |tags: &HashSet<Tag>| referrers_tag(of).is_ok_and(|tag| tags.contains(&tag));
        let read_tag = match tags.is_none_or(is_listed) {
            true => ReadTag::Always,
            false => ReadTag::Never,
        };
        self.repository.referrers(of, None, read_tag).await
    }

    async fn digest_tags(&self) -> Result<HashSet<Tag>> {
        let mut found = HashSet::new();
        let mut pages = self.repository.tags();
        while let Some(page) = pages.try_next().await? {
            found.extend(page.into_iter().filter(|tag| is_digest_tag(tag.as_str())));
        }
        Ok(found)
    }

    async fn tagged(&self, tag: &Tag) -> Result<Manifest> {
        let which = TagOrDigest::Tag(tag.clone());
        self.repository.get_manifest(&which).await
    }
}

/// The lists of bundles that were read, by their subject.
pub(super) type BundleLists = Mutex<HashMap<Digest, Arc<OnceCell<Vec<Descriptor>>>>>;

impl DockerSource {
    fn bundle_list(&self, of: &Digest) -> Arc<OnceCell<Vec<Descriptor>>> {
        let mut lists = self.bundles.lock().unwrap_or_else(PoisonError::into_inner);
        lists.entry(of.clone()).or_default().clone()
    }
}

#[async_trait]
impl BundleSource for DockerSource {
    async fn bundle_manifests(&self, of: &Digest) -> Result<Vec<Descriptor>> {
        let kind = MediaType::new(MediaType::SIGSTORE_BUNDLE);
        let list = self.bundle_list(of);
        let read = || {
            let repository = &self.repository;
            repository.referrers(of, Some(&kind), ReadTag::WithoutApi)
        };
        list.get_or_try_init(read).await.cloned()
    }

    /// A policy may have had them listed before.
    async fn bundles_to_copy(&self, of: &Digest) -> Result<Option<Vec<Descriptor>>> {
        match self.bundle_list(of).initialized() || self.signatures.are_attached().await? {
            true => self.bundle_manifests(of).await.map(Some),
            false => Ok(None),
        }
    }
}

#[async_trait]
impl AttachmentStore for DockerDestination {
    async fn referrers(&self, of: &Digest, wanted: &HashSet<Digest>) -> Result<HashSet<Digest>> {
        let repository = &self.repository;
        let found = async {
            let listed = repository.referrers(of, None, ReadTag::WithoutApi).await?;
            let listed = listed.into_iter().map(|d| d.digest);
            let listed = listed.filter(|d| wanted.contains(d)).collect();
            match repository.has_referrers_api() {
                true => Ok(listed),
                // A list that clients keep may name what is gone (quirk R13).
                false => repository.present(listed).await,
            }
        };
        match found.await {
            Ok(found) => Ok(found),
            // E3: a refusal says nothing of what may be written.
            Err(e) if e.kind() == Kind::NotAllowed => {
                tracing::debug!("{e:#}; taking `{of}` to have no referrers");
                Ok(HashSet::new())
            }
            Err(e) => Err(e),
        }
    }

    async fn tagged(&self, tag: &Tag) -> Result<Option<Digest>> {
        let which = TagOrDigest::Tag(tag.clone());
        match self.repository.manifest_digest(&which, true).await {
            Err(e) if e.kind() == Kind::NotAllowed => Ok(None),
            other => other,
        }
    }

    async fn attach(&self, manifest: &Manifest, how: &Attachment) -> Result<()> {
        let which = match how {
            Attachment::Referrer => TagOrDigest::Digest(manifest.digest().clone()),
            Attachment::Tag(tag) => TagOrDigest::Tag(tag.clone()),
        };
        self.put(manifest, &which).await.map(drop)
    }
}
