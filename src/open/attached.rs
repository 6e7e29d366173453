//! The manifests attached to an image: its referrers, theirs, and those that cosign keeps at tags made of a digest.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::nested::{MAX_DEPTH, fetch};
use crate::image::{COSIGN_SUFFIXES, Descriptor, Digest, Manifest, MediaType, Tag, cosign_tag};
use crate::transport::{Attachment, AttachmentSource, Source};
use crate::{Error, Kind, Result};

/// Which of the manifests attached to an image are wanted. The default is none.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Attachments {
    pub referrers: Referrers,
    /// The signatures, attestations and SBOMs that cosign keeps at tags made of the image's digest. They are found in
    /// the list of tags.
    pub cosign_tags: bool,
    /// The tags of the source's repository that are made of digests, where they have been listed already.
    pub tags: Option<Arc<HashSet<Tag>>>,
    /// Do not look at an image that the destination has already. What was attached to it later then stays behind.
    pub skip_present: bool,
    /// Find out the artifact type of each referrer, also where the list of referrers does not say it: the referrer is read
    /// then. [`Referrers::OfTypes`] does so anyway where the type decides.
    pub with_types: bool,
}

impl Attachments {
    /// Everything that belongs to an image.
    pub fn all() -> Attachments {
        Attachments {
            referrers: Referrers::All,
            cosign_tags: true,
            ..Attachments::default()
        }
    }

    /// Whether any are wanted.
    pub fn any(&self) -> bool {
        self.cosign_tags || !matches!(self.referrers, Referrers::None)
    }
}

/// Which referrers of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Referrers {
    #[default]
    None,
    All,
    /// Those of these artifact types, with everything that refers to them.
    OfTypes(Vec<MediaType>),
}

impl Referrers {
    /// Whether the artifact types of referrers at `depth` decide which of them are wanted.
    fn asks_types(&self, depth: usize) -> bool {
        depth == 0 && matches!(self, Referrers::OfTypes(_))
    }

    /// Whether `referrer` is wanted; `depth` is 0 for a referrer of the image, 1 for one of such a referrer, and so on.
    fn wants(&self, referrer: &Descriptor, depth: usize) -> bool {
        match self {
            Referrers::None => false,
            Referrers::All => true,
            Referrers::OfTypes(types) => {
                let is_one = |t: &MediaType| types.contains(t);
                depth > 0 || referrer.artifact_type.as_ref().is_some_and(is_one)
            }
        }
    }
}

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

/// The manifests attached to `subjects` of `source` that `want` asks for, the nearer ones first.
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
    Err(Error::refused(text))
}

/// The tags made of digests, where they are known or needed.
pub(crate) async fn tags_of(
    from: &dyn AttachmentSource,
    want: &Attachments,
) -> Result<Option<Arc<HashSet<Tag>>>> {
    match (&want.tags, want.cosign_tags) {
        (Some(tags), _) => Ok(Some(tags.clone())),
        (None, true) => from.digest_tags().await.map(|tags| Some(Arc::new(tags))),
        (None, false) => Ok(None),
    }
}

/// The manifests attached to the one manifest `of`.
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
            Err(e) if e.kind() == Kind::NotFound => tracing::debug!("{e:#}"),
            Err(e) => return Err(e),
        }
    }
    Ok(found)
}

/// The entries `listed` of a list of referrers, described as their manifests describe themselves where the list does not give
/// the artifact type (quirk R12); with the manifests that were read for that.
pub(crate) async fn with_types(
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
