//! Where the blobs of a layout are: in its own `blobs/`, or in a directory that several layouts share.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;

use crate::image::{Algorithm, Digest};
use crate::transport::BlobStream;
use crate::transport::blob_store::{self, read_document};
use crate::{Kind, Result};

/// The blobs of a layout, in a directory or in an archive.
#[async_trait]
pub(in crate::transport) trait LayoutBlobs: Send + Sync + 'static {
    /// The directory or the archive, for messages.
    fn path(&self) -> &Path;

    /// The document `digest`; `None` if it is not there. Blocks.
    fn document(&self, digest: &Digest) -> Result<Option<Bytes>>;

    /// Whether a blob is there. Blocks.
    fn has(&self, digest: &Digest) -> bool;

    /// A blob from offset `from` on, unchecked; `None` if it is not there.
    async fn stream(&self, digest: &Digest, from: u64) -> Result<Option<BlobStream>>;
}

/// Reads documents among `blobs`; what cannot be read is not there.
pub(in crate::transport) fn reader(blobs: &dyn LayoutBlobs) -> impl Fn(&Digest) -> Option<Bytes> {
    |digest| blobs.document(digest).ok()?
}

/// The directories of a layout's blobs.
#[derive(Debug, Clone)]
pub(super) struct Blobs {
    layout: PathBuf,
    /// skopeo's shared blob directory: `ALGORITHM/HEX` right below it.
    shared: Option<PathBuf>,
}

impl Blobs {
    /// The blobs of `layout`, kept in `shared` where there is such a directory.
    pub(super) fn new(layout: &Path, shared: Option<&Path>) -> Blobs {
        Blobs {
            layout: layout.to_owned(),
            shared: shared.map(Path::to_owned),
        }
    }

    /// The directory with a directory for each algorithm.
    fn root(&self) -> PathBuf {
        let own = || self.layout.join("blobs");
        self.shared.clone().unwrap_or_else(own)
    }

    /// The file that a blob is written to.
    pub(super) fn file(&self, digest: &Digest) -> PathBuf {
        below(&self.root(), digest)
    }

    /// The files that a blob may be read from, the likely one first: a layout may have had its own blobs before
    /// it shared any.
    pub(super) fn candidates(&self, digest: &Digest) -> impl Iterator<Item = PathBuf> {
        let own = self.layout.join("blobs");
        let own = self.shared.is_some().then(|| below(&own, digest));
        std::iter::once(self.file(digest)).chain(own)
    }

    /// Where partial files are, on the file system of the blobs and not among them.
    pub(super) fn partials(&self) -> &Path {
        self.shared.as_deref().unwrap_or(&self.layout)
    }

    /// Makes the names of the blobs durable. Blocks.
    pub(super) fn sync(&self) -> Result<()> {
        let root = self.root();
        let algorithms = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];
        let directories = algorithms.map(|algorithm| root.join(algorithm.as_str()));
        let mut there = directories.iter().chain([&root]).filter(|d| d.exists());
        there.try_for_each(|directory| blob_store::sync_directory(directory))
    }
}

#[async_trait]
impl LayoutBlobs for Blobs {
    fn path(&self) -> &Path {
        &self.layout
    }

    fn document(&self, digest: &Digest) -> Result<Option<Bytes>> {
        let mut failed = None;
        for path in self.candidates(digest) {
            match read_document(&path) {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(e) => failed = failed.or(Some(e)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    fn has(&self, digest: &Digest) -> bool {
        self.candidates(digest).any(|file| file.exists())
    }

    async fn stream(&self, digest: &Digest, from: u64) -> Result<Option<BlobStream>> {
        for path in self.candidates(digest) {
            match blob_store::read_file(&path, from).await {
                Err(e) if e.kind() == Kind::NotFound => {}
                other => return other.map(Some),
            }
        }
        Ok(None)
    }
}

fn below(root: &Path, digest: &Digest) -> PathBuf {
    root.join(digest.algorithm().as_str()).join(digest.hex())
}
