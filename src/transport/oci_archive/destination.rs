//! Writing an image into an archive of an OCI layout.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;

use super::{MODE, blob_member, image_name, late_member, read_index};
use crate::image::{Descriptor, Digest, Manifest, Selector, Tag};
use crate::settings::Context;
use crate::transport::blob_store::{DOCUMENT_CAP, blocking};
use crate::transport::extend::{self, Former};
use crate::transport::oci_layout::blobs::reader;
use crate::transport::oci_layout::index::Index;
use crate::transport::oci_layout::{
    self, INDEX_FILE, LAYOUT, LAYOUT_FILE, NewEntries, referrers_to,
};
use crate::transport::tar_writer::{Before, Content, Entry, TarWriter};
use crate::transport::{
    Attachment, AttachmentStore, BlobBody, BlobOrder, BlobOutcome, Destination, DestinationCan,
    DestinationInventory, DestinationOffers, IndexDescriptions, ManifestRef, ManifestWritten,
    PlannedBlob, Presence, StreamedBlobs, WrittenLate, tallied,
};
use crate::{Result, locked};

/// An image in an archive of an OCI layout, to write. Nothing is made before the first write.
///
/// An archive that is there is extended: the new one is written next to it, with the members of the old one first,
/// and takes its name at the end. What the old one holds is not fetched again. An image that loses its name to the new one is
/// left out, with the blobs that nothing else in the archive needs.
pub struct OciArchiveDestination {
    path: PathBuf,
    selector: Selector,
    tmpdir: Option<PathBuf>,
    former: Option<Arc<Former<Index>>>,
    /// Whatever is there is replaced and not read.
    replaces: bool,
    left_out: Mutex<LeftOut>,
    writer: tokio::sync::Mutex<Option<Arc<TarWriter>>>,
    manifests: Mutex<Manifests>,
}

/// Members of the former archive that are left out of the new one.
#[derive(Default)]
struct LeftOut {
    /// Those whose bytes are wrong.
    wrong: BTreeSet<String>,
    /// Those that only the image needs whose name the new one gets. One that the new image needs too is taken out of here, as
    /// long as the new archive is not begun.
    unneeded: BTreeSet<String>,
    is_begun: bool,
}

impl LeftOut {
    /// Whether `member` is in the new archive if it was in the former one.
    fn stays(&mut self, member: &str) -> bool {
        if !self.is_begun {
            self.unneeded.remove(member);
        }
        !self.wrong.contains(member) && !self.unneeded.contains(member)
    }
}

struct Manifests {
    /// In the order in which they came.
    written: Vec<Manifest>,
    /// The entries to add to the index.
    new: NewEntries,
}

impl OciArchiveDestination {
    /// Opens the archive `path` (`-` for standard output) to write; the temporary directory of `context` takes what arrives
    /// out of turn when the archive goes into a pipe.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] for a file that is something else, or a compressed archive; [`crate::Kind::Other`] for a name with
    /// `@N`, which is for reading only.
    pub async fn open(
        path: &Path,
        selector: &Selector,
        context: &Context,
    ) -> Result<OciArchiveDestination> {
        let new = NewEntries::called(selector, &image_name(path, selector))?;
        let (path, selector) = (path.to_owned(), selector.clone());
        let (tmpdir, replaces) = (context.tmpdir.clone(), context.as_skopeo);
        blocking(move || {
            let former = match replaces && path.is_file() {
                true => None,
                false => former(&path)?.map(Arc::new),
            };
            let left_out = LeftOut {
                unneeded: unneeded(former.as_deref(), new.name.as_deref()),
                ..LeftOut::default()
            };
            Ok(OciArchiveDestination {
                former,
                replaces,
                left_out: Mutex::new(left_out),
                path,
                selector,
                tmpdir,
                writer: tokio::sync::Mutex::default(),
                manifests: Mutex::new(Manifests {
                    written: Vec::new(),
                    new,
                }),
            })
        })
        .await
    }

