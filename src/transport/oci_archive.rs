//! `oci-archive:` images: an OCI image layout in one tar.
//!
//! Read in place through an index of the tar; nothing is unpacked. What an `index.json` means is the layout's
//! business ([`super::oci_layout`]); this file knows where its parts are in an archive.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::archive_file::ArchiveFile;
use super::blob_store::{DOCUMENT_CAP, blocking};
use super::oci_layout::index::Index;
use super::oci_layout::{self, INDEX_FILE, LAYOUT_FILE, check_version_of, index_of};
use super::tar_index::TarIndex;
use super::{BlobBody, BlobStream, Source, SourceCan, Which, verified};
use crate::image::{Descriptor, Digest, ImageName, Manifest, Selector};
use crate::{Error, Kind, Result};

/// The member that holds a blob.
fn blob_member(digest: &Digest) -> String {
    format!("blobs/{}/{}", digest.algorithm(), digest.hex())
}

fn image_name(path: &Path, selector: &Selector) -> String {
    let name = ImageName::OciArchive {
        path: path.to_owned(),
        selector: selector.clone(),
    };
    name.to_string()
}

/// The images of an archive. Blocks.
fn read_index(tar: &TarIndex) -> Result<Index> {
    let shown = tar.archive().path().display();
    let Some(bytes) = tar.document(INDEX_FILE, DOCUMENT_CAP)? else {
        let error = Error::new(
            Kind::NotFound,
            format!("`{shown}` is not an archive of an OCI image layout: it has no `{INDEX_FILE}`"),
        );
        return Err(match tar.has("manifest.json") {
            true => error.hint(format!("did you mean `docker-archive:{shown}`?")),
            false => error,
        });
    };
    if let Some(layout) = tar.document(LAYOUT_FILE, DOCUMENT_CAP)? {
        check_version_of(&layout, &shown.to_string())?;
    }
    index_of(&bytes, &format!("{shown}/{INDEX_FILE}"))
}

/// An image in an archive of an OCI layout, to read.
pub struct OciArchiveSource {
    tar: Arc<TarIndex>,
    selector: Selector,
    index: Index,
    image: Descriptor,
}

impl OciArchiveSource {
    /// Opens the archive `path` (`-` for standard input), plain or compressed, and picks an image of it; `tmpdir`
    /// is where a plain copy of an archive goes that cannot be read in place.
    ///
    /// [`Kind::NotFound`] when there is no such image; the hint lists the names that are there.
    /// [`Kind::Corrupt`] for what is no tar.
    pub async fn open(
        path: &Path,
        selector: &Selector,
        tmpdir: Option<&Path>,
    ) -> Result<OciArchiveSource> {
        let (path, selector) = (path.to_owned(), selector.clone());
        let tmpdir = tmpdir.map(Path::to_owned);
        blocking(move || {
            let tar = TarIndex::read(ArchiveFile::open(&path, tmpdir.as_deref())?)?;
            let index = read_index(&tar)?;
            let image = index.select(&selector, &path.display().to_string())?;
            Ok(OciArchiveSource {
                tar: Arc::new(tar),
                selector,
                index,
                image,
            })
        })
        .await
    }

    fn path(&self) -> &Path {
        self.tar.archive().path()
    }

    /// The bytes of a manifest: the blob, or what the descriptor itself carries.
    async fn document(&self, digest: &Digest) -> Result<Bytes> {
        let (tar, name) = (self.tar.clone(), blob_member(digest));
        if let Some(bytes) = blocking(move || tar.document(&name, DOCUMENT_CAP)).await? {
            return Ok(bytes);
        }
        let carried = (self.image.digest == *digest).then(|| oci_layout::data(&self.image));
        carried.flatten().ok_or_else(|| self.missing(digest))
    }

    fn missing(&self, digest: &Digest) -> Error {
        let message = format!("`{}` has no blob `{digest}`", self.path().display());
        Error::new(Kind::NotFound, message)
    }
}

#[async_trait]
impl Source for OciArchiveSource {
    fn name(&self) -> String {
        image_name(self.path(), &self.selector)
    }

    fn can(&self) -> SourceCan {
        SourceCan { ranged: true }
    }

    async fn manifest(&self, which: &Which) -> Result<Manifest> {
        let (digest, media_type) = match which {
            Which::Named => (&self.image.digest, Some(self.image.media_type.as_str())),
            Which::Digest(digest) => (digest, self.index.media_type_of(digest)),
        };
        let raw = self.document(digest).await?;
        oci_layout::checked(raw, digest, media_type, self.path())
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        let stream = match self.tar.stream(&blob_member(&blob.digest), from)? {
            Some(stream) => stream,
            None => match oci_layout::data(blob) {
                Some(bytes) => BlobBody::of_bytes(bytes).open(from).await?,
                None => return Err(self.missing(&blob.digest)),
            },
        };
        Ok(if from == 0 {
            verified(stream, blob)
        } else {
            stream
        })
    }
}
