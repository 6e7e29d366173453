//! The engine: carries a plan out. Blobs move side by side, largest first, with lanes kept for small ones; then
//! the manifests, children before parents; then the destination is finished. The first failure stops the rest.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::task::JoinSet;

use super::Platforms;
use super::adaptive_limit::AdaptiveLimit;
use super::codec::{self, Cores};
use super::finalize::{Completed, Finalizer};
use super::options::CopyOptions;
use super::progress::Progress;
use super::shared::{is_elsewhere, reading, with_sparse, writing};
use super::types::BlobDone;
use super::types::BlobStep;
use super::types::{Awaits, Content, CopyPlan, Recoded};
use crate::image::{Descriptor, Digest, Repository};
use crate::transport::Upgrade;
use crate::transport::{
    BlobBody, BlobOutcome, BlobStream, Destination, Elsewhere, ManifestRef, ManifestWritten,
    Presence, Source, is_resume_mismatch, missing_blobs,
};
use crate::{Error, Kind, Result};

/// From this size on a blob takes one of the few lanes for large ones.
const LARGE: u64 = 4 << 20;
const LARGE_LANES: usize = 4;
const SMALL_LANES: usize = 16;
/// The same where a host is far away: a small blob takes little more than the way there and back, however many go
/// side by side.
const FAR_LANES: usize = 48;
/// From this time between request and answer on a host is far away.
const FAR: Duration = Duration::from_millis(30);
/// Layers in other forms that are under way at once: one compression keeps all cores busy, inflating one core.
/// More would only take memory.
const RECODING_LANES: usize = 4;
/// Manifests of one level that are written at once.
const MANIFESTS_IN_FLIGHT: usize = 16;

/// What to try where a registry misses foreign layers of `plan`, as it said by `e`.
fn foreign_hint(plan: &CopyPlan, e: &Error) -> Option<&'static str> {
    let missing = missing_blobs(e)?;
    let sent = |d: &Digest| {
        let mut blobs = plan.blobs.iter().map(|step| &step.blob);
        blobs.any(|blob| blob.digest == *d && is_elsewhere(blob))
    };
    let left = missing.iter().any(|d| plan.left.contains(d));
    match e.kind() {
        Kind::Refused if left => {
            Some("this registry wants foreign layers too: add `--allow-nondistributable`")
        }
        // Distribution answers so, and with 500, to URLs that its settings do not allow; the layers do not help.
        _ if left || missing.iter().any(sent) => Some(
            "the registry may not allow the URLs of foreign layers; by way of a `docker-archive:` they become layers of the image's own",
        ),
        _ => None,
    }
}

/// `e` as a refusal with a hint, if the destination misses images that `plan` leaves out of an index kept as it is.
fn sparse_refused(plan: &CopyPlan, want: &CopyOptions, e: Error) -> Error {
    let sparse = match want.platforms {
        Platforms::All { sparse } | Platforms::Some { sparse, .. } => sparse,
        Platforms::One(_) => false,
        Platforms::IndexOnly => true,
    };
    let planned = |d: &Digest| {
        plan.manifests.iter().any(|m| m.manifest.is(d))
            || plan.blobs.iter().any(|step| step.blob.digest == *d)
    };
    let left_out = |missing: Vec<Digest>| missing.is_empty() || missing.iter().any(|d| !planned(d));
    if !sparse || !missing_blobs(&e).is_some_and(left_out) {
        return e;
    }
    Error::new(
        Kind::Refused,
        "the destination takes no index whose images are not all there",
    )
    .because(e)
    .hint("name the images with `--platform OS/ARCH,OS/ARCH`, without `--sparse`: that writes an index of those alone, with another digest")
}

/// The steps of blobs that were not sent because the destination has them, as it said: those of `missing`, or
/// all when that names none.
fn unsure(plan: &CopyPlan, done: &[BlobDone], missing: &[Digest]) -> Vec<BlobStep> {
    let believed = |step: &&BlobStep| {
        let digest = &step.blob.digest;
        let mut done = done.iter();
        (missing.is_empty() || missing.contains(digest))
            && !matches!(step.content, Content::Recoded(_))
            && done.any(|d| {
                d.blob.digest == *digest
                    && matches!(d.outcome, BlobOutcome::Present | BlobOutcome::Mounted)
            })
    };
    let steps = plan.blobs.iter().filter(believed).cloned();
    let ask = |mut step: BlobStep| {
        step.presence = Presence::AskedOnWrite;
        step
    };
    steps.map(ask).collect()
}

