//! Mirroring of many images: declarations, selection of tags, plans, state and receipts.
//!
//! The room decides what is copied where; bytes are copied by [`crate::copy`]. It prints nothing.

pub mod declaration;
pub mod pattern;
pub mod run;
pub mod select;
pub mod semver;
pub mod shard;
pub mod target;
