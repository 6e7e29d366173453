//! The traits of a place: [`Source`] and [`Destination`], each with a small core that every transport implements, and
//! the optional objects that a place offers besides.
//!
//! A transport that can do no more than read or write implements the core alone. What is asked of a place that does not
//! offer it is answered in [`super::asked`], so callers need not look at the offers themselves.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use url::Url;

use super::{
    Attachment, BlobBody, BlobOutcome, BlobStream, DestinationCan, Expected, ManifestRef,
    ManifestWritten, PassedOver, PlannedBlob, Presence, ReadAhead, TagPages, WrittenLate,
};
use crate::Result;
use crate::image::{Descriptor, Digest, Manifest, Reference, Repository, Sketch, Tag};

/// A place that an image is read from.
#[async_trait]
pub trait Source: Send + Sync {
    /// The name of the image for messages and reports, with its transport.
    fn name(&self) -> String;

    /// The manifest `which`; by digest, its bytes have been checked against it.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when it is not there; [`crate::Kind::Corrupt`] when the bytes are not a manifest or do
    /// not match the digest; [`crate::Kind::NotAllowed`] and [`crate::Kind::Unavailable`] when the place refuses this
    /// user or cannot be reached.
    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest>;

    /// The blob's bytes from offset `from` on. From 0 the stream checks size and digest itself; from elsewhere
    /// the caller goes on with the digester that has seen what came before.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when it is not there; [`crate::Kind::NotAllowed`] and [`crate::Kind::Unavailable`]
    /// when the place refuses this user or cannot be reached. [`crate::Kind::Corrupt`] for wrong bytes comes as the
    /// last item of the stream.
    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream>;

    /// As [`Source::blob`], for a receiver that checks the digest itself: the stream need only check the size.
    ///
    /// # Errors
    /// As [`Source::blob`].
    async fn blob_unhashed(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        self.blob(blob, from).await
    }

    /// The repository in the image's name, for reports.
    fn repository_name(&self) -> Option<String> {
        self.offers().reference.map(|r| r.repository.to_string())
    }

    /// The optional abilities of this place.
    fn offers(&self) -> SourceOffers<'_> {
        SourceOffers::default()
    }
}

/// The optional abilities of a source. The default is a place that offers none.
#[derive(Default, Clone, Copy)]
pub struct SourceOffers<'a> {
    /// The image's name, in a registry.
    pub reference: Option<&'a Reference>,
    /// An estimate of the requests that reading one blob takes, without tokens, redirects and retries.
    pub requests_per_blob: u64,
    pub network: Option<&'a dyn Network>,
    pub inventory: Option<&'a dyn SourceInventory>,
    pub ranges: Option<&'a dyn RangedBlobs>,
    pub sizes: Option<&'a dyn BlobSizes>,
    pub signatures: Option<&'a dyn SignatureSource>,
    pub bundles: Option<&'a dyn BundleSource>,
    pub raw_manifest: Option<&'a dyn RawManifest>,
    pub sketches: Option<&'a dyn Sketches>,
    pub tags: Option<&'a dyn TagList>,
    pub attachments: Option<&'a dyn AttachmentSource>,
    pub digest: Option<&'a dyn CurrentDigest>,
}

/// A place that an image is written to. Blobs first, then manifests, children before parents, then `finish`.
#[async_trait]
pub trait Destination: Send + Sync {
    /// The name of the image for messages and reports, with its transport.
    fn name(&self) -> String;

    /// The images that the place can hold.
    fn can(&self) -> DestinationCan {
        DestinationCan::default()
    }

    /// Writes a blob, unless it is there and [`BlobBody::must_send`] is not set. A blob gets its name only after its
    /// digest matched.
    ///
    /// # Errors
    /// Those of `body`, as they are; [`crate::Kind::Refused`] when the place does not take the blob or the disk is
    /// full; [`crate::Kind::NotAllowed`] and [`crate::Kind::Unavailable`] when it refuses this user or cannot be
    /// reached.
    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome>;

