//! The data of a copy: the graph's nodes, the plan, and what became of it; and `Progress`, which hears of it meanwhile. Nothing
//! here decides or does anything.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;

use crate::image::{Descriptor, Digest, LayerForm, Manifest, View};
use crate::transport::codec::Codec;
use crate::transport::{Attachment, BlobOutcome, ManifestRef, PassedOver, Presence};
use crate::{Error, Result};

/// A manifest of the graph and what it points at directly.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) manifest: Manifest,
    /// Config, layers and other blobs.
    pub(crate) blobs: Vec<Descriptor>,
    /// Digests of the manifests below.
    pub(crate) children: Vec<Digest>,
    /// Layers that are written in another form, by the digest that `manifest` gives them.
    pub(crate) recoded: HashMap<Digest, Recoded>,
    /// The parts that are known only when the blobs are written.
    pub(crate) awaits: Awaits,
    /// The manifest's digest at the source.
    pub(crate) was: Digest,
    /// In words, why its digest will change, where the new one is not known yet.
    pub(crate) change: Option<String>,
}

impl Node {
    /// A manifest as the source has it, over `blobs` and `children`.
    pub(crate) fn new(manifest: Manifest, blobs: Vec<Descriptor>, children: Vec<Digest>) -> Node {
        Node {
            was: manifest.digest().clone(),
            change: None,
            manifest,
            blobs,
            children,
            recoded: HashMap::new(),
            awaits: Awaits::Nothing,
        }
    }

    /// This image with `manifest`, which was made from its manifest: the same layers in the same order.
    pub(crate) fn with_image(self, manifest: Manifest) -> Result<Node> {
        let View::Image(view) = manifest.view()? else {
            return Err(Error::other("a conversion made no image"));
        };
        Ok(Node {
            blobs: view.blobs().cloned().collect(),
            manifest,
            ..self
        })
    }
}

/// Where the bytes of a blob come from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Content {
    /// From the source, as they are.
    Source,
    /// From here: a conversion made them.
    Made(Bytes),
    /// From a blob of the source, in another form. How many they are, and unless they are plain their digest, is
    /// known afterwards.
    Recoded(Box<Recoded>),
}

/// One blob of the copy.
#[derive(Debug, Clone)]
pub struct BlobStep {
    /// As the planned manifest lists it. A layer that is going to be compressed has its digest at the source here.
    pub blob: Descriptor,
    pub content: Content,
    /// Where its bytes are too, if the source does not have them: the URLs of a foreign layer.
    pub urls: Vec<String>,
    /// Whether the destination has it, as far as that is known before it is written.
    pub presence: Presence,
    /// The outcome that is expected.
    pub expected: BlobOutcome,
}

impl BlobStep {
    /// `blob` with `content`, of which nothing is known at the destination.
    pub(crate) fn new(blob: Descriptor, content: Content) -> BlobStep {
        BlobStep {
            urls: blob.foreign_urls().to_vec(),
            blob,
            content,
            presence: Presence::AskedOnWrite,
            expected: BlobOutcome::Written,
        }
    }

    /// The blob as the source has it, which is what moves.
    pub fn moving(&self) -> &Descriptor {
        match &self.content {
            Content::Recoded(recoded) => &recoded.from,
            Content::Source | Content::Made(_) => &self.blob,
        }
    }

    /// How the bytes change on their way.
    pub fn recoded(&self) -> Option<&Recoded> {
        match &self.content {
            Content::Recoded(recoded) => Some(recoded),
            Content::Source | Content::Made(_) => None,
        }
    }
}

/// Why a manifest, and so its digest, is known only when the blobs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaits {
    /// It is as it will be written.
    Nothing,
    /// Digests and sizes of its layers.
    Layers,
    /// The manifests that it lists.
    Children,
}

/// One manifest of the copy.
#[derive(Debug, Clone)]
pub struct ManifestStep {
    pub manifest: Manifest,
    /// Which of its parts is not final yet.
    pub awaits: Awaits,
    /// Its digest at the source.
    pub was: Digest,
    /// In words, why its digest will change, where the new one is not known yet.
    pub change: Option<String>,
    pub at: ManifestRef,
    /// Steps of the same level do not need one another and may be written at once.
    pub level: usize,
}

/// A manifest that is copied along with the image, and is not a part of it.
#[derive(Debug, Clone)]
pub struct AttachedStep {
    pub manifest: Manifest,
    /// The manifest that it belongs to.
    pub subject: Digest,
    /// How it is found; `None` for a part of the attached index behind it.
    pub how: Option<Attachment>,
    /// As it is listed: with artifact type and annotations.
    pub entry: Descriptor,
    /// Steps of the same level do not need one another and may be written at once.
    pub level: usize,
}

/// The steps of a copy.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CopyPlan {
    /// Each blob once.
    pub blobs: Vec<BlobStep>,
    /// Children before parents; the last is what the destination's name will stand for.
    pub manifests: Vec<ManifestStep>,
    /// Attached manifests that the destination lacks, written after the image.
    pub attached: Vec<AttachedStep>,
    /// Foreign layers that stay at their URLs.
    pub left: Vec<Digest>,
    /// Those that go along.
    pub signatures: Vec<Signatures>,
    /// Notes for the user: conversions, and parts that are left out.
    pub notes: Vec<String>,
    /// Bytes of layers that were read for the plan.
    pub read_ahead: u64,
    /// Warnings, which are shown even when notes are not: signatures that are left behind, an image that is signed as
    /// another one.
    pub losses: Vec<String>,
    /// The requests that the copy is expected to send, the plan included.
    pub requests: Requests,
    /// Set when the destination has the image already: its digest. What is attached may be missing all the same.
    pub up_to_date: Option<Digest>,
    /// A schema 1 image becomes a modern one: its config and manifest are made when its layers have been read, and
    /// the one manifest of the plan stands for what is read.
    pub upgrades: bool,
}

