//! A part of a blob and no others of its bytes.

use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt;

use crate::Result;
use crate::bytes::{Produce, produced};
use crate::image::Descriptor;
use crate::registry::retry::{self, RetryBudget, Tries};
use crate::registry::v2::RepositoryClient;
use crate::transport::BlobStream;

/// `stream`, the bytes `part` of `blob`; where it breaks off, it is asked for again from there on, a few times. The
/// requests of `repository` spend from `budget`.
pub(super) fn resuming_part(
    repository: RepositoryClient,
    budget: &RetryBudget,
    blob: &Descriptor,
    part: Range<u64>,
    stream: BlobStream,
) -> BlobStream {
    Box::pin(produced(PartOfBlob {
        repository,
        blob: blob.clone(),
        part,
        stream,
        breaks: budget.of_kind(retry::PART),
    }))
}

/// A part on its way.
struct PartOfBlob {
    repository: RepositoryClient,
    blob: Descriptor,
    /// The rest of it.
    part: Range<u64>,
    stream: BlobStream,
    breaks: Tries,
}

impl Produce for PartOfBlob {
    type Item = Bytes;

    async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.part.is_empty() {
            let broken = match self.stream.next().await {
                Some(Ok(bytes)) => {
                    self.part.start += bytes.len() as u64;
                    return Ok(Some(bytes));
                }
                // The reader counts the bytes.
                None => return Ok(None),
                Some(Err(e)) => e,
            };
            if self.breaks.is_spent() {
                return Err(broken);
            }
            self.breaks.spend();
            let rest = self.repository.get_blob_part(&self.blob, self.part.clone());
            self.stream = rest.await?;
        }
        Ok(None)
    }
}
