//! Old formats and protocols: Registry V1, the draft of V2 from 2014, schema 1 with its signatures, TarSum, and
//! archives of `docker save` before 1.10.
//!
//! Everything here is kept out of the core so that the core can be read without it. This room builds on the transports,
//! the registry client and the data types; none of them may depend on it. What other rooms call is in this file, in
//! [`schema1`] and in methods of `Manifest` and `Schema1View`; `no_legacy.rs` has the same for a build without the
//! feature `legacy`.

pub mod docker_archive;
pub mod docker_v1;
pub mod draft;
pub mod jws;
pub mod negotiate;
pub mod registry_v1;
pub mod schema1;
pub mod tarsum;
mod upgrade;
pub mod v1;

use std::sync::Arc;

use crate::Result;
use crate::image::{Reference, Schema1Signer, V1Reference};
use crate::settings::Context;
use crate::transport::docker_archive::Older;
use crate::transport::{Deleted, Destination, Source};
use docker_v1::{V1Destination, V1Source};
use negotiate::{NegotiatedDestination, NegotiatedSource};

pub(crate) use negotiate::delete_tag;

/// The image `reference` of a registry, to read, in the protocol that the registry turns out to speak.
pub(crate) fn registry_source(reference: &Reference, context: &Context) -> Arc<dyn Source> {
    Arc::new(NegotiatedSource::new(reference, context))
}

/// The image `reference` of a registry, to write, in the protocol that the registry turns out to speak.
pub(crate) fn registry_destination(
    reference: &Reference,
    context: &Context,
) -> Arc<dyn Destination> {
    Arc::new(NegotiatedDestination::new(reference, context))
}

/// The image `reference` of a V1 registry, to read.
pub(crate) fn v1_source(reference: &V1Reference, context: &Context) -> Result<Arc<dyn Source>> {
    Ok(Arc::new(V1Source::new(reference, context)?))
}

/// The image `reference` of a V1 registry, to write.
pub(crate) fn v1_destination(
    reference: &V1Reference,
    context: &Context,
) -> Result<Arc<dyn Destination>> {
    Ok(Arc::new(V1Destination::new(reference, context)?))
}

/// Deletes the tag of `reference` in a V1 registry. Fails as [`docker_v1::delete_tag`] does.
pub(crate) async fn delete_v1(reference: &V1Reference, context: &Context) -> Result<Deleted> {
    docker_v1::delete_tag(reference, context).await?;
    Ok(docker_v1::deleted(reference))
}

/// What reads archives of `docker save` before 1.10.
pub(crate) fn older_archives() -> Older {
    Some(&docker_archive::read::SavedV1)
}

/// A key that signs docker schema 1: the one of the file with the content `file`, else a fresh one. Fails as
/// [`jws::SigningKey::parse`] does.
pub(crate) fn signing_key(file: Option<&str>) -> Result<Arc<dyn Schema1Signer>> {
    Ok(Arc::new(match file {
        Some(file) => jws::SigningKey::parse(file)?,
        None => jws::SigningKey::generate()?,
    }))
}
