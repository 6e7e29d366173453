//! `Repo`: a repository of a V1 server, and how its requests find a registry that answers them (protocols 1.5).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, StatusCode};

use super::grant::{ASK_TOKEN, Grant};
use super::{LIST_CAP, Session};
use crate::image::V1Repository;
use crate::registry::body::Answer;
use crate::registry::intent::{Intent, PresetAuth, Target, Who};
use crate::registry::retry::RetryBudget;
use crate::registry::{ApiError, Client};
use crate::{Error, Kind, Result, locked};

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
    /// What the writing of one image may still spend on failures.
    budget: RetryBudget,
    /// The registries do not let a user look who may write.
    pub(super) is_blind: AtomicBool,
}

impl Repo {
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
            budget: RetryBudget::default(),
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
        let grant = locked(&self.grant);
        grant.clone()
    }

    pub(super) async fn renew_grant(&self) -> Result<()> {
        let grant = match &self.announced {
            None => self.grant_to_read().await?,
            Some(list) => self.grant_to_write(list).await?,
        };
        let mut known = locked(&self.grant);
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
    /// That something is not there, or not whole, is an answer, except for an image that is read: the index has said that the
    /// repository has it, so another registry may hold what this one lost.
    pub(super) async fn send(&self, make: impl Fn() -> Intent) -> Result<Answer> {
        self.send_past(0, make).await
    }

    /// The same, beginning `passed` registries behind the one that works.
    pub(super) async fn send_past(
        &self,
        passed: usize,
        make: impl Fn() -> Intent,
    ) -> Result<Answer> {
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
                if self.announced.is_some() {
                    intent.budget = self.budget.clone();
                }
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
                    // There are no logins at such a registry.
                    true => e.hint(format!(
                        "the token is that of the index `{}`; is a login for it missing?",
                        self.session.registry()
                    )),
                    false => e,
                });
                match sent {
                    Err(e) if !stands => {
                        tracing::debug!("{e:#}; trying the next registry of the index, if any");
                        told = Some(more_telling(told, e));
                    }
                    sent => return sent,
                }
            }
            let told = told.unwrap_or_else(|| Error::other("an index named no registry"));
            return Err(self.session.explained(told));
        }
    }

    /// What the writing of one image may still spend on failures. Images are written one after the other.
    pub(crate) fn budget(&self) -> &RetryBudget {
        &self.budget
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

    pub(super) async fn document(&self, path: String, cap: usize) -> Result<(String, Bytes)> {
        let (answer, body) = self.answered(path, cap).await?;
        Ok((answer.url.redacted(), body))
    }

    /// The answer to a GET and its whole body, which is asked for again where it breaks off.
    pub(super) async fn answered(&self, path: String, cap: usize) -> Result<(Answer, Bytes)> {
        let mut reading = self.session.index.reading();
        loop {
            let sent = self.send(|| Intent::new(Method::GET, path.clone(), None));
            let mut answer = sent.await?;
            if let Some(body) = reading.body(&mut answer, cap).await? {
                return Ok((answer, body));
            }
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

/// What a registry answers for an image whose checksum it never accepted.
pub(super) fn is_incomplete(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|a| {
        let text = a.items.first().map(|i| i.code.as_str()).unwrap_or_default();
        a.status == 400 && text.contains("being uploaded")
    })
}