    fn manifests(&self) -> MutexGuard<'_, Manifests> {
        locked(&self.manifests)
    }

    fn left_out(&self) -> MutexGuard<'_, LeftOut> {
        locked(&self.left_out)
    }

    fn holds_blob(&self, blob: &Descriptor) -> Result<bool> {
        let Some(former) = &self.former else {
            return Ok(false);
        };
        let member = blob_member(&blob.digest);
        Ok(former.tar.size(&member)? == Some(blob.size) && self.left_out().stays(&member))
    }

    /// Whether the former archive has the manifest `raw` as the member `name`; [`Kind::Corrupt`] when that has other
    /// bytes. Blocks for as long as reading a small file takes.
    fn holds_manifest(&self, name: &str, raw: &[u8]) -> Result<bool> {
        let former = self.former.as_ref().filter(|f| f.tar.has(name));
        let Some(former) = former.filter(|_| self.left_out().stays(name)) else {
            return Ok(false);
        };
        match former.tar.last_document(name, DOCUMENT_CAP)? {
            Some(bytes) if bytes == raw => Ok(true),
            _ => {
                let error = former
                    .tar
                    .corrupt(format!("holds a `{name}` with other content"));
                Err(error.hint("choose a new file"))
            }
        }
    }

    /// The archive under way, begun at the first call.
    async fn writer(&self) -> Result<Arc<TarWriter>> {
        let mut writer = self.writer.lock().await;
        if let Some(writer) = &*writer {
            return Ok(writer.clone());
        }
        let (path, tmpdir) = (self.path.clone(), self.tmpdir.clone());
        let kept = self.former.as_ref().map(|former| {
            let mut out = self.left_out();
            out.is_begun = true;
            let goes = |name: &str| {
                name == INDEX_FILE || out.wrong.contains(name) || out.unneeded.contains(name)
            };
            (former.tar.archive().clone(), former.tar.blocks(goes))
        });
        let made = blocking(move || {
            let kept = kept
                .as_ref()
                .map(|(archive, blocks)| (archive, blocks.clone()));
            TarWriter::create(&path, tmpdir.as_deref(), kept)
        });
        Ok(writer.insert(Arc::new(made.await?)).clone())
    }

    /// The members that follow the blobs.
    fn last_entries(&self) -> Result<Vec<Entry>> {
        let manifests = self.manifests();
        let file = |name: &str, bytes: Bytes| Entry {
            name: name.to_owned(),
            mode: MODE,
            content: Content::File(bytes),
        };
        let mut entries: Vec<Entry> = Vec::new();
        for manifest in &manifests.written {
            let name = blob_member(manifest.digest());
            let known = self.holds_manifest(&name, manifest.raw())?;
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
            .map_or_else(Index::empty, |f| f.documents.clone());
        manifests.new.enter(&mut index);
        if let (Some(former), Some(name)) = (&self.former, &manifests.new.name) {
            index.drop_former(&former.documents, name);
        }
        let shown = format!("{}/{INDEX_FILE}", self.path.display());
        let document = oci_layout::document(&index, &shown)?;
        entries.push(file(INDEX_FILE, document.into()));
        Ok(entries)
    }
}

/// The members of `former` that only the images named `name` need.
fn unneeded(former: Option<&Former<Index>>, name: Option<&str>) -> BTreeSet<String> {
    let (Some(former), Some(name)) = (former, name) else {
        return BTreeSet::new();
    };
    let shown = former.tar.archive().path().display().to_string();
    let (stay, gone) = former.documents.images_but(name, &shown);
    if gone.is_empty() {
        return BTreeSet::new();
    }
    let unneeded = oci_layout::unneeded(&former.tar, &gone, &stay);
    unneeded.iter().map(blob_member).collect()
}

/// The archive at `path` that is to be extended; `None` when there is nothing. Blocks.
fn former(path: &Path) -> Result<Option<Former<Index>>> {
    let otherwise =
        "is not an archive of an OCI image layout, don't want to overwrite important data";
    Former::open(path, otherwise, read_index)
}

/// Whether the archive `path` names the image `digest` by `name` and has all of `members`. Blocks.
fn is_there(path: &Path, digest: &Digest, name: Option<&str>, members: &[String]) -> bool {
    former(path).ok().flatten().is_some_and(|now| {
        now.documents.current(name).as_ref() == Some(digest)
            && members.iter().all(|member| now.tar.has(member))
    })
}

#[async_trait]
impl Destination for OciArchiveDestination {
    fn name(&self) -> String {
        image_name(&self.path, &self.selector)
    }

    fn can(&self) -> DestinationCan {
        oci_layout::CAN
    }

    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome> {
        if self.holds_blob(blob)? {
            return Ok(BlobOutcome::Present);
        }
        let (writer, name) = (self.writer().await?, blob_member(&blob.digest));
        let member = (name.clone(), MODE, Some(blob.size));
        writer.announce([member])?;
        let (stored, _) = writer.write(&name, &blob.digest, &body).await?;
        Ok(stored)
    }

    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten> {
        oci_layout::check_holds(manifest)?;
        let mut manifests = self.manifests();
        manifests.written.push(manifest.clone());
        if *at == ManifestRef::Named {
            manifests.new.image = Some(manifest.descriptor());
        }
        Ok(ManifestWritten::default())
    }

