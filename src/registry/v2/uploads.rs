//! Uploads: start (with mount), monolithic, streamed and finished, told to the end (OCI distribution-spec
//! "Pushing blobs"; quirks U1-U28, X1-X6).
//!
//! A blob costs two requests: POST with `mount` from the target repository itself, which is the question
//! whether it is there and the start of the upload in one, and PUT. Where a registry refuses a large PUT, PATCH
//! and an empty PUT follow, and the client keeps to that.

use std::sync::atomic::Ordering;

use http::{Method, StatusCode, header};

use crate::image::{Descriptor, Digest, MediaType, RepositoryName};
use crate::registry::admit::{Admitted, Purpose, admit};
use crate::registry::body::Answer;
use crate::registry::intent::{Actions, Body, Intent, Scope, Target, UploadBody};
use crate::registry::{ApiError, Client};
use crate::{Error, Kind, Result};

use super::blobs::BULK;

/// Uploads of one blob that may fail (quirk U21).
pub(super) const MAX_SESSIONS: usize = 3;

/// What the start of an upload gave.
pub enum Started {
    /// The blob is in the repository now; nothing is to be sent.
    Present,
    /// An upload was opened.
    Session(Session),
}

/// An open upload: where its next request goes (quirk U7: always the newest place).
pub struct Session(Admitted);

impl Session {
    pub(super) fn into_place(self) -> Admitted {
        self.0
    }
}

/// What became of a blob that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    Present,
    Uploaded,
}

impl Client {
    /// Brings a blob into `repository` unless it is there, mounted from `from` where that works.
    ///
    /// `body` is opened only when bytes are wanted, and again from its start for another try.
    pub async fn push_blob(
        &self,
        repository: &RepositoryName,
        blob: &Descriptor,
        from: &RepositoryName,
        body: &UploadBody,
    ) -> Result<Pushed> {
        let mut failures = 0;
        loop {
            let session = match self.start_upload(repository, &blob.digest, from).await? {
                Started::Present => return Ok(Pushed::Present),
                Started::Session(session) => session,
            };
            let streamed = self.streams_uploads.load(Ordering::Relaxed);
            let sent = if streamed {
                self.send_streamed(repository, session, blob, body).await
            } else {
                self.put_whole(repository, session, blob, body).await
            };
            let error = match sent {
                Ok(()) => return Ok(Pushed::Uploaded),
                Err(e) => e,
            };
            let status = ApiError::of(&error).map(|a| a.status.as_u16());
            if body.failed() || matches!(status, Some(401 | 403)) {
                return Err(error);
            }
            // U12, U22: a body too large for one PUT is refused, mostly with 413, or cut off; one cut alone may
            // have been a connection that was dead already (H2). From then on bodies are streamed with PATCH,
            // which these registries take. It is learned once, and not counted.
            let too_large = match status {
                Some(status) => matches!(status, 400 | 405 | 411 | 413 | 501),
                None => failures > 0,
            };
            if !streamed && too_large {
                self.streams_uploads.store(true, Ordering::Relaxed);
            } else {
                failures += 1;
                if failures >= MAX_SESSIONS {
                    return Err(error);
                }
            }
            tracing::debug!("{error}; uploading `{}` again", blob.digest);
            self.wait_before_try(failures).await;
        }
    }

    /// POST: mounts `digest` from `from`, or opens an upload. A refused mount becomes a plain start (X3, X4).
    pub async fn start_upload(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        from: &RepositoryName,
    ) -> Result<Started> {
        let base = format!("/v2/{repository}/blobs/uploads/");
        let mut scope = Scope::new(repository, Actions::PullPush);
        if !self.plain_starts.load(Ordering::Relaxed) {
            let plain = scope.clone();
            scope.mount_from = (from != repository).then(|| from.clone());
            let mount = Intent::new(
                Method::POST,
                format!("{base}?mount={digest}&from={from}"),
                Some(scope),
            );
            match self.send(&mount).await {
                Ok(answer) => return self.started(answer),
                Err(e)
                    if ApiError::of(&e).is_some_and(|a| {
                        matches!(a.status.as_u16(), 400 | 401 | 403 | 404 | 405)
                    }) =>
                {
                    tracing::debug!("{e}; starting the upload without a mount");
                    let started = self.started(
                        self.send(&Intent::new(Method::POST, base, Some(plain)))
                            .await?,
                    )?;
                    if from == repository {
                        self.plain_starts.store(true, Ordering::Relaxed);
                    }
                    return Ok(started);
                }
                Err(e) => return Err(e),
            }
        }
        let answer = self
            .send(&Intent::new(Method::POST, base, Some(scope)))
            .await?;
        self.started(answer)
    }

