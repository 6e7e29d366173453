//! Reading: one image of the archive as docker's schema 2.
//!
//! Layers are presented as they are stored, under their true type: a plain layer is a plain tar whose digest is its diff
//! id, which the config vouches for; a gzip layer keeps its bytes and has their own digest. (skopeo types plain
//! layers as gzip and inflates gzip ones; what it then writes is called compressed and is not, or is compressed
//! anew.) Layers of other compressions have no type in schema 2 and are inflated on the way.

use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::super::archive_file::{ArchiveFile, Unpacking};
use super::super::blob_store::{DOCUMENT_CAP, blocking, cannot_read};
use super::super::inflate::{self, Compression, plain_reader};
use super::super::tar_index::TarIndex;
use super::super::{BlobBody, BlobStream, ManifestRef, Source, sized_from, verified_from};
use super::{EMPTY_TAR, Item, MANIFEST, Older, OlderArchives, empty_tar, image_name};
use crate::bytes::skip;
use crate::image::media_type::{DOCKER_LAYER, DOCKER_LAYER_GZIP};
use crate::image::{
    Algorithm, Descriptor, Digest, Digester, ImageConfig, Manifest, MediaType, Selector, convert,
    parse_reference,
};
use crate::{Error, Result};

/// The names of the images in the archive `path` as they stand there, `@N` for an image without; as for
/// [`DockerArchiveSource::open`].
pub(crate) async fn names(path: &Path, unpacking: &Unpacking, older: Older) -> Result<Vec<String>> {
    let (path, unpacking) = (path.to_owned(), unpacking.clone());
    blocking(move || {
        let tar = TarIndex::read(ArchiveFile::open(&path, &unpacking)?)?;
        let items = match items(&tar, older)? {
            Items::Listed(items) | Items::Older(_, items) => items,
        };
        let mut names = Vec::new();
        for (place, item) in items.iter().enumerate() {
            match item.repo_tags.as_deref() {
                None | Some([]) => names.push(format!("@{place}")),
                Some(tags) => names.extend_from_slice(tags),
            }
        }
        Ok(names)
    })
    .await
}

/// An image in an archive of `docker save`, to read.
pub struct DockerArchiveSource {
    tar: Arc<TarIndex>,
    name: String,
    /// The repository in that name.
    repository: Option<String>,
    manifest: Manifest,
    config: (Digest, Bytes),
    layers: HashMap<Digest, Layer>,
}

/// Where a layer is.
enum Layer {
    Member {
        name: String,
        /// It is presented plain and stored otherwise.
        inflate: bool,
    },
    /// Nowhere: the member has no bytes, which old archives mean for an empty tar.
    Empty,
}

impl DockerArchiveSource {
    /// Opens the archive `path` (`-` for standard input), plain or compressed, and picks an image of it; `unpacking` is
    /// about the plain copy of an archive that cannot be read in place.
    ///
    /// [`crate::Kind::NotFound`] when there is no such image; the hint lists the names that are there.
    /// [`crate::Kind::Corrupt`] for what is no such archive.
    pub(crate) async fn open(
        path: &Path,
        selector: &Selector,
        unpacking: &Unpacking,
        older: Older,
    ) -> Result<DockerArchiveSource> {
        let (path, selector) = (path.to_owned(), selector.clone());
        let unpacking = unpacking.clone();
        let archive = blocking(move || ArchiveFile::open(&path, &unpacking)).await?;
        DockerArchiveSource::read(archive, selector, older).await
    }

    /// Picks an image of `archive`.
    pub(crate) async fn read(
        archive: ArchiveFile,
        selector: Selector,
        older: Older,
    ) -> Result<DockerArchiveSource> {
        blocking(move || {
            let shown = archive.path().display().to_string();
            let tar = TarIndex::read(archive)?;
            match items(&tar, older)? {
                Items::Listed(items) => {
                    let item = select(&items, &selector, &shown)?;
                    DockerArchiveSource::of(tar, item, selector)
                }
                Items::Older(form, items) => {
                    let item = select(&items, &selector, &shown)?;
                    let (config, layers) = form.read(&tar, item)?;
                    DockerArchiveSource::over(tar, config, layers, selector)
                }
            }
        })
        .await
    }

    fn of(tar: TarIndex, item: &Item, selector: Selector) -> Result<DockerArchiveSource> {
        let name = member(&item.config);
        let config = tar
            .document(&name, DOCUMENT_CAP)?
            .ok_or_else(|| tar.corrupt(format!("has no config `{name}`")))?;
        let diff_ids = ImageConfig::parse(&config)?.rootfs.diff_ids;
        let members = item.layers.as_deref().unwrap_or_default();
        if members.len() != diff_ids.len() {
            let (layers, ids) = (members.len(), diff_ids.len());
            return Err(tar.corrupt(format!(
                "has an image of {layers} layers whose config lists {ids}"
            )));
        }
        let layers = members.iter().map(|stored| member(stored)).zip(diff_ids);
        DockerArchiveSource::over(tar, config, layers.collect(), selector)
    }

