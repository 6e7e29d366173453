//! `Sketch`: a V1 image as far as its JSONs tell, for places where a manifest is made of the layers' bytes.

use super::V1Image;

/// What can be told of an image without reading its layers, at a place where the manifest is only made of them.
#[derive(Debug, Clone)]
pub struct Sketch {
    /// The repository with its registry.
    pub repository: String,
    pub tag: String,
    /// Base first; never empty.
    pub images: Vec<SketchedImage>,
}

/// One V1 image of a [`Sketch`].
#[derive(Debug, Clone)]
pub struct SketchedImage {
    pub image: V1Image,
    /// Bytes of its layer as it is stored; `None` where the registry does not say.
    pub size: Option<u64>,
    /// The checksum over JSON and layer that was recorded, as written.
    pub checksum: Option<String>,
}
