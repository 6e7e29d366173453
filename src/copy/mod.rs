//! The graph of an image, the plan of a copy, and the engine that carries it out.
//!
//! This room alone knows both sides of a copy, and only by their traits: [`plan()`] walks the source and asks the
//! destination what it needs ([`CopyPlan`]), [`run`] carries the plan out and returns a [`CopyReport`]. It knows
//! no transport by name, draws no bars and reads no flags.

pub mod codec;
mod draft;
mod engine;
mod expect;
mod format;
mod graph;
mod lanes;
mod nested;
mod plan;
mod progress;
mod recode;
mod schema1;
mod settle;
mod signatures;

pub use engine::{BlobDone, CopyReport, run};
pub use expect::Requests;
pub use format::Format;
pub use graph::choose_image;
pub use plan::{Awaits, BlobStep, Content, CopyPlan, ManifestStep, plan, plan_layers};
pub use progress::{BlobOutcome, Progress, Quiet};
pub use recode::{Layers, Recoded};
pub use schema1::{Rescue, check_signatures, schema1_blobs, sized_blobs};
pub use signatures::Signatures;

use crate::image::{PlatformPattern, PlatformWish, Repository};

/// What of the source is wanted, and how.
#[derive(Debug, Clone)]
pub struct Want {
    pub platforms: Platforms,
    /// Refuse whatever would change a digest.
    pub preserve_digests: bool,
    /// In which form the layers are written.
    pub layers: Layers,
    /// The most blobs in flight; `None` leaves it to the engine.
    pub parallel: Option<usize>,
    /// Plan only: ask the destination for each blob, so that the plan says what is there.
    pub look: bool,
    /// Ask a destination for every blob and manifest also where it has the image's digest already.
    pub recheck: bool,
    /// Repositories of the destination's registry that are likely to have the blobs.
    pub mount_from: Vec<Repository>,
    /// The format that the image has to have at the destination; `None` keeps its own where that can be held.
    pub format: Option<Format>,
    /// Refuse signed schema 1 manifests whose signatures are wrong, or that are signed as another image.
    pub verify_signatures: bool,
    /// Leave signatures behind that lie beside the image, untold.
    pub leave_signatures: bool,
}

impl Want {
    /// The image of one platform, as it is.
    pub fn as_it_is(platform: PlatformWish) -> Want {
        Want {
            platforms: Platforms::One(platform),
            preserve_digests: false,
            layers: Layers::Keep,
            parallel: None,
            look: false,
            recheck: false,
            mount_from: Vec::new(),
            format: None,
            verify_signatures: true,
            leave_signatures: true,
        }
    }

    /// Whether the digest of the image says nothing of what is below it: an index may be there without its images.
    fn looks_below(&self) -> bool {
        self.recheck || matches!(self.platforms, Platforms::Some { sparse: true, .. })
    }
}

/// Which images of an index.
#[derive(Debug, Clone)]
pub enum Platforms {
    /// The one image that this platform means; an index is left behind.
    One(PlatformWish),
    /// The index with all that it lists.
    All,
    /// The images that fit one of the patterns. The index is rewritten to list only them, or kept as it is when
    /// `sparse`; then it lists more than is there.
    Some {
        patterns: Vec<PlatformPattern>,
        sparse: bool,
    },
    /// The index itself and nothing below it.
    IndexOnly,
}
