//! Writing: the archive that skopeo writes, byte for byte.
//!
//! Layers come first, uncompressed under their diff ids unless the user keeps them as they are; that is asked of
//! the engine as an ability, so what arrives here is stored as it comes. The config follows, then the documents of
//! the older form, then `manifest.json` and `repositories`. An archive that is there gets the image as one more: see
//! [`super::former`].

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;

use super::super::archive_file::is_used;
use super::super::blob_store::{blocking, check_list};
use super::super::extend::{self, Former};
use super::super::tar_writer::{Content, Entry, TarWriter};
use super::super::{
    BlobBody, BlobOrder, BlobOutcome, CONFIG_CAP, Destination, DestinationCan, DestinationOffers,
    Foreign, ManifestRef, ManifestWritten, PlannedBlob, StreamedBlobs, WrittenLate, read_all,
};
use super::directories::{directories, repositories};
use super::former::{Documents, has_document, layer_in};
use super::{Item, MANIFEST, MODE, REPOSITORIES, file, image_name, layer_member};
use crate::image::{Descriptor, Digest, Manifest, MediaType, Selector, View, go_json};
use crate::settings::Context;
use crate::{Error, Result, locked};

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
    former: Option<Arc<Former<Documents>>>,
    /// Layers that the former archive has, and the members that hold them.
    found: Mutex<HashMap<Digest, String>>,
    writer: tokio::sync::Mutex<Option<Arc<TarWriter>>>,
    image: Mutex<Image>,
}

/// Documents that are held until the layers are written.
#[derive(Default)]
struct Image {
    configs: HashMap<Digest, Bytes>,
    manifest: Option<Manifest>,
}

impl DockerArchiveDestination {
    /// Opens the archive `path` (`-` for standard output) to write. One that is there is extended by the image.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] for a file that is something else, a compressed archive, and for an image without a name where
    /// there are others; [`crate::Kind::Other`] for a name with `@N`, which is for reading only.
    pub async fn open(
        path: &Path,
        selector: &Selector,
        context: &Context,
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
        for tag in &context.additional_tags {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
        if context.as_skopeo && is_used(path) {
            let text = format!(
                "`{}` is there, don't want to overwrite important data",
                path.display()
            );
            return Err(Error::refused(text).hint("choose a new file"));
        }
        let there = path.to_owned();
        let former = blocking(move || former(&there)).await?;
        if former.is_some() && tags.is_empty() {
            // skopeo's words.
            let message = "docker-archive doesn't support modifying existing images";
            let shown = path.display();
            return Err(
                Error::refused(format!("`{shown}`: {message} without a name"))
                    .hint(format!("name the image to add it, as in `docker-archive:{shown}:NAME:TAG`, or choose a new file")),
            );
        }
        Ok(DockerArchiveDestination {
            path: path.to_owned(),
            selector: selector.clone(),
            tags,
            keep_compressed: context.keep_compressed,
            tmpdir: context.tmpdir.clone(),
            former: former.map(Arc::new),
            found: Mutex::default(),
            writer: tokio::sync::Mutex::default(),
            image: Mutex::default(),
        })
    }

    /// The archive with the one image `tag`, into `pipe`; messages call it `shown`.
    pub(crate) fn piped(
        pipe: File,
        shown: PathBuf,
        tag: String,
        context: &Context,
    ) -> DockerArchiveDestination {
        let writer = TarWriter::piped(pipe, &shown, context.tmpdir.as_deref());
        DockerArchiveDestination {
            path: shown,
            selector: Selector::Only,
            tags: vec![tag],
            keep_compressed: context.keep_compressed,
            tmpdir: context.tmpdir.clone(),
            former: None,
            found: Mutex::default(),
            writer: tokio::sync::Mutex::new(Some(Arc::new(writer))),
            image: Mutex::default(),
        }
    }

    fn image(&self) -> MutexGuard<'_, Image> {
        locked(&self.image)
    }

    /// The archive under way, begun at the first call.
    async fn writer(&self) -> Result<Arc<TarWriter>> {
        let mut writer = self.writer.lock().await;
        if let Some(writer) = &*writer {
            return Ok(writer.clone());
        }
        let (path, tmpdir) = (self.path.clone(), self.tmpdir.clone());
        let former = self.former.clone();
        let made = blocking(move || {
            let kept = former.as_ref().map(|former| {
                let blocks = former
                    .tar
                    .blocks(|name| [MANIFEST, REPOSITORIES].contains(&name));
                (former.tar.archive(), blocks)
            });
            TarWriter::create(&path, tmpdir.as_deref(), kept)
        });
        Ok(writer.insert(Arc::new(made.await?)).clone())
    }

