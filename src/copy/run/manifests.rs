//! Writes the manifests of a plan: those of the image, children before parents, and then what is attached to it.
//!
//! The engine has written the blobs before. If the destination misses some of them nevertheless, they are sent once more. A
//! manifest is completed here with the digests and sizes that are known only once its layers or children are written.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::engine::Work;
use crate::copy::options::{CopyOptions, Platforms};
use crate::copy::types::{
    AttachedDone, Awaits, BlobDone, BlobStep, Content, CopyPlan, ManifestStep,
};
use crate::copy::writing;
use crate::image::{Descriptor, Digest, Manifest, View, convert, index};
use crate::transport::{
    BlobBody, BlobOutcome, Destination, ManifestRef, ManifestWritten, Presence, Upgrade,
    missing_blobs,
};
use crate::{Error, Kind, Result};

/// X7: distribution rewrites the file of a blob or manifest that another client sends again, and knows nothing of it for a moment.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];
/// Manifests of one level that are written at once.
const MANIFESTS_IN_FLIGHT: usize = 16;

/// A hint for the error `e` of a registry that misses foreign layers of `plan`.
fn foreign_hint(plan: &CopyPlan, e: &Error) -> Option<&'static str> {
    let missing = missing_blobs(e)?;
    let sent = |d: &Digest| {
        let mut blobs = plan.blobs.iter().map(|step| &step.blob);
        blobs.any(|blob| blob.digest == *d && !blob.foreign_urls().is_empty())
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
    Error::refused("the destination takes no index whose images are not all there",
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

/// Whether all of `missing` are blobs that were sent, by this copy or one beside it, or manifests of `plan`, so that the
/// destination should have them.
fn were_written(plan: &CopyPlan, done: &[BlobDone], missing: &[Digest]) -> bool {
    let sent = |digest: &Digest| {
        let mut done = done.iter();
        let mut manifests = plan.manifests.iter();
        let is_sent = |d: &BlobDone| d.outcome == BlobOutcome::Written || d.recoded.is_some();
        done.any(|d| d.blob.digest == *digest && is_sent(d))
            || manifests.any(|m| m.manifest.digest() == digest)
    };
    !missing.is_empty() && missing.iter().all(sent)
}

/// Manifests that were written.
#[derive(Default)]
pub(super) struct Written {
    /// Children before parents.
    pub(super) digests: Vec<Digest>,
    /// Notes on manifests that differ from the source's.
    pub(super) notes: Vec<String>,
    /// The destination's answer to them.
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

/// Writes what is attached to the image, parts of an index before it.
async fn write_attached(plan: &CopyPlan, destination: &dyn Destination) -> Result<()> {
    let Some(store) = destination.offers().attachments else {
        return Ok(());
    };
    for level in plan.attached.chunk_by(|a, b| a.level == b.level) {
        let writes = level.iter().map(|step| async move {
            let digest = step.manifest.digest();
            let written = match &step.how {
                Some(how) => store.attach(&step.manifest, how).await,
                None => {
                    let at = ManifestRef::Digest(digest.clone());
                    let written = destination.put_manifest(&step.manifest, &at);
                    written.await.map(drop)
                }
            };
            let kind = step.entry.artifact_type.as_ref();
            let kind = kind.unwrap_or(step.manifest.media_type());
            written.map_err(|e| {
                e.context(format!(
                    "attaching `{digest}` ({kind}) to `{}`",
                    step.subject
                ))
            })
        });
        stream::iter(writes.collect::<Vec<_>>())
            .buffer_unordered(MANIFESTS_IN_FLIGHT)
            .try_collect::<()>()
            .await?;
    }
    Ok(())
}

/// Manifests of a plan.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Image,
    Attached,
}

impl Part {
    async fn write(
        self,
        plan: &CopyPlan,
        done: &[BlobDone],
        destination: &dyn Destination,
    ) -> Result<Written> {
        match self {
            Part::Image => write_manifests(plan, done, destination).await,
            Part::Attached => {
                let written = write_attached(plan, destination).await;
                written.map(|()| Written::default())
            }
        }
    }
}

impl Work {
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
        if outcome == BlobOutcome::Written {
            self.moved.fetch_add(config.size, Ordering::Relaxed);
        }
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

    /// Writes what is attached to the image, which is there.
    pub(super) async fn attached(
        &self,
        plan: &CopyPlan,
        done: &mut Vec<BlobDone>,
    ) -> Result<Vec<AttachedDone>> {
        let written = self.written(Part::Attached, plan, done).await;
        written.map_err(|e| {
            e.hint("the image itself was copied; run the same command again for what belongs to it")
        })?;
        let found = plan.attached.iter().filter_map(|step| {
            Some(AttachedDone {
                entry: step.entry.clone(),
                subject: step.subject.clone(),
                how: step.how.clone()?,
            })
        });
        Ok(found.collect())
    }

    /// Writes the manifests in their own formats.
    ///
    /// X6: where the destination said that it had blobs which it has not, those that it names are sent; as some
    /// name one at a time, the second time it is all.
    pub(super) async fn written(
        &self,
        part: Part,
        plan: &CopyPlan,
        done: &mut Vec<BlobDone>,
    ) -> Result<Written> {
        let destination = &*self.destination;
        let mut written = part.write(plan, done, destination).await;
        for pause in PAUSES {
            let missing = written.as_ref().err().and_then(missing_blobs);
            if !missing.is_some_and(|missing| were_written(plan, done, &missing)) {
                break;
            }
            tracing::debug!("the destination lacks what was just written; asking once more");
            tokio::time::sleep(pause).await;
            written = part.write(plan, done, destination).await;
        }
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
            let sent = self.sending_all().blobs(&again).await?;
            done.retain(|d| sent.iter().all(|s| s.blob.digest != d.blob.digest));
            done.extend(sent);
            written = part.write(plan, done, destination).await;
        }
        written.map_err(|e| {
            let hint = foreign_hint(plan, &e);
            let e = writing(sparse_refused(plan, &self.options, e));
            match hint {
                Some(hint) => e.hint(hint),
                None => e,
            }
        })
    }
}

/// A manifest that is ready to be written.
pub(super) struct Completed {
    pub(super) manifest: Manifest,
    pub(super) at: ManifestRef,
}

/// The blobs and manifests that have been written so far.
pub(super) struct Finalizer<'a> {
    blobs: HashMap<(Digest, bool), &'a BlobDone>,
    /// Manifests that were written with other digests than the planned ones.
    manifests: HashMap<Digest, Descriptor>,
}

