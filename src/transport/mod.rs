//! Reading and writing one image at one place, behind two small traits.
//!
//! A transport is one file here. It knows its own place and nothing of the other side: what to copy, and what a
//! lack of an ability means, is decided in `copy`. Only [`crate::open`] knows transports by name.

pub(crate) mod archive_file;
pub mod blob_store;
pub mod dir;
pub mod docker;
pub mod docker_archive;
pub mod docker_daemon;
mod elsewhere;
mod extend;
pub mod inflate;
mod layer_files;
pub mod oci_archive;
pub mod oci_layout;
mod pieces;
mod stream;
pub(crate) mod tar_index;
pub(crate) mod tar_writer;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use url::Url;

use crate::image::{Descriptor, Digest, Manifest, MediaType, Reference, Repository};
use crate::legacy::v1::Sketch;
use crate::{Error, Kind, Result};

pub use archive_file::Unpacking;
pub use elsewhere::Elsewhere;
pub use layer_files::LayerFiles;
pub use stream::{
    CONFIG_CAP, ResumeMismatch, Tally, is_resume_mismatch, read_all, sized_from, tallied, verified,
    verified_from,
};

/// Which manifest of a place: the one its name stands for, or one by digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestRef {
    Named,
    Digest(Digest),
}

impl ManifestRef {
    /// Whether `manifest`, which is the image's, is meant.
    pub(crate) fn is(&self, manifest: &Manifest) -> bool {
        match self {
            ManifestRef::Named => true,
            ManifestRef::Digest(digest) => digest == manifest.digest(),
        }
    }
}

/// What a deletion took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The names that stand for nothing any more, with their transport: the one that was given first.
    pub names: Vec<String>,
    /// Blobs that were removed with them, as far as that is known.
    pub blobs: usize,
    /// Bytes of those.
    pub bytes: u64,
}

/// Tags or names as they arrive, in the order of the place.
pub type TagPages = BoxStream<'static, Result<Vec<String>>>;

/// The bytes of a blob as they arrive. From offset 0 the last item is an error when digest or size is off.
pub type BlobStream = BoxStream<'static, Result<Bytes>>;

/// The first `len` bytes of `stream`, or all where it has fewer.
async fn first_bytes(mut stream: BlobStream, len: usize) -> Result<Bytes> {
    let mut begin = BytesMut::new();
    while begin.len() < len
        && let Some(piece) = stream.next().await
    {
        begin.extend_from_slice(&piece?);
    }
    begin.truncate(len);
    Ok(begin.freeze())
}

/// What becomes of foreign layers at a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// They stay at their URLs unless they are asked for: readers of such a place fetch them from there.
    Left,
    /// They are copied like others, and the manifest keeps their URLs: the place is to be whole.
    Taken,
    /// They become layers of the image's own: such a place knows no URLs.
    Own,
}

/// What a destination is able to do; asked for in place of its name.
#[derive(Debug, Clone, Copy)]
pub struct DestinationCan {
    /// Whether a manifest of this type can be held.
    pub holds: fn(&MediaType) -> bool,
    /// A manifest that is there vouches for everything that it points at.
    pub manifest_implies_blobs: bool,
    /// Layers are held uncompressed only: whoever writes has to inflate them.
    pub plain_layers: bool,
    /// What becomes of foreign layers, whose bytes are at URLs of their own.
    pub foreign_layers: Foreign,
    /// A blob may come whose digest is known only when all its bytes are there.
    pub accepts_unknown_digest: bool,
    /// There is a place for signatures beside a manifest.
    pub keeps_signatures: bool,
}

/// Whether a blob is at a destination, as far as can be said without asking over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Present,
    Absent,
    /// Only writing will tell: the first request of the write is the question.
    AskedOnWrite,
}

/// A blob that is going to be written.
#[derive(Debug, Clone)]
pub struct PlannedBlob {
    pub blob: Descriptor,
    /// Bytes of it; `None` where only writing will tell, by [`Destination::put_stream`]. Then the descriptor's size
    /// does not count, and its digest may only stand for the one to come.
    pub size: Option<u64>,
}

