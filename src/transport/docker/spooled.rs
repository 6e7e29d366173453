//! Blobs that have to wait in a temporary file until their digest is known.

use std::path::Path;

use crate::Result;
use crate::image::Descriptor;
use crate::transport::archive_file::spool;
use crate::transport::{BlobBody, tallied};

/// Reads `body` into a file without a name. Returns the blob with the digest and size that it turned out to have, and a
/// body that reads the file.
///
/// # Errors
/// Those of `body`, and [`crate::Kind::Refused`] when the disk is full.
pub(crate) async fn spooled(
    planned: &Descriptor,
    body: &BlobBody,
    tmpdir: Option<&Path>,
) -> Result<(Descriptor, BlobBody)> {
    let (content, tally) = tallied(body.open(0).await?, planned.digest.algorithm());
    let shown = format!("a temporary file for {}", planned.digest);
    let file = spool(content, tmpdir, shown).await?;
    let (digest, size) = tally.ended()?;
    let blob = Descriptor {
        digest,
        size,
        ..planned.clone()
    };
    Ok((blob, BlobBody::of_file(file)))
}
