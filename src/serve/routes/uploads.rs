//! Uploads of blobs: start, mount, chunks, status, completion and cancel (distribution-spec, "Pushing blobs").

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_RANGE, HeaderValue, LOCATION, RANGE, RETRY_AFTER};

use super::super::answer::{
    self, Answer, DOCKER_CONTENT_DIGEST, DOCKER_UPLOAD_UUID, OCI_CHUNK_MIN_LENGTH,
};
use super::super::range;
use super::super::refusal::{Code, Refusal};
use super::super::request::Asked;
use super::super::route::{self, UploadId, parameter, upload_unknown};
use super::super::store::{Hashed, Root, Session};
use crate::image::{Algorithm, Digest, RepositoryName};

/// How long a request waits for another one that adds to the same upload.
const BUSY: Duration = Duration::from_secs(10);

/// Starts an upload; with `digest` in the query it is all in this request, with `mount` it is perhaps not needed.
pub(super) async fn start(
    (root, most): (&Arc<Root>, u64),
    asked: &mut Asked,
    name: &RepositoryName,
) -> Result<Answer, Refusal> {
    let uri = &asked.parts.uri;
    // A digest that cannot be read is not here either, so that an upload is started.
    let mount = parameter(uri, "mount").and_then(|text| text.parse::<Digest>().ok());
    if let Some(digest) = &mount {
        let from = parameter(uri, "from");
        if mounted(root, name, digest, from.as_deref()).await? {
            return Ok(created(asked, name, digest));
        }
    }
    let digest = parameter(uri, "digest")
        .map(|text| route::digest(&text))
        .transpose()?;
    let stated = parameter(uri, "digest-algorithm").and_then(|text| text.parse().ok());
    let algorithm = digest.as_ref().or(mount.as_ref()).map(Digest::algorithm);
    let algorithm = algorithm.or(stated).unwrap_or(Algorithm::Sha256);
    let (starting, named) = (root.clone(), name.clone());
    let started = super::blocking(move || Ok(starting.uploads().start(&named, algorithm)?));
    let Some((id, session)) = started.await? else {
        let (status, code) = (StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests);
        let refusal = Refusal::new(status, code, "too many uploads are open");
        return Err(refusal.header(RETRY_AFTER, HeaderValue::from_static("60")));
    };
    match digest {
        Some(digest) => complete((root, most), asked, name, (&id, &session), &digest).await,
        None => {
            let mut answer = state(asked, StatusCode::ACCEPTED, name, &id, &session);
            // Chunks may be as small as the client likes, but not empty.
            answer::set(&mut answer, OCI_CHUNK_MIN_LENGTH, 1);
            Ok(answer)
        }
    }
}

async fn mounted(
    root: &Arc<Root>,
    name: &RepositoryName,
    digest: &Digest,
    from: Option<&str>,
) -> Result<bool, Refusal> {
    let to = root.repository(name);
    let from = match from.filter(|from| !from.is_empty()) {
        Some(from) => match from.parse() {
            Ok(from) => Some(root.repository(&from)),
            Err(_) => return Ok(false),
        },
        None => None,
    };
    let digest = digest.clone();
    super::blocking(move || {
        if to.blobs().size(&digest).is_some() {
            return Ok(true);
        }
        Ok(match from {
            Some(from) if from.is_signed_manifest(&digest)? => false,
            Some(from) => to.blobs().mount(&digest, from.blobs())?,
            None => to.blobs().mount_any(&digest)?,
        })
    })
    .await
}

pub(super) async fn status(
    root: &Root,
    asked: &Asked,
    name: &RepositoryName,
    id: &UploadId,
) -> Result<Answer, Refusal> {
    let session = root.uploads().find(name, id).ok_or_else(upload_unknown)?;
    Ok(state(asked, StatusCode::NO_CONTENT, name, id, &session))
}

