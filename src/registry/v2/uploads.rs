//! The requests of an upload: start (with mount), status, the whole in one PUT, a part by PATCH, finish, cancel
//! (OCI distribution-spec "Pushing blobs"; quirks U1-U28, X1-X6).
//!
//! Each is one request and says what the registry answered; which of them a blob takes, and what follows a
//! failure, is for [`super::push`].

use std::ops::Range;
use std::sync::atomic::Ordering;

use http::{HeaderName, Method, StatusCode, header};

use super::RepositoryClient;
use crate::image::{Descriptor, Digest, MediaType, RepositoryName};
use crate::registry::admit::{Admitted, Purpose, admit};
use crate::registry::body::Answer;
use crate::registry::error::has_status;
use crate::registry::failure::is_unanswered;
use crate::registry::intent::{Body, Intent};
use crate::registry::upload_body::UploadPart;
use crate::registry::wire::is_temporary;
use crate::registry::{ApiError, UploadBody};
use crate::{Error, Result};

use super::blobs::BULK;

/// The endpoint that starts uploads.
const UPLOADS: &str = "blobs/uploads/";

/// What the start of an upload gave.
pub enum Started {
    /// The blob is in the repository now; nothing is to be sent.
    Present,
    /// An upload was opened.
    Session(Session),
}

/// An open upload: where its next request goes (quirk U7: always the newest place).
#[derive(Debug, Clone)]
pub struct Session {
    pub(crate) place: Admitted,
    pub(crate) min_chunk: Option<u64>,
}

impl Session {
    /// The least bytes of a chunk that is not the last, where the registry says it (`OCI-Chunk-Min-Length`,
    /// quirk U14).
    pub fn min_chunk(&self) -> Option<u64> {
        self.min_chunk
    }

    pub(crate) fn next(&self, answer: &Answer) -> Result<Session> {
        Ok(Session {
            place: place(answer)?,
            min_chunk: self.min_chunk,
        })
    }
}

/// The cause of an error about an upload that a registry took, but filed under another digest than it was sent with.
#[derive(Debug, thiserror::Error)]
#[error("it says to have `{0}`")]
pub struct OtherContent(Digest);

impl OtherContent {
    /// Whether `e` is about that.
    pub fn is_in(e: &Error) -> bool {
        e.chain().any(|e| e.is::<OtherContent>())
    }

    /// An error where `answer`, which ended an upload, names other content than `sent`. A digest by another algorithm
    /// may be that of the same content.
    fn look(answer: &Answer, sent: &Digest) -> Result<()> {
        let name = HeaderName::from_static("docker-content-digest");
        let named: Option<Digest> = answer.header(&name).and_then(|text| text.parse().ok());
        match named.filter(|d| d.algorithm() == sent.algorithm() && d != sent) {
            None => Ok(()),
            Some(other) => {
                let url = answer.url.redacted();
                let text = format!("PUT {url}: the registry got other content than blob `{sent}`");
                Err(Error::corrupt(text).because(OtherContent(other)))
            }
        }
    }
}

/// What a registry has of an upload.
#[derive(Debug, Clone)]
pub struct Received {
    /// Where the upload goes on.
    pub session: Session,
    /// Bytes from the start on; `None` where the registry does not say. May be a lie (quirk U16).
    pub bytes: Option<u64>,
}

impl RepositoryClient {
    /// POST: mounts a blob from the repository that `mount` names with it, or opens an upload; without `mount`
    /// always opens one. A refused mount becomes a plain start (quirks X3, X4).
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when the registry does not create the repository. [`crate::Kind::NotAllowed`] when this user may not
    /// write, [`crate::Kind::Unavailable`] when the registry cannot be reached; else an [`ApiError`] with what it answered.
    pub async fn start_upload(&self, mount: Option<(&Digest, &RepositoryName)>) -> Result<Started> {
        let mount = mount.filter(|_| {
            !self
                .client
                .capabilities
                .plain_starts
                .load(Ordering::Relaxed)
        });
        let mut refused = false;
        if let Some((digest, from)) = mount {
            let endpoint = format!("{UPLOADS}?mount={digest}&from={from}");
            let mut mount = self.request(Method::POST, endpoint);
            if let Some(scope) = mount.scope.as_mut().filter(|_| *from != self.name) {
                scope.mount_from = Some(from.clone());
            }
            mount.optional = true;
            let sent = self.client.send(&mount).await;
            let no_answer = matches!(&sent, Err(e) if ApiError::of(e).is_none());
            match sent.and_then(|answer| started(&answer)) {
                Err(e) if no_answer || has_status(&e, &[429]) || self.client.is_put_off(&e) => {
                    return Err(e);
                }
                Err(e) => {
                    tracing::debug!("{e:#}; starting the upload without a mount");
                    // A server's error may have been chance.
                    let chance = ApiError::of(&e).is_some_and(|a| is_temporary(a.status));
                    refused = *from == self.name && !chance;
                }
                started => return started,
            }
        }
        let start = self.request(Method::POST, UPLOADS);
        let started = started(&self.client.send(&start).await?)?;
        if refused {
            self.client
                .capabilities
                .plain_starts
                .store(true, Ordering::Relaxed);
        }
        Ok(started)
    }

