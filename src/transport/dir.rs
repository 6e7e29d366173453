//! `dir:` images: one image in a flat directory, as skopeo lays it out.
//!
//! `version`, `manifest.json`, `HEX.manifest.json` for the children of a list, one file a blob, signatures. How a
//! directory is replaced while others may read it is explained in `destination`.

mod destination;
mod signatures;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;

use super::blob_store::{self, blocking, cannot_read, read_document};
use super::{
    BlobSizes, BlobStream, ManifestRef, RawManifest, SignatureSource, Source, SourceInventory,
    SourceOffers, sized_from, verified_from,
};
use crate::image::{Algorithm, Descriptor, Digest, Manifest};
use crate::{Error, Kind, Result, locked};

pub use destination::DirDestination;

const MANIFEST: &str = "manifest.json";

/// The name of a blob's file.
fn blob_name(digest: &Digest) -> String {
    match digest.algorithm() {
        Algorithm::Sha256 => digest.hex().to_owned(),
        other => format!("{other}-{}", digest.hex()),
    }
}

/// The name of the file of a manifest that a list points at.
fn child_name(digest: &Digest) -> String {
    format!("{}.{MANIFEST}", blob_name(digest))
}

/// An image in a flat directory, to read.
pub struct DirSource {
    path: PathBuf,
    /// The digest of the manifest that was read last: what is missing may be of an image that was replaced since.
    read: Arc<Mutex<Option<Digest>>>,
}

impl DirSource {
    /// Opens the image in the directory `path`, with or without the file `version` (old writers had none).
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no `manifest.json`.
    pub async fn open(path: &Path) -> Result<DirSource> {
        let path = path.to_owned();
        blocking(move || match fs::metadata(path.join(MANIFEST)) {
            Ok(_) => Ok(DirSource {
                path,
                read: Arc::default(),
            }),
            Err(e) => Err(no_image(&path, e)),
        })
        .await
    }
}

fn no_image(path: &Path, e: std::io::Error) -> Error {
    let shown = path.display();
    if !path.exists() || e.kind() == ErrorKind::PermissionDenied {
        return cannot_read(path, e);
    }
    let error = Error::not_found(format!(
        "`{shown}` is not an image directory: it has no `{MANIFEST}`"
    ));
    if path.join("index.json").exists() {
        return error.hint(format!("did you mean `oci:{shown}`?"));
    }
    error
}

fn parse(raw: Bytes, path: &Path) -> Result<Manifest> {
    Manifest::parse(raw, None)
        .map_err(|e| Error::corrupt(format!("`{}` is not a manifest", path.display())).because(e))
}

/// Whether `manifest` is known by `digest`; the digest of a signed schema 1 is not that of its bytes.
fn is(manifest: &Manifest, digest: &Digest) -> bool {
    manifest.digest() == digest || Digest::of(digest.algorithm(), manifest.raw()) == *digest
}

#[async_trait]
impl Source for DirSource {
    fn name(&self) -> String {
        format!("dir:{}", self.path.display())
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        let (path, which, read) = (self.path.clone(), which.clone(), self.read.clone());
        blocking(move || {
            let top = path.join(MANIFEST);
            let ManifestRef::Digest(digest) = which else {
                let raw = read_document(&top)?
                    .ok_or_else(|| no_image(&path, ErrorKind::NotFound.into()))?;
                let manifest = parse(raw, &top)?;
                let mut read = locked(&read);
                *read = Some(manifest.digest().clone());
                return Ok(manifest);
            };
            let child = path.join(child_name(&digest));
            if let Some(raw) = read_document(&child)? {
                let manifest = parse(raw, &child)?;
                if is(&manifest, &digest) {
                    return Ok(manifest.by(digest.algorithm()));
                }
                return Err(Error::corrupt(format!(
                    "manifest `{digest}` is corrupt: its content hashes to `{}`",
                    manifest.digest()
                )));
            }
            if let Some(raw) = read_document(&top)? {
                let manifest = parse(raw, &top)?;
                if is(&manifest, &digest) {
                    return Ok(manifest.by(digest.algorithm()));
                }
            }
            Err(missing(&path, &read, &format!("manifest `{digest}`")))
        })
        .await
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        Ok(verified_from(self.bytes_of(blob, from).await?, blob, from))
    }

    async fn blob_unhashed(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        Ok(sized_from(self.bytes_of(blob, from).await?, blob, from))
    }

    fn offers(&self) -> SourceOffers<'_> {
        SourceOffers {
            raw_manifest: Some(self),
            inventory: Some(self),
            signatures: Some(self),
            sizes: Some(self),
            ..SourceOffers::default()
        }
    }
}

#[async_trait]
impl RawManifest for DirSource {
    async fn raw_manifest(&self) -> Result<Bytes> {
        let path = self.path.clone();
        blocking(move || {
            read_document(&path.join(MANIFEST))?
                .ok_or_else(|| no_image(&path, ErrorKind::NotFound.into()))
        })
        .await
    }
}

#[async_trait]
impl SourceInventory for DirSource {
    async fn lacks(&self, blob: &Descriptor) -> Result<bool> {
        let files = self.blob_paths(&blob.digest);
        blocking(move || Ok(!files.iter().any(|file| file.exists()))).await
    }
}

#[async_trait]
impl SignatureSource for DirSource {
    async fn signatures(&self, of: &ManifestRef, _digest: &Digest) -> Result<Vec<Bytes>> {
        let (path, of) = (self.path.clone(), of.clone());
        blocking(move || signatures::read(&path, &of)).await
    }
}

#[async_trait]
impl BlobSizes for DirSource {
    async fn blob_size(&self, digest: &Digest) -> Result<u64> {
        for path in self.blob_paths(digest) {
            match tokio::fs::metadata(&path).await {
                Ok(metadata) => return Ok(metadata.len()),
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(cannot_read(&path, e)),
            }
        }
        Err(self.no_blob(digest))
    }
}

impl DirSource {
    /// Where a blob may be: before version 1.1 it was called `HEX.tar`, before 1.2 those of all algorithms `HEX`.
    fn blob_paths(&self, digest: &Digest) -> [PathBuf; 3] {
        let hex = digest.hex();
        [blob_name(digest), hex.to_owned(), format!("{hex}.tar")].map(|name| self.path.join(name))
    }

    /// The blob's bytes from offset `from` on, unchecked.
    async fn bytes_of(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        for path in self.blob_paths(&blob.digest) {
            match blob_store::read_file(&path, from).await {
                Err(e) if e.kind() == Kind::NotFound => {}
                other => return other,
            }
        }
        Err(self.no_blob(&blob.digest))
    }

    fn no_blob(&self, digest: &Digest) -> Error {
        missing(&self.path, &self.read, &format!("blob `{digest}`"))
    }
}

/// The error of `what` that the directory `path` lacks: it never had it, or another image came in the place of the one
/// whose manifest was `read`.
fn missing(path: &Path, read: &Mutex<Option<Digest>>, what: &str) -> Error {
    let shown = path.display();
    let read = locked(read);
    let now = read_document(&path.join(MANIFEST)).ok().flatten();
    let now = now.and_then(|raw| Manifest::parse(raw, None).ok());
    match (&*read, now) {
        (Some(read), Some(now)) if now.digest() != read => {
            let text = format!("another image was written to `{shown}` while it was read");
            Error::not_found(text).hint("run the same command again")
        }
        _ => Error::not_found(format!("`{shown}` has no {what}")),
    }
}
