//! `Descriptor` and `Platform`: how a manifest points at its parts (OCI image-spec, descriptor.md).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Digest, MediaType};

/// A pointer to a content: what it is, its digest and its size in bytes.
///
/// The members are in the order in which the Go tools write them, so that what barque makes equals theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    pub media_type: MediaType,
    pub digest: Digest,
    /// Bytes of the content; compressed bytes for a layer.
    pub size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urls: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// The content itself in base64, when it is small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<MediaType>,
}

impl Descriptor {
    /// A descriptor with the three mandatory members only.
    pub fn new(media_type: impl Into<MediaType>, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type: media_type.into(),
            digest,
            size,
            urls: None,
            annotations: None,
            data: None,
            platform: None,
            artifact_type: None,
        }
    }

    /// This descriptor with what `description` says about the content apart from its digest: annotations, platform and
    /// artifact type.
    #[must_use]
    pub fn described_by(self, description: Option<&Descriptor>) -> Descriptor {
        let Some(description) = description else {
            return self;
        };
        Descriptor {
            annotations: description.annotations.clone(),
            platform: description.platform.clone(),
            artifact_type: description.artifact_type.clone(),
            ..self
        }
    }

    /// Whether this entry of a list of referrers does not say of which type the artifact is: it has no artifact type, or
    /// that of an empty config, which go-containerregistry writes in place of it (quirk R12).
    pub fn hides_artifact_type(&self) -> bool {
        let known = self.artifact_type.as_ref().map(MediaType::as_str);
        known.is_none_or(|known| known == MediaType::OCI_EMPTY)
    }

    /// The URLs of a foreign layer, where its bytes are too; none of any other blob.
    pub fn foreign_urls(&self) -> &[String] {
        match (&self.urls, self.media_type.is_foreign()) {
            (Some(urls), true) => urls,
            _ => &[],
        }
    }

    /// Whether a list of referrers describes a sigstore bundle by this.
    pub fn is_sigstore_bundle(&self) -> bool {
        let known = self.artifact_type.as_ref().map(MediaType::as_str);
        known == Some(MediaType::SIGSTORE_BUNDLE)
    }

    /// The annotation `key`, when there is one.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }
}

/// The machine an image runs on, in Go's names (`linux`, `arm64`, `v8`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Platform {
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    pub os: String,
    #[serde(
        default,
        rename = "os.version",
        skip_serializing_if = "Option::is_none"
    )]
    pub os_version: Option<String>,
    #[serde(
        default,
        rename = "os.features",
        skip_serializing_if = "Option::is_none"
    )]
    pub os_features: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
}

impl std::fmt::Display for Platform {
    /// `os/architecture[/variant][:os.version]`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) if !variant.is_empty() => write!(f, "/{variant}")?,
            _ => {}
        }
        match &self.os_version {
            Some(version) if !version.is_empty() => write!(f, ":{version}"),
            _ => Ok(()),
        }
    }
}