    /// Writes a manifest, under the place's name or by its digest only.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the place does not take the manifest, or a blob of it is missing;
    /// [`crate::Kind::NotAllowed`] and [`crate::Kind::Unavailable`] when it refuses this user or cannot be reached.
    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten>;

    /// Makes what was written durable and visible under its name, and removes what killed writers left. Where nothing
    /// had to be written, only that.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when something cannot be written; then the name stands for what it stood for before.
    async fn finish(&self) -> Result<()> {
        Ok(())
    }

    /// The optional abilities of this place.
    fn offers(&self) -> DestinationOffers<'_> {
        DestinationOffers::default()
    }
}

/// The optional abilities of a destination. The default is a place that offers none.
#[derive(Default, Clone, Copy)]
pub struct DestinationOffers<'a> {
    /// The image's name, in a registry.
    pub reference: Option<&'a Reference>,
    pub network: Option<&'a dyn Network>,
    pub inventory: Option<&'a dyn DestinationInventory>,
    pub streams: Option<&'a dyn StreamedBlobs>,
    pub order: Option<&'a dyn BlobOrder>,
    pub descriptions: Option<&'a dyn IndexDescriptions>,
    pub signatures: Option<&'a dyn SignatureStore>,
    pub bundles: Option<&'a dyn BundleStore>,
    pub estimates: Option<&'a dyn WriteEstimates>,
    pub attachments: Option<&'a dyn AttachmentStore>,
}

/// A place that is reached over a network.
pub trait Network: Send + Sync {
    /// Requests sent so far, by host.
    fn requests(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    /// How often a host has asked so far for fewer requests at a time.
    fn pressure(&self) -> u64 {
        0
    }

    /// The shortest time from a request to the head of its answer so far; `None` before the first.
    fn round_trip(&self) -> Option<Duration> {
        None
    }

    /// The URL of the server that manifests come from; `None` for a place on this machine.
    fn origin(&self) -> Option<Url> {
        None
    }

    /// The mirrors that did not serve so far, in the order in which they were asked, each with its first reason.
    fn passed_over(&self) -> Vec<PassedOver> {
        Vec::new()
    }
}

/// A source that knows what it holds without a request.
#[async_trait]
pub trait SourceInventory: Send + Sync {
    /// Whether the blob is known not to be there.
    ///
    /// # Errors
    /// When what the place holds cannot be read.
    async fn lacks(&self, blob: &Descriptor) -> Result<bool>;

    /// How the place's own index describes the manifest `digest`: with annotations and platform, without its name
    /// there.
    fn described(&self, _digest: &Digest) -> Option<Descriptor> {
        None
    }
}

/// A source that can read a part of a blob without reading all of it.
#[async_trait]
pub trait RangedBlobs: Send + Sync {
    /// The first `len` bytes of a blob, or all if it has fewer. Nothing is verified.
    ///
    /// # Errors
    /// As [`Source::blob`].
    async fn begin_of(&self, blob: &Descriptor, len: usize) -> Result<Bytes>;

    /// The bytes `part` of a blob, which lie inside of it, and no others. Nothing is verified.
    ///
    /// # Errors
    /// As [`Source::blob`]; also when the place sends other bytes than those.
    async fn part_of(&self, blob: &Descriptor, part: Range<u64>) -> Result<BlobStream>;
}

/// A source that can hold docker schema 1 images, whose manifests do not tell the sizes of layers.
#[async_trait]
pub trait BlobSizes: Send + Sync {
    /// The size of a blob in bytes.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when it is not there; [`crate::Kind::Unavailable`] when the place does not say its
    /// size.
    async fn blob_size(&self, digest: &Digest) -> Result<u64>;
}

/// A source that keeps signatures next to manifests.
#[async_trait]
pub trait SignatureSource: Send + Sync {
    /// The signatures of the manifest `of`, whose digest is `digest`, as they are stored ([`StoredSignature`]), in
    /// their order; unchecked.
    ///
    /// [`StoredSignature`]: crate::trust::StoredSignature
    ///
    /// # Errors
    /// When they cannot be fetched or read. An image without signatures is not an error.
    async fn signatures(&self, of: &ManifestRef, digest: &Digest) -> Result<Vec<Bytes>>;

