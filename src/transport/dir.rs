//! `dir:` images: one image in a flat directory, as skopeo lays it out.
//!
//! `version`, `manifest.json`, `HEX.manifest.json` for the children of a list, one file a blob, signatures. A directory is
//! replaced as a whole, but never torn down first: blobs that fit are kept, `manifest.json` changes last, and
//! only then does what belonged to the image before go. Killed at any point, it is the old image, the new one,
//! or something that the same copy completes.

mod signatures;

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::OnceCell;

use super::blob_store::{self, blocking, cannot_read, read_document};
use super::{
    BlobBody, BlobStream, Destination, DestinationCan, Presence, Source, SourceCan, Stored, Which,
    WrittenLate, verified_from,
};
use crate::image::{Algorithm, Descriptor, Digest, Manifest, View};
use crate::{Error, Kind, Result};

const MANIFEST: &str = "manifest.json";
const VERSION: &str = "version";
const VERSION_PREFIX: &str = "Directory Transport Version: 1.";
/// Blobs by bare hex digits: SHA-256 only.
const VERSION_1_1: &str = "Directory Transport Version: 1.1\n";
/// Blobs of other algorithms as `ALGORITHM-HEX`.
const VERSION_1_2: &str = "Directory Transport Version: 1.2\n";

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
}

