//! What is attached to an image: its referrers, theirs, and what cosign keeps at tags made of a digest.
//!
//! [`attached_to`] finds it; `add` plans the copy of what the destination lacks. An attached manifest names the digest
//! of what it is about, so it goes along only with a manifest that keeps its digest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::graph::whole;
use super::options::{Attachments, CopyOptions, Referrers};
use super::shared::{is_elsewhere, reading, writing};
use super::types::{AttachedStep, BlobStep, Content, CopyPlan};
use crate::image::{COSIGN_SUFFIXES, Descriptor, Digest, Manifest, Tag, cosign_tag};
use crate::open::{MAX_DEPTH, fetch};
use crate::transport::{
    Attachment, AttachmentSource, AttachmentStore, BlobOutcome, Destination, Presence, Source,
};
use crate::{Error, Kind, Result};

/// Manifests that belong to one image at most.
const MOST: usize = 10_000;
/// Lists of referrers, or manifests, that are fetched at once.
const AT_ONCE: usize = 8;

/// A manifest that is attached to another one.
#[derive(Debug, Clone)]
pub struct Attached {
    /// As it is listed, with artifact type and annotations where the list gives them.
    pub entry: Descriptor,
    /// The manifest that it is attached to.
    pub subject: Digest,
    pub how: Attachment,
    /// 0 for what is attached to the image itself, 1 for what is attached to that, and so on.
    pub depth: usize,
    /// The manifest, where it was read to find it.
    pub manifest: Option<Manifest>,
}

/// What is attached to the manifests `subjects` of `source`, as far as `want` asks for it: what is nearer first.
///
/// # Errors
/// Those of the source; [`Kind::Refused`] for more than 10,000 manifests.
pub async fn attached_to(
    source: &dyn Source,
    subjects: &[Digest],
    want: &Attachments,
) -> Result<Vec<Attached>> {
    let from = source.offers().attachments;
    let Some(from) = from.filter(|_| want.any() && !subjects.is_empty()) else {
        return Ok(Vec::new());
    };
    let tags = tags_of(from, want).await?;
    let mut seen: HashSet<Digest> = HashSet::new();
    let mut level: Vec<Digest> = Vec::new();
    let new = |seen: &mut HashSet<Digest>, digest: &Digest| seen.insert(digest.clone());
    level.extend(subjects.iter().filter(|d| new(&mut seen, d)).cloned());
    let (mut all, mut depth): (Vec<Attached>, _) = (Vec::new(), 0);
    while !level.is_empty() {
        if depth >= MAX_DEPTH {
            tracing::warn!(
                "referrers of referrers were followed {MAX_DEPTH} levels deep and no further"
            );
            break;
        }
        let lists = level
            .iter()
            .map(|of| directly(source, from, of, tags.as_deref(), want, depth));
        let lists: Vec<Vec<Attached>> = stream::iter(lists.collect::<Vec<_>>())
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut next = Vec::new();
        for found in lists.into_iter().flatten() {
            let digest = found.entry.digest.clone();
            // A manifest may be both a referrer and at a tag of cosign's.
            let is_new = new(&mut seen, &digest);
            if is_new || matches!(found.how, Attachment::Tag(_)) {
                all.push(found);
            }
            if is_new {
                next.push(digest);
            }
            check_count(all.len())?;
        }
        (level, depth) = (next, depth + 1);
    }
    Ok(all)
}

fn check_count(attached: usize) -> Result<()> {
    if attached <= MOST {
        return Ok(());
    }
    let text = format!("more than {MOST} manifests are attached to the image");
    Err(Error::new(Kind::Refused, text))
}

/// The tags made of digests, where they are known or needed.
async fn tags_of(
    from: &dyn AttachmentSource,
    want: &Attachments,
) -> Result<Option<Arc<HashSet<Tag>>>> {
    match (&want.tags, want.cosign_tags) {
        (Some(tags), _) => Ok(Some(tags.clone())),
        (None, true) => from.digest_tags().await.map(|tags| Some(Arc::new(tags))),
        (None, false) => Ok(None),
    }
}

