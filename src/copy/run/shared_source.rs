//! One source for several copies at the same time: each manifest is read once, and each blob once for all copies that lack it.
//!
//! The copies know nothing of one another. They take a blob together: it gets one place among the blobs in flight, and its bytes
//! go to each copy as they arrive. A slow copy holds the others back only when they are a buffer ahead; one that fails, or needs
//! no bytes, is not waited for.

use std::collections::{HashMap, HashSet, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::sync::{Notify, OnceCell};

use super::lanes::{AdaptiveLimit, Lanes, Place};
use crate::copy::types::{Content, CopyPlan};
use crate::image::{Descriptor, Digest, Manifest};
use crate::transport::{
    BlobLocations, BlobStream, BlobTurn, ManifestRef, Presence, ResumeMismatch, Source,
    SourceOffers, sized_from, verified,
};
use crate::{Error, Kind, Result, locked};

/// Bytes of one blob that the fastest copy may be ahead of the slowest.
const BUFFER: usize = 2 << 20;
/// A copy that has not asked for the bytes of a blob after this time, while others wait, reads the blob by itself.
const PATIENCE: Duration = Duration::from_secs(10);

/// A source that several copies read.
pub(super) struct SharedSource {
    inner: Arc<dyn Source>,
    manifests: Mutex<HashMap<Option<Digest>, Arc<OnceCell<Manifest>>>>,
    blobs: Mutex<HashMap<Digest, Arc<SharedBlob>>>,
    lanes: OnceLock<Lanes>,
    /// Where other images that are copied at the same time have written blobs.
    locations: Option<Arc<BlobLocations>>,
}

/// One of the copies, which reads the source by this.
#[derive(Clone)]
pub(super) struct Reader {
    shared: Arc<SharedSource>,
    copy: usize,
}

impl SharedSource {
    pub(super) fn new(
        inner: Arc<dyn Source>,
        locations: Option<Arc<BlobLocations>>,
    ) -> Arc<SharedSource> {
        Arc::new(SharedSource {
            inner,
            manifests: Mutex::default(),
            blobs: Mutex::default(),
            lanes: OnceLock::new(),
            locations,
        })
    }

    /// The source for the copy number `copy`.
    pub(super) fn reader(self: &Arc<SharedSource>, copy: usize) -> Reader {
        Reader {
            shared: self.clone(),
            copy,
        }
    }

    /// Learns which blobs the copy number `copy` may read, before any of the copies begins.
    pub(super) fn expect(&self, copy: usize, plan: &CopyPlan) {
        let mut blobs = locked(&self.blobs);
        for step in &plan.blobs {
            let moves = !matches!(step.content, Content::Made(_));
            if moves && step.presence != Presence::Present {
                let blob = step.moving();
                let shared = blobs.entry(blob.digest.clone()).or_default();
                shared.state().expected.insert(copy);
            }
        }
    }

    /// The copy number `copy` has ended: nothing waits for it any more.
    pub(super) fn ended(&self, copy: usize) {
        for blob in locked(&self.blobs).values() {
            blob.state().expected.remove(&copy);
            blob.settle();
        }
    }

    fn blob(&self, digest: &Digest) -> Option<Arc<SharedBlob>> {
        locked(&self.blobs).get(digest).cloned()
    }
}

impl Reader {
    /// The lanes of all copies; `new` makes them for the first.
    pub(super) fn lanes(&self, new: impl FnOnce() -> Lanes) -> Lanes {
        self.shared.lanes.get_or_init(new).clone()
    }

    /// Waits until it is the turn of the blob `digest`, for all copies at once; `None` if this copy is not known to need it.
    pub(super) async fn turn(&self, digest: &Digest, lane: &Arc<AdaptiveLimit>) -> Option<Turn> {
        let blob = self.shared.blob(digest)?;
        if !blob.state().expected.contains(&self.copy) {
            return None;
        }
        blob.state().at_it += 1;
        let turn = Turn {
            blob: blob.clone(),
            copy: self.copy,
        };
        let place = || async {
            // Before the lane: what waits for another image takes no place from what can move.
            let turn = match &self.shared.locations {
                Some(locations) => Some(locations.turn(digest).await),
                None => None,
            };
            Mutex::new(Some((lane.enter().await, turn)))
        };
        blob.place.get_or_init(place).await;
        Some(turn)
    }

    /// Takes note that this copy does not wait for the bytes of the blob `digest`; if it wants them later, it reads them by itself.
    pub(super) fn leave(&self, digest: &Digest) {
        if let Some(blob) = self.shared.blob(digest) {
            blob.state().expected.remove(&self.copy);
            blob.settle();
        }
    }

    /// The bytes of `blob` as all copies get them; `None` if this copy has to read them by itself.
    fn join(&self, blob: &Descriptor) -> Option<BlobStream> {
        let shared = self.shared.blob(&blob.digest)?;
        let mut state = shared.state();
        let from_start = state.first == 0 && !matches!(state.end, Some(Err(_)));
        if !from_start || !state.expected.remove(&self.copy) {
            return None;
        }
        state.readers.insert(self.copy, 0);
        if !std::mem::replace(&mut state.begun, true) {
            let (shared, source) = (shared.clone(), self.shared.inner.clone());
            let blob = blob.clone();
            tokio::spawn(async move { shared.read(&*source, &blob).await });
        }
        drop(state);
        let part = Part {
            blob: shared,
            copy: self.copy,
        };
        Some(Box::pin(stream::unfold(part, |part| async {
            let next = part.next().await?;
            Some((next, part))
        })))
    }
}

/// The turn of a blob for one copy; dropped when that copy has it.
pub(super) struct Turn {
    blob: Arc<SharedBlob>,
    copy: usize,
}

impl Turn {
    /// Ends it; `disturbed` when a host asked clients to slow down meanwhile.
    pub(super) fn leave(self, disturbed: bool) {
        self.blob.state().disturbed |= disturbed;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.blob.state();
        state.at_it = state.at_it.saturating_sub(1);
        state.expected.remove(&self.copy);
        drop(state);
        self.blob.settle();
    }
}

/// A blob on its way to several copies.
#[derive(Default)]
struct SharedBlob {
    state: Mutex<State>,
    changed: Notify,
    /// Its place among the blobs in flight, until all copies have it, and its turn among the images that need it.
    place: OnceCell<Mutex<Option<BlobPlace>>>,
}

type BlobPlace = (Place, Option<BlobTurn>);

#[derive(Default)]
struct State {
    /// Copies that may still ask for the bytes.
    expected: HashSet<usize>,
    /// Copies whose turn it is.
    at_it: usize,
    disturbed: bool,
    begun: bool,
    /// Pieces that not all copies have taken, and the number of the first of them.
    pieces: VecDeque<Bytes>,
    first: usize,
    buffered: usize,
    /// The piece that each copy takes next.
    readers: HashMap<usize, usize>,
    /// How it ended: kind and text of an error.
    end: Option<Result<(), (Kind, String)>>,
}

impl State {
    fn push(&mut self, piece: Bytes) {
        self.buffered += piece.len();
        self.pieces.push_back(piece);
    }

    /// Drops the pieces that everyone has. The beginning is kept for as long as a copy may still come.
    fn trim(&mut self) {
        if !self.expected.is_empty() {
            return;
        }
        let last = self.first + self.pieces.len();
        let needed = self.readers.values().min().copied().unwrap_or(last);
        while self.first < needed
            && let Some(piece) = self.pieces.pop_front()
        {
            self.buffered -= piece.len();
            self.first += 1;
        }
    }
}

impl SharedBlob {
    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// Takes note that copies came, took something or left.
    fn settle(&self) {
        let mut state = self.state();
        state.trim();
        let is_over = state.expected.is_empty() && state.at_it == 0;
        let disturbed = state.disturbed;
        drop(state);
        if is_over
            && let Some(place) = self.place.get()
            && let Some((place, _turn)) = locked(place).take()
        {
            place.leave(disturbed);
        }
        self.changed.notify_waiters();
    }

    /// Reads the blob and passes its bytes to all readers, until the last of them is gone.
    async fn read(&self, source: &dyn Source, blob: &Descriptor) {
        let end = self.read_all(source, blob).await;
        let end = end.map_err(|e| (e.kind(), e.to_string()));
        self.state().end = Some(end);
        self.changed.notify_waiters();
    }

    async fn read_all(&self, source: &dyn Source, blob: &Descriptor) -> Result<()> {
        let mut stream = source.blob_unhashed(blob, 0).await?;
        while self.has_room().await {
            let Some(piece) = stream.next().await else {
                return Ok(());
            };
            let piece = piece?;
            self.state().push(piece);
            self.changed.notify_waiters();
        }
        Err(Error::other("no copy needs the rest of the blob"))
    }

    /// Waits until more may be read; `false` when no copy wants it.
    async fn has_room(&self) -> bool {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            let waits_for_others = {
                let state = self.state();
                if state.readers.is_empty() && state.expected.is_empty() {
                    return false;
                }
                if state.buffered < BUFFER {
                    return true;
                }
                !state.expected.is_empty()
            };
            if !waits_for_others {
                changed.await;
            } else if tokio::time::timeout(PATIENCE, changed).await.is_err() {
                // It may wait for something that the others hold, such as a connection.
                self.state().expected.clear();
                self.settle();
            }
        }
    }
}

