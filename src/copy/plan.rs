//! The plan of a copy, and the copy that is ready to run: which blobs the destination has and which have to move, and the
//! manifests in the order in which they are written.
//!
//! [`super::draw`] reads the image for it; here the destination is asked what it has.

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::attached;
use super::draw::draw;
use super::expect::{expect_blobs, expect_manifests, requests_so_far};
use super::graph::order;
use super::options::CopyOptions;
use super::shared::{is_elsewhere, writing};
use super::shared_source::Reader;
use super::signatures;
use super::types::{BlobStep, Content, CopyPlan, Node};
use super::verify::{Fault, narrow};
use crate::Result;
use crate::image::{Descriptor, Digest, Manifest};
use crate::transport::{BlobOutcome, Destination, Presence, Source, Upgrade};

/// Blobs that a destination is asked for at once.
const ASKED_AT_ONCE: usize = 16;

/// A copy that is planned: its two ends, what is asked of it, and the plan. [`PlannedCopy::run`] carries it out; until
/// then nothing is written.
pub struct PlannedCopy {
    pub(super) source: Arc<dyn Source>,
    pub(super) destination: Arc<dyn Destination>,
    pub(super) options: CopyOptions,
    pub(super) plan: CopyPlan,
    /// Makes a modern image of the schema 1 image of the plan.
    pub(super) upgrade: Option<Arc<dyn Upgrade>>,
    /// The source, where other copies read it too.
    pub(super) reader: Option<Reader>,
}

impl PlannedCopy {
    /// What the copy will do.
    pub fn plan(&self) -> &CopyPlan {
        &self.plan
    }

    /// What is asked of it.
    pub fn options(&self) -> &CopyOptions {
        &self.options
    }

    /// Where it reads.
    pub fn source(&self) -> &dyn Source {
        &*self.source
    }

    /// Where it writes.
    pub fn destination(&self) -> &dyn Destination {
        &*self.destination
    }

    /// Only what `faults` of the destination need; the copy is planned with [`CopyOptions::recheck`].
    pub fn repairs(mut self, faults: &[Fault]) -> PlannedCopy {
        narrow(&mut self.plan, faults, &*self.destination);
        self
    }
}

/// Plans the copy of `source` to `destination`. Reads manifests, and asks the destination for its current digest
/// at the same time; where that is the wanted one, the plan ends there.
///
/// # Errors
/// Those of either side; [`crate::Kind::Refused`] for what the destination cannot hold or `options` do not allow, and
/// [`crate::Kind::NotAllowed`] for an image that the policy refuses.
pub async fn plan(
    source: Arc<dyn Source>,
    destination: Arc<dyn Destination>,
    options: CopyOptions,
) -> Result<PlannedCopy> {
    let mut copy = PlannedCopy {
        source,
        destination,
        options,
        plan: CopyPlan::default(),
        upgrade: None,
        reader: None,
    };
    copy.draw().await?;
    Ok(copy)
}

/// As [`plan()`], of a source that other copies read too.
pub(super) async fn plan_with(
    reader: Reader,
    destination: Arc<dyn Destination>,
    options: CopyOptions,
) -> Result<PlannedCopy> {
    let mut copy = plan(Arc::new(reader.clone()), destination, options).await?;
    copy.reader = Some(reader);
    Ok(copy)
}

/// Plans to write `layers` of `source`, and then `manifest` as it is; its config and other blobs stay behind.
///
/// # Errors
/// Those of the destination.
pub async fn plan_layers(
    source: Arc<dyn Source>,
    destination: Arc<dyn Destination>,
    manifest: &Manifest,
    layers: Vec<Descriptor>,
    options: CopyOptions,
) -> Result<PlannedCopy> {
    let mut plan = CopyPlan::default();
    for blob in layers {
        let presence = destination.has(&blob).await;
        plan.blobs.push(BlobStep {
            urls: match is_elsewhere(&blob) {
                true => blob.urls.clone().unwrap_or_default(),
                false => Vec::new(),
            },
            blob,
            content: Content::Source,
            presence: presence.map_err(writing)?,
            expected: BlobOutcome::Written,
        });
    }
    plan.manifests = order(vec![Node::new(manifest.clone(), Vec::new(), Vec::new())])?;
    let current = destination.current().await.map_err(writing)?;
    let complete = plan.blobs.iter().all(|b| b.presence == Presence::Present);
    if complete && current.as_ref() == Some(manifest.digest()) {
        plan.up_to_date = current;
    }
    Ok(PlannedCopy {
        source,
        destination,
        options,
        plan,
        upgrade: None,
        reader: None,
    })
}

impl PlannedCopy {
    /// Fills in the plan.
    async fn draw(&mut self) -> Result<()> {
        let (source, destination) = (&*self.source, &*self.destination);
        let options = &self.options;
        let drawn = draw(source, destination, options).await?;
        let mut plan = drawn.plan;
        signatures::check_signing(destination, options).await?;
        if plan.up_to_date.is_none() || !options.attachments.skip_present {
            attached::add(&mut plan, &drawn.subjects, source, destination, options).await?;
        }
        // Before the destination is asked what it has: a copy does not ask, it writes.
        plan.requests = requests_so_far(source, destination);
        plan.read_ahead = source.read_ahead().read;
        if !plan.is_done() {
            if !drawn.is_retag {
                ask_for_blobs(&mut plan, destination, options).await?;
                expect_blobs(&mut plan, source, destination, options);
                if is_complete(&plan, drawn.current.as_ref(), destination, options) {
                    plan.up_to_date = drawn.current;
                }
            }
            expect_manifests(&mut plan, destination);
        }
        (self.plan, self.upgrade) = (plan, drawn.upgrade);
        Ok(())
    }
}

/// Whether a place that does not vouch for the blobs of a manifest has `current` and all that belongs to it.
fn is_complete(
    plan: &CopyPlan,
    current: Option<&Digest>,
    destination: &dyn Destination,
    options: &CopyOptions,
) -> bool {
    let [only] = &plan.manifests[..] else {
        return false;
    };
    let is_there = |step: &BlobStep| step.presence == Presence::Present;
    // Signatures are written without a look at those that are there.
    !destination.can().manifest_implies_blobs
        && !plan.upgrades
        && plan.signatures.is_empty()
        && plan.attached.is_empty()
        && options.signing.is_none()
        && plan.blobs.iter().all(is_there)
        && current == Some(only.manifest.digest())
}

/// Fills in which blobs of `plan` the destination has.
async fn ask_for_blobs(
    plan: &mut CopyPlan,
    destination: &dyn Destination,
    options: &CopyOptions,
) -> Result<()> {
    let steps = plan.blobs.iter();
    let asked: Vec<_> = steps.map(|step| ask(destination, step, options)).collect();
    let presences: Vec<Presence> = stream::iter(asked)
        .buffered(ASKED_AT_ONCE)
        .try_collect()
        .await?;
    for (step, presence) in plan.blobs.iter_mut().zip(presences) {
        step.presence = presence;
    }
    Ok(())
}

async fn ask(
    destination: &dyn Destination,
    step: &BlobStep,
    options: &CopyOptions,
) -> Result<Presence> {
    let blob = &step.blob;
    if step.recoded().is_some() {
        // A blob without a final digest or size cannot be looked up yet.
        return Ok(Presence::Absent);
    }
    let asked = async {
        let presence = match options.look {
            true => destination.look(blob).await?,
            false => destination.has(blob).await?,
        };
        Ok(match presence {
            Presence::Present if options.recheck && !destination.is_intact(blob).await? => {
                Presence::Absent
            }
            other => other,
        })
    };
    asked.await.map_err(writing)
}
