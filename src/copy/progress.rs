//! `Progress`: what the engine tells while it works. Drawing it is for `report`.

use crate::image::{Descriptor, Digest};

/// What became of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobOutcome {
    Copied,
    Present,
    Mounted,
    Failed,
}

/// Hears of the progress of a copy; called from many tasks at once, and not allowed to wait.
pub trait Progress: Send + Sync {
    /// How many blobs and bytes may have to move.
    fn plan(&self, blobs: usize, bytes: u64);
    /// The first bytes of a blob are asked for, from this offset on.
    fn start(&self, blob: &Descriptor, from: u64);
    /// So many bytes more of a blob are here.
    fn advance(&self, blob: &Digest, bytes: u64);
    /// A blob is dealt with.
    fn done(&self, blob: &Descriptor, how: BlobOutcome);
    /// Something worth a line of its own.
    fn note(&self, text: &str);
}

/// Hears nothing.
pub struct Quiet;

impl Progress for Quiet {
    fn plan(&self, _: usize, _: u64) {}
    fn start(&self, _: &Descriptor, _: u64) {}
    fn advance(&self, _: &Digest, _: u64) {}
    fn done(&self, _: &Descriptor, _: BlobOutcome) {}
    fn note(&self, _: &str) {}
}