/// Manifests that were written.
#[derive(Default)]
pub(super) struct Written {
    /// Children before parents.
    pub(super) digests: Vec<Digest>,
    /// Notes on manifests that differ from the source's.
    pub(super) notes: Vec<String>,
    /// What the destination said of them.
    pub(super) said: ManifestWritten,
}

/// Writes the manifests, completed with the digests and sizes of the blobs that were written.
async fn write_manifests(
    plan: &CopyPlan,
    done: &[BlobDone],
    destination: &dyn Destination,
) -> Result<Written> {
    let mut finalizer = Finalizer::new(done);
    let mut written = Written::default();
    for level in plan.manifests.chunk_by(|a, b| a.level == b.level) {
        let completed: Vec<Completed> = level
            .iter()
            .map(|step| finalizer.completed(step))
            .collect::<Result<_>>()?;
        let writes: Vec<_> = completed
            .iter()
            .map(|c| destination.put_manifest(&c.manifest, &c.at))
            .collect();
        let said: Vec<ManifestWritten> = stream::iter(writes)
            .buffer_unordered(MANIFESTS_IN_FLIGHT)
            .try_collect()
            .await?;
        for said in said {
            // Only the manifest that the destination's name stands for is filed.
            written.said.filed_as = written.said.filed_as.or(said.filed_as);
            written.said.deferred.extend(said.deferred);
        }
        for (step, Completed { manifest, .. }) in level.iter().zip(&completed) {
            finalizer.wrote(step, manifest);
            if step.awaits != Awaits::Nothing && step.was != *manifest.digest() {
                let why = step.change.as_deref().unwrap_or("the manifest was changed");
                let (old, new) = (&step.was, manifest.digest());
                let note = format!("{why}: digest changed from {old} to {new}");
                written.notes.push(note);
            }
            written.digests.push(manifest.digest().clone());
        }
    }
    Ok(written)
}

/// What all blob tasks share.
#[derive(Clone)]
pub(super) struct Work {
    pub(super) source: Arc<dyn Source>,
    pub(super) destination: Arc<dyn Destination>,
    pub(super) progress: Arc<dyn Progress>,
    pub(super) moved: Arc<AtomicU64>,
    /// Repositories in which the blobs are known to be.
    pub(super) found_in: Vec<Repository>,
    pub(super) cores: Cores,
    /// Blobs are sent whatever the destination says to have.
    pub(super) anew: bool,
    /// Blobs are hashed here whoever else does.
    pub(super) rehash: bool,
    /// Blobs that were not there when the plan looked are written even where a file has their name: its bytes are wrong.
    pub(super) recheck: bool,
    /// Learns the plain digests of the layers of a schema 1 image.
    pub(super) upgrade: Option<Arc<dyn Upgrade>>,
    /// All images of an index are copied.
    pub(super) whole_index: bool,
    /// Fetches foreign layers that the source does not have.
    pub(super) elsewhere: Arc<Elsewhere>,
}

impl Work {
    fn anew(&self) -> Work {
        Work {
            anew: true,
            ..self.clone()
        }
    }

    /// How often either side has asked to slow down.
    fn pressure(&self) -> u64 {
        self.source.pressure() + self.destination.pressure()
    }

    /// How many small blobs move side by side.
    fn small_lanes(&self) -> usize {
        let ways = [self.source.round_trip(), self.destination.round_trip()];
        match ways.into_iter().flatten().max() {
            Some(way) if way >= FAR => FAR_LANES,
            _ => SMALL_LANES,
        }
    }

    /// Writes config and manifest of the modern image that `upgrade` made of the layers it saw.
    pub(super) async fn upgraded(
        &self,
        upgrade: &dyn Upgrade,
        done: &mut Vec<BlobDone>,
    ) -> Result<Written> {
        let (manifest, config, bytes) = upgrade.made()?;
        let write = async {
            let body = BlobBody::of_bytes(bytes);
            let outcome = self.destination.put_blob(&config, body).await?;
            let said = self
                .destination
                .put_manifest(&manifest, &ManifestRef::Named);
            Ok((outcome, said.await?))
        };
        let (outcome, said) = write.await.map_err(writing)?;
        done.push(BlobDone {
            blob: config,
            outcome,
            resumed_from: 0,
            recoded: None,
        });
        Ok(Written {
            digests: vec![manifest.digest().clone()],
            notes: Vec::new(),
            said,
        })
    }

