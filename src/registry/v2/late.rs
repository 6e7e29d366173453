//! Uploads of blobs whose digest is known only at their end: POST, one PATCH in HTTP chunks, PUT with the digest,
//! as docker's own client does it (OCI distribution-spec "Pushing a blob in chunks"; quirks U7, U8, U21).

use super::RepositoryClient;
use super::uploads::{OtherContent, Started};
use crate::image::{Descriptor, Digest, MediaType};
use crate::registry::UploadBody;
use crate::registry::error::has_status;
use crate::registry::failure::is_unanswered;
use crate::registry::retry::{self, RetryBudget};
use crate::{Error, Result};

impl RepositoryClient {
    /// Uploads `body` under the digest that `digest` gives when all of it was read.
    ///
    /// `body` is opened again from its start for another try.
    ///
    /// # Errors
    /// As [`RepositoryClient::push_blob`], and those of `digest`.
    pub async fn push_late(
        &self,
        body: &UploadBody,
        digest: &(dyn Fn() -> Result<Digest> + Send + Sync),
    ) -> Result<()> {
        let mut tries = RetryBudget::default().of_kind(retry::UPLOAD);
        let repository = self.within(tries.budget());
        loop {
            let error = match repository.send_late(body, digest).await {
                Ok(()) => return Ok(()),
                Err(e) => e,
            };
            tries.spend();
            // A request that is refused for its form, or not allowed, would be refused again.
            let refused = has_status(&error, &[400, 401, 403, 405, 411, 413, 501])
                || self.client.is_put_off(&error)
                || OtherContent::is_in(&error);
            let most = match is_unanswered(&error) {
                true => retry::UNANSWERED_UPLOAD,
                false => retry::UPLOAD,
            };
            if body.take_failure() || refused || tries.is_beyond(most) {
                return Err(error);
            }
            tracing::debug!("{error:#}; uploading once more from the start");
            self.client.wait_before_try(tries.failures()).await;
        }
    }

    async fn send_late(
        &self,
        body: &UploadBody,
        digest: &(dyn Fn() -> Result<Digest> + Send + Sync),
    ) -> Result<()> {
        let Started::Session(session) = self.start_upload(None).await? else {
            let text = "a registry called an upload finished that had not begun";
            return Err(Error::unavailable(text));
        };
        let session = self.patch_upload(&session, body, None).await?;
        let blob = Descriptor::new(MediaType::OCTET_STREAM, digest()?, 0);
        self.finish_upload(&session, &blob).await
    }
}
