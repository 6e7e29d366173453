//! `Repository`: one OCI layout, read and changed while other programs may do the same.
//!
//! Reading: `index.json` is read again when its file is another one than last time, so what another program wrote is seen by the next
//! request. Writing: one change at a time in this process, and under the lock of the layout against other processes; files
//! first, then the index, each durable before the next.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

use bytes::Bytes;

use super::blobs::Blobs;
use super::facts::{Facts, Relations};
use super::snapshot::Snapshot;
use super::writers::Writers;
use crate::image::{Digest, MediaType, Tag};
use crate::serve::content::{Document, Found, Named};
use crate::transport::{blob_store, oci_layout};
use crate::{Error, Result, locked};

/// Bytes of an `index.json` that are read: some millions of tags.
const INDEX_CAP: u64 = 1 << 30;
/// Manifests whose facts are kept.
const FACTS_KEPT: usize = 100_000;

/// By which a file is known to be the same as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    len: u64,
    modified: Option<SystemTime>,
}

/// One repository of a [`super::Root`], there or not.
pub(in crate::serve) struct Repository {
    dir: PathBuf,
    blobs: Blobs,
    writers: Arc<Writers>,
    /// Held by the one request that changes it.
    changing: Mutex<()>,
    current: RwLock<Option<(Stamp, Arc<Snapshot>)>>,
    facts: Mutex<HashMap<Digest, Arc<Facts>>>,
}

impl Repository {
    /// The layout in the directory `dir`, with the links of all blobs in `pool`.
    pub(super) fn new(dir: PathBuf, pool: PathBuf, writers: Arc<Writers>) -> Repository {
        Repository {
            writers,
            blobs: Blobs::new(dir.join("blobs"), pool),
            dir,
            changing: Mutex::default(),
            current: RwLock::default(),
            facts: Mutex::default(),
        }
    }

    /// The threads on which it is changed.
    pub(in crate::serve) fn writers(&self) -> &Writers {
        &self.writers
    }

    /// The blobs that clients of this repository can read.
    pub(in crate::serve) fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The index as it is now; `None` when there is no repository.
    pub(super) fn snapshot(&self) -> Result<Option<Arc<Snapshot>>> {
        let path = self.dir.join("index.json");
        let stamp = match fs::metadata(&path) {
            Ok(about) => Stamp::of(&about),
            Err(_) => return Ok(None),
        };
        let known = self
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match known {
            Some((at, snapshot)) if at == stamp => Ok(Some(snapshot)),
            known => super::reading(|| self.read_index(&path, known)),
        }
    }

    /// Reads the index. While another program has written half of it, the last one stands.
    fn read_index(
        &self,
        path: &Path,
        known: Option<(Stamp, Arc<Snapshot>)>,
    ) -> Result<Option<Arc<Snapshot>>> {
        // Before the content, so that a change in between shows the next time.
        let stamp = fs::metadata(path).map(|about| Stamp::of(&about));
        let Ok(stamp) = stamp else { return Ok(None) };
        let failed = |e: String| {
            let text = format!("`{}` is not an image index: {e}", path.display());
            Error::corrupt(text)
        };
        let bytes = crate::files::read_whole(path, INDEX_CAP).map_err(|e| failed(e.to_string()))?;
        match (Snapshot::parse(&bytes), known) {
            (Ok(snapshot), _) => {
                let snapshot = Arc::new(snapshot);
                self.keep(stamp, snapshot.clone());
                Ok(Some(snapshot))
            }
            (Err(e), Some((_, known))) => {
                tracing::warn!("{}", failed(e));
                Ok(Some(known))
            }
            (Err(e), None) => Err(failed(e)),
        }
    }

