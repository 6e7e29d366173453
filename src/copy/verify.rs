//! Whether an image is whole at another place: every manifest, every blob and what is attached to it.
//!
//! [`verify`] compares and writes nothing. [`PlannedCopy::repairs`] reduces the plan of a whole copy to the parts that
//! were found missing.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, TryFutureExt, TryStreamExt, stream};

use super::options::CopyOptions;
use super::plan::{PlannedCopy, listed_at, walk, whole};
use super::types::ManifestStep;
use super::{reading, writing};
use crate::bytes::drained;
use crate::image::{Descriptor, Digest, Manifest, MediaType, Tag};
use crate::open::{Attached, attached_to};
use crate::transport::{Attachment, AttachmentStore, Destination, ManifestRef, Presence, Source};
use crate::{Kind, Result};

/// Manifests or blobs that are looked at at once.
const AT_ONCE: usize = 8;
/// Blobs that are read and hashed at once.
const READ_AT_ONCE: usize = 4;

/// A part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartKind {
    /// The manifest that the image's name stands for.
    Name,
    Manifest,
    Blob,
    /// A referrer, or a manifest at a tag of cosign's.
    Attached,
}

/// The defect of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    Missing,
    /// The name or tag stands for something else.
    OtherContent,
    /// The bytes are not those of the digest, or their number is wrong.
    Corrupt,
    /// The manifest is there, but not listed among the referrers of its subject.
    NotListed,
}

/// A part of an image that is not right at the other place.
#[derive(Debug, Clone)]
pub struct Fault {
    pub part: PartKind,
    pub problem: Problem,
    pub digest: Digest,
    pub size: u64,
    pub media_type: MediaType,
    /// The tag, of what is found by one.
    pub tag: Option<Tag>,
}

impl Fault {
    fn of(part: &Descriptor, kind: PartKind, problem: Problem) -> Fault {
        Fault {
            part: kind,
            problem,
            digest: part.digest.clone(),
            size: part.size,
            media_type: part.media_type.clone(),
            tag: None,
        }
    }
}

/// The result of a comparison.
#[derive(Debug, Clone)]
pub struct Verified {
    /// The digest that the name has at the source; for a part of an index, that of the index that a copy makes of it.
    pub digest: Digest,
    pub manifests: usize,
    pub blobs: usize,
    pub attached: usize,
    pub faults: Vec<Fault>,
}

/// The blobs at the target whose bytes are read and hashed. Of all others the size is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hashed {
    None,
    All,
    Only(HashSet<Digest>),
}

impl Hashed {
    fn has(&self, blob: &Digest) -> bool {
        match self {
            Hashed::None => false,
            Hashed::All => true,
            Hashed::Only(some) => some.contains(blob),
        }
    }
}

/// The place that is compared with the source.
pub struct Target<'a> {
    /// It, to read; `None` when it has no image of the name.
    pub read: Option<&'a dyn Source>,
    /// It, asked as a copy asks.
    pub write: &'a dyn Destination,
}

/// Compares what `want` says of the image at `source` with what `target` has. Blobs are compared by size,
/// those that are `hashed` by their bytes.
///
/// # Errors
/// Those of both places. What is missing or wrong at the target is no error but in [`Verified::faults`].
pub async fn verify(
    source: &dyn Source,
    target: &Target<'_>,
    want: &CopyOptions,
    hashed: &Hashed,
) -> Result<Verified> {
    let parts = parts(source, target, want).await.map_err(reading)?;
    let mut faults = Vec::new();
    let named = name(target, &parts.root).await.map_err(writing)?;
    faults.extend(named);
    let looks = parts.manifests.iter().enumerate().map(|(n, manifest)| {
        let part = match n < parts.own {
            true => PartKind::Manifest,
            false => PartKind::Attached,
        };
        look_at_manifest(target, manifest, part)
    });
    faults.extend(all(looks, AT_ONCE).await?);
    let looks = parts
        .blobs
        .iter()
        .map(|blob| look_at_blob(target, blob, hashed.has(&blob.digest)));
    let at_once = match hashed {
        Hashed::None => AT_ONCE,
        Hashed::All | Hashed::Only(_) => READ_AT_ONCE,
    };
    faults.extend(all(looks, at_once).await?);
    if let Some(store) = target.write.offers().attachments {
        // A manifest that is missing is not listed either.
        let missing: HashSet<&Digest> = faults.iter().map(|fault| &fault.digest).collect();
        let there = |found: &&Attached| {
            found.how != Attachment::Referrer || !missing.contains(&found.entry.digest)
        };
        let there = || parts.attached.iter().filter(there);
        let listed = listed_at(store, there()).await.map_err(writing)?;
        let looks = there().map(|found| look_at_attachment(store, found, &listed));
        let found = all(looks, AT_ONCE).await?;
        faults.extend(found);
    }
    Ok(Verified {
        digest: parts.root.digest().clone(),
        manifests: parts.own,
        blobs: parts.blobs.len(),
        attached: parts.attached.len(),
        faults,
    })
}