    /// GET: what the registry has received of an upload.
    ///
    /// # Errors
    /// [`crate::Kind::Unavailable`] when the registry does not know the upload any more, or cannot be reached;
    /// [`crate::Kind::NotAllowed`] when it refuses this user.
    pub async fn upload_status(&self, session: &Session) -> Result<Received> {
        let get = self.request_at(Method::GET, session.place.clone());
        let answer = self.client.send(&get).await?;
        Ok(Received {
            // Some name no place here: then it is the one that was asked.
            session: session.next(&answer).unwrap_or_else(|_| session.clone()),
            bytes: answer.header(&header::RANGE).and_then(received),
        })
    }

    /// PUT with the whole of `body`, which ends the upload of `blob`.
    ///
    /// # Errors
    /// Those of `body`. [`OtherContent`] as cause when the registry has filed the bytes under another digest.
    /// [`crate::Kind::NotAllowed`] when this user may not write, [`crate::Kind::Unavailable`] when the registry cannot be reached;
    /// else an [`ApiError`] with what it answered.
    pub async fn put_upload(
        &self,
        session: &Session,
        blob: &Descriptor,
        body: &UploadBody,
    ) -> Result<()> {
        let url = with_digest(session, &blob.digest);
        let put = self.data_request(Method::PUT, url, body.whole());
        match self.client.send(&put).await {
            Ok(answer) => self.finished(blob, answer).await,
            Err(e) if is_unanswered(&e) => self.finished_unheard(blob, e).await,
            Err(e) => Err(e),
        }
    }

    /// PATCH with the bytes of `body` in `range`, or with all of it; the value is where the upload goes on.
    ///
    /// A part says which bytes it is (quirk U15); all of it says nothing, since some take no ranges.
    ///
    /// # Errors
    /// Those of `body`. [`crate::Kind::NotAllowed`] when this user may not write, [`crate::Kind::Unavailable`] when the registry
    /// cannot be reached or does not know the upload any more; else an [`ApiError`] with what it answered.
    pub async fn patch_upload(
        &self,
        session: &Session,
        body: &UploadBody,
        range: Option<Range<u64>>,
    ) -> Result<Session> {
        let url = session.place.clone();
        let patch = match range {
            None => self.data_request(Method::PATCH, url, body.whole()),
            Some(range) => {
                // U12: bare, without the unit and the total.
                let bytes = format!("{}-{}", range.start, range.end.saturating_sub(1));
                let mut patch = self
                    .data_request(Method::PATCH, url, body.part(range))
                    .header(header::CONTENT_RANGE, bytes);
                // A lost part is not sent again as it was: the registry may have its beginning.
                patch.bulk = true;
                patch
            }
        };
        session.next(&self.client.send(&patch).await?)
    }

    /// PUT without a body: ends the upload of `blob`, whose bytes the registry has.
    ///
    /// # Errors
    /// [`OtherContent`] as cause when the registry has filed the bytes under another digest. [`crate::Kind::NotAllowed`] when
    /// this user may not write, [`crate::Kind::Unavailable`] when the registry cannot be reached; else an [`ApiError`] with
    /// what it answered.
    pub async fn finish_upload(&self, session: &Session, blob: &Descriptor) -> Result<()> {
        let url = with_digest(session, &blob.digest);
        let put = self
            .request_at(Method::PUT, url)
            .header(header::CONTENT_TYPE, MediaType::OCTET_STREAM);
        match self.client.send(&put).await {
            Ok(answer) => self.finished(blob, answer).await,
            // U8: the upload may have been over already: some end it with the PATCH, and answers get lost.
            Err(e) if has_status(&e, &[404]) || is_unanswered(&e) => {
                self.finished_unheard(blob, e).await
            }
            Err(e) => Err(e),
        }
    }

