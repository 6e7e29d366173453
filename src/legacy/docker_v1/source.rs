//! `V1Source`: an image of a V1 registry as docker's schema 2.
//!
//! The manifest needs the digests of all layers, plain and stored, so asking for it reads them, several at a time,
//! into files without names ([`super::fetch`]); from then on they are served from there. Who only wants to know what
//! the image is asks for the [`Sketch`], which reads JSON alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream;
use tokio::sync::OnceCell;

use super::chain::Chain;
use super::fetch::{self, Ahead, Layer};
use super::made::Made;
use crate::image::{Descriptor, Digest, Manifest, Sketch, V1Reference};
use crate::legacy::registry_v1::{Repo, Session};
use crate::legacy::v1::V1Image;
use crate::settings::Context;
use crate::transport::{
    BlobStream, ManifestRef, Network, ReadAhead, Sketches, Source, SourceOffers, TagList, TagPages,
};
use crate::{Error, Result};

/// An image in a V1 registry, to read.
pub struct V1Source {
    session: Arc<Session>,
    reference: V1Reference,
    tmpdir: Option<PathBuf>,
    chain: OnceCell<Chain>,
    made: OnceCell<Made>,
    ahead: Ahead,
}

impl V1Source {
    /// The image `reference`; nothing is sent before something is asked for. Layers are kept in
    /// `context.tmpdir`.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn new(reference: &V1Reference, context: &Context) -> Result<V1Source> {
        let session = Session::new(&reference.registry, context)?;
        Ok(V1Source::over(
            Arc::new(session),
            reference,
            context.tmpdir.clone(),
        ))
    }

    /// The image `reference` of a server that is known already.
    pub(crate) fn over(
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
            ahead: Ahead::default(),
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
        let wanted = with_layer.map(|link| fetch::wanted(&chain.repo, link));
        fetch::layers(wanted.collect(), self.tmpdir.as_deref(), &self.ahead).await
    }

    fn missing(&self, what: &str, digest: &Digest) -> Error {
        let message = format!("`{}` has no {what} `{digest}`", self.name());
        Error::not_found(message)
    }
}

#[async_trait]
impl Source for V1Source {
    fn name(&self) -> String {
        format!("docker-v1://{}", self.reference)
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        let made = self.made().await?;
        match which {
            ManifestRef::Digest(digest) if digest != made.manifest().digest() => {
                Err(self.missing("manifest", digest))
            }
            _ => Ok(made.manifest().clone()),
        }
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        let made = self.made().await?;
        let stream = made.blob(blob, from).await?;
        stream.ok_or_else(|| self.missing("blob", &blob.digest))
    }

    fn repository_name(&self) -> Option<String> {
        Some(format!(
            "{}/{}",
            self.reference.registry, self.reference.repository
        ))
    }

    fn offers(&self) -> SourceOffers<'_> {
        SourceOffers {
            sketches: Some(self),
            network: Some(self),
            tags: Some(self),
            ..SourceOffers::default()
        }
    }
}

#[async_trait]
impl Sketches for V1Source {
    async fn sketch(&self) -> Result<Option<Sketch>> {
        self.chain().await?.sketch(&self.reference).map(Some)
    }

    fn read_ahead(&self) -> ReadAhead {
        self.ahead.so_far()
    }
}

impl Network for V1Source {
    fn requests(&self) -> BTreeMap<String, u64> {
        self.session.requests()
    }
}

impl TagList for V1Source {
    fn tags(&self) -> TagPages {
        let (session, repository) = (self.session.clone(), self.reference.repository.clone());
        Box::pin(stream::once(async move {
            let repo = Repo::pull(&session, &repository).await?;
            Ok(repo.tags().await?.into_keys().collect())
        }))
    }
}
