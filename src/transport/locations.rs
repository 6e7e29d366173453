//! `BlobLocations`: in which repositories of the destinations' registries blobs are that copies have written.
//!
//! Copies that run side by side share one table. A blob that two of them need is read by the first; the second waits for
//! it and mounts it. Nothing here sends a request: the table holds what copies have seen happen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::{Notify, OwnedMutexGuard};

use super::codec::Codec;
use crate::image::{Digest, Registry, Repository, RepositoryName};
use crate::locked;

/// Blobs that are remembered; later ones are not, and are asked for as usual.
const MOST_BLOBS: usize = 200_000;
/// Repositories that are remembered of one blob.
const MOST_REPOSITORIES: usize = 16;
/// Turns of blobs after which those that are over are swept out.
const MANY_TURNS: usize = 1024;

/// The table. Memory is bounded: some 200 bytes for each of at most 200,000 blobs.
#[derive(Default)]
pub struct BlobLocations {
    registries: Mutex<HashMap<Registry, HashMap<Digest, Slot>>>,
    turns: Mutex<HashMap<Digest, Weak<tokio::sync::Mutex<()>>>>,
    forms: Mutex<HashMap<FormKey, Arc<tokio::sync::Mutex<Form>>>>,
    remember: Option<Remember>,
}

/// Is given the first repository that has a blob, with the blob's digest and size.
type Remember = Box<dyn Fn(&Repository, &Digest, u64) + Send + Sync>;

impl std::fmt::Debug for BlobLocations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobLocations").finish_non_exhaustive()
    }
}

/// A layer that a repository gets in another form: the digest that it has in the source, and its compression in the repository.
type FormKey = (Repository, Digest, Option<Codec>);

/// The digest and size of a layer in its other form; `None` until it was written.
type Form = Option<(Digest, u64)>;

/// The turn of one layer that gets another form: no other copy writes it, and what it was written as can be read and told.
pub(crate) type FormTurn = OwnedMutexGuard<Form>;

/// The turn of one blob: no other image with several destinations moves it.
pub(crate) type BlobTurn = OwnedMutexGuard<()>;

/// Where one blob is.
#[derive(Debug, Default)]
struct Slot {
    /// An earlier run has written it to this one.
    before: Option<Arc<RepositoryName>>,
    /// These repositories have it.
    at: Vec<Arc<RepositoryName>>,
    /// Copies are bringing it into these; others wait.
    moving: Vec<(Arc<RepositoryName>, Arc<Notify>)>,
}

/// Where a blob is, as seen from one repository.
#[derive(Default)]
pub(crate) struct Located {
    /// The repository itself has it.
    pub(crate) is_here: bool,
    /// Others of the same registry that have it.
    pub(crate) repositories: Vec<Repository>,
    lead: Option<Lead>,
}

/// The task of writing a blob, which others may be waiting for.
struct Lead {
    table: Arc<BlobLocations>,
    digest: Digest,
    own: Repository,
    /// The size of the blob that was written.
    written: Option<u64>,
    /// The other repositories do not have it after all.
    is_alone: bool,
}

impl BlobLocations {
    /// An empty table.
    pub fn new() -> Arc<BlobLocations> {
        Arc::default()
    }

    /// An empty table that calls `remember` with the first repository that has a blob, for a later run.
    pub fn remembering(
        remember: impl Fn(&Repository, &Digest, u64) + Send + Sync + 'static,
    ) -> BlobLocations {
        BlobLocations {
            remember: Some(Box::new(remember)),
            ..BlobLocations::default()
        }
    }

    /// Takes note that an earlier run has written the blob `digest` to `repository`. It is mounted from there, and read if it is
    /// there no more.
    pub fn know(&self, repository: &Repository, digest: Digest) {
        let mut registries = locked(&self.registries);
        let blobs = registries.entry(repository.registry.clone()).or_default();
        if blobs.len() < MOST_BLOBS {
            blobs.entry(digest).or_default().before = Some(Arc::new(repository.name.clone()));
        }
    }

    /// Waits until no other image moves the blob `digest`. An image with several destinations takes its turn before the copies to
    /// them do, since two images that each wait for the other at one destination would hold up their common streams.
    pub(crate) async fn turn(&self, digest: &Digest) -> BlobTurn {
        let turn = {
            let mut turns = locked(&self.turns);
            if turns.len() >= MANY_TURNS {
                turns.retain(|_, turn| turn.strong_count() > 0);
            }
            let slot = turns.entry(digest.clone()).or_default();
            slot.upgrade().unwrap_or_else(|| {
                let new = Arc::default();
                *slot = Arc::downgrade(&new);
                new
            })
        };
        turn.lock_owned().await
    }

    /// Waits until no other copy writes the layer `digest` of the source to `own` with the compression `into`. `waits` is called
    /// before such a wait. `None` when there are too many layers to know of this one.
    pub(crate) async fn form(
        &self,
        own: &Repository,
        digest: &Digest,
        into: Option<Codec>,
        waits: impl Fn(),
    ) -> Option<FormTurn> {
        let form = {
            let mut forms = locked(&self.forms);
            let key = (own.clone(), digest.clone(), into);
            if forms.len() >= MOST_BLOBS && !forms.contains_key(&key) {
                return None;
            }
            forms.entry(key).or_default().clone()
        };
        if let Ok(turn) = form.clone().try_lock_owned() {
            return Some(turn);
        }
        waits();
        Some(form.lock_owned().await)
    }

