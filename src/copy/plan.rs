//! The plan of a copy: which blobs are there and which have to move, and the manifests in the order in which they
//! are written. Conversions on the way are [`super::prepared`]'s.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::admission::{Admission, admit};
use super::attached::{self, Subjects};
use super::choose::left_behind;
use super::expect::requests_so_far;
use super::expect::{expect_blobs, expect_manifests};
use super::graph::{order, target_digest, walk};
use super::options::stays;
use super::options::{CopyOptions, Layers, Platforms, holding};
use super::prepared::Prepared;
use super::schema1;
use super::shared::writing;
use super::shared::{is_elsewhere, reading};
use super::signatures;
use super::types::{Awaits, BlobStep, Content, CopyPlan, ManifestStep, Node};
use crate::image::platform::is_attestation;
use crate::image::{Descriptor, Digest, Manifest, View};
use crate::transport::{BlobOutcome, Destination, Foreign, ManifestRef, Presence, Source};
use crate::{Error, Kind, Result};

/// Blobs that a destination is asked for at once.
const ASKED_AT_ONCE: usize = 16;

/// Plans the copy of `source` to `destination`. Reads manifests, and asks the destination for its current digest
/// at the same time; where that is the wanted one, the plan ends there.
pub async fn plan(
    source: &dyn Source,
    destination: &dyn Destination,
    want: &CopyOptions,
) -> Result<CopyPlan> {
    let (mut plan, current, subjects) = draw(source, destination, want).await?;
    signatures::check_signing(destination, want).await?;
    if plan.up_to_date.is_none() || !want.attachments.skip_present {
        attached::add(&mut plan, &subjects, source, destination, want).await?;
    }
    // Before the destination is asked what it has: a copy does not ask, it writes.
    plan.requests = requests_so_far(source, destination);
    plan.read_ahead = source.read_ahead().read;
    if plan.is_done() {
        return Ok(plan);
    }
    if is_retag(source, destination, want) {
        expect_manifests(&mut plan, destination);
        return Ok(plan);
    }
    let asked: Vec<_> = plan
        .blobs
        .iter()
        .map(|step| ask(destination, step, want))
        .collect();
    let presences: Vec<Presence> = stream::iter(asked)
        .buffered(ASKED_AT_ONCE)
        .try_collect()
        .await?;
    for (step, presence) in plan.blobs.iter_mut().zip(presences) {
        step.presence = presence;
    }
    expect_blobs(&mut plan, source, destination, want);
    expect_manifests(&mut plan, destination);
    if !destination.can().manifest_implies_blobs {
        let complete = plan.blobs.iter().all(|b| b.presence == Presence::Present);
        let last = plan.manifests.last().map(|m| m.manifest.digest());
        // Signatures are written without a look at those that are there.
        let known = complete
            && plan.upgrade.is_none()
            && plan.signatures.is_empty()
            && plan.attached.is_empty()
            && want.signing.is_none();
        if known && plan.manifests.len() == 1 && current.as_ref() == last {
            plan.up_to_date = current;
        }
    }
    Ok(plan)
}

/// Plans to write `layers`, and then `manifest` as it is; its config and other blobs stay behind.
pub async fn plan_layers(
    destination: &dyn Destination,
    manifest: &Manifest,
    layers: Vec<Descriptor>,
) -> Result<CopyPlan> {
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
    let current = destination.current().await;
    let current = current.map_err(writing)?;
    let complete = plan.blobs.iter().all(|b| b.presence == Presence::Present);
    if complete && current.as_ref() == Some(manifest.digest()) {
        plan.up_to_date = current;
    }
    Ok(plan)
}

/// Whether a tag moves within its repository: whatever it points at is there, nothing has to be asked.
fn is_retag(source: &dyn Source, destination: &dyn Destination, want: &CopyOptions) -> bool {
    want.layers == Layers::Keep
        && want.format.is_none()
        && want.foreign_layers != Some(true)
        && source.repository().is_some()
        && source.repository() == destination.repository()
}

