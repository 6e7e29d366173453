//! `NegotiatedSource`: an image of a registry, whatever that registry turns out to speak.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::OnceCell;
use url::Url;

use super::V1Probe;
use crate::image::{Descriptor, Manifest, Reference, Sketch};
use crate::legacy::docker_v1::V1Source;
use crate::legacy::draft::DraftSource;
use crate::registry::has_no_v2;
use crate::settings::Context;
use crate::transport::asked::summed;
use crate::transport::docker::DockerSource;
use crate::transport::{
    BlobStream, ManifestRef, Network, ReadAhead, Sketches, Source, SourceOffers, TagList, TagPages,
};
use crate::{Error, Result, locked};

/// An image of a registry, to read.
pub struct NegotiatedSource {
    v2: DockerSource,
    /// What the server speaks instead of V2.
    older: OnceCell<Arc<dyn Source>>,
    probe: Arc<V1Probe>,
    context: Context,
    /// The manifest of the name, if [`Source::sketch`] had to read it to learn that there is no sketch.
    named: Mutex<Option<Manifest>>,
}

impl NegotiatedSource {
    /// The image `reference`; nothing is sent before something is asked for. The layers of an image that becomes a
    /// modern one go to `context.tmpdir`.
    pub fn new(reference: &Reference, context: &Context) -> NegotiatedSource {
        NegotiatedSource {
            v2: DockerSource::new(reference, context),
            older: OnceCell::new(),
            probe: Arc::new(V1Probe::new(reference, context)),
            context: context.clone(),
            named: Mutex::default(),
        }
    }

    /// The image in the protocol that is known to be the server's.
    fn known(&self) -> &dyn Source {
        self.older.get().map_or(&self.v2, |older| &**older)
    }

    /// The image in an older protocol, after the error `e` of V2; `e` if the server does not speak one.
    async fn older(&self, e: Error) -> Result<&Arc<dyn Source>> {
        self.older.get_or_try_init(|| self.find(e)).await
    }

    async fn find(&self, e: Error) -> Result<Arc<dyn Source>> {
        let e = match self.v1(e).await {
            Ok(v1) => return Ok(v1),
            Err(e) => e,
        };
        let (repository, reference) = (&self.v2.repository, &self.v2.reference);
        let tmpdir = self.context.tmpdir.clone();
        let draft = DraftSource::find(repository, reference, tmpdir, e).await?;
        Ok(Arc::new(draft))
    }

    async fn v1(&self, e: Error) -> Result<Arc<V1Source>> {
        let found = self.probe.find(self.v2.repository.client(), e).await;
        let (session, reference) = found?;
        let tmpdir = self.context.tmpdir.clone();
        Ok(Arc::new(V1Source::over(session, &reference, tmpdir)))
    }

    fn named(&self) -> std::sync::MutexGuard<'_, Option<Manifest>> {
        locked(&self.named)
    }
}

#[async_trait]
impl Source for NegotiatedSource {
    fn name(&self) -> String {
        self.v2.name()
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        let is_named = *which == ManifestRef::Named;
        if is_named && let Some(manifest) = self.named().take() {
            return Ok(manifest);
        }
        if let Some(older) = self.older.get() {
            return older.manifest(which).await;
        }
        match self.v2.manifest(which).await {
            Err(e) if is_named && has_no_v2(&e) => self.older(e).await?.manifest(which).await,
            other => other,
        }
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        self.known().blob(blob, from).await
    }

    async fn blob_unhashed(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        self.known().blob_unhashed(blob, from).await
    }

    fn offers(&self) -> SourceOffers<'_> {
        SourceOffers {
            reference: self.v2.offers().reference,
            network: Some(self),
            sketches: Some(self),
            tags: Some(self),
            ..self.known().offers()
        }
    }
}

#[async_trait]
impl Sketches for NegotiatedSource {
    async fn sketch(&self) -> Result<Option<Sketch>> {
        if let Some(older) = self.older.get() {
            return older.sketch().await;
        }
        match self.v2.manifest(&ManifestRef::Named).await {
            Ok(manifest) => {
                *self.named() = Some(manifest);
                Ok(None)
            }
            Err(e) if has_no_v2(&e) => self.older(e).await?.sketch().await,
            Err(e) => Err(e),
        }
    }

    fn read_ahead(&self) -> ReadAhead {
        self.known().read_ahead()
    }
}

impl Network for NegotiatedSource {
    fn requests(&self) -> BTreeMap<String, u64> {
        let older = self.older.get().map(|older| older.network().requests());
        summed(Network::requests(&self.v2), older.into_iter().flatten())
    }

    fn pressure(&self) -> u64 {
        Network::pressure(&self.v2)
    }

    fn round_trip(&self) -> Option<Duration> {
        Network::round_trip(&self.v2)
    }

    fn origin(&self) -> Option<Url> {
        Network::origin(&self.v2)
    }
}

impl TagList for NegotiatedSource {
    /// The draft lists tags as V2 does.
    fn tags(&self) -> TagPages {
        let (client, probe) = (self.v2.repository.client().clone(), self.probe.clone());
        Box::pin(TagList::tags(&self.v2).then(move |page| {
            let (client, probe) = (client.clone(), probe.clone());
            async move {
                match page {
                    Err(e) if has_no_v2(&e) => {
                        let (session, reference) = probe.find(&client, e).await?;
                        V1Source::over(session, &reference, None)
                            .tags()
                            .try_concat()
                            .await
                    }
                    page => page,
                }
            }
        }))
    }
}
