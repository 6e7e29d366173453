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
use tokio::sync::OnceCell;

use super::archive_file::{ArchiveFile, Unpacking};
use super::blob_store::{DOCUMENT_CAP, blocking};
use super::oci_layout::index::Index;
use super::oci_layout::{self, INDEX_FILE, LAYOUT_FILE, Referrers, check_version_of, index_of};
use super::tar_index::TarIndex;
use super::{
    BlobBody, BlobStream, ManifestRef, Source, SourceInventory, SourceOffers, sized_from,
    verified_from,
};
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

/// What the member is called that gets its name when it is written; no archive has such a name in it.
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

/// An image in an archive of an OCI layout, to read.
pub struct OciArchiveSource {
    tar: Arc<TarIndex>,
    selector: Selector,
    index: Index,
    image: Descriptor,
    /// An index of the image's platforms, where the archive lists them themselves.
    made: Option<Manifest>,
    /// What refers to what in the archive, once it was asked for.
    referrers: OnceCell<Referrers>,
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
            let shown = path.display().to_string();
            let (image, made) = index.image(&selector, &shown, &reader(&tar))?;
            Ok(OciArchiveSource {
                tar: Arc::new(tar),
                selector,
                index,
                image,
                made,
                referrers: OnceCell::new(),
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

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        if let Some(made) = self.made.as_ref().filter(|made| which.is(made)) {
            return Ok(made.clone());
        }
        let (digest, media_type) = match which {
            ManifestRef::Named => (&self.image.digest, Some(self.image.media_type.as_str())),
            ManifestRef::Digest(digest) => (digest, self.index.media_type_of(digest)),
        };
        let raw = self.document(digest).await?;
        oci_layout::checked(raw, digest, media_type, self.path())
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        Ok(verified_from(self.bytes_of(blob, from).await?, blob, from))
    }

    async fn blob_unhashed(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        Ok(sized_from(self.bytes_of(blob, from).await?, blob, from))
    }

    fn offers(&self) -> SourceOffers<'_> {
        SourceOffers {
            inventory: Some(self),
            attachments: Some(self),
            ..SourceOffers::default()
        }
    }
}

#[async_trait]
impl SourceInventory for OciArchiveSource {
    fn described(&self, digest: &Digest) -> Option<Descriptor> {
        self.index.described(digest, &self.image)
    }

    async fn lacks(&self, blob: &Descriptor) -> Result<bool> {
        Ok(!self.tar.has(&blob_member(&blob.digest)) && oci_layout::data(blob).is_none())
    }
}

impl OciArchiveSource {
    /// The blob's bytes from offset `from` on, unchecked.
    async fn bytes_of(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        let stream = match self.tar.stream(&blob_member(&blob.digest), from)? {
            Some(stream) => stream,
            None => match oci_layout::data(blob) {
                Some(bytes) => BlobBody::of_bytes(bytes).open(from).await?,
                None => return Err(self.missing(&blob.digest)),
            },
        };
        Ok(stream)
    }
}
