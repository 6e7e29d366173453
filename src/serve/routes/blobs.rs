//! Blobs: download, whole or in part, and delete.

use std::sync::Arc;

use http::StatusCode;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE,
    RANGE,
};
use serde_json::json;

use super::super::App;
use super::super::answer::{self, Answer, Body};
use super::super::content::Blob;
use super::super::range::{Wanted, wanted};
use super::super::refusal::{Code, Refusal};
use super::super::request::Asked;
use super::super::store::Root;
use crate::Kind;
use crate::image::{Digest, RepositoryName};

pub(super) async fn get(
    app: &App,
    asked: &Asked,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Answer, Refusal> {
    let etag = format!("\"{digest}\"");
    let found = async || {
        let blob = app.content.blob(name, digest).await?;
        blob.ok_or_else(|| unknown(digest))
    };
    let mut answer = match send(asked, &etag, found().await?).await {
        // It was removed meanwhile. A mirror reads it again.
        Err(gone) if gone.status == StatusCode::NOT_FOUND => {
            send(asked, &etag, found().await?).await?
        }
        answer => answer?,
    };
    answer::set_digest(&mut answer, digest);
    Ok(answer)
}

/// `blob`, whose content is known as `etag`, as a client wants it: whole, in part, or not at all because it has it.
pub(in crate::serve) async fn send(
    asked: &Asked,
    etag: &str,
    blob: Blob,
) -> Result<Answer, Refusal> {
    if answer::is_unwanted(&asked.parts.headers, etag) {
        return Err(Refusal::unwanted());
    }
    if answer::is_known(&asked.parts.headers, etag) {
        let mut answer = answer::empty(StatusCode::NOT_MODIFIED);
        answer::set(&mut answer, ETAG, etag);
        return Ok(answer);
    }
    let size = blob.size;
    // A range of another content is of no use to the client.
    let same = asked.header(&IF_RANGE).is_none_or(|tag| tag == etag);
    let range = asked.header(&RANGE).filter(|_| same && !asked.is_head());
    let (status, from, len) = match wanted(range, size) {
        Wanted::All => (StatusCode::OK, 0, size),
        Wanted::Part(first, last) => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Wanted::Unsatisfiable => {
            let (status, code) = (StatusCode::RANGE_NOT_SATISFIABLE, Code::RangeInvalid);
            let refusal = Refusal::new(status, code, "the blob has no such range");
            let value = format!("bytes */{size}");
            return Err(match value.parse() {
                Ok(value) => refusal.header(CONTENT_RANGE, value),
                Err(_) => refusal,
            });
        }
    };
    let mut answer = answer::empty(status);
    answer::set(&mut answer, ETAG, etag);
    answer::set(&mut answer, CONTENT_LENGTH, len);
    answer::set(&mut answer, CONTENT_TYPE, "application/octet-stream");
    answer::set(&mut answer, CACHE_CONTROL, "max-age=31536000");
    answer::set(&mut answer, ACCEPT_RANGES, "bytes");
    if status == StatusCode::PARTIAL_CONTENT {
        let value = format!("bytes {from}-{}/{size}", from + len - 1);
        answer::set(&mut answer, CONTENT_RANGE, value);
    }
    if !asked.is_head() && len > 0 {
        let content = blob.read(from).await.map_err(|e| match e.kind() {
            Kind::NotFound => Refusal::missing(Code::BlobUnknown, "the blob is gone"),
            _ => e.into(),
        })?;
        *answer.body_mut() = Body::stream(content, len);
    }
    Ok(answer)
}

pub(super) async fn delete(
    root: &Arc<Root>,
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Answer, Refusal> {
    let (repository, wanted) = (root.repository(name), digest.clone());
    let deleted = super::blocking(move || {
        if repository.lists(&wanted)? {
            let text = "the digest is that of a manifest; delete it as one";
            return Err(Refusal::method("GET, HEAD", text));
        }
        Ok(repository.delete_blob(&wanted)?)
    });
    match deleted.await? {
        true => Ok(answer::empty(StatusCode::ACCEPTED)),
        false => Err(unknown(digest)),
    }
}

fn unknown(digest: &Digest) -> Refusal {
    let refusal = Refusal::missing(Code::BlobUnknown, "blob unknown to registry");
    refusal.detail(json!(digest))
}