/// What is attached to the one manifest `of`.
async fn directly(
    source: &dyn Source,
    from: &dyn AttachmentSource,
    of: &Digest,
    tags: Option<&HashSet<Tag>>,
    want: &Attachments,
    depth: usize,
) -> Result<Vec<Attached>> {
    let attached = |entry, how, manifest| Attached {
        entry,
        subject: of.clone(),
        how,
        depth,
        manifest,
    };
    let mut found = Vec::new();
    if want.referrers != Referrers::None {
        let listed = from.referrers(of, tags).await?;
        let described = match want.with_types || want.referrers.asks_types(depth) {
            true => with_types(source, listed).await?,
            false => listed.into_iter().map(|entry| (entry, None)).collect(),
        };
        let wanted = described
            .into_iter()
            .filter(|(entry, _)| want.referrers.wants(entry, depth));
        found.extend(wanted.map(|(entry, read)| attached(entry, Attachment::Referrer, read)));
    }
    for suffix in COSIGN_SUFFIXES {
        let tag = cosign_tag(of, suffix).ok();
        let is_there = |tag: &Tag| want.cosign_tags && tags.is_some_and(|tags| tags.contains(tag));
        let Some(tag) = tag.filter(is_there) else {
            continue;
        };
        match from.tagged(&tag).await {
            Ok(manifest) => {
                let entry = manifest.descriptor();
                found.push(attached(entry, Attachment::Tag(tag), Some(manifest)));
            }
            // It went after the tags were listed.
            Err(e) if e.kind() == Kind::NotFound => tracing::debug!("{e}"),
            Err(e) => return Err(e),
        }
    }
    Ok(found)
}

/// The entries `listed` of a list of referrers, described as their manifests describe themselves where the list does not give
/// the artifact type (quirk R12); with the manifests that were read for that.
async fn with_types(
    source: &dyn Source,
    listed: Vec<Descriptor>,
) -> Result<Vec<(Descriptor, Option<Manifest>)>> {
    let unknown = listed.iter().filter(|entry| entry.hides_artifact_type());
    check_count(unknown.count())?;
    let described = listed.into_iter().map(|entry| async move {
        if !entry.hides_artifact_type() {
            return Ok((entry, None));
        }
        match fetch(source, &entry).await {
            // The copy of it, if it is wanted, says so.
            Err(e) if e.kind() == Kind::NotFound => Ok((entry, None)),
            Err(e) => Err(e),
            Ok(manifest) => {
                let own = manifest.as_referrer().map(|(_, own)| own);
                Ok((own.unwrap_or(entry), Some(manifest)))
            }
        }
    });
    let described = stream::iter(described.collect::<Vec<_>>());
    described.buffered(AT_ONCE).try_collect().await
}

/// The manifests of an image that something may be attached to.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    /// They keep their digests at the destination.
    pub(super) unchanged: Vec<Digest>,
    /// They do not.
    pub(super) changed: Vec<Digest>,
}

/// Adds to `plan` what is attached to `subjects` and the destination lacks. Where nothing of it is wanted, only says
/// what is known to be left behind.
pub(super) async fn add(
    plan: &mut CopyPlan,
    subjects: &Subjects,
    source: &dyn Source,
    destination: &dyn Destination,
    want: &CopyOptions,
) -> Result<()> {
    if !want.attachments.any() {
        plan.notes
            .extend(left_behind(subjects, source, destination).await);
        return Ok(());
    }
    let Some(store) = destination.offers().attachments else {
        let text = format!("`{}` has no place for referrers", destination.name());
        let hint = "copy to `oci:`, `oci-archive:` or a registry, or leave out `--referrers` and `--cosign-tags`";
        return Err(Error::new(Kind::Refused, text).hint(hint));
    };
    let Some(from) = source.offers().attachments else {
        return Ok(());
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
    let (changed, found) = found.await.map_err(reading)?;
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
            if !is_elsewhere(&blob) && known.insert(blob.digest.clone()) {
                plan.blobs.push(BlobStep {
                    blob,
                    content: Content::Source,
                    urls: Vec::new(),
                    presence: Presence::AskedOnWrite,
                    expected: BlobOutcome::Written,
                });
            }
        }
    }
    plan.attached.sort_by_key(|step| step.level);
    Ok(())
}

/// Those of `found` that `store` does not have.
async fn missing_at(store: &dyn AttachmentStore, found: Vec<Attached>) -> Result<Vec<Attached>> {
    let is_referrer = |a: &&Attached| a.how == Attachment::Referrer;
    let subjects: HashSet<&Digest> = found
        .iter()
        .filter(is_referrer)
        .map(|a| &a.subject)
        .collect();
    let lists = subjects.into_iter().map(|of| async move {
        let listed = store.referrers(of).await?;
        Ok::<_, Error>((of.clone(), listed))
    });
    let listed: HashMap<Digest, HashSet<Digest>> = stream::iter(lists.collect::<Vec<_>>())
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
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

/// A note on referrers that are left behind, as far as they are known without a request.
async fn left_behind(
    subjects: &Subjects,
    source: &dyn Source,
    destination: &dyn Destination,
) -> Option<String> {
    let from = source.offers().attachments?;
    if !destination.keeps_attachments() {
        return None;
    }
    let mut count = 0;
    for of in &subjects.unchanged {
        count += from.known_referrers(of).await.unwrap_or_default();
    }
    match count {
        0 => None,
        1 => Some(
            "1 referrer of the image is left behind; `--referrers all` copies it too".to_owned(),
        ),
        n => Some(format!(
            "{n} referrers of the image are left behind; `--referrers all` copies them too"
        )),
    }
}
