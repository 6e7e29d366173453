//! Which blobs go when a cache is full: those that were not used for longest, never one that is being read.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use futures_util::StreamExt;

use crate::image::Digest;
use crate::locked;
use crate::serve::store::{Repository, Root};
use crate::transport::BlobStream;

/// The blobs that are being read, and by how many.
#[derive(Default)]
pub(super) struct Reading(Mutex<HashMap<Digest, usize>>);

struct Guard(Arc<Reading>, Digest);

impl Reading {
    /// `stream`, which reads the blob `digest`; until it is dropped, the blob stays.
    pub(super) fn guard(self: &Arc<Self>, digest: &Digest, stream: BlobStream) -> BlobStream {
        let mut reading = locked(&self.0);
        *reading.entry(digest.clone()).or_default() += 1;
        let guard = Guard(self.clone(), digest.clone());
        stream
            .map(move |piece| {
                let _held = &guard;
                piece
            })
            .boxed()
    }

    fn has(&self, digest: &Digest) -> bool {
        let reading = locked(&self.0);
        reading.contains_key(digest)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut reading = locked(&self.0.0);
        if let Some(count) = reading.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                reading.remove(&self.1);
            }
        }
    }
}

/// Notes that a blob was used; the time is that of its file, so that it is known after a restart.
pub(super) fn touch(file: &Path) {
    let touched = File::options().append(true).open(file);
    if let Err(e) = touched.and_then(|file| file.set_modified(SystemTime::now())) {
        tracing::debug!("`{}`: {e:#}", file.display());
    }
}

/// Removes blobs until all together have at most `most` bytes. Manifests are no blobs here. Blocks.
pub(super) fn make_room(root: &Root, most: u64, reading: &Reading) {
    let names = root.names_with_blobs();
    let kept: Vec<_> = names
        .iter()
        .filter_map(|name| Some(root.repository(&name.parse().ok()?)))
        .collect();
    let mut blobs = in_use(root, &kept);
    let mut all: u64 = blobs.iter().map(|(_, len, _)| len).sum();
    if all <= most {
        return;
    }
    blobs.sort();
    for (_, len, digest) in blobs {
        if all <= most {
            break;
        }
        // A manifest that was first read as a blob has the links of one.
        let is_listed = |r: &Arc<Repository>| r.lists(&digest).unwrap_or(true);
        if reading.has(&digest) || kept.iter().any(is_listed) {
            continue;
        }
        for repository in &kept {
            if let Err(e) = repository.delete_blob(&digest) {
                tracing::warn!("{e:#}");
            }
        }
        // One that no repository had.
        let _ = fs::remove_file(root.pool_file(&digest));
        all -= len;
    }
}

/// Each blob with the time of its last use and the bytes that it takes: those of the shared file, and those of each copy where
/// the file system has no links.
fn in_use(root: &Root, kept: &[Arc<Repository>]) -> Vec<(SystemTime, u64, Digest)> {
    let mut blobs: HashMap<Digest, (SystemTime, u64)> = HashMap::new();
    let mut add = |digest: Digest, about: &fs::Metadata| {
        let used = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let blob = blobs.entry(digest).or_insert((used, 0));
        *blob = (blob.0.max(used), blob.1 + about.len());
    };
    for (digest, about) in root.pooled() {
        add(digest, &about);
    }
    for repository in kept {
        for (digest, about) in repository.blobs().all() {
            let is_copy = crate::platform::names(&about) == 1;
            if is_copy && !repository.lists(&digest).unwrap_or(true) {
                add(digest, &about);
            }
        }
    }
    let blobs = blobs.into_iter();
    blobs
        .map(|(digest, (used, len))| (used, len, digest))
        .collect()
}
