//! `oci-archive:` images: an OCI image layout in one tar.
//!
//! Read in place through an index of the tar; nothing is unpacked. What an `index.json` means is the layout's
//! business ([`super::oci_layout`]); this file knows where its parts are in an archive.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use super::archive_file::{ArchiveFile, STANDARD};
use super::blob_store::{DOCUMENT_CAP, blocking};
use super::oci_layout::index::Index;
use super::oci_layout::{self, INDEX_FILE, LAYOUT, LAYOUT_FILE, check_version_of, index_of};
use super::tar_index::TarIndex;
use super::tar_writer::{Content, Entry, TarWriter};
use super::{
    BlobBody, BlobStream, Coming, Destination, DestinationCan, Foreign, Presence, Source,
    SourceCan, Stored, Which, WrittenLate, tallied, verified_from,
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
pub(super) async fn names(path: &Path, tmpdir: Option<&Path>) -> Result<Vec<String>> {
    let (path, tmpdir) = (path.to_owned(), tmpdir.map(Path::to_owned));
    blocking(move || {
        let tar = TarIndex::read(ArchiveFile::open(&path, tmpdir.as_deref())?)?;
        Ok(read_index(&tar)?.names_or_places())
    })
    .await
}

/// An image in an archive of an OCI layout, to read.
pub struct OciArchiveSource {
    tar: Arc<TarIndex>,
    selector: Selector,
    index: Index,
    image: Descriptor,
}

impl OciArchiveSource {
    /// Opens the archive `path` (`-` for standard input), plain or compressed, and picks an image of it; `tmpdir`
    /// is where a plain copy of an archive goes that cannot be read in place.
    ///
    /// [`Kind::NotFound`] when there is no such image; the hint lists the names that are there.
    /// [`Kind::Corrupt`] for what is no tar.
    pub async fn open(
        path: &Path,
        selector: &Selector,
        tmpdir: Option<&Path>,
    ) -> Result<OciArchiveSource> {
        let (path, selector) = (path.to_owned(), selector.clone());
        let tmpdir = tmpdir.map(Path::to_owned);
        blocking(move || {
            let tar = TarIndex::read(ArchiveFile::open(&path, tmpdir.as_deref())?)?;
            let index = read_index(&tar)?;
            let image = index.select(&selector, &path.display().to_string())?;
            Ok(OciArchiveSource {
                tar: Arc::new(tar),
                selector,
                index,
                image,
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

    fn can(&self) -> SourceCan {
        SourceCan { ranged: true }
    }

    async fn manifest(&self, which: &Which) -> Result<Manifest> {
        let (digest, media_type) = match which {
            Which::Named => (&self.image.digest, Some(self.image.media_type.as_str())),
            Which::Digest(digest) => (digest, self.index.media_type_of(digest)),
        };
        let raw = self.document(digest).await?;
        oci_layout::checked(raw, digest, media_type, self.path())
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        let stream = match self.tar.stream(&blob_member(&blob.digest), from)? {
            Some(stream) => stream,
            None => match oci_layout::data(blob) {
                Some(bytes) => BlobBody::of_bytes(bytes).open(from).await?,
                None => return Err(self.missing(&blob.digest)),
            },
        };
        Ok(verified_from(stream, blob, from))
    }
}

/// An image in an archive of an OCI layout, to write. Nothing is made before the first write.
///
/// An archive that is there is extended: the new one is written beside it, with the members of the old one first,
/// and takes its name at the end. What the old one holds is not fetched again.
pub struct OciArchiveDestination {
    path: PathBuf,
    selector: Selector,
    tmpdir: Option<PathBuf>,
    former: Option<Former>,
    writer: tokio::sync::Mutex<Option<Arc<TarWriter>>>,
    manifests: Mutex<Manifests>,
}

/// The archive that is extended.
struct Former {
    tar: TarIndex,
    index: Index,
}

#[derive(Default)]
struct Manifests {
    /// In the order in which they came.
    written: Vec<Manifest>,
    /// What the name is going to stand for.
    image: Option<Descriptor>,
}

impl OciArchiveDestination {
    /// Opens the archive `path` (`-` for standard output) to write; `tmpdir` takes what arrives out of turn when
    /// the archive goes into a pipe.
    ///
    /// [`Kind::Refused`] for a file that is something else, or a compressed archive.
    pub async fn open(
        path: &Path,
        selector: &Selector,
        tmpdir: Option<&Path>,
    ) -> Result<OciArchiveDestination> {
        if let Selector::At(n) = selector {
            return Err(Error::other(format!(
                "`{}`: `@{n}` is for reading only",
                image_name(path, selector)
            ))
            .hint("give the image a name, or none"));
        }
        let (path, selector) = (path.to_owned(), selector.clone());
        let tmpdir = tmpdir.map(Path::to_owned);
        blocking(move || {
            Ok(OciArchiveDestination {
                former: former(&path)?,
                path,
                selector,
                tmpdir,
                writer: tokio::sync::Mutex::default(),
                manifests: Mutex::default(),
            })
        })
        .await
    }

    fn ref_name(&self) -> Option<&str> {
        match &self.selector {
            Selector::Named(name) => Some(name),
            Selector::Only | Selector::At(_) => None,
        }
    }

    fn manifests(&self) -> MutexGuard<'_, Manifests> {
        self.manifests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn holds_blob(&self, blob: &Descriptor) -> Result<bool> {
        let Some(former) = &self.former else {
            return Ok(false);
        };
        Ok(former.tar.size(&blob_member(&blob.digest))? == Some(blob.size))
    }

    /// The archive under way, begun at the first call.
    async fn writer(&self) -> Result<Arc<TarWriter>> {
        let mut writer = self.writer.lock().await;
        if let Some(writer) = &*writer {
            return Ok(writer.clone());
        }
        let (path, tmpdir) = (self.path.clone(), self.tmpdir.clone());
        let kept = self
            .former
            .as_ref()
            .map(|f| (f.tar.archive().clone(), f.tar.blocks(&[INDEX_FILE])));
        let made = blocking(move || {
            let kept = kept
                .as_ref()
                .map(|(archive, blocks)| (archive, blocks.clone()));
            TarWriter::create(&path, tmpdir.as_deref(), kept)
        });
        Ok(writer.insert(Arc::new(made.await?)).clone())
    }

    /// What follows the blobs.
    fn last_entries(&self) -> Vec<Entry> {
        let manifests = self.manifests();
        let file = |name: &str, bytes: Bytes| Entry {
            name: name.to_owned(),
            mode: MODE,
            content: Content::File(bytes),
        };
        let mut entries: Vec<Entry> = Vec::new();
        for manifest in &manifests.written {
            let name = blob_member(manifest.digest());
            let known = self.former.as_ref().is_some_and(|f| f.tar.has(&name));
            if !known && entries.iter().all(|e| e.name != name) {
                entries.push(file(&name, manifest.raw().clone()));
            }
        }
        if !self.former.as_ref().is_some_and(|f| f.tar.has(LAYOUT_FILE)) {
            entries.push(file(LAYOUT_FILE, Bytes::from_static(LAYOUT)));
        }
        let mut index = self
            .former
            .as_ref()
            .map_or_else(Index::empty, |f| f.index.clone());
        if let Some(image) = &manifests.image {
            index.enter(image, self.ref_name());
        }
        entries.push(file(INDEX_FILE, index.to_json().into()));
        entries
    }
}

/// The archive at `path` that is to be extended; `None` when there is nothing.
fn former(path: &Path) -> Result<Option<Former>> {
    match path.metadata() {
        Ok(about) if about.is_dir() || (about.is_file() && about.len() > 0) => {}
        _ => return Ok(None),
    }
    if path.as_os_str() == STANDARD {
        return Ok(None);
    }
    let refused = |what: &str| Error::new(Kind::Refused, format!("`{}` {what}", path.display()));
    let important =
        "is not an archive of an OCI image layout, don't want to overwrite important data";
    let read = || -> Result<Option<Former>> {
        let archive = ArchiveFile::open(path, None)?;
        if !archive.in_place {
            return Ok(None);
        }
        let tar = TarIndex::read(archive)?;
        Ok(Some(Former {
            index: read_index(&tar)?,
            tar,
        }))
    };
    match read() {
        Ok(Some(former)) => Ok(Some(former)),
        Ok(None) => Err(
            refused("is compressed; only a plain archive can be extended")
                .hint("unpack it first, or choose a new file"),
        ),
        Err(e) => Err(refused(important).because(e).hint("choose a new file")),
    }
}

#[async_trait]
impl Destination for OciArchiveDestination {
    fn name(&self) -> String {
        image_name(&self.path, &self.selector)
    }

    fn can(&self) -> DestinationCan {
        DestinationCan {
            holds: oci_layout::holds,
            manifest_vouches: false,
            plain_layers: false,
            foreign_layers: Foreign::Left,
            names_late: true,
            keeps_signatures: false,
        }
    }

    async fn current(&self) -> Result<Option<Digest>> {
        Ok(self
            .former
            .as_ref()
            .and_then(|f| f.index.current(self.ref_name())))
    }

    async fn has(&self, blob: &Descriptor) -> Result<Presence> {
        Ok(if self.holds_blob(blob)? {
            Presence::Present
        } else {
            Presence::Absent
        })
    }

    async fn begin(&self, blobs: &[Coming]) -> Result<()> {
        let members = blobs.iter().map(|coming| {
            let name = match coming.size {
                Some(_) => blob_member(&coming.blob.digest),
                None => late_member(&coming.blob.digest),
            };
            (name, MODE, coming.size)
        });
        self.writer().await?.announce(members)
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<Stored> {
        if self.holds_blob(blob)? {
            return Ok(Stored::Present);
        }
        let (writer, name) = (self.writer().await?, blob_member(&blob.digest));
        let member = (name.clone(), MODE, Some(blob.size));
        writer.announce([member])?;
        let (stored, _) = writer.write(&name, &blob.digest, &body).await?;
        Ok(stored)
    }

    async fn put_late(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        let (writer, planned_name) = (self.writer().await?, late_member(&planned.digest));
        let member = (planned_name.clone(), MODE, None);
        writer.announce([member])?;
        let (stream, tally) = tallied(body.open(0).await?, planned.digest.algorithm());
        let name = || {
            let (digest, size) = tally.ended()?;
            let member = blob_member(&digest);
            let blob = Descriptor::new(planned.media_type.clone(), digest, size);
            Ok((!self.holds_blob(&blob)?).then_some(member))
        };
        let written = writer.write_late(&planned_name, stream, name).await?;
        let (digest, size) = tally.ended()?;
        Ok(WrittenLate {
            digest,
            size,
            stored: match written {
                true => Stored::Written,
                false => Stored::Present,
            },
        })
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &Which) -> Result<()> {
        if !oci_layout::holds(manifest.media_type()) {
            let message = format!(
                "an OCI image layout cannot hold a manifest of type `{}`",
                manifest.media_type()
            );
            return Err(Error::new(Kind::Refused, message));
        }
        let mut manifests = self.manifests();
        manifests.written.push(manifest.clone());
        if *at == Which::Named {
            manifests.image = Some(manifest.descriptor());
        }
        Ok(())
    }

    async fn finish(&self) -> Result<()> {
        if self.manifests().image.is_none() {
            return Ok(());
        }
        let writer = self.writer().await?;
        let (path, entries) = (self.path.clone(), self.last_entries());
        let before = self.former.as_ref().map(|f| f.tar.archive().clone());
        blocking(move || {
            if before.is_some_and(|before| !before.still_at(&path)) {
                let message = format!(
                    "`{}` was changed by another program meanwhile",
                    path.display()
                );
                return Err(Error::new(Kind::Refused, message).hint("run the same command again"));
            }
            writer.finish(&entries)
        })
        .await
    }
}
