//! Blobs that have to wait in a temporary file until their digest is known.

use std::path::Path;

use crate::Result;
use crate::image::Descriptor;
use crate::transport::archive_file::spool;
use crate::transport::{BlobBody, Destination, WrittenLate, tallied};

/// Reads `body` into a file without a name, and writes it to `destination` under the digest and size that it turned out to
/// have. Fails with the errors of `body` and `destination`, and [`crate::Kind::Refused`] when the disk is full.
pub(crate) async fn put_spooled(
    destination: &dyn Destination,
    planned: &Descriptor,
    body: &BlobBody,
    tmpdir: Option<&Path>,
) -> Result<WrittenLate> {
    let (content, tally) = tallied(body.open(0).await?, planned.digest.algorithm());
    let shown = format!("a temporary file for {}", planned.digest);
    let file = spool(content, tmpdir, shown).await?;
    let (digest, size) = tally.ended()?;
    let blob = Descriptor {
        digest,
        size,
        ..planned.clone()
    };
    put_known(destination, blob, BlobBody::of_file(file)).await
}

/// Writes a blob whose digest and size are known now.
pub(super) async fn put_known(
    destination: &dyn Destination,
    blob: Descriptor,
    body: BlobBody,
) -> Result<WrittenLate> {
    let outcome = destination.put_blob(&blob, body).await?;
    Ok(WrittenLate {
        digest: blob.digest,
        size: blob.size,
        outcome,
    })
}