    fn found(&self) -> MutexGuard<'_, HashMap<Digest, String>> {
        locked(&self.found)
    }

    /// The size of the layer `digest` in the former archive, whose bytes are hashed; `None` when that has none.
    ///
    /// [`crate::Kind::Corrupt`] when it has another layer under that name.
    async fn find_layer(&self, digest: &Digest) -> Result<Option<u64>> {
        let Some(former) = self.former.clone() else {
            return Ok(None);
        };
        let Some(member) = layer_in(&former.tar, digest) else {
            return Ok(None);
        };
        let (name, wanted) = (member.clone(), digest.clone());
        let size = blocking(move || match former.tar.hash(&name, wanted.algorithm())? {
            Some(hashed) if hashed == wanted => former.tar.size(&name),
            _ => Err(former
                .tar
                .corrupt(format!("holds a layer `{name}` with other content"))
                .hint("choose a new file")),
        });
        let size = size.await?;
        self.found().insert(digest.clone(), member);
        Ok(size)
    }

    /// Writes a layer of `size` bytes, where that is known; the value is what became of it, and its size.
    async fn put_layer(
        &self,
        digest: &Digest,
        size: Option<u64>,
        body: &BlobBody,
    ) -> Result<(BlobOutcome, u64)> {
        if let Some(found) = self.find_layer(digest).await? {
            return Ok((BlobOutcome::Present, found));
        }
        let (writer, name) = (self.writer().await?, layer_member(digest));
        writer.announce([(name.clone(), MODE, size)])?;
        writer.write(&name, digest, body).await
    }

    /// The members that follow the layers, and the entry of the image in `manifest.json`.
    fn last_entries(&self) -> Result<(Vec<Entry>, Item, Digest)> {
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
        let found = self.found();
        let layer = |digest: &Digest| {
            let member = found.get(digest).cloned();
            (
                digest.clone(),
                member.unwrap_or_else(|| layer_member(digest)),
            )
        };
        let layers: Vec<(Digest, String)> = view.layers.iter().map(|l| layer(&l.digest)).collect();
        let name = format!("{}.json", view.config.digest.hex());
        let item = Item {
            config: name.clone(),
            repo_tags: Some(self.tags.clone()),
            layers: Some(layers.iter().map(|(_, member)| member.clone()).collect()),
        };
        let mut images = match &self.former {
            Some(former) => former.documents.clone(),
            None => Documents::default(),
        };
        let before = std::mem::take(&mut images.repositories);
        images.enter(
            item.clone(),
            view.config.digest.clone(),
            &self.path.display().to_string(),
        )?;
        let documents = || -> serde_json::Result<Vec<Entry>> {
            let (directories, top) = directories(&config, &layers)?;
            let mut entries = vec![file(name, config.clone())];
            entries.extend(directories);
            entries.push(file(MANIFEST, go_json::compact(&images.items())?.into()));
            let repositories = repositories(before, &self.tags, top.as_deref())?;
            entries.push(file(REPOSITORIES, repositories.into()));
            Ok(entries)
        };
        let mut entries =
            documents().map_err(|e| Error::corrupt("the image config is malformed").because(e))?;
        if let Some(former) = &self.former {
            entries = missing_in(former, entries)?;
        }
        check_lists(&entries, &self.path)?;
        Ok((entries, item, view.config.digest.clone()))
    }
}

/// The archive at `path` that is to be extended; `None` when there is nothing. Blocks.
fn former(path: &Path) -> Result<Option<Former<Documents>>> {
    let otherwise = "is not an archive of `docker save`, don't want to overwrite important data";
    Former::open(path, otherwise, Documents::read)
}

/// Refuses lists of images that could not be read again.
fn check_lists(entries: &[Entry], archive: &Path) -> Result<()> {
    for Entry { name, content, .. } in entries {
        if let Content::File(bytes) = content
            && [MANIFEST, REPOSITORIES].contains(&name.as_str())
        {
            check_list(bytes).map_err(|why| {
                let shown = archive.display();
                Error::refused(format!("`{shown}/{name}` would become too large: {why}"))
                    .hint("choose a new file")
            })?;
        }
    }
    Ok(())
}

