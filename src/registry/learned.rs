//! What a client has learned of its registry, so that nothing is found out twice.

use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64};

use crate::image::{RepositoryName, Tag};
use crate::locked;

/// What a registry has shown of the uploads that it takes.
#[derive(Debug, Default)]
pub(super) struct UploadCapabilities {
    /// It refuses a start with `mount`.
    pub(super) plain_starts: AtomicBool,
    /// It refuses a body in one PUT.
    pub(super) patches: AtomicBool,
    /// It takes bodies in chunks of this size only; 0 as long as that is not known.
    pub(super) chunk: AtomicU64,
    /// A blob sent in several parts did not match its digest (quirk U11).
    pub(super) one_part: AtomicBool,
}

/// What a client knows of the referrers tags of its registry.
#[derive(Default)]
pub(super) struct ReferrersTags {
    /// Held while an index is changed, by tag: one process does not compete with itself.
    turns: [tokio::sync::Mutex<()>; 16],
    /// Repositories that have shown that they have no referrers API.
    without_api: Mutex<HashSet<RepositoryName>>,
}

impl ReferrersTags {
    pub(super) async fn turn(&self, tag: &Tag) -> tokio::sync::MutexGuard<'_, ()> {
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(tag.as_str());
        self.turns[hash as usize % self.turns.len()].lock().await
    }

    pub(super) fn has_no_api(&self, repository: &RepositoryName) -> bool {
        locked(&self.without_api).contains(repository)
    }

    pub(super) fn note_no_api(&self, repository: &RepositoryName) {
        locked(&self.without_api).insert(repository.clone());
    }
}
