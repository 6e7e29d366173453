//! An image with changes, as a source of a copy: its config and manifest are made here, and its layers are those of the
//! place that it comes from.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::append::Appended;
use super::image::OpenedImage;
use crate::image::edit::{Edits, NewLayer};
use crate::image::{Descriptor, Digest, Manifest, View};
use crate::transport::{
    BlobBody, BlobStream, LayerTar, ManifestRef, Source, SourceOffers, verified_from,
};
use crate::{Error, Result};

/// An image that was changed, to copy from.
pub struct EditedImage {
    source: Arc<dyn Source>,
    manifest: Manifest,
    config: (Digest, Bytes),
    layers: HashMap<Digest, LayerTar>,
}

impl EditedImage {
    /// `image` with the changes `edits`, and with the layers `append` on top.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] for an image that has no config to change; those of [`Edits::apply`] and of the place.
    pub async fn new(
        image: &OpenedImage,
        mut edits: Edits,
        append: Vec<Appended>,
    ) -> Result<EditedImage> {
        let Some(config) = image.config().await? else {
            let (text, hint) = match image.view() {
                View::Schema1(_) => (
                    "a docker schema 1 image has no config that could be changed",
                    "copy it with `--format oci` first",
                ),
                _ => (
                    "this is an artifact without the config of an image",
                    "see what it is with `barque inspect --raw`",
                ),
            };
            return Err(Error::refused(text).hint(hint));
        };
        let media_type = image.manifest().media_type();
        for Appended { layer, created_by } in &append {
            edits.append.push(NewLayer {
                blob: layer
                    .descriptor(media_type)
                    .map_err(|e| no_layer_of(layer, e))?,
                diff_id: layer.diff_id.clone(),
                created_by: created_by.clone(),
            });
        }
        let edited = edits.apply(image.manifest(), &config)?;
        let layers = append
            .into_iter()
            .map(|Appended { layer, .. }| (layer.digest.clone(), layer));
        Ok(EditedImage {
            source: image.source().clone(),
            manifest: edited.manifest,
            config: (edited.config.digest, edited.config_bytes),
            layers: layers.collect(),
        })
    }
}

/// The error `e` of a tar that an image of this format cannot have as a layer.
fn no_layer_of(layer: &LayerTar, e: Error) -> Error {
    e.context(format!("appending `{}`", layer.file.path().display()))
        .hint("compress it with gzip, or make an OCI image first, with `barque copy --format oci`")
}

#[async_trait]
impl Source for EditedImage {
    fn name(&self) -> String {
        self.source.name()
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        match which.is(&self.manifest) {
            true => Ok(self.manifest.clone()),
            false => self.source.manifest(which).await,
        }
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        if blob.digest == self.config.0 {
            let body = BlobBody::of_bytes(self.config.1.clone());
            return Ok(verified_from(body.open(from).await?, blob, from));
        }
        match self.layers.get(&blob.digest) {
            Some(layer) => Ok(verified_from(layer.bytes(from), blob, from)),
            None => self.source.blob(blob, from).await,
        }
    }

    /// Not the reference of the source: a destination in its repository has the layers, and lacks what is made here.
    fn offers(&self) -> SourceOffers<'_> {
        let of_source = self.source.offers();
        SourceOffers {
            requests_per_blob: of_source.requests_per_blob,
            network: of_source.network,
            ..SourceOffers::default()
        }
    }
}
