//! Brings one blob to a server of 2014: small ones in one request, larger ones in chunks, from where the server stands
//! after a refusal or a break.

use crate::image::Descriptor;
use crate::legacy::tarsum::BlobSum;
use crate::registry::error::has_status;
use crate::registry::failure::is_unanswered;
use crate::registry::retry::{self, RetryBudget, Tries};
use crate::registry::v2::uploads::Session;
use crate::registry::v2::{Pushed, RepositoryClient};
use crate::registry::{ApiError, UploadBody};
use crate::{Kind, Result};

/// Bytes of a chunk; what is no larger goes in one request.
const CHUNK: u64 = 4 << 20;

impl RepositoryClient {
    /// Brings a blob into the repository unless it is there. `body` is opened only when bytes are wanted.
    ///
    /// # Errors
    /// As [`RepositoryClient::push_blob`].
    pub async fn draft_push_blob(&self, blob: &Descriptor, body: &UploadBody) -> Result<Pushed> {
        let mut stuck = RetryBudget::default().of_kind(retry::UPLOAD);
        let repository = self.within(stuck.budget());
        let sum = BlobSum::Digest(blob.digest.clone());
        let there = repository.draft_blob_size(&sum);
        if there.await?.is_some() {
            return Ok(Pushed::Present);
        }
        let mut session = repository.draft_start_upload().await?;
        let sent = repository.draft_send(&mut session, blob, body, &mut stuck);
        match sent.await {
            Ok(()) => Ok(Pushed::Uploaded),
            Err(e) => {
                let cancelled = self.cancel_upload(&session).await;
                if let Err(e) = cancelled {
                    tracing::debug!("{e:#}; the server will forget the upload some day");
                }
                Err(e)
            }
        }
    }

    /// Sends all of `body` to an open upload and ends it.
    async fn draft_send(
        &self,
        session: &mut Session,
        blob: &Descriptor,
        body: &UploadBody,
        stuck: &mut Tries,
    ) -> Result<()> {
        let (mut offset, mut furthest) = (0, 0);
        let mut whole = blob.size <= CHUNK;
        loop {
            let end = blob.size.min(offset + CHUNK);
            let sent = if whole {
                self.draft_put_upload(session, blob, body).await
            } else if offset == blob.size {
                self.draft_finish_upload(session, blob).await
            } else {
                let put = self.draft_put_chunk(session, body, offset..end);
                match put.await {
                    Ok(next) => {
                        (*session, offset) = (next, end);
                        continue;
                    }
                    Err(e) => Err(e),
                }
            };
            let Err(error) = sent else { return Ok(()) };
            let mut most = retry::UPLOAD;
            if is_unanswered(&error) {
                let sum = BlobSum::Digest(blob.digest.clone());
                let there = self.draft_blob_size(&sum);
                if matches!(there.await, Ok(Some(_))) {
                    return Ok(());
                }
                most = retry::UNANSWERED_UPLOAD - 1;
            }
            let may_go_on = has_status(&error, &[416])
                || (error.kind() == Kind::Unavailable && !has_status(&error, &[404]));
            if body.failed()
                || !may_go_on
                || self.client.is_put_off(&error)
                || stuck.is_beyond(most)
            {
                return Err(error);
            }
            if ApiError::of(&error).is_none() {
                self.client.wait_before_try(stuck.failures()).await;
            }
            let status = self.draft_upload_status(session).await?;
            // Nobody has more than was sent; what says nothing begins again.
            let stands = status.bytes.filter(|bytes| *bytes <= body.reached());
            (*session, offset, whole) = (status.session, stands.unwrap_or(0), false);
            match offset > furthest {
                true => stuck.renew(),
                false => stuck.spend(),
            }
            furthest = furthest.max(offset);
            tracing::debug!(
                "{error}; going on with `{}` at {offset} of {} bytes",
                blob.digest,
                blob.size
            );
        }
    }

    /// Whether uploads to the repository are those of 2014: one is opened, and given up at once. Fails with
    /// [`Kind::NotAllowed`] when the server knows them and refuses this user.
    pub(crate) async fn speaks_draft(&self) -> Result<bool> {
        match self.draft_start_upload().await {
            Ok(session) => {
                let cancelled = self.cancel_upload(&session).await;
                if let Err(e) = cancelled {
                    tracing::debug!("{e:#}");
                }
                Ok(true)
            }
            Err(e) if has_status(&e, &[401, 403]) => Err(e),
            Err(e) => {
                tracing::debug!("{e:#}");
                Ok(false)
            }
        }
    }
}