impl DirSource {
    /// Opens the image in the directory `path`, with or without the file `version` (old writers had none).
    ///
    /// [`Kind::NotFound`] when there is no `manifest.json`.
    pub async fn open(path: &Path) -> Result<DirSource> {
        let path = path.to_owned();
        blocking(move || match fs::metadata(path.join(MANIFEST)) {
            Ok(_) => Ok(DirSource { path }),
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
    let error = Error::new(
        Kind::NotFound,
        format!("`{shown}` is not an image directory: it has no `{MANIFEST}`"),
    );
    if path.join("index.json").exists() {
        return error.hint(format!("did you mean `oci:{shown}`?"));
    }
    error
}

fn parse(raw: Bytes, path: &Path) -> Result<Manifest> {
    Manifest::parse(raw, None).map_err(|e| {
        Error::new(
            Kind::Corrupt,
            format!("`{}` is not a manifest", path.display()),
        )
        .because(e)
    })
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

    fn can(&self) -> SourceCan {
        SourceCan { ranged: true }
    }

    async fn raw_manifest(&self) -> Result<Bytes> {
        let path = self.path.clone();
        blocking(move || {
            read_document(&path.join(MANIFEST))?
                .ok_or_else(|| no_image(&path, ErrorKind::NotFound.into()))
        })
        .await
    }

    async fn manifest(&self, which: &Which) -> Result<Manifest> {
        let (path, which) = (self.path.clone(), which.clone());
        blocking(move || {
            let top = path.join(MANIFEST);
            let Which::Digest(digest) = which else {
                let raw = read_document(&top)?
                    .ok_or_else(|| no_image(&path, ErrorKind::NotFound.into()))?;
                return parse(raw, &top);
            };
            let child = path.join(child_name(&digest));
            if let Some(raw) = read_document(&child)? {
                let manifest = parse(raw, &child)?;
                if is(&manifest, &digest) {
                    return Ok(manifest.by(digest.algorithm()));
                }
                return Err(Error::new(
                    Kind::Corrupt,
                    format!(
                        "manifest `{digest}` is corrupt: its content hashes to `{}`",
                        manifest.digest()
                    ),
                ));
            }
            if let Some(raw) = read_document(&top)? {
                let manifest = parse(raw, &top)?;
                if is(&manifest, &digest) {
                    return Ok(manifest.by(digest.algorithm()));
                }
            }
            Err(Error::new(
                Kind::NotFound,
                format!("`{}` has no manifest `{digest}`", path.display()),
            ))
        })
        .await
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        for path in self.blob_paths(&blob.digest) {
            match blob_store::read_file(&path, from).await {
                Err(e) if e.kind() == Kind::NotFound => {}
                Err(e) => return Err(e),
                Ok(stream) => return Ok(verified_from(stream, blob, from)),
            }
        }
        Err(self.no_blob(&blob.digest))
    }

    async fn signatures(&self, of: &Which) -> Result<Vec<Bytes>> {
        let (path, of) = (self.path.clone(), of.clone());
        blocking(move || signatures::read(&path, &of)).await
    }

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

    fn no_blob(&self, digest: &Digest) -> Error {
        let message = format!("`{}` has no blob `{digest}`", self.path.display());
        Error::new(Kind::NotFound, message)
    }
}

/// An image in a flat directory, to write. Nothing is made before the first write.
pub struct DirDestination {
    path: PathBuf,
    made: OnceCell<()>,
    image: Mutex<Image>,
}

/// What is known of the image that is being written.
#[derive(Default, Clone)]
struct Image {
    /// The bytes of `manifest.json`.
    manifest: Option<Bytes>,
    /// The files that belong to it.
    names: BTreeSet<String>,
    /// Something has a digest of another algorithm than SHA-256.
    other_algorithms: bool,
}

impl Image {
    fn holds_blob(&mut self, digest: &Digest) {
        self.names.insert(blob_name(digest));
        self.other_algorithms |= digest.algorithm() != Algorithm::Sha256;
    }
}

impl DirDestination {
    /// Opens `path` to write: an image directory, which is replaced, an empty directory, or nothing yet.
    ///
    /// [`Kind::Refused`] for a directory with anything else in it.
    pub async fn open(path: &Path) -> Result<DirDestination> {
        let path = path.to_owned();
        blocking(move || {
            check_writable(&path)?;
            Ok(DirDestination {
                path,
                made: OnceCell::new(),
                image: Mutex::default(),
            })
        })
        .await
    }

    fn image(&self) -> MutexGuard<'_, Image> {
        self.image.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes this an image directory, before anything else is in it: a copy that is killed leaves something that
    /// the next one takes for its own.
    async fn made(&self) -> Result<()> {
        let make = || {
            let path = self.path.clone();
            blocking(move || {
                blob_store::create_directory(&path)?;
                if !path.join(VERSION).exists() {
                    write_version(&path, VERSION_1_1)?;
                }
                Ok(())
            })
        };
        self.made.get_or_try_init(make).await.copied()
    }
}

fn write_version(path: &Path, version: &str) -> Result<()> {
    blob_store::write_document_blocking(&path.join(VERSION), path, version.as_bytes())
}

fn check_writable(path: &Path) -> Result<()> {
    let refused = |what: &str| Error::new(Kind::Refused, format!("`{}` {what}", path.display()));
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotADirectory => {
            return Err(refused("is a file, not a directory").because(e));
        }
        Err(e) => return Err(refused("cannot be read").because(e)),
    };
    let version = read_document(&path.join(VERSION))?;
    if version.is_some_and(|v| v.starts_with(VERSION_PREFIX.as_bytes())) {
        return Ok(());
    }
    let mut names = entries.flatten().map(|e| e.file_name());
    if names.all(|name| name.to_str().is_some_and(blob_store::is_partial_name)) {
        return Ok(());
    }
    Err(
        refused("is not a containers image directory, don't want to overwrite important data")
            .hint("choose a new or empty directory"),
    )
}

#[async_trait]
impl Destination for DirDestination {
    fn name(&self) -> String {
        format!("dir:{}", self.path.display())
    }

    fn can(&self) -> DestinationCan {
        DestinationCan {
            holds: |_| true,
            manifest_vouches: false,
            plain_layers: false,
            foreign_layers: true,
            names_late: true,
            keeps_signatures: true,
        }
    }

    async fn current(&self) -> Result<Option<Digest>> {
        let path = self.path.join(MANIFEST);
        blocking(move || {
            let raw = read_document(&path)?;
            let manifest = raw.and_then(|raw| Manifest::parse(raw, None).ok());
            Ok(manifest.map(|m| m.digest().clone()))
        })
        .await
    }

    async fn has(&self, blob: &Descriptor) -> Result<Presence> {
        let path = self.path.join(blob_name(&blob.digest));
        if blob_store::holds(&path, blob.size).await {
            self.image().holds_blob(&blob.digest);
            return Ok(Presence::Present);
        }
        Ok(Presence::Absent)
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<Stored> {
        self.made().await?;
        self.image().holds_blob(&blob.digest);
        let to = self.path.join(blob_name(&blob.digest));
        blob_store::write_blob(&to, &self.path, blob, &body).await
    }

    async fn put_late(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        self.made().await?;
        let name = |digest: &Digest| self.path.join(blob_name(digest));
        let algorithm = planned.digest.algorithm();
        let written = blob_store::write_late(&self.path, algorithm, &body, name).await?;
        self.image().holds_blob(&written.digest);
        Ok(written)
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &Which) -> Result<()> {
        self.made().await?;
        {
            let mut image = self.image();
            match manifest.view() {
                Ok(View::Image(view)) => view.blobs().for_each(|b| image.holds_blob(&b.digest)),
                Ok(View::Artifact(view)) => {
                    view.blobs.iter().for_each(|b| image.holds_blob(&b.digest));
                }
                Ok(View::Schema1(view)) => {
                    view.fs_layers.iter().for_each(|l| image.holds_blob(l));
                }
                Ok(View::Index(view)) => {
                    for child in &view.manifests {
                        image.names.insert(child_name(&child.digest));
                    }
                }
                Err(_) => {}
            }
            if *at == Which::Named {
                image.manifest = Some(manifest.raw().clone());
                return Ok(());
            }
            image.names.insert(child_name(manifest.digest()));
            image.other_algorithms |= manifest.digest().algorithm() != Algorithm::Sha256;
        }
        let to = self.path.join(child_name(manifest.digest()));
        blob_store::write_document(&to, &self.path, manifest.raw().clone()).await
    }

    /// Before `manifest.json`: where the new image is seen, it has its signatures.
    async fn put_signatures(&self, of: &Which, signatures: &[Bytes]) -> Result<()> {
        self.made().await?;
        for (i, signature) in signatures.iter().enumerate() {
            let name = signatures::name(of, i + 1);
            let to = self.path.join(&name);
            self.image().names.insert(name);
            blob_store::write_document(&to, &self.path, signature.clone()).await?;
        }
        Ok(())
    }

    async fn finish(&self) -> Result<()> {
        if self.made.get().is_none() {
            return Ok(());
        }
        let (path, image) = (self.path.clone(), self.image().clone());
        blocking(move || {
            blob_store::sync_directory(&path)?;
            let Some(manifest) = &image.manifest else {
                return Ok(());
            };
            // Readers of 1.2 read 1.1 too, so between the two writes the directory is called 1.2.
            let before = read_document(&path.join(VERSION))?;
            if image.other_algorithms && before.as_deref() != Some(VERSION_1_2.as_bytes()) {
                write_version(&path, VERSION_1_2)?;
            }
            blob_store::write_document_blocking(&path.join(MANIFEST), &path, manifest)?;
            if !image.other_algorithms && before.as_deref() != Some(VERSION_1_1.as_bytes()) {
                write_version(&path, VERSION_1_1)?;
            }
            blob_store::sync_directory(&path)?;
            remove_former(&path, &image.names);
            blob_store::sweep(&path, Duration::ZERO, blob_store::is_partial_name);
            Ok(())
        })
        .await
    }
}

/// Removes what an earlier image left: blobs, manifests and signatures that are not of this one. Other files
/// are somebody's and stay.
fn remove_former(path: &Path, ours: &BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let former = name
            .to_str()
            .is_some_and(|name| !ours.contains(name) && is_image_file(name));
        if former && let Err(e) = fs::remove_file(entry.path()) {
            tracing::warn!("cannot remove `{}`: {e}", entry.path().display());
        }
    }
}

/// Whether an image directory's writer gave this name: a blob, a child manifest, a signature, a temporary file.
fn is_image_file(name: &str) -> bool {
    let (digest, rest) = name.split_once('.').unwrap_or((name, ""));
    signatures::is_name(name)
        || name.starts_with("dir-put-blob")
        || (is_blob_name(digest)
            && (matches!(rest, "" | MANIFEST | "tar") || signatures::is_name(rest)))
}

fn is_blob_name(name: &str) -> bool {
    let digest = match name.split_once('-') {
        Some((algorithm, hex)) => format!("{algorithm}:{hex}"),
        None => match name.len() {
            128 => format!("sha512:{name}"),
            96 => format!("sha384:{name}"),
            _ => format!("sha256:{name}"),
        },
    };
    digest.parse::<Digest>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_an_image_are_taken_for_such() {
        let hex = "a".repeat(64);
        for name in [
            hex.clone(),
            format!("{hex}.manifest.json"),
            format!("{hex}.signature-12"),
            format!("sha512-{hex}{hex}"),
            "signature-1".into(),
            "dir-put-blob123".into(),
        ] {
            assert!(is_image_file(&name), "{name}");
        }
        for name in [
            "notes.txt",
            "version",
            "manifest.json",
            "signature-",
            "abc",
            &format!("{hex}.jpg"),
        ] {
            assert!(!is_image_file(name), "{name}");
        }
    }
}
