//! Writing: the archive that skopeo writes, byte for byte.
//!
//! Layers come first, uncompressed under their diff ids unless the user keeps them as they are; that is asked of
//! the engine as an ability, so what arrives here is stored as it comes. The config follows, then the documents of
//! the older form, then `manifest.json` and `repositories`.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::super::archive_file::STANDARD;
use super::super::blob_store::blocking;
use super::super::tar_writer::{Content, Entry, TarWriter};
use super::super::{
    BlobBody, CONFIG_CAP, Coming, Destination, DestinationCan, Foreign, Local, Presence, Stored,
    Which, WrittenLate, read_all,
};
use super::legacy::{directories, repositories};
use super::{Item, MANIFEST, REPOSITORIES, image_name};
use crate::image::{Descriptor, Digest, Manifest, MediaType, Selector, View, go_json};
use crate::{Error, Kind, Result};

/// The mode of every file.
const MODE: u32 = 0o444;

/// The member that holds a layer.
pub(super) fn layer_member(digest: &Digest) -> String {
    format!("{}.tar", digest.hex())
}

pub(super) fn file(name: impl Into<String>, bytes: Bytes) -> Entry {
    Entry {
        name: name.into(),
        mode: MODE,
        content: Content::File(bytes),
    }
}

fn is_config(blob: &Descriptor) -> bool {
    blob.media_type.is_image_config() || blob.media_type == MediaType::OCTET_STREAM
}

/// An image in an archive of `docker save`, to write. Nothing is made before the first write.
pub struct DockerArchiveDestination {
    path: PathBuf,
    selector: Selector,
    /// Names in full, the one of the destination first.
    tags: Vec<String>,
    keep_compressed: bool,
    tmpdir: Option<PathBuf>,
    writer: tokio::sync::Mutex<Option<Arc<TarWriter>>>,
    image: Mutex<Image>,
}

/// What is held until the layers are written.
#[derive(Default)]
struct Image {
    configs: HashMap<Digest, Bytes>,
    manifest: Option<Manifest>,
}

impl DockerArchiveDestination {
    /// Opens the archive `path` (`-` for standard output) to write.
    ///
    /// [`Kind::Refused`] for a file that has something in it.
    pub fn open(
        path: &Path,
        selector: &Selector,
        local: &Local,
    ) -> Result<DockerArchiveDestination> {
        let mut tags = match selector {
            Selector::Only => Vec::new(),
            Selector::Named(name) => vec![name.clone()],
            Selector::At(n) => {
                let message = format!(
                    "`{}`: `@{n}` is for reading only",
                    image_name(path, selector)
                );
                return Err(Error::other(message).hint("give the image a name, or none"));
            }
        };
        for tag in &local.additional_tags {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
        let used = path
            .metadata()
            .is_ok_and(|m| m.is_dir() || (m.is_file() && m.len() > 0));
        if used && path.as_os_str() != STANDARD {
            // skopeo's words.
            let message = "docker-archive doesn't support modifying existing images";
            return Err(
                Error::new(Kind::Refused, format!("`{}`: {message}", path.display()))
                    .hint("choose a new file"),
            );
        }
        Ok(DockerArchiveDestination {
            path: path.to_owned(),
            selector: selector.clone(),
            tags,
            keep_compressed: local.keep_compressed,
            tmpdir: local.tmpdir.clone(),
            writer: tokio::sync::Mutex::default(),
            image: Mutex::default(),
        })
    }

    /// The archive with the one image `tag`, into `pipe`; messages call it `shown`.
    pub(in crate::transport) fn piped(
        pipe: File,
        shown: PathBuf,
        tag: String,
        local: &Local,
    ) -> DockerArchiveDestination {
        let writer = TarWriter::piped(pipe, &shown, local.tmpdir.as_deref());
        DockerArchiveDestination {
            path: shown,
            selector: Selector::Only,
            tags: vec![tag],
            keep_compressed: local.keep_compressed,
            tmpdir: local.tmpdir.clone(),
            writer: tokio::sync::Mutex::new(Some(Arc::new(writer))),
            image: Mutex::default(),
        }
    }

    fn image(&self) -> MutexGuard<'_, Image> {
        self.image.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The archive under way, begun at the first call.
    async fn writer(&self) -> Result<Arc<TarWriter>> {
        let mut writer = self.writer.lock().await;
        if let Some(writer) = &*writer {
            return Ok(writer.clone());
        }
        let (path, tmpdir) = (self.path.clone(), self.tmpdir.clone());
        let made = blocking(move || TarWriter::create(&path, tmpdir.as_deref(), None)).await?;
        Ok(writer.insert(Arc::new(made)).clone())
    }

    /// Writes a layer of `size` bytes, where that is known; the value is what became of it, and its size.
    async fn put_layer(
        &self,
        digest: &Digest,
        size: Option<u64>,
        body: &BlobBody,
    ) -> Result<(Stored, u64)> {
        let (writer, name) = (self.writer().await?, layer_member(digest));
        writer.announce([(name.clone(), MODE, size)])?;
        writer.write(&name, digest, body).await
    }

    /// What follows the layers.
    fn last_entries(&self) -> Result<Vec<Entry>> {
        let image = self.image();
        let Some(View::Image(view)) = image.manifest.as_ref().map(Manifest::view).transpose()?
        else {
            return Err(Error::other("no image was written"));
        };
        let config = image
            .configs
            .get(&view.config.digest)
            .cloned()
            .unwrap_or_default();
        let layers: Vec<Digest> = view.layers.iter().map(|l| l.digest.clone()).collect();
        let name = format!("{}.json", view.config.digest.hex());
        let item = Item {
            config: name.clone(),
            repo_tags: Some(self.tags.clone()),
            layers: Some(layers.iter().map(layer_member).collect()),
        };
        let documents = || -> serde_json::Result<Vec<Entry>> {
            let (directories, top) = directories(&config, &layers)?;
            let mut entries = vec![file(name, config.clone())];
            entries.extend(directories);
            entries.push(file(MANIFEST, go_json::compact(&[item])?.into()));
            let repositories = repositories(&self.tags, top.as_deref())?;
            entries.push(file(REPOSITORIES, repositories.into()));
            Ok(entries)
        };
        documents()
            .map_err(|e| Error::new(Kind::Corrupt, "the image config is malformed").because(e))
    }
}

#[async_trait]
impl Destination for DockerArchiveDestination {
    fn name(&self) -> String {
        image_name(&self.path, &self.selector)
    }

