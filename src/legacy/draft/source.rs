//! `DraftSource`: an image of a server that speaks the draft of 2014.
//!
//! Schema 1 with layers named by digest is passed on as it is. If layers are named by TarSum, which is not a hash of
//! their bytes, they are read and checked, and the image becomes docker's schema 2, as that of a V1 registry does.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::DraftView;
use crate::image::{Descriptor, Digest, Manifest, Reference, Sketch, Tag};
use crate::legacy::docker_v1::{Ahead, Made, Place, Recorded, Wanted, layers};
use crate::legacy::schema1::{Asked, verify};
use crate::legacy::tarsum::{BlobSum, V1Checksum};
use crate::legacy::v1::{self, V1Image};
use crate::registry::retry::RetryBudget;
use crate::registry::v2::RepositoryClient;
use crate::registry::{ApiError, ByteStream};
use crate::transport::docker::Download;
use crate::transport::{
    BlobSizes, BlobStream, ManifestRef, ReadAhead, Sketches, Source, SourceOffers, sized_from,
    verified_from,
};
use crate::{Error, Kind, Result};

/// An image on such a server, to read.
pub(crate) struct DraftSource {
    repository: RepositoryClient,
    reference: Reference,
    tag: Tag,
    manifest: Manifest,
    view: DraftView,
    tmpdir: Option<PathBuf>,
    made: OnceCell<Made>,
    ahead: Ahead,
}

/// The tag of `reference`; nothing else names an image there.
pub(super) fn tag_of(reference: &Reference) -> Option<Tag> {
    match reference.digest {
        Some(_) => None,
        None => Some(reference.tag.clone().unwrap_or_else(Tag::latest)),
    }
}

impl DraftSource {
    /// The image `reference`, read in the draft's way; `e`, which made one ask, where the server does not know that.
    pub(crate) async fn find(
        repository: &RepositoryClient,
        reference: &Reference,
        tmpdir: Option<PathBuf>,
        e: Error,
    ) -> Result<DraftSource> {
        let Some(tag) = tag_of(reference) else {
            return Err(e);
        };
        let manifest = match repository.draft_manifest(&tag).await {
            Ok(manifest) => manifest,
            Err(answer) if knows(&answer) => return Err(answer),
            Err(answer) => {
                tracing::debug!("{answer}");
                return Err(e);
            }
        };
        let view = DraftView::of(&manifest)?;
        tracing::debug!(
            "`{}` speaks the draft of 2014",
            reference.repository.registry
        );
        if !view.tarsums.is_empty() {
            // What is made of it has no signature, so nobody could check it later.
            let (name, tag) = (reference.repository.name.as_str(), Some(tag.as_str()));
            verify(&manifest, Some(Asked { name, tag })).map_err(|e| {
                let (kind, text) = (Kind::Corrupt, e.to_string());
                Error::new(kind, text).because(e)
            })?;
        }
        Ok(DraftSource {
            repository: repository.clone(),
            reference: reference.clone(),
            tag,
            manifest,
            view,
            tmpdir,
            made: OnceCell::new(),
            ahead: Ahead::default(),
        })
    }

    fn by_tarsum(&self) -> bool {
        !self.view.tarsums.is_empty()
    }

    /// How the server calls the blob that the view calls `digest`.
    fn sum(&self, digest: &Digest) -> BlobSum {
        match self.view.tarsums.get(digest) {
            Some(sum) => BlobSum::TarSum(sum.clone()),
            None => BlobSum::Digest(digest.clone()),
        }
    }

    async fn made(&self) -> Result<&Made> {
        let make = async || {
            let chain = self.view.view.chain()?;
            let mut wanted = Vec::new();
            let mut sizes: BTreeMap<Digest, Option<u64>> = BTreeMap::new();
            for layer in chain.iter().filter(|layer| !layer.image.throwaway()) {
                let sum = self.sum(&layer.blob);
                let size = match sizes.get(&layer.blob) {
                    Some(size) => *size,
                    None => {
                        let size = self.repository.draft_blob_size(&sum);
                        let size = size.await?.ok_or_else(|| self.missing(&sum))?;
                        sizes.insert(layer.blob.clone(), size);
                        size
                    }
                };
                wanted.push(Wanted {
                    id: layer.image.id().to_owned(),
                    // A TarSum of those days covers the layer alone.
                    json: Bytes::new(),
                    size,
                    recorded: Some(match sum.clone() {
                        BlobSum::TarSum(sum) => Recorded::V1(V1Checksum::TarSum(sum)),
                        BlobSum::Digest(digest) => Recorded::Stored(digest),
                    }),
                    place: Arc::new(DraftLayer {
                        repository: self.repository.clone(),
                        sum,
                        size,
                    }),
                });
            }
            let layers = layers(wanted, self.tmpdir.as_deref(), &self.ahead).await?;
            let images: Vec<V1Image> = chain.into_iter().map(|layer| layer.image).collect();
            Made::of(&images, layers)
        };
        self.made.get_or_try_init(make).await
    }

