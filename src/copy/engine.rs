//! The engine: carries a plan out. Blobs move side by side, largest first, with lanes kept for small ones; then
//! the manifests, children before parents; then the destination is finished. The first failure stops the rest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Want;
use super::plan::{BlobStep, Content, CopyPlan, reading, writing};
use super::progress::{BlobOutcome, Progress};
use crate::image::{Descriptor, Digest, Repository};
use crate::transport::{BlobBody, BlobStream, Destination, Presence, Source, Stored};
use crate::{Error, Result};

/// From this size on a blob takes one of the few lanes for large ones.
const LARGE: u64 = 4 << 20;
const LARGE_LANES: usize = 4;
const SMALL_LANES: usize = 16;
/// Manifests of one level that are written at once.
const MANIFESTS_IN_FLIGHT: usize = 16;

/// What became of one blob.
#[derive(Debug, Clone)]
pub struct BlobDone {
    pub blob: Descriptor,
    pub outcome: BlobOutcome,
    /// The offset from which an earlier, broken transfer was continued; 0 for a transfer from the start.
    pub resumed_from: u64,
}

/// What a copy did.
#[derive(Debug, Clone)]
pub struct CopyReport {
    pub source: String,
    pub destination: String,
    /// The digest of what the destination's name stands for now.
    pub digest: Digest,
    /// Nothing had to be done.
    pub up_to_date: bool,
    pub blobs: Vec<BlobDone>,
    /// Bytes read from the source.
    pub bytes: u64,
    /// Digests of the manifests written, children before parents.
    pub manifests: Vec<Digest>,
    pub notes: Vec<String>,
    /// Requests sent, by host.
    pub requests: BTreeMap<String, u64>,
    pub duration: Duration,
}

impl CopyReport {
    /// How many blobs ended so.
    pub fn count(&self, outcome: BlobOutcome) -> usize {
        self.blobs.iter().filter(|b| b.outcome == outcome).count()
    }
}

/// Carries `plan` out and makes the result durable.
pub async fn run(
    plan: CopyPlan,
    source: Arc<dyn Source>,
    destination: Arc<dyn Destination>,
    want: &Want,
    progress: Arc<dyn Progress>,
) -> Result<CopyReport> {
    let started = Instant::now();
    let mut report = CopyReport {
        source: source.name(),
        destination: destination.name(),
        digest: root_digest(&plan)?,
        up_to_date: plan.up_to_date.is_some(),
        blobs: Vec::new(),
        bytes: 0,
        manifests: Vec::new(),
        notes: plan.notes.clone(),
        requests: BTreeMap::new(),
        duration: Duration::ZERO,
    };
    plan.notes.iter().for_each(|note| progress.note(note));
    if plan.up_to_date.is_none() {
        let moved = Arc::new(AtomicU64::new(0));
        let found_in = source
            .repository()
            .into_iter()
            .chain(&want.mount_from)
            .cloned()
            .collect();
        let work = Work {
            source: source.clone(),
            destination: destination.clone(),
            progress,
            moved: moved.clone(),
            found_in,
        };
        report.blobs = work.blobs(&plan.blobs, want.parallel).await?;
        write_manifests(&plan, &*destination)
            .await
            .map_err(|e| writing(&*destination, e))?;
        destination
            .finish()
            .await
            .map_err(|e| writing(&*destination, e))?;
        report.manifests = plan
            .manifests
            .iter()
            .map(|m| m.manifest.digest().clone())
            .collect();
        report.bytes = moved.load(Ordering::Relaxed);
    }
    for (host, count) in source.requests().into_iter().chain(destination.requests()) {
        *report.requests.entry(host).or_default() += count;
    }
    report.duration = started.elapsed();
    Ok(report)
}

fn root_digest(plan: &CopyPlan) -> Result<Digest> {
    let last = plan.manifests.last().map(|m| m.manifest.digest());
    plan.up_to_date
        .as_ref()
        .or(last)
        .cloned()
        .ok_or_else(|| Error::other("the plan of the copy holds no manifest"))
}

async fn write_manifests(plan: &CopyPlan, destination: &dyn Destination) -> Result<()> {
    for level in plan.manifests.chunk_by(|a, b| a.level == b.level) {
        stream::iter(level)
            .map(|step| destination.put_manifest(&step.manifest, &step.at))
            .buffer_unordered(MANIFESTS_IN_FLIGHT)
            .try_collect::<()>()
            .await?;
    }
    Ok(())
}

