//! Blobs that get their digest while they are uploaded.
//!
//! A small one is held in memory until its digest is known, and then goes the way of all blobs. A larger one is
//! streamed into an upload that is given the digest at its end; where a registry takes no such upload, it waits in
//! a temporary file.

use std::sync::{Arc, Mutex};

use bytes::BytesMut;
use futures_util::StreamExt;
use futures_util::stream;

use super::DockerDestination;
use crate::image::{Algorithm, Descriptor};
use crate::registry::{ApiError, UploadBody};
use crate::transport::docker::{put_known, put_spooled};
use crate::transport::{BlobBody, BlobOutcome, BlobStream, Tally, WrittenLate, tallied};
use crate::{Error, Result, locked};

/// A smaller blob is held in memory.
pub(super) const SMALL: usize = 1 << 20;

/// A stream that was opened and not sent yet, and the tally of the newest one.
type Begun = Arc<Mutex<(Option<BlobStream>, Tally)>>;

impl DockerDestination {
    pub(super) async fn write_late(
        &self,
        planned: &Descriptor,
        body: BlobBody,
    ) -> Result<WrittenLate> {
        let algorithm = planned.digest.algorithm();
        let (mut content, tally) = tallied(body.open(0).await?, algorithm);
        let mut begin = BytesMut::new();
        while begin.len() < SMALL {
            match content.next().await {
                Some(bytes) => begin.extend_from_slice(&bytes?),
                None => {
                    let all = BlobBody::of_bytes(begin.freeze());
                    let (digest, size) = tally.ended()?;
                    let blob = Descriptor::new(planned.media_type.clone(), digest, size);
                    return put_known(self, blob, all).await;
                }
            }
        }
        let begun: BlobStream = Box::pin(stream::iter([Ok(begin.freeze())]).chain(content));
        let state: Begun = Arc::new(Mutex::new((Some(begun), tally)));
        let ended = || locked(&state).1.ended();
        let digest = || Ok(ended()?.0);
        let upload = upload(state.clone(), body.clone(), algorithm);
        match self.repository.push_late(&upload, &digest).await {
            Ok(()) => {}
            Err(e) if takes_no_stream(&e) => {
                tracing::debug!("{e:#}; sending the blob from a temporary file");
                return put_spooled(self, planned, &body, self.tmpdir.as_deref()).await;
            }
            Err(e) => return Err(e),
        }
        let (digest, size) = ended()?;
        Ok(WrittenLate {
            digest,
            size,
            outcome: BlobOutcome::Written,
        })
    }
}

/// A body that goes on with what was begun at its first opening, and starts over at each further one.
fn upload(state: Begun, body: BlobBody, algorithm: Algorithm) -> UploadBody {
    UploadBody::of_unknown_size(move || {
        let (state, body) = (state.clone(), body.clone());
        Box::pin(async move {
            let begun = locked(&state).0.take();
            if let Some(begun) = begun {
                return Ok(begun);
            }
            let (content, tally) = tallied(body.open(0).await?, algorithm);
            locked(&state).1 = tally;
            Ok(content)
        })
    })
}

/// Whether a registry wants to know a length before (U11, U12), or takes no body of that length in one request.
fn takes_no_stream(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|a| matches!(a.status.as_u16(), 400 | 405 | 411 | 413 | 501))
}
