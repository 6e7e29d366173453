//! Writing to a V1 server (protocols 1.6): announce to the index, then each image base first (JSON, layer,
//! checksum), tags, and at last the index again.
//!
//! One image at a time: registries up to 0.6 keep the layer's checksum in a cookie until the next request.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{Method, header};
use serde::Serialize;

use super::grant::{ASK_TOKEN, Grant, USED};
use super::repo::is_incomplete;
use super::{Repo, Session};
use crate::image::{Digest, MediaType, Tag, V1Id, V1Repository};
use crate::registry::UploadBody;
use crate::registry::intent::{Body, Intent};
use crate::registry::v2::blobs::BULK;
use crate::registry::{ApiError, Client};
use crate::{Error, Kind, Result};

/// An image as an index lists it.
#[derive(Debug, Clone, Serialize)]
pub struct ListedImage {
    pub id: String,
    #[serde(rename = "Tag", skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
}

/// What became of a part of an image that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    Written,
    /// The registry has the image already, whole.
    Present,
}

const JSON: &str = "application/json";

impl Repo {
    /// Opens `name` for writing: announces `images`, base first, to the index.
    ///
    /// # Errors
    /// [`Kind::NotAllowed`] when this user may not write there, [`Kind::Unavailable`] when the server cannot be
    /// reached.
    pub async fn push(
        session: &Arc<Session>,
        name: &V1Repository,
        images: &[ListedImage],
    ) -> Result<Repo> {
        let standalone = session.ping().await?.standalone;
        let list = json(images)?;
        let repo = Repo::with(session, name, standalone, Some(list));
        repo.renew_grant().await?;
        Ok(repo)
    }

    pub(super) async fn grant_to_write(&self, list: &Bytes) -> Result<Grant> {
        let path = format!("/v1/repositories/{}/", self.name);
        let put = put(path, JSON, Body::Bytes(list.clone())).header(ASK_TOKEN.0, ASK_TOKEN.1);
        let said = self.session.basic(Some(&self.name)).await?;
        let answer = self.session.ask(put, said).await?;
        Grant::read(&self.session, &answer.headers, self.standalone)
    }