    async fn finish(&self) -> Result<()> {
        let path = self.path.clone();
        let new = self.manifests().new.clone();
        let Some(image) = new.image else {
            return blocking(move || {
                TarWriter::tidy(&path);
                Ok(())
            })
            .await;
        };
        let (writer, entries) = (self.writer().await?, self.last_entries()?);
        let (former, replaces) = (self.former.clone(), self.replaces);
        blocking(move || {
            if replaces {
                return writer.finish(&entries, Before::Anything).map(drop);
            }
            let last = entries.iter().map(|e| e.name.clone());
            let members = writer.names().into_iter().chain(last);
            let members: Vec<String> = members.collect();
            let is_there = || is_there(&path, &image.digest, new.name.as_deref(), &members);
            extend::finish(&writer, &entries, &path, former.as_deref(), is_there)
        })
        .await
    }

    fn offers(&self) -> DestinationOffers<'_> {
        DestinationOffers {
            inventory: Some(self),
            order: Some(self),
            streams: Some(self),
            descriptions: Some(self),
            attachments: Some(self),
            ..DestinationOffers::default()
        }
    }
}

#[async_trait]
impl DestinationInventory for OciArchiveDestination {
    async fn current(&self) -> Result<Option<Digest>> {
        let former = self.former.as_ref();
        let name = self.manifests().new.name.clone();
        Ok(former.and_then(|f| f.documents.current(name.as_deref())))
    }

    async fn has(&self, blob: &Descriptor) -> Result<Presence> {
        Ok(Presence::known(self.holds_blob(blob)?))
    }

    async fn is_intact(&self, blob: &Descriptor) -> Result<bool> {
        let Some(former) = self.former.clone() else {
            return Ok(false);
        };
        let member = blob_member(&blob.digest);
        let (name, digest) = (member.clone(), blob.digest.clone());
        let intact =
            blocking(move || Ok(former.tar.hash(&name, digest.algorithm())? == Some(digest)));
        let intact = intact.await?;
        if !intact {
            self.left_out().wrong.insert(member);
        }
        Ok(intact)
    }
}

#[async_trait]
impl BlobOrder for OciArchiveDestination {
    fn expect(&self, image: &Digest) {
        let (former, name) = (self.former.as_ref(), self.manifests().new.name.clone());
        let current = former.and_then(|f| f.documents.current(name.as_deref()));
        if current.as_ref() == Some(image) {
            // The same image again, perhaps with other platforms.
            self.left_out().unneeded.clear();
        }
    }

    async fn begin(&self, blobs: &[PlannedBlob]) -> Result<()> {
        let members = blobs.iter().map(|coming| {
            let name = match coming.size {
                Some(_) => blob_member(&coming.blob.digest),
                None => late_member(&coming.blob.digest),
            };
            (name, MODE, coming.size)
        });
        self.writer().await?.announce(members)
    }
}

#[async_trait]
impl StreamedBlobs for OciArchiveDestination {
    async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
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
            outcome: match written {
                true => BlobOutcome::Written,
                false => BlobOutcome::Present,
            },
        })
    }
}

impl IndexDescriptions for OciArchiveDestination {
    fn describe(&self, description: &Descriptor) {
        self.manifests().new.description = Some(description.clone());
    }
}

/// Attachments of an image in the same archive, as in a layout.
#[async_trait]
impl AttachmentStore for OciArchiveDestination {
    async fn referrers(&self, of: &Digest, wanted: &HashSet<Digest>) -> Result<HashSet<Digest>> {
        let Some(former) = self.former.clone() else {
            return Ok(HashSet::new());
        };
        let of = of.clone();
        let listed = blocking(move || {
            let listed = referrers_to(&of, &former.documents, &reader(&former.tar));
            Ok(listed)
        });
        let mut listed = &listed.await? & wanted;
        let out = self.left_out();
        listed.retain(|digest| !out.unneeded.contains(&blob_member(digest)));
        Ok(listed)
    }

    async fn tagged(&self, tag: &Tag) -> Result<Option<Digest>> {
        let former = self.former.as_ref();
        Ok(former.and_then(|f| f.documents.current(Some(tag.as_str()))))
    }

    async fn attach(&self, manifest: &Manifest, how: &Attachment) -> Result<()> {
        let mut manifests = self.manifests();
        manifests.written.push(manifest.clone());
        manifests.new.attach(manifest, how);
        Ok(())
    }
}
