//! `oci-archive:` images: an OCI image layout in one tar.
//!
//! Read in place through an index of the tar; nothing is unpacked. What an `index.json` means is the layout's
//! business ([`super::oci_layout`]); this file knows where its parts are in an archive.

mod destination;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
pub use destination::OciArchiveDestination;

use super::BlobStream;
use super::archive_file::{ArchiveFile, Unpacking};
use super::blob_store::{DOCUMENT_CAP, LIST_CAP, blocking};
use super::oci_layout::blobs::{LayoutBlobs, reader};
use super::oci_layout::index::Index;
use super::oci_layout::{INDEX_FILE, LAYOUT_FILE, OciSource, check_version_of, index_of};
use super::tar_index::TarIndex;
use crate::image::{Digest, ImageName, Selector};
use crate::settings::Context;
use crate::{Error, Result};

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
    let Some(bytes) = tar.document(INDEX_FILE, LIST_CAP)? else {
        let error = Error::not_found(format!(
            "`{shown}` is not an archive of an OCI image layout: it has no `{INDEX_FILE}`"
        ));
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

/// The names of the images in the archive `path`, `@N` for one without; as for [`source`].
pub(crate) async fn names(path: &Path, unpacking: &Unpacking) -> Result<Vec<String>> {
    let (path, unpacking) = (path.to_owned(), unpacking.clone());
    blocking(move || {
        let tar = TarIndex::read(ArchiveFile::open(&path, &unpacking)?)?;
        Ok(read_index(&tar)?.handles(&reader(&tar)))
    })
    .await
}

#[async_trait]
impl LayoutBlobs for TarIndex {
    fn path(&self) -> &Path {
        self.archive().path()
    }

    fn document(&self, digest: &Digest) -> Result<Option<Bytes>> {
        TarIndex::last_document(self, &blob_member(digest), DOCUMENT_CAP)
    }

    fn has(&self, digest: &Digest) -> bool {
        TarIndex::has(self, &blob_member(digest))
    }

    async fn stream(&self, digest: &Digest, from: u64) -> Result<Option<BlobStream>> {
        TarIndex::stream(self, &blob_member(digest), from)
    }
}

/// An image in the archive `path` (`-` for standard input), plain or compressed, to read; of `context` the limits of a
/// plain copy matter, for an archive that cannot be read in place, and skopeo's ways.
///
/// # Errors
/// [`crate::Kind::NotFound`] when there is no such file or image; the hint lists the names that are there.
/// [`crate::Kind::Corrupt`] for a file that is not a tar or not a layout.
pub async fn source(path: &Path, selector: &Selector, context: &Context) -> Result<OciSource> {
    let (path, selector) = (path.to_owned(), selector.clone());
    let (unpacking, first) = (Unpacking::of(context), context.as_skopeo);
    blocking(move || {
        let tar = TarIndex::read(ArchiveFile::open(&path, &unpacking)?)?;
        let mut index = read_index(&tar)?;
        index.first = first;
        let name = image_name(tar.archive().path(), &selector);
        OciSource::of(name, Arc::new(tar), index, &selector)
    })
    .await
}
