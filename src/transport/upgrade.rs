//! An image of an old format that becomes a modern one while it is copied.
//!
//! The config and manifest of a modern image need digests of its layers that old formats do not have. A copy learns them
//! of the bytes that it moves; what is made of them is known to the implementation.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{BlobBody, Source};
use crate::Result;
use crate::image::{Descriptor, Manifest};

/// The modern image in the making.
#[async_trait]
pub trait Upgrade: std::fmt::Debug + Send + Sync {
    /// The type of manifest that comes out.
    fn target(&self) -> &'static str;

    /// Returns `body`, the bytes of the layer `blob`, as a body that is examined while it is read from its beginning.
    fn watched(self: Arc<Self>, blob: &Descriptor, body: BlobBody) -> BlobBody;

    /// Reads the layer `blob` from `source` unless it was examined on its way. Returns how many bytes were read.
    ///
    /// # Errors
    /// Those of the source, and [`crate::Kind::Corrupt`] for a layer that cannot be decompressed.
    async fn complete(&self, source: &dyn Source, blob: &Descriptor) -> Result<u64>;

    /// The manifest of the modern image, and its config with the bytes of it.
    ///
    /// # Errors
    /// An error if a layer was not examined, or has no form in the modern format.
    fn made(&self) -> Result<(Manifest, Descriptor, Bytes)>;
}
