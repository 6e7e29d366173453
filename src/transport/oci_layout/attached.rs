//! Attachments of an image in the same layout: manifests of `index.json` whose `subject` it is, and entries whose names cosign makes
//! of its digest. An archive of a layout has the same ([`crate::transport::oci_archive`]).
//!
//! A referrer is an entry without a name, with its artifact type and annotations, as other tools write it.

use std::collections::{HashMap, HashSet};

use super::index::{Index, ReadBlob, ref_name};
use super::parse;
use crate::image::{Descriptor, Digest, Manifest, Tag, View, is_digest_tag};

/// Manifests that are read to find referrers.
const MOST_READ: usize = 100_000;

/// The referrers of each subject in a layout.
pub(in crate::transport) type Referrers = HashMap<Digest, Vec<Descriptor>>;

/// Finds the referrers among the manifests that `index` lists, and those that its indexes list. What cannot be read
/// refers to nothing.
pub(in crate::transport) fn referrers_of(index: &Index, read: ReadBlob) -> Referrers {
    let mut found = Referrers::new();
    let mut left: Vec<Descriptor> = index.images("the layout").into_iter().flatten().collect();
    left.reverse();
    let mut seen = HashSet::new();
    while let Some(entry) = left.pop() {
        if seen.len() >= MOST_READ {
            tracing::warn!(
                "only the first {MOST_READ} manifests of the layout were looked at for referrers"
            );
            break;
        }
        if !entry.media_type.is_manifest() || !seen.insert(entry.digest.clone()) {
            continue;
        }
        let stated = Some(entry.media_type.as_str());
        let Some(manifest) = read(&entry.digest).and_then(|raw| parse(raw, stated).ok()) else {
            continue;
        };
        let manifest = manifest.by(entry.digest.algorithm());
        if *manifest.digest() != entry.digest {
            continue;
        }
        let view = manifest.view().ok();
        if let Some((subject, referrer)) = listed_as(&manifest) {
            found.entry(subject).or_default().push(referrer);
        }
        if let Some(View::Index(index)) = view {
            left.extend(index.manifests.into_iter().rev());
        }
    }
    found
}

/// The digests of the referrers of `of`.
pub(in crate::transport) fn referrers_to(
    of: &Digest,
    index: &Index,
    read: ReadBlob,
) -> HashSet<Digest> {
    let found = referrers_of(index, read).remove(of).unwrap_or_default();
    found.into_iter().map(|d| d.digest).collect()
}

/// The subject of `manifest` and the descriptor that lists it among the referrers; also for manifests of older kinds.
pub(super) fn listed_as(manifest: &Manifest) -> Option<(Digest, Descriptor)> {
    manifest.as_referrer().or_else(|| {
        let subject = manifest.view().ok()?.subject()?.digest.clone();
        Some((subject, manifest.descriptor()))
    })
}

/// The names in `index` that are tags made of a digest.
pub(in crate::transport) fn digest_tags(index: &Index) -> HashSet<Tag> {
    let names = index.entries().iter().filter_map(ref_name);
    let tags = names.filter(|name| is_digest_tag(name));
    tags.filter_map(|name| name.parse().ok()).collect()
}
