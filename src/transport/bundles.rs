//! Sigstore bundles among the referrers of an image (cosign 3: one artifact manifest a bundle, whose only layer it is).

use async_trait::async_trait;
use bytes::Bytes;

use super::DockerSource;
use crate::image::{Descriptor, Digest, MediaType, View};
use crate::registry::v2::ReadTag;
use crate::transport::{BundleSource, CONFIG_CAP, ManifestRef, Source, read_all};
use crate::{Error, Kind, Result};

/// Bundles of one image that are read.
const MOST: usize = 64;

#[async_trait]
impl BundleSource for DockerSource {
    async fn bundles(&self, of: &Digest) -> Result<Vec<Bytes>> {
        let kind = MediaType::new(MediaType::SIGSTORE_BUNDLE);
        let found = self
            .repository
            .referrers(of, Some(&kind), ReadTag::WithoutApi);
        let found = found.await?;
        if found.len() > MOST {
            let text = format!(
                "`{of}` has {} bundles; at most {MOST} are read",
                found.len()
            );
            return Err(Error::new(Kind::Unavailable, text));
        }
        let mut bundles = Vec::new();
        for entry in found {
            let at = ManifestRef::Digest(entry.digest.clone());
            let View::Image(view) = self.manifest(&at).await?.view()? else {
                continue;
            };
            let is_bundle = |layer: &&Descriptor| layer.media_type == kind;
            for layer in view.layers.iter().filter(is_bundle) {
                bundles.push(read_all(self.blob(layer, 0).await?, CONFIG_CAP).await?);
            }
        }
        Ok(bundles)
    }
}
