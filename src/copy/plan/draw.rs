//! The first half of a plan: reads the manifests, applies the policy and the conversions, and lists each blob once. The
//! destination is asked for its current digest only; [`super::plan()`] asks for the blobs afterwards.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::attached::{Bundles, Subjects};
use super::bundles;
use super::graph::{Graph, order, target_digest, walk};
use super::notes::{foreign_note, left_behind, missing_note};
use super::signatures;
use crate::copy::convert::{Prepared, measure};
use crate::copy::options::{Layers, Platforms, Sides, holding, stays};
use crate::copy::types::{Awaits, BlobStep, Content, CopyPlan, ManifestStep, Node};
use crate::copy::{reading, writing};
use crate::image::{Descriptor, Digest, Manifest, MediaType, View};
use crate::legacy::schema1::check_signatures;
use crate::open::Admission;
use crate::transport::{
    BlobOutcome, DestinationCan, Foreign, ManifestRef, Presence, Source, Upgrade,
};
use crate::{Error, Result};

/// The state of the plan before the destination is asked for blobs.
pub(super) struct Drawn {
    pub(super) plan: CopyPlan,
    pub(super) upgrade: Option<Arc<dyn Upgrade>>,
    /// The digest that the destination's name has now, where that still has to be compared.
    pub(super) current: Option<Digest>,
    /// The manifests that something may be attached to.
    pub(super) subjects: Subjects,
    /// The bundles of those that go along unasked.
    pub(super) bundles: Bundles,
    /// A tag moves within its repository: all that it points at is there, so the destination is not asked.
    pub(super) is_retag: bool,
}

/// Whether a tag moves within its repository.
fn is_retag(sides: Sides<'_>) -> bool {
    let (source, destination, options) = (sides.source, sides.destination, sides.options);
    options.layers == Layers::Keep
        && options.format.is_none()
        && options.foreign_layers != Some(true)
        && source.repository().is_some()
        && source.repository() == destination.repository()
}

/// Draws the plan of a copy. Fails with the errors of either side, and [`crate::Kind::Refused`] for what the destination
/// cannot hold or the options do not allow.
pub(super) async fn draw(sides: Sides<'_>) -> Result<Drawn> {
    let (source, destination, options) = (sides.source, sides.destination, sides.options);
    let drawing = Drawing::begin(sides).await?;
    if let Some(chosen) = drawing.chosen_unread()? {
        return drawing.up_to_date(&chosen, true).await;
    }
    let mut graph = drawing.graph().await?;
    // The index first: it stands for all of them.
    let manifests = graph.nodes.iter().rev().map(|n| (&n.was, &n.manifest));
    let known = match &options.admission {
        Some(admission) => admission.admit_all(source, &drawing.top, manifests).await?,
        None => HashMap::new(),
    };
    let losses = drawing.check_schema1(&graph)?;
    if !drawing.retag {
        measure(source, &mut graph.nodes).await?;
    }
    let last = graph.nodes.last().map(|node| node.was.clone());
    let chosen = last.unwrap_or_else(|| drawing.top.digest().clone());
    let mut prepared = Prepared::new(sides, drawing.holds);
    prepared.notes.extend(drawing.notes(&graph, &chosen)?);
    let nodes = std::mem::take(&mut graph.nodes);
    let (nodes, upgrade) = prepared.convert(nodes).await?;
    if let Some(top) = nodes.last()
        && upgrade.is_none()
        && top.awaits == Awaits::Nothing
    {
        let fits = destination.check_digest_matches_name(&top.manifest);
        fits.map_err(writing)?;
        if drawing.vouches() && drawing.current.as_ref().is_some_and(|c| top.manifest.is(c)) {
            let unchanged = top.was == *top.manifest.digest();
            return drawing.up_to_date(&chosen, unchanged).await;
        }
    }
    let mut plan = CopyPlan {
        losses,
        upgrades: upgrade.is_some(),
        ..CopyPlan::default()
    };
    (plan.blobs, plan.left) = drawing.blobs(&nodes, &prepared)?;
    plan.notes = prepared.notes;
    plan.notes.extend(foreign_note(&plan.left));
    let subjects = match drawing.retag {
        true => Subjects {
            unchanged: Vec::new(),
            changed: graph.cut.iter().cloned().collect(),
        },
        false => subjects(&graph, &nodes, upgrade.is_some()),
    };
    plan.manifests = order(nodes)?;
    // Side by side, so that looking for both takes the time of one.
    let ((), bundles) = futures_util::try_join!(
        drawing.add_signatures(&mut plan, &graph, &known),
        bundles::find(&subjects, sides),
    )?;
    Ok(Drawn {
        plan,
        upgrade,
        current: drawing.current,
        subjects,
        bundles,
        is_retag: drawing.retag,
    })
}

