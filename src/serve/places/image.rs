//! `Image`: an image in place, opened when it is asked for.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::image::{Descriptor, Digest, ImageName, Manifest, MediaType, View};
use crate::open::open_source;
use crate::serve::content::{Blob, BlobPlace, Document, Found};
use crate::serve::stamp::Held;
use crate::settings::Context;
use crate::transport::{ManifestRef, Source};
use crate::{Error, Kind, Result};

/// An image that is opened when it is asked for.
pub(super) struct Image {
    name: ImageName,
    context: Context,
    held: Option<Arc<Held>>,
    opened: OnceCell<Opened>,
}

/// What an image is made of.
pub(super) struct Opened {
    source: Arc<dyn Source>,
    held: Option<Arc<Held>>,
    top: Digest,
    manifests: HashMap<Digest, Manifest>,
    blobs: HashMap<Digest, Descriptor>,
}

impl Image {
    /// The image `name`, which is read from the archive `held` if it is in one.
    pub(super) fn new(name: ImageName, context: &Context, held: Option<Arc<Held>>) -> Image {
        Image {
            name,
            context: context.clone(),
            held,
            opened: OnceCell::new(),
        }
    }

    /// The same image, of which nothing was read yet.
    pub(super) fn afresh(&self, held: Option<Arc<Held>>) -> Image {
        Image::new(self.name.clone(), &self.context, held)
    }

    /// What the image is made of; `None` where it is there no more.
    pub(super) async fn opened(&self) -> Result<Option<&Opened>> {
        match self.opened.get_or_try_init(|| self.open()).await {
            Ok(opened) => Ok(Some(opened)),
            Err(e) if e.kind() == Kind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn open(&self) -> Result<Opened> {
        let source = open_source(&self.name, &self.context).await?;
        let top = source.manifest(&ManifestRef::Named).await?;
        let mut opened = Opened {
            top: top.digest().clone(),
            manifests: HashMap::new(),
            blobs: HashMap::new(),
            held: self.held.clone(),
            source,
        };
        let mut left = vec![top];
        while let Some(manifest) = left.pop() {
            let digest = manifest.digest().clone();
            let view = manifest.view().map_err(Error::from)?;
            if opened.manifests.insert(digest, manifest).is_some() {
                continue;
            }
            match view {
                View::Image(image) => opened.add(image.blobs().cloned()),
                View::Artifact(artifact) => opened.add(artifact.blobs.into_iter()),
                View::Schema1(image) => {
                    let size = |digest| Descriptor::new(MediaType::OCTET_STREAM, digest, 0);
                    opened.add(image.fs_layers.into_iter().map(size));
                }
                View::Index(index) => {
                    for child in index.manifests {
                        let which = ManifestRef::Digest(child.digest);
                        match opened.source.manifest(&which).await {
                            Ok(child) => left.push(child),
                            // An index may list more than is there.
                            Err(e) if e.kind() == Kind::NotFound => {}
                            Err(e) => return Err(e),
                        }
                    }
                }
            }
        }
        // Otherwise it may be of another file, or of what is written just now.
        match &self.held {
            Some(held) => held.check().map(|()| opened),
            None => Ok(opened),
        }
    }
}

impl Opened {
    /// The manifest that the image's name stands for.
    pub(super) fn top(&self) -> Option<Found> {
        self.found(&self.top)
    }

    /// The blob `digest`, if the image has it.
    pub(super) async fn blob(&self, digest: &Digest) -> Result<Option<Blob>> {
        let Some(blob) = self.blobs.get(digest) else {
            return Ok(None);
        };
        if self.source.lacks(blob).await? {
            return Ok(None);
        }
        let (source, held) = (self.source.clone(), self.held.clone());
        Ok(Some(Blob {
            size: blob.size,
            place: BlobPlace::Image(source, Box::new(blob.clone()), held),
        }))
    }

    /// Descriptors of the manifests whose subject is `digest`.
    pub(super) fn referrers(&self, digest: &Digest) -> Result<Vec<(Digest, Value)>> {
        let mut found = Vec::new();
        for manifest in self.manifests.values() {
            let view = manifest.view().map_err(Error::from)?;
            if view.subject().is_some_and(|s| s.digest == *digest) {
                found.push((manifest.digest().clone(), referrer(manifest)));
            }
        }
        Ok(found)
    }

    fn add(&mut self, blobs: impl Iterator<Item = Descriptor>) {
        for blob in blobs {
            self.blobs.entry(blob.digest.clone()).or_insert(blob);
        }
    }

    /// The manifest `digest`, if the image has it.
    pub(super) fn found(&self, digest: &Digest) -> Option<Found> {
        let manifest = self.manifests.get(digest)?;
        Some(Found {
            digest: digest.clone(),
            media_type: manifest.media_type().to_string(),
            size: manifest.raw().len() as u64,
            bytes: Document::Here(manifest.raw().clone()),
            warning: None,
        })
    }
}

fn referrer(manifest: &Manifest) -> Value {
    let document: Value = serde_json::from_slice(manifest.payload()).unwrap_or_default();
    let mut descriptor = json!(manifest.descriptor());
    if let Some(annotations) = document.get("annotations") {
        descriptor["annotations"] = annotations.clone();
    }
    let of_config = &document["config"]["mediaType"];
    if let Some(kind) = document["artifactType"].as_str().or(of_config.as_str()) {
        descriptor["artifactType"] = kind.into();
    }
    descriptor
}
