//! Carries out a planned copy, from its first note to its report, and copies of one source to several destinations.

mod engine;
mod fallback;
mod lanes;
mod manifests;
mod shared_source;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::options::{CopyOptions, Platforms};
use super::plan::{PlannedCopy, coming, found_in, noticed, of_written, plan, sign};
use super::types::{CopyPlan, CopyReport, Progress, Signatures};
use super::writing;
use futures_util::future::{FusedFuture, FutureExt, join_all};

use crate::image::Digest;
use crate::image::platform::ZSTD;
use crate::transport::codec::Cores;
use crate::transport::{Destination, PlannedBlob, Presence, Source};
use crate::{Error, Result};
use engine::Work;
use manifests::Written;
use shared_source::{Reader, SharedSource};

impl PlannedCopy {
    /// Carries the copy out and makes the result durable. Reports what happens meanwhile to `progress`.
    ///
    /// # Errors
    /// Those of either side; they say which of the two failed. What was written stays, so that the same copy continues.
    pub async fn run(self, progress: Arc<dyn Progress>) -> Result<CopyReport> {
        self.run_reading(progress, None).await
    }

    /// As [`PlannedCopy::run`], with the `reader` of a source that other copies read too.
    async fn run_reading(
        self,
        progress: Arc<dyn Progress>,
        reader: Option<Reader>,
    ) -> Result<CopyReport> {
        let started = Instant::now();
        let (plan, options) = (&self.plan, &self.options);
        let mut report = CopyReport {
            source: self.source.name(),
            destination: self.destination.name(),
            digest: root_digest(plan)?,
            up_to_date: plan.up_to_date.is_some(),
            blobs: Vec::new(),
            bytes: 0,
            manifests: Vec::new(),
            attached: Vec::new(),
            notes: [&plan.notes[..], &plan.losses].concat(),
            requests: BTreeMap::new(),
            passed_over: Vec::new(),
            duration: Duration::ZERO,
        };
        plan.notes.iter().for_each(|note| progress.note(note));
        plan.losses.iter().for_each(|loss| tracing::warn!("{loss}"));
        let signatures = match plan.is_done() {
            true => plan.signatures.clone(),
            false => {
                let writing = self.write(&mut report, progress.clone(), reader);
                let (signatures, left) = self.noticing(writing).await;
                left.iter().for_each(|note| progress.note(note));
                report.notes.extend(left);
                signatures?
            }
        };
        for Signatures { at, digest, bytes } in &signatures {
            let written = self.destination.put_signatures(at, digest, bytes).await;
            written.map_err(writing)?;
        }
        self.destination.finish().await.map_err(writing)?;
        let (source, destination) = (self.source.network(), self.destination.network());
        let sent = source.requests().into_iter().chain(destination.requests());
        for (host, count) in sent.chain(options.elsewhere.requests()) {
            *report.requests.entry(host).or_default() += count;
        }
        report.passed_over = source.passed_over();
        report.duration = started.elapsed();
        Ok(report)
    }

    /// What `writing` comes to, and the note on referrers that stay behind, if the source has said by then that there are any.
    async fn noticing<T>(&self, writing: impl Future<Output = T>) -> (T, Option<String>) {
        let asking = noticed(&self.plan, &*self.source, &*self.destination, &self.options);
        let asking = asking.fuse();
        let (mut writing, mut asking) = (pin!(writing), pin!(asking));
        let mut note = None;
        loop {
            tokio::select! {
                written = &mut writing => return (written, note),
                said = &mut asking, if !asking.is_terminated() => note = said,
            }
        }
    }