/// What all blob tasks share.
#[derive(Clone)]
struct Work {
    source: Arc<dyn Source>,
    destination: Arc<dyn Destination>,
    progress: Arc<dyn Progress>,
    moved: Arc<AtomicU64>,
    /// Repositories in which the blobs are known to be.
    found_in: Vec<Repository>,
}

impl Work {
    async fn blobs(&self, steps: &[BlobStep], parallel: Option<usize>) -> Result<Vec<BlobDone>> {
        let to_move = steps.iter().filter(|s| s.presence != Presence::Present);
        self.progress
            .plan(to_move.clone().count(), to_move.map(|s| s.blob.size).sum());
        let large = Arc::new(Semaphore::new(parallel.unwrap_or(LARGE_LANES).max(1)));
        let small = match parallel {
            Some(_) => large.clone(),
            None => Arc::new(Semaphore::new(SMALL_LANES)),
        };
        let mut order: Vec<&BlobStep> = steps.iter().collect();
        order.sort_by_key(|s| std::cmp::Reverse(s.blob.size));
        let mut tasks = JoinSet::new();
        for step in order {
            let lane = if step.blob.size >= LARGE {
                large.clone()
            } else {
                small.clone()
            };
            let (work, step) = (self.clone(), step.clone());
            tasks.spawn(async move {
                // The semaphores are never closed.
                let _permit = lane.acquire_owned().await.ok();
                work.blob(step).await
            });
        }
        let mut outcomes = Vec::with_capacity(steps.len());
        while let Some(joined) = tasks.join_next().await {
            // Leaving drops the set, and with it every other task.
            outcomes.push(joined.map_err(|e| Error::other("a copying task died").because(e))??);
        }
        Ok(outcomes)
    }

    async fn blob(&self, step: BlobStep) -> Result<BlobDone> {
        let blob = step.blob;
        if step.presence == Presence::Present {
            self.progress.done(&blob, BlobOutcome::Present);
            return Ok(BlobDone {
                blob,
                outcome: BlobOutcome::Present,
                resumed_from: 0,
            });
        }
        let (source_failed, resumed_from) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let body = match step.content {
            Content::Made(bytes) => BlobBody::of_bytes(bytes),
            Content::Source => self.body(&blob, source_failed.clone(), resumed_from.clone()),
        };
        let stored = self.destination.put_blob(&blob, body).await;
        let outcome = match &stored {
            Ok(Stored::Written) => BlobOutcome::Copied,
            Ok(Stored::Present) => BlobOutcome::Present,
            Ok(Stored::Mounted) => BlobOutcome::Mounted,
            Err(_) => BlobOutcome::Failed,
        };
        self.progress.done(&blob, outcome);
        match stored {
            Ok(_) => Ok(BlobDone {
                blob,
                outcome,
                resumed_from: resumed_from.load(Ordering::Relaxed),
            }),
            Err(e) if source_failed.load(Ordering::Relaxed) => Err(reading(&*self.source, e)),
            Err(e) => Err(writing(&*self.destination, e)),
        }
    }

    /// The blob's bytes from the source, counted and reported as they pass.
    fn body(
        &self,
        blob: &Descriptor,
        failed: Arc<AtomicBool>,
        resumed_from: Arc<AtomicU64>,
    ) -> BlobBody {
        let (work, wanted) = (self.clone(), blob.clone());
        let mut body = BlobBody::new(move |from| {
            let (work, blob, failed) = (work.clone(), wanted.clone(), failed.clone());
            resumed_from.store(from, Ordering::Relaxed);
            Box::pin(async move {
                let opened = work.source.blob(&blob, from).await;
                failed.store(opened.is_err(), Ordering::Relaxed);
                work.progress.start(&blob, from);
                let counted = opened?.inspect(move |item| match item {
                    Ok(bytes) => {
                        work.moved.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                        work.progress.advance(&blob.digest, bytes.len() as u64);
                    }
                    Err(_) => failed.store(true, Ordering::Relaxed),
                });
                Ok(Box::pin(counted) as BlobStream)
            })
        });
        body.found_in = self.found_in.clone();
        body
    }
}
