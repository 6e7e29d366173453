//! `Made`: docker's schema 2 made of a chain of V1 images whose layers have been read.

use std::collections::HashMap;

use super::fetch::Layer;
use crate::Result;
use crate::image::{Descriptor, Digest, Manifest};
use crate::legacy::upgrade::{Modern, modern};
use crate::legacy::v1::V1Image;
use crate::transport::archive_file::ArchiveFile;
use crate::transport::{BlobBody, BlobStream, verified_from};

/// The modern form of an image, with its layers.
pub(crate) struct Made {
    image: Modern,
    layers: HashMap<Digest, ArchiveFile>,
}

impl Made {
    /// The image of `chain` over `layers`, both base first.
    pub(crate) fn of(chain: &[V1Image], layers: Vec<Layer>) -> Result<Made> {
        let described = |layer: &Layer| (layer.descriptor.clone(), layer.diff_id.clone());
        let described: Vec<_> = layers.iter().map(described).collect();
        let files = layers.into_iter().map(|l| (l.descriptor.digest, l.file));
        Ok(Made {
            image: modern(chain, &described)?,
            layers: files.collect(),
        })
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.image.manifest
    }

    /// A blob's bytes from offset `from` on, verified from 0; `None` where the image has no such blob.
    pub(crate) async fn blob(&self, blob: &Descriptor, from: u64) -> Result<Option<BlobStream>> {
        let body = if blob.digest == self.image.config.digest {
            BlobBody::of_bytes(self.image.bytes.clone())
        } else if let Some(file) = self.layers.get(&blob.digest) {
            BlobBody::of_file(file.clone())
        } else {
            return Ok(None);
        };
        Ok(Some(verified_from(body.open(from).await?, blob, from)))
    }
}
