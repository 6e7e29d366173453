//! `docker://`: an image in a registry.
//!
//! Translates the two traits into endpoints of [`crate::registry`]. A download that breaks off is continued here,
//! where both the offset and the registry are known; what to move is not decided here. Only Registry V2 is spoken:
//! `legacy` finds out what older servers speak.

mod attached;
mod attachments;
mod bundle_store;
mod delete;
mod destination;
mod lookaside;
mod parts;
mod range;
mod resume;
mod signatures;
mod spooled;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::Semaphore;
use url::Url;

use super::{
    BlobSizes, BlobStream, CurrentDigest, ManifestRef, Network, RangedBlobs, SignatureSource,
    Source, SourceOffers, TagList, TagPages, read_all, sized_from, verified_from,
};
use crate::bytes::{ending_after, first_bytes};
use crate::image::{Descriptor, Digest, Manifest, Reference, Tag};
use crate::registry::retry::RetryBudget;
use crate::registry::v2::{RepositoryClient, TagOrDigest};
use crate::registry::{Actions, ApiError, Client};
use crate::settings::Context;
use crate::{Error, Kind, Result};

use self::signatures::Signatures;
pub(crate) use delete::delete;
pub use destination::DockerDestination;
pub(super) use destination::refuses_type;
use range::resuming_part;
pub(crate) use resume::Download;
use resume::Parts;
use spooled::put_known;
pub(crate) use spooled::put_spooled;

/// An image of a registry, to read.
pub struct DockerSource {
    /// Where the image is, for reading.
    pub(crate) repository: RepositoryClient,
    pub(crate) reference: Reference,
    signatures: Signatures,
    bundles: attached::BundleLists,
    /// Permits fetching a blob in parts: one blob at a time, which bounds the memory that this takes.
    parts: Arc<Semaphore>,
}

impl DockerSource {
    /// The image `reference`; nothing is sent before something is asked for.
    pub fn new(reference: &Reference, context: &Context) -> DockerSource {
        let client = Arc::new(Client::of(&reference.repository.registry, context));
        DockerSource {
            repository: client.repository(&reference.repository.name, Actions::Pull),
            reference: reference.clone(),
            signatures: Signatures::new(reference, context),
            bundles: attached::BundleLists::default(),
            parts: Arc::new(Semaphore::new(1)),
        }
    }

    /// The error `e` about the image's name, and that its repository is unknown too, where that is so: most registries
    /// give the same answer for a tag and for a repository that do not exist, and the list of tags tells them apart.
    async fn unknown(&self, e: Error) -> Error {
        let has_code = |e: &Error, code| ApiError::of(e).is_some_and(|a| a.has_code(code));
        if !has_code(&e, "MANIFEST_UNKNOWN") {
            return e;
        }
        match self.repository.tag_names().next().await {
            Some(Err(list)) if has_code(&list, "NAME_UNKNOWN") => list.context(e.to_string()),
            _ => e,
        }
    }

    /// The blob's bytes from offset `from` on, checked by `check`.
    async fn checked(
        &self,
        blob: &Descriptor,
        from: u64,
        check: fn(BlobStream, &Descriptor, u64) -> BlobStream,
    ) -> Result<BlobStream> {
        let budget = RetryBudget::default();
        // The parts share it: side by side they fail no more often than one connection may.
        let repository = self.repository.within(&budget);
        let (whole, part) = (
            (repository.clone(), blob.clone()),
            (repository, blob.clone()),
        );
        let download = Download {
            client: self.repository.client().clone(),
            blob: blob.clone(),
            budget,
            open: Box::new(move |from| {
                let (repository, blob) = whole.clone();
                Box::pin(async move { repository.get_blob(&blob, from).await })
            }),
            parts: Some(Parts {
                turn: self.parts.clone(),
                fetch: Box::new(move |range| {
                    let (repository, blob) = part.clone();
                    Box::pin(async move { repository.get_blob_part(&blob, range).await })
                }),
            }),
        };
        download.checked(from, check).await
    }
}

