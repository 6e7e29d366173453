//! `Repository`: one OCI layout, read and changed while other programs may do the same.
//!
//! Reading: `index.json` is read again when its file is another one than last time, so what another program wrote is seen by the next
//! request. Writing: one change at a time in this process, and under the lock of the layout against other processes; files
//! first, then the index, each durable before the next.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use super::blobs::Blobs;
use super::facts::{Facts, Relations};
use super::index::{Change, Index};
use super::writers::Writers;
use crate::image::{Digest, MediaType, Tag};
use crate::serve::content::{Document, Found, Named};
use crate::serve::stamp::{Stamp, TRIES, WAIT};
use crate::transport::blob_store::{self, NewDocument};
use crate::transport::oci_layout;
use crate::{Error, Result, locked};

/// Bytes of an `index.json` that are read: some millions of tags.
const INDEX_CAP: u64 = 1 << 30;
/// Manifests whose facts are kept.
const FACTS_KEPT: usize = 100_000;

/// One repository of a [`super::Root`], there or not.
pub(in crate::serve) struct Repository {
    dir: PathBuf,
    blobs: Blobs,
    writers: Arc<Writers>,
    /// Held by the one request that changes it.
    changing: Mutex<()>,
    /// The index as it was last read or written.
    current: RwLock<Option<(Stamp, Index)>>,
    /// Whether the file is ahead of `current`, because a change of this process is on its way.
    writing: AtomicBool,
    /// Held by the one request that reads the file again.
    rereading: Mutex<()>,
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
            writing: AtomicBool::default(),
            rereading: Mutex::default(),
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

    /// What `look` sees in the index as it is now; `None` when there is no repository.
    fn look<T>(&self, look: impl FnOnce(&Stamp, &Index) -> T) -> Result<Option<T>> {
        let path = self.dir.join("index.json");
        let Some(stamp) = stamp_of(&path)? else {
            return Ok(None);
        };
        if let Some((at, index)) = &*self.current()
            && (*at == stamp || self.writing.load(Ordering::Acquire))
        {
            return Ok(Some(look(at, index)));
        }
        super::reading(|| self.read_index(&path))?;
        let current = self.current();
        Ok(current.as_ref().map(|(at, index)| look(at, index)))
    }