    fn keep(&self, stamp: Stamp, snapshot: Arc<Snapshot>) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some((stamp, snapshot));
    }

    /// A manifest of this repository: one that the index lists, or a child of one.
    pub(in crate::serve) fn manifest(&self, which: Named<'_>) -> Result<Option<Found>> {
        let Some(snapshot) = self.snapshot()? else {
            return Ok(None);
        };
        let listed = match which {
            Named::Tag(tag) => snapshot.tagged(tag),
            Named::Digest(digest) => snapshot.entry(digest),
        };
        let listed = listed.and_then(|e| Some((e.digest.clone()?, e.media_type.to_string())));
        let (digest, media_type) = match (listed, which) {
            (Some(listed), _) => listed,
            (None, Named::Tag(_)) => return Ok(None),
            (None, Named::Digest(digest)) => {
                // Most that are asked for are not there: clients look before they push.
                if self.blobs.size(digest).is_none() {
                    return Ok(None);
                }
                match self.relations(&snapshot)?.children.get(digest) {
                    Some(media_type) => (digest.clone(), media_type.clone()),
                    None => return Ok(None),
                }
            }
        };
        let file = self.blobs.file(&digest);
        let Some(facts) = self.facts(&digest, &media_type)? else {
            return Ok(None);
        };
        Ok(Some(Found {
            media_type: facts.media_type.to_string(),
            size: facts.size,
            bytes: Document::File(file),
            digest,
            warning: None,
        }))
    }

    /// What the manifest `digest` says, if its file is there.
    fn facts(&self, digest: &Digest, media_type: &str) -> Result<Option<Arc<Facts>>> {
        let known = locked(&self.facts).get(digest).cloned();
        let size = self.blobs.size(digest);
        match (known, size) {
            (_, None) => return Ok(None),
            (Some(facts), Some(size)) if facts.size == size => return Ok(Some(facts)),
            _ => {}
        }
        let read = || Facts::read(&self.blobs.file(digest), digest, media_type);
        let Some(facts) = read()?.map(Arc::new) else {
            return Ok(None);
        };
        let mut all = locked(&self.facts);
        if all.len() >= FACTS_KEPT {
            all.clear();
        }
        all.insert(digest.clone(), facts.clone());
        Ok(Some(facts))
    }

    fn relations<'a>(&self, snapshot: &'a Snapshot) -> Result<&'a Relations> {
        if let Some(known) = snapshot.relations.get() {
            return Ok(known);
        }
        let listed = snapshot.entries().filter_map(|e| {
            let media_type = e.media_type.to_string();
            e.digest.clone().map(|digest| (digest, media_type))
        });
        let listed = listed.collect();
        let found = super::reading(|| Relations::of(listed, |d, t| self.facts(d, t)))?;
        Ok(snapshot.relations.get_or_init(|| found))
    }

    /// Descriptors of the manifests that refer to `subject`.
    pub(super) fn referrers(&self, subject: &Digest) -> Result<Vec<serde_json::Value>> {
        let Some(snapshot) = self.snapshot()? else {
            return Ok(Vec::new());
        };
        let referrers = self.relations(&snapshot)?.referrers.get(subject);
        let mut descriptors = Vec::new();
        for digest in referrers.into_iter().flatten() {
            if let Some(facts) = self.facts(digest, "")? {
                descriptors.push(facts.referrer(digest));
            }
        }
        Ok(descriptors)
    }

    /// Whether `digest` can be a child of an index that is pushed: a manifest or a blob that is here.
    pub(in crate::serve) fn has(&self, digest: &Digest) -> bool {
        self.blobs.size(digest).is_some()
    }

    /// Whether the file of `digest` is not what the digest says: a signed schema 1 manifest is stored with its signatures.
    pub(in crate::serve) fn is_signed_manifest(&self, digest: &Digest) -> Result<bool> {
        let Some(snapshot) = self.snapshot()? else {
            return Ok(false);
        };
        let signed = |t: &str| t == MediaType::SCHEMA1_SIGNED;
        Ok(snapshot
            .entry(digest)
            .is_some_and(|e| signed(&e.media_type)))
    }

    /// Whether the index lists `digest`.
    pub(in crate::serve) fn lists(&self, digest: &Digest) -> Result<bool> {
        Ok(self.snapshot()?.is_some_and(|s| s.entry(digest).is_some()))
    }

    /// Stores a manifest under `tags`. First, with no change under way, `check` has to find everything that it names. Durable when this
    /// returns. Blocks.
    pub(in crate::serve) fn put_manifest<E: From<Error>>(
        &self,
        (digest, media_type, bytes): (&Digest, &str, &Bytes),
        tags: &[&Tag],
        check: impl FnOnce() -> Result<(), E>,
    ) -> Result<(), E> {
        let _changing = locked(&self.changing);
        check()?;
        let size = bytes.len() as u64;
        blob_store::create_directory(&self.dir)?;
        let file = self.blobs.file(digest);
        if self
            .facts(digest, media_type)?
            .is_none_or(|f| f.size != size)
        {
            blob_store::write_document_blocking(&file, &self.dir, bytes)?;
        }
        // Also of those that were linked when the blobs were uploaded.
        self.blobs.sync()?;
        self.change(true, |index| index.with((digest, media_type, size), tags))?;
        Ok(())
    }

    /// Takes a tag off its image; false when there is no such tag. Blocks.
    pub(in crate::serve) fn delete_tag(&self, tag: &Tag) -> Result<bool> {
        let _changing = locked(&self.changing);
        self.change(false, |index| index.without_tag(tag))
    }

    /// Deletes a manifest with all its tags; false when there is no such manifest. Its blobs stay. Blocks.
    pub(in crate::serve) fn delete_manifest(&self, digest: &Digest) -> Result<bool> {
        let _changing = locked(&self.changing);
        let listed = self.change(false, |index| index.without_image(digest))?;
        if !listed && self.manifest(Named::Digest(digest))?.is_none() {
            return Ok(false);
        }
        locked(&self.facts).remove(digest);
        self.blobs.remove(digest)?;
        Ok(true)
    }

    /// Deletes a blob; false when it is not here. Blocks.
    pub(in crate::serve) fn delete_blob(&self, digest: &Digest) -> Result<bool> {
        let _changing = locked(&self.changing);
        self.blobs.remove(digest)
    }

    /// Replaces the index by what `next` makes of it, and says whether that is another one. Where there is no layout, one is made
    /// if it is to be.
    fn change(&self, make: bool, next: impl FnOnce(&Snapshot) -> Option<Snapshot>) -> Result<bool> {
        let path = self.dir.join("index.json");
        if !make && !path.exists() {
            return Ok(false);
        }
        let _lock = oci_layout::lock(&self.dir)?;
        let now = self.snapshot()?;
        let is_new = now.is_none();
        let now = now.unwrap_or_else(|| Arc::new(Snapshot::empty()));
        let Some(next) = next(&now) else {
            return Ok(false);
        };
        blob_store::write_document_blocking(&path, &self.dir, &next.to_json())?;
        blob_store::sync_directory(&self.dir)?;
        if is_new {
            self.sync_parents();
        }
        match fs::metadata(&path) {
            Ok(about) => self.keep(Stamp::of(&about), Arc::new(next)),
            // It is read again when it is asked for.
            Err(e) => tracing::warn!("`{}`: {e}", path.display()),
        }
        Ok(true)
    }

    /// Makes the names of the directories above a new layout durable, as far as they can be opened.
    fn sync_parents(&self) {
        for above in self.dir.ancestors().skip(1).take(8) {
            if blob_store::sync_directory(above).is_err() {
                break;
            }
        }
    }
}

impl Stamp {
    fn of(about: &fs::Metadata) -> Stamp {
        Stamp {
            inode: crate::platform::number(about),
            len: about.len(),
            modified: about.modified().ok(),
        }
    }
}
