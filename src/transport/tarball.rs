//! `tarball:`: an image made of tar files, each a layer, to read.
//!
//! Config and manifest are those that skopeo makes of the same files, but for times, which are in UTC here, and for zstd, which
//! skopeo takes for a plain tar.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use super::archive_file::{ArchiveFile, STANDARD, unnamed};
use super::blob_store::{blocking, cannot_read};
use super::{BlobBody, BlobStream, LayerTar, ManifestRef, Source, verified_from};
use crate::image::{
    Algorithm, Descriptor, Digest, ImageName, Manifest, ManifestError, MediaType, PlatformRequest,
    go_json,
};
use crate::{Error, Result, platform};

/// An image made of tar files.
pub(crate) struct TarballSource {
    name: String,
    manifest: Manifest,
    config: (Digest, Bytes),
    layers: HashMap<Digest, LayerTar>,
}

impl TarballSource {
    /// The image whose layers are the files `paths`, base first; `-` is standard input, for which `tmpdir` takes a temporary
    /// file. Fails with [`crate::Kind::NotFound`] when there is no such file; [`crate::Kind::Corrupt`] for a file that
    /// is not a tar.
    pub(crate) async fn open(paths: &[PathBuf], tmpdir: Option<&Path>) -> Result<TarballSource> {
        let mut layers = Vec::new();
        let mut times = Vec::new();
        for path in paths {
            let (path, tmpdir) = (path.clone(), tmpdir.map(Path::to_owned));
            let (file, changed) = blocking(move || open_file(&path, tmpdir.as_deref())).await?;
            layers.push(LayerTar::read(file).await?);
            times.push(changed);
        }
        let config = config(&layers, &times)?;
        let digest = Digest::of(Algorithm::Sha256, &config);
        Ok(TarballSource {
            name: ImageName::Tarball(paths.to_vec()).to_string(),
            manifest: manifest(&layers, &digest, config.len())?,
            config: (digest, config),
            layers: layers.into_iter().map(|l| (l.digest.clone(), l)).collect(),
        })
    }
}

/// The tar at `path`, which is spooled if it cannot be read twice, and when it was changed. Blocks. Fails with
/// [`crate::Kind::NotFound`] when there is no such file, or it is a directory.
pub(crate) fn open_file(path: &Path, tmpdir: Option<&Path>) -> Result<(ArchiveFile, Timestamp)> {
    let unreadable = |e| cannot_read(path, e);
    let is_stdin = path.as_os_str() == STANDARD;
    let opened = match is_stdin {
        true => platform::stdin(),
        false => File::open(path),
    };
    let mut file = opened.map_err(unreadable)?;
    let mut about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        let text = format!("`{}` is a directory, not a tar", path.display());
        return Err(Error::not_found(text));
    }
    let mut changed = about.modified().unwrap_or_else(|_| SystemTime::now());
    if is_stdin || !about.is_file() {
        let mut spooled = unnamed(tmpdir)?;
        io::copy(&mut file, &mut spooled).map_err(unreadable)?;
        about = spooled.metadata().map_err(unreadable)?;
        (file, changed) = (spooled, SystemTime::now());
    }
    let changed = Timestamp::try_from(changed).unwrap_or_default();
    let file = ArchiveFile::spooled(file, path.to_owned(), about.len());
    Ok((file, changed))
}

/// The config of an image of `layers`, whose files were changed at `times`.
fn config(layers: &[LayerTar], times: &[Timestamp]) -> Result<Bytes> {
    let diff_ids: Vec<_> = layers.iter().map(|layer| layer.diff_id.clone()).collect();
    let history = layers.iter().zip(times).map(|(layer, time)| {
        let file = layer.diff_id.hex();
        json!({
            "created": time.to_string(),
            "created_by": format!("/bin/sh -c #(nop) ADD file:{file} in /"),
            "comment": "imported from tarball",
        })
    });
    let PlatformRequest {
        os, architecture, ..
    } = PlatformRequest::default();
    document(&json!({
        "created": times.iter().max().map(Timestamp::to_string),
        "architecture": architecture,
        "os": os,
        "config": {},
        "rootfs": { "type": "layers", "diff_ids": diff_ids },
        "history": history.collect::<Vec<_>>(),
    }))
}

/// The manifest of an image of `layers` with the config `digest` of `size` bytes.
fn manifest(layers: &[LayerTar], digest: &Digest, size: usize) -> Result<Manifest> {
    let media_type = MediaType::new(MediaType::OCI_MANIFEST);
    let mut blobs = Vec::new();
    for layer in layers {
        let blob = layer.descriptor(&media_type)?;
        let Descriptor {
            media_type,
            digest,
            size,
            ..
        } = blob;
        blobs.push(json!({ "mediaType": media_type, "digest": digest, "size": size }));
    }
    let raw = document(&json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": { "mediaType": MediaType::OCI_CONFIG, "digest": digest, "size": size },
        "layers": blobs,
    }))?;
    Ok(Manifest::parse(raw, Some(media_type.as_str()))?)
}

fn document(value: &serde_json::Value) -> Result<Bytes> {
    let text = go_json::compact(value).map_err(|e| ManifestError::Json(e.to_string()))?;
    Ok(text.into())
}

#[async_trait]
impl Source for TarballSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        match which {
            ManifestRef::Digest(digest) if !which.is(&self.manifest) => {
                Err(self.lacks("manifest", digest))
            }
            _ => Ok(self.manifest.clone()),
        }
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        let (config, bytes) = &self.config;
        let stream = match self.layers.get(&blob.digest) {
            Some(layer) => layer.bytes(from),
            None if blob.digest == *config => BlobBody::of_bytes(bytes.clone()).open(from).await?,
            None => return Err(self.lacks("blob", &blob.digest)),
        };
        Ok(verified_from(stream, blob, from))
    }
}

impl TarballSource {
    fn lacks(&self, what: &str, digest: &Digest) -> Error {
        Error::not_found(format!("`{}` has no {what} `{digest}`", self.name))
    }
}