/// What writing a blob is expected to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Sent to the destination.
    pub requests: u64,
    /// Only what is written is read from the source.
    pub outcome: BlobOutcome,
}

/// A blob whose digest and size are known now that it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenLate {
    pub digest: Digest,
    pub size: u64,
    pub outcome: BlobOutcome,
}

/// What became of a blob that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobOutcome {
    /// It was there already; the body was not opened.
    Present,
    /// The registry took it over from another of its repositories; the body was not opened.
    Mounted,
    /// Its bytes were written.
    Written,
    /// The destination keeps the body unopened until the manifest tells what the blob is;
    /// [`ManifestWritten::deferred`] says what became of it. A finished copy reports no blob as deferred.
    Deferred,
}

/// What a destination says after it took a manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManifestWritten {
    /// The digest by which the image can be read at the destination, where a registry files the manifest under
    /// another one than its own.
    pub filed_as: Option<Digest>,
    /// The blobs that [`Destination::put_blob`] deferred, each with what became of it.
    pub deferred: HashMap<Digest, BlobOutcome>,
}

/// The blobs that a destination missed when it refused a manifest with the error `e`: those that it named, or
/// none where it did not say. `None` when `e` is about something else.
pub fn missing_blobs(e: &Error) -> Option<Vec<Digest>> {
    docker::missing_blobs(e)
}

/// Whether a destination refused a manifest of the type `media_type` with the error `e` because of that type, so that
/// it may take another format.
pub fn refuses_type(e: &Error, media_type: &MediaType) -> bool {
    docker::refuses_type(e, media_type)
}

/// Bytes of layers that are read before a manifest is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadAhead {
    /// So far, repeated ones included.
    pub read: u64,
    /// In all, where that is known.
    pub of: Option<u64>,
}

/// A place that an image is read from.
#[async_trait]
pub trait Source: Send + Sync {
    /// The name of the image for messages and reports, with its transport.
    fn name(&self) -> String;

    /// The manifest `which`; by digest, its bytes have been checked against it.
    async fn manifest(&self, which: &ManifestRef) -> Result<Manifest>;

    /// How the place's own index describes the manifest `digest`: with annotations and platform, without its name there.
    fn described(&self, _digest: &Digest) -> Option<Descriptor> {
        None
    }

    /// Whether the blob is known not to be there, as far as that can be said without a request.
    async fn lacks(&self, _blob: &Descriptor) -> Result<bool> {
        Ok(false)
    }

    /// The bytes that the image's name stands for, to be shown: of a place that cannot be mistaken for another server's
    /// answer also those that are no manifest of a known kind.
    async fn raw_manifest(&self) -> Result<Bytes> {
        Ok(self.manifest(&ManifestRef::Named).await?.raw().clone())
    }

    /// The blob's bytes from offset `from` on. From 0 the stream checks size and digest itself; from elsewhere
    /// the caller goes on with the digester that has seen what came before.
    async fn blob(&self, blob: &Descriptor, from: u64) -> Result<BlobStream>;

    /// As [`Source::blob`], for a receiver that checks the digest itself: the stream need only check the size.
    async fn blob_unhashed(&self, blob: &Descriptor, from: u64) -> Result<BlobStream> {
        self.blob(blob, from).await
    }

    /// The first `len` bytes of a blob, or all where it has fewer. Nothing is verified.
    async fn begin_of(&self, blob: &Descriptor, len: usize) -> Result<Bytes> {
        first_bytes(self.blob(blob, 0).await?, len).await
    }

    /// The URL of the server that the manifest came from; `None` for a place on this machine.
    fn origin(&self) -> Option<Url> {
        None
    }

    /// The size in bytes of a blob that no descriptor tells of: a layer of schema 1.
    async fn blob_size(&self, _digest: &Digest) -> Result<u64> {
        let message = format!("`{}` is no place for docker schema 1 images", self.name());
        Err(Error::other(message))
    }

    /// The signatures that lie beside the manifest `of`, as they are, in their order; unchecked.
    async fn signatures(&self, _of: &ManifestRef) -> Result<Vec<Bytes>> {
        Ok(Vec::new())
    }

