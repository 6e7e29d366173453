//! Blobs whose digest is known when they are written: a temporary file first, which then gets its name.

use std::path::{Path, PathBuf};

use super::partial::Partial;
use super::{fill, holds};
use crate::Result;
use crate::image::Algorithm;
use crate::transport::document::{blocking, create_directory};
use crate::transport::{BlobBody, BlobOutcome, WrittenLate, tallied};

/// Writes `body` to the file that `name` gives for its digest, by way of a temporary file in the directory
/// `partials` (of the same file system). Whatever ends the write before, the temporary file goes.
///
/// # Errors
/// Those of `body`, as they are; [`crate::Kind::Refused`] when something cannot be written.
pub async fn write_late(
    partials: &Path,
    algorithm: Algorithm,
    body: &BlobBody,
    name: impl FnOnce(&crate::image::Digest) -> PathBuf,
) -> Result<WrittenLate> {
    let directory = partials.to_owned();
    let (mut partial, temporary) = blocking(move || {
        create_directory(&directory)?;
        Partial::fresh(&directory)
    })
    .await?;
    let (stream, tally) = tallied(body.open(0).await?, algorithm);
    fill(&mut partial, None, stream, None).await?;
    let (digest, size) = tally.ended()?;
    let to = name(&digest);
    let outcome = if !body.must_send && holds(&to, size).await {
        // While it is still locked.
        drop(temporary);
        BlobOutcome::Present
    } else {
        let parent = to.parent().map(Path::to_owned).unwrap_or_default();
        blocking(move || create_directory(&parent)).await?;
        partial.publish(&to).await?;
        // It has its final name: there is nothing to remove.
        let _ = temporary.keep();
        BlobOutcome::Written
    };
    Ok(WrittenLate {
        digest,
        size,
        outcome,
    })
}
