//! `V1Source`: an image of a V1 registry as docker's schema 2.
//!
//! The manifest needs the digests of all layers, plain and stored, so asking for it reads them, several at a time,
//! into files without names ([`super::fetch`]); from then on they are served from there. Who only wants to know what
//! the image is asks for the [`Sketch`], which reads JSON alone.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

use super::chain::Chain;
use super::fetch::{self, Layer};
use crate::image::v1::{V1Image, modern_config};
use crate::image::{
    Algorithm, Descriptor, Digest, Manifest, MediaType, Sketch, V1Reference, convert,
};
use crate::registry::Patience;
use crate::registry::v1::{Repo, Session};
use crate::settings::Access;
use crate::transport::archive_file::ArchiveFile;
use crate::transport::{BlobBody, BlobStream, Source, SourceCan, TagPages, Which, verified_from};
use crate::{Error, Kind, Result};

/// Layers that are read at once.
const IN_FLIGHT: usize = 4;

/// An image in a V1 registry, to read.
pub struct V1Source {
    session: Arc<Session>,
    reference: V1Reference,
    tmpdir: Option<PathBuf>,
    chain: OnceCell<Chain>,
    made: OnceCell<Made>,
}

/// The modern form of the image.
struct Made {
    manifest: Manifest,
    config: (Digest, Bytes),
    layers: HashMap<Digest, ArchiveFile>,
}

impl V1Source {
    /// The image `reference`; nothing is sent before something is asked for. Layers are kept in `tmpdir`.
    pub fn new(
        reference: &V1Reference,
        access: &Access,
        patience: &Patience,
        tmpdir: Option<PathBuf>,
    ) -> Result<V1Source> {
        let session = Session::new(&reference.registry, access, patience.clone())?;
        Ok(V1Source::over(Arc::new(session), reference, tmpdir))
    }

    /// The image `reference` of a server that is known already.
    pub(in crate::transport) fn over(
        session: Arc<Session>,
        reference: &V1Reference,
        tmpdir: Option<PathBuf>,
    ) -> V1Source {
        V1Source {
            session,
            reference: reference.clone(),
            tmpdir,
            chain: OnceCell::new(),
            made: OnceCell::new(),
        }
    }

    async fn chain(&self) -> Result<&Chain> {
        let read = || Chain::read(&self.session, &self.reference);
        self.chain.get_or_try_init(read).await
    }

    async fn made(&self) -> Result<&Made> {
        let make = async || {
            let chain = self.chain().await?;
            let layers = self.layers(chain).await?;
            let images: Vec<V1Image> = chain.links.iter().map(|l| l.image.clone()).collect();
            Made::of(&images, layers)
        };
        self.made.get_or_try_init(make).await
    }

    /// The layers of all images that have one, base first.
    async fn layers(&self, chain: &Chain) -> Result<Vec<Layer>> {
        let with_layer = chain.links.iter().filter(|link| !link.image.throwaway());
        let reading: Vec<_> = with_layer
            .map(|link| fetch::layer(&chain.repo, link, self.tmpdir.as_deref()))
            .collect();
        stream::iter(reading)
            .buffered(IN_FLIGHT)
            .try_collect()
            .await
    }

    fn missing(&self, what: &str, digest: &Digest) -> Error {
        let message = format!("`{}` has no {what} `{digest}`", self.name());
        Error::new(Kind::NotFound, message)
    }

    async fn list_tags(&self) -> Result<Vec<String>> {
        let repo = Repo::pull(&self.session, &self.reference.repository).await?;
        Ok(repo.tags().await?.into_keys().collect())
    }
}

impl Made {
    /// The image of `chain` over `layers`, both base first.
    fn of(chain: &[V1Image], layers: Vec<Layer>) -> Result<Made> {
        let diff_ids: Vec<Digest> = layers.iter().map(|layer| layer.diff_id.clone()).collect();
        let config = Bytes::from(modern_config(chain, &diff_ids)?);
        let digest = Digest::of(Algorithm::Sha256, &config);
        let described = Descriptor::new(
            MediaType::DOCKER_CONFIG,
            digest.clone(),
            config.len() as u64,
        );
        let descriptors: Vec<Descriptor> = layers.iter().map(|l| l.descriptor.clone()).collect();
        Ok(Made {
            manifest: convert::schema2_over(&described, &descriptors)?,
            config: (digest, config),
            layers: layers
                .into_iter()
                .map(|layer| (layer.descriptor.digest, layer.file))
                .collect(),
        })
    }
}

#[async_trait]
impl Source for V1Source {
    fn name(&self) -> String {
        format!("docker-v1://{}", self.reference)
    }

    fn can(&self) -> SourceCan {
        SourceCan { ranged: true }
    }

    async fn manifest(&self, which: &Which) -> Result<Manifest> {
        let made = self.made().await?;
        match which {
            Which::Digest(digest) if digest != made.manifest.digest() => {
                Err(self.missing("manifest", digest))
            }
            _ => Ok(made.manifest.clone()),
        }
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        let made = self.made().await?;
        let stream = if blob.digest == made.config.0 {
            BlobBody::of_bytes(made.config.1.clone()).open(from).await?
        } else {
            let file = made.layers.get(&blob.digest);
            let file = file.ok_or_else(|| self.missing("blob", &blob.digest))?;
            let from = from.min(file.len());
            file.section(from, file.len() - from)
        };
        Ok(verified_from(stream, blob, from))
    }

    fn repository_name(&self) -> Option<String> {
        Some(format!(
            "{}/{}",
            self.reference.registry, self.reference.repository
        ))
    }

    async fn sketch(&self) -> Result<Option<Sketch>> {
        Ok(Some(self.chain().await?.sketch(&self.reference)))
    }

    fn requests(&self) -> BTreeMap<String, u64> {
        self.session.requests()
    }

    fn tags(self: Arc<Self>) -> Option<TagPages> {
        Some(Box::pin(stream::once(
            async move { self.list_tags().await },
        )))
    }
}