    /// The checksum of the image `id` when the registry has it whole; the outer `None` when it does not, or does not
    /// say: behind an index a token to write is good for nothing else, and [`Repo::put_json`] gets to know.
    ///
    /// # Errors
    /// [`Kind::NotAllowed`] when the server refuses this user, [`Kind::Unavailable`] when it cannot be reached.
    pub async fn has_image(&self, id: &V1Id) -> Result<Option<Option<String>>> {
        if self.is_blind.load(Ordering::Relaxed) {
            return Ok(None);
        }
        match self.image(id).await {
            Err(e) if e.kind() == Kind::NotAllowed && !self.standalone => {
                tracing::debug!("{e:#}; writing without a look at what is there");
                self.is_blind.store(true, Ordering::Relaxed);
                Ok(None)
            }
            Ok(head) => Ok(Some(head.checksum)),
            Err(e) if e.kind() == Kind::NotFound || is_begun(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes the JSON of an image, byte for byte. Its parent must have been written.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the registry does not take it. [`Kind::NotAllowed`] when the server refuses this user,
    /// [`Kind::Unavailable`] when it cannot be reached.
    pub async fn put_json(&self, id: &V1Id, json: &Bytes) -> Result<Placed> {
        let path = format!("/v1/images/{id}/json");
        let sent = self.send(|| put(path.clone(), JSON, Body::Bytes(json.clone())));
        placed(sent.await.map(drop))
    }

    /// Writes the layer of an image whose JSON has been written.
    ///
    /// # Errors
    /// Those of `layer`; [`Kind::Refused`] when the registry does not take it. [`Kind::NotAllowed`] when the server
    /// refuses this user, [`Kind::Unavailable`] when it cannot be reached.
    pub async fn put_layer(&self, id: &V1Id, layer: &UploadBody) -> Result<Placed> {
        let path = format!("/v1/images/{id}/layer");
        let sent = self.send(|| {
            let body = Body::Stream(layer.whole());
            let mut put = put(path.clone(), MediaType::OCTET_STREAM, body);
            put.repeatable = false;
            put.bulk = layer.whole().size().is_none_or(|size| size > BULK);
            put
        });
        placed(sent.await.map(drop))
    }

    /// Completes an image: `payload` is the checksum over its JSON, a newline and its layer.
    ///
    /// # Errors
    /// [`Kind::Refused`] when the registry has other bytes. [`Kind::NotAllowed`] when the server refuses this user,
    /// [`Kind::Unavailable`] when it cannot be reached.
    pub async fn put_checksum(&self, id: &V1Id, payload: &Digest) -> Result<Placed> {
        let path = format!("/v1/images/{id}/checksum");
        let sent = self.send(|| {
            let put = put(path.clone(), JSON, Body::Empty);
            // Registries up to 0.6 know the older header only; they take either kind of sum in it.
            put.header(PAYLOAD, payload.to_string())
                .header(CHECKSUM, payload.to_string())
        });
        placed(sent.await.map(drop))
    }

    /// Makes `tag` stand for the image `id`.
    ///
    /// # Errors
    /// [`Kind::NotAllowed`] when the server refuses this user, [`Kind::Unavailable`] when it cannot be reached.
    pub async fn put_tag(&self, tag: &Tag, id: &V1Id) -> Result<()> {
        let path = format!("/v1/repositories/{}/tags/{tag}", self.name);
        let body = json(&id.as_str())?;
        self.send(|| put(path.clone(), JSON, Body::Bytes(body.clone())))
            .await
            .map(drop)
    }

    /// Tells the index what is there now, with checksums.
    ///
    /// # Errors
    /// [`Kind::NotAllowed`] when the server refuses this user, [`Kind::Unavailable`] when it cannot be reached.
    pub async fn confirm(&self, images: &[ListedImage]) -> Result<()> {
        let path = format!("/v1/repositories/{}/images", self.name);
        let put = put(path, JSON, Body::Bytes(json(images)?))
            .header(ASK_TOKEN.0, ASK_TOKEN.1)
            .header(USED, self.grant().named.join(","));
        let said = self.session.basic(Some(&self.name)).await?;
        self.session.ask(put, said).await.map(drop)
    }

    /// Whether `e` asks for a longer wait than is obeyed (quirk E15).
    pub(crate) fn is_put_off(&self, e: &Error) -> bool {
        self.session.index.is_put_off(e)
    }

    /// Waits before try `tries + 1` of an image.
    pub(crate) async fn wait_before_try(&self, tries: usize) {
        Client::wait_before_try(&self.session.index, tries).await;
    }
}

const PAYLOAD: header::HeaderName = header::HeaderName::from_static("x-docker-checksum-payload");
const CHECKSUM: header::HeaderName = header::HeaderName::from_static("x-docker-checksum");

fn put(path: String, media_type: &str, body: Body) -> Intent {
    let mut put = Intent::new(Method::PUT, path, None).header(header::CONTENT_TYPE, media_type);
    put.body = body;
    put
}

fn json(value: &(impl Serialize + ?Sized)) -> Result<Bytes> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|e| Error::other("a document for a V1 registry went wrong").because(e))
}

/// 409 means that the image is there, whole.
fn placed(sent: Result<()>) -> Result<Placed> {
    match sent {
        Ok(()) => Ok(Placed::Written),
        Err(e) if ApiError::of(&e).is_some_and(|a| a.status == 409) => Ok(Placed::Present),
        Err(e) => Err(e),
    }
}

/// An upload of this image was begun and never ended: it is written again.
fn is_begun(e: &Error) -> bool {
    use std::error::Error as _;
    is_incomplete(e)
        || e.source()
            .and_then(|cause| cause.downcast_ref::<Error>())
            .is_some_and(is_incomplete)
}
