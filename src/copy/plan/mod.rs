//! The plan of a copy, and the copy that is ready to run: which blobs the destination has and which have to move, the
//! manifests in the order in which they are written, and the requests that all of it is expected to take.
//!
//! `draw` reads the image, and this file asks the destination what it has.

mod attached;
mod bundles;
mod draw;
mod graph;
mod notes;
mod signatures;

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::options::{CopyOptions, Sides};
use super::types::{BlobStep, Content, CopyPlan, Node, Requests};
use super::writing;
use crate::Result;
use crate::image::{Descriptor, Digest, Manifest, MediaType, Repository};
use crate::transport::{BlobOutcome, Destination, PlannedBlob, Presence, Source, Upgrade};
use draw::draw;

pub(super) use attached::{listed_at, noticed};
pub(super) use graph::{node, order, walk, whole};
pub(super) use signatures::{of_written, sign};

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
}

impl PlannedCopy {
    /// The plan that the copy carries out.
    pub fn plan(&self) -> &CopyPlan {
        &self.plan
    }

    /// The options that it was planned with.
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
    let sides = Sides {
        source: &*source,
        destination: &*destination,
        options: &options,
    };
    let (plan, upgrade) = planned(sides).await?;
    Ok(PlannedCopy {
        source,
        destination,
        options,
        plan,
        upgrade,
    })
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
            presence: presence.map_err(writing)?,
            ..BlobStep::new(blob, Content::Source)
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
    })
}

/// The plan, and what makes a modern image of a schema 1 image that it copies.
async fn planned(sides: Sides<'_>) -> Result<(CopyPlan, Option<Arc<dyn Upgrade>>)> {
    let drawn = draw(sides).await?;
    let mut plan = drawn.plan;
    signatures::check_signing(sides.destination, sides.options).await?;
    if plan.up_to_date.is_none() || !sides.options.attachments.skip_present {
        attached::add(&mut plan, &drawn.subjects, drawn.bundles, sides).await?;
    }
    // Before the destination is asked what it has: a copy does not ask, it writes.
    plan.requests = requests_so_far(sides);
    plan.read_ahead = sides.source.read_ahead().read;
    if !plan.is_done() {
        if !drawn.is_retag {
            ask_for_blobs(&mut plan, sides).await?;
            expect_blobs(&mut plan, sides);
            if is_complete(&plan, drawn.current.as_ref(), sides) {
                plan.up_to_date = drawn.current;
            }
        }
        expect_manifests(&mut plan, sides.destination);
    }
    Ok((plan, drawn.upgrade))
}

/// Whether a place that does not vouch for the blobs of a manifest has `current` and all that belongs to it.
fn is_complete(plan: &CopyPlan, current: Option<&Digest>, sides: Sides<'_>) -> bool {
    let [only] = &plan.manifests[..] else {
        return false;
    };
    let is_there = |step: &BlobStep| step.presence == Presence::Present;
    // Signatures are written without a look at those that are there.
    !sides.destination.can().manifest_implies_blobs
        && !plan.upgrades
        && plan.signatures.is_empty()
        && plan.attached.is_empty()
        && sides.options.signing.is_none()
        && plan.blobs.iter().all(is_there)
        && current == Some(only.manifest.digest())
}

/// Fills in which blobs of `plan` the destination has.
async fn ask_for_blobs(plan: &mut CopyPlan, sides: Sides<'_>) -> Result<()> {
    let asked: Vec<_> = plan.blobs.iter().map(|step| ask(step, sides)).collect();
    let presences: Vec<Presence> = stream::iter(asked)
        .buffered(ASKED_AT_ONCE)
        .try_collect()
        .await?;
    for (step, presence) in plan.blobs.iter_mut().zip(presences) {
        step.presence = presence;
    }
    Ok(())
}

async fn ask(step: &BlobStep, sides: Sides<'_>) -> Result<Presence> {
    let (blob, destination, options) = (&step.blob, sides.destination, sides.options);
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

/// The requests sent so far.
fn requests_so_far(sides: Sides<'_>) -> Requests {
    let sum = |by_host: BTreeMap<String, u64>| by_host.into_values().sum();
    Requests {
        source: sum(sides.source.network().requests()),
        destination: sum(sides.destination.network().requests()),
    }
}

/// Repositories in which the blobs of `source` are known to be, or likely.
pub(super) fn found_in(source: &dyn Source, want: &CopyOptions) -> Vec<Repository> {
    let own = source.repository().into_iter();
    own.chain(&want.mount_from).cloned().collect()
}

/// A step as the destination is told of it in advance.
pub(super) fn coming(step: &BlobStep) -> PlannedBlob {
    PlannedBlob {
        blob: step.blob.clone(),
        size: match step.content {
            Content::Recoded(_) => None,
            Content::Source | Content::Made(_) => Some(step.blob.size),
        },
    }
}

/// Fills in what is expected to become of the blobs of `plan`, and adds the requests that they will take.
fn expect_blobs(plan: &mut CopyPlan, sides: Sides<'_>) {
    let found_in = found_in(sides.source, sides.options);
    for step in &mut plan.blobs {
        let coming = coming(step);
        let expected = sides.destination.expects(&coming, step.presence, &found_in);
        step.expected = expected.outcome;
        // An upgrade reads the layers that do not move, too.
        let read = expected.outcome == BlobOutcome::Written || plan.upgrades;
        if read && !matches!(step.content, Content::Made(_)) {
            plan.requests.source += sides.source.requests_per_blob();
        }
        plan.requests.destination += expected.requests;
    }
}

/// Adds the requests that the manifests of `plan` will take, and the config that an upgrade makes.
fn expect_manifests(plan: &mut CopyPlan, destination: &dyn Destination) {
    let attached = plan.attached.iter().map(|step| &step.manifest);
    for manifest in plan
        .manifests
        .iter()
        .map(|step| &step.manifest)
        .chain(attached)
    {
        plan.requests.destination += destination.requests_for_manifest(manifest);
    }
    if plan.upgrades
        && let Some(step) = plan.manifests.last()
    {
        // Neither digest nor size of the config is known; the ones that stand here for them count for nothing.
        let config = PlannedBlob {
            blob: Descriptor::new(MediaType::DOCKER_CONFIG, step.was.clone(), 0),
            size: Some(0),
        };
        let expected = destination.expects(&config, Presence::Absent, &[]);
        plan.requests.destination += expected.requests;
    }
}