    /// Why sigstore attachments are not among the signatures that were read, though there may be some.
    fn attachments_unread(&self) -> Option<String> {
        None
    }
}

/// A source that can list those referrers of a manifest that hold sigstore bundles for less than all of them.
#[async_trait]
pub trait BundleSource: Send + Sync {
    /// The descriptors of the referrers of `of` that hold bundles, or may hold some.
    ///
    /// # Errors
    /// When they cannot be listed. An image without bundles is not an error.
    async fn bundle_manifests(&self, of: &Digest) -> Result<Vec<Descriptor>>;

    /// The same for a copy that takes signatures along. `None` where looking for bundles would take a request, and the
    /// configuration does not say that sigstore signatures are kept here.
    ///
    /// # Errors
    /// As [`BundleSource::bundle_manifests`].
    async fn bundles_to_copy(&self, of: &Digest) -> Result<Option<Vec<Descriptor>>>;
}

/// A source that can show the bytes that its name stands for even if they are not a manifest of a known kind: it cannot
/// be mistaken for the answer of some other server.
#[async_trait]
pub trait RawManifest: Send + Sync {
    /// # Errors
    /// As [`Source::manifest`], except that the bytes need not be a manifest.
    async fn raw_manifest(&self) -> Result<Bytes>;
}

/// A source whose manifest may only be made by reading all layers.
#[async_trait]
pub trait Sketches: Send + Sync {
    /// A description of the image without its layers; `None` if reading the manifest does not take reading them.
    ///
    /// # Errors
    /// As [`Source::manifest`].
    async fn sketch(&self) -> Result<Option<Sketch>>;

    /// How much of the layers has been read so far to make the manifest.
    fn read_ahead(&self) -> ReadAhead;
}

/// A source that can say which image its name stands for without reading it.
#[async_trait]
pub trait CurrentDigest: Send + Sync {
    /// The digest of the manifest that the name stands for; `None` when there is nothing.
    ///
    /// # Errors
    /// When the place cannot be asked or read.
    async fn current(&self) -> Result<Option<Digest>>;
}

/// A source in a repository whose tags can be listed.
pub trait TagList: Send + Sync {
    /// The tags of the repository, page by page. Nothing is sent before the first page is asked for.
    fn tags(&self) -> TagPages;
}

/// A source that knows which manifests belong to an image without being a part of it.
#[async_trait]
pub trait AttachmentSource: Send + Sync {
    /// The descriptors of the manifests whose subject is `of`, each once. `tags` are those of
    /// [`AttachmentSource::digest_tags`] where they are known: what is not among them is not asked for.
    ///
    /// # Errors
    /// When the place cannot be asked or read, or the list does not end.
    async fn referrers(&self, of: &Digest, tags: Option<&HashSet<Tag>>) -> Result<Vec<Descriptor>>;

    /// The tags of the same repository or layout that are made of a digest: `sha256-HEX`, and those of cosign.
    ///
    /// # Errors
    /// When the place cannot be asked or read.
    async fn digest_tags(&self) -> Result<HashSet<Tag>>;

    /// The manifest at `tag` of the same repository or layout.
    ///
    /// # Errors
    /// As [`Source::manifest`].
    async fn tagged(&self, tag: &Tag) -> Result<Manifest>;

    /// The referrers of `of`, where they are known without a request and at little cost.
    async fn known_referrers(&self, _of: &Digest) -> Option<Vec<Descriptor>> {
        None
    }
}

/// A destination that can say what it holds before it is written to.
#[async_trait]
pub trait DestinationInventory: Send + Sync {
    /// The digest of what the name stands for now; `None` when there is nothing.
    ///
    /// # Errors
    /// When the place cannot be asked or read.
    async fn current(&self) -> Result<Option<Digest>>;

    /// Whether the blob is there, without a request.
    ///
    /// # Errors
    /// When what the place holds cannot be read.
    async fn has(&self, blob: &Descriptor) -> Result<Presence>;

    /// Whether the blob is there, at the price of a request where that is needed; writes nothing.
    ///
    /// # Errors
    /// When the place cannot be asked or read.
    async fn look(&self, blob: &Descriptor) -> Result<Presence> {
        self.has(blob).await
    }

