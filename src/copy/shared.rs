//! Small functions that planning, conversion and execution share: naming the side that failed, reading a config,
//! entries of an index.

use std::collections::HashMap;

use bytes::Bytes;

use crate::image::platform::ZSTD;
use crate::image::{Descriptor, Digest, LayerForm, Manifest, View, index};
use crate::transport::{CONFIG_CAP, Source, read_all};
use crate::{Error, Kind, Result};

// The sides are named by the caller, who knows them as they were given.
pub(crate) fn reading(e: Error) -> Error {
    e.context("reading the source")
}

pub(crate) fn writing(e: Error) -> Error {
    e.context("writing the destination")
}

/// Whether `blob` is a foreign layer with URLs.
pub(crate) fn is_elsewhere(blob: &Descriptor) -> bool {
    blob.media_type.is_foreign() && blob.urls.as_ref().is_some_and(|u| !u.is_empty())
}

/// The config `config` of an image, which is read to be converted.
pub(crate) async fn read_config(source: &dyn Source, config: &Descriptor) -> Result<Bytes> {
    let read = async { read_all(source.blob(config, 0).await?, CONFIG_CAP).await };
    read.await.map_err(reading)
}

/// `e` with the flag that copies a part of the index, where `source` lacks something of it.
pub(crate) fn with_sparse(source: &dyn Source, e: Error) -> Error {
    if e.kind() != Kind::NotFound {
        return e;
    }
    e.hint(format!(
        "if `{}` has only some images of the index, `--all --sparse` copies those",
        source.name()
    ))
}

/// The descriptor of a manifest, which says where layers of the image are compressed with zstd (see [`ZSTD`]).
pub(super) fn marked(manifest: &Manifest) -> Descriptor {
    let is_zstd = |layer: &Descriptor| LayerForm::of(&layer.media_type) == Some(LayerForm::Zstd);
    let mut descriptor = manifest.descriptor();
    if matches!(manifest.view(), Ok(View::Image(image)) if image.layers.iter().any(is_zstd)) {
        descriptor.annotations = Some([(ZSTD.to_owned(), "true".to_owned())].into());
    }
    descriptor
}

/// The entry `old` of an index, pointing at what `changed` calls its manifest now. Platform and annotations stay,
/// except that an attestation speaks of the image under its new digest, and the mark of zstd follows its layers.
pub(super) fn replaced(old: &Descriptor, changed: &HashMap<Digest, Descriptor>) -> Descriptor {
    let mut entry = old.clone();
    if let Some(new) = changed.get(&old.digest) {
        entry.media_type = new.media_type.clone();
        entry.digest = new.digest.clone();
        entry.size = new.size;
        let mut annotations = entry.annotations.take().unwrap_or_default();
        annotations.remove(ZSTD);
        annotations.extend(new.annotations.clone().unwrap_or_default());
        entry.annotations = (!annotations.is_empty()).then_some(annotations);
    }
    if let Some(of) = entry
        .annotations
        .as_mut()
        .and_then(|a| a.get_mut(index::ATTESTS))
        && let Some(new) = of.parse().ok().and_then(|of: Digest| changed.get(&of))
    {
        *of = new.digest.to_string();
    }
    entry
}
