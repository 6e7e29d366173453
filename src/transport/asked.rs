//! The optional abilities of a place as methods, with an answer for places that do not offer them.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use super::{
    BlobBody, BlobStream, Bundles, Destination, Expected, ManifestRef, Network, PlannedBlob,
    Presence, ReadAhead, Source, WrittenLate, bundles,
};
use crate::bytes::{ending_after, first_bytes};
use crate::image::{Descriptor, Digest, Manifest, Reference, Repository, Sketch};
use crate::{Error, Result};

struct NoNetwork;

impl Network for NoNetwork {}

impl dyn Source + '_ {
    /// The image's name, where the place is one of a registry.
    pub fn reference(&self) -> Option<&Reference> {
        self.offers().reference
    }

    /// The repository, where the place is one of a registry.
    pub fn repository(&self) -> Option<&Repository> {
        self.reference().map(|reference| &reference.repository)
    }

    /// Whether the blob is known not to be there, as far as that can be said without a request.
    ///
    /// # Errors
    /// When what the place holds cannot be read.
    pub async fn lacks(&self, blob: &Descriptor) -> Result<bool> {
        match self.offers().inventory {
            Some(inventory) => inventory.lacks(blob).await,
            None => Ok(false),
        }
    }

    /// How the place's own index describes the manifest `digest`, if it has an index.
    pub fn described(&self, digest: &Digest) -> Option<Descriptor> {
        self.offers().inventory?.described(digest)
    }

    /// The bytes that the image's name stands for, to be shown.
    ///
    /// # Errors
    /// As [`Source::manifest`].
    pub async fn raw_manifest(&self) -> Result<Bytes> {
        match self.offers().raw_manifest {
            Some(raw) => raw.raw_manifest().await,
            None => Ok(self.manifest(&ManifestRef::Named).await?.raw().clone()),
        }
    }

    /// The first `len` bytes of a blob, or all if it has fewer. Nothing is verified.
    ///
    /// # Errors
    /// As [`Source::blob`].
    pub async fn begin_of(&self, blob: &Descriptor, len: usize) -> Result<Bytes> {
        match self.offers().ranges {
            Some(ranges) => ranges.begin_of(blob, len).await,
            None => first_bytes(self.blob(blob, 0).await?, len).await,
        }
    }

    /// The bytes `part` of a blob, which lie inside of it. Nothing is verified.
    ///
    /// # Errors
    /// As [`Source::blob`].
    pub async fn part_of(&self, blob: &Descriptor, part: Range<u64>) -> Result<BlobStream> {
        match self.offers().ranges {
            Some(ranges) => ranges.part_of(blob, part).await,
            None => Ok(ending_after(
                self.blob(blob, part.start).await?,
                part.end - part.start,
            )),
        }
    }

    /// The size in bytes of a blob without a descriptor: a layer of schema 1.
    ///
    /// # Errors
    /// Those of the place; an error for a place that cannot hold such images.
    pub async fn blob_size(&self, digest: &Digest) -> Result<u64> {
        match self.offers().sizes {
            Some(sizes) => sizes.blob_size(digest).await,
            None => {
                let message = format!("`{}` is no place for docker schema 1 images", self.name());
                Err(Error::other(message))
            }
        }
    }

    /// The signatures that are kept of the manifest `of`, whose digest is `digest`, in their order; unchecked.
    ///
    /// # Errors
    /// When they cannot be fetched or read. An image without signatures is not an error.
    pub async fn signatures(&self, of: &ManifestRef, digest: &Digest) -> Result<Vec<Bytes>> {
        match self.offers().signatures {
            Some(signatures) => signatures.signatures(of, digest).await,
            None => Ok(Vec::new()),
        }
    }

    /// Why sigstore attachments are not among the signatures that were read, though there may be some.
    pub fn attachments_unread(&self) -> Option<String> {
        self.offers().signatures?.attachments_unread()
    }

    /// The sigstore bundles that refer to the manifest `of`; unchecked.
    ///
    /// # Errors
    /// When they cannot be fetched. An image without bundles is not an error.
    pub async fn bundles(&self, of: &Digest) -> Result<Bundles> {
        let listed = match self.offers().bundles {
            Some(bundles) => bundles.bundle_manifests(of).await?,
            None => Vec::new(),
        };
        bundles::read(self, listed).await
    }

    /// The referrers of `of` that hold sigstore bundles, or may hold some, and that a copy takes along unasked.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub async fn bundles_to_copy(&self, of: &Digest) -> Result<Vec<Descriptor>> {
        match self.offers().bundles {
            Some(bundles) => Ok(bundles.bundles_to_copy(of).await?.unwrap_or_default()),
            None => Ok(Vec::new()),
        }
    }

    /// A description of the image without its layers, if making the manifest takes reading them all.
    ///
    /// # Errors
    /// As [`Source::manifest`].
    pub async fn sketch(&self) -> Result<Option<Sketch>> {
        match self.offers().sketches {
            Some(sketches) => sketches.sketch().await,
            None => Ok(None),
        }
    }

    /// How much of the layers has been read so far to make the manifest.
    pub fn read_ahead(&self) -> ReadAhead {
        let sketches = self.offers().sketches;
        sketches.map_or_else(ReadAhead::default, |s| s.read_ahead())
    }

    /// Requests that reading one blob is expected to take.
    pub fn requests_per_blob(&self) -> u64 {
        self.offers().requests_per_blob
    }

    /// The network that the place is reached over; one without requests for a place on this machine.
    pub fn network(&self) -> &dyn Network {
        self.offers().network.unwrap_or(&NoNetwork)
    }
}