#[async_trait]
impl Source for DockerSource {
    fn name(&self) -> String {
        format!("docker://{}", self.reference)
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        let asked = wanted(&self.reference, which);
        match self.repository.get_manifest(&asked).await {
            Err(e) if *which == ManifestRef::Named => Err(self.unknown(e).await),
            other => other,
        }
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        self.checked(blob, from, verified_from).await
    }

    async fn blob_unhashed(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        self.checked(blob, from, sized_from).await
    }

    fn offers(&self) -> SourceOffers<'_> {
        SourceOffers {
            reference: Some(&self.reference),
            requests_per_blob: 1,
            sizes: Some(self),
            ranges: Some(self),
            network: Some(self),
            signatures: Some(self),
            tags: Some(self),
            attachments: Some(self),
            bundles: Some(self),
            digest: Some(self),
            ..SourceOffers::default()
        }
    }
}

#[async_trait]
impl SignatureSource for DockerSource {
    async fn signatures(&self, _of: &ManifestRef, digest: &Digest) -> Result<Vec<Bytes>> {
        self.signatures.read(&self.repository, digest).await
    }

    fn attachments_unread(&self) -> Option<String> {
        self.signatures.attachments_unread()
    }
}

#[async_trait]
impl BlobSizes for DockerSource {
    async fn blob_size(&self, digest: &Digest) -> Result<u64> {
        self.repository.blob_size(digest).await
    }
}

#[async_trait]
impl CurrentDigest for DockerSource {
    async fn current(&self) -> Result<Option<Digest>> {
        let which = wanted(&self.reference, &ManifestRef::Named);
        self.repository.manifest_digest(&which, false).await
    }
}

#[async_trait]
impl RangedBlobs for DockerSource {
    async fn begin_of(&self, blob: &Descriptor, len: usize) -> Result<Bytes> {
        let part = 0..blob.size.min(len as u64);
        if !part.is_empty() {
            match self.repository.get_blob_part(blob, part).await {
                Ok(stream) => return read_all(stream, len as u64).await,
                Err(e) => tracing::debug!("{e:#}; reading the blob from its beginning"),
            }
        }
        let stream = self.blob(blob, 0).await?;
        first_bytes(stream, len).await
    }

    async fn part_of(&self, blob: &Descriptor, part: Range<u64>) -> Result<BlobStream> {
        let budget = RetryBudget::default();
        let repository = self.repository.within(&budget);
        match repository.get_blob_part(blob, part.clone()).await {
            Ok(stream) => return Ok(resuming_part(repository, &budget, blob, part, stream)),
            Err(e) if e.kind() != Kind::Unavailable => return Err(e),
            Err(e) => tracing::debug!("{e:#}; reading the blob from there on"),
        }
        let stream = self.blob(blob, part.start).await?;
        Ok(ending_after(stream, part.end - part.start))
    }
}

impl Network for DockerSource {
    fn origin(&self) -> Option<Url> {
        self.repository.client().origin()
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.signatures
            .added_to(self.repository.client().requests())
    }

    fn round_trip(&self) -> Option<Duration> {
        self.repository.client().round_trip()
    }

    fn pressure(&self) -> u64 {
        self.repository.client().pressure()
    }
}

impl TagList for DockerSource {
    fn tags(&self) -> TagPages {
        self.repository.tag_names()
    }
}

/// With a digest the digest decides; without tag and digest, `latest` is meant.
fn wanted(reference: &Reference, which: &ManifestRef) -> TagOrDigest {
    match (which, &reference.digest, &reference.tag) {
        (ManifestRef::Digest(digest), ..) | (ManifestRef::Named, Some(digest), _) => {
            TagOrDigest::Digest(digest.clone())
        }
        (ManifestRef::Named, None, Some(tag)) => TagOrDigest::Tag(tag.clone()),
        (ManifestRef::Named, None, None) => TagOrDigest::Tag(Tag::latest()),
    }
}