    /// Gives the blobs that were deferred until the manifest their outcomes, as the destination said them.
    pub(super) fn resolve_deferred(
        &self,
        done: &mut [BlobDone],
        said: &HashMap<Digest, BlobOutcome>,
    ) {
        let deferred = |done: &&mut BlobDone| done.outcome == BlobOutcome::Deferred;
        for done in done.iter_mut().filter(deferred) {
            let outcome = said.get(&done.blob.digest).copied();
            done.outcome = outcome.unwrap_or(BlobOutcome::Written);
            self.progress.done(done.moved(), done.outcome);
        }
    }

    /// Writes the manifests in their own formats.
    ///
    /// X6: where the destination said that it had blobs which it has not, those that it names are sent; as some
    /// name one at a time, the second time it is all.
    pub(super) async fn manifests_of(
        &self,
        plan: &CopyPlan,
        done: &mut Vec<BlobDone>,
        want: &CopyOptions,
    ) -> Result<Written> {
        let destination = &*self.destination;
        let mut written = write_manifests(plan, done, destination).await;
        for named in [true, false] {
            let Some(missing) = written.as_ref().err().and_then(missing_blobs) else {
                break;
            };
            let missing = if named { missing } else { Vec::new() };
            let again = unsure(plan, done, &missing);
            if again.is_empty() || self.source.repository() == destination.repository() {
                break;
            }
            tracing::debug!("the destination lacks blobs that it said to have; sending them");
            let sent = self.anew().blobs(&again, want.parallel).await?;
            done.retain(|d| sent.iter().all(|s| s.blob.digest != d.blob.digest));
            done.extend(sent);
            written = write_manifests(plan, done, destination).await;
        }
        written.map_err(|e| {
            let hint = foreign_hint(plan, &e);
            let e = writing(sparse_refused(plan, want, e));
            match hint {
                Some(hint) => e.hint(hint),
                None => e,
            }
        })
    }

