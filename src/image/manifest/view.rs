//! `View`: what a manifest says, by kind; read from its bytes when asked.
//!
//! A view holds what barque works with. Members that it leaves out are not lost: copies are made of the bytes.

use serde::Deserialize;
use serde_json::Value;

use super::kind::read;
use super::{ManifestError, Schema1View};
use crate::image::{Descriptor, MediaType};

/// The content of a manifest, by kind.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "views are made one at a time and taken apart at once"
)]
#[non_exhaustive]
pub enum View {
    Image(ImageView),
    Index(IndexView),
    Schema1(Schema1View),
    Artifact(ArtifactView),
}

/// An OCI manifest or docker schema 2.
#[derive(Debug, Clone)]
pub struct ImageView {
    pub config: Descriptor,
    /// Base first.
    pub layers: Vec<Descriptor>,
    pub subject: Option<Descriptor>,
    pub artifact_type: Option<MediaType>,
}

/// An OCI index or docker manifest list.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexView {
    #[serde(default, deserialize_with = "null_is_empty")]
    pub manifests: Vec<Descriptor>,
    pub subject: Option<Descriptor>,
    pub artifact_type: Option<MediaType>,
}

/// Blobs without a config: the artifact manifests of OCI 1.1's drafts and of ORAS, and image manifests whose config is
/// missing, null or without a digest, as older tools wrote them for artifacts.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ArtifactView {
    #[serde(default, deserialize_with = "null_is_empty")]
    pub blobs: Vec<Descriptor>,
    pub subject: Option<Descriptor>,
    pub artifact_type: Option<MediaType>,
}

impl ImageView {
    /// Everything a copy of the image has to carry besides the manifest: the config, then the layers, base
    /// first. A digest can occur more than once.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        std::iter::once(&self.config).chain(&self.layers)
    }

    /// Whether this is a runnable image; with any other config it is an artifact.
    pub fn is_image(&self) -> bool {
        // Docker 1.10 wrote `application/octet-stream` for the config of its images.
        self.config.media_type.is_image_config()
            || self.config.media_type == MediaType::OCTET_STREAM
    }
}

impl View {
    /// Reads `payload` as a manifest of type `media_type`.
    pub(super) fn of(media_type: &MediaType, payload: &[u8]) -> Result<View, ManifestError> {
        if media_type.is_schema1() {
            return Schema1View::of(payload).map(View::Schema1);
        }
        if media_type.is_image_manifest() {
            return image(payload);
        }
        if media_type.is_index() {
            return read(payload).map(View::Index);
        }
        read(payload).map(View::Artifact)
    }

    /// The manifest that this one speaks of (OCI image-spec 1.1 `subject`).
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            View::Image(view) => view.subject.as_ref(),
            View::Index(view) => view.subject.as_ref(),
            View::Artifact(view) => view.subject.as_ref(),
            View::Schema1(_) => None,
        }
    }
}

fn image(payload: &[u8]) -> Result<View, ManifestError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Document {
        config: Option<Value>,
        #[serde(default, deserialize_with = "null_is_empty")]
        layers: Vec<Descriptor>,
        subject: Option<Descriptor>,
        artifact_type: Option<MediaType>,
    }
    let Document {
        config,
        layers,
        subject,
        artifact_type,
    } = read(payload)?;
    // Go writes a descriptor that was never set with an empty digest.
    let is_set = |config: &Value| match config {
        Value::Object(members) => {
            !matches!(members.get("digest"), None | Some(Value::Null))
                && members.get("digest").and_then(Value::as_str) != Some("")
        }
        _ => true,
    };
    match config.filter(is_set) {
        Some(config) => {
            let config = serde_json::from_value(config)
                .map_err(|e| ManifestError::Malformed(format!("`config`: {e}")))?;
            Ok(View::Image(ImageView {
                config,
                layers,
                subject,
                artifact_type,
            }))
        }
        None => Ok(View::Artifact(ArtifactView {
            blobs: layers,
            subject,
            artifact_type,
        })),
    }
}

/// Go writes an empty list as null.
fn null_is_empty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
