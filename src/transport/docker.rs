//! `docker://`: an image in a registry.
//!
//! Translates the two traits into endpoints of [`crate::registry`]. A download that breaks off is continued here,
//! where both the offset and the registry are known; what to move is not decided here. A server that turns out to know
//! nothing newer than Registry V1 is spoken to as `docker-v1://` ([`crate::legacy::docker_v1`]), one of 2014 as its draft wants it.

mod delete;
mod destination;
mod parts;
mod resume;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use super::stream::first_bytes;
use super::{
    BlobSizes, BlobStream, ManifestRef, Network, RangedBlobs, ReadAhead, ResumeMismatch, Sketches,
    Source, SourceOffers, TagList, TagPages, read_all, sized_from, verified_from,
};
use crate::image::{Descriptor, Digest, Manifest, Reference, Tag};
use crate::legacy::docker_v1::{Fallback, V1Source, no_v2};
use crate::legacy::v1::Sketch;
use crate::registry::v2::{RepositoryClient, TagOrDigest};
use crate::registry::{Actions, ApiError, Client};
use crate::settings::Context;
use crate::{Error, Kind, Result};

use crate::legacy::draft::source::Draft;
pub(crate) use delete::delete;
pub use destination::DockerDestination;
pub(super) use destination::{missing_blobs, refuses_type};

/// An image of a registry, to read.
pub struct DockerSource {
    /// Where the image is, for reading.
    repository: RepositoryClient,
    reference: Reference,
    v1: Arc<Fallback<V1Source>>,
    draft: OnceCell<Draft>,
    /// Whose turn it is to be fetched in parts: one blob's, which bounds the memory that takes.
    parts: Arc<Semaphore>,
    tmpdir: Option<PathBuf>,
    /// The manifest of the name, read while it was looked for what kind of server this is.
    named: Mutex<Option<Manifest>>,
}

impl DockerSource {
    /// The image `reference`; nothing is sent before something is asked for. The layers of a V1
    /// image go to `context.tmpdir`.
    pub fn new(reference: &Reference, context: &Context) -> Result<DockerSource> {
        let client = Arc::new(Client::new(&reference.repository.registry, context)?);
        Ok(DockerSource {
            repository: client.repository(&reference.repository.name, Actions::Pull),
            reference: reference.clone(),
            v1: Arc::new(Fallback::new(reference, context)),
            draft: OnceCell::new(),
            parts: Arc::new(Semaphore::new(1)),
            tmpdir: context.tmpdir.clone(),
            named: Mutex::default(),
        })
    }

    async fn get_manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        let which = wanted(&self.reference, which);
        self.repository.get_manifest(&which).await
    }

    /// The error `e` about the image's name, and that its repository is unknown too, where that is so: most registries
    /// give the same answer for a tag and for a repository that do not exist, and the list of tags tells them apart.
    async fn unknown(&self, e: Error) -> Error {
        let has_code = |e: &Error, code| ApiError::of(e).is_some_and(|a| a.has_code(code));
        if !has_code(&e, "MANIFEST_UNKNOWN") {
            return e;
        }
        match self.repository.tags().next().await {
            Some(Err(list)) if has_code(&list, "NAME_UNKNOWN") => list.context(e.to_string()),
            _ => e,
        }
    }

    /// Falls back to Registry V1. Returns the original error `e` if the server has no V1 API.
    async fn v1(&self, e: Error) -> Result<&Arc<V1Source>> {
        find_v1(self.repository.client(), &self.v1, self.tmpdir.clone(), e).await
    }

    /// The image in the draft's form after `e`, when that is what the server speaks; else `e`.
    async fn draft(&self, e: Error) -> Result<&Draft> {
        let find = || {
            Draft::find(
                self.repository.client(),
                &self.reference,
                self.tmpdir.as_deref(),
                e,
            )
        };
        self.draft.get_or_try_init(find).await
    }

    /// The blob's bytes from offset `from` on, checked by `check`; those of an older server as it checks them.
    async fn checked(
        &self,
        blob: &Descriptor,
        from: u64,
        check: fn(BlobStream, &Descriptor, u64) -> BlobStream,
    ) -> Result<BlobStream> {
        if let Some(v1) = self.v1.get() {
            return v1.blob(blob, from).await;
        }
        if let Some(draft) = self.draft.get()
            && let Some(stream) = draft.blob(blob, from).await?
        {
            return Ok(stream);
        }
        let resumed = Arc::new(AtomicBool::new(false));
        let stream = self.resuming(blob, from, resumed.clone()).await?;
        let parts = self.parts.clone();
        Ok(Box::pin(check(stream, blob, from).map(move |item| {
            item.map_err(|e| {
                match e.kind() == Kind::Corrupt && resumed.load(Ordering::Relaxed) {
                    true => {
                        // Read once more it comes in one piece, and so do all after it.
                        parts.close();
                        e.because(ResumeMismatch)
                    }
                    false => e,
                }
            })
        })))
    }

    fn take_named(&self) -> Option<Manifest> {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.take()
    }
}