    pub(super) async fn blobs(
        &self,
        steps: &[BlobStep],
        parallel: Option<usize>,
    ) -> Result<Vec<BlobDone>> {
        let to_move = steps.iter().filter(|s| s.presence != Presence::Present);
        self.progress.plan(
            to_move.clone().count(),
            // Sizes are what a manifest says.
            to_move.fold(0, |all, s| all.saturating_add(s.moving().size)),
        );
        let large = AdaptiveLimit::new(parallel.unwrap_or(LARGE_LANES));
        let small = match parallel {
            Some(_) => large.clone(),
            None => AdaptiveLimit::new(self.small_lanes()),
        };
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let recoding = match parallel {
            Some(_) => large.clone(),
            None => AdaptiveLimit::new(cores.min(RECODING_LANES)),
        };
        let mut order: Vec<&BlobStep> = steps.iter().collect();
        // Recoded layers go in the order of the image: each gets its place when the one before it is done.
        order.sort_by_key(|s| match s.content {
            Content::Recoded(_) => std::cmp::Reverse(u64::MAX),
            Content::Source | Content::Made(_) => std::cmp::Reverse(s.blob.size),
        });
        let mut tasks = JoinSet::new();
        for step in order {
            let lane = match &step.content {
                Content::Recoded(_) => recoding.clone(),
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
        let BlobStep {
            mut blob,
            content,
            urls,
            presence,
            ..
        } = step;
        let urls: Arc<[String]> = urls.into();
        if presence == Presence::Present {
            self.completed(&blob).await?;
            self.progress.done(&blob, BlobOutcome::Present);
            return Ok(BlobDone {
                blob,
                outcome: BlobOutcome::Present,
                resumed_from: 0,
                recoded: None,
            });
        }
        let (source_failed, resumed_from) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (mut body, recoded) = match content {
            Content::Made(bytes) => (BlobBody::of_bytes(bytes), None),
            Content::Source => {
                let body = self.body(&blob, &urls, source_failed.clone(), resumed_from.clone());
                let body = match &self.upgrade {
                    Some(upgrade) => upgrade.clone().watched(&blob, body),
                    None => body,
                };
                (body, None)
            }
            Content::Recoded(recoded) => {
                let from = self.body(
                    &recoded.from,
                    &urls,
                    source_failed.clone(),
                    resumed_from.clone(),
                );
                let body = recoding(from, &recoded, self.cores.clone());
                (body, Some(recoded))
            }
        };
        body.anew = self.anew || (self.recheck && presence == Presence::Absent);
        let put = async |blob: &mut Descriptor| {
            if recoded.is_none() {
                return self.destination.put_blob(blob, body.clone()).await;
            }
            let written = self.destination.put_stream(blob, body.clone()).await?;
            blob.digest = written.digest;
            blob.size = written.size;
            Ok(written.outcome)
        };
        let mut put_as = put(&mut blob).await;
        if let Err(e) = &put_as
            && is_resume_mismatch(e)
        {
            // B12: the answers of a resumed download did not fit together; one clean read from the start.
            tracing::debug!("{e}; reading it once more from its start");
            put_as = put(&mut blob).await;
        }
        match &put_as {
            Ok(outcome) => {
                self.completed(&blob).await?;
                if *outcome != BlobOutcome::Deferred {
                    self.progress.done(&moving, *outcome);
                }
            }
            Err(_) => self.progress.failed(&moving),
        }
        match put_as {
            Ok(outcome) => Ok(BlobDone {
                blob,
                outcome,
                resumed_from: resumed_from.load(Ordering::Relaxed),
                recoded,
            }),
            Err(e) if source_failed.load(Ordering::Relaxed) => {
                let e = match self.whole_index && e.advice().is_none() {
                    true => with_sparse(&*self.source, e),
                    false => e,
                };
                Err(reading(e))
            }
            Err(e) => Err(writing(e)),
        }
    }

    /// Reads the layer `blob` for its plain digest where that is needed and its bytes did not pass.
    async fn completed(&self, blob: &Descriptor) -> Result<()> {
        if let Some(upgrade) = &self.upgrade {
            let read = upgrade.complete(&*self.source, blob).await;
            let read = read.map_err(reading)?;
            self.moved.fetch_add(read, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The blob's bytes from the source, counted and reported as they pass.
    fn body(
        &self,
        blob: &Descriptor,
        urls: &Arc<[String]>,
        failed: Arc<AtomicBool>,
        resumed_from: Arc<AtomicU64>,
    ) -> BlobBody {
        let (work, wanted, urls) = (self.clone(), blob.clone(), urls.clone());
        let open = Arc::new(move |from, unhashed| {
            let (work, blob, failed) = (work.clone(), wanted.clone(), failed.clone());
            let urls = urls.clone();
            resumed_from.store(from, Ordering::Relaxed);
            let opening: BoxFuture<'static, Result<BlobStream>> = Box::pin(async move {
                let opened = match unhashed && urls.is_empty() {
                    true => work.source.blob_unhashed(&blob, from).await,
                    false => {
                        let source = &*work.source;
                        work.elsewhere.blob(source, &blob, &urls, from).await
                    }
                };
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
            });
            opening
        });
        let hashed = open.clone();
        let mut body = BlobBody::new(move |from| hashed(from, false));
        if !self.rehash {
            body = body.or_unhashed(move |from| open(from, true));
        }
        body.found_in = self.found_in.clone();
        body
    }
}

/// `from` in the form of `recoded`. It can be had from its beginning only.
fn recoding(from: BlobBody, recoded: &Recoded, cores: Cores) -> BlobBody {
    let (diff_id, into) = (recoded.diff_id.clone(), recoded.into);
    BlobBody::new(move |offset| {
        let (from, diff_id, cores) = (from.clone(), diff_id.clone(), cores.clone());
        Box::pin(async move {
            if offset > 0 {
                return Err(Error::other("a layer in another form cannot be continued"));
            }
            let plain = codec::inflated(from.open(0).await?, &diff_id);
            Ok(match into {
                Some(codec) => codec::compressed(plain, codec, &cores),
                None => plain,
            })
        })
    })
}