/// The plan as it is before the destination was asked for blobs, the digest that it has now, and the manifests that
/// something may be attached to.
async fn draw(
    source: &dyn Source,
    destination: &dyn Destination,
    want: &CopyOptions,
) -> Result<(CopyPlan, Option<Digest>, Subjects)> {
    let retag = is_retag(source, destination, want);
    let (top, current) = futures_util::try_join!(
        async { source.manifest(&ManifestRef::Named).await.map_err(reading) },
        async {
            if retag {
                return Ok(None);
            }
            match &want.current {
                Some(known) => Ok(known.clone()),
                None => destination.current().await.map_err(writing),
            }
        },
    )?;
    let can = destination.can();
    let holds = holding(destination, want)?;
    let wanted = target_digest(&top, &want.platforms)?;
    if !can.accepts_unknown_digest && matches!(want.layers, Layers::Compressed { .. }) {
        let message = format!(
            "`{}` takes no layers that are compressed on the way",
            destination.name()
        );
        let hint = "copy to `oci:`, `oci-archive:`, `dir:` or a registry";
        return Err(Error::new(Kind::Refused, message).hint(hint));
    }
    let up_to_date = async |digest: Option<Digest>, chosen: &Digest, stays: bool| {
        let mut plan = CopyPlan {
            up_to_date: digest,
            notes: left_behind(&top, &want.platforms, chosen)?
                .into_iter()
                .collect(),
            ..CopyPlan::default()
        };
        if !want.leave_signatures {
            let present = (&top, chosen, stays);
            let platforms = &want.platforms;
            signatures::add_to_present(&mut plan, present, platforms, source, destination).await?;
        }
        let is_asked = want.attachments.any() && !want.attachments.skip_present;
        let mut subjects = Subjects::default();
        match stays {
            true if is_asked => {
                let below = listed_below(source, &top, &want.platforms, chosen);
                subjects.unchanged = below.await?;
            }
            true => subjects.unchanged.push(chosen.clone()),
            false => subjects.changed.push(chosen.clone()),
        }
        Ok((plan, None, subjects))
    };
    let stays = want.layers == Layers::Keep && stays(&top, want);
    // What is signed is written, so that the signatures follow it.
    let vouches = can.manifest_implies_blobs && !want.looks_below() && want.signing.is_none();
    // A registry may know the manifest by a digest of another algorithm.
    let is_wanted = |there: &Digest, wanted: &Digest| {
        wanted == there || (wanted == top.digest() && top.is(there))
    };
    let admission = want.admission.as_ref();
    // Otherwise the manifests are read first, to be judged.
    let passes = admission.is_none_or(Admission::is_open);
    if vouches
        && stays
        && passes
        && let Some(chosen) = &wanted
        && current
            .as_ref()
            .is_some_and(|there| is_wanted(there, chosen))
    {
        return up_to_date(current, chosen, true).await;
    }
    let platforms = match &want.platforms {
        Platforms::All { .. } if retag && passes && want.signing.is_none() => &Platforms::IndexOnly,
        other => other,
    };
    let mut graph = walk(source, &top, platforms).await.map_err(reading)?;
    let known = admit(admission, source, &top, &graph.nodes).await?;
    let mut losses = Vec::new();
    for node in &graph.nodes {
        let named = node.manifest.digest() == top.digest();
        let check = want.schema1_check;
        losses.extend(schema1::check_signatures(
            source,
            &node.manifest,
            named,
            check,
        )?);
    }
    if !retag {
        schema1::measure(source, &mut graph.nodes).await?;
    }
    let mut prepared = Prepared::new(source, destination, holds, want);
    let last = graph.nodes.last().map(|n| n.was.clone());
    let chosen = last.unwrap_or_else(|| top.digest().clone());
    prepared
        .notes
        .extend(left_behind(&top, &want.platforms, &chosen)?);
    if let Some(old) = &graph.cut {
        if want.preserve_digests {
            return Err(Error::new(
                Kind::Refused,
                "a part of the index has another digest than the whole",
            )
            .hint("leave out `--preserve-digests`, or keep the index as it is with `--sparse`"));
        }
        prepared.notes.push(format!(
            "the index `{old}` was reduced to the requested platforms; its digest changed, so signatures of the original no longer apply"
        ));
    }
    if !graph.missing.is_empty() {
        prepared.notes.push(left_out(&graph.missing, source));
    }
    let (nodes, upgrade) = prepared.turn(destination, graph.nodes).await?;
    let mut subjects = Subjects::default();
    for node in nodes.iter().filter(|_| !retag) {
        let stays = upgrade.is_none()
            && node.awaits == Awaits::Nothing
            && *node.manifest.digest() == node.was;
        match stays {
            // An index that was cut is another one, and nothing is attached to it.
            true if graph.made.contains(&node.was) => {}
            true => subjects.unchanged.push(node.was.clone()),
            false => subjects.changed.push(node.was.clone()),
        }
    }
    // The image itself before its parts.
    subjects.unchanged.reverse();
    subjects.changed.extend(graph.cut.clone());
    if let Some(top) = nodes.last()
        && upgrade.is_none()
        && top.awaits == Awaits::Nothing
    {
        let fits = destination.check_digest_matches_name(&top.manifest);
        fits.map_err(writing)?;
        if vouches && current.as_ref().is_some_and(|c| top.manifest.is(c)) {
            let unchanged = top.was == *top.manifest.digest();
            return up_to_date(current, &chosen, unchanged).await;
        }
    }

    let mut plan = CopyPlan {
        notes: prepared.notes,
        losses,
        upgrade,
        ..CopyPlan::default()
    };
    let (presence, expected) = match retag {
        true => (Presence::Present, BlobOutcome::Present),
        false => (Presence::AskedOnWrite, BlobOutcome::Written),
    };
    let takes_foreign = want
        .foreign_layers
        .unwrap_or(can.foreign_layers != Foreign::Left);
    let (mut seen, mut left) = (HashMap::new(), Vec::new());
    for (node, blob) in nodes
        .iter()
        .flat_map(|n| n.blobs.iter().map(move |b| (n, b)))
    {
        let recoded = node.recoded.get(&blob.digest);
        // The same digest may stand for a blob as it is and for one that is going to get another digest.
        let late = recoded.is_some_and(|r| r.into.is_some());
        if is_elsewhere(blob) && !takes_foreign {
            if !left.contains(&blob.digest) {
                left.push(blob.digest.clone());
            }
        } else if let Some(size) = seen.insert((blob.digest.clone(), late), blob.size) {
            if size != blob.size {
                let text = format!(
                    "blob `{}` is said to have {size} bytes, and elsewhere in the image {}",
                    blob.digest, blob.size
                );
                return Err(reading(Error::new(Kind::Corrupt, text)));
            }
        } else {
            let made = || prepared.made.get(&blob.digest).cloned().map(Content::Made);
            let content = match recoded {
                Some(recoded) => Content::Recoded(Box::new(recoded.clone())),
                None => made().unwrap_or(Content::Source),
            };
            let moving = match &content {
                Content::Recoded(recoded) => &recoded.from.digest,
                Content::Source | Content::Made(_) => &blob.digest,
            };
            let urls = match prepared.urls.get(moving) {
                Some(urls) => urls.clone(),
                None if is_elsewhere(blob) => blob.urls.clone().unwrap_or_default(),
                None => Vec::new(),
            };
            plan.blobs.push(BlobStep {
                blob: blob.clone(),
                content,
                urls,
                presence,
                expected,
            });
        }
    }
    plan.notes.extend(told_of(&left));
    plan.left = left;
    plan.manifests = order(nodes)?;
    if retag && want.signing.is_none() {
        let made = |m: &ManifestStep| graph.made.contains(m.manifest.digest());
        plan.manifests
            .retain(|m| m.at == ManifestRef::Named || made(m));
    } else if !want.leave_signatures {
        signatures::add(&mut plan, top.digest(), &known, source, destination).await?;
    }
    Ok((plan, current, subjects))
}

