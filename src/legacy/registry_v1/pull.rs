//! What is read of a repository of a V1 server (protocols 1.5).

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde::Deserialize;

use super::repo::{Repo, is_incomplete};
use super::{DOCUMENT_CAP, LIST_CAP, Session};
use crate::bytes::{ByteStream, skip};
use crate::image::{Tag, V1Id, V1Repository};
use crate::registry::intent::Intent;
use crate::registry::v2::blobs::{BULK, content_range};
use crate::registry::{ApiError, may_have_gone};
use crate::{Error, Result};

/// Tags of a list that are named one by one when they are left out.
const MOST_TOLD: usize = 20;

/// The JSON of an image with what the head of its answer says.
#[derive(Debug, Clone)]
pub struct ImageHead {
    /// As it was pushed, byte for byte.
    pub json: Bytes,
    /// Bytes of the layer as it is stored; `None` where the server does not say.
    pub size: Option<u64>,
    /// The recorded checksum, as written: the registry's own, or that of the index.
    pub checksum: Option<String>,
}

impl Repo {
    /// Opens `name` for reading: asks the index for a token and for the registries that have it.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such repository. [`crate::Kind::NotAllowed`] when the server refuses this user,
    /// [`crate::Kind::Unavailable`] when it cannot be reached.
    pub async fn pull(session: &Arc<Session>, name: &V1Repository) -> Result<Repo> {
        let standalone = session.ping().await?.standalone;
        let repo = Repo::with(session, name, standalone, None);
        repo.renew_grant().await?;
        Ok(repo)
    }

    /// All tags with the images they stand for, sorted by name.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such repository, [`crate::Kind::Corrupt`] when the answer is not a list of tags.
    /// [`crate::Kind::NotAllowed`] when the server refuses this user, [`crate::Kind::Unavailable`] when it cannot be reached.
    pub async fn tags(&self) -> Result<BTreeMap<String, V1Id>> {
        #[derive(Deserialize)]
        struct Entry {
            name: String,
            layer: String,
        }
        let path = format!("/v1/repositories/{}/tags", self.name);
        let (url, body) = self.document(path, LIST_CAP).await?;
        // A list is a draft of 2013, with the beginnings of ids.
        let pairs = match body.trim_ascii_start().starts_with(b"[") {
            false => serde_json::from_slice::<BTreeMap<String, String>>(&body),
            true => serde_json::from_slice::<Vec<Entry>>(&body)
                .map(|list| list.into_iter().map(|e| (e.name, e.layer)).collect()),
        };
        let pairs = pairs
            .map_err(|e| Error::corrupt(format!("GET {url} answered with no tags")).because(e))?;
        drop(body);
        let grant = self.grant();
        let full = |id: &str| {
            V1Id::parse(id).or_else(|| {
                let mut fit = grant
                    .images
                    .iter()
                    .filter(|(i, _)| i.as_str().starts_with(id));
                let one = fit.next().filter(|_| !id.is_empty())?;
                fit.next().is_none().then(|| one.0.clone())
            })
        };
        let mut tags = BTreeMap::new();
        let mut left_out = 0;
        for (name, id) in pairs {
            match full(&id) {
                Some(id) => drop(tags.insert(name, id)),
                None if left_out < MOST_TOLD => {
                    left_out += 1;
                    tracing::warn!("{url}: the tag `{name}` names no image id; leaving it out");
                }
                None => left_out += 1,
            }
        }
        if left_out > MOST_TOLD {
            let more = left_out - MOST_TOLD;
            tracing::warn!("{url}: {more} more tags name no image id; leaving them out");
        }
        Ok(tags)
    }

    /// The image that `tag` stands for.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such tag, [`crate::Kind::Corrupt`] when the answer is not the id of an image.
    /// [`crate::Kind::NotAllowed`] when the server refuses this user, [`crate::Kind::Unavailable`] when it cannot be reached.
    pub async fn tag(&self, tag: &Tag) -> Result<V1Id> {
        let path = format!("/v1/repositories/{}/tags/{tag}", self.name);
        let (url, body) = self.document(path, DOCUMENT_CAP).await?;
        let id: String = serde_json::from_slice(&body).map_err(|e| {
            Error::corrupt(format!("GET {url} answered with no image id")).because(e)
        })?;
        id.parse()
    }

