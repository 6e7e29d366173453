//! What is judged, and what was found with it.

use bytes::Bytes;

use crate::image::{Digest, ImageName, Manifest};

/// An image, or a part of one, that is judged.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The name that the user asked for.
    pub image: &'a ImageName,
    /// The digest of the manifest, which its bytes were checked against.
    pub digest: &'a Digest,
    /// The manifest, for signatures that name it by another algorithm.
    pub manifest: Option<&'a Manifest>,
}

/// What was found beside a manifest or among its referrers; unchecked.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Signatures in their stored form (see [`StoredSignature`](super::StoredSignature)).
    pub signatures: Vec<Bytes>,
    /// Sigstore bundles.
    pub bundles: Vec<Bytes>,
    /// How many more there are that were not read.
    pub bundles_unread: usize,
    /// Why sigstore attachments were not looked for, where the image may have some.
    pub attachments_unread: Option<String>,
}

impl Subject<'_> {
    /// Whether `digest` is that of the manifest.
    pub(super) fn is(&self, digest: &Digest) -> bool {
        self.digest == digest || self.manifest.is_some_and(|manifest| manifest.is(digest))
    }
}
