//! `oci-archive:` images: an OCI image layout in one tar.
//!
//! Read in place through an index of the tar; nothing is unpacked. What an `index.json` means is the layout's
//! business ([`super::oci_layout`]); this file knows where its parts are in an archive.

mod attached;
mod destination;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
pub use destination::OciArchiveDestination;

use super::archive_file::{ArchiveFile, Unpacking};
use super::blob_store::{DOCUMENT_CAP, blocking};
use super::oci_layout::blobs::LayoutBlobs;
use super::oci_layout::index::Index;
use super::oci_layout::picked::Picked;
use super::oci_layout::{INDEX_FILE, LAYOUT_FILE, check_version_of, index_of};
use super::tar_index::TarIndex;
use super::{BlobStream, ManifestRef, Source, SourceOffers, sized_from, verified_from};
use crate::image::{Descriptor, Digest, ImageName, Manifest, Selector};
use crate::{Error, Kind, Result};

/// The mode of every member.
const MODE: u32 = 0o644;

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

/// The name of a member until it is written and its real name is known; no archive has such a name in it.
fn late_member(planned: &Digest) -> String {
    format!("late/{planned}")
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

/// The names of the images in the archive `path`, `@N` for one without; as for [`OciArchiveSource::open`].
pub(crate) async fn names(path: &Path, unpacking: &Unpacking) -> Result<Vec<String>> {
    let (path, unpacking) = (path.to_owned(), unpacking.clone());
    blocking(move || {
        let tar = TarIndex::read(ArchiveFile::open(&path, &unpacking)?)?;
        Ok(read_index(&tar)?.handles(&reader(&tar)))
    })
    .await
}

/// Reads documents among the blobs of an archive.
fn reader(tar: &TarIndex) -> impl Fn(&Digest) -> Option<Bytes> {
    |digest| tar.document(&blob_member(digest), DOCUMENT_CAP).ok()?
}

#[async_trait]
impl LayoutBlobs for Arc<TarIndex> {
    fn path(&self) -> &Path {
        self.archive().path()
    }

    fn document(&self, digest: &Digest) -> Result<Option<Bytes>> {
        TarIndex::document(self, &blob_member(digest), DOCUMENT_CAP)
    }

    fn has(&self, digest: &Digest) -> bool {
        TarIndex::has(self, &blob_member(digest))
    }

    async fn stream(&self, digest: &Digest, from: u64) -> Result<Option<BlobStream>> {
        TarIndex::stream(self, &blob_member(digest), from)
    }
}

/// An image in an archive of an OCI layout, to read.
pub struct OciArchiveSource {
    selector: Selector,
    image: Picked<Arc<TarIndex>>,
}

impl OciArchiveSource {
    /// Opens the archive `path` (`-` for standard input), plain or compressed, and picks an image of it; `unpacking` is
    /// about the plain copy of an archive that cannot be read in place.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such file or image; the hint lists the names that are there.
    /// [`Kind::Corrupt`] for a file that is not a tar or not a layout.
    pub async fn open(
        path: &Path,
        selector: &Selector,
        unpacking: &Unpacking,
    ) -> Result<OciArchiveSource> {
        let (path, selector) = (path.to_owned(), selector.clone());
        let unpacking = unpacking.clone();
        blocking(move || {
            let tar = TarIndex::read(ArchiveFile::open(&path, &unpacking)?)?;
            let index = read_index(&tar)?;
            let image = Picked::of(Arc::new(tar), index, &selector)?;
            Ok(OciArchiveSource { selector, image })
        })
        .await
    }
}

#[async_trait]
impl Source for OciArchiveSource {
    fn name(&self) -> String {
        image_name(self.image.path(), &self.selector)
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        self.image.manifest(which).await
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        let bytes = self.image.bytes_of(blob, from).await?;
        Ok(verified_from(bytes, blob, from))
    }

    async fn blob_unhashed(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        let bytes = self.image.bytes_of(blob, from).await?;
        Ok(sized_from(bytes, blob, from))
    }

    fn offers(&self) -> SourceOffers<'_> {
        SourceOffers {
            inventory: Some(&self.image),
            attachments: Some(&self.image),
            ..SourceOffers::default()
        }
    }
}