impl<'a> Finalizer<'a> {
    /// The blobs are `done`, no manifest is.
    pub(super) fn new(done: &'a [BlobDone]) -> Finalizer<'a> {
        Finalizer {
            blobs: done.iter().map(|done| (done.planned(), done)).collect(),
            manifests: HashMap::new(),
        }
    }

    /// The manifest of `step`, all of whose blobs and children are written.
    pub(super) fn completed(&self, step: &ManifestStep) -> Result<Completed> {
        let manifest = match step.awaits {
            Awaits::Nothing => step.manifest.clone(),
            Awaits::Layers => self.over_written_layers(&step.manifest)?,
            Awaits::Children => index::rewrite(&step.manifest, |entry| {
                Some(index::replaced(entry, &self.manifests))
            })?,
        };
        let at = match &step.at {
            ManifestRef::Named => ManifestRef::Named,
            ManifestRef::Digest(_) => ManifestRef::Digest(manifest.digest().clone()),
        };
        Ok(Completed { manifest, at })
    }

    /// Hears that the manifest of `step` was written as `manifest`.
    pub(super) fn wrote(&mut self, step: &ManifestStep, manifest: &Manifest) {
        if step.manifest.digest() != manifest.digest() {
            let now = index::entry_of(manifest);
            self.manifests.insert(step.manifest.digest().clone(), now);
        }
    }

    fn over_written_layers(&self, manifest: &Manifest) -> Result<Manifest> {
        let View::Image(image) = manifest.view()? else {
            return Ok(manifest.clone());
        };
        let mut layers = image.layers;
        for layer in &mut layers {
            let written = [true, false]
                .into_iter()
                .find_map(|late| self.blobs.get(&(layer.digest.clone(), late)));
            if let Some(written) = written {
                layer.digest = written.blob.digest.clone();
                layer.size = written.blob.size;
            }
        }
        Ok(convert::with_layers(manifest, &layers)?)
    }
}
