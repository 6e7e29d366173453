//! `docker-archive:` images: what `docker save` writes, with `manifest.json` (Docker 1.10 and later) or without.
//!
//! The archive has no manifest of the registry's kind, so one is made when it is read: docker's schema 2 over the
//! config and the layers as they are stored. Reading and writing share little more than `manifest.json`. The older
//! form, without that file, is read by `OlderArchives` and becomes the same manifest; it is not written.

mod directories;
mod former;

mod read;

mod write;

use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::tar_index::TarIndex;
use super::tar_writer::{Content, Entry};
use crate::Result;
use crate::image::{Algorithm, Digest, ImageName, Selector};

pub use read::DockerArchiveSource;
pub(crate) use read::names;
pub use write::DockerArchiveDestination;

const MANIFEST: &str = "manifest.json";
pub(crate) const REPOSITORIES: &str = "repositories";
/// The stand-in for an empty layer: a tar without members.
pub(crate) const EMPTY_TAR: [u8; 1024] = [0; 1024];

/// The mode of every file.
const MODE: u32 = 0o444;

/// The member that holds a layer.
fn layer_member(digest: &Digest) -> String {
    format!("{}.tar", digest.hex())
}

/// A file of an archive.
fn file(name: impl Into<String>, bytes: Bytes) -> Entry {
    Entry {
        name: name.into(),
        mode: MODE,
        content: Content::File(bytes),
    }
}

/// An image in `manifest.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Item {
    pub(crate) config: String,
    /// Null for an image without a name.
    #[serde(default)]
    pub(crate) repo_tags: Option<Vec<String>>,
    /// Base first.
    #[serde(default)]
    pub(crate) layers: Option<Vec<String>>,
}

/// Reads archives of the form before Docker 1.10, which have no `manifest.json`. The functions block.
pub(crate) trait OlderArchives: Send + Sync {
    /// Whether the archive has that form.
    fn knows(&self, tar: &TarIndex) -> bool;

    /// The images of the archive.
    ///
    /// # Errors
    /// [`crate::Kind::Corrupt`] for an archive that cannot be read.
    fn items(&self, tar: &TarIndex) -> Result<Vec<Item>>;

    /// The config of the image `item`, and its layers base first: the member of each and the digest of its plain form.
    /// Reads all layers.
    ///
    /// # Errors
    /// As [`OlderArchives::items`].
    fn read(&self, tar: &TarIndex, item: &Item) -> Result<(Bytes, Vec<(String, Digest)>)>;
}

/// The reader of the older form; `None` in a build that has none.
pub(crate) type Older = Option<&'static dyn OlderArchives>;

/// Digest and size of [`EMPTY_TAR`].
pub(crate) fn empty_tar() -> (Digest, u64) {
    let digest = Digest::of(Algorithm::Sha256, &EMPTY_TAR);
    (digest, EMPTY_TAR.len() as u64)
}

fn image_name(path: &Path, selector: &Selector) -> String {
    let name = ImageName::DockerArchive {
        path: path.to_owned(),
        selector: selector.clone(),
    };
    name.to_string()
}
