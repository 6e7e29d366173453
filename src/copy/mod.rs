//! The graph of an image, the plan of a copy, and the engine that carries it out.
//!
//! This room alone knows both sides of a copy, and only by their traits: [`plan()`] walks the source and asks the
//! destination what it needs ([`CopyPlan`]), [`run`] carries the plan out and returns a [`CopyReport`]. It knows
//! no transport by name, draws no bars and reads no flags.

mod adaptive_limit;
mod choose;
pub mod codec;
mod engine;
mod expect;
mod fallback;
mod finalize;
mod format;
pub(crate) mod graph;
mod left_out;
mod nested;
pub(crate) mod plan;
pub(crate) mod prepared;
pub(crate) mod progress;
mod recode;
mod signatures;

pub use crate::legacy::schema1::{
    Schema1Check, Schema1Upgrade, check_signatures, schema1_blobs, sized_blobs,
};
pub use choose::{Chosen, choose_image};
pub use engine::{BlobDone, CopyReport, run};
pub use expect::Requests;
pub use format::Format;
pub use plan::{Awaits, BlobStep, Content, CopyPlan, ManifestStep, plan, plan_layers};
pub use progress::{Progress, Quiet};
pub use recode::{Layers, Recoded};
pub use signatures::Signatures;

use std::sync::Arc;

use crate::image::{PlatformPattern, PlatformRequest, Repository};
pub use crate::transport::BlobOutcome;
use crate::transport::Elsewhere;

/// What of the source is wanted, and how.
#[derive(Debug, Clone)]
pub struct CopyOptions {
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
    /// Hash also what only passes through to a registry, which checks it itself.
    pub rehash: bool,
    /// Repositories of the destination's registry that are likely to have the blobs.
    pub mount_from: Vec<Repository>,
    /// The format that the image has to have at the destination; `None` keeps its own where that can be held.
    pub format: Option<Format>,
    /// What is checked of schema 1 manifests that carry signatures.
    pub schema1_check: Schema1Check,
    /// Whether foreign layers are copied; `None` leaves it to the kind of the destination.
    pub foreign_layers: Option<bool>,
    /// Fetches foreign layers that the source does not have.
    pub elsewhere: Arc<Elsewhere>,
    /// Leave signatures behind that lie beside the image, untold.
    pub leave_signatures: bool,
}

impl CopyOptions {
    /// The image of one platform, as it is. Foreign layers that the source lacks are fetched by `elsewhere`.
    pub fn as_it_is(platform: PlatformRequest, elsewhere: Arc<Elsewhere>) -> CopyOptions {
        CopyOptions {
            platforms: Platforms::One(platform),
            preserve_digests: false,
            layers: Layers::Keep,
            parallel: None,
            look: false,
            recheck: false,
            rehash: false,
            mount_from: Vec::new(),
            format: None,
            schema1_check: Schema1Check::default(),
            foreign_layers: Some(true),
            elsewhere,
            leave_signatures: true,
        }
    }

    /// Whether the digest of the image says nothing of what is below it: an index may be there without its images.
    fn looks_below(&self) -> bool {
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
