//! `Progress`: what a copy tells while it runs.
//!
//! The engine declares what it has to tell; how that looks is the business of `report`. An implementation is called
//! from many tasks at once, often, and must not block.

use crate::image::{Descriptor, Digest};
use crate::transport::BlobOutcome;

/// Hears of a copy's progress.
pub trait Progress: Send + Sync {
    /// The copy is about `blobs` different blobs of `bytes` bytes in all. Called once, before any blob starts.
    fn plan(&self, blobs: usize, bytes: u64);

    /// Bytes of `blob` are going to move, beginning at offset `from`. Called again when the blob is tried again.
    fn start(&self, blob: &Descriptor, from: u64);

    /// `bytes` more bytes of a started blob have moved.
    fn advance(&self, blob: &Digest, bytes: u64);

    /// `blob` is at the destination. A blob that was present or mounted may never have started.
    fn done(&self, blob: &Descriptor, how: BlobOutcome);

    /// `blob` could not be moved. The copy returns the error.
    fn failed(&self, blob: &Descriptor);

    /// A line for the reader: what happens now.
    fn note(&self, text: &str);
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn plan(&self, _blobs: usize, _bytes: u64) {}
    fn start(&self, _blob: &Descriptor, _from: u64) {}
    fn advance(&self, _blob: &Digest, _bytes: u64) {}
    fn done(&self, _blob: &Descriptor, _how: BlobOutcome) {}
    fn failed(&self, _blob: &Descriptor) {}
    fn note(&self, _text: &str) {}
}
