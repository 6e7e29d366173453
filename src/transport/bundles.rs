//! Sigstore bundles among the referrers of an image (cosign 3: one artifact manifest a bundle, whose only layer it is).
//!
//! Apart from the places, since all that can list referrers have bundles in the same form. Nothing is verified here.

use bytes::Bytes;

use super::{CONFIG_CAP, ManifestRef, Source, read_all};
use crate::image::{Descriptor, Digest, MediaType, View};
use crate::{Error, Kind, Result};

/// Bundles of one image that are read.
const MOST: usize = 64;

/// Whether `entry` of a list of referrers holds a bundle, as far as it says its type.
pub(super) fn may_hold_bundle(entry: &Descriptor) -> bool {
    entry.is_sigstore_bundle() || entry.hides_artifact_type()
}

/// The bundles in those of the manifests `listed` that hold some, in their order; unchecked. They refer to `of`.
pub(super) async fn read(
    source: &dyn Source,
    of: &Digest,
    listed: Vec<Descriptor>,
) -> Result<Vec<Bytes>> {
    let kind = MediaType::new(MediaType::SIGSTORE_BUNDLE);
    let listed: Vec<Descriptor> = listed.into_iter().filter(may_hold_bundle).collect();
    if listed.len() > MOST {
        let text = format!(
            "`{of}` has {} bundles; at most {MOST} are read",
            listed.len()
        );
        return Err(Error::unavailable(text));
    }
    let mut bundles = Vec::new();
    for entry in listed {
        let at = ManifestRef::Digest(entry.digest.clone());
        let manifest = match source.manifest(&at).await {
            // A list may be older than what it lists.
            Err(e) if e.kind() == Kind::NotFound => continue,
            read => read?,
        };
        let View::Image(view) = manifest.view()? else {
            continue;
        };
        let is_bundle = |layer: &&Descriptor| layer.media_type == kind;
        for layer in view.layers.iter().filter(is_bundle) {
            bundles.push(read_all(source.blob(layer, 0).await?, CONFIG_CAP).await?);
        }
    }
    Ok(bundles)
}