    pub(super) fn started(&self, answer: Answer) -> Result<Started> {
        match answer.status {
            StatusCode::CREATED => Ok(Started::Present),
            _ => Ok(Started::Session(next_session(&answer)?)),
        }
    }

    /// PUT with the whole body.
    async fn put_whole(
        &self,
        repository: &RepositoryName,
        session: Session,
        blob: &Descriptor,
        body: &UploadBody,
    ) -> Result<()> {
        let url = with_digest(&session, &blob.digest);
        let put = data(Method::PUT, repository, url, body);
        self.finished(repository, blob, self.send(&put).await?)
            .await
    }

    /// One PATCH with the whole body, then an empty PUT.
    async fn send_streamed(
        &self,
        repository: &RepositoryName,
        session: Session,
        blob: &Descriptor,
        body: &UploadBody,
    ) -> Result<()> {
        let patch = data(Method::PATCH, repository, session.0, body);
        let answer = self.send(&patch).await?;
        self.end_streamed(repository, answer, blob).await
    }

    /// The empty PUT after a PATCH that had `answer`; of `blob` the digest counts.
    pub(super) async fn end_streamed(
        &self,
        repository: &RepositoryName,
        answer: Answer,
        blob: &Descriptor,
    ) -> Result<()> {
        // U8: some say 201 here already and know nothing of the upload afterwards.
        let early = answer.status == StatusCode::CREATED;
        let session = next_session(&answer)?;
        let url = with_digest(&session, &blob.digest);
        let put = intent(Method::PUT, repository, url)
            .header(header::CONTENT_TYPE, MediaType::OCTET_STREAM);
        match self.send(&put).await {
            Ok(answer) => self.finished(repository, blob, answer).await,
            Err(e) if early && ApiError::of(&e).is_some_and(|a| a.status == 404) => {
                match self.has_blob(repository, blob, Actions::PullPush).await {
                    Ok(true) => Ok(()),
                    _ => Err(e),
                }
            }
            Err(e) => Err(e),
        }
    }

    /// U9: anything but 201 is confirmed by asking for the blob.
    async fn finished(
        &self,
        repository: &RepositoryName,
        blob: &Descriptor,
        answer: Answer,
    ) -> Result<()> {
        if answer.status == StatusCode::CREATED
            || self.has_blob(repository, blob, Actions::PullPush).await?
        {
            return Ok(());
        }
        let text = format!(
            "PUT {} answered {}, but the blob is not there afterwards",
            answer.url.redacted(),
            answer.status.as_u16()
        );
        Err(Error::new(Kind::Unavailable, text))
    }
}

pub(super) fn intent(method: Method, repository: &RepositoryName, url: Admitted) -> Intent {
    let mut intent = Intent::new(
        method,
        String::new(),
        Some(Scope::new(repository, Actions::PullPush)),
    );
    intent.target = Target::At(url);
    intent
}

fn data(method: Method, repository: &RepositoryName, url: Admitted, body: &UploadBody) -> Intent {
    // U27: strict servers take this content type only.
    let mut intent =
        intent(method, repository, url).header(header::CONTENT_TYPE, MediaType::OCTET_STREAM);
    intent.repeatable = false;
    intent.bulk = body.size > BULK;
    intent.body = Body::Stream(body.clone());
    intent
}

/// The digest goes behind the query that is there; its colon needs no escape (quirk U2).
fn with_digest(session: &Session, digest: &Digest) -> Admitted {
    session.0.with_query(&format!("digest={digest}"))
}

fn next_session(answer: &Answer) -> Result<Session> {
    match answer.header(&header::LOCATION) {
        Some(location) => admit(&answer.url, location, Purpose::Location).map(Session),
        None => Err(Error::new(
            Kind::Unavailable,
            format!(
                "{} opened an upload without saying where it goes on",
                answer.url.redacted()
            ),
        )),
    }
}
