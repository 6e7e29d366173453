//! Writing an image into an archive of an OCI layout.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;

use super::{MODE, blob_member, image_name, late_member, read_index};
use crate::image::{Descriptor, Digest, Manifest, Selector, Tag};
use crate::transport::blob_store::{DOCUMENT_CAP, blocking};
use crate::transport::extend::{self, Former};
use crate::transport::oci_layout::blobs::reader;
use crate::transport::oci_layout::index::Index;
use crate::transport::oci_layout::{
    self, INDEX_FILE, LAYOUT, LAYOUT_FILE, NewEntries, referrers_to,
};
use crate::transport::tar_writer::{Content, Entry, TarWriter};
use crate::transport::{
    Attachment, AttachmentStore, BlobBody, BlobOrder, BlobOutcome, Destination, DestinationCan,
    DestinationInventory, DestinationOffers, IndexDescriptions, ManifestRef, ManifestWritten,
    PlannedBlob, Presence, StreamedBlobs, WrittenLate, tallied,
};
use crate::{Result, locked};

/// An image in an archive of an OCI layout, to write. Nothing is made before the first write.
///
/// An archive that is there is extended: the new one is written next to it, with the members of the old one first,
/// and takes its name at the end. What the old one holds is not fetched again.
pub struct OciArchiveDestination {
    path: PathBuf,
    selector: Selector,
    tmpdir: Option<PathBuf>,
    former: Option<Arc<Former<Index>>>,
    /// Members of the former archive whose bytes are wrong: they are left out of the new one.
    wrong: Mutex<Vec<String>>,
    writer: tokio::sync::Mutex<Option<Arc<TarWriter>>>,
    manifests: Mutex<Manifests>,
}

struct Manifests {
    /// In the order in which they came.
    written: Vec<Manifest>,
    /// The entries to add to the index.
    new: NewEntries,
}

impl OciArchiveDestination {
    /// Opens the archive `path` (`-` for standard output) to write; `tmpdir` takes what arrives out of turn when the
    /// archive goes into a pipe.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] for a file that is something else, or a compressed archive; [`crate::Kind::Other`] for a name with
    /// `@N`, which is for reading only.
    pub async fn open(
        path: &Path,
        selector: &Selector,
        tmpdir: Option<&Path>,
    ) -> Result<OciArchiveDestination> {
        let new = NewEntries::called(selector, &image_name(path, selector))?;
        let (path, selector) = (path.to_owned(), selector.clone());
        let tmpdir = tmpdir.map(Path::to_owned);
        blocking(move || {
            Ok(OciArchiveDestination {
                former: former(&path)?.map(Arc::new),
                wrong: Mutex::default(),
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

    fn wrong(&self) -> MutexGuard<'_, Vec<String>> {
        locked(&self.wrong)
    }

    fn holds_blob(&self, blob: &Descriptor) -> Result<bool> {
        let Some(former) = &self.former else {
            return Ok(false);
        };
        let member = blob_member(&blob.digest);
        Ok(former.tar.size(&member)? == Some(blob.size) && !self.wrong().contains(&member))
    }

    /// Whether the former archive has the manifest `raw` as the member `name`; [`Kind::Corrupt`] when that has other
    /// bytes. Blocks for as long as reading a small file takes.
    fn holds_manifest(&self, name: &str, raw: &[u8]) -> Result<bool> {
        let Some(former) = self.former.as_ref().filter(|f| f.tar.has(name)) else {
            return Ok(false);
        };
        match former.tar.document(name, DOCUMENT_CAP)? {
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
        let wrong = self.wrong().clone();
        let mut without = vec![INDEX_FILE];
        without.extend(wrong.iter().map(String::as_str));
        let kept = self
            .former
            .as_ref()
            .map(|f| (f.tar.archive().clone(), f.tar.blocks(&without)));
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
        entries.push(file(INDEX_FILE, index.to_json().into()));
        Ok(entries)
    }
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
        let former = self.former.clone();
        blocking(move || {
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
            self.wrong().push(member);
        }
        Ok(intact)
    }
}

#[async_trait]
impl BlobOrder for OciArchiveDestination {
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
        blocking(move || Ok(referrers_to(&of, &former.documents, &reader(&former.tar))))
            .await
            .map(|listed: HashSet<Digest>| &listed & wanted)
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
