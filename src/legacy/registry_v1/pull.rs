//! `Repo`: a repository of a V1 server, and what is read of it (protocols 1.5).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Method, StatusCode, header};
use serde::Deserialize;

use super::grant::{ASK_TOKEN, Grant};
use super::{DOCUMENT_CAP, LIST_CAP, Session};
use crate::bytes::{ByteStream, skip};
use crate::image::{Tag, V1Id, V1Repository};
use crate::registry::body::Answer;
use crate::registry::intent::{Intent, PresetAuth, Target, Who};
use crate::registry::v2::blobs::{BULK, content_range};
use crate::registry::{ApiError, Client, may_have_gone};
use crate::{Error, Kind, Result};

/// Tags of a list that are named one by one when they are left out.
const MOST_TOLD: usize = 20;

/// A repository of a V1 server, opened for reading or for writing.
pub struct Repo {
    pub(super) session: Arc<Session>,
    pub(super) name: V1Repository,
    pub(super) standalone: bool,
    /// What was announced to the index, in a repository that is written.
    pub(super) announced: Option<Bytes>,
    grant: Mutex<Arc<Grant>>,
    /// One renewal at a time.
    renewing: tokio::sync::Mutex<()>,
    /// How often a registry failed and another took over.
    moves: AtomicUsize,
    /// The registries let nobody look who may write.
    pub(super) is_blind: AtomicBool,
}

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
    /// [`Kind::NotFound`] when there is no such repository. [`Kind::NotAllowed`] when the server refuses this user,
    /// [`Kind::Unavailable`] when it cannot be reached.
    pub async fn pull(session: &Arc<Session>, name: &V1Repository) -> Result<Repo> {
        let standalone = session.ping().await?.standalone;
        let repo = Repo::with(session, name, standalone, None);
        repo.renew_grant().await?;
        Ok(repo)
    }

    /// A repository that no index was asked about yet.
    pub(super) fn with(
        session: &Arc<Session>,
        name: &V1Repository,
        standalone: bool,
        announced: Option<Bytes>,
    ) -> Repo {
        Repo {
            session: session.clone(),
            name: name.clone(),
            standalone,
            announced,
            grant: Mutex::new(Arc::new(Grant::of_itself())),
            renewing: tokio::sync::Mutex::default(),
            moves: AtomicUsize::new(0),
            is_blind: AtomicBool::new(false),
        }
    }

    /// The server that this is a repository of.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Whether the server is index and registry in one.
    pub fn stands_alone(&self) -> bool {
        self.standalone
    }

    pub(super) fn grant(&self) -> Arc<Grant> {
        let grant = self.grant.lock().unwrap_or_else(PoisonError::into_inner);
        grant.clone()
    }

    pub(super) async fn renew_grant(&self) -> Result<()> {
        let grant = match &self.announced {
            None => self.grant_to_read().await?,
            Some(list) => self.grant_to_write(list).await?,
        };
        let mut known = self.grant.lock().unwrap_or_else(PoisonError::into_inner);
        if self.moves() > 0 {
            grant.goes_on_from(&known);
        }
        *known = Arc::new(grant);
        Ok(())
    }

    async fn grant_to_read(&self) -> Result<Grant> {
        let path = format!("/v1/repositories/{}/images", self.name);
        let get = Intent::new(Method::GET, path, None).header(ASK_TOKEN.0, ASK_TOKEN.1);
        let said = self.session.basic(Some(&self.name)).await?;
        match self.session.document(get, said, LIST_CAP).await {
            Ok((answer, images)) => {
                let grant = Grant::read(&self.session, &answer.headers, self.standalone)?;
                let url = answer.url.redacted();
                grant.with_images(&url, &images)
            }
            // A registry on its own may hold tags of which its small index was never told.
            Err(e) if e.kind() == Kind::NotFound && self.standalone => Ok(Grant::of_itself()),
            Err(e) => Err(e),
        }
    }

    /// Sends what `make` makes to each registry until one has an answer: first to the one that works, then to those
    /// behind it in the index's order, at last to those before it. A token that ran out is renewed once.
    ///
    /// «Not there» and «not whole» are answers, except of an image that is read: the index has said that the repository
    /// has it, so another registry may hold what this one lost.
    pub(super) async fn send(&self, make: impl Fn() -> Intent) -> Result<Answer> {
        self.send_past(0, make).await
    }

    /// The same, beginning `passed` registries behind the one that works.
    async fn send_past(&self, passed: usize, make: impl Fn() -> Intent) -> Result<Answer> {
        let mut renewed = false;
        'granted: loop {
            let grant = self.grant();
            let mut told: Option<Error> = None;
            for at in grant.order(passed) {
                let endpoint = grant.endpoints.get(at).and_then(Option::as_ref);
                let said = self.said(&grant, endpoint).await?;
                let with_token = said.as_ref().is_some_and(|s| s.origin.is_none());
                let mut intent = make();
                intent.who = Who::Preset(said);
                let client = endpoint.map_or(&self.session.index, Arc::as_ref);
                let sent = client.send(&intent).await;
                let status = sent.as_ref().err().and_then(ApiError::of);
                let unauthorized = status.is_some_and(|api| api.status == StatusCode::UNAUTHORIZED);
                // A token to write lets no one read, however new it is.
                let only_looks = self.announced.is_some() && intent.method == Method::GET;
                let ran_out = unauthorized && with_token && !renewed && !only_looks;
                let stands = match &sent {
                    Ok(_) => true,
                    Err(_) if unauthorized && with_token && only_looks => true,
                    Err(e) if e.kind() == Kind::NotFound || is_incomplete(e) => {
                        !self.reads_image(&intent)
                    }
                    Err(e) => intent_is_refused(e),
                };
                if (stands || ran_out) && told.is_some() {
                    self.moves.fetch_add(1, Ordering::Relaxed);
                    grant.works(at);
                }
                if ran_out {
                    renewed = true;
                    self.renew(&grant).await?;
                    continue 'granted;
                }
                let sent = sent.map_err(|e| match unauthorized && with_token {
                    // Nobody logs in there.
                    true => e.hint(format!(
                        "the token is that of the index `{}`; is a login for it missing?",
                        self.session.registry()
                    )),
                    false => e,
                });
                match sent {
                    Err(e) if !stands => {
                        tracing::debug!("{e}; trying the next registry of the index, if any");
                        told = Some(more_telling(told, e));
                    }
                    sent => return sent,
                }
            }
            let told = told.unwrap_or_else(|| Error::other("an index named no registry"));
            return Err(self.session.explained(told));
        }
    }

    /// How often a registry failed and another took over.
    pub(crate) fn moves(&self) -> usize {
        self.moves.load(Ordering::Relaxed)
    }

    fn reads_image(&self, intent: &Intent) -> bool {
        let of_image =
            matches!(&intent.target, Target::Path(path) if path.starts_with("/v1/images/"));
        of_image && intent.method == Method::GET && self.announced.is_none()
    }

    /// Asks the index again unless another request just did.
    async fn renew(&self, old: &Arc<Grant>) -> Result<()> {
        let _one = self.renewing.lock().await;
        if Arc::ptr_eq(old, &self.grant()) {
            self.renew_grant().await?;
        }
        Ok(())
    }

    /// A server that is index and registry in one wants the password with each request, unless it gave a token and
    /// checks that; a registry behind an index wants the token, and the password is never for it.
    async fn said(
        &self,
        grant: &Grant,
        endpoint: Option<&Arc<Client>>,
    ) -> Result<Option<PresetAuth>> {
        if endpoint.is_none() && (self.standalone || grant.token.is_none()) {
            let basic = self.session.basic(Some(&self.name)).await?;
            return Ok(basic.or_else(|| grant.token.clone()));
        }
        Ok(grant.token.clone())
    }

    async fn document(&self, path: String, cap: usize) -> Result<(String, Bytes)> {
        let (answer, body) = self.answered(path, cap).await?;
        Ok((answer.url.redacted(), body))
    }

    /// The answer to a GET and its whole body, which is asked for again where it breaks off.
    async fn answered(&self, path: String, cap: usize) -> Result<(Answer, Bytes)> {
        let mut reading = self.session.index.reading();
        loop {
            let sent = self.send(|| Intent::new(Method::GET, path.clone(), None));
            let mut answer = sent.await?;
            if let Some(body) = reading.body(&mut answer, cap).await? {
                return Ok((answer, body));
            }
        }
    }

    /// All tags with the images they stand for, sorted by name.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such repository, [`Kind::Corrupt`] when the answer is not a list of tags.
    /// [`Kind::NotAllowed`] when the server refuses this user, [`Kind::Unavailable`] when it cannot be reached.
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
        let pairs = pairs.map_err(|e| {
            Error::new(Kind::Corrupt, format!("GET {url} answered with no tags")).because(e)
        })?;
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
    /// [`Kind::NotFound`] when there is no such tag, [`Kind::Corrupt`] when the answer is not the id of an image.
    /// [`Kind::NotAllowed`] when the server refuses this user, [`Kind::Unavailable`] when it cannot be reached.
    pub async fn tag(&self, tag: &Tag) -> Result<V1Id> {
        let path = format!("/v1/repositories/{}/tags/{tag}", self.name);
        let (url, body) = self.document(path, DOCUMENT_CAP).await?;
        let id: String = serde_json::from_slice(&body).map_err(|e| {
            Error::new(
                Kind::Corrupt,
                format!("GET {url} answered with no image id"),
            )
            .because(e)
        })?;
        id.parse()
    }

    /// The ids of an image and of all below it, the image first, its root last.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such image; [`Kind::Unavailable`] when it is still being uploaded;
    /// [`Kind::Corrupt`] when the answer is not an ancestry of it.
    pub async fn ancestry(&self, id: &V1Id) -> Result<Vec<V1Id>> {
        let path = format!("/v1/images/{id}/ancestry");
        let read = self.document(path, DOCUMENT_CAP).await;
        let (url, body) = read.map_err(|e| incomplete(id, e))?;
        let wrong = || {
            Error::new(
                Kind::Corrupt,
                format!("GET {url} answered with no ancestry"),
            )
        };
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
    /// [`Kind::NotFound`] when there is no such image; [`Kind::Unavailable`] when it is still being uploaded.
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
    /// [`Kind::NotFound`] when there is no such layer, [`Kind::Unavailable`] when no registry sends it. Breaks that
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
            _ => Err(Error::new(
                Kind::Unavailable,
                format!("GET {url}: answered with something else than the layer"),
            )),
        }
    }

    /// Takes `tag` away; the image stays.
    ///
    /// # Errors
    /// [`Kind::NotFound`] when there is no such tag. [`Kind::NotAllowed`] when the server refuses this user,
    /// [`Kind::Unavailable`] when it cannot be reached.
    pub async fn delete_tag(&self, tag: &Tag) -> Result<()> {
        let path = format!("/v1/repositories/{}/tags/{tag}", self.name);
        let sent = self.send(|| Intent::new(Method::DELETE, path.clone(), None));
        match sent.await {
            Err(e) if may_have_gone(&e) => Ok(()),
            sent => sent.map(drop),
        }
    }
}

/// Of the failures of several registries the first answer, else the first failure.
fn more_telling(first: Option<Error>, e: Error) -> Error {
    match first {
        Some(first) if ApiError::of(&first).is_some() || ApiError::of(&e).is_none() => first,
        _ => e,
    }
}

/// An answer that would be the same everywhere: the request itself is wrong.
fn intent_is_refused(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|a| matches!(a.status.as_u16(), 400 | 409 | 412 | 416))
}

/// `e`, or what it means where the image was begun and never ended.
fn incomplete(id: &V1Id, e: Error) -> Error {
    if !is_incomplete(&e) {
        return e;
    }
    let text = format!("the image `{id}` was never uploaded to its end");
    Error::new(Kind::Unavailable, text).because(e)
}

/// What a registry answers for an image whose checksum it never accepted.
pub(super) fn is_incomplete(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|a| {
        let text = a.items.first().map(|i| i.code.as_str()).unwrap_or_default();
        a.status == 400 && text.contains("being uploaded")
    })
}
