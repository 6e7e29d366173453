//! Blobs that pass through to a registry, which checks them against the digest of the PUT.
//!
//! They are not hashed here on their way. When something goes wrong, the source is read again and hashed, so that the
//! error names the side that is wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryFutureExt;

use crate::Error;
use crate::bytes::drained;
use crate::registry::v2::OtherContent;
use crate::registry::{ApiError, UploadBody};
use crate::transport::BlobBody;

/// `body` of `size` bytes as an upload to a registry that checks the digest. From its second opening on it is hashed
/// here too: the first upload failed, perhaps because the source has other content.
pub(super) fn passing(size: u64, body: &BlobBody) -> UploadBody {
    let (body, opened) = (body.clone(), Arc::new(AtomicBool::new(false)));
    UploadBody::new(size, move |from| {
        let body = body.clone();
        let again = opened.swap(true, Ordering::Relaxed);
        Box::pin(async move {
            // The rest alone has no digest.
            match again && from == 0 {
                true => body.open(0).await,
                false => body.open_unhashed(from).await,
            }
        })
    })
}

/// `e`, which ended the upload of `body`. Where a registry says in it that the content is wrong, the source is read
/// again: the error is then the source's if its content is wrong, and `e` with a hint if not.
pub(super) async fn traced(e: Error, body: &BlobBody) -> Error {
    let by_registry = OtherContent::is_in(&e)
        || ApiError::of(&e).is_some_and(|answer| answer.has_code("DIGEST_INVALID"));
    if !by_registry {
        return e;
    }
    tracing::debug!("{e:#}; reading the source again to see which side is wrong");
    let content = body.open(0).and_then(drained);
    match content.await {
        Ok(()) => e.hint(
            "the source has the right content: the registry, or something on the way to it, changed the bytes",
        ),
        Err(of_source) => of_source,
    }
}
