//! The graph of an image, the plan of a copy, and the engine that carries it out.
//!
//! This room alone knows both sides of a copy, and only by their traits: [`plan()`] walks the source and asks the
//! destination what it needs ([`CopyPlan`]), [`PlannedCopy::run`] carries the plan out and returns a [`CopyReport`]. It knows
//! no transport by name, draws no bars and reads no flags.
//!
//! `types` and `options` are data. `convert` decides which manifests and layers change, `plan` reads the image and asks the
//! destination, `run` moves the bytes. Each uses those before it, and none uses those after it.

mod convert;
mod options;
mod plan;
mod run;
mod types;
mod verify;

use crate::transport::Source;
use crate::{Error, Kind};

pub use crate::image::Schema1Check;
pub use crate::open::{Admission, Attachments, Chosen, Referrers, choose_image, sized_blobs};
pub use crate::transport::{BlobLocations, BlobOutcome, Upgrade, codec};
pub use options::{CopyOptions, Format, Layers, Platforms};
pub use plan::{PlannedCopy, plan, plan_layers};
pub use run::copy_to_all;
pub use types::{
    AttachedDone, AttachedStep, Awaits, BlobDone, BlobStep, Content, CopyPlan, CopyReport,
    ManifestStep, Progress, Quiet, Recoded, Requests, Signatures,
};
pub use verify::{Fault, Hashed, PartKind, Problem, Target, Verified, verify};

// The caller knows the names of the two sides as they were given, and adds them.
pub(crate) fn reading(e: Error) -> Error {
    e.context("reading the source")
}

pub(crate) fn writing(e: Error) -> Error {
    e.context("writing the destination")
}

/// `e` with the flag that copies a part of the index, where `source` lacks something of it.
fn with_sparse(source: &dyn Source, e: Error) -> Error {
    if e.kind() != Kind::NotFound {
        return e;
    }
    e.hint(format!(
        "if `{}` has only some images of the index, `--all --sparse` copies those",
        source.name()
    ))
}