    fn can(&self) -> DestinationCan {
        DestinationCan {
            holds: |media_type| *media_type == MediaType::DOCKER_MANIFEST,
            manifest_vouches: false,
            plain_layers: !self.keep_compressed,
            foreign_layers: Foreign::Own,
            names_late: false,
            keeps_signatures: false,
        }
    }

    async fn current(&self) -> Result<Option<Digest>> {
        Ok(None)
    }

    async fn has(&self, _blob: &Descriptor) -> Result<Presence> {
        Ok(Presence::Absent)
    }

    async fn begin(&self, blobs: &[Coming]) -> Result<()> {
        let layers = blobs.iter().filter(|coming| !is_config(&coming.blob));
        let members = layers.map(|coming| (layer_member(&coming.blob.digest), MODE, coming.size));
        self.writer().await?.announce(members)
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<Stored> {
        if is_config(blob) {
            let config = read_all(body.open(0).await?, CONFIG_CAP).await?;
            self.image().configs.insert(blob.digest.clone(), config);
            return Ok(Stored::Written);
        }
        let size = Some(blob.size);
        let (stored, _) = self.put_layer(&blob.digest, size, &body).await?;
        Ok(stored)
    }

    async fn put_late(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        // No name comes late here: a layer that is inflated is checked against its diff id, which is its digest.
        let (stored, size) = self.put_layer(&planned.digest, None, &body).await?;
        Ok(WrittenLate {
            digest: planned.digest.clone(),
            size,
            stored,
        })
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &Which) -> Result<()> {
        let fits = match manifest.view()? {
            View::Image(view) => {
                view.is_image() && *manifest.media_type() == MediaType::DOCKER_MANIFEST
            }
            _ => false,
        };
        if !fits || *at != Which::Named {
            let message = format!("a docker archive cannot hold `{}`", manifest.media_type());
            return Err(Error::new(Kind::Refused, message)
                .hint("it holds one image for one platform; `oci-archive:` holds everything"));
        }
        self.image().manifest = Some(manifest.clone());
        Ok(())
    }

    async fn finish(&self) -> Result<()> {
        let (entries, writer) = (self.last_entries()?, self.writer().await?);
        // Nothing holds the writer afterwards: a pipe ends here.
        *self.writer.lock().await = None;
        blocking(move || writer.finish(&entries)).await
    }
}
