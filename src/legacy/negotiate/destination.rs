//! `NegotiatedDestination`: an image written to a registry, whatever that registry turns out to speak.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use tokio::sync::OnceCell;

use super::V1Probe;
use crate::image::{Descriptor, Manifest, Reference};
use crate::legacy::docker_v1::V1Destination;
use crate::legacy::draft::DraftDestination;
use crate::registry::{ApiError, has_no_v2};
use crate::settings::Context;
use crate::transport::asked::summed;
use crate::transport::docker::DockerDestination;
use crate::transport::{
    BlobBody, BlobOutcome, Destination, DestinationCan, DestinationOffers, ManifestRef,
    ManifestWritten, Network, StreamedBlobs, WrittenLate,
};
use crate::{Error, Kind, Result};

/// An image of a registry, to write.
pub struct NegotiatedDestination {
    v2: DockerDestination,
    /// What the server speaks instead of V2; `None` once it is known that it speaks nothing older.
    older: OnceCell<Option<Arc<dyn Destination>>>,
    probe: V1Probe,
    context: Context,
}

impl NegotiatedDestination {
    /// The image `reference`; nothing is sent before something is asked for. What a server does not take as it is goes
    /// to `context.tmpdir`.
    pub fn new(reference: &Reference, context: &Context) -> NegotiatedDestination {
        NegotiatedDestination {
            v2: DockerDestination::new(reference, context),
            older: OnceCell::new(),
            probe: V1Probe::new(reference, context),
            context: context.clone(),
        }
    }

    /// The image in the older protocol that is known to be the server's.
    fn known_older(&self) -> Option<&dyn Destination> {
        self.older.get()?.as_deref()
    }

    /// The image in the protocol that is known to be the server's.
    fn known(&self) -> &dyn Destination {
        self.known_older().unwrap_or(&self.v2)
    }

    /// The image in an older protocol, after the error `e` of V2; `e` if the server does not speak one.
    async fn older(&self, e: Error) -> Result<&Arc<dyn Destination>> {
        match self.older.get_or_try_init(|| self.find()).await {
            Ok(Some(older)) => Ok(older),
            Ok(None) => Err(e),
            Err(refused) => Err(refused),
        }
    }

    async fn find(&self) -> Result<Option<Arc<dyn Destination>>> {
        let repository = &self.v2.repository;
        let none = Error::other("the server does not speak Registry V1");
        let refused = match self.probe.find(repository.client(), none).await {
            Ok((session, reference)) => {
                let tmpdir = self.context.tmpdir.clone();
                let v1 = V1Destination::over(session, &reference, tmpdir);
                return Ok(Some(Arc::new(v1)));
            }
            Err(e) => e,
        };
        if repository.speaks_draft().await? {
            let draft = DraftDestination::new(&self.v2, self.context.tmpdir.clone());
            return Ok(Some(Arc::new(draft)));
        }
        match refused.kind() {
            Kind::NotAllowed => Err(refused),
            _ => Ok(None),
        }
    }
}

/// Whether `e` is the answer of an older server to an upload. An error of the source, which may be a registry too, is
/// about reading.
fn refuses_uploads(e: &Error) -> bool {
    has_no_v2(e) && ApiError::of(e).is_some_and(|answer| answer.method != Method::GET)
}

#[async_trait]
impl Destination for NegotiatedDestination {
    fn name(&self) -> String {
        self.v2.name()
    }

    fn can(&self) -> DestinationCan {
        self.v2.can()
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        if let Some(older) = self.known_older() {
            return older.put_blob(blob, body).await;
        }
        match self.v2.put_blob(blob, body.clone()).await {
            Err(e) if refuses_uploads(&e) => self.older(e).await?.put_blob(blob, body).await,
            other => other,
        }
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten> {
        self.known().put_manifest(manifest, at).await
    }

    async fn finish(&self) -> Result<()> {
        self.known().finish().await
    }

    fn offers(&self) -> DestinationOffers<'_> {
        DestinationOffers {
            streams: Some(self),
            network: Some(self),
            estimates: self.known().offers().estimates,
            attachments: self.known().offers().attachments,
            ..self.v2.offers()
        }
    }
}

#[async_trait]
impl StreamedBlobs for NegotiatedDestination {
    async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        if let Some(older) = self.known_older() {
            return older.put_stream(planned, body).await;
        }
        match self.v2.put_stream(planned, body.clone()).await {
            Err(e) if refuses_uploads(&e) => self.older(e).await?.put_stream(planned, body).await,
            other => other,
        }
    }
}

impl Network for NegotiatedDestination {
    fn requests(&self) -> BTreeMap<String, u64> {
        let older = self.known_older().map(|older| older.network().requests());
        summed(Network::requests(&self.v2), older.into_iter().flatten())
    }

    fn pressure(&self) -> u64 {
        Network::pressure(&self.v2)
    }

    fn round_trip(&self) -> Option<Duration> {
        Network::round_trip(&self.v2)
    }
}
