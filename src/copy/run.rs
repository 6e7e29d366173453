//! Carrying out a planned copy, from its first note to its report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::engine::Work;
use super::expect::{coming, found_in};
use super::manifests::Written;
use super::options::Platforms;
use super::plan::PlannedCopy;
use super::progress::Progress;
use super::shared::writing;
use super::signatures;
use super::types::{CopyPlan, CopyReport, Signatures};
use crate::image::Digest;
use crate::image::platform::ZSTD;
use crate::transport::codec::Cores;
use crate::transport::{Destination, PlannedBlob, Presence, Source};
use crate::{Error, Result};

impl PlannedCopy {
    /// Carries the copy out and makes the result durable. Reports what happens meanwhile to `progress`.
    ///
    /// # Errors
    /// Those of either side; they say which of the two failed. What was written stays, so that the same copy continues.
    pub async fn run(self, progress: Arc<dyn Progress>) -> Result<CopyReport> {
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
            false => self.write(&mut report, progress).await?,
        };
        for Signatures { at, digest, bytes } in &signatures {
            let written = self.destination.put_signatures(at, digest, bytes).await;
            written.map_err(writing)?;
        }
        self.destination.finish().await.map_err(writing)?;
        let (source, destination) = (self.source.requests(), self.destination.requests());
        let sent = source.into_iter().chain(destination);
        for (host, count) in sent.chain(options.elsewhere.requests()) {
            *report.requests.entry(host).or_default() += count;
        }
        report.passed_over = self.source.passed_over();
        report.duration = started.elapsed();
        Ok(report)
    }

    /// Writes the blobs, the manifests, and what is attached to them. Returns the signatures that belong to what was
    /// written.
    async fn write(
        &self,
        report: &mut CopyReport,
        progress: Arc<dyn Progress>,
    ) -> Result<Vec<Signatures>> {
        let (plan, options, destination) = (&self.plan, &self.options, &*self.destination);
        let work = self.work(progress);
        let moving = plan.blobs.iter();
        let moving = moving.filter(|step| step.presence != Presence::Present);
        let coming: Vec<PlannedBlob> = moving.map(coming).collect();
        destination.begin(&coming).await.map_err(writing)?;
        report.blobs = work.blobs(&plan.blobs, options.parallel).await?;
        let written = match &self.upgrade {
            _ if plan.up_to_date.is_some() => Written::default(),
            Some(upgrade) => work.upgraded(&**upgrade, &mut report.blobs).await?,
            None => work.manifests(plan, &mut report.blobs, options).await?,
        };
        let mut note = |note: String| {
            work.progress.note(&note);
            report.notes.push(note);
        };
        written.notes.into_iter().for_each(&mut note);
        let mut signatures = plan.signatures.clone();
        if plan.up_to_date.is_none() {
            signatures = signatures::of_written(signatures, &written.digests);
        }
        if let Some(signing) = &options.signing {
            let made = signatures::sign(&mut signatures, signing, &written.digests, destination);
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
            report.attached = work.attached(plan, &mut report.blobs, options).await?;
        } else {
            let left = "what is attached to the image was left behind: its digest changed";
            note(left.to_owned());
        }
        report.bytes = work.moved.load(Ordering::Relaxed);
        Ok(signatures)
    }

    /// What the tasks of the engine share.
    fn work(&self, progress: Arc<dyn Progress>) -> Work {
        let (plan, options) = (&self.plan, &self.options);
        Work {
            source: self.source.clone(),
            destination: self.destination.clone(),
            progress,
            moved: Arc::new(AtomicU64::new(0)),
            found_in: found_in(&*self.source, options),
            locations: options.locations.clone(),
            cores: Cores::all(),
            send_all: false,
            rehash: options.rehash,
            recheck: options.recheck,
            upgrade: self.upgrade.clone(),
            whole_index: matches!(options.platforms, Platforms::All { sparse: false })
                && plan.manifests.len() > 1,
            elsewhere: options.elsewhere.clone(),
            reader: self.reader.clone(),
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