    /// The repository, where the place is one of a registry.
    fn repository(&self) -> Option<&Repository> {
        self.reference().map(|reference| &reference.repository)
    }

    /// The image's name, where the place is one of a registry.
    fn reference(&self) -> Option<&Reference> {
        None
    }

    /// The repository that the image's name names, whether it is in a registry or not.
    fn repository_name(&self) -> Option<String> {
        self.repository().map(ToString::to_string)
    }

    /// What can be told of the image without its layers, where asking for the manifest means to read them all;
    /// `None` where it does not.
    async fn sketch(&self) -> Result<Option<Sketch>> {
        Ok(None)
    }

    /// What has been read of the layers so far because the manifest could not be had without; see
    /// [`Source::sketch`].
    fn read_ahead(&self) -> ReadAhead {
        ReadAhead::default()
    }

    /// Requests sent so far, by host.
    fn requests(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    /// How often a host has shown so far that it wants fewer requests at a time.
    fn pressure(&self) -> u64 {
        0
    }

    /// The shortest time from a request to the head of its answer so far; `None` where nothing was asked over a network.
    fn round_trip(&self) -> Option<Duration> {
        None
    }

    /// Requests that reading one blob is expected to take: an estimate, without tokens, redirects and retries.
    fn requests_per_blob(&self) -> u64 {
        0
    }

    /// The tags of the image's repository, page by page; `None` where a place is none of a registry. The pages keep
    /// the source alive.
    fn tags(self: Arc<Self>) -> Option<TagPages> {
        None
    }
}

/// A place that an image is written to. Blobs first, then manifests, children before parents, then `finish`.
#[async_trait]
pub trait Destination: Send + Sync {
    /// The name of the image for messages and reports, with its transport.
    fn name(&self) -> String;

    /// What this destination is able to do.
    fn can(&self) -> DestinationCan;

    /// The repository, where the place is one of a registry.
    fn repository(&self) -> Option<&Repository> {
        self.reference().map(|reference| &reference.repository)
    }

    /// The image's name, where the place is one of a registry.
    fn reference(&self) -> Option<&Reference> {
        None
    }

    /// Whether `manifest` can be what the name stands for: a name with a digest stands for that one only.
    ///
    /// [`Kind::Refused`] when it cannot.
    fn check_digest_matches_name(&self, manifest: &Manifest) -> Result<()> {
        let digest = self.reference().and_then(|r| r.digest.as_ref());
        match digest {
            Some(digest) if !manifest.is(digest) => {
                let text = format!(
                    "{} names the digest `{digest}`, but the image has `{}`",
                    self.name(),
                    manifest.digest()
                );
                Err(Error::new(Kind::Refused, text)
                    .hint("leave the digest out of the destination, or copy without conversion"))
            }
            _ => Ok(()),
        }
    }

    /// The digest of what the name stands for now; `None` when there is nothing.
    async fn current(&self) -> Result<Option<Digest>>;

    /// Whether the blob is there, without a request.
    async fn has(&self, blob: &Descriptor) -> Result<Presence>;

    /// Whether the blob is there, at the price of a request where that is needed; writes nothing.
    async fn look(&self, blob: &Descriptor) -> Result<Presence> {
        self.has(blob).await
    }

    /// Whether a blob that is there has the bytes of its digest. A place on this machine reads and hashes it; others
    /// check what they are sent, and are believed.
    async fn is_intact(&self, _blob: &Descriptor) -> Result<bool> {
        Ok(true)
    }

    /// Hears of the blobs that are going to be written, in the order of the image, before the first one is: a
    /// place with an order of its own needs to know.
    async fn begin(&self, _blobs: &[PlannedBlob]) -> Result<()> {
        Ok(())
    }

    /// Writes a blob, unless it is there and not to be written anew; it gets its name only after its digest matched.
    async fn put_blob(&self, blob: &Descriptor, body: BlobBody) -> Result<BlobOutcome>;

    /// Writes a blob whose size, and mostly its digest, are known when all its bytes are there; it gets its name
    /// then. `planned` is what [`Destination::begin`] heard of it.
    async fn put_stream(&self, planned: &Descriptor, body: BlobBody) -> Result<WrittenLate>;

