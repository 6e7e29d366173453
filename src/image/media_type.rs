//! `MediaType`: what a content claims to be, and the questions the other rooms ask of it.
//!
//! Unknown types survive as they are; only the known ones answer `true` to a question. Table: OCI image-spec
//! media-types.md and the docker distribution manifest specifications.

use serde::{Deserialize, Serialize};

pub(crate) const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
pub(crate) const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// Named by build tools, though docker's own documents do not know it; read, and never written.
pub(crate) const DOCKER_LAYER_ZSTD: &str = "application/vnd.docker.image.rootfs.diff.tar.zstd";
pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub(crate) const OCI_LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(crate) const OCI_LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// A media type without parameters, as in a descriptor or a `Content-Type`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MediaType(String);

impl MediaType {
    pub const OCI_MANIFEST: &'static str = "application/vnd.oci.image.manifest.v1+json";
    pub const OCI_INDEX: &'static str = "application/vnd.oci.image.index.v1+json";
    pub const OCI_CONFIG: &'static str = "application/vnd.oci.image.config.v1+json";
    pub const OCI_EMPTY: &'static str = "application/vnd.oci.empty.v1+json";
    pub const OCI_ARTIFACT: &'static str = "application/vnd.oci.artifact.manifest.v1+json";
    /// The artifact manifest of ORAS, from before OCI's.
    pub const ORAS_ARTIFACT: &'static str = "application/vnd.cncf.oras.artifact.manifest.v1+json";
    pub const DOCKER_MANIFEST: &'static str =
        "application/vnd.docker.distribution.manifest.v2+json";
    pub const DOCKER_LIST: &'static str =
        "application/vnd.docker.distribution.manifest.list.v2+json";
    pub const DOCKER_CONFIG: &'static str = "application/vnd.docker.container.image.v1+json";
    pub const SCHEMA1: &'static str = "application/vnd.docker.distribution.manifest.v1+json";
    pub const SCHEMA1_SIGNED: &'static str =
        "application/vnd.docker.distribution.manifest.v1+prettyjws";
    /// A signature with what it takes to verify it offline, as cosign 3 stores it.
    pub const SIGSTORE_BUNDLE: &'static str = "application/vnd.dev.sigstore.bundle.v0.3+json";
    pub const OCTET_STREAM: &'static str = "application/octet-stream";

    /// All manifest types that barque reads, for `Accept` (quirk M5: a shorter list makes servers convert).
    pub const MANIFESTS: [&'static str; 8] = [
        MediaType::OCI_MANIFEST,
        MediaType::OCI_INDEX,
        MediaType::DOCKER_MANIFEST,
        MediaType::DOCKER_LIST,
        MediaType::SCHEMA1_SIGNED,
        MediaType::SCHEMA1,
        MediaType::OCI_ARTIFACT,
        MediaType::ORAS_ARTIFACT,
    ];

    /// The type named by `text`; parameters after a `;` and blanks around it are dropped (quirk M9).
    pub fn new(text: &str) -> MediaType {
        MediaType(text.split(';').next().unwrap_or_default().trim().to_owned())
    }

    /// The type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is an OCI index or a docker manifest list.
    pub fn is_index(&self) -> bool {
        matches!(self.as_str(), MediaType::OCI_INDEX | MediaType::DOCKER_LIST)
    }

    /// Whether this is a manifest with a config and layers: OCI manifest or docker schema 2.
    pub fn is_image_manifest(&self) -> bool {
        matches!(
            self.as_str(),
            MediaType::OCI_MANIFEST | MediaType::DOCKER_MANIFEST
        )
    }

    /// Whether this is docker's schema 1, signed or not.
    pub fn is_schema1(&self) -> bool {
        matches!(
            self.as_str(),
            MediaType::SCHEMA1 | MediaType::SCHEMA1_SIGNED
        )
    }

    /// Whether this is a manifest of any kind that barque reads.
    pub fn is_manifest(&self) -> bool {
        MediaType::MANIFESTS.contains(&self.as_str())
    }

    /// Whether this is one of docker's manifest types, which an OCI layout cannot hold.
    pub fn is_docker_manifest(&self) -> bool {
        matches!(
            self.as_str(),
            MediaType::DOCKER_MANIFEST | MediaType::DOCKER_LIST
        ) || self.is_schema1()
    }

    /// Whether this is the config of a runnable image.
    pub fn is_image_config(&self) -> bool {
        matches!(
            self.as_str(),
            MediaType::OCI_CONFIG | MediaType::DOCKER_CONFIG
        )
    }

    /// The type of a layer that is foreign now, once it is kept with its image; other types are their own.
    pub fn of_own(&self) -> MediaType {
        let own = self.0.replacen(".rootfs.foreign.", ".rootfs.", 1);
        MediaType::new(&own.replacen(".layer.nondistributable.", ".layer.", 1))
    }

    /// Whether this is a foreign layer, fetched from its `urls` and not pushed (protocols 6.1).
    pub fn is_foreign(&self) -> bool {
        self.0
            .starts_with("application/vnd.docker.image.rootfs.foreign.")
            || self
                .0
                .starts_with("application/vnd.oci.image.layer.nondistributable.")
    }
}

impl From<&str> for MediaType {
    fn from(text: &str) -> MediaType {
        MediaType::new(text)
    }
}

impl PartialEq<str> for MediaType {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for MediaType {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}