pub(super) async fn cancel(
    root: &Arc<Root>,
    name: &RepositoryName,
    id: &UploadId,
) -> Result<Answer, Refusal> {
    root.uploads().find(name, id).ok_or_else(upload_unknown)?;
    root.uploads().remove(name, id);
    Ok(answer::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn chunk(
    (root, most): (&Arc<Root>, u64),
    asked: &mut Asked,
    name: &RepositoryName,
    id: &UploadId,
) -> Result<Answer, Refusal> {
    let session = root.uploads().find(name, id).ok_or_else(upload_unknown)?;
    let mut hashed = lock(root, name, (id, &session)).await?;
    receive((root, most), asked, name, (id, &session), &mut hashed).await?;
    Ok(state(asked, StatusCode::ACCEPTED, name, id, &session))
}

pub(super) async fn finish(
    (root, most): (&Arc<Root>, u64),
    asked: &mut Asked,
    name: &RepositoryName,
    id: &UploadId,
) -> Result<Answer, Refusal> {
    let session = root.uploads().find(name, id).ok_or_else(upload_unknown)?;
    let Some(digest) = parameter(&asked.parts.uri, "digest") else {
        return Err(Refusal::digest("the parameter `digest` is missing"));
    };
    let digest = route::digest(&digest)?;
    complete((root, most), asked, name, (id, &session), &digest).await
}

/// Takes the rest of an upload and makes it a blob. One that has another digest is removed.
async fn complete(
    (root, most): (&Arc<Root>, u64),
    asked: &mut Asked,
    name: &RepositoryName,
    (id, session): (&UploadId, &Arc<Session>),
    digest: &Digest,
) -> Result<Answer, Refusal> {
    let mut hashed = lock(root, name, (id, session)).await?;
    receive((root, most), asked, name, (id, session), &mut hashed).await?;
    let is_it = session
        .finish(&mut hashed, digest, &root.repository(name))
        .await?;
    root.uploads().remove(name, id);
    match is_it {
        true => Ok(created(asked, name, digest)),
        false => {
            let refusal = Refusal::digest("provided digest did not match uploaded content");
            Err(refusal.detail(digest.to_string().into()))
        }
    }
}

/// Adds the body of the request to the upload. What arrives before the connection breaks counts.
async fn receive(
    (root, most): (&Root, u64),
    asked: &mut Asked,
    name: &RepositoryName,
    (id, session): (&UploadId, &Session),
    hashed: &mut Hashed,
) -> Result<(), Refusal> {
    let stated =
        check_range(asked, session).map_err(|refusal| at(refusal, asked, name, id, session))?;
    if asked.body.is_empty() {
        return match stated {
            Some(_) => Err(lengths_differ()),
            None => Ok(()),
        };
    }
    let from = session.len();
    let mut left = most.saturating_sub(from);
    let mut appending = session.append(hashed).await?;
    let received = loop {
        match asked.body.next().await {
            Ok(Some(bytes)) => match left.checked_sub(bytes.len() as u64) {
                Some(rest) => {
                    left = rest;
                    appending.push(bytes).await?;
                }
                None => {
                    root.uploads().remove(name, id);
                    return Err(too_large(most));
                }
            },
            Ok(None) => break Ok(()),
            Err(e) => break Err(e),
        }
    };
    appending.end(hashed).await?;
    received?;
    // A body without a length is measured: a chunk that is not as long as it says was not received.
    if stated.is_some_and(|stated| stated != session.len() - from) {
        session.take_back(hashed, from).await?;
        return Err(at(lengths_differ(), asked, name, id, session));
    }
    Ok(())
}

fn lengths_differ() -> Refusal {
    let text = "the length of the body and `Content-Range` do not agree";
    Refusal::bad(Code::SizeInvalid, text)
}

fn too_large(most: u64) -> Refusal {
    let text = format!("a blob has at most {most} bytes here");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid, text)
}

/// Keeps other requests from the upload, which may be gone once it is this one's turn.
async fn lock<'a>(
    root: &Root,
    name: &RepositoryName,
    (id, session): (&UploadId, &'a Session),
) -> Result<tokio::sync::MutexGuard<'a, Hashed>, Refusal> {
    let locked = tokio::time::timeout(BUSY, session.written.lock()).await;
    let locked = locked.map_err(|_| {
        let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable);
        let refusal = Refusal::new(status, code, "another request is adding to this upload");
        refusal.header(RETRY_AFTER, HeaderValue::from_static("1"))
    })?;
    match root.uploads().find(name, id) {
        Some(_) => Ok(locked),
        None => Err(upload_unknown()),
    }
}

/// A chunk has to begin where the last one ended and to be as long as it says; the length that it says.
fn check_range(asked: &Asked, session: &Session) -> Result<Option<u64>, Refusal> {
    let Some(value) = asked.header(&CONTENT_RANGE) else {
        return Ok(None);
    };
    let unsatisfiable =
        |text: &str| Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::RangeInvalid, text);
    let Some((first, last)) = range::chunk(value) else {
        return Err(unsatisfiable("`Content-Range` is not of the form `0-99`"));
    };
    if first > last || first != session.len() {
        return Err(unsatisfiable(
            "the chunk does not begin where the last one ended",
        ));
    }
    let stated = last - first + 1;
    match asked.length() {
        Some(length) if length != stated => Err(lengths_differ()),
        _ => Ok(Some(stated)),
    }
}

/// `refusal` with the state of the upload, from which the client can go on.
fn at(
    refusal: Refusal,
    asked: &Asked,
    name: &RepositoryName,
    id: &UploadId,
    session: &Session,
) -> Refusal {
    let state = state(asked, refusal.status, name, id, session);
    let headers = [LOCATION, RANGE, DOCKER_UPLOAD_UUID];
    headers.into_iter().fold(refusal, |refusal, header| {
        match state.headers().get(&header) {
            Some(value) => refusal.header(header, value.clone()),
            None => refusal,
        }
    })
}

/// Where an upload is and how far it came.
fn state(
    asked: &Asked,
    status: StatusCode,
    name: &RepositoryName,
    id: &UploadId,
    session: &Session,
) -> Answer {
    let mut answer = answer::empty(status);
    let id = id.as_str();
    let url = asked.url(&format!("/v2/{name}/blobs/uploads/{id}"));
    answer::set(&mut answer, LOCATION, url);
    // The last byte is included, so an empty upload looks like one of a byte; that is the custom.
    let last = session.len().saturating_sub(1);
    answer::set(&mut answer, RANGE, format!("0-{last}"));
    answer::set(&mut answer, DOCKER_UPLOAD_UUID, id);
    answer
}

fn created(asked: &Asked, name: &RepositoryName, digest: &Digest) -> Answer {
    let mut answer = answer::empty(StatusCode::CREATED);
    let url = asked.url(&format!("/v2/{name}/blobs/{digest}"));
    answer::set(&mut answer, LOCATION, url);
    answer::set(&mut answer, DOCKER_CONTENT_DIGEST, digest);
    answer
}