/// Those of `entries` that the former archive lacks. Its two documents are not kept, the other members are.
fn missing_in(former: &Former<Documents>, entries: Vec<Entry>) -> Result<Vec<Entry>> {
    let mut missing = Vec::new();
    for entry in entries {
        let replaced = [MANIFEST, REPOSITORIES].contains(&entry.name.as_str());
        let known = match &entry.content {
            _ if replaced => false,
            Content::File(bytes) => has_document(&former.tar, &entry.name, bytes)?,
            Content::Symlink(_) => former.tar.has(&entry.name),
        };
        if !known {
            missing.push(entry);
        }
    }
    Ok(missing)
}

#[async_trait]
impl Destination for DockerArchiveDestination {
    fn name(&self) -> String {
        image_name(&self.path, &self.selector)
    }

    fn can(&self) -> DestinationCan {
        DestinationCan {
            holds: |media_type| *media_type == MediaType::DOCKER_MANIFEST,
            plain_layers: !self.keep_compressed,
            foreign_layers: Foreign::Own,
            ..DestinationCan::default()
        }
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        if is_config(blob) {
            let config = read_all(body.open(0).await?, CONFIG_CAP).await?;
            self.image().configs.insert(blob.digest.clone(), config);
            return Ok(BlobOutcome::Written);
        }
        let size = Some(blob.size);
        let (stored, _) = self.put_layer(&blob.digest, size, &body).await?;
        Ok(stored)
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten> {
        let fits = match manifest.view()? {
            View::Image(view) => {
                view.is_image() && *manifest.media_type() == MediaType::DOCKER_MANIFEST
            }
            _ => false,
        };
        if !fits || *at != ManifestRef::Named {
            let message = format!("a docker archive cannot hold `{}`", manifest.media_type());
            return Err(Error::refused(message)
                .hint("it holds one image for one platform; `oci-archive:` holds everything"));
        }
        self.image().manifest = Some(manifest.clone());
        Ok(ManifestWritten::default())
    }

    async fn finish(&self) -> Result<()> {
        let ((entries, item, config), writer) = (self.last_entries()?, self.writer().await?);
        // Nothing holds the writer afterwards: a pipe ends here.
        *self.writer.lock().await = None;
        let (path, former, tags) = (self.path.clone(), self.former.clone(), self.tags.clone());
        blocking(move || {
            let layers = item.layers.unwrap_or_default();
            let is_there = || {
                let now = self::former(&path).ok().flatten();
                now.is_some_and(|now| {
                    now.documents.has(&tags, &config, &layers)
                        && layers.iter().all(|member| now.tar.has(member))
                })
            };
            extend::finish(&writer, &entries, &path, former.as_deref(), is_there)
        })
        .await
    }

    fn offers(&self) -> DestinationOffers<'_> {
        DestinationOffers {
            order: Some(self),
            streams: Some(self),
            ..DestinationOffers::default()
        }
    }
}

#[async_trait]
impl BlobOrder for DockerArchiveDestination {
    async fn begin(&self, blobs: &[PlannedBlob]) -> Result<()> {
        if let Some(former) = &self.former {
            let archive = self.path.display().to_string();
            for config in blobs.iter().filter(|coming| is_config(&coming.blob)) {
                let config = &config.blob.digest;
                former.documents.check_names(&self.tags, config, &archive)?;
            }
        }
        let known = |blob: &Descriptor| {
            let former = self.former.as_ref();
            former.is_some_and(|former| layer_in(&former.tar, &blob.digest).is_some())
        };
        let layers = blobs
            .iter()
            .filter(|coming| !is_config(&coming.blob) && !known(&coming.blob));
        let members = layers.map(|coming| (layer_member(&coming.blob.digest), MODE, coming.size));
        self.writer().await?.announce(members)
    }
}

#[async_trait]
impl StreamedBlobs for DockerArchiveDestination {
    async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        // No name comes late here: a layer that is inflated is checked against its diff id, which is its digest.
        let (stored, size) = self.put_layer(&planned.digest, None, &body).await?;
        Ok(WrittenLate {
            digest: planned.digest.clone(),
            size,
            outcome: stored,
        })
    }
}
