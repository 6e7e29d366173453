//! Which blobs go when a cache is full: those that were not used for longest, never one that is being read.

use std::collections::HashMap;
use std::fs::{self, File};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use futures_util::StreamExt;

use crate::image::Digest;
use crate::serve::store::Root;
use crate::transport::BlobStream;

/// The blobs that are being read, and by how many.
#[derive(Default)]
pub(super) struct Reading(Mutex<HashMap<Digest, usize>>);

struct Guard(Arc<Reading>, Digest);

impl Reading {
    /// `stream`, which reads the blob `digest`; until it is dropped, the blob stays.
    pub(super) fn guard(self: &Arc<Self>, digest: &Digest, stream: BlobStream) -> BlobStream {
        let mut reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        let reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reading.contains_key(digest)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut reading = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
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
        tracing::debug!("`{}`: {e}", file.display());
    }
}

/// Removes blobs until all together have at most `most` bytes. Blocks.
pub(super) fn make_room(root: &Root, most: u64, reading: &Reading) {
    let mut blobs: Vec<(SystemTime, u64, Digest)> = root
        .pooled()
        .filter_map(|(digest, about)| Some((about.modified().ok()?, about.len(), digest)))
        .collect();
    let mut all: u64 = blobs.iter().map(|(_, len, _)| len).sum();
    if all <= most {
        return;
    }
    blobs.sort();
    let names = root.names();
    let names: Vec<_> = names.iter().filter_map(|name| name.parse().ok()).collect();
    for (_, len, digest) in blobs {
        if all <= most {
            break;
        }
        if reading.has(&digest) {
            continue;
        }
        for name in &names {
            if let Err(e) = root.repository(name).delete_blob(&digest) {
                tracing::warn!("{e}");
            }
        }
        // One that no repository had.
        let _ = fs::remove_file(root.pool_file(&digest));
        all -= len;
    }
}
