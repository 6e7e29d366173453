//! An opened image: what is known of it before any layer is read.
//!
//! Every command that looks at one image begins here: the name's manifest, the image that the platform means, what its
//! manifest says, and its config when that is asked for. No manifest or config is read twice.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::OnceCell;

use super::choose::{choose_image, read_config};
use super::open_source;
use crate::image::schema1::empty_layer;
use crate::image::{Descriptor, ImageName, Manifest, PlatformRequest, Schema1Check, View};
use crate::legacy::schema1::check_signatures;
use crate::settings::Context;
use crate::transport::{ManifestRef, Source};
use crate::{Error, Result};

/// Sizes that a source is asked for at once.
const ASKED_AT_ONCE: usize = 16;

/// An image of one platform, opened to be looked at.
pub struct OpenedImage {
    source: Arc<dyn Source>,
    top: Manifest,
    manifest: Manifest,
    view: View,
    config: OnceCell<Bytes>,
}

impl OpenedImage {
    /// Opens the image `name` for the platform `wish`.
    ///
    /// # Errors
    /// Those of the place; [`Kind::NotFound`](crate::Kind::NotFound) when there is no image for `wish`.
    pub async fn open(
        name: &ImageName,
        context: &Context,
        wish: &PlatformRequest,
    ) -> Result<OpenedImage> {
        OpenedImage::of(open_source(name, context).await?, wish).await
    }

    /// The image of `source` for the platform `wish`.
    ///
    /// # Errors
    /// As [`OpenedImage::open`].
    pub async fn of(source: Arc<dyn Source>, wish: &PlatformRequest) -> Result<OpenedImage> {
        let top = source.manifest(&ManifestRef::Named).await?;
        let chosen = choose_image(&*source, &top, wish).await?;
        let view = chosen.manifest.view()?;
        Ok(OpenedImage {
            source,
            top,
            manifest: chosen.manifest,
            view,
            config: OnceCell::new_with(chosen.config),
        })
    }

    /// The place that it is read from.
    pub fn source(&self) -> &Arc<dyn Source> {
        &self.source
    }

    /// The manifest that the image's name stands for: [`OpenedImage::manifest`], or the index that lists it.
    pub fn top(&self) -> &Manifest {
        &self.top
    }

    /// The manifest of the image itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The content of the manifest.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Checks the signatures inside a schema 1 manifest. Returns a warning where `check` lets a mistake pass.
    ///
    /// # Errors
    /// [`Kind::Corrupt`](crate::Kind::Corrupt) for what `check` does not let pass.
    pub fn check_signatures(&self, check: Schema1Check) -> Result<Option<String>> {
        let named = self.manifest.digest() == self.top.digest();
        let checked = check_signatures(&*self.source, &self.manifest, named, check);
        checked.map_err(|e| e.context("reading the source"))
    }

    /// The descriptor of its config; `None` for schema 1 and for artifacts.
    pub fn config_blob(&self) -> Option<&Descriptor> {
        match &self.view {
            View::Image(image) if image.is_image() => Some(&image.config),
            _ => None,
        }
    }

    /// The bytes of its config, read when they are first asked for; `None` for schema 1 and for artifacts.
    ///
    /// # Errors
    /// Those of the place; an error when the config has more than 4 MiB.
    pub async fn config(&self) -> Result<Option<Bytes>> {
        let Some(blob) = self.config_blob() else {
            return Ok(None);
        };
        let read = || read_config(&*self.source, blob);
        self.config.get_or_try_init(read).await.cloned().map(Some)
    }

    /// Writes the bytes of `blob`, a layer or another part of the image, to `writer`, which is flushed at the end. They are
    /// checked as they pass: size and digest are wrong where this fails with [`Kind::Corrupt`](crate::Kind::Corrupt), and
    /// then what was written is worth nothing.
    ///
    /// # Errors
    /// Those of the place and of `writer`.
    pub async fn write_blob(
        &self,
        blob: &Descriptor,
        writer: &mut (impl AsyncWrite + Unpin),
    ) -> Result<()> {
        let failed = |e| Error::other("the blob cannot be written").because(e);
        let mut bytes = self.source.blob(blob, 0).await?;
        while let Some(some) = bytes.try_next().await? {
            writer.write_all(&some).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)
    }

    /// The layers, base first, repeats included, with their sizes. The layers of schema 1 are those of its mended chain.
    ///
    /// # Errors
    /// For an artifact, whose parts are no layers; those of the place where sizes have to be asked for.
    pub async fn layers(&self) -> Result<Vec<Descriptor>> {
        match &self.view {
            View::Image(image) if image.is_image() => Ok(image.layers.clone()),
            View::Schema1(schema1) => {
                let fixed = schema1.clone().fixed()?;
                let sized = sized_blobs(&*self.source, fixed.blobs()).await?;
                let base_first = fixed.fs_layers.iter().rev();
                let layers =
                    base_first.filter_map(|digest| sized.iter().find(|b| b.digest == *digest));
                Ok(layers.cloned().collect())
            }
            View::Index(_) => Err(Error::other(
                "the chosen entry of the index is an index itself",
            )),
            View::Image(_) | View::Artifact(_) => Err(Error::other(
                "this is an artifact, not an image with a file system",
            )
            .hint("`barque layers` downloads what it consists of")),
        }
    }
}

/// `blobs` of [`Schema1View::blobs`](crate::image::Schema1View::blobs) with the sizes that `source` gives.
///
/// # Errors
/// Those of the source.
pub async fn sized_blobs(source: &dyn Source, blobs: Vec<Descriptor>) -> Result<Vec<Descriptor>> {
    let empty = empty_layer();
    let asked: Vec<_> = blobs
        .into_iter()
        .map(|blob| {
            let known = (blob.digest == empty.digest).then_some(empty.size);
            async move {
                let size = match known {
                    Some(size) => size,
                    None => source.blob_size(&blob.digest).await?,
                };
                Ok::<_, Error>(Descriptor { size, ..blob })
            }
        })
        .collect();
    stream::iter(asked)
        .buffered(ASKED_AT_ONCE)
        .try_collect()
        .await
}
