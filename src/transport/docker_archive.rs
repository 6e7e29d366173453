//! `docker-archive:` images: what `docker save` writes, with `manifest.json` (Docker 1.10 and later).
//!
//! The archive has no manifest of the registry's kind, so one is made when it is read: docker's schema 2 over the
//! config and the layers as they are stored. Reading and writing share little more than `manifest.json`. The older
//! form, without that file, is told apart and not read here.

mod legacy;
mod read;
mod write;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::image::{ImageName, Selector};

pub use read::DockerArchiveSource;
pub use write::DockerArchiveDestination;

const MANIFEST: &str = "manifest.json";
const REPOSITORIES: &str = "repositories";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// An image in `manifest.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    config: String,
    /// Null where nobody gave the image a name.
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    /// Base first.
    #[serde(default)]
    layers: Option<Vec<String>>,
}

fn image_name(path: &Path, selector: &Selector) -> String {
    let name = ImageName::DockerArchive {
        path: path.to_owned(),
        selector: selector.clone(),
    };
    name.to_string()
}