    /// Whether a blob that is there has the bytes of its digest. A place that checks what it is sent is believed.
    ///
    /// # Errors
    /// When the blob cannot be read.
    async fn is_intact(&self, _blob: &Descriptor) -> Result<bool> {
        Ok(true)
    }
}

/// A destination that takes a blob whose size is known only after all its bytes.
#[async_trait]
pub trait StreamedBlobs: Send + Sync {
    /// Writes a blob whose size, and mostly its digest, are known when all its bytes are there; it gets its name then.
    /// `planned` is what [`BlobOrder::begin`] was given.
    ///
    /// # Errors
    /// As [`Destination::put_blob`].
    async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate>;
}

/// A destination that stores blobs in an order.
#[async_trait]
pub trait BlobOrder: Send + Sync {
    /// Takes the blobs that are going to be written, in the order of the image, before the first one is.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the place cannot take them.
    async fn begin(&self, blobs: &[PlannedBlob]) -> Result<()>;

    /// Says before that which manifest is likely to get the name; with its layers it may still change.
    fn expect(&self, _image: &Digest) {}
}

/// A destination with an index of its images, which describes them with annotations and platform.
pub trait IndexDescriptions: Send + Sync {
    /// Keeps how the source's index describes what the name will stand for; called before [`Destination::finish`].
    fn describe(&self, description: &Descriptor);
}

/// A destination that keeps signatures next to manifests.
#[async_trait]
pub trait SignatureStore: Send + Sync {
    /// Why `signature` cannot be kept here, in a few words; `None` where it can.
    ///
    /// # Errors
    /// When it has to look at the place to tell, and cannot.
    async fn refuses(&self, _signature: &Bytes) -> Result<Option<String>> {
        Ok(None)
    }

    /// Writes the signatures of the manifest `of`, which was written and whose digest is `digest`. Where others are
    /// kept besides (sigstore attachments of a registry) these are added, elsewhere they replace all that it had.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when they cannot be kept or written.
    async fn put_signatures(
        &self,
        of: &ManifestRef,
        digest: &Digest,
        signatures: &[Bytes],
    ) -> Result<()>;
}

/// A destination that keeps what belongs to an image in the same repository or layout.
#[async_trait]
pub trait AttachmentStore: Send + Sync {
    /// Those of `wanted` that are there and listed as referrers of `of`.
    ///
    /// # Errors
    /// When the place cannot be asked or read.
    async fn referrers(&self, of: &Digest, wanted: &HashSet<Digest>) -> Result<HashSet<Digest>>;

    /// The digest of what `tag` stands for; `None` when there is nothing.
    ///
    /// # Errors
    /// When the place cannot be asked or read.
    async fn tagged(&self, tag: &Tag) -> Result<Option<Digest>>;

    /// Writes `manifest`, whose blobs are there, so that it is found as `how` says. Made durable by
    /// [`Destination::finish`].
    ///
    /// # Errors
    /// As [`Destination::put_manifest`].
    async fn attach(&self, manifest: &Manifest, how: &Attachment) -> Result<()>;
}

/// A destination at which sigstore bundles can refer to manifests.
#[async_trait]
pub trait BundleStore: Send + Sync {
    /// Writes the bundle `bundle`, which refers to the manifest `of` that was written.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when it cannot be written.
    async fn put_bundle(&self, of: &Digest, bundle: &Bytes) -> Result<()>;
}

/// A destination that can estimate what a write takes. Sends nothing; tokens, redirects, retries and refused mounts do
/// not count.
pub trait WriteEstimates: Send + Sync {
    /// The expected outcome of writing `coming`, whose presence is `presence` and which is known to be in
    /// `found_in`.
    fn expects(
        &self,
        coming: &PlannedBlob,
        presence: Presence,
        found_in: &[Repository],
    ) -> Expected {
        let _ = (coming, found_in);
        Expected::local(presence)
    }

    /// Requests that writing `manifest` is expected to take.
    fn requests_for_manifest(&self, manifest: &Manifest) -> u64;
}