impl CopyPlan {
    /// Whether the destination has everything already.
    pub fn is_done(&self) -> bool {
        let is_there = |step: &BlobStep| step.presence == Presence::Present;
        self.up_to_date.is_some() && self.attached.is_empty() && self.blobs.iter().all(is_there)
    }
}

/// Requests at each side: an estimate. What was sent for the plan itself is counted with tokens, redirects and
/// retries; what is still to be sent is counted without.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    pub source: u64,
    pub destination: u64,
}

/// The signatures of one manifest.
#[derive(Debug, Clone)]
pub struct Signatures {
    /// Where the manifest is written.
    pub at: ManifestRef,
    /// The manifest's digest.
    pub digest: Digest,
    /// In the order of the source, from 1 on.
    pub bytes: Vec<Bytes>,
}

/// A layer that is written in another form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recoded {
    /// As the source has it.
    pub from: Descriptor,
    /// The digest of its plain form, as the image's config gives it.
    pub diff_id: Digest,
    /// The compression; `None` for plain.
    pub into: Option<Codec>,
}

impl Recoded {
    /// The form in which it is written.
    pub fn form(&self) -> LayerForm {
        self.into.map_or(LayerForm::Plain, |codec| codec.form())
    }
}

/// Hears of a copy's progress. It is called from many tasks at once, often, and must not block.
pub trait Progress: Send + Sync {
    /// The copy is about `blobs` different blobs of `bytes` bytes in all. Called once, before any blob starts.
    fn plan(&self, blobs: usize, bytes: u64);

    /// Bytes of `blob` are going to move, beginning at offset `from`. Called again when the blob is tried again.
    fn start(&self, blob: &Descriptor, from: u64);

    /// `bytes` more bytes of a started blob have moved.
    fn advance(&self, blob: &Digest, bytes: u64);

    /// `blob` is at the destination. A blob that was present or mounted may never have started.
    fn done(&self, blob: &Descriptor, how: BlobOutcome);

    /// `blob` could not be moved. The copy returns the error.
    fn failed(&self, blob: &Descriptor);

    /// A line for the reader: what happens now.
    fn note(&self, text: &str);
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn plan(&self, _blobs: usize, _bytes: u64) {}
    fn start(&self, _blob: &Descriptor, _from: u64) {}
    fn advance(&self, _blob: &Digest, _bytes: u64) {}
    fn done(&self, _blob: &Descriptor, _how: BlobOutcome) {}
    fn failed(&self, _blob: &Descriptor) {}
    fn note(&self, _text: &str) {}
}

/// The outcome of one blob.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BlobDone {
    /// As it was written.
    pub blob: Descriptor,
    pub outcome: BlobOutcome,
    /// The offset from which an earlier, broken transfer was continued; 0 for a transfer from the start.
    pub resumed_from: u64,
    /// How the bytes changed on their way.
    pub recoded: Option<Box<Recoded>>,
}

impl BlobDone {
    /// The blob as the source has it, which is what moved.
    pub(crate) fn moved(&self) -> &Descriptor {
        self.recoded.as_deref().map_or(&self.blob, |r| &r.from)
    }

    /// How the plan calls it: its digest there, and whether that only stands for another one.
    pub(crate) fn planned(&self) -> (Digest, bool) {
        match self.recoded.as_deref() {
            Some(Recoded {
                from,
                into: Some(_),
                ..
            }) => (from.digest.clone(), true),
            _ => (self.blob.digest.clone(), false),
        }
    }
}

/// A manifest that was copied along with the image.
#[derive(Debug, Clone)]
pub struct AttachedDone {
    /// As it is listed: with artifact type and annotations.
    pub entry: Descriptor,
    /// The manifest that it belongs to.
    pub subject: Digest,
    /// How it is found.
    pub how: Attachment,
}

/// The result of a copy.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CopyReport {
    pub source: String,
    pub destination: String,
    /// The digest of what the destination's name stands for now.
    pub digest: Digest,
    /// Nothing had to be done.
    pub up_to_date: bool,
    pub blobs: Vec<BlobDone>,
    /// Bytes read from the source.
    pub bytes: u64,
    /// Digests of the manifests written, children before parents.
    pub manifests: Vec<Digest>,
    /// The manifests that were copied along with the image, without the parts of attached indexes.
    pub attached: Vec<AttachedDone>,
    pub notes: Vec<String>,
    /// Requests sent, by host.
    pub requests: BTreeMap<String, u64>,
    /// The mirrors of the source that did not serve.
    pub passed_over: Vec<PassedOver>,
    pub duration: Duration,
}

impl CopyReport {
    /// How many blobs ended so.
    pub fn count(&self, outcome: BlobOutcome) -> usize {
        self.blobs.iter().filter(|b| b.outcome == outcome).count()
    }
}
