//! Adds to a plan those manifests attached to the image that the destination lacks.
//!
//! An attached manifest names the digest of what it is about, so it goes along only with a manifest that keeps its
//! digest.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::graph::whole;
use crate::copy::options::{CopyOptions, Sides};
use crate::copy::types::{AttachedStep, BlobStep, Content, CopyPlan};
use crate::copy::{reading, writing};
use crate::image::{Descriptor, Digest};
use crate::open::{Attached, Attachments, MAX_DEPTH, attached_to, fetch, tags_of};
use crate::transport::{Attachment, AttachmentStore, Destination, Source};
use crate::{Error, Kind, Result};

/// Lists of referrers, or manifests, that are fetched at once.
pub(super) const AT_ONCE: usize = 8;

/// The manifests of an image that something may be attached to.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    /// They keep their digests at the destination.
    pub(super) unchanged: Vec<Digest>,
    /// They do not.
    pub(super) changed: Vec<Digest>,
}

/// The bundles that refer to them.
#[derive(Debug, Default)]
pub(super) struct Bundles {
    pub(super) unchanged: Vec<Attached>,
    pub(super) changed: Vec<Attached>,
}

/// Adds to `plan` what is attached to `subjects` and the destination lacks: `bundles`, and what else is wanted. Says what is
/// known to be left behind.
pub(super) async fn add(
    plan: &mut CopyPlan,
    subjects: &Subjects,
    bundles: Bundles,
    sides: Sides<'_>,
) -> Result<()> {
    let (source, destination, want) = (sides.source, sides.destination, sides.options);
    let Some(store) = destination.offers().attachments else {
        if want.attachments.any() {
            let text = format!("`{}` has no place for referrers", destination.name());
            let hint = "copy to `oci:`, `oci-archive:` or a registry, or leave out `--referrers` and `--cosign-tags`";
            return Err(Error::refused(text).hint(hint));
        }
        plan.losses.extend(homeless(&bundles, destination));
        return Ok(());
    };
    let (changed, found) = match want.attachments.any() {
        true => wanted(subjects, bundles, source, want).await?,
        false => {
            plan.notes.extend(left_behind(subjects, source).await);
            (bundles.changed, bundles.unchanged)
        }
    };
    plan.losses.extend(lost(&changed));
    let missing = match want.recheck {
        true => found,
        false => missing_at(store, found).await.map_err(writing)?,
    };
    let fetches = missing.into_iter().map(|found| steps(source, found));
    let mut fetched = stream::iter(fetches.collect::<Vec<_>>()).buffered(AT_ONCE);
    let mut known: HashSet<Digest> = plan
        .blobs
        .iter()
        .filter(|step| step.recoded().is_none())
        .map(|step| step.blob.digest.clone())
        .collect();
    while let Some(fetched) = fetched.next().await {
        let (steps, blobs) = match fetched {
            Ok(fetched) => fetched,
            Err(Unusable::Left(why)) => {
                plan.losses.push(why);
                continue;
            }
            Err(Unusable::Failed(e)) => return Err(reading(e)),
        };
        plan.attached.extend(steps);
        for blob in blobs {
            if blob.foreign_urls().is_empty() && known.insert(blob.digest.clone()) {
                plan.blobs.push(BlobStep::new(blob, Content::Source));
            }
        }
    }
    plan.attached.sort_by_key(|step| step.level);
    Ok(())
}

/// What `want` asks for of that which is attached to manifests that change, and to those that do not; `bundles` is a part of it.
async fn wanted(
    subjects: &Subjects,
    bundles: Bundles,
    source: &dyn Source,
    want: &CopyOptions,
) -> Result<(Vec<Attached>, Vec<Attached>)> {
    let Some(from) = source.offers().attachments else {
        return Ok((bundles.changed, bundles.unchanged));
    };
    let found = async {
        let wanted = Attachments {
            tags: tags_of(from, &want.attachments).await?,
            ..want.attachments.clone()
        };
        let changed = attached_to(source, &subjects.changed, &wanted).await?;
        let unchanged = attached_to(source, &subjects.unchanged, &wanted).await?;
        Ok((changed, unchanged))
    };
    let (mut changed, mut unchanged) = found.await.map_err(reading)?;
    for (all, bundles) in [
        (&mut changed, bundles.changed),
        (&mut unchanged, bundles.unchanged),
    ] {
        let known: HashSet<Digest> = all.iter().map(|a| a.entry.digest.clone()).collect();
        let new = |bundle: &Attached| !known.contains(&bundle.entry.digest);
        all.extend(bundles.into_iter().filter(new));
    }
    Ok((changed, unchanged))
}

/// The referrers among `found` that are found at `store`, by their subject. Each list is read once.
pub(in crate::copy) async fn listed_at(
    store: &dyn AttachmentStore,
    found: impl Iterator<Item = &Attached>,
) -> Result<HashMap<Digest, HashSet<Digest>>> {
    let mut wanted: HashMap<Digest, HashSet<Digest>> = HashMap::new();
    for referrer in found.filter(|a| a.how == Attachment::Referrer) {
        let of = wanted.entry(referrer.subject.clone()).or_default();
        of.insert(referrer.entry.digest.clone());
    }
    let lists = wanted.into_iter().map(|(of, wanted)| async move {
        let listed = store.referrers(&of, &wanted).await?;
        Ok::<_, Error>((of, listed))
    });
    stream::iter(lists.collect::<Vec<_>>())
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await
}

