//! `Sketch`: what is known of an image whose manifest is made only when its layers are read.

use std::collections::BTreeMap;

use bytes::Bytes;

/// An image as it can be described without reading its layers, where reading its manifest would read them all.
#[derive(Debug, Clone)]
pub struct Sketch {
    /// The repository with its registry.
    pub repository: String,
    pub tag: String,
    /// The JSON document of the image. It has the members of a config, except for the digests of the layers.
    pub config: Bytes,
    /// The time as written.
    pub created: Option<String>,
    pub docker_version: String,
    pub architecture: String,
    pub os: String,
    pub labels: Option<BTreeMap<String, String>>,
    pub env: Option<Vec<String>>,
    /// Base first.
    pub layers: Vec<SketchedLayer>,
}

/// One layer of a [`Sketch`].
#[derive(Debug, Clone)]
pub struct SketchedLayer {
    /// 64 hex digits without an algorithm: an id is not a hash of anything.
    pub id: String,
    /// Bytes of the layer as it is stored; `None` if the registry does not say.
    pub size: Option<u64>,
    /// The checksum that was recorded when the layer was pushed, as written.
    pub checksum: Option<String>,
    /// The command that made the layer.
    pub created_by: Option<String>,
}
