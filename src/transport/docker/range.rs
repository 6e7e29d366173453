//! A part of a blob and no others of its bytes.

use std::ops::Range;

use futures_util::{StreamExt, stream};

use crate::image::Descriptor;
use crate::registry::v2::RepositoryClient;
use crate::transport::BlobStream;

/// How often a part is asked for again when its transfer breaks.
const PART_TRIES: usize = 3;

/// `stream`, the bytes `part` of `blob`; where it breaks off, it is asked for again from there on, a few times.
pub(super) fn resuming_part(
    repository: &RepositoryClient,
    blob: &Descriptor,
    part: Range<u64>,
    stream: BlobStream,
) -> BlobStream {
    let (repository, blob) = (repository.clone(), blob.clone());
    let state = (stream, part, PART_TRIES);
    Box::pin(stream::unfold(state, move |(mut stream, part, tries)| {
        let (repository, blob) = (repository.clone(), blob.clone());
        async move {
            if part.is_empty() {
                return None;
            }
            let (mut start, mut left) = (part.start, tries);
            loop {
                let broken = match stream.next().await {
                    Some(Ok(bytes)) => {
                        start += bytes.len() as u64;
                        return Some((Ok(bytes), (stream, start..part.end, left)));
                    }
                    // The reader counts the bytes.
                    None => return None,
                    Some(Err(e)) => e,
                };
                let again = match left {
                    0 => Err(broken),
                    _ => repository.get_blob_part(&blob, start..part.end).await,
                };
                left = left.saturating_sub(1);
                match again {
                    Ok(next) => stream = next,
                    Err(e) => {
                        start = part.end;
                        return Some((Err(e), (stream, start..part.end, 0)));
                    }
                }
            }
        }
    }))
}
