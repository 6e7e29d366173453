//! `LayerTar`: a tar in a file, compressed or not, as a layer of an image that is made here.

use std::path::Path;

use futures_util::StreamExt;

use super::archive_file::ArchiveFile;
use super::blob_store::cannot_read;
use super::inflate::{self, Compression};
use super::tar_check::TarCheck;
use super::{BlobStream, tallied};
use crate::image::media_type::{DOCKER_LAYER, OCI_LAYER};
use crate::image::{Algorithm, Descriptor, Digest, LayerForm, MediaType};
use crate::platform::FileExt;
use crate::{Error, Result};

/// A tar as a layer.
#[derive(Clone)]
pub(crate) struct LayerTar {
    pub(crate) file: ArchiveFile,
    pub(crate) size: u64,
    pub(crate) digest: Digest,
    /// The digest of the plain tar.
    pub(crate) diff_id: Digest,
    pub(crate) form: LayerForm,
}

impl LayerTar {
    /// Hashes the tar in `file`, which stays as it is compressed. It may have no members, as that of a directory without
    /// files. Fails with [`crate::Kind::Corrupt`] for a file that is not a tar, or is cut off; [`crate::Kind::Refused`]
    /// for a compression that layers do not have.
    pub(crate) async fn read(file: ArchiveFile) -> Result<LayerTar> {
        let form = form_of(&file)?;
        let (stored, digest) = tallied(file.section(0, file.len()), Algorithm::Sha256);
        let diff_id = if form == LayerForm::Plain {
            check_tar(stored, file.path()).await?;
            digest.ended()?.0
        } else {
            let (plain, diff_id) = tallied(inflate::plain(stored), Algorithm::Sha256);
            check_tar(plain, file.path()).await?;
            diff_id.ended()?.0
        };
        let (digest, size) = digest.ended()?;
        Ok(LayerTar {
            file,
            size,
            digest,
            diff_id,
            form,
        })
    }

    /// Its bytes from offset `from` on, unchecked.
    pub(crate) fn bytes(&self, from: u64) -> BlobStream {
        self.file.section(from, self.size.saturating_sub(from))
    }

    /// Its descriptor in a manifest of type `manifest`. Fails with [`crate::Kind::Refused`] for a zstd layer in
    /// docker's format, which has none.
    pub(crate) fn descriptor(&self, manifest: &MediaType) -> Result<Descriptor> {
        let family = match *manifest == MediaType::DOCKER_MANIFEST {
            true => DOCKER_LAYER,
            false => OCI_LAYER,
        };
        let media_type = self.form.type_of(&MediaType::new(family))?;
        Ok(Descriptor::new(
            media_type.as_str(),
            self.digest.clone(),
            self.size,
        ))
    }
}

/// How a file is compressed.
fn form_of(file: &ArchiveFile) -> Result<LayerForm> {
    let mut magic = [0; Compression::MAGIC_LEN];
    let read = file.file().read_at(&mut magic, 0);
    let n = read.map_err(|e| cannot_read(file.path(), e))?;
    match Compression::of(&magic[..n]) {
        None => Ok(LayerForm::Plain),
        Some(Compression::Gzip) => Ok(LayerForm::Gzip),
        Some(Compression::Zstd) => Ok(LayerForm::Zstd),
        Some(other) => {
            let (path, what) = (file.path().display(), other.as_str());
            let text = format!("`{path}` is compressed with {what}, which layers are not");
            Err(Error::refused(text).hint("unpack it first"))
        }
    }
}

/// Reads `plain` to its end, and checks that it is a whole tar.
async fn check_tar(mut plain: BlobStream, path: &Path) -> Result<()> {
    let mut check = TarCheck::new(path);
    while let Some(piece) = plain.next().await {
        let piece = piece.map_err(|e| e.context(format!("reading `{}`", path.display())))?;
        check.feed(&piece)?;
    }
    check.end()
}
