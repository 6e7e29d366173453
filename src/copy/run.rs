//! Carrying a plan out, from its first note to its report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::engine::Work;
use super::expect::coming;
use super::expect::found_in;
use super::manifests::Written;
use super::options::{CopyOptions, Platforms};
use super::progress::Progress;
use super::shared::writing;
use super::shared_source::Reader;
use super::signatures;
use super::types::{CopyPlan, CopyReport, Signatures};
use crate::image::Digest;
use crate::image::platform::ZSTD;
use crate::transport::codec::Cores;
use crate::transport::{Destination, PlannedBlob, Presence, Source};
use crate::{Error, Result};

/// Carries `plan` out and makes the result durable.
pub async fn run(
    plan: CopyPlan,
    source: Arc<dyn Source>,
    destination: Arc<dyn Destination>,
    want: &CopyOptions,
    progress: Arc<dyn Progress>,
) -> Result<CopyReport> {
    run_over(plan, source, destination, want, progress, None).await
}

/// As [`run`]; `reader` is the source where other copies read it too.
pub(super) async fn run_over(
    plan: CopyPlan,
    source: Arc<dyn Source>,
    destination: Arc<dyn Destination>,
    want: &CopyOptions,
    progress: Arc<dyn Progress>,
    reader: Option<Reader>,
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
        attached: Vec::new(),
        notes: [&plan.notes[..], &plan.losses].concat(),
        requests: BTreeMap::new(),
        duration: Duration::ZERO,
    };
    plan.notes.iter().for_each(|note| progress.note(note));
    plan.losses.iter().for_each(|loss| tracing::warn!("{loss}"));
    let mut signatures = plan.signatures.clone();
    if !plan.is_done() {
        let moved = Arc::new(AtomicU64::new(0));
        let found_in = found_in(&*source, want);
        let work = Work {
            source: source.clone(),
            destination: destination.clone(),
            progress,
            moved: moved.clone(),
            found_in,
            locations: want.locations.clone(),
            cores: Cores::all(),
            anew: false,
            rehash: want.rehash,
            recheck: want.recheck,
            upgrade: plan.upgrade.clone(),
            whole_index: matches!(want.platforms, Platforms::All { sparse: false })
                && plan.manifests.len() > 1,
            elsewhere: want.elsewhere.clone(),
            reader,
        };
        let moving = plan.blobs.iter();
        let moving = moving.filter(|step| step.presence != Presence::Present);
        let coming: Vec<PlannedBlob> = moving.map(coming).collect();
        destination.begin(&coming).await.map_err(writing)?;
        report.blobs = work.blobs(&plan.blobs, want.parallel).await?;
        let written = match &plan.upgrade {
            _ if plan.up_to_date.is_some() => Written::default(),
            Some(upgrade) => work.upgraded(&**upgrade, &mut report.blobs).await?,
            None => work.manifests(&plan, &mut report.blobs, want).await?,
        };
        written
            .notes
            .iter()
            .for_each(|note| work.progress.note(note));
        report.notes.extend(written.notes);
        if plan.up_to_date.is_none() {
            signatures = signatures::of_written(signatures, &written.digests);
        }
        if let Some(signing) = &want.signing {
            let made = signatures::sign(&mut signatures, signing, &written.digests, &*destination);
            made.await.map_err(writing)?;
        }
        report.manifests = written.digests;
        work.resolve_deferred(&mut report.blobs, &written.said.deferred);
        if let Some(last) = report.manifests.last_mut() {
            if let Some(filed) = written.said.filed_as.filter(|filed| filed != last) {
                let note = format!("the registry has `{last}` as `{filed}`");
                work.progress.note(&note);
                report.notes.push(note);
                *last = filed;
            }
            report.digest = last.clone();
        }
        describe(&plan, &report.digest, &*source, &*destination);
        match kept(&plan, &report.manifests) {
            true => report.attached = work.attached(&plan, &mut report.blobs, want).await?,
            false => {
                let note = "what is attached to the image was left behind: its digest changed";
                work.progress.note(note);
                report.notes.push(note.to_owned());
            }
        }
        report.bytes = moved.load(Ordering::Relaxed);
    }
    for Signatures { at, digest, bytes } in &signatures {
        let written = destination.put_signatures(at, digest, bytes).await;
        written.map_err(writing)?;
    }
    destination.finish().await.map_err(writing)?;
    let sides = source.requests().into_iter().chain(destination.requests());
    for (host, count) in sides.chain(want.elsewhere.requests()) {
        *report.requests.entry(host).or_default() += count;
    }
    report.duration = started.elapsed();
    Ok(report)
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