/// The digests of `chosen` and the manifests below it that something may be attached to, where `top` alone is known.
async fn listed_below(
    source: &dyn Source,
    top: &Manifest,
    platforms: &Platforms,
    chosen: &Digest,
) -> Result<Vec<Digest>> {
    let View::Index(index) = top.view()? else {
        return Ok(vec![chosen.clone()]);
    };
    let nested = index.manifests.iter().any(|d| d.media_type.is_index());
    match platforms {
        Platforms::One(_) | Platforms::IndexOnly => Ok(vec![chosen.clone()]),
        Platforms::All { sparse: false } if !nested => {
            let manifests = index
                .manifests
                .iter()
                .filter(|d| d.media_type.is_manifest());
            let below = manifests.map(|d| d.digest.clone());
            Ok([chosen.clone()].into_iter().chain(below).collect())
        }
        Platforms::All { .. } | Platforms::Some { .. } => {
            let graph = walk(source, top, platforms).await.map_err(reading)?;
            let was = graph.nodes.into_iter().map(|node| node.was);
            Ok(was.filter(|digest| !graph.made.contains(digest)).collect())
        }
    }
}

/// What is said of images that an index lists and `source` does not have.
fn left_out(missing: &[Descriptor], source: &dyn Source) -> String {
    const MOST: usize = 10;
    let name = |d: &Descriptor| match &d.platform {
        Some(platform) if !is_attestation(d) => platform.to_string(),
        _ => format!("`{}`", d.digest),
    };
    let mut names: Vec<String> = missing.iter().take(MOST).map(name).collect();
    if missing.len() > MOST {
        names.push(format!("and {} more", missing.len() - MOST));
    }
    format!(
        "left out {} of the index that `{}` does not have: {}",
        match missing.len() {
            1 => "1 image".to_owned(),
            n => format!("{n} images"),
        },
        source.name(),
        names.join(", ")
    )
}

/// What to tell of the foreign layers `left`, which are not copied.
fn told_of(left: &[Digest]) -> Option<String> {
    let unless = "not copied; `--allow-nondistributable` takes";
    match left {
        [] => None,
        [one] => Some(format!(
            "layer `{one}` is foreign: it stays at its URL and is {unless} it along"
        )),
        some => {
            let some: Vec<String> = some.iter().map(|d| format!("`{d}`")).collect();
            let some = some.join(", ");
            Some(format!(
                "layers {some} are foreign: they stay at their URLs and are {unless} them along"
            ))
        }
    }
}

async fn ask(
    destination: &dyn Destination,
    step: &BlobStep,
    want: &CopyOptions,
) -> Result<Presence> {
    let blob = &step.blob;
    if step.recoded().is_some() {
        // A blob without a final digest or size cannot be looked up yet.
        return Ok(Presence::Absent);
    }
    let asked = async {
        let presence = match want.look {
            true => destination.look(blob).await?,
            false => destination.has(blob).await?,
        };
        Ok(match presence {
            Presence::Present if want.recheck && !destination.is_intact(blob).await? => {
                Presence::Absent
            }
            other => other,
        })
    };
    asked.await.map_err(writing)
}