    /// The blob from offset `from` on. The layers of an image that becomes a modern one are served from where they were
    /// read to.
    async fn checked(
        &self,
        blob: &Descriptor,
        from: u64,
        check: fn(BlobStream, &Descriptor, u64) -> BlobStream,
    ) -> Result<BlobStream> {
        if self.by_tarsum() {
            let stream = self.made().await?.blob(blob, from).await?;
            return stream.ok_or_else(|| self.missing(&blob.digest));
        }
        let budget = RetryBudget::default();
        let (repository, sum) = (
            self.repository.within(&budget),
            BlobSum::Digest(blob.digest.clone()),
        );
        let size = Some(blob.size);
        let download = Download {
            client: self.repository.client().clone(),
            blob: blob.clone(),
            budget,
            open: Box::new(move |from| {
                let (repository, sum) = (repository.clone(), sum.clone());
                Box::pin(async move { repository.draft_blob(&sum, size, from).await })
            }),
            parts: None,
        };
        download.checked(from, check).await
    }

    fn missing(&self, what: &impl std::fmt::Display) -> Error {
        let message = format!("`docker://{}` has no `{what}`", self.reference);
        Error::not_found(message)
    }
}

#[async_trait]
impl Source for DraftSource {
    fn name(&self) -> String {
        format!("docker://{}", self.reference)
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        let manifest = match self.by_tarsum() {
            true => self.made().await?.manifest(),
            false => &self.manifest,
        };
        match which {
            ManifestRef::Digest(digest) if digest != manifest.digest() => Err(self.missing(digest)),
            _ => Ok(manifest.clone()),
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
            sketches: Some(self),
            ..SourceOffers::default()
        }
    }
}

#[async_trait]
impl BlobSizes for DraftSource {
    async fn blob_size(&self, digest: &Digest) -> Result<u64> {
        let sum = BlobSum::Digest(digest.clone());
        let size = self.repository.draft_blob_size(&sum);
        let size = size.await?.ok_or_else(|| self.missing(digest))?;
        size.ok_or_else(|| {
            let text = format!("the server does not tell the size of the blob `{digest}`");
            Error::unavailable(text)
        })
    }
}

#[async_trait]
impl Sketches for DraftSource {
    async fn sketch(&self) -> Result<Option<Sketch>> {
        if !self.by_tarsum() {
            return Ok(None);
        }
        let chain = self.view.view.chain()?;
        let images = chain.iter().map(|layer| {
            let sum = self.sum(&layer.blob).to_string();
            (&layer.image, None, Some(sum))
        });
        let images: Vec<_> = images.collect();
        let (repository, tag) = (self.reference.repository.to_string(), self.tag.to_string());
        Ok(Some(v1::sketch(repository, tag, &images)?))
    }

    fn read_ahead(&self) -> ReadAhead {
        self.ahead.so_far()
    }
}

/// Whether a server that knows the draft's paths gave the answer `e`. It knows no others, so it asks who comes for these
/// alone.
fn knows(e: &Error) -> bool {
    let codes = ["MANIFEST_UNKNOWN", "NAME_UNKNOWN"];
    ApiError::of(e).is_some_and(|api| {
        matches!(api.status.as_u16(), 401 | 403) || codes.iter().any(|code| api.has_code(code))
    })
}

/// A layer of such an image.
struct DraftLayer {
    repository: RepositoryClient,
    sum: BlobSum,
    size: Option<u64>,
}

#[async_trait]
impl Place for DraftLayer {
    async fn open(&self, from: u64, _stuck: usize) -> Result<ByteStream> {
        self.repository.draft_blob(&self.sum, self.size, from).await
    }

    fn is_put_off(&self, e: &Error) -> bool {
        self.repository.client().is_put_off(e)
    }

    async fn wait_before_try(&self, tries: usize) {
        self.repository.client().wait_before_try(tries).await;
    }
}