    /// Writes a manifest, under the place's name or by its digest only.
    async fn put_manifest(&self, manifest: &Manifest, at: &ManifestRef) -> Result<ManifestWritten>;

    /// Hears how the source's index describes what the place's name will stand for, before [`Destination::finish`]: a
    /// place with such an index keeps that.
    fn describe(&self, _description: &Descriptor) {}

    /// Writes the signatures of a manifest that was written, in the place of all that it had; only where
    /// [`DestinationCan::keeps_signatures`].
    async fn put_signatures(&self, _of: &ManifestRef, _signatures: &[Bytes]) -> Result<()> {
        let message = format!("`{}` has no place for signatures", self.name());
        Err(Error::other(message))
    }

    /// Makes what was written durable and visible under its name, and removes what killed writers left. Where nothing
    /// had to be written, only that.
    async fn finish(&self) -> Result<()>;

    /// Requests sent so far, by host.
    fn requests(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }

    /// How often a host has shown so far that it wants fewer requests at a time.
    fn pressure(&self) -> u64 {
        0
    }

    /// The shortest time from a request to the head of its answer so far; `None` where nothing was asked over a network.
    fn round_trip(&self) -> Option<Duration> {
        None
    }

    /// What writing `coming` is expected to come to, as far as `presence` tells, when it is known to be in `found_in`:
    /// an estimate, without tokens, redirects, retries and refused mounts. Sends nothing.
    fn expects(
        &self,
        _coming: &PlannedBlob,
        presence: Presence,
        _found_in: &[Repository],
    ) -> Expected {
        Expected {
            requests: 0,
            outcome: match presence {
                Presence::Present => BlobOutcome::Present,
                Presence::Absent | Presence::AskedOnWrite => BlobOutcome::Written,
            },
        }
    }

    /// Requests that writing `manifest` is expected to take; an estimate as [`Destination::expects`] is.
    fn requests_for_manifest(&self, _manifest: &Manifest) -> u64 {
        0
    }
}

type Open = dyn Fn(u64) -> BoxFuture<'static, Result<BlobStream>> + Send + Sync;

/// A body that can be opened again, from any offset: retries hold no buffers.
#[derive(Clone)]
pub struct BlobBody {
    open: Arc<Open>,
    unhashed: Option<Arc<Open>>,
    /// Where the blob is known to be: a destination in one of these registries need not move it.
    pub found_in: Vec<Repository>,
    /// To be written even where the destination says that it is there.
    pub anew: bool,
}

impl BlobBody {
    /// A body that `open` gives from the offset it is called with.
    pub fn new(
        open: impl Fn(u64) -> BoxFuture<'static, Result<BlobStream>> + Send + Sync + 'static,
    ) -> BlobBody {
        BlobBody {
            open: Arc::new(open),
            unhashed: None,
            found_in: Vec::new(),
            anew: false,
        }
    }

    /// A body held in memory: a config that was made here.
    pub fn of_bytes(bytes: Bytes) -> BlobBody {
        BlobBody::new(move |from| {
            let rest = bytes.slice(usize::try_from(from).unwrap_or(usize::MAX).min(bytes.len())..);
            Box::pin(
                async move { Ok(Box::pin(futures_util::stream::iter([Ok(rest)])) as BlobStream) },
            )
        })
    }

    /// This body, of which `open` gives a stream that checks only the size: for [`BlobBody::open_unhashed`].
    pub fn or_unhashed(
        mut self,
        open: impl Fn(u64) -> BoxFuture<'static, Result<BlobStream>> + Send + Sync + 'static,
    ) -> BlobBody {
        self.unhashed = Some(Arc::new(open));
        self
    }

    /// The stream from offset `from` on.
    pub async fn open(&self, from: u64) -> Result<BlobStream> {
        (self.open)(from).await
    }

    /// As [`BlobBody::open`], for a receiver that checks the digest itself: the stream may check only the size.
    pub async fn open_unhashed(&self, from: u64) -> Result<BlobStream> {
        let open = self.unhashed.as_ref().unwrap_or(&self.open);
        open(from).await
    }
}