/// The values that all steps of planning share.
struct Drawing<'a> {
    sides: Sides<'a>,
    can: DestinationCan,
    /// The types that the image may have at the destination.
    holds: fn(&MediaType) -> bool,
    retag: bool,
    /// The manifest that the source's name stands for.
    top: Manifest,
    /// The digest that the destination's name stands for.
    current: Option<Digest>,
}

impl<'a> Drawing<'a> {
    /// Reads the top manifest, and asks for the current digest at the same time.
    async fn begin(sides: Sides<'a>) -> Result<Drawing<'a>> {
        let (source, destination, options) = (sides.source, sides.destination, sides.options);
        let retag = is_retag(sides);
        let (top, current) = futures_util::try_join!(
            async { source.manifest(&ManifestRef::Named).await.map_err(reading) },
            async {
                if retag {
                    return Ok(None);
                }
                match &options.current {
                    Some(known) => Ok(known.clone()),
                    None => destination.current().await.map_err(writing),
                }
            },
        )?;
        let can = destination.can();
        let holds = holding(destination, options)?;
        if !can.accepts_unknown_digest && matches!(options.layers, Layers::Compressed { .. }) {
            let message = format!(
                "`{}` takes no layers that are compressed on the way",
                destination.name()
            );
            let hint = "copy to `oci:`, `oci-archive:`, `dir:` or a registry";
            return Err(Error::refused(message).hint(hint));
        }
        Ok(Drawing {
            sides,
            can,
            holds,
            retag,
            top,
            current,
        })
    }

    /// Whether the policy admits the image unseen.
    fn admits_unseen(&self) -> bool {
        let admission = self.sides.options.admission.as_ref();
        admission.is_none_or(Admission::is_open)
    }

    /// Whether the image is complete where the destination has its digest. An image that is signed is written in any
    /// case, so that its signatures follow.
    fn vouches(&self) -> bool {
        self.can.manifest_implies_blobs
            && !self.sides.options.looks_below()
            && self.sides.options.signing.is_none()
    }

    /// The digest of the image, where the destination has it already and no other manifest need be read to know that.
    fn chosen_unread(&self) -> Result<Option<Digest>> {
        let wanted = target_digest(&self.top, &self.sides.options.platforms)?;
        let stays =
            self.sides.options.layers == Layers::Keep && stays(&self.top, self.sides.options);
        if !self.vouches() || !stays || !self.admits_unseen() {
            return Ok(None);
        }
        // A registry may know the manifest by a digest of another algorithm.
        let is_wanted = |there: &Digest, wanted: &Digest| {
            wanted == there || (wanted == self.top.digest() && self.top.is(there))
        };
        Ok(wanted.filter(|wanted| {
            let current = self.current.as_ref();
            current.is_some_and(|there| is_wanted(there, wanted))
        }))
    }

    /// The plan where the destination has `chosen` already: signatures and attachments may be missing all the same.
    /// `stays` says that the image has the same digest on both sides.
    async fn up_to_date(self, chosen: &Digest, stays: bool) -> Result<Drawn> {
        let (source, platforms) = (self.sides.source, &self.sides.options.platforms);
        let mut plan = CopyPlan {
            notes: left_behind(&self.top, platforms, chosen)?
                .into_iter()
                .collect(),
            up_to_date: self.current,
            ..CopyPlan::default()
        };
        let attachments = &self.sides.options.attachments;
        let present = with_listed(&self.top, platforms, chosen)?;
        let mut subjects = Subjects::default();
        match stays {
            true if attachments.skip_present => {}
            true if attachments.any() => {
                let below = listed_below(source, &self.top, platforms, chosen);
                subjects.unchanged = below.await?;
            }
            true => subjects.unchanged.clone_from(&present),
            false => subjects.changed.push(chosen.clone()),
        }
        let add_signatures = async {
            if self.sides.options.leave_signatures {
                return Ok(());
            }
            let (top, present) = (self.top.digest(), (&present[..], stays));
            signatures::add_to_present(&mut plan, top, present, self.sides).await
        };
        let ((), bundles) =
            futures_util::try_join!(add_signatures, bundles::find(&subjects, self.sides),)?;
        Ok(Drawn {
            plan,
            upgrade: None,
            current: None,
            subjects,
            bundles,
            is_retag: self.retag,
        })
    }

    /// The manifests of the image. A tag that moves within its repository takes the index alone along.
    async fn graph(&self) -> Result<Graph> {
        let is_moved_whole =
            self.retag && self.admits_unseen() && self.sides.options.signing.is_none();
        let platforms = match &self.sides.options.platforms {
            Platforms::All { .. } if is_moved_whole => &Platforms::IndexOnly,
            other => other,
        };
        walk(self.sides.source, &self.top, platforms)
            .await
            .map_err(reading)
    }

    /// Checks signatures inside schema 1 manifests; returns warnings.
    fn check_schema1(&self, graph: &Graph) -> Result<Vec<String>> {
        let mut losses = Vec::new();
        for node in &graph.nodes {
            let named = node.manifest.digest() == self.top.digest();
            let check = self.sides.options.schema1_check;
            let loss = check_signatures(self.sides.source, &node.manifest, named, check)
                .map_err(reading)?;
            losses.extend(loss);
        }
        Ok(losses)
    }

    /// Notes on platforms and images that stay behind.
    fn notes(&self, graph: &Graph, chosen: &Digest) -> Result<Vec<String>> {
        let left = left_behind(&self.top, &self.sides.options.platforms, chosen)?;
        let mut notes: Vec<String> = left.into_iter().collect();
        if let Some(old) = &graph.cut {
            if self.sides.options.preserve_digests {
                let message = "a part of the index has another digest than the whole";
                let hint =
                    "leave out `--preserve-digests`, or keep the index as it is with `--sparse`";
                return Err(Error::refused(message).hint(hint));
            }
            notes.push(format!(
                "the index `{old}` was reduced to the requested platforms; its digest changed, so signatures of the original no longer apply"
            ));
        }
        if !graph.missing.is_empty() {
            notes.push(missing_note(&graph.missing, self.sides.source));
        }
        Ok(notes)
    }

    /// Each blob of `nodes` once, and the foreign layers that stay at their URLs. Fails with [`crate::Kind::Corrupt`]
    /// where two manifests give one blob different sizes.
    fn blobs(
        &self,
        nodes: &[Node],
        prepared: &Prepared<'_>,
    ) -> Result<(Vec<BlobStep>, Vec<Digest>)> {
        let takes_foreign = self.sides.options.foreign_layers;
        let takes_foreign = takes_foreign.unwrap_or(self.can.foreign_layers != Foreign::Left);
        let (mut steps, mut seen, mut left) = (Vec::new(), HashMap::new(), Vec::new());
        for node in nodes {
            for blob in &node.blobs {
                if !blob.foreign_urls().is_empty() && !takes_foreign {
                    if !left.contains(&blob.digest) {
                        left.push(blob.digest.clone());
                    }
                    continue;
                }
                // The same digest may stand for a blob as it is and for one that is going to get another digest.
                let recoded = node.recoded.get(&blob.digest);
                let late = recoded.is_some_and(|recoded| recoded.into.is_some());
                // One that is recoded has the size of what is read, of which there may be several forms.
                let size = recoded.is_none().then_some(blob.size);
                match seen.insert((&blob.digest, late), size) {
                    None => steps.push(self.blob(node, blob, prepared)),
                    Some(before) => {
                        if let (Some(before), Some(size)) = (before, size)
                            && before != size
                        {
                            let digest = &blob.digest;
                            let text = format!(
                                "blob `{digest}` is said to have {before} bytes, and elsewhere in the image {size}"
                            );
                            return Err(reading(Error::corrupt(text)));
                        }
                    }
                }
            }
        }
        Ok((steps, left))
    }

    /// The step that brings `blob` of `node`.
    fn blob(&self, node: &Node, blob: &Descriptor, prepared: &Prepared<'_>) -> BlobStep {
        let content = match node.recoded.get(&blob.digest) {
            Some(recoded) => Content::Recoded(Box::new(recoded.clone())),
            None => match prepared.made.get(&blob.digest) {
                Some(bytes) => Content::Made(bytes.clone()),
                None => Content::Source,
            },
        };
        let moving = match &content {
            Content::Recoded(recoded) => &recoded.from.digest,
            Content::Source | Content::Made(_) => &blob.digest,
        };
        let urls = prepared.urls.get(moving).cloned();
        let mut step = BlobStep::new(blob.clone(), content);
        if let Some(urls) = urls {
            step.urls = urls;
        }
        if self.retag {
            (step.presence, step.expected) = (Presence::Present, BlobOutcome::Present);
        }
        step
    }

    /// Adds the signatures that go along. A tag that only moves keeps its manifests, with the signatures stored with
    /// them.
    async fn add_signatures(
        &self,
        plan: &mut CopyPlan,
        graph: &Graph,
        known: &HashMap<Digest, Vec<Bytes>>,
    ) -> Result<()> {
        if self.retag && self.sides.options.signing.is_none() {
            let made = |step: &ManifestStep| graph.made.contains(step.manifest.digest());
            plan.manifests
                .retain(|step| step.at == ManifestRef::Named || made(step));
        } else if !self.sides.options.leave_signatures {
            let top = self.top.digest();
            signatures::add(plan, top, known, self.sides).await?;
        }
        Ok(())
    }
}

/// The manifests of `graph` that something may be attached to, as `nodes` are written; the image before its parts.
fn subjects(graph: &Graph, nodes: &[Node], is_upgraded: bool) -> Subjects {
    let mut subjects = Subjects::default();
    for node in nodes.iter().rev() {
        let stays =
            !is_upgraded && node.awaits == Awaits::Nothing && *node.manifest.digest() == node.was;
        match stays {
            // An index that was cut is another one, and nothing is attached to it.
            true if graph.made.contains(&node.was) => {}
            true => subjects.unchanged.push(node.was.clone()),
            false => subjects.changed.push(node.was.clone()),
        }
    }
    subjects.changed.reverse();
    subjects.changed.extend(graph.cut.clone());
    subjects
}

/// The digest of `chosen` and, where all of an index is copied, those that `top` lists.
fn with_listed(top: &Manifest, platforms: &Platforms, chosen: &Digest) -> Result<Vec<Digest>> {
    let mut digests = vec![chosen.clone()];
    if let (View::Index(index), Platforms::All { .. }) = (top.view()?, platforms) {
        let manifests = index.manifests.into_iter();
        let manifests = manifests.filter(|d| d.media_type.is_manifest());
        digests.extend(manifests.map(|d| d.digest));
    }
    Ok(digests)
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
        Platforms::All { sparse: false } if !nested => with_listed(top, platforms, chosen),
        Platforms::All { .. } | Platforms::Some { .. } => {
            let graph = walk(source, top, platforms).await.map_err(reading)?;
            let was = graph.nodes.into_iter().map(|node| node.was);
            Ok(was.filter(|digest| !graph.made.contains(digest)).collect())
        }
    }
}
