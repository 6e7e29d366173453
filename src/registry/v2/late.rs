//! Uploads of blobs whose digest is known only at their end: POST, one PATCH in HTTP chunks, PUT with the digest,
//! as docker's own client does it (OCI distribution-spec "Pushing a blob in chunks"; quirks U7, U8, U21).

use http::{Method, header};

use super::uploads::{MAX_SESSIONS, Started, intent};
use crate::image::{Descriptor, Digest, MediaType, RepositoryName};
use crate::registry::intent::{Actions, Body, Intent, Scope, UploadBody};
use crate::registry::{ApiError, Client};
use crate::{Error, Kind, Result};

impl Client {
    /// Uploads `body` into `repository` under the digest that `digest` gives when all of it was read.
    ///
    /// `body` is opened again from its start for another try.
    pub async fn push_late(
        &self,
        repository: &RepositoryName,
        body: &UploadBody,
        digest: &(dyn Fn() -> Result<Digest> + Send + Sync),
    ) -> Result<()> {
        let mut failures = 0;
        loop {
            let error = match self.send_late(repository, body, digest).await {
                Ok(()) => return Ok(()),
                Err(e) => e,
            };
            let status = ApiError::of(&error).map(|a| a.status.as_u16());
            failures += 1;
            // What is refused for its form, or not allowed, will be so again.
            let refused =
                status.is_some_and(|s| matches!(s, 400 | 401 | 403 | 405 | 411 | 413 | 501));
            if body.failed() || refused || failures >= MAX_SESSIONS {
                return Err(error);
            }
            tracing::debug!("{error}; uploading once more from the start");
            self.wait_before_try(failures).await;
        }
    }

    async fn send_late(
        &self,
        repository: &RepositoryName,
        body: &UploadBody,
        digest: &(dyn Fn() -> Result<Digest> + Send + Sync),
    ) -> Result<()> {
        let scope = Scope::new(repository, Actions::PullPush);
        let start = Intent::new(
            Method::POST,
            format!("/v2/{repository}/blobs/uploads/"),
            Some(scope),
        );
        let Started::Session(session) = self.started(self.send(&start).await?)? else {
            let text = "a registry called an upload finished that had not begun";
            return Err(Error::new(Kind::Unavailable, text));
        };
        let mut patch = intent(Method::PATCH, repository, session.into_place())
            .header(header::CONTENT_TYPE, MediaType::OCTET_STREAM);
        patch.repeatable = false;
        patch.bulk = true;
        patch.body = Body::Stream(body.clone());
        let answer = self.send(&patch).await?;
        let blob = Descriptor::new(MediaType::OCTET_STREAM, digest()?, 0);
        self.end_streamed(repository, answer, &blob).await
    }
}
