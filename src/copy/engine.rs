//! The engine: carries a plan out. Blobs move side by side, largest first, with lanes kept for small ones; then
//! the manifests, children before parents; then the destination is finished. The first failure stops the rest.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Want;
use super::codec;
use super::plain::settled;
use super::plan::{BlobStep, Content, CopyPlan, reading, writing};
use super::progress::{BlobOutcome, Progress};
use crate::image::{Descriptor, Digest, Manifest};
use crate::transport::{BlobBody, BlobStream, Coming, Destination, Presence, Source, Stored};
use crate::{Error, Result};

/// From this size on a blob takes one of the few lanes for large ones.
const LARGE: u64 = 4 << 20;
const LARGE_LANES: usize = 4;
const SMALL_LANES: usize = 16;
/// Manifests of one level that are written at once.
const MANIFESTS_IN_FLIGHT: usize = 16;

/// What a copy did.
#[derive(Debug, Clone)]
pub struct CopyReport {
    pub source: String,
    pub destination: String,
    /// The digest of what the destination's name stands for now.
    pub digest: Digest,
    /// Nothing had to be done.
    pub up_to_date: bool,
    pub blobs_copied: usize,
    pub blobs_present: usize,
    pub blobs_mounted: usize,
    /// Bytes read from the source.
    pub bytes: u64,
    pub manifests: usize,
    pub notes: Vec<String>,
    pub duration: Duration,
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
        blobs_copied: 0,
        blobs_present: 0,
        blobs_mounted: 0,
        bytes: 0,
        manifests: 0,
        notes: plan.notes.clone(),
        duration: Duration::ZERO,
    };
    plan.notes.iter().for_each(|note| progress.note(note));
    if plan.up_to_date.is_none() {
        let moved = Arc::new(AtomicU64::new(0));
        let work = Work {
            source: source.clone(),
            destination: destination.clone(),
            progress,
            moved: moved.clone(),
        };
        let coming: Vec<Coming> = plan.blobs.iter().filter_map(coming).collect();
        destination
            .begin(&coming)
            .await
            .map_err(|e| writing(&*destination, e))?;
        let mut sizes = HashMap::new();
        for done in work.blobs(&plan.blobs, want.parallel).await? {
            match done.outcome {
                BlobOutcome::Present => report.blobs_present += 1,
                BlobOutcome::Mounted => report.blobs_mounted += 1,
                _ => report.blobs_copied += 1,
            }
            sizes.extend(done.inflated);
        }
        report.digest = write_manifests(&plan, &sizes, &*destination)
            .await
            .map_err(|e| writing(&*destination, e))?
            .unwrap_or(report.digest);
        destination
            .finish()
            .await
            .map_err(|e| writing(&*destination, e))?;
        report.manifests = plan.manifests.len();
        report.bytes = moved.load(Ordering::Relaxed);
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

/// What a destination hears of a step before it is taken.
fn coming(step: &BlobStep) -> Option<Coming> {
    let size = match step.content {
        Content::Inflated(_) => None,
        Content::Source | Content::Made(_) => Some(step.blob.size),
    };
    (step.presence != Presence::Present).then(|| Coming {
        blob: step.blob.clone(),
        size,
    })
}

/// Writes the manifests, with the `sizes` that came out meanwhile; the value is the digest of the last.
async fn write_manifests(
    plan: &CopyPlan,
    sizes: &HashMap<Digest, u64>,
    destination: &dyn Destination,
) -> Result<Option<Digest>> {
    let mut last = None;
    for level in plan.manifests.chunk_by(|a, b| a.level == b.level) {
        let settled: Vec<Manifest> = level
            .iter()
            .map(|step| settled(&step.manifest, sizes))
            .collect::<Result<_>>()?;
        last = settled.last().map(|m| m.digest().clone());
        stream::iter(level.iter().zip(&settled))
            .map(|(step, manifest)| destination.put_manifest(manifest, &step.at))
            .buffer_unordered(MANIFESTS_IN_FLIGHT)
            .try_collect::<()>()
            .await?;
    }
    Ok(last)
}

/// A step that was taken.
struct Done {
    outcome: BlobOutcome,
    /// The digest and the size of a layer that was inflated.
    inflated: Option<(Digest, u64)>,
}

/// What all blob tasks share.
#[derive(Clone)]
struct Work {
    source: Arc<dyn Source>,
    destination: Arc<dyn Destination>,
    progress: Arc<dyn Progress>,
    moved: Arc<AtomicU64>,
}

impl Work {
    async fn blobs(&self, steps: &[BlobStep], parallel: Option<usize>) -> Result<Vec<Done>> {
        let to_move = steps.iter().filter(|s| s.presence != Presence::Present);
        self.progress.plan(
            to_move.clone().count(),
            to_move.map(|s| s.moving().size).sum(),
        );
        let large = Arc::new(Semaphore::new(parallel.unwrap_or(LARGE_LANES).max(1)));
        let small = match parallel {
            Some(_) => large.clone(),
            None => Arc::new(Semaphore::new(SMALL_LANES)),
        };
        // Inflating keeps a core busy; more at once would only take memory.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let inflating = match parallel {
            Some(_) => large.clone(),
            None => Arc::new(Semaphore::new(cores)),
        };
        let mut order: Vec<&BlobStep> = steps.iter().collect();
        // Inflated layers go in the order of the image: each gets its place when the one before it is done.
        order.sort_by_key(|s| match s.content {
            Content::Inflated(_) => std::cmp::Reverse(u64::MAX),
            Content::Source | Content::Made(_) => std::cmp::Reverse(s.blob.size),
        });
        let mut tasks = JoinSet::new();
        for step in order {
            let lane = match &step.content {
                Content::Inflated(_) => inflating.clone(),
                _ if step.blob.size >= LARGE => large.clone(),
                _ => small.clone(),
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

    async fn blob(&self, step: BlobStep) -> Result<Done> {
        let moving = step.moving().clone();
        let BlobStep {
            blob,
            content,
            presence,
        } = step;
        if presence == Presence::Present {
            self.progress.done(&moving, BlobOutcome::Present);
            return Ok(Done {
                outcome: BlobOutcome::Present,
                inflated: None,
            });
        }
        let source_failed = Arc::new(AtomicBool::new(false));
        let size = Arc::new(AtomicU64::new(0));
        let inflates = matches!(content, Content::Inflated(_));
        let body = match content {
            Content::Made(bytes) => BlobBody::of_bytes(bytes),
            Content::Source => self.body(&blob, source_failed.clone()),
            Content::Inflated(stored) => {
                let stored = self.body(&stored, source_failed.clone());
                inflated(stored, &blob.digest, size.clone())
            }
        };
        let stored = self.destination.put_blob(&blob, body).await;
        let outcome = match &stored {
            Ok(Stored::Written) => BlobOutcome::Copied,
            Ok(Stored::Present) => BlobOutcome::Present,
            Ok(Stored::Mounted) => BlobOutcome::Mounted,
            Err(_) => BlobOutcome::Failed,
        };
        self.progress.done(&moving, outcome);
        match stored {
            Ok(_) => Ok(Done {
                outcome,
                inflated: inflates.then(|| (blob.digest, size.load(Ordering::Relaxed))),
            }),
            Err(e) if source_failed.load(Ordering::Relaxed) => Err(reading(&*self.source, e)),
            Err(e) => Err(writing(&*self.destination, e)),
        }
    }

    /// The blob's bytes from the source, counted and reported as they pass.
    fn body(&self, blob: &Descriptor, failed: Arc<AtomicBool>) -> BlobBody {
        let (work, wanted) = (self.clone(), blob.clone());
        let mut body = BlobBody::new(move |from| {
            let (work, blob, failed) = (work.clone(), wanted.clone(), failed.clone());
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
        body.found_in = self.source.repository().cloned();
        body
    }
}

/// The plain form of `stored`. It can be had from its beginning only.
fn inflated(stored: BlobBody, digest: &Digest, size: Arc<AtomicU64>) -> BlobBody {
    let digest = digest.clone();
    BlobBody::new(move |from| {
        let (stored, digest, size) = (stored.clone(), digest.clone(), size.clone());
        Box::pin(async move {
            if from > 0 {
                return Err(Error::other("an inflated layer cannot be continued"));
            }
            Ok(codec::inflated(stored.open(0).await?, &digest, size))
        })
    })
}
