//! An opened image: what it is on the wanted platform, as the OCI documents that the protocol speaks of.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use serde::Serialize;

use super::ProxyOptions;
use crate::image::convert::schema2_to_oci;
use crate::image::{Descriptor, Digest, ImageName, Manifest, MediaType, View, config};
use crate::open::{Admission, Chosen, choose_image, open_source, read_config};
use crate::transport::{BlobBody, Elsewhere, ManifestRef, Source};
use crate::{Error, Kind, Result};

/// An image that the client has opened.
pub(super) struct OpenedImage {
    source: Arc<dyn Source>,
    /// The manifest or index that the name stands for.
    top: Manifest,
    chosen: Option<Chosen>,
    /// The manifest as the client sees it, with the config that was made for it if it was converted.
    shown: Option<(Bytes, Option<(Descriptor, Bytes)>)>,
}

/// A layer as `GetLayerInfo` lists it.
#[derive(Serialize)]
pub(super) struct LayerInfo {
    digest: Digest,
    size: u64,
    media_type: MediaType,
}

/// A blob of an image, to be read.
pub(super) struct ImageBlob {
    pub(super) descriptor: Descriptor,
    pub(super) body: BlobBody,
    /// Whether the image's manifest lists it, so that it can be expected to be there.
    pub(super) is_listed: bool,
}

impl OpenedImage {
    /// Opens the image `name` and reads its manifest.
    pub(super) async fn open(name: &str, options: &ProxyOptions) -> Result<OpenedImage> {
        let name = ImageName::parse(name)?;
        let source = open_source(&name, &options.context).await?;
        let top = source.manifest(&ManifestRef::Named).await?;
        let mut image = OpenedImage {
            source,
            top,
            chosen: None,
            shown: None,
        };
        let gate = options.gate.clone();
        let admission = Admission { gate, image: name };
        if !admission.is_open() {
            image.admit(&admission, options).await?;
        }
        Ok(image)
    }

    /// Refuses the image unless the policy accepts what its name stands for, which is what skopeo's proxy asks, or the
    /// image on the wanted platform, which is what a copy of one platform asks.
    async fn admit(&mut self, admission: &Admission, options: &ProxyOptions) -> Result<()> {
        let named = ManifestRef::Named;
        let verdict = admission.judge(&*self.source, &named, &self.top).await?;
        if verdict.accepted || !self.top.media_type().is_index() {
            return verdict.enforced().map(drop);
        }
        let chosen = match self.chosen(options).await {
            Ok(chosen) => chosen.manifest.clone(),
            // Not "not found": the client must see that the image is refused.
            Err(e) if e.kind() == Kind::NotFound => return verdict.enforced().map(drop),
            Err(e) => return Err(e),
        };
        let of = ManifestRef::Digest(chosen.digest().clone());
        let of_chosen = admission.judge(&*self.source, &of, &chosen).await?;
        if of_chosen.accepted {
            return Ok(());
        }
        let message = format!("{verdict}; its image for the platform, too: {of_chosen}");
        Err(Error::not_allowed(message).because(verdict))
    }

    /// The image on the wanted platform.
    async fn chosen(&mut self, options: &ProxyOptions) -> Result<&mut Chosen> {
        if self.chosen.is_none() {
            let chosen = choose_image(&*self.source, &self.top, &options.platform).await?;
            self.chosen = Some(chosen);
        }
        let missing = || Error::other("no image was chosen");
        self.chosen.as_mut().ok_or_else(missing)
    }

    /// The digest of the image's manifest, and the manifest as an OCI one. Fails for images of docker schema 1, and for
    /// what is not an image.
    pub(super) async fn manifest(&mut self, options: &ProxyOptions) -> Result<(Digest, Bytes)> {
        let manifest = self.chosen(options).await?.manifest.clone();
        let digest = manifest.digest().clone();
        if let Some((shown, _)) = &self.shown {
            return Ok((digest, shown.clone()));
        }
        let media_type = manifest.media_type();
        let (shown, made) = if *media_type == MediaType::OCI_MANIFEST {
            (manifest.raw().clone(), None)
        } else if *media_type == MediaType::DOCKER_MANIFEST {
            let converted = schema2_to_oci(&manifest, &self.config(options).await?)?;
            (converted.manifest.raw().clone(), converted.config)
        } else {
            let legacy = if media_type.is_schema1() {
                "legacy "
            } else {
                ""
            };
            let text = format!("unsupported {legacy}manifest MIME type: {media_type}");
            return Err(Error::other(text));
        };
        self.shown = Some((shown.clone(), made));
        Ok((digest, shown))
    }