    /// DELETE: gives an upload up.
    ///
    /// # Errors
    /// That of the registry. It need not be handled: registries forget uploads on their own after a while, and some
    /// permit no deletion (quirk U24).
    pub async fn cancel_upload(&self, session: &Session) -> Result<()> {
        let mut delete = self.request_at(Method::DELETE, session.place.clone());
        delete.repeatable = false;
        self.client.send(&delete).await.map(drop)
    }

    /// A request to `url` that carries `part` of a blob.
    pub(crate) fn data_request(&self, method: Method, url: Admitted, part: UploadPart) -> Intent {
        // U27: strict servers take this content type only.
        let mut intent = self
            .request_at(method, url)
            .header(header::CONTENT_TYPE, MediaType::OCTET_STREAM);
        intent.repeatable = false;
        intent.bulk = part.size().is_none_or(|size| size > BULK);
        intent.body = Body::Stream(part);
        intent
    }

    /// `e` unless the blob is there all the same.
    async fn finished_unheard(&self, blob: &Descriptor, e: Error) -> Result<()> {
        match self.has_blob(blob).await {
            Ok(true) => Ok(()),
            _ => Err(e),
        }
    }

    /// U9: anything but 201 is confirmed by asking for the blob.
    async fn finished(&self, blob: &Descriptor, answer: Answer) -> Result<()> {
        OtherContent::look(&answer, &blob.digest)?;
        if answer.status == StatusCode::CREATED || self.has_blob(blob).await? {
            return Ok(());
        }
        let answer = ApiError::new(Method::PUT, &answer.url, answer.status, b"");
        let text = "an upload seemed to succeed, but the blob is not there afterwards";
        Err(Error::unavailable(text).because(answer))
    }
}

fn started(answer: &Answer) -> Result<Started> {
    if answer.status == StatusCode::CREATED {
        return Ok(Started::Present);
    }
    let min_chunk = answer
        .headers
        .get("oci-chunk-min-length")
        .and_then(|v| v.to_str().ok()?.trim().parse().ok());
    Ok(Started::Session(Session {
        place: place(answer)?,
        min_chunk,
    }))
}

/// The digest goes behind the query that is there; its colon needs no escape (quirk U2).
fn with_digest(session: &Session, digest: &Digest) -> Admitted {
    session.place.with_query(&format!("digest={digest}"))
}

pub(crate) fn place(answer: &Answer) -> Result<Admitted> {
    match answer.header(&header::LOCATION) {
        Some(location) => admit(&answer.url, location, Purpose::Location),
        None => Err(Error::unavailable(format!(
            "{} opened an upload without saying where it goes on",
            answer.url.redacted()
        ))),
    }
}

/// The bytes that a `Range` of an upload stands for: `0-N`, also with the unit, means N + 1 of them. `0-0` is what
/// servers say of one byte and of none; it is taken for none, which at worst sends one byte twice (quirk U16).
fn received(range: &str) -> Option<u64> {
    let range = range.strip_prefix("bytes").unwrap_or(range);
    let (start, end) = range.trim_start_matches([' ', '=']).split_once('-')?;
    match (start, end) {
        ("0", "0" | "-1") => Some(0),
        ("0", end) => end.parse::<u64>().ok()?.checked_add(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn u16_ranges_in_all_their_forms() {
        for (range, bytes) in [
            ("0-9", Some(10)),
            ("bytes=0-9", Some(10)),
            ("bytes 0-9", Some(10)),
            ("0-0", Some(0)),
            ("0--1", Some(0)),
            ("5-9", None),
            ("0-18446744073709551615", None),
            ("", None),
        ] {
            assert_eq!(received(range), bytes, "{range}");
        }
    }

    proptest! {
        #[test]
        fn u16_no_range_confuses(text in "(bytes)?[ =]?[0-9-]{0,40}|\\PC{0,40}", n in 1..u64::MAX) {
            let _ = received(&text);
            prop_assert_eq!(received(&format!("0-{n}")), n.checked_add(1));
        }
    }
}