/// The bytes of a blob for one copy.
struct Part {
    blob: Arc<SharedBlob>,
    copy: usize,
}

impl Part {
    async fn next(&self) -> Option<Result<Bytes>> {
        loop {
            let mut changed = pin!(self.blob.changed.notified());
            changed.as_mut().enable();
            {
                let mut state = self.blob.state();
                let at = *state.readers.get(&self.copy)?;
                if let Some(piece) = state.pieces.get(at - state.first).cloned() {
                    state.readers.insert(self.copy, at + 1);
                    drop(state);
                    self.blob.settle();
                    return Some(Ok(piece));
                }
                match &state.end {
                    Some(Ok(())) => return None,
                    Some(Err((kind, text))) => return Some(Err(Error::new(*kind, text.clone()))),
                    None => {}
                }
            }
            changed.await;
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.blob.state().readers.remove(&self.copy);
        self.blob.settle();
    }
}

#[async_trait]
impl Source for Reader {
    fn name(&self) -> String {
        self.shared.inner.name()
    }

    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest> {
        let key = match which {
            ManifestRef::Named => None,
            ManifestRef::Digest(digest) => Some(digest.clone()),
        };
        let cell = locked(&self.shared.manifests)
            .entry(key)
            .or_default()
            .clone();
        let read = || self.shared.inner.manifest(which);
        cell.get_or_try_init(read).await.cloned()
    }

    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        match self.join(blob).filter(|_| from == 0) {
            // Read again, it is read from the source itself (quirk B12).
            Some(shared) => Ok(Box::pin(verified(shared, blob).map(|item| {
                item.map_err(|e| match e.kind() {
                    Kind::Corrupt => e.because(ResumeMismatch),
                    _ => e,
                })
            }))),
            None => self.shared.inner.blob(blob, from).await,
        }
    }

    async fn blob_unhashed(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        match self.join(blob).filter(|_| from == 0) {
            Some(shared) => Ok(sized_from(shared, blob, 0)),
            None => self.shared.inner.blob_unhashed(blob, from).await,
        }
    }

    fn repository_name(&self) -> Option<String> {
        self.shared.inner.repository_name()
    }

    fn offers(&self) -> SourceOffers<'_> {
        self.shared.inner.offers()
    }
}

#[cfg(test)]
mod tests;