    /// The ids of an image and of all below it, the image first, its root last.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such image; [`crate::Kind::Unavailable`] when it is still being uploaded;
    /// [`crate::Kind::Corrupt`] when the answer is not an ancestry of it.
    pub async fn ancestry(&self, id: &V1Id) -> Result<Vec<V1Id>> {
        let path = format!("/v1/images/{id}/ancestry");
        let read = self.document(path, DOCUMENT_CAP).await;
        let (url, body) = read.map_err(|e| incomplete(id, e))?;
        let wrong = || Error::corrupt(format!("GET {url} answered with no ancestry"));
        let ids: Vec<String> = serde_json::from_slice(&body).map_err(|e| wrong().because(e))?;
        let ids: Vec<V1Id> = ids.iter().map(|id| id.parse()).collect::<Result<_>>()?;
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        if ids.first() != Some(id) || distinct.len() != ids.len() {
            return Err(wrong());
        }
        Ok(ids)
    }

    /// The JSON of an image, its layer's size and its checksum.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such image; [`crate::Kind::Unavailable`] when it is still being uploaded.
    pub async fn image(&self, id: &V1Id) -> Result<ImageHead> {
        let path = format!("/v1/images/{id}/json");
        let read = self.answered(path, DOCUMENT_CAP).await;
        let (answer, json) = read.map_err(|e| incomplete(id, e))?;
        let text = |name: &str| {
            let value = answer.headers.get(name)?.to_str().ok()?.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let size = text("x-docker-size").and_then(|size| size.parse().ok());
        let own = text("x-docker-checksum-payload").or_else(|| text("x-docker-checksum"));
        let grant = self.grant();
        let listed = || grant.checksums().get(id).map(|sum| (*sum).to_owned());
        Ok(ImageHead {
            size,
            checksum: own.or_else(listed),
            json,
        })
    }

    /// The layer's bytes from offset `from` on; `size` is that of the whole layer, where it is known. Nothing is
    /// verified here. After a registry broke off `stuck` times in a row without a byte, others are asked first.
    ///
    /// Ranges are closed, and longer than a byte: docker-registry 0.9 announces one byte too many for open ones and
    /// refuses those of one byte (protocols 1.2).
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such layer, [`crate::Kind::Unavailable`] when no registry sends it. Breaks that
    /// come later are items of the stream.
    pub async fn layer(
        &self,
        id: &V1Id,
        from: u64,
        size: Option<u64>,
        stuck: usize,
    ) -> Result<ByteStream> {
        let path = format!("/v1/images/{id}/layer");
        let range = size
            .filter(|size| from > 0 && *size > 1)
            .map(|size| (from.min(size - 2), size - 1));
        let get = |range: Option<(u64, u64)>| {
            let mut get = Intent::new(Method::GET, path.clone(), None);
            get.bulk = size.is_none_or(|size| size > BULK);
            match range {
                Some((first, last)) => get.header(header::RANGE, format!("bytes={first}-{last}")),
                None => get,
            }
        };
        let mut answer = match self.send_past(stuck, || get(range)).await {
            Err(e) if range.is_some() && ApiError::of(&e).is_some_and(|a| a.status == 416) => {
                self.send_past(stuck, || get(None)).await?
            }
            other => other?,
        };
        if let (StatusCode::PARTIAL_CONTENT, Some((first, _))) = (answer.status, range) {
            let got = answer
                .header(&header::CONTENT_RANGE)
                .and_then(content_range);
            match got {
                // Some send more than was asked for, and say so.
                Some((start, _, total))
                    if start <= first && total.is_none_or(|t| Some(t) == size) =>
                {
                    return Ok(skip(answer.stream(), from - start));
                }
                // B6: other bytes, or it does not say which.
                _ => answer = self.send_past(stuck, || get(None)).await?,
            }
        }
        let url = answer.url.redacted();
        match answer.status {
            // The range was ignored, or none was asked for.
            StatusCode::OK => Ok(skip(answer.stream(), from)),
            _ => Err(Error::unavailable(format!(
                "GET {url}: answered with something else than the layer"
            ))),
        }
    }

    /// Takes `tag` away; the image stays.
    ///
    /// # Errors
    /// [`crate::Kind::NotFound`] when there is no such tag. [`crate::Kind::NotAllowed`] when the server refuses this user,
    /// [`crate::Kind::Unavailable`] when it cannot be reached.
    pub async fn delete_tag(&self, tag: &Tag) -> Result<()> {
        let path = format!("/v1/repositories/{}/tags/{tag}", self.name);
        let sent = self.send(|| Intent::new(Method::DELETE, path.clone(), None));
        match sent.await {
            Err(e) if may_have_gone(&e) => Ok(()),
            sent => sent.map(drop),
        }
    }
}

/// `e`, or what it means where the image was begun and never ended.
fn incomplete(id: &V1Id, e: Error) -> Error {
    if !is_incomplete(&e) {
        return e;
    }
    let text = format!("the image `{id}` was never uploaded to its end");
    Error::unavailable(text).because(e)
}
