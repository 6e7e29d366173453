//! The requests that a plan is expected to take, from what each side says of a blob and a manifest. It sends none.

use std::collections::BTreeMap;

use super::options::CopyOptions;
use super::types::CopyPlan;
use super::types::{BlobStep, Content, Requests};
use crate::image::{Descriptor, MediaType, Repository};
use crate::transport::{BlobOutcome, Destination, PlannedBlob, Presence, Source};

/// What has been sent so far.
pub(super) fn requests_so_far(source: &dyn Source, destination: &dyn Destination) -> Requests {
    let sum = |by_host: BTreeMap<String, u64>| by_host.into_values().sum();
    Requests {
        source: sum(source.requests()),
        destination: sum(destination.requests()),
    }
}

/// Repositories in which the blobs of `source` are known to be, or likely.
pub(super) fn found_in(source: &dyn Source, want: &CopyOptions) -> Vec<Repository> {
    let own = source.repository().into_iter();
    own.chain(&want.mount_from).cloned().collect()
}

/// What the destination learns about a step before it is taken.
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
pub(super) fn expect_blobs(
    plan: &mut CopyPlan,
    source: &dyn Source,
    destination: &dyn Destination,
    want: &CopyOptions,
) {
    let found_in = found_in(source, want);
    for step in &mut plan.blobs {
        let expected = destination.expects(&coming(step), step.presence, &found_in);
        step.expected = expected.outcome;
        // An upgrade reads the layers that do not move, too.
        let read = expected.outcome == BlobOutcome::Written || plan.upgrades;
        if read && !matches!(step.content, Content::Made(_)) {
            plan.requests.source += source.requests_per_blob();
        }
        plan.requests.destination += expected.requests;
    }
}

/// Adds the requests that the manifests of `plan` will take, and the config that an upgrade makes.
pub(super) fn expect_manifests(plan: &mut CopyPlan, destination: &dyn Destination) {
    let manifests = plan.manifests.iter();
    plan.requests.destination += manifests
        .map(|step| destination.requests_for_manifest(&step.manifest))
        .sum::<u64>();
    plan.requests.destination += plan
        .attached
        .iter()
        .map(|step| destination.requests_for_manifest(&step.manifest))
        .sum::<u64>();
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
