//! Docker schema 1: its chain of images, its signatures, and conversions from and to modern manifests.

mod chain;
pub mod convert;
mod upgrade;
mod verify;

pub use chain::{Schema1Error, Schema1Layer};
pub(crate) use convert::{of_image, signed};
pub(crate) use upgrade::upgrade;
pub use verify::{Asked, check_signatures, verify};

/// The empty tar, compressed: what a step that changed no file has for a layer in schema 1.
pub const EMPTY_LAYER: [u8; 32] = crate::image::schema1::EMPTY_LAYER;
