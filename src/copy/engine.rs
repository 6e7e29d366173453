//! The engine: carries a plan out. Blobs move side by side, largest first, with lanes kept for small ones; then
//! the manifests, children before parents; then the destination is finished. The first failure stops the rest.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;

use super::Want;
use super::codec;
use super::lanes::Lane;
use super::plain::settled;
use super::plan::{BlobStep, Content, CopyPlan, reading, writing};
use super::progress::{BlobOutcome, Progress};
use crate::image::{Descriptor, Digest, Manifest, Repository};
use crate::transport::{
    BlobBody, BlobStream, Coming, Destination, Presence, Source, Stored, is_spliced, missing_blobs,
};
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
            anew: false,
        };
        let coming: Vec<Coming> = plan.blobs.iter().filter_map(coming).collect();
        destination
            .begin(&coming)
            .await
            .map_err(|e| writing(&*destination, e))?;
        report.blobs = work.blobs(&plan.blobs, want.parallel).await?;
        let mut written = write_manifests(&plan, &report.blobs, &*destination).await;
        // X6: the destination said that it had blobs which it has not. Those that it names are sent; as some name
        // one at a time, the second time it is all.
        for named in [true, false] {
            let Some(missing) = written.as_ref().err().and_then(missing_blobs) else {
                break;
            };
            let missing = if named { missing } else { Vec::new() };
            let again = unsure(&plan, &report.blobs, &missing);
            if again.is_empty() || source.repository() == destination.repository() {
                break;
            }
            tracing::debug!("the destination lacks blobs that it said to have; sending them");
            let sent = work.anew().blobs(&again, want.parallel).await?;
            let is_old = |d: &BlobDone| sent.iter().all(|s| s.blob.digest != d.blob.digest);
            report.blobs.retain(is_old);
            report.blobs.extend(sent);
            written = write_manifests(&plan, &report.blobs, &*destination).await;
        }
        report.manifests = written.map_err(|e| writing(&*destination, e))?;
        if let Some(last) = report.manifests.last() {
            report.digest = last.clone();
        }
        destination
            .finish()
            .await
            .map_err(|e| writing(&*destination, e))?;
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

/// The steps of blobs that were not sent because the destination has them, as it said: those of `missing`, or
/// all when that names none.
fn unsure(plan: &CopyPlan, done: &[BlobDone], missing: &[Digest]) -> Vec<BlobStep> {
    let believed = |step: &&BlobStep| {
        let digest = &step.blob.digest;
        let mut done = done.iter();
        (missing.is_empty() || missing.contains(digest))
            && done.any(|d| d.blob.digest == *digest && d.outcome != BlobOutcome::Copied)
    };
    let steps = plan.blobs.iter().filter(believed).cloned();
    let ask = |mut step: BlobStep| {
        step.presence = Presence::AskedOnWrite;
        step
    };
    steps.map(ask).collect()
}

/// Writes the manifests, with the sizes of inflated layers that came out meanwhile; the value is their digests.
async fn write_manifests(
    plan: &CopyPlan,
    done: &[BlobDone],
    destination: &dyn Destination,
) -> Result<Vec<Digest>> {
    let inflated = |blob: &Descriptor| {
        let of_blob = plan.blobs.iter().filter(|s| s.blob.digest == blob.digest);
        of_blob
            .map(|s| &s.content)
            .any(|c| matches!(c, Content::Inflated(_)))
    };
    let sizes: HashMap<Digest, u64> = done
        .iter()
        .filter(|done| inflated(&done.blob))
        .map(|done| (done.blob.digest.clone(), done.blob.size))
        .collect();
    let mut digests = Vec::with_capacity(plan.manifests.len());
    for level in plan.manifests.chunk_by(|a, b| a.level == b.level) {
        let manifests: Vec<Manifest> = level
            .iter()
            .map(|step| settled(&step.manifest, &sizes))
            .collect::<Result<_>>()?;
        let writes = level.iter().zip(&manifests);
        let writes: Vec<_> = writes
            .map(|(step, manifest)| destination.put_manifest(manifest, &step.at))
            .collect();
        stream::iter(writes)
            .buffer_unordered(MANIFESTS_IN_FLIGHT)
            .try_collect::<()>()
            .await?;
        digests.extend(manifests.iter().map(|m| m.digest().clone()));
    }
    Ok(digests)
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
    /// Blobs are sent whatever the destination says to have.
    anew: bool,
}

impl Work {
    fn anew(&self) -> Work {
        Work {
            anew: true,
            ..self.clone()
        }
    }

    /// How often either side has asked for patience.
    fn pressure(&self) -> u64 {
        self.source.pressure() + self.destination.pressure()
    }

    async fn blobs(&self, steps: &[BlobStep], parallel: Option<usize>) -> Result<Vec<BlobDone>> {
        let to_move = steps.iter().filter(|s| s.presence != Presence::Present);
        self.progress.plan(
            to_move.clone().count(),
            to_move.map(|s| s.moving().size).sum(),
        );
        let large = Lane::new(parallel.unwrap_or(LARGE_LANES));
        let small = match parallel {
            Some(_) => large.clone(),
            None => Lane::new(SMALL_LANES),
        };
        // Inflating keeps a core busy; more at once would only take memory.
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let inflating = match parallel {
            Some(_) => large.clone(),
            None => Lane::new(cores),
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
                let place = lane.enter().await;
                let pressure = work.pressure();
                let done = work.blob(step).await;
                place.leave(work.pressure() > pressure);
                done
            });
        }
        let mut outcomes = Vec::with_capacity(steps.len());
        while let Some(joined) = tasks.join_next().await {
            let joined = joined.map_err(|e| Error::other("a copying task died").because(e));
            match joined.and_then(|done| done) {
                Ok(done) => outcomes.push(done),
                Err(e) => {
                    // What the others hold (temporary files) is gone before the failure is told.
                    tasks.shutdown().await;
                    return Err(e);
                }
            }
        }
        Ok(outcomes)
    }

    async fn blob(&self, step: BlobStep) -> Result<BlobDone> {
        let moving = step.moving().clone();
        let mut blob = step.blob;
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
        let size = Arc::new(AtomicU64::new(blob.size));
        let mut body = match step.content {
            Content::Made(bytes) => BlobBody::of_bytes(bytes),
            Content::Inflated(stored) => {
                let stored = self.body(&stored, source_failed.clone(), resumed_from.clone());
                inflated(stored, &blob.digest, size.clone())
            }
            Content::Source => self.body(&blob, source_failed.clone(), resumed_from.clone()),
        };
        body.anew = self.anew;
        let mut stored = self.destination.put_blob(&blob, body.clone()).await;
        if let Err(e) = &stored
            && is_spliced(e)
        {
            // B12: the answers of a resumed download did not fit together; one clean read from the start.
            tracing::debug!("{e}; reading it once more from its start");
            stored = self.destination.put_blob(&blob, body).await;
        }
        let outcome = match &stored {
            Ok(Stored::Written) => BlobOutcome::Copied,
            Ok(Stored::Present) => BlobOutcome::Present,
            Ok(Stored::Mounted) => BlobOutcome::Mounted,
            Err(_) => BlobOutcome::Failed,
        };
        self.progress.done(&moving, outcome);
        blob.size = size.load(Ordering::Relaxed);
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