    /// The image with `config` over `stored`, its layers base first: the member of each and its diff id.
    fn over(
        tar: TarIndex,
        config: Bytes,
        stored: Vec<(String, Digest)>,
        selector: Selector,
    ) -> Result<DockerArchiveSource> {
        let config_digest = Digest::of(Algorithm::Sha256, &config);
        let mut layers = HashMap::new();
        let mut descriptors = Vec::new();
        // Each file is looked at once, however often and under however many names the image lists it.
        let mut seen: HashMap<u64, Stored> = HashMap::new();
        for (member, diff_id) in stored {
            let place = tar.place(&member)?;
            let known = place.and_then(|place| seen.get(&place));
            let stored = match known {
                Some(stored) => stored.clone(),
                None => look(&tar, &member)?,
            };
            if let Some(place) = place {
                seen.insert(place, stored.clone());
            }
            let (descriptor, layer) = describe(stored, member, diff_id);
            layers.insert(descriptor.digest.clone(), layer);
            descriptors.push(descriptor);
        }
        let described = Descriptor::new(
            MediaType::DOCKER_CONFIG,
            config_digest.clone(),
            config.len() as u64,
        );
        let manifest = convert::schema2_over(&described, &descriptors)?;
        let repository = match &selector {
            Selector::Named(name) => parse_reference(name).ok(),
            Selector::Only | Selector::At(_) => None,
        };
        Ok(DockerArchiveSource {
            name: image_name(tar.archive().path(), &selector),
            repository: repository.map(|reference| reference.repository.to_string()),
            tar: Arc::new(tar),
            manifest,
            config: (config_digest, config),
            layers,
        })
    }

    /// This image under the name that it has at the place whose program wrote the archive.
    pub(in crate::transport) fn called(
        self,
        name: String,
        repository: Option<String>,
    ) -> DockerArchiveSource {
        DockerArchiveSource {
            name,
            repository,
            ..self
        }
    }

    fn missing(&self, what: &str, digest: &Digest) -> Error {
        let path = self.tar.archive().path().display();
        Error::not_found(format!("`{path}` has no {what} `{digest}`"))
    }
}

/// A name in `manifest.json` as the index has it.
pub(crate) fn member(name: &str) -> String {
    name.strip_prefix("./").unwrap_or(name).to_owned()
}

/// The images of an archive.
enum Items {
    /// Those of `manifest.json`.
    Listed(Vec<Item>),
    /// Those of an archive without it, and what reads them.
    Older(&'static dyn OlderArchives, Vec<Item>),
}

fn items(tar: &TarIndex, older: Older) -> Result<Items> {
    let shown = tar.archive().path().display();
    let Some(bytes) = tar.list(MANIFEST)? else {
        if let Some(form) = older.filter(|form| form.knows(tar)) {
            return Ok(Items::Older(form, form.items(tar)?));
        }
        let error = Error::not_found(format!(
            "`{shown}` is not an archive of `docker save`: it has no `{MANIFEST}`"
        ));
        return Err(match tar.has("index.json") {
            true => error.hint(format!("did you mean `oci-archive:{shown}`?")),
            false => error,
        });
    };
    let items: Option<Vec<Item>> = serde_json::from_slice(&bytes).map_err(|e| {
        tar.corrupt(format!("has a `{MANIFEST}` that lists no images"))
            .because(e)
    })?;
    Ok(Items::Listed(items.unwrap_or_default()))
}

/// The image that `selector` picks.
fn select<'a>(items: &'a [Item], selector: &Selector, archive: &str) -> Result<&'a Item> {
    let tags = |item: &Item| -> Vec<String> {
        let tags = item.repo_tags.iter().flatten();
        tags.map(|tag| full(tag)).collect()
    };
    let found = match selector {
        Selector::Only => match items {
            [] => None,
            [one] => Some(one),
            more => {
                let message = format!("`{archive}` holds {} images and none is named", more.len());
                return Err(Error::other(message).hint(advice(items, archive)));
            }
        },
        Selector::At(n) => items.get(*n),
        Selector::Named(name) => items.iter().find(|item| tags(item).contains(name)),
    };
    found.ok_or_else(|| {
        let what = match selector {
            Selector::At(n) => format!("`{archive}` has no image `@{n}`"),
            Selector::Named(name) => format!("`{archive}` has no image named `{name}`"),
            Selector::Only => format!("`{archive}` holds no image"),
        };
        let error = Error::not_found(what);
        match items {
            [] => error,
            _ => error.hint(advice(items, archive)),
        }
    })
}

/// A tag in full, as names of images are compared; what is no reference stays as it is.
pub(crate) fn full(tag: &str) -> String {
    parse_reference(tag).map_or_else(|_| tag.to_owned(), |r| r.or_latest().to_string())
}

