//! The graph of an image, the plan of a copy, and the engine that carries it out.
//!
//! This room alone knows both sides of a copy, and only by their traits: [`plan()`] walks the source and asks the
//! destination what it needs ([`CopyPlan`]), [`PlannedCopy::run`] carries the plan out and returns a [`CopyReport`]. It knows
//! no transport by name, draws no bars and reads no flags.
//!
//! `types` and `options` are data. Walking the graph (`graph`), deciding on conversions (`prepared`, `recode`) and moving
//! bytes (`engine`) know these and not each other; `plan` and `run` put them together.

mod adaptive_limit;
mod admission;
mod append;
mod attached;
mod attestations;
mod choose;
mod draw;
mod edited;
mod engine;
mod expect;
mod fallback;
mod finalize;
mod graph;
mod lanes;
mod left_out;
mod locations;
mod manifests;
mod options;
mod plan;
mod prepared;
mod progress;
mod recode;
mod run;
mod schema1;
mod several;
mod shared;
mod shared_source;
mod signatures;
mod types;
mod verify;

pub use crate::image::Schema1Check;
pub use crate::open::{Chosen, choose_image, sized_blobs};
pub use crate::transport::{BlobOutcome, Upgrade, codec};
pub use admission::Admission;
pub use append::Appended;
pub use attached::{Attached, attached_to};
pub use attestations::{Attestation, attestations, attestations_in_index, read_statements};
pub use edited::EditedImage;
pub use locations::BlobLocations;
pub use options::{Attachments, CopyOptions, Format, Layers, Platforms, Referrers};
pub use plan::{PlannedCopy, plan, plan_layers};
pub use progress::{Progress, Quiet};
pub use schema1::check_signatures;
pub use several::copy_to_all;
#[cfg(any(feature = "cli", feature = "sync"))]
pub(crate) use shared::reading;
#[cfg(feature = "sync")]
pub(crate) use shared::writing;
pub use types::{
    AttachedDone, AttachedStep, Awaits, BlobDone, BlobStep, Content, CopyPlan, CopyReport,
    ManifestStep, Recoded, Requests, Signatures,
};
pub use verify::{Fault, PartKind, Problem, Target, Verified, verify};
