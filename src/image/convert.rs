//! Docker's schema 2 as OCI and back, and docker's lists as indexes and back; schema 1 has its own module.
//!
//! Separate from the manifests because a conversion makes new bytes with a new digest; everything else passes
//! bytes on as they are. What comes out equals what skopeo makes, so that both give one digest. What the other
//! format does not have is an error (layer types), or is lost as it is in skopeo (annotations, subject).

use bytes::Bytes;
use serde::Serialize;

use super::config::{self, ConfigError};
use super::media_type::{DOCKER_LAYER, DOCKER_LAYER_GZIP, OCI_LAYER, OCI_LAYER_GZIP};
use super::{
    Algorithm, Descriptor, Digest, ImageView, Manifest, ManifestError, MediaType, Platform, View,
    go_json,
};
use crate::{Error, Kind};

/// Why there is no such conversion.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The manifest is of another type than the one that is converted here.
    #[error("a manifest of type `{0}` cannot be converted to `{1}`")]
    Kind(MediaType, &'static str),
    /// An artifact has no config that could be converted.
    #[error("an artifact with a config of type `{0}` cannot be converted")]
    Artifact(MediaType),
    /// A layer type that the other format does not have.
    #[error("a layer of type `{0}` cannot be converted: its type is not known")]
    UnknownLayer(MediaType),
    /// Docker's format has no zstd.
    #[error("a layer of type `{0}` cannot be converted: docker's format has no zstd")]
    Zstd(MediaType),
    /// Docker's format has no encryption.
    #[error("a layer of type `{0}` cannot be converted: docker's format has no encryption")]
    Encrypted(MediaType),
    /// Schema 1 tells of each layer by a step of the history; this one does not fit the layers.
    #[error("the image's history cannot be told in schema 1: {0}")]
    History(String),
    /// Not one child for each entry.
    #[error("the list has {entries} entries but {children} were converted")]
    Children { entries: usize, children: usize },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl From<ConvertError> for Error {
    fn from(error: ConvertError) -> Error {
        let kind = match &error {
            ConvertError::Config(_) | ConvertError::Manifest(_) => Kind::Corrupt,
            ConvertError::Children { .. } => Kind::Other,
            _ => Kind::Refused,
        };
        Error::new(kind, error.to_string()).because(error)
    }
}

/// An image in its new format. The layers' bytes are those of the old one.
#[derive(Debug, Clone)]
pub struct Converted {
    pub manifest: Manifest,
    /// The new config blob; `None` where the bytes of the old one stay.
    pub config: Option<(Descriptor, Bytes)>,
}

const DOCKER_FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar";
const DOCKER_FOREIGN_GZIP: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
const OCI_FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";
const OCI_FOREIGN_GZIP: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";

/// Docker's layer types and OCI's, pair by pair.
pub(crate) const LAYERS: [(&str, &str); 4] = [
    (DOCKER_LAYER, OCI_LAYER),
    (DOCKER_LAYER_GZIP, OCI_LAYER_GZIP),
    (DOCKER_FOREIGN, OCI_FOREIGN),
    (DOCKER_FOREIGN_GZIP, OCI_FOREIGN_GZIP),
];

/// A descriptor as docker's manifests hold it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DockerDescriptor<'a> {
    media_type: &'a MediaType,
    size: u64,
    digest: &'a Digest,
    #[serde(skip_serializing_if = "Option::is_none")]
    urls: Option<&'a Vec<String>>,
}

