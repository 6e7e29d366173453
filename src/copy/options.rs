//! The options of a copy.

use std::sync::Arc;

use crate::image::{
    Digest, Manifest, MediaType, PlatformPattern, PlatformRequest, Repository, Schema1Check,
    Schema1Signer,
};
use crate::open::{Admission, Attachments};
use crate::settings::Timeouts;
use crate::transport::codec::Codec;
use crate::transport::{BlobLocations, Destination, Elsewhere, Source};
use crate::trust::signing::Signing;
use crate::{Error, Result};

/// The two sides of a copy, and how it is made.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) source: &'a dyn Source,
    pub(super) destination: &'a dyn Destination,
    pub(super) options: &'a CopyOptions,
}

/// Which parts of the source are copied, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CopyOptions {
    pub platforms: Platforms,
    /// Refuse whatever would change a digest.
    pub preserve_digests: bool,
    /// In which form the layers are written.
    pub layers: Layers,
    /// Compress layers whose types say that they are not compressed, unless `preserve_digests` or `layers` say otherwise.
    pub compress_plain: Option<Codec>,
    /// The most blobs in flight; `None` leaves it to the engine.
    pub parallel: Option<usize>,
    /// Plan only: ask the destination for each blob, so that the plan says what is there.
    pub look: bool,
    /// Ask a destination for every blob and manifest also where it has the image's digest already.
    pub recheck: bool,
    /// Hash also what only passes through to a registry, which checks it itself.
    pub rehash: bool,
    /// Repositories of the destination's registry that are likely to have the blobs.
    pub mount_from: Vec<Repository>,
    /// Where blobs are that copies with the same table wrote, so that each is read once and mounted elsewhere.
    pub locations: Option<Arc<BlobLocations>>,
    /// The digest that the destination's name stands for, if the caller has asked already.
    pub current: Option<Option<Digest>>,
    /// The format that the image has to have at the destination; `None` keeps its own where that can be held.
    pub format: Option<Format>,
    /// How the signatures in schema 1 manifests are checked.
    pub schema1_check: Schema1Check,
    /// Whether foreign layers are copied; `None` leaves it to the kind of the destination.
    pub foreign_layers: Option<bool>,
    /// Fetches foreign layers that the source does not have.
    pub elsewhere: Arc<Elsewhere>,
    /// Do not copy signatures stored with the image, and do not warn about it.
    pub leave_signatures: bool,
    /// The attached manifests that are copied along with the image.
    pub attachments: Attachments,
    /// Ask a registry for referrers that are not copied, while the blobs move, and note how many there are: at most two
    /// requests, which nothing waits for.
    pub notice_referrers: bool,
    /// Sign what is written.
    pub signing: Option<Arc<Signing>>,
    /// The policy that the image has to pass; `None` lets all pass.
    pub admission: Option<Admission>,
}

impl Default for CopyOptions {
    /// As `barque copy` without flags: the image of this machine's platform, as it is, with its signatures. No policy is asked
    /// until [`CopyOptions::with_admission`] names one.
    fn default() -> CopyOptions {
        let elsewhere = Arc::new(Elsewhere::new(Timeouts::default()));
        CopyOptions {
            foreign_layers: None,
            leave_signatures: false,
            ..CopyOptions::as_it_is(PlatformRequest::default(), elsewhere)
        }
    }
}

impl CopyOptions {
    /// These options for other images of an index.
    #[must_use]
    pub fn with_platforms(mut self, platforms: Platforms) -> CopyOptions {
        self.platforms = platforms;
        self
    }

    /// These options with another form for the layers.
    #[must_use]
    pub fn with_layers(mut self, layers: Layers) -> CopyOptions {
        self.layers = layers;
        self
    }

    /// These options, which refuse whatever would change a digest.
    #[must_use]
    pub fn preserving_digests(mut self) -> CopyOptions {
        self.preserve_digests = true;
        self
    }

    /// These options, with what else is copied along with the image.
    #[must_use]
    pub fn with_attachments(mut self, attachments: Attachments) -> CopyOptions {
        self.attachments = attachments;
        self
    }

    /// These options for images that pass a policy only.
    #[must_use]
    pub fn with_admission(mut self, admission: Admission) -> CopyOptions {
        self.admission = Some(admission);
        self
    }

