//! A server that speaks the draft of 2014 behind `docker://` ([`crate::registry::v2`], "draft").
//!
//! Schema 1 with layers named by digest is passed on as it is. Where layers are named by TarSum, which is the name of no
//! bytes, they are read and checked, and the image becomes docker's schema 2, as that of a V1 registry does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::DraftView;
use crate::image::{Descriptor, Digest, Manifest, MediaType, Reference, Tag};
use crate::legacy::docker_v1::{Ahead, Made, Place, Recorded, Wanted, layers};
use crate::legacy::schema1::{Asked, verify};
use crate::legacy::tarsum::{BlobSum, V1Checksum};
use crate::legacy::v1::V1Image;
use crate::legacy::v1::{Sketch, SketchedImage};
use crate::registry::v2::{Pushed, RepositoryClient};
use crate::registry::{Actions, ApiError, ByteStream, Client, UploadBody};
use crate::transport::docker::DockerDestination;
use crate::transport::{BlobOutcome, BlobStream, ManifestRef, ManifestWritten, ReadAhead};
use crate::{Error, Kind, Result};

/// An image on such a server, to read.
pub(crate) struct Draft {
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
pub(crate) fn tag_of(reference: &Reference) -> Option<Tag> {
    match reference.digest {
        Some(_) => None,
        None => Some(reference.tag.clone().unwrap_or_else(Tag::latest)),
    }
}

impl Draft {
    /// The image `reference`, read in the draft's way; `e`, which made one ask, where the server does not know that.
    pub(crate) async fn find(
        client: &Arc<Client>,
        reference: &Reference,
        tmpdir: Option<&Path>,
        e: Error,
    ) -> Result<Draft> {
        let Some(tag) = tag_of(reference) else {
            return Err(e);
        };
        let repository = client.repository(&reference.repository.name, Actions::Pull);
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
        Ok(Draft {
            repository,
            reference: reference.clone(),
            tag,
            manifest,
            view,
            tmpdir: tmpdir.map(Path::to_owned),
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

    pub(crate) async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        let manifest = match self.by_tarsum() {
            true => &self.made().await?.manifest,
            false => &self.manifest,
        };
        match which {
            ManifestRef::Digest(digest) if digest != manifest.digest() => Err(self.missing(digest)),
            _ => Ok(manifest.clone()),
        }
    }

    /// A blob of an image that was made here; `None` where the server itself has the blobs of the manifest.
    pub(crate) async fn blob(&self, blob: &Descriptor, from: u64) -> Result<Option<BlobStream>> {
        if !self.by_tarsum() {
            return Ok(None);
        }
        let stream = self.made().await?.blob(blob, from).await?;
        Ok(Some(stream.ok_or_else(|| self.missing(&blob.digest))?))
    }

    pub(crate) async fn blob_size(&self, digest: &Digest) -> Result<u64> {
        let sum = BlobSum::Digest(digest.clone());
        let size = self.repository.draft_blob_size(&sum);
        let size = size.await?.ok_or_else(|| self.missing(digest))?;
        size.ok_or_else(|| {
            let text = format!("the server does not tell the size of the blob `{digest}`");
            Error::new(Kind::Unavailable, text)
        })
    }

    pub(crate) fn read_ahead(&self) -> ReadAhead {
        self.ahead.so_far()
    }

    /// What is told without the layers, where the manifest could not be had without them.
    pub(crate) fn sketch(&self) -> Result<Option<Sketch>> {
        if !self.by_tarsum() {
            return Ok(None);
        }
        let images = self.view.view.chain()?.into_iter();
        let sketched = images.map(|layer| SketchedImage {
            image: layer.image,
            size: None,
            checksum: Some(self.sum(&layer.blob).to_string()),
        });
        Ok(Some(Sketch {
            repository: self.reference.repository.to_string(),
            tag: self.tag.to_string(),
            images: sketched.collect(),
        }))
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

    fn missing(&self, what: &impl std::fmt::Display) -> Error {
        let message = format!("`docker://{}` has no `{what}`", self.reference);
        Error::new(Kind::NotFound, message)
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

impl DockerDestination {
    pub(crate) async fn put_draft_blob(
        &self,
        blob: &Descriptor,
        upload: &UploadBody,
    ) -> Result<BlobOutcome> {
        Ok(match self.repository.draft_push_blob(blob, upload).await? {
            Pushed::Present => BlobOutcome::Present,
            Pushed::Uploaded => BlobOutcome::Written,
        })
    }

    pub(crate) async fn put_draft_manifest(
        &self,
        manifest: &Manifest,
        at: &ManifestRef,
    ) -> Result<ManifestWritten> {
        let refused = |what: &str| {
            let registry = &self.reference.repository.registry;
            let text = format!("`{registry}` speaks the draft of 2014, which {what}");
            Error::new(Kind::Refused, text)
        };
        let tag = tag_of(&self.reference).filter(|_| *at == ManifestRef::Named);
        let tag = tag.ok_or_else(|| refused("knows manifests by tag only"))?;
        if *manifest.media_type() != MediaType::SCHEMA1_SIGNED {
            return Err(refused("holds signed images of docker schema 1 only")
                .hint("`--format v2s1` makes one"));
        }
        self.repository.draft_put_manifest(&tag, manifest).await?;
        Ok(ManifestWritten::default())
    }
}