fn advice(items: &[Item], archive: &str) -> String {
    const MOST: usize = 20;
    let all = || {
        items
            .iter()
            .flat_map(|item| item.repo_tags.iter().flatten())
    };
    let mut tags: Vec<String> = all().take(MOST).map(|tag| format!("`{tag}`")).collect();
    let more = all().count() - tags.len();
    if more > 0 {
        tags.push(format!("and {more} more"));
    }
    match tags.is_empty() {
        true => format!("its images have no names; `{archive}:@0` is the first"),
        false => format!("it has {}", tags.join(", ")),
    }
}

/// A layer as it is stored.
#[derive(Clone)]
struct Stored {
    compression: Option<Compression>,
    /// Bytes as it is presented: of the plain form, except for gzip.
    size: u64,
    /// Of what is stored, where that is gzip.
    digest: Option<Digest>,
}

/// Looks at the layer in the file `name`. Blocks.
fn look(tar: &TarIndex, name: &str) -> Result<Stored> {
    let missing = || tar.corrupt(format!("has no layer `{name}`"));
    let size = tar.size(name)?.ok_or_else(missing)?;
    let unreadable = |e| cannot_read(tar.archive().path(), e);
    let mut magic = Vec::new();
    tar.reader(name)?
        .ok_or_else(missing)?
        .take(Compression::MAGIC_LEN as u64)
        .read_to_end(&mut magic)
        .map_err(unreadable)?;
    let compression = Compression::of(&magic);
    let mut content = tar.reader(name)?.ok_or_else(missing)?;
    let (size, digest) = match compression {
        None => (size, None),
        Some(Compression::Gzip) => {
            // Docker 25 and buildkit name files by their digest; reading the blob verifies it.
            let named = name
                .strip_prefix("blobs/sha256/")
                .map(|hex| format!("sha256:{hex}").parse());
            let digest = match named {
                Some(Ok(digest)) => digest,
                _ => hash(&mut content).map_err(unreadable)?,
            };
            (size, Some(digest))
        }
        Some(_) => {
            let size = plain_reader(content)
                .and_then(|(_, mut plain)| io::copy(&mut plain, &mut io::sink()));
            let size = size.map_err(|e| {
                inflate::broken(compression, e).context(format!("cannot read the layer `{name}`"))
            })?;
            (size, None)
        }
    };
    Ok(Stored {
        compression,
        size,
        digest,
    })
}

/// Describes the layer in the file `name` as it is presented.
fn describe(stored: Stored, name: String, diff_id: Digest) -> (Descriptor, Layer) {
    let (empty, empty_size) = empty_tar();
    if stored.size == 0 && diff_id == empty {
        return (
            Descriptor::new(DOCKER_LAYER, empty, empty_size),
            Layer::Empty,
        );
    }
    let descriptor = match stored.digest {
        Some(digest) => Descriptor::new(DOCKER_LAYER_GZIP, digest, stored.size),
        None => Descriptor::new(DOCKER_LAYER, diff_id, stored.size),
    };
    let inflate = !matches!(stored.compression, None | Some(Compression::Gzip));
    (descriptor, Layer::Member { name, inflate })
}

fn hash(content: &mut impl Read) -> io::Result<Digest> {
    let mut digester = Digester::new(Algorithm::Sha256);
    let mut piece = vec![0; 256 * 1024];
    loop {
        match content.read(&mut piece)? {
            0 => return Ok(digester.finish()),
            n => digester.update(&piece[..n]),
        }
    }
}

#[async_trait]
impl Source for DockerArchiveSource {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn repository_name(&self) -> Option<String> {
        self.repository.clone()
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        match which {
            ManifestRef::Digest(digest) if digest != self.manifest.digest() => {
                Err(self.missing("manifest", digest))
            }
            _ => Ok(self.manifest.clone()),
        }
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        Ok(verified_from(self.bytes_of(blob, from).await?, blob, from))
    }

    async fn blob_unhashed(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        Ok(sized_from(self.bytes_of(blob, from).await?, blob, from))
    }
}

impl DockerArchiveSource {
    /// The blob's bytes from offset `from` on, unchecked.
    async fn bytes_of(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        let stream = if blob.digest == self.config.0 {
            BlobBody::of_bytes(self.config.1.clone()).open(from).await?
        } else {
            let missing = || self.missing("blob", &blob.digest);
            match self.layers.get(&blob.digest).ok_or_else(missing)? {
                Layer::Empty => {
                    let empty = Bytes::from_static(&EMPTY_TAR);
                    BlobBody::of_bytes(empty).open(from).await?
                }
                Layer::Member { name, inflate } => {
                    let stored = if *inflate { 0 } else { from };
                    let stream = self.tar.stream(name, stored)?.ok_or_else(missing)?;
                    match inflate {
                        true => skip(inflate::plain(stream), from),
                        false => stream,
                    }
                }
            }
        };
        Ok(stream)
    }
}
