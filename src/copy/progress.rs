//! `Progress`: what a copy tells while it runs.
//!
//! The engine declares what it has to tell; how that looks is the business of `report`. An implementation is called
//! from many tasks at once, often, and must not block.

use crate::image::{Descriptor, Digest};
use crate::transport::Stored;

/// What became of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobOutcome {
    /// Its bytes were moved.
    Copied,
    /// The destination had it already.
    Present,
    /// The destination took it from another of its repositories.
    Mounted,
    /// It could not be moved; the error is told elsewhere.
    Failed,
}

impl BlobOutcome {
    /// What a destination's answer to a write comes to.
    pub(crate) fn of(stored: Stored) -> BlobOutcome {
        match stored {
            Stored::Written => BlobOutcome::Copied,
            Stored::Present => BlobOutcome::Present,
            Stored::Mounted => BlobOutcome::Mounted,
        }
    }
}

/// Hears of a copy's progress.
pub trait Progress: Send + Sync {
    /// The copy is about `blobs` different blobs of `bytes` bytes in all. Told once, before any blob starts.
    fn plan(&self, blobs: usize, bytes: u64);

    /// Bytes of `blob` are going to move, beginning at offset `from`. Told again when it is tried again.
    fn start(&self, blob: &Descriptor, from: u64);

    /// `bytes` more bytes of a started blob have moved.
    fn advance(&self, blob: &Digest, bytes: u64);

    /// Nothing more will be told of `blob`. A blob that was present or mounted may never have started.
    fn done(&self, blob: &Descriptor, how: BlobOutcome);

    /// A line for the reader: what happens now.
    fn note(&self, text: &str);
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn plan(&self, _blobs: usize, _bytes: u64) {}
    fn start(&self, _blob: &Descriptor, _from: u64) {}
    fn advance(&self, _blob: &Digest, _bytes: u64) {}
    fn done(&self, _blob: &Descriptor, _how: BlobOutcome) {}
    fn note(&self, _text: &str) {}
}