/// All that has to be at the target.
struct Parts {
    root: Manifest,
    /// Those of the image, then those that are attached to it.
    manifests: Vec<Manifest>,
    /// How many of `manifests` are the image's own.
    own: usize,
    /// Each once.
    blobs: Vec<Descriptor>,
    attached: Vec<Attached>,
}

async fn parts(source: &dyn Source, target: &Target<'_>, want: &CopyOptions) -> Result<Parts> {
    let top = source.manifest(&ManifestRef::Named).await?;
    let graph = walk(source, &top, &want.platforms).await?;
    let unchanged: Vec<Digest> = graph.nodes.iter().map(|node| node.was.clone()).collect();
    let mut manifests: Vec<Manifest> = graph.nodes.iter().map(|n| n.manifest.clone()).collect();
    let mut blobs: Vec<Descriptor> = graph.nodes.into_iter().flat_map(|n| n.blobs).collect();
    // A place that cannot keep them does not lack them.
    let listed = match target.write.keeps_attachments() {
        true => attached_to(source, &unchanged, &want.attachments).await?,
        false => Vec::new(),
    };
    let own = manifests.len();
    let mut attached = Vec::with_capacity(listed.len());
    for found in listed {
        let which = ManifestRef::Digest(found.entry.digest.clone());
        let manifest = match &found.manifest {
            Some(manifest) => manifest.clone(),
            None => match source.manifest(&which).await {
                // The list names what is gone; what the source lacks cannot be missing.
                Err(e) if e.kind() == Kind::NotFound => continue,
                read => read?,
            },
        };
        for node in whole(source, manifest).await? {
            manifests.push(node.manifest);
            blobs.extend(node.blobs);
        }
        attached.push(found);
    }
    let mut seen = HashSet::new();
    blobs.retain(|blob| blob.foreign_urls().is_empty() && seen.insert(blob.digest.clone()));
    Ok(Parts {
        root: manifests[..own].last().unwrap_or(&top).clone(),
        manifests,
        own,
        blobs,
        attached,
    })
}

/// Whether `found` is found at the target as it is at the source; `listed` are the referrers there, by their subject.
async fn look_at_attachment(
    store: &dyn AttachmentStore,
    found: &Attached,
    listed: &HashMap<Digest, HashSet<Digest>>,
) -> Result<Option<Fault>> {
    let digest = &found.entry.digest;
    let problem = match &found.how {
        Attachment::Referrer => {
            let listed = listed.get(&found.subject);
            let is_listed = listed.is_some_and(|listed| listed.contains(digest));
            (!is_listed).then_some(Problem::NotListed)
        }
        Attachment::Tag(tag) => match store.tagged(tag).await? {
            Some(there) if there == *digest => None,
            Some(_) => Some(Problem::OtherContent),
            None => Some(Problem::Missing),
        },
    };
    Ok(problem.map(|problem| Fault {
        tag: match &found.how {
            Attachment::Referrer => None,
            Attachment::Tag(tag) => Some(tag.clone()),
        },
        ..Fault::of(&found.entry, PartKind::Attached, problem)
    }))
}

/// The faults that `looks` find, in their order.
async fn all<F: Future<Output = Result<Option<Fault>>>>(
    looks: impl Iterator<Item = F>,
    at_once: usize,
) -> Result<Vec<Fault>> {
    let looks: Vec<F> = looks.collect();
    let found: Vec<Option<Fault>> = stream::iter(looks)
        .buffered(at_once)
        .try_collect()
        .await
        .map_err(writing)?;
    Ok(found.into_iter().flatten().collect())
}