impl<'a> DockerDescriptor<'a> {
    fn of(descriptor: &'a Descriptor) -> DockerDescriptor<'a> {
        DockerDescriptor {
            media_type: &descriptor.media_type,
            size: descriptor.size,
            digest: &descriptor.digest,
            urls: descriptor.urls.as_ref(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageDocument<D> {
    schema_version: u8,
    media_type: &'static str,
    config: D,
    layers: Vec<D>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IndexDocument<E> {
    schema_version: u8,
    media_type: &'static str,
    manifests: Vec<E>,
}

#[derive(Serialize)]
struct DockerEntry<'a> {
    #[serde(flatten)]
    descriptor: DockerDescriptor<'a>,
    platform: Platform,
}

/// Docker's schema 2 `manifest` as an OCI manifest; `config` is the blob that it points at, checked by the caller.
///
/// The config is rewritten without docker's own members, unless that changes nothing.
///
/// # Errors
/// [`ConvertError::Artifact`] when it is not an image; others when a layer type has no OCI counterpart, or `config` or
/// the manifest cannot be read.
pub fn schema2_to_oci(manifest: &Manifest, config: &[u8]) -> Result<Converted, ConvertError> {
    let view = image_of(
        manifest,
        MediaType::DOCKER_MANIFEST,
        MediaType::OCI_MANIFEST,
    )?;
    if !view.is_image() {
        return Err(ConvertError::Artifact(view.config.media_type));
    }
    let layers = view
        .layers
        .iter()
        .map(oci_layer)
        .collect::<Result<_, _>>()?;
    let bytes = Bytes::from(config::to_oci(config)?);
    let digest = Digest::of(Algorithm::Sha256, &bytes);
    let changed = *bytes != *config;
    let descriptor = Descriptor::new(MediaType::OCI_CONFIG, digest, bytes.len() as u64);
    Ok(Converted {
        manifest: written(&ImageDocument {
            schema_version: 2,
            media_type: MediaType::OCI_MANIFEST,
            config: descriptor.clone(),
            layers,
        })?,
        config: changed.then_some((descriptor, bytes)),
    })
}

/// The OCI `manifest` of an image as docker's schema 2; the config's bytes stay.
///
/// Annotations, `subject` and `artifactType` have no place there and are lost.
///
/// # Errors
/// [`ConvertError::Artifact`] when it is not an image; others when a layer type has no counterpart in docker's format,
/// or the manifest cannot be read.
pub fn oci_to_schema2(manifest: &Manifest) -> Result<Converted, ConvertError> {
    let mut view = image_of(
        manifest,
        MediaType::OCI_MANIFEST,
        MediaType::DOCKER_MANIFEST,
    )?;
    if view.config.media_type != MediaType::OCI_CONFIG {
        return Err(ConvertError::Artifact(view.config.media_type));
    }
    view.config.media_type = MediaType::new(MediaType::DOCKER_CONFIG);
    for layer in &mut view.layers {
        layer.media_type = docker_layer_type(&layer.media_type)?;
    }
    Ok(Converted {
        manifest: schema2_over(&view.config, &view.layers)?,
        config: None,
    })
}

/// Docker's schema 2 of an image with this config and these layers, base first.
///
/// # Errors
/// [`ConvertError::Manifest`] when the result is not a valid manifest.
pub fn schema2_over(config: &Descriptor, layers: &[Descriptor]) -> Result<Manifest, ConvertError> {
    written(&ImageDocument {
        schema_version: 2,
        media_type: MediaType::DOCKER_MANIFEST,
        config: DockerDescriptor::of(config),
        layers: layers.iter().map(DockerDescriptor::of).collect(),
    })
}

/// `manifest` over other `layers`, one for each of its own: types, digests and sizes are theirs, URLs go where they
/// have none, everything else stays, except what an entry with a new digest says of the old bytes.
///
/// # Errors
/// [`ConvertError::Manifest`] when `manifest` is not JSON.
pub fn with_layers(manifest: &Manifest, layers: &[Descriptor]) -> Result<Manifest, ConvertError> {
    let mut document: serde_json::Value =
        serde_json::from_slice(manifest.raw()).map_err(|e| ManifestError::Json(e.to_string()))?;
    if let Some(entries) = document.get_mut("layers").and_then(|l| l.as_array_mut()) {
        for (entry, layer) in entries.iter_mut().zip(layers) {
            if entry["digest"] != layer.digest.to_string() {
                forget_bytes(entry);
            }
            entry["mediaType"] = layer.media_type.as_str().into();
            entry["digest"] = layer.digest.to_string().into();
            entry["size"] = layer.size.into();
            if layer.urls.is_none()
                && let Some(entry) = entry.as_object_mut()
            {
                entry.shift_remove("urls");
            }
        }
    }
    let text = go_json::compact(&document).map_err(|e| ManifestError::Json(e.to_string()))?;
    Ok(Manifest::parse(
        text.into(),
        Some(manifest.media_type().as_str()),
    )?)
}

/// Removes from a layer's `entry` what holds for its old bytes only: the bytes themselves, and tables of contents
/// inside of them (zstd:chunked, eStargz).
fn forget_bytes(entry: &mut serde_json::Value) {
    const TABLES: [&str; 2] = [
        "io.github.containers.zstd-chunked.",
        "containerd.io/snapshot/stargz/",
    ];
    let Some(entry) = entry.as_object_mut() else {
        return;
    };
    entry.shift_remove("data");
    let Some(annotations) = entry.get_mut("annotations").and_then(|a| a.as_object_mut()) else {
        return;
    };
    annotations.retain(|key, _| !TABLES.iter().any(|table| key.starts_with(table)));
    if annotations.is_empty() {
        entry.shift_remove("annotations");
    }
}

/// Docker's `list` as an OCI index of `children`, the converted manifests, one for each entry in its order.
///
/// Platform and annotations are taken from the entries.
///
/// # Errors
/// When `list` is of another type, cannot be read, or has another number of entries than `children`.
pub fn list_to_index(list: &Manifest, children: &[Descriptor]) -> Result<Manifest, ConvertError> {
    let mut manifests = entries(list, children, MediaType::DOCKER_LIST, MediaType::OCI_INDEX)?;
    for platform in manifests.iter_mut().filter_map(|d| d.platform.as_mut()) {
        // Docker's `features` became nothing in OCI.
        platform.features = None;
    }
    written(&IndexDocument {
        schema_version: 2,
        media_type: MediaType::OCI_INDEX,
        manifests,
    })
}

/// The OCI `index` as docker's list of `children`, the converted manifests, one for each entry in its order.
///
/// # Errors
/// When `index` is of another type, cannot be read, or has another number of entries than `children`.
pub fn index_to_list(index: &Manifest, children: &[Descriptor]) -> Result<Manifest, ConvertError> {
    let manifests = entries(
        index,
        children,
        MediaType::OCI_INDEX,
        MediaType::DOCKER_LIST,
    )?;
    written(&IndexDocument {
        schema_version: 2,
        media_type: MediaType::DOCKER_LIST,
        manifests: manifests
            .iter()
            .map(|d| DockerEntry {
                descriptor: DockerDescriptor::of(d),
                platform: d.platform.clone().unwrap_or_default(),
            })
            .collect(),
    })
}

fn image_of(
    manifest: &Manifest,
    from: &'static str,
    to: &'static str,
) -> Result<ImageView, ConvertError> {
    match manifest.view()? {
        View::Image(view) if *manifest.media_type() == from => Ok(view),
        _ => Err(ConvertError::Kind(manifest.media_type().clone(), to)),
    }
}

fn entries(
    index: &Manifest,
    children: &[Descriptor],
    from: &'static str,
    to: &'static str,
) -> Result<Vec<Descriptor>, ConvertError> {
    let view = match index.view()? {
        View::Index(view) if *index.media_type() == from => view,
        _ => return Err(ConvertError::Kind(index.media_type().clone(), to)),
    };
    if view.manifests.len() != children.len() {
        return Err(ConvertError::Children {
            entries: view.manifests.len(),
            children: children.len(),
        });
    }
    let pairs = view.manifests.into_iter().zip(children);
    Ok(pairs
        .map(|(entry, child)| Descriptor {
            media_type: child.media_type.clone(),
            digest: child.digest.clone(),
            size: child.size,
            data: None,
            ..entry
        })
        .collect())
}

fn oci_layer(layer: &Descriptor) -> Result<Descriptor, ConvertError> {
    let found = LAYERS
        .iter()
        .find(|(docker, _)| layer.media_type == *docker);
    let (_, oci) = found.ok_or_else(|| ConvertError::UnknownLayer(layer.media_type.clone()))?;
    Ok(Descriptor {
        urls: layer.urls.clone(),
        ..Descriptor::new(*oci, layer.digest.clone(), layer.size)
    })
}

pub(crate) fn docker_layer_type(oci: &MediaType) -> Result<MediaType, ConvertError> {
    let found = LAYERS.iter().find(|(_, known)| *oci == *known);
    match found {
        Some((docker, _)) => Ok(MediaType::new(docker)),
        None if oci.as_str().ends_with("+encrypted") => Err(ConvertError::Encrypted(oci.clone())),
        None if oci.as_str().ends_with("+zstd") => Err(ConvertError::Zstd(oci.clone())),
        None => Err(ConvertError::UnknownLayer(oci.clone())),
    }
}

fn written(document: &impl Serialize) -> Result<Manifest, ConvertError> {
    let text = go_json::compact(document).map_err(|e| ManifestError::Json(e.to_string()))?;
    Ok(Manifest::parse(text.into(), None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn manifest(text: String) -> Manifest {
        Manifest::parse(text.into(), None).unwrap()
    }

    fn list(media_type: &str, child: &str) -> Manifest {
        manifest(format!(
            r#"{{"schemaVersion":2,"mediaType":"{media_type}","manifests":[{{"mediaType":"{child}","size":1,"digest":"{HEX}","platform":{{"architecture":"arm","os":"linux","variant":"v7","features":["x"]}}}}]}}"#
        ))
    }

    #[test]
    fn a_list_takes_its_children_over_and_keeps_their_platforms() {
        let child = Descriptor::new(MediaType::OCI_MANIFEST, HEX.parse().unwrap(), 7);
        let docker = list(MediaType::DOCKER_LIST, MediaType::DOCKER_MANIFEST);
        let index = list_to_index(&docker, std::slice::from_ref(&child)).unwrap();
        assert_eq!(
            std::str::from_utf8(index.raw()).unwrap(),
            format!(
                r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{HEX}","size":7,"platform":{{"architecture":"arm","os":"linux","variant":"v7"}}}}]}}"#,
                MediaType::OCI_INDEX,
                MediaType::OCI_MANIFEST
            )
        );
        let child = Descriptor::new(MediaType::DOCKER_MANIFEST, HEX.parse().unwrap(), 8);
        let back = index_to_list(&index, &[child]).unwrap();
        assert_eq!(
            std::str::from_utf8(back.raw()).unwrap(),
            format!(
                r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","size":8,"digest":"{HEX}","platform":{{"architecture":"arm","os":"linux","variant":"v7"}}}}]}}"#,
                MediaType::DOCKER_LIST,
                MediaType::DOCKER_MANIFEST
            )
        );
        assert_eq!(
            list_to_index(&docker, &[]).unwrap_err(),
            ConvertError::Children {
                entries: 1,
                children: 0
            }
        );
        assert!(matches!(
            index_to_list(&docker, &[]),
            Err(ConvertError::Kind(..))
        ));
    }

    #[test]
    fn a_config_that_is_oci_already_keeps_its_bytes() {
        let config = br#"{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}"#;
        let digest = Digest::of(Algorithm::Sha256, config);
        let schema2 = manifest(format!(
            r#"{{"schemaVersion":2,"config":{{"mediaType":"{}","size":{},"digest":"{digest}"}},"layers":[]}}"#,
            MediaType::DOCKER_CONFIG,
            config.len()
        ));
        let converted = schema2_to_oci(&schema2, config).unwrap();
        assert!(converted.config.is_none());
        // This is what skopeo 1.9.3 wrote in a copy of the same image to `oci:`.
        assert_eq!(
            std::str::from_utf8(converted.manifest.raw()).unwrap(),
            format!(
                r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":90}},"layers":[]}}"#
            )
        );
    }
}
