//! Writing sigstore bundles: each is the only layer of an artifact manifest that refers to the image.

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;

use super::DockerDestination;
use super::attachments::push;
use crate::image::{Algorithm, Descriptor, Digest, Manifest, MediaType};
use crate::registry::v2::TagOrDigest;
use crate::transport::BundleStore;
use crate::trust::signing::{BUNDLE_TYPE, PREDICATE_TYPE};
use crate::{Error, Result};

#[async_trait]
impl BundleStore for DockerDestination {
    async fn put_bundle(&self, of: &Digest, bundle: &Bytes) -> Result<()> {
        let repository = &self.repository;
        let of = TagOrDigest::Digest(of.clone());
        let subject = repository.get_manifest(&of).await?.descriptor();
        let described = |media_type: &str, bytes: &Bytes| {
            let digest = Digest::of(Algorithm::Sha256, bytes);
            Descriptor::new(media_type, digest, bytes.len() as u64)
        };
        let empty = Bytes::from_static(b"{}");
        let config = described(MediaType::OCI_EMPTY, &empty);
        let layer = described(BUNDLE_TYPE, bundle);
        push(repository, &layer, bundle.clone()).await?;
        push(repository, &config, empty).await?;
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST,
            "artifactType": BUNDLE_TYPE,
            "config": config,
            "layers": [layer],
            "subject": subject,
            "annotations": {
                "dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": PREDICATE_TYPE,
                "org.opencontainers.image.created": now(),
            },
        });
        let raw = Bytes::from(manifest.to_string());
        let manifest = Manifest::parse(raw, Some(MediaType::OCI_MANIFEST)).map_err(Error::from)?;
        let at = TagOrDigest::Digest(manifest.digest().clone());
        repository.put_manifest(&at, &manifest).await.map(drop)
    }
}

/// In RFC 3339, whole seconds.
fn now() -> String {
    let now = jiff::Timestamp::now();
    let seconds = jiff::Timestamp::from_second(now.as_second()).unwrap_or(now);
    seconds.to_string()
}
