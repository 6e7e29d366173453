//! The data that places and copies exchange: references to manifests, abilities of a destination, outcomes of blobs.
//!
//! Plain data. The traits that use it are in [`super::place`].

use std::collections::HashMap;

use futures_util::stream::BoxStream;

use crate::Result;
use crate::bytes::ByteStream;
use crate::image::{Descriptor, Digest, Manifest, MediaType, Tag};

/// Which manifest of a place: the one its name stands for, or one by digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ManifestRef {
    Named,
    Digest(Digest),
}

impl ManifestRef {
    /// The manifest `digest` of a place whose name stands for `named`.
    pub fn of(digest: &Digest, named: &Digest) -> ManifestRef {
        match digest == named {
            true => ManifestRef::Named,
            false => ManifestRef::Digest(digest.clone()),
        }
    }

    /// Whether `manifest`, which is the image's, is meant.
    pub(crate) fn is(&self, manifest: &Manifest) -> bool {
        match self {
            ManifestRef::Named => true,
            ManifestRef::Digest(digest) => digest == manifest.digest(),
        }
    }
}

/// The bytes of a blob as they arrive. From offset 0 the last item is an error when digest or size is off.
pub type BlobStream = ByteStream;

/// Bytes of a config that are read.
pub const CONFIG_CAP: u64 = 4 << 20;

/// How a destination treats foreign layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// They stay at their URLs unless they are asked for: readers of such a place fetch them from there.
    Left,
    /// They are copied like others, and the manifest keeps their URLs: the place is to be whole.
    Taken,
    /// They become layers of the image's own: such a place knows no URLs.
    Own,
}

/// The abilities of a destination. Callers ask for these and not for its type.
#[derive(Debug, Clone, Copy)]
pub struct DestinationCan {
    /// Whether a manifest of this type can be held.
    pub holds: fn(&MediaType) -> bool,
    /// The same where digests have to stay or a format is asked for, if such a place then holds types that are converted
    /// otherwise.
    pub holds_unchanged: Option<fn(&MediaType) -> bool>,
    /// A manifest that is there vouches for everything that it points at.
    pub manifest_implies_blobs: bool,
    /// Layers are held uncompressed only: whoever writes has to inflate them.
    pub plain_layers: bool,
    /// How foreign layers, whose bytes are at URLs of their own, are treated.
    pub foreign_layers: Foreign,
    /// A blob may come whose digest is known only when all its bytes are there.
    pub accepts_unknown_digest: bool,
}

impl Default for DestinationCan {
    /// A place that holds every image as it is.
    fn default() -> DestinationCan {
        DestinationCan {
            holds: |_| true,
            holds_unchanged: None,
            manifest_implies_blobs: false,
            plain_layers: false,
            foreign_layers: Foreign::Taken,
            accepts_unknown_digest: false,
        }
    }
}

/// Whether a blob is at a destination, as far as can be said without asking over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Present,
    Absent,
    /// Only writing will tell: the first request of the write is the question.
    AskedOnWrite,
}

impl Presence {
    /// At a place that knows whether it has the blob.
    pub(crate) fn known(is_there: bool) -> Presence {
        match is_there {
            true => Presence::Present,
            false => Presence::Absent,
        }
    }
}

/// A blob that is going to be written.
#[derive(Debug, Clone)]
pub struct PlannedBlob {
    pub blob: Descriptor,
    /// Bytes of it; `None` where only writing will tell, by [`StreamedBlobs::put_stream`](super::StreamedBlobs::put_stream). Then the descriptor's size
    /// does not count, and its digest may only stand for the one to come.
    pub size: Option<u64>,
}

/// The expected outcome of writing a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// Sent to the destination.
    pub requests: u64,
    /// Only what is written is read from the source.
    pub outcome: BlobOutcome,
}

impl Expected {
    /// At a place that takes no requests.
    pub fn local(presence: Presence) -> Expected {
        Expected {
            requests: 0,
            outcome: match presence {
                Presence::Present => BlobOutcome::Present,
                Presence::Absent | Presence::AskedOnWrite => BlobOutcome::Written,
            },
        }
    }
}

/// A blob whose digest and size are known now that it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenLate {
    pub digest: Digest,
    pub size: u64,
    pub outcome: BlobOutcome,
}

/// The outcome of writing a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
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

/// The answer of a destination that accepted a manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManifestWritten {
    /// The digest by which the image can be read at the destination, where a registry files the manifest under
    /// another one than its own.
    pub filed_as: Option<Digest>,
    /// The blobs that [`Destination::put_blob`](super::Destination::put_blob) deferred, each with what became of it.
    pub deferred: HashMap<Digest, BlobOutcome>,
}

/// Bytes of layers that are read before a manifest is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadAhead {
    /// So far, repeated ones included.
    pub read: u64,
    /// In all, where that is known.
    pub of: Option<u64>,
}

/// A place that was asked and did not serve, so that another one was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PassedOver {
    /// Its name, with its transport.
    pub place: String,
    /// Why, in one line.
    pub reason: String,
}

/// How a manifest belongs to an image without being a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Attachment {
    /// Its `subject` is the image (OCI distribution-spec, "Listing Referrers").
    Referrer,
    /// Its tag is made of the image's digest, as cosign does for signatures, attestations and SBOMs.
    Tag(Tag),
}

/// Tags or names as they arrive, in the order of the place.
pub type TagPages = BoxStream<'static, Result<Vec<String>>>;

/// The result of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The names that stand for nothing any more, with their transport: the one that was given first.
    pub names: Vec<String>,
    /// Blobs that were removed with them, as far as that is known.
    pub blobs: usize,
    /// Bytes of those.
    pub bytes: u64,
}
