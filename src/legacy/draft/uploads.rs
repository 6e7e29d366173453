//! The requests of an upload of 2014: start, status, the whole in one PUT, a chunk by PUT, finish. Each is one request
//! and says what the server answered. To cancel, V2's own DELETE serves.

use std::ops::Range;

use http::{Method, StatusCode, header};

use crate::image::Descriptor;
use crate::legacy::tarsum::BlobSum;
use crate::registry::admit::Admitted;
use crate::registry::body::Answer;
use crate::registry::v2::RepositoryClient;
use crate::registry::v2::uploads::{Received, Session, place};
use crate::registry::{ApiError, UploadBody};
use crate::{Error, Result};

impl RepositoryClient {
    /// POST: opens an upload.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] when the server refuses this user, [`crate::Kind::Unavailable`] when it cannot be reached; else
    /// what it answered, with an [`ApiError`] as cause.
    pub async fn draft_start_upload(&self) -> Result<Session> {
        let start = self.request(Method::POST, "blob/upload/");
        let answer = self.client.send(&start).await?;
        Ok(Session {
            place: place(&answer)?,
            min_chunk: None,
        })
    }

    /// GET: what the server has received of an upload; [`Received::bytes`] is `None` where it does not say.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] when the server refuses this user, [`crate::Kind::Unavailable`] when it cannot be reached; else
    /// what it answered, with an [`ApiError`] as cause.
    pub async fn draft_upload_status(&self, session: &Session) -> Result<Received> {
        let get = self.request_at(Method::GET, session.place.clone());
        let answer = self.client.send(&get).await?;
        Ok(Received {
            bytes: answer.header(&header::RANGE).and_then(received),
            session: next(session, &answer),
        })
    }

    /// PUT with the whole of `body`, which ends the upload of `blob`.
    ///
    /// # Errors
    /// Those of `body`; [`crate::Kind::Refused`] when the server does not take the blob. [`crate::Kind::NotAllowed`] when the server
    /// refuses this user, [`crate::Kind::Unavailable`] when it cannot be reached; else what it answered, with an [`ApiError`]
    /// as cause.
    pub async fn draft_put_upload(
        &self,
        session: &Session,
        blob: &Descriptor,
        body: &UploadBody,
    ) -> Result<()> {
        let put = self.data_request(Method::PUT, named(session, blob), body.whole());
        let answer = self.client.send(&put).await?;
        self.draft_finished(blob, answer).await
    }

    /// PUT with the bytes of `body` in `range`; the value is where the upload goes on. A server that stands elsewhere
    /// answers 416.
    ///
    /// # Errors
    /// Those of `body`. [`crate::Kind::NotAllowed`] when the server refuses this user, [`crate::Kind::Unavailable`] when it cannot be
    /// reached; else what it answered, with an [`ApiError`] as cause.
    pub async fn draft_put_chunk(
        &self,
        session: &Session,
        body: &UploadBody,
        range: Range<u64>,
    ) -> Result<Session> {
        let bytes = content_range(&range);
        let part = body.part(range);
        let mut put = self
            .data_request(Method::PUT, session.place.clone(), part)
            .header(header::CONTENT_RANGE, bytes);
        put.bulk = true;
        Ok(next(session, &self.client.send(&put).await?))
    }

    /// PUT without a body: ends the upload of `blob`, whose bytes the server has.
    ///
    /// # Errors
    /// [`crate::Kind::Refused`] when the server does not take the blob. [`crate::Kind::NotAllowed`] when the server refuses this
    /// user, [`crate::Kind::Unavailable`] when it cannot be reached; else what it answered, with an [`ApiError`] as cause.
    pub async fn draft_finish_upload(&self, session: &Session, blob: &Descriptor) -> Result<()> {
        let mut put = self.request_at(Method::PUT, named(session, blob)).header(
            header::CONTENT_RANGE,
            content_range(&(blob.size..blob.size)),
        );
        put.repeatable = false;
        let answer = self.client.send(&put).await?;
        self.draft_finished(blob, answer).await
    }

    /// Anything but 201 is confirmed by asking for the blob, as in V2 (quirk U9).
    async fn draft_finished(&self, blob: &Descriptor, answer: Answer) -> Result<()> {
        let sum = BlobSum::Digest(blob.digest.clone());
        let there =
            answer.status == StatusCode::CREATED || self.draft_blob_size(&sum).await?.is_some();
        if there {
            return Ok(());
        }
        let answer = ApiError::new(Method::PUT, &answer.url, answer.status, b"");
        let text = "an upload seemed to succeed, but the blob is not there afterwards";
        Err(Error::unavailable(text).because(answer))
    }
}

/// Where the upload goes on: at its place, unless the server names another.
fn next(session: &Session, answer: &Answer) -> Session {
    session.next(answer).unwrap_or_else(|_| session.clone())
}

/// The place with length and digest behind the query that it has.
fn named(session: &Session, blob: &Descriptor) -> Admitted {
    let (length, digest) = (blob.size, &blob.digest);
    session
        .place
        .with_query(&format!("length={length}&digest={digest}"))
}

/// `START-END/END`: the end is the byte after the last one.
fn content_range(range: &Range<u64>) -> String {
    format!("{}-{}/{}", range.start, range.end, range.end)
}

/// The offset that `bytes=0-OFFSET/TOTAL` names.
fn received(range: &str) -> Option<u64> {
    let range = range.strip_prefix("bytes").unwrap_or(range);
    let range = range.trim_start_matches([' ', '=']).strip_prefix("0-")?;
    range.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_and_written() {
        assert_eq!(content_range(&(4..9)), "4-9/9");
        assert_eq!(content_range(&(9..9)), "9-9/9");
        for (text, bytes) in [
            ("bytes=0-17/20", Some(17)),
            ("0-17", Some(17)),
            ("bytes=0-0/0", Some(0)),
            ("bytes=3-17/20", None),
            ("bytes=0--1/20", None),
            ("", None),
        ] {
            assert_eq!(received(text), bytes, "{text}");
        }
    }
}