/// Those of `found` that `store` does not have.
async fn missing_at(store: &dyn AttachmentStore, found: Vec<Attached>) -> Result<Vec<Attached>> {
    let listed = listed_at(store, found.iter()).await?;
    let mut missing = Vec::new();
    for attached in found {
        let digest = &attached.entry.digest;
        let is_there = match &attached.how {
            Attachment::Referrer => listed
                .get(&attached.subject)
                .is_some_and(|listed| listed.contains(digest)),
            Attachment::Tag(tag) => store.tagged(tag).await?.as_ref() == Some(digest),
        };
        if !is_there {
            missing.push(attached);
        }
    }
    Ok(missing)
}

/// Why an attached manifest is not copied.
enum Unusable {
    Left(String),
    Failed(Error),
}

/// The steps that write `found`, parts of an index before it, and the blobs that they need.
async fn steps(
    source: &dyn Source,
    found: Attached,
) -> Result<(Vec<AttachedStep>, Vec<Descriptor>), Unusable> {
    let (entry, subject) = (&found.entry, &found.subject);
    let digest = &entry.digest;
    let manifest = match found.manifest.clone() {
        Some(manifest) => manifest,
        None => match fetch(source, entry).await {
            Err(e) if e.kind() == Kind::NotFound => {
                return Err(Unusable::Left(format!(
                    "`{digest}` is listed as a referrer of `{subject}`, but is not there"
                )));
            }
            fetched => fetched.map_err(Unusable::Failed)?,
        },
    };
    let view = manifest.view().map_err(|e| Unusable::Failed(e.into()))?;
    let names = view.subject().map(|s| &s.digest);
    if found.how == Attachment::Referrer && names != Some(subject) {
        return Err(Unusable::Left(format!(
            "`{digest}` is listed as a referrer of `{subject}`, but is about something else"
        )));
    }
    let listed = manifest.as_referrer().map(|(_, listed)| listed);
    let entry = listed.unwrap_or_else(|| found.entry.clone());
    let nodes = whole(source, manifest).await.map_err(Unusable::Failed)?;
    // Indexes are nested less deep than this.
    let first = found.depth * 2 * (MAX_DEPTH + 1);
    let (mut steps, mut blobs) = (Vec::with_capacity(nodes.len()), Vec::new());
    let mut levels: HashMap<Digest, usize> = HashMap::new();
    let last = nodes.len().saturating_sub(1);
    for (at, node) in nodes.into_iter().enumerate() {
        let below = node.children.iter().filter_map(|d| levels.get(d)).max();
        let level = below.map_or(first, |level| level + 1);
        levels.insert(node.manifest.digest().clone(), level);
        let is_top = at == last;
        steps.push(AttachedStep {
            entry: match is_top {
                true => entry.clone(),
                false => node.manifest.descriptor(),
            },
            manifest: node.manifest,
            subject: found.subject.clone(),
            how: is_top.then(|| found.how.clone()),
            level,
        });
        blobs.extend(node.blobs);
    }
    Ok((steps, blobs))
}

/// The warning about manifests attached to an image whose digest changes.
fn lost(found: &[Attached]) -> Option<String> {
    let first = found.first()?;
    let of = &first.subject;
    Some(match found.len() {
        1 => format!(
            "what is attached to `{of}` is left behind: it does not hold for its new digest"
        ),
        n => format!(
            "{n} manifests attached to `{of}` are left behind: they do not hold for its new digest"
        ),
    })
}

/// The warning about bundles for which `destination` has no place.
fn homeless(bundles: &Bundles, destination: &dyn Destination) -> Option<String> {
    let count = bundles.unchanged.len() + bundles.changed.len();
    let shown = destination.name();
    (count > 0).then(|| {
        format!("signatures of the image are left behind, {count} of them: `{shown}` has no place for bundles")
    })
}

/// A note on referrers that are left behind, as far as they are known without a request. Of bundles it says nothing: they go
/// along, or are left on request.
async fn left_behind(subjects: &Subjects, source: &dyn Source) -> Option<String> {
    let from = source.offers().attachments?;
    let mut left = Vec::new();
    for of in &subjects.unchanged {
        left.extend(from.known_referrers(of).await.unwrap_or_default());
    }
    note_of(&left)
}

/// As [`left_behind`], for a registry: it is asked for the referrers of the image that `plan` copies. An error is no note.
pub(in crate::copy) async fn noticed(
    plan: &CopyPlan,
    source: &dyn Source,
    destination: &dyn Destination,
    want: &CopyOptions,
) -> Option<String> {
    destination.offers().attachments?;
    let from = source.offers().attachments?;
    let top = plan
        .manifests
        .last()
        .filter(|top| top.was == *top.manifest.digest())?;
    if !want.notice_referrers
        || want.attachments.any()
        || from.known_referrers(&top.was).await.is_some()
    {
        return None;
    }
    note_of(&from.referrers(&top.was, None).await.ok()?)
}

/// The note that counts `referrers` that are not copied; bundles are, so they do not count.
fn note_of(referrers: &[Descriptor]) -> Option<String> {
    match referrers.iter().filter(|d| !d.is_sigstore_bundle()).count() {
        0 => None,
        1 => Some(
            "1 referrer of the image is left behind; `--referrers all` copies it too".to_owned(),
        ),
        n => Some(format!(
            "{n} referrers of the image are left behind; `--referrers all` copies them too"
        )),
    }
}
