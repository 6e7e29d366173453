//! Stands in for the room `legacy` in a build without that feature: has what the other rooms call there.
//!
//! Every registry is taken to speak V2. [`crate::image::Manifest::view`] refuses docker schema 1, so that what is here
//! about it is not reached.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::image::{Reference, Schema1Signer, Schema1View, V1Reference};
use crate::registry::v2::RepositoryClient;
use crate::settings::Context;
use crate::transport::docker::{DockerDestination, DockerSource};
use crate::transport::docker_archive::Older;
use crate::transport::{Deleted, Destination, Source};
use crate::{Error, Result};

fn absent<T>(what: &str) -> Result<T> {
    let text = format!("this build of barque has no support for {what}");
    Err(Error::other(text).hint("the feature `legacy` has it"))
}

const V1: &str = "Registry V1";
const SCHEMA1: &str = "docker schema 1";

pub(crate) fn registry_source(reference: &Reference, context: &Context) -> Arc<dyn Source> {
    Arc::new(DockerSource::new(reference, context))
}

pub(crate) fn registry_destination(
    reference: &Reference,
    context: &Context,
) -> Arc<dyn Destination> {
    Arc::new(DockerDestination::new(reference, context))
}

pub(crate) fn v1_source(_: &V1Reference, _: &Context) -> Result<Arc<dyn Source>> {
    absent(V1)
}

pub(crate) fn v1_destination(_: &V1Reference, _: &Context) -> Result<Arc<dyn Destination>> {
    absent(V1)
}

pub(crate) async fn delete_v1(_: &V1Reference, _: &Context) -> Result<Deleted> {
    absent(V1)
}

pub(crate) fn delete_tag<'a>(
    _: &'a Reference,
    _: &'a Context,
    _: RepositoryClient,
    e: Error,
) -> BoxFuture<'a, Result<Deleted>> {
    Box::pin(async { Err(e) })
}

pub(crate) fn older_archives() -> Older {
    None
}

pub(crate) fn signing_key(_file: Option<&str>) -> Result<Arc<dyn Schema1Signer>> {
    absent(SCHEMA1)
}

#[cfg(any(feature = "cli", feature = "serve"))]
impl crate::image::Manifest {
    pub(crate) fn check_signatures(
        &self,
    ) -> Result<Vec<crate::image::SignatureCheck>, crate::image::ManifestError> {
        Err(crate::image::ManifestError::NoSchema1)
    }
}

impl Schema1View {
    #[cfg(feature = "cli")]
    pub(crate) fn config_json(&self) -> Result<serde_json::Value> {
        absent(SCHEMA1)
    }

    #[cfg(feature = "cli")]
    pub(crate) fn commands(&self) -> Vec<Option<String>> {
        Vec::new()
    }

    pub(crate) fn fixed(self) -> Result<Schema1View> {
        absent(SCHEMA1)
    }
}

pub(crate) mod schema1 {
    use std::sync::Arc;

    use super::{SCHEMA1, absent};
    use crate::Result;
    use crate::image::{Descriptor, ImageView, Manifest, Schema1Check, Schema1Signer, Schema1View};
    use crate::transport::{Source, Upgrade};

    pub(crate) fn check_signatures(
        _: &dyn Source,
        _: &Manifest,
        _named: bool,
        _: Schema1Check,
    ) -> Result<Option<String>> {
        Ok(None)
    }

    pub(crate) fn of_image(_: &ImageView, _config: &[u8]) -> Result<Schema1View> {
        absent(SCHEMA1)
    }

    pub(crate) fn signed(_: &Schema1View, _: &dyn Schema1Signer) -> Result<Manifest> {
        absent(SCHEMA1)
    }

    pub(crate) fn upgrade(
        _: &Schema1View,
        _: &[Descriptor],
        _target: &'static str,
    ) -> Result<(Vec<Descriptor>, Arc<dyn Upgrade>)> {
        absent(SCHEMA1)
    }
}
