//! Docker schema 1: its chain of images, conversions from and to modern manifests, and what a copy does with it.

mod chain;
pub mod convert;
pub(crate) mod decision;
mod upgrade;

pub use chain::{Asked, EMPTY_LAYER, Schema1Error, Schema1Layer, verify};
pub use decision::{Schema1Check, check_signatures, schema1_blobs, sized_blobs};
pub use upgrade::Schema1Upgrade;