/// Whether the name at the target stands for `root`.
async fn name(target: &Target<'_>, root: &Manifest) -> Result<Option<Fault>> {
    let problem = match target.read {
        None => Problem::Missing,
        Some(read) => match read.manifest(&ManifestRef::Named).await {
            Ok(there) if there.is(root.digest()) => return Ok(None),
            Ok(_) => Problem::OtherContent,
            Err(e) if e.kind() == Kind::NotFound => Problem::Missing,
            Err(e) if e.kind() == Kind::Corrupt => Problem::Corrupt,
            Err(e) => return Err(e),
        },
    };
    let root = root.descriptor();
    Ok(Some(Fault::of(&root, PartKind::Name, problem)))
}

async fn look_at_manifest(
    target: &Target<'_>,
    manifest: &Manifest,
    part: PartKind,
) -> Result<Option<Fault>> {
    let fault = |problem| Ok(Some(Fault::of(&manifest.descriptor(), part, problem)));
    let Some(read) = target.read else {
        return fault(Problem::Missing);
    };
    let which = ManifestRef::Digest(manifest.digest().clone());
    match read.manifest(&which).await {
        Ok(_) => Ok(None),
        Err(e) if e.kind() == Kind::NotFound => fault(Problem::Missing),
        Err(e) if e.kind() == Kind::Corrupt => fault(Problem::Corrupt),
        Err(e) => Err(e),
    }
}

async fn look_at_blob(target: &Target<'_>, blob: &Descriptor, deep: bool) -> Result<Option<Fault>> {
    let problem = match target.read {
        Some(read) if deep => hash(read, blob).await?,
        Some(read) if read.offers().sizes.is_some() => match read.blob_size(&blob.digest).await {
            Ok(size) if size == blob.size => None,
            Ok(_) => Some(Problem::Corrupt),
            Err(e) if e.kind() == Kind::NotFound => Some(Problem::Missing),
            Err(e) => return Err(e),
        },
        // Nothing is opened to write where there is nothing yet.
        None => Some(Problem::Missing),
        Some(_) => match target.write.look(blob).await? {
            Presence::Present => None,
            Presence::Absent | Presence::AskedOnWrite => Some(Problem::Missing),
        },
    };
    Ok(problem.map(|problem| Fault::of(blob, PartKind::Blob, problem)))
}

/// Reads `blob` to its end.
async fn hash(read: &dyn Source, blob: &Descriptor) -> Result<Option<Problem>> {
    match read.blob(blob, 0).and_then(drained).await {
        Err(e) if e.kind() == Kind::NotFound => Ok(Some(Problem::Missing)),
        Err(e) if e.kind() == Kind::Corrupt => Ok(Some(Problem::Corrupt)),
        other => other.map(|()| None),
    }
}

impl PlannedCopy {
    /// Reduces the plan, which was made with [`CopyOptions::recheck`], to what `faults` of the destination name. Where a
    /// manifest is written, the one that the name stands for is written last.
    pub fn repairs(mut self, faults: &[Fault]) -> PlannedCopy {
        let wrong: HashSet<&Digest> = faults.iter().map(|fault| &fault.digest).collect();
        let plan = &mut self.plan;
        plan.blobs.retain(|step| wrong.contains(&step.blob.digest));
        for step in &mut plan.blobs {
            step.presence = Presence::Absent;
        }
        let is_wrong = |manifest: &Manifest| wrong.contains(manifest.digest());
        plan.attached.retain(|step| is_wrong(&step.manifest));
        let root = plan
            .manifests
            .last()
            .map(|step| step.manifest.digest().clone());
        // A registry keeps blobs and manifests apart; other places are completed by their index.
        if plan.manifests.iter().any(|step| is_wrong(&step.manifest))
            || !self.destination.can().manifest_implies_blobs
        {
            let is_root = |step: &ManifestStep| root.as_ref() == Some(step.manifest.digest());
            plan.manifests
                .retain(|step| is_wrong(&step.manifest) || is_root(step));
            plan.up_to_date = None;
        } else {
            plan.manifests.clear();
            plan.up_to_date = root;
        }
        self
    }
}