    /// The config's bytes as the image has them.
    async fn config(&mut self, options: &ProxyOptions) -> Result<Bytes> {
        let chosen = self.chosen(options).await?;
        if let Some(config) = &chosen.config {
            return Ok(config.clone());
        }
        let media_type = chosen.manifest.media_type();
        let descriptor = match chosen.manifest.view()? {
            View::Image(image) if image.is_image() => image.config,
            View::Schema1(_) => {
                let text = format!("unsupported legacy manifest MIME type: {media_type}");
                return Err(Error::other(text));
            }
            _ => {
                return Err(Error::other(
                    "this is an artifact without the config of an image",
                ));
            }
        };
        let config = read_config(&*self.source, &descriptor).await?;
        self.chosen(options).await?.config = Some(config.clone());
        Ok(config)
    }

    /// The config as an OCI document.
    pub(super) async fn oci_config(&mut self, options: &ProxyOptions) -> Result<Bytes> {
        Ok(config::to_oci(&self.config(options).await?)?.into())
    }

    /// What the config says of running the image: its member `config`.
    pub(super) async fn run_config(&mut self, options: &ProxyOptions) -> Result<Bytes> {
        let config = config::oci_struct_json(&self.config(options).await?)?;
        let run = config.get("config").cloned().unwrap_or_default();
        let text = crate::image::go_json::compact(&run);
        let text = text.map_err(|e| Error::other("writing the config").because(e))?;
        Ok(text.into())
    }

    /// The layers, lowest first.
    pub(super) async fn layers(&mut self, options: &ProxyOptions) -> Result<Vec<LayerInfo>> {
        let manifest = &self.chosen(options).await?.manifest;
        match manifest.view()? {
            View::Image(image) => Ok(image.layers.into_iter().map(LayerInfo::from).collect()),
            View::Schema1(_) => {
                let of = manifest.media_type();
                Err(Error::other(format!(
                    "unsupported legacy manifest MIME type: {of}"
                )))
            }
            _ => Err(Error::other("this is not an image with layers")),
        }
    }

    /// The blob `digest`, of `size` bytes unless that is to be found out. Fails with [`crate::Kind::NotFound`] when its
    /// size is not known and the place cannot tell it.
    pub(super) async fn blob(
        &mut self,
        digest: &Digest,
        size: Option<u64>,
        options: &ProxyOptions,
    ) -> Result<ImageBlob> {
        if let Some((_, Some((descriptor, bytes)))) = &self.shown
            && descriptor.digest == *digest
        {
            return Ok(ImageBlob {
                descriptor: descriptor.clone(),
                body: BlobBody::of_bytes(bytes.clone()),
                is_listed: true,
            });
        }
        let listed = self.listed(digest, options).await;
        let is_listed = listed.is_some();
        let mut descriptor = match (listed, size) {
            (Some(listed), _) => listed,
            (None, Some(size)) => Descriptor::new("", digest.clone(), size),
            (None, None) if self.source.offers().sizes.is_some() => {
                let size = self.source.blob_size(digest).await?;
                Descriptor::new("", digest.clone(), size)
            }
            (None, None) => {
                let text = format!("`{}` lists no blob `{digest}`", self.source.name());
                return Err(Error::not_found(text));
            }
        };
        descriptor.size = size.unwrap_or(descriptor.size);
        Ok(ImageBlob {
            body: body(self.source.clone(), descriptor.clone(), options),
            descriptor,
            is_listed,
        })
    }

    /// How the image's manifest describes the blob `digest`.
    async fn listed(&mut self, digest: &Digest, options: &ProxyOptions) -> Option<Descriptor> {
        // Where no image is for the platform, the blob may be there all the same.
        let View::Image(image) = self.chosen(options).await.ok()?.manifest.view().ok()? else {
            return None;
        };
        image.blobs().find(|b| b.digest == *digest).cloned()
    }
}

impl From<Descriptor> for LayerInfo {
    fn from(layer: Descriptor) -> LayerInfo {
        LayerInfo {
            digest: layer.digest,
            size: layer.size,
            media_type: layer.media_type,
        }
    }
}

/// The bytes of `blob`; foreign layers come from their URLs where `source` does not have them.
fn body(source: Arc<dyn Source>, blob: Descriptor, options: &ProxyOptions) -> BlobBody {
    let urls = blob.urls.clone().filter(|_| blob.media_type.is_foreign());
    let urls = urls.unwrap_or_default();
    if urls.is_empty() {
        return BlobBody::new(move |from| {
            let (source, blob) = (source.clone(), blob.clone());
            async move { source.blob_unhashed(&blob, from).await }.boxed()
        });
    }
    let elsewhere = Arc::new(Elsewhere::new(options.context.timeouts.clone()));
    BlobBody::new(move |from| {
        let (source, blob) = (source.clone(), blob.clone());
        let (elsewhere, urls) = (elsewhere.clone(), urls.clone());
        async move { elsewhere.blob(&*source, &blob, &urls, from).await }.boxed()
    })
}
