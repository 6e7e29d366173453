//! Mirroring of many images: declarations, selection of tags, plans, state and receipts.
//!
//! The room decides what is copied where; bytes are copied by [`mod@crate::copy`]. It prints nothing.

mod claims;
pub mod convert;
pub mod declaration;
mod known_blobs;
pub mod options;
pub mod outcome;
pub mod pattern;
mod pick;
pub mod plan;
pub mod planner;
mod re2;
pub mod receipt;
pub mod run;
pub mod select;
pub mod semver;
pub mod shard;
pub mod state;
pub mod summary;
pub mod target;