impl dyn Destination + '_ {
    /// The image's name, where the place is one of a registry.
    pub fn reference(&self) -> Option<&Reference> {
        self.offers().reference
    }

    /// The repository, where the place is one of a registry.
    pub fn repository(&self) -> Option<&Repository> {
        self.reference().map(|reference| &reference.repository)
    }

    /// The digest of what the name stands for now; `None` when there is nothing, or when the place cannot say.
    ///
    /// # Errors
    /// When the place cannot be asked or read.
    pub async fn current(&self) -> Result<Option<Digest>> {
        match self.offers().inventory {
            Some(inventory) => inventory.current().await,
            None => Ok(None),
        }
    }

    /// Whether the blob is there, without a request.
    ///
    /// # Errors
    /// When what the place holds cannot be read.
    pub async fn has(&self, blob: &Descriptor) -> Result<Presence> {
        match self.offers().inventory {
            Some(inventory) => inventory.has(blob).await,
            None => Ok(Presence::Absent),
        }
    }

    /// Whether the blob is there, at the price of a request where that is needed.
    ///
    /// # Errors
    /// When the place cannot be asked or read.
    pub async fn look(&self, blob: &Descriptor) -> Result<Presence> {
        match self.offers().inventory {
            Some(inventory) => inventory.look(blob).await,
            None => Ok(Presence::Absent),
        }
    }

    /// Whether a blob that is there has the bytes of its digest.
    ///
    /// # Errors
    /// When the blob cannot be read.
    pub async fn is_intact(&self, blob: &Descriptor) -> Result<bool> {
        match self.offers().inventory {
            Some(inventory) => inventory.is_intact(blob).await,
            None => Ok(true),
        }
    }

    /// Says which blobs are going to be written, in the order of the image, before the first one is; and which manifest is
    /// likely to get the name.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the place cannot take them.
    pub async fn begin(&self, blobs: &[PlannedBlob], image: &Digest) -> Result<()> {
        match self.offers().order {
            Some(order) => {
                order.expect(image);
                order.begin(blobs).await
            }
            None => Ok(()),
        }
    }

    /// Writes a blob whose size, and mostly its digest, are known when all its bytes are there.
    ///
    /// # Errors
    /// Those of the place; [`crate::Kind::Refused`] from a place that takes no such blobs.
    pub async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate> {
        match self.offers().streams {
            Some(streams) => streams.put_stream(planned, body).await,
            None => {
                let message = format!("`{}` takes no layers in another form", self.name());
                Err(Error::refused(message))
            }
        }
    }

    /// Says how the source's index describes what the name will stand for.
    pub fn describe(&self, description: &Descriptor) {
        if let Some(descriptions) = self.offers().descriptions {
            descriptions.describe(description);
        }
    }

    /// Whether referrers and cosign's tags can be kept with an image.
    pub fn keeps_attachments(&self) -> bool {
        self.offers().attachments.is_some()
    }

    /// Whether sigstore bundles can refer to manifests.
    pub fn keeps_bundles(&self) -> bool {
        self.offers().bundles.is_some()
    }

    /// Writes the sigstore bundle `bundle`, which refers to the manifest `of` that was written.
    ///
    /// # Errors
    /// Those of the place; an error where [`keeps_bundles`](#method.keeps_bundles) is false.
    pub async fn put_bundle(&self, of: &Digest, bundle: &Bytes) -> Result<()> {
        match self.offers().bundles {
            Some(store) => store.put_bundle(of, bundle).await,
            None => {
                let message = format!("`{}` has no place for bundles", self.name());
                Err(Error::other(message))
            }
        }
    }

    /// Why `signature` cannot be kept with the image, in a few words; `None` where it can.
    ///
    /// # Errors
    /// When it has to look at the place to tell, and cannot.
    pub async fn refuses_signature(&self, signature: &Bytes) -> Result<Option<String>> {
        match self.offers().signatures {
            Some(store) => store.refuses(signature).await,
            None => Ok(Some(format!("`{}` has no place for them", self.name()))),
        }
    }

    /// Writes the signatures of a manifest that was written.
    ///
    /// # Errors
    /// Those of the place; an error where it [refuses](#method.refuses_signature) signatures.
    pub async fn put_signatures(
        &self,
        of: &ManifestRef,
        digest: &Digest,
        signatures: &[Bytes],
    ) -> Result<()> {
        match self.offers().signatures {
            Some(store) => store.put_signatures(of, digest, signatures).await,
            None => {
                let message = format!("`{}` has no place for signatures", self.name());
                Err(Error::other(message))
            }
        }
    }

    /// The network that the place is reached over; one without requests for a place on this machine.
    pub fn network(&self) -> &dyn Network {
        self.offers().network.unwrap_or(&NoNetwork)
    }

    /// The expected outcome of writing `coming`, whose presence is `presence` and which is known to be in
    /// `found_in`.
    pub fn expects(
        &self,
        coming: &PlannedBlob,
        presence: Presence,
        found_in: &[Repository],
    ) -> Expected {
        match self.offers().estimates {
            Some(estimates) => estimates.expects(coming, presence, found_in),
            None => Expected::local(presence),
        }
    }

    /// Requests that writing `manifest` is expected to take.
    pub fn requests_for_manifest(&self, manifest: &Manifest) -> u64 {
        let estimates = self.offers().estimates;
        estimates.map_or(0, |e| e.requests_for_manifest(manifest))
    }

    /// Checks that `manifest` can be what the name stands for: a name with a digest stands for that one only.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when it cannot.
    pub fn check_digest_matches_name(&self, manifest: &Manifest) -> Result<()> {
        match self.reference() {
            Some(reference) => check_digest_matches(reference, manifest, &self.name()),
            None => Ok(()),
        }
    }
}

/// Checks that `reference`, the name of the destination `shown`, can stand for `manifest`.
pub(crate) fn check_digest_matches(
    reference: &Reference,
    manifest: &Manifest,
    shown: &str,
) -> Result<()> {
    match &reference.digest {
        Some(digest) if !manifest.is(digest) => {
            let text = format!(
                "{shown} names the digest `{digest}`, but the image has `{}`",
                manifest.digest()
            );
            Err(Error::refused(text)
                .hint("leave the digest out of the destination, or copy without conversion"))
        }
        _ => Ok(()),
    }
}

/// `requests` and `more`, by host.
pub(crate) fn summed(
    mut requests: BTreeMap<String, u64>,
    more: impl IntoIterator<Item = (String, u64)>,
) -> BTreeMap<String, u64> {
    for (host, count) in more {
        *requests.entry(host).or_default() += count;
    }
    requests
}