#[async_trait]
impl Source for DockerSource {
    fn name(&self) -> String {
        format!("docker://{}", self.reference)
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        if let Some(v1) = self.v1.get() {
            return v1.manifest(which).await;
        }
        if let Some(draft) = self.draft.get() {
            return draft.manifest(which).await;
        }
        if *which == ManifestRef::Named
            && let Some(manifest) = self.take_named()
        {
            return Ok(manifest);
        }
        match self.get_manifest(which).await {
            Err(e) if *which == ManifestRef::Named && no_v2(&e) => match self.v1(e).await {
                Ok(v1) => v1.manifest(which).await,
                Err(e) => self.draft(e).await?.manifest(which).await,
            },
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
            // The layers of a V1 image have been read for its manifest.
            requests_per_blob: u64::from(self.v1.get().is_none()),
            sizes: Some(self),
            ranges: Some(self),
            network: Some(self),
            sketches: Some(self),
            tags: Some(self),
            ..SourceOffers::default()
        }
    }
}

#[async_trait]
impl BlobSizes for DockerSource {
    async fn blob_size(&self, digest: &Digest) -> Result<u64> {
        if let Some(draft) = self.draft.get() {
            return draft.blob_size(digest).await;
        }
        self.repository.blob_size(digest).await
    }
}

#[async_trait]
impl RangedBlobs for DockerSource {
    async fn begin_of(&self, blob: &Descriptor, len: usize) -> Result<Bytes> {
        let part = 0..blob.size.min(len as u64);
        let old = self.v1.get().is_some() || self.draft.get().is_some();
        if !old && !part.is_empty() {
            match self.repository.get_blob_part(blob, part).await {
                Ok(stream) => return read_all(stream, len as u64).await,
                Err(e) => tracing::debug!("{e}; reading the blob from its beginning"),
            }
        }
        let stream = self.blob(blob, 0).await?;
        first_bytes(stream, len).await
    }
}

impl Network for DockerSource {
    fn origin(&self) -> Option<Url> {
        self.repository.client().origin()
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        let v1 = self.v1.get().map(|v1| v1.requests());
        summed(self.repository.client().requests(), v1)
    }

    fn round_trip(&self) -> Option<Duration> {
        self.repository.client().round_trip()
    }

    fn pressure(&self) -> u64 {
        self.repository.client().pressure()
    }
}

#[async_trait]
impl Sketches for DockerSource {
    async fn sketch(&self) -> Result<Option<Sketch>> {
        match self.get_manifest(&ManifestRef::Named).await {
            Ok(manifest) => {
                let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
                *named = Some(manifest);
                Ok(None)
            }
            Err(e) if no_v2(&e) => match self.v1(e).await {
                Ok(v1) => v1.sketch().await,
                Err(e) => self.draft(e).await?.sketch(),
            },
            Err(e) => Err(self.unknown(e).await),
        }
    }

    fn read_ahead(&self) -> ReadAhead {
        let v1 = self.v1.get().map(|v1| v1.read_ahead());
        let draft = || self.draft.get().map(Draft::read_ahead);
        v1.or_else(draft).unwrap_or_default()
    }
}

impl TagList for DockerSource {
    fn tags(&self) -> TagPages {
        let pages = self.repository.tags();
        let client = self.repository.client().clone();
        let (v1, tmpdir) = (self.v1.clone(), self.tmpdir.clone());
        Box::pin(pages.then(move |page| {
            let (client, v1, tmpdir) = (client.clone(), v1.clone(), tmpdir.clone());
            async move {
                match page {
                    Err(e) if no_v2(&e) => {
                        let tags = find_v1(&client, &v1, tmpdir, e).await?.tags();
                        tags.try_concat().await
                    }
                    page => page,
                }
            }
        }))
    }
}

/// The V1 side of the server of `client`; `e`, which made one ask for it, where there is none.
async fn find_v1<'a>(
    client: &Client,
    v1: &'a Fallback<V1Source>,
    tmpdir: Option<PathBuf>,
    e: Error,
) -> Result<&'a Arc<V1Source>> {
    let open = |session, reference: &_| V1Source::over(session, reference, tmpdir);
    v1.find(client, e, open).await
}

fn summed(
    mut requests: BTreeMap<String, u64>,
    more: Option<BTreeMap<String, u64>>,
) -> BTreeMap<String, u64> {
    for (host, count) in more.into_iter().flatten() {
        *requests.entry(host).or_default() += count;
    }
    requests
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