    /// The image of one platform, as it is. Foreign layers that the source lacks are fetched by `elsewhere`.
    pub fn as_it_is(platform: PlatformRequest, elsewhere: Arc<Elsewhere>) -> CopyOptions {
        CopyOptions {
            platforms: Platforms::One(platform),
            preserve_digests: false,
            layers: Layers::Keep,
            compress_plain: None,
            parallel: None,
            look: false,
            recheck: false,
            rehash: false,
            mount_from: Vec::new(),
            locations: None,
            current: None,
            format: None,
            schema1_check: Schema1Check::default(),
            foreign_layers: Some(true),
            elsewhere,
            leave_signatures: true,
            attachments: Attachments::default(),
            notice_referrers: false,
            signing: None,
            admission: None,
        }
    }

    /// Whether the digest of the image says nothing of what is below it: an index may be there without its images.
    pub(super) fn looks_below(&self) -> bool {
        let sparse = match self.platforms {
            Platforms::All { sparse } | Platforms::Some { sparse, .. } => sparse,
            Platforms::One(_) | Platforms::IndexOnly => false,
        };
        // Foreign layers that were left out before do not change the digest.
        self.recheck || sparse || self.foreign_layers == Some(true)
    }
}

/// Which images of an index.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Platforms {
    /// The one image that this platform means; an index is left behind.
    One(PlatformRequest),
    /// The index with all that it lists; when `sparse`, as it is and with the images that the source has.
    All { sparse: bool },
    /// The images that fit one of the patterns. The index is rewritten to list only them, or kept as it is when
    /// `sparse`; then it lists more than is there.
    Some {
        patterns: Vec<PlatformPattern>,
        sparse: bool,
    },
    /// The index itself and nothing below it.
    IndexOnly,
}

/// The form in which an image's layers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Layers {
    /// They stay as they are.
    #[default]
    Keep,
    /// All are inflated.
    Plain,
    /// They are compressed.
    Compressed {
        codec: Codec,
        /// The plain ones are.
        plain: bool,
        /// Those that are compressed otherwise are.
        others: bool,
    },
}

/// A format of manifests.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Format {
    Oci,
    /// Docker's schema 2.
    Schema2,
    /// Docker's schema 1, signed with this key where a new one is made.
    Schema1(Arc<dyn Schema1Signer>),
}

impl Format {
    /// Whether manifests of a type are of this format.
    pub fn holds(&self) -> fn(&MediaType) -> bool {
        match self {
            Format::Oci => |t| matches!(t.as_str(), MediaType::OCI_MANIFEST | MediaType::OCI_INDEX),
            Format::Schema2 => |t| {
                matches!(
                    t.as_str(),
                    MediaType::DOCKER_MANIFEST | MediaType::DOCKER_LIST
                )
            },
            Format::Schema1(_) => MediaType::is_schema1,
        }
    }

    /// The type of an image's manifest in this format.
    pub fn image_type(&self) -> &'static str {
        match self {
            Format::Oci => MediaType::OCI_MANIFEST,
            Format::Schema2 => MediaType::DOCKER_MANIFEST,
            Format::Schema1(_) => MediaType::SCHEMA1_SIGNED,
        }
    }

    /// As it is written after `--format`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Format::Oci => "oci",
            Format::Schema2 => "v2s2",
            Format::Schema1(_) => "v2s1",
        }
    }
}

/// The types that the image may have at the destination: those of the wanted format, else all that it holds.
pub(super) fn holding(
    destination: &dyn Destination,
    want: &CopyOptions,
) -> Result<fn(&MediaType) -> bool> {
    let can = destination.can();
    let holds = can.holds;
    let Some(format) = &want.format else {
        let unchanged = can.holds_unchanged.filter(|_| want.preserve_digests);
        return Ok(unchanged.unwrap_or(holds));
    };
    let image = format.image_type();
    let image_type = MediaType::new(image);
    // A type that a place holds on demand is asked for.
    match holds(&image_type) || can.holds_unchanged.is_some_and(|holds| holds(&image_type)) {
        true => Ok(format.holds()),
        false => {
            let message = format!("`{}` cannot hold `{image}`", destination.name());
            let hint = format!("leave out `--format {}`", format.as_str());
            Err(Error::refused(message).hint(hint))
        }
    }
}

/// Whether `manifest` is in the wanted format as it is. Of schema 1 its bytes do not tell: the name in them counts too.
pub(super) fn stays(manifest: &Manifest, want: &CopyOptions) -> bool {
    match &want.format {
        None => true,
        Some(Format::Schema1(_)) => false,
        Some(format) => format.holds()(manifest.media_type()),
    }
}