    /// Where the blob `digest` is, for the repository `own`. If that is not known, the caller writes it and the others wait
    /// until it calls [`Located::written`] or drops the answer. `waits` is called before such a wait.
    pub(crate) async fn locate(
        self: &Arc<Self>,
        digest: &Digest,
        own: &Repository,
        waits: impl Fn(),
    ) -> Located {
        loop {
            let moved = {
                let mut registries = locked(&self.registries);
                let blobs = registries.entry(own.registry.clone()).or_default();
                if blobs.len() >= MOST_BLOBS && !blobs.contains_key(digest) {
                    return Located::default();
                }
                let slot = blobs.entry(digest.clone()).or_default();
                if slot.at.iter().any(|name| **name == own.name) {
                    return Located {
                        is_here: true,
                        ..Located::default()
                    };
                }
                let mine = slot.moving.iter().find(|(name, _)| **name == own.name);
                let is_unknown = slot.at.is_empty() && slot.before.is_none();
                let first = slot.moving.first().filter(|_| is_unknown);
                match mine.or(first) {
                    // Created under the lock, so that the end of the move cannot be missed.
                    Some((_, moving)) => moving.clone().notified_owned(),
                    None => {
                        let name = Arc::new(own.name.clone());
                        slot.moving.push((name, Arc::default()));
                        let repository = |name: &Arc<RepositoryName>| Repository {
                            registry: own.registry.clone(),
                            name: (**name).clone(),
                        };
                        let found = slot.at.iter().chain(&slot.before);
                        let found = found.map(repository).collect();
                        return self.leading(digest, own, found);
                    }
                }
            };
            waits();
            moved.await;
        }
    }

    fn leading(
        self: &Arc<Self>,
        digest: &Digest,
        own: &Repository,
        found: Vec<Repository>,
    ) -> Located {
        Located {
            is_here: false,
            repositories: found,
            lead: Some(Lead {
                table: self.clone(),
                digest: digest.clone(),
                own: own.clone(),
                written: None,
                is_alone: false,
            }),
        }
    }
}

impl Located {
    /// The repository has the blob of `size` bytes now; `is_sent` if it had to be sent, so that no other repository has it.
    pub(crate) fn written(mut self, size: u64, is_sent: bool) {
        if let Some(lead) = &mut self.lead {
            lead.written = Some(size);
            lead.is_alone = is_sent;
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        let mut registries = locked(&self.table.registries);
        let Some(blobs) = registries.get_mut(&self.own.registry) else {
            return;
        };
        let Some(slot) = blobs.get_mut(&self.digest) else {
            return;
        };
        let own = slot
            .moving
            .iter()
            .position(|(name, _)| **name == self.own.name);
        let Some((name, moving)) = own.map(|n| slot.moving.swap_remove(n)) else {
            return;
        };
        if self.is_alone {
            slot.before = None;
        }
        let is_first = slot.at.is_empty() && slot.before.is_none();
        if self.written.is_some() && slot.at.len() < MOST_REPOSITORIES {
            slot.at.push(name);
        }
        if let (Some(size), Some(remember), true) = (self.written, &self.table.remember, is_first) {
            remember(&self.own, &self.digest, size);
        }
        if slot.at.is_empty() && slot.before.is_none() && slot.moving.is_empty() {
            // The next one of those that wait writes it.
            blobs.remove(&self.digest);
        }
        moving.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Algorithm, Reference};

    fn repository(name: &str) -> Repository {
        let parsed = format!("a.example/{name}").parse::<Reference>();
        parsed.expect("a name").repository
    }

    #[tokio::test]
    async fn the_second_waits_for_the_first_and_hears_where_the_blob_is() {
        let table = BlobLocations::new();
        let digest = Digest::of(Algorithm::Sha256, b"a layer");
        let (one, two) = (repository("one"), repository("two"));
        let first = table.locate(&digest, &one, || ()).await;
        assert!(!first.is_here && first.repositories.is_empty());
        let waiting = tokio::spawn({
            let (table, digest, two) = (table.clone(), digest.clone(), two.clone());
            async move { table.locate(&digest, &two, || ()).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        first.written(1, true);
        let second = waiting.await.expect("the task");
        assert_eq!(second.repositories, std::slice::from_ref(&one));
        second.written(1, false);
        assert!(table.locate(&digest, &two, || ()).await.is_here);
        assert!(table.locate(&digest, &one, || ()).await.is_here);
    }

    #[tokio::test]
    async fn a_failed_write_is_taken_over() {
        let table = BlobLocations::new();
        let digest = Digest::of(Algorithm::Sha256, b"a layer");
        let (one, two) = (repository("one"), repository("two"));
        let first = table.locate(&digest, &one, || ()).await;
        let waiting = tokio::spawn({
            let (table, digest, two) = (table.clone(), digest.clone(), two.clone());
            async move { table.locate(&digest, &two, || ()).await }
        });
        tokio::task::yield_now().await;
        drop(first);
        let second = waiting.await.expect("the task");
        assert!(!second.is_here && second.repositories.is_empty());
    }
}
