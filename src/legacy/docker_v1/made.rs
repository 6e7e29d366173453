//! `Made`: docker's schema 2 made of a chain of V1 images whose layers have been read.

use std::collections::HashMap;

use bytes::Bytes;

use super::fetch::Layer;
use crate::Result;
use crate::image::{Algorithm, Descriptor, Digest, Manifest, MediaType, convert};
use crate::legacy::v1::{V1Image, modern_config};
use crate::transport::archive_file::ArchiveFile;
use crate::transport::{BlobBody, BlobStream, verified_from};

/// The modern form of an image.
pub(crate) struct Made {
    pub(crate) manifest: Manifest,
    config: (Digest, Bytes),
    layers: HashMap<Digest, ArchiveFile>,
}

impl Made {
    /// The image of `chain` over `layers`, both base first.
    pub(crate) fn of(chain: &[V1Image], layers: Vec<Layer>) -> Result<Made> {
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

    /// A blob's bytes from offset `from` on, verified from 0; `None` where the image has no such blob.
    pub(crate) async fn blob(&self, blob: &Descriptor, from: u64) -> Result<Option<BlobStream>> {
        let stream = if blob.digest == self.config.0 {
            BlobBody::of_bytes(self.config.1.clone()).open(from).await?
        } else {
            let Some(file) = self.layers.get(&blob.digest) else {
                return Ok(None);
            };
            let from = from.min(file.len());
            file.section(from, file.len() - from)
        };
        Ok(Some(verified_from(stream, blob, from)))
    }
}
