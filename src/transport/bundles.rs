//! Sigstore bundles among the referrers of an image (cosign 3: one artifact manifest a bundle, whose only layer it is).
//!
//! Apart from the places, since all that can list referrers have bundles in the same form. Nothing is verified here.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::{CONFIG_CAP, ManifestRef, Source, read_all};
use crate::image::{Descriptor, MediaType, View};
use crate::{Kind, Result};

/// Bundles of one image that are read, and their bytes in all. Whoever may push can add more: those are left unread, since the
/// image could not be used any more if they were an error.
const MOST: usize = 1000;
const CAP: usize = 64 << 20;
/// Bundles that are read at once.
const AT_ONCE: usize = 6;

/// The bundles of an image, as far as they were read.
#[derive(Debug, Clone, Default)]
pub struct Bundles {
    pub read: Vec<Bytes>,
    /// How many were not: beyond what is read of one image, or not readable.
    pub unread: usize,
}

/// Whether `entry` of a list of referrers holds a bundle, as far as it says its type.
pub(super) fn may_hold_bundle(entry: &Descriptor) -> bool {
    entry.is_sigstore_bundle() || entry.hides_artifact_type()
}

/// The bundles in those of the manifests `listed` that hold one; unchecked.
pub(super) async fn read(source: &dyn Source, listed: Vec<Descriptor>) -> Result<Bundles> {
    let mut listed: Vec<Descriptor> = listed.into_iter().filter(may_hold_bundle).collect();
    // Entries that do not tell their type may be something else: they come last, and are the first to be left unread.
    listed.sort_by_key(Descriptor::hides_artifact_type);
    let mut bundles = Bundles::default();
    let (mut left, mut size) = (listed.len(), 0);
    let reads = listed.iter().take(MOST).map(|entry| one(source, entry));
    let mut reads = stream::iter(reads.collect::<Vec<_>>()).buffered(AT_ONCE);
    while let Some(found) = reads.try_next().await? {
        match found {
            Found::Bundle(bundle) if size + bundle.len() > CAP => break,
            Found::Bundle(bundle) => {
                size += bundle.len();
                bundles.read.push(bundle);
            }
            Found::Unreadable => bundles.unread += 1,
            Found::Nothing => {}
        }
        left -= 1;
    }
    bundles.unread += left;
    Ok(bundles)
}

enum Found {
    Bundle(Bytes),
    Unreadable,
    Nothing,
}

/// The bundle in the manifest `entry`, which is its only layer.
async fn one(source: &dyn Source, entry: &Descriptor) -> Result<Found> {
    let manifest = match source
        .manifest(&ManifestRef::Digest(entry.digest.clone()))
        .await
    {
        // A list may be older than what it lists.
        Err(e) if e.kind() == Kind::NotFound => return Ok(Found::Nothing),
        Err(e) if e.kind() == Kind::Corrupt => return Ok(Found::Unreadable),
        read => read?,
    };
    let layers = match manifest.view() {
        Ok(View::Image(view)) => view.layers,
        _ => return Ok(Found::Nothing),
    };
    let is_bundle = |layer: &&Descriptor| layer.media_type.as_str() == MediaType::SIGSTORE_BUNDLE;
    let Some(layer) = layers.iter().find(is_bundle) else {
        return Ok(Found::Nothing);
    };
    if layer.size > CONFIG_CAP {
        return Ok(Found::Unreadable);
    }
    let read = async { read_all(source.blob(layer, 0).await?, CONFIG_CAP).await };
    match read.await {
        Err(e) if matches!(e.kind(), Kind::NotFound | Kind::Corrupt) => Ok(Found::Unreadable),
        read => read.map(Found::Bundle),
    }
}