    /// Writes the blobs, the manifests, and what is attached to them. Returns the signatures that belong to what was
    /// written.
    async fn write(
        &self,
        report: &mut CopyReport,
        progress: Arc<dyn Progress>,
        reader: Option<Reader>,
    ) -> Result<Vec<Signatures>> {
        let (plan, options, destination) = (&self.plan, &self.options, &*self.destination);
        let work = self.work(progress, reader);
        let moving = plan.blobs.iter();
        let moving = moving.filter(|step| step.presence != Presence::Present);
        let coming: Vec<PlannedBlob> = moving.map(coming).collect();
        let begun = destination.begin(&coming, &report.digest);
        begun.await.map_err(writing)?;
        report.blobs = work.blobs(&plan.blobs).await?;
        let written = match &self.upgrade {
            _ if plan.up_to_date.is_some() => Written::default(),
            Some(upgrade) => work.upgraded(&**upgrade, &mut report.blobs).await?,
            None => work.manifests(plan, &mut report.blobs).await?,
        };
        let mut note = |note: String| {
            work.progress.note(&note);
            report.notes.push(note);
        };
        written.notes.into_iter().for_each(&mut note);
        let mut signatures = plan.signatures.clone();
        if plan.up_to_date.is_none() {
            signatures = of_written(signatures, &written.digests);
        }
        if let Some(signing) = &options.signing {
            let made = sign(&mut signatures, signing, &written.digests, destination);
            made.await.map_err(writing)?;
        }
        report.manifests = written.digests;
        work.resolve_deferred(&mut report.blobs, &written.said.deferred);
        if let Some(last) = report.manifests.last_mut() {
            if let Some(filed) = written.said.filed_as.filter(|filed| filed != last) {
                note(format!("the registry has `{last}` as `{filed}`"));
                *last = filed;
            }
            report.digest = last.clone();
        }
        describe(plan, &report.digest, &*self.source, destination);
        if kept(plan, &report.manifests) {
            report.attached = work.attached(plan, &mut report.blobs).await?;
        } else {
            let left = "what is attached to the image was left behind: its digest changed";
            note(left.to_owned());
        }
        report.bytes = work.moved.load(Ordering::Relaxed);
        Ok(signatures)
    }

    /// The state that the tasks of the engine share.
    fn work(&self, progress: Arc<dyn Progress>, reader: Option<Reader>) -> Work {
        let (plan, options) = (&self.plan, &self.options);
        Work {
            source: self.source.clone(),
            destination: self.destination.clone(),
            options: Arc::new(options.clone()),
            progress,
            moved: Arc::new(AtomicU64::new(0)),
            found_in: found_in(&*self.source, options),
            cores: Cores::all(),
            send_all: false,
            upgrade: self.upgrade.clone(),
            whole_index: matches!(options.platforms, Platforms::All { sparse: false })
                && plan.manifests.len() > 1,
            reader,
        }
    }
}

/// Whether the image that was `written` is the one that something is attached to.
fn kept(plan: &CopyPlan, written: &[Digest]) -> bool {
    let mut digests = plan.manifests.iter().map(|step| step.manifest.digest());
    plan.attached.is_empty() || plan.up_to_date.is_some() || digests.any(|d| written.contains(d))
}

/// Passes on how the source's index describes the image, which was written as `digest`.
fn describe(plan: &CopyPlan, digest: &Digest, source: &dyn Source, destination: &dyn Destination) {
    let was = plan.manifests.last().map(|step| &step.was);
    let Some(mut description) = was.and_then(|was| source.described(was)) else {
        return;
    };
    if description.digest != *digest
        && let Some(annotations) = &mut description.annotations
    {
        // It speaks of layers that may have another compression now.
        annotations.remove(ZSTD);
    }
    destination.describe(&description);
}

fn root_digest(plan: &CopyPlan) -> Result<Digest> {
    let last = plan.manifests.last().map(|m| m.manifest.digest());
    plan.up_to_date
        .as_ref()
        .or(last)
        .cloned()
        .ok_or_else(|| Error::other("the plan of the copy holds no manifest"))
}

/// Copies `source` to all of `destinations`, each with the listener for its progress. The source is read once: its manifests, and
/// the blobs that any destination lacks. The results are in the order of `destinations`; a destination that fails does not stop the
/// others, and a slow one holds them back by 2 MiB of a blob at most.
///
/// # Errors
/// Each copy has a result, as from [`PlannedCopy::run`]; the function itself does not fail.
pub async fn copy_to_all(
    source: Arc<dyn Source>,
    destinations: Vec<(Arc<dyn Destination>, Arc<dyn Progress>)>,
    want: &CopyOptions,
) -> Vec<Result<CopyReport>> {
    let shared = SharedSource::new(source, want.locations.clone());
    let plans = destinations.iter().enumerate();
    let plans = plans.map(|(copy, (destination, _))| {
        let reader = Arc::new(shared.reader(copy));
        plan(reader, destination.clone(), want.clone())
    });
    let plans = join_all(plans).await;
    for (copy, plan) in plans.iter().enumerate() {
        if let Ok(plan) = plan {
            shared.expect(copy, plan.plan());
        }
    }
    let copies = plans.into_iter().zip(destinations).enumerate();
    let copies = copies.map(|(copy, (plan, (_, progress)))| {
        let shared = &shared;
        async move {
            let done = match plan {
                Ok(planned) => {
                    planned
                        .run_reading(progress, Some(shared.reader(copy)))
                        .await
                }
                Err(e) => Err(e),
            };
            shared.ended(copy);
            done
        }
    });
    join_all(copies).await
}
