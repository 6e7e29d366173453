//! A push of one image: its document, its layer, and the checksum that makes it whole.

use std::sync::Arc;

use http::StatusCode;
use http::header::HeaderName;

use super::pushed::{DOCUMENT, Pushed, State};
use super::{V1, missing, wrong};
use crate::image::{Digest, V1Id};
use crate::legacy::tarsum::{V1Checksum, payload_digester};
use crate::legacy::v1::V1Image;
use crate::serve::App;
use crate::serve::answer::Answer;
use crate::serve::refusal::{Code, Refusal};
use crate::serve::request::Asked;
use crate::serve::store::{Root, Session};

const PAYLOAD: HeaderName = HeaderName::from_static("x-docker-checksum-payload");
const CHECKSUM: HeaderName = HeaderName::from_static("x-docker-checksum");

/// Where pushes go.
pub(super) fn writable<'a>(
    app: &'a App,
    v1: &'a V1,
) -> Result<(&'a Arc<Root>, &'a Pushed), Refusal> {
    let root = app.writable()?;
    match &v1.pushed {
        Some(pushed) => Ok((root, pushed)),
        None => Err(Refusal::method("GET, HEAD", "this registry is read-only")),
    }
}

/// 409: the image is there, whole.
fn exists(text: &str) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, Code::Denied, text)
}

/// Takes the document of an image, whose parent has to be there.
pub(super) async fn json(
    app: &App,
    v1: &V1,
    asked: &mut Asked,
    id: &V1Id,
) -> Result<Answer, Refusal> {
    let (_, pushed) = writable(app, v1)?;
    let body = asked.body.whole(DOCUMENT).await?;
    let body = body.ok_or_else(|| wrong("Invalid JSON"))?;
    let image = V1Image::parse(body.clone()).map_err(|_| wrong("Invalid JSON"))?;
    match image.id() {
        "" => return Err(wrong("Missing key `id' in JSON")),
        own if own != id.as_str() => return Err(wrong("JSON data contains invalid id")),
        _ => {}
    }
    if v1.image(app, id).await?.is_some() {
        return Err(exists("Image already exists"));
    }
    if let Some(parent) = image.parent() {
        let orphan = || wrong("Image depends on a non existing parent");
        let parent = V1Id::parse(parent).ok_or_else(orphan)?;
        if v1.image(app, &parent).await?.is_none() {
            return Err(orphan());
        }
    }
    let _one = pushed.receive(id).ok_or_else(busy)?;
    tokio::task::block_in_place(|| pushed.begin(id, &body))?;
    Ok(super::json("true".into(), asked))
}

/// Takes the layer of an image whose document is there.
pub(super) async fn layer(
    app: &App,
    v1: &V1,
    asked: &mut Asked,
    id: &V1Id,
) -> Result<Answer, Refusal> {
    let (_, pushed) = writable(app, v1)?;
    let _one = pushed.receive(id).ok_or_else(busy)?;
    let document = match pushed.state(id)? {
        State::Begun(document) => document,
        State::Received(_) => return Err(wrong("the layer is there; its checksum is missing")),
        State::Whole(_) => return Err(exists("Image already exists")),
        State::Unknown => return Err(missing("Image not found")),
    };
    let part = pushed.part(id);
    crate::transport::blob_store::remove(&part);
    let session = Session::at(&part, u64::MAX)?;
    let mut hashed = session.written.lock().await;
    let mut appending = session.append(&mut hashed).await?;
    let mut payload = payload_digester(&document);
    let mut left = app.max_blob;
    while let Some(bytes) = asked.body.next().await? {
        left = left.checked_sub(bytes.len() as u64).ok_or_else(|| {
            let (status, code) = (StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid);
            Refusal::new(status, code, "the layer is too large")
        })?;
        payload.update(&bytes);
        appending.push(bytes).await?;
    }
    appending.end(&mut hashed).await?;
    let checksum = payload.finish();
    tokio::task::block_in_place(|| pushed.received(id, &checksum))?;
    Ok(super::json("true".into(), asked))
}

/// Makes an image whole if its checksum is right.
pub(super) async fn checksum(
    app: &App,
    v1: &V1,
    asked: &mut Asked,
    id: &V1Id,
) -> Result<Answer, Refusal> {
    let (_, pushed) = writable(app, v1)?;
    let _one = pushed.receive(id).ok_or_else(busy)?;
    let received = match pushed.state(id)? {
        State::Received(received) => received,
        State::Begun(_) => return Err(wrong("the layer is missing")),
        State::Whole(_) => return Err(exists("Cannot set this image checksum")),
        State::Unknown => return Err(missing("Image not found")),
    };
    let stated = stated(asked)?;
    if stated.to_string() != received {
        return Err(wrong("Checksum mismatch"));
    }
    tokio::task::block_in_place(|| pushed.complete(id))?;
    Ok(super::json("true".into(), asked))
}

/// The checksum that the client states of document and layer. Old clients write it into the header of the sums of tars,
/// which cover the content of the layer and not its bytes: those are not taken.
fn stated(asked: &Asked) -> Result<Digest, Refusal> {
    let headers = [PAYLOAD, CHECKSUM];
    let mut sums = headers.iter().filter_map(|name| asked.header(name));
    let payload = sums.find_map(|text| match text.parse() {
        Ok(V1Checksum::Payload(digest)) => Some(digest),
        _ => None,
    });
    payload.ok_or_else(|| {
        let text = "Missing Image's checksum: `X-Docker-Checksum-Payload` has to have it";
        Refusal::new(StatusCode::PRECONDITION_FAILED, Code::DigestInvalid, text)
    })
}

fn busy() -> Refusal {
    let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable);
    Refusal::new(status, code, "another request is writing this image")
}