    fn current(&self) -> RwLockReadGuard<'_, Option<(Stamp, Index)>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self) -> RwLockWriteGuard<'_, Option<(Stamp, Index)>> {
        self.current.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the index. While another program has written half of it, the last one stands, and without one it is read again.
    fn read_index(&self, path: &Path) -> Result<()> {
        let _one = locked(&self.rereading);
        let mut tries = 1;
        loop {
            let is_last = tries == TRIES;
            match self.try_index(path) {
                Err(_) if !is_last && Stamp::at(path).is_some_and(|s| s.is_recent()) => {
                    std::thread::sleep(WAIT);
                }
                read => return read,
            }
            tries += 1;
        }
    }

    fn try_index(&self, path: &Path) -> Result<()> {
        // Before the content, so that a change in between shows the next time.
        let Some(stamp) = stamp_of(path)? else {
            *self.replace() = None;
            return Ok(());
        };
        // Somebody else was faster.
        if self.current().as_ref().is_some_and(|(at, _)| *at == stamp) {
            return Ok(());
        }
        let failed = |e: String| {
            let text = format!("`{}` is not an image index: {e}", path.display());
            Error::corrupt(text)
        };
        let bytes = crate::files::read_whole(path, INDEX_CAP).map_err(|e| failed(e.to_string()))?;
        match Index::parse(&bytes) {
            Ok(index) => *self.replace() = Some((stamp, index)),
            Err(e) if self.current().is_some() => tracing::warn!("{}", failed(e)),
            Err(e) => return Err(failed(e)),
        }
        Ok(())
    }

    /// The tags, sorted; `None` when there is no repository.
    pub(super) fn tags(&self) -> Result<Option<Arc<[Arc<str>]>>> {
        self.look(|_, index| index.tags().clone())
    }

    /// A manifest of this repository: one that the index lists, or a child of one.
    pub(in crate::serve) fn manifest(&self, which: Named<'_>) -> Result<Option<Found>> {
        let listed = self.look(|_, index| {
            let entry = match which {
                Named::Tag(tag) => index.tagged(tag),
                Named::Digest(digest) => index.entry(digest),
            };
            entry.and_then(|e| Some((e.digest.clone()?, e.media_type.to_string())))
        });
        let Some(listed) = listed? else {
            return Ok(None);
        };
        let (digest, media_type) = match (listed, which) {
            (Some(listed), _) => listed,
            (None, Named::Tag(_)) => return Ok(None),
            (None, Named::Digest(digest)) => {
                // Most that are asked for are not there: clients look before they push.
                if self.blobs.size(digest).is_none() {
                    return Ok(None);
                }
                let of_child = |relations: Option<Arc<Relations>>| {
                    relations.and_then(|r| r.children.get(digest).cloned())
                };
                let media_type = match of_child(self.relations()?) {
                    None => of_child(self.relations_anew()?),
                    known => known,
                };
                match media_type {
                    Some(media_type) => (digest.clone(), media_type),
                    None => return Ok(None),
                }
            }
        };
        let Some(facts) = self.facts(&digest, &media_type)? else {
            return Ok(None);
        };
        Ok(Some(Found {
            media_type: facts.media_type.to_string(),
            size: facts.size,
            bytes: Document::File(self.blobs.file(&digest), facts.stamp),
            digest,
            warning: None,
        }))
    }

    /// What the manifest `digest`, which is listed as `media_type`, says, if its file is there and is it.
    fn facts(&self, digest: &Digest, media_type: &str) -> Result<Option<Arc<Facts>>> {
        let known = locked(&self.facts).get(digest).cloned();
        // Before the content, so that a change in between shows the next time.
        let Some(stamp) = self.blobs.stamp(digest) else {
            return Ok(None);
        };
        if let Some(facts) = known.filter(|f| f.stamp == stamp && f.are_for(media_type)) {
            return Ok(Some(facts));
        }
        let file = self.blobs.file(digest);
        let read = Facts::read((&file, stamp), digest, media_type)?;
        let Some(facts) = read.map(Arc::new) else {
            return Ok(None);
        };
        let mut all = locked(&self.facts);
        if all.len() >= FACTS_KEPT {
            all.clear();
        }
        all.insert(digest.clone(), facts.clone());
        Ok(Some(facts))
    }

    /// What the manifests say of each other; `None` when there is no repository.
    fn relations(&self) -> Result<Option<Arc<Relations>>> {
        let seen = self.look(|_, index| {
            let relations = index.relations.clone();
            let listed = relations.get().is_none().then(|| index.listed());
            (relations, listed)
        });
        let Some((relations, listed)) = seen? else {
            return Ok(None);
        };
        let Some(listed) = listed else {
            return Ok(relations.get().cloned());
        };
        let stamp = |digest: &Digest| self.blobs.stamp(digest);
        let found = super::reading(|| Relations::of(listed, stamp, |d, t| self.facts(d, t)))?;
        Ok(Some(relations.get_or_init(|| Arc::new(found)).clone()))
    }

    /// The same after another look at what could not be read: it may be there by now, and changes no index.
    fn relations_anew(&self) -> Result<Option<Arc<Relations>>> {
        let relations = self.relations()?;
        let is_other = |(digest, was): &(Digest, Option<Stamp>)| self.blobs.stamp(digest) != *was;
        let has_others = |r: &Arc<Relations>| super::reading(|| r.unread.iter().any(is_other));
        if !relations.as_ref().is_some_and(has_others) {
            return Ok(relations);
        }
        self.forget_relations();
        self.relations()
    }

    fn forget_relations(&self) {
        if let Some((_, index)) = &mut *self.replace() {
            index.relations = Arc::default();
        }
    }

    /// Removes the file of `digest`; false when it is not here. What only a manifest in it listed is a manifest no more.
    fn remove(&self, digest: &Digest) -> Result<bool> {
        let removed = self.blobs.remove(digest)?;
        let relations = self
            .current()
            .as_ref()
            .map(|(_, index)| index.relations.clone());
        let relations = relations.and_then(|cell| cell.get().cloned());
        if removed && relations.is_some_and(|r| r.children.contains_key(digest)) {
            self.forget_relations();
        }
        Ok(removed)
    }

    /// Descriptors of the manifests that refer to `subject`.
    pub(super) fn referrers(&self, subject: &Digest) -> Result<Vec<serde_json::Value>> {
        let relations = self.relations_anew()?;
        let referrers = relations.as_ref().and_then(|r| r.referrers.get(subject));
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
        let signed = self.look(|_, index| {
            let entry = index.entry(digest);
            entry.is_some_and(|e| e.media_type == MediaType::SCHEMA1_SIGNED)
        });
        Ok(signed?.unwrap_or_default())
    }

    /// Whether the index lists `digest`.
    pub(in crate::serve) fn lists(&self, digest: &Digest) -> Result<bool> {
        let listed = self.look(|_, index| index.entry(digest).is_some());
        Ok(listed?.unwrap_or_default())
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
        // Another program may have put anything there, of any size.
        let there = blob_store::read_document(&file).unwrap_or_default();
        if there.is_none_or(|there| there != *bytes) {
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
        self.remove(digest)?;
        Ok(true)
    }

    /// Deletes a blob; false when it is not here. Blocks.
    pub(in crate::serve) fn delete_blob(&self, digest: &Digest) -> Result<bool> {
        let _changing = locked(&self.changing);
        self.remove(digest)
    }

    /// Makes the change that `next` finds, and says whether there was one. Where there is no layout, one is made if it is to be.
    fn change(&self, make: bool, next: impl Fn(&Index) -> Option<Change>) -> Result<bool> {
        let path = self.dir.join("index.json");
        if !make && !path.exists() {
            return Ok(false);
        }
        let _lock = oci_layout::lock(&self.dir)?;
        let next = |index: &Index| {
            let change = next(index)?;
            let write = |out: &mut BufWriter<&File>| index.write_to(&change, out);
            let document = NewDocument::write(&path, &self.dir, write);
            Some(document.map(|document| (document, change)))
        };
        let (was, next) = match self.look(|at, index| (*at, next(index)))? {
            Some((at, next)) => (Some(at), next),
            None => (None, next(&Index::empty())),
        };
        let Some((document, change)) = next.transpose()? else {
            return Ok(false);
        };
        self.writing.store(true, Ordering::Release);
        let written = self.write_index(&path, document, was, change);
        self.writing.store(false, Ordering::Release);
        written?;
        if was.is_none() {
            self.sync_parents();
        }
        Ok(true)
    }

    /// Makes `change` in the file, of which `document` is the new content, and in memory. It was found for the index of the
    /// time `was`.
    fn write_index(
        &self,
        path: &Path,
        document: NewDocument,
        was: Option<Stamp>,
        change: Change,
    ) -> Result<()> {
        document.publish(path)?;
        blob_store::sync_directory(&self.dir)?;
        let now = match fs::metadata(path) {
            Ok(about) => Stamp::of(&about),
            // It is read again when it is asked for.
            Err(e) => {
                tracing::warn!("`{}`: {e:#}", path.display());
                return Ok(());
            }
        };
        let mut current = self.replace();
        if was.is_none() {
            *current = Some((now, Index::empty()));
        }
        // Otherwise somebody has read the new file already.
        if let Some((at, index)) = &mut *current
            && was.is_none_or(|was| *at == was)
        {
            index.apply(change);
            *at = now;
        }
        Ok(())
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

/// The stamp of an index; `None` where there is none, and so no repository.
fn stamp_of(path: &Path) -> Result<Option<Stamp>> {
    match fs::metadata(path) {
        Ok(about) => Ok(Some(Stamp::of(&about))),
        Err(e) => match e.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => Ok(None),
            _ => Err(blob_store::cannot_read(path, e)),
        },
    }
}
