//! `Client`: the request loop for one registry.
//!
//! It finds out once how the registry is reached and what it asks for, and then turns each [`Intent`] into one
//! answer: authorised, redirected by hand, repeated where a new token may help. What the answer means is for the
//! endpoints in [`super::v2`].

mod hops;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode, header};

use super::admit::Admitted;
use super::auth::{Auth, Authorization};
use super::body::Answer;
use super::challenge::parse_challenges;
use super::connections::Connections;
use super::cookies::Cookies;
use super::error::ApiError;
use super::intent::{Intent, Scope, Who};
use super::learned::{ReferrersTags, UploadCapabilities};
use super::reading::Reading;
use super::retry;
use super::wire::{Wire, set};
use crate::image::Registry;
use crate::settings::{Context, Login};
use crate::{Error, Kind, Result};

/// In which order the two schemes are tried. Plain HTTP is never tried on its own account with a host that is not
/// this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Schemes {
    Https,
    HttpsThenHttp,
    HttpThenHttps,
}

/// A client of one registry. Cheap to make: connections, credentials and tokens come when they are needed.
pub struct Client {
    registry: Registry,
    wire: Wire,
    auth: Arc<Auth>,
    schemes: Schemes,
    /// The API's origin, once it is known which scheme is spoken.
    root: Arc<OnceLock<Admitted>>,
    /// Held by the first request until the head of its answer is here: the others then know what it learned.
    first: Arc<tokio::sync::Mutex<()>>,
    met: Arc<AtomicBool>,
    /// Hosts at private addresses that the registry may name.
    private_hosts: Arc<[String]>,
    /// `HttpHeaders` of the credential files, for the registry itself only.
    extra: HeaderMap,
    /// Kept for servers of Registry V1 only.
    cookies: Option<Arc<Cookies>>,
    /// Whether it has shown that it keeps signatures itself (`v2::signatures`).
    keeps_signatures: Arc<AtomicBool>,
    /// Upload features that this registry has been seen to support (learned by `v2::uploads` and `v2::push`).
    pub(super) capabilities: Arc<UploadCapabilities>,
    /// Kept by `v2::referrers`.
    pub(super) referrers_tags: Arc<ReferrersTags>,
}

impl Client {
    /// A client for `registry`, reached as `context` says. Nothing is sent yet.
    pub fn new(registry: &Registry, context: &Context) -> Client {
        let (access, timeouts) = (&context.access, &context.timeouts);
        let auth = Auth::new(registry, access);
        let mut extra = HeaderMap::new();
        if let Login::Files(files) = &access.login {
            for (name, value) in files.http_headers() {
                if let Ok(name) = HeaderName::try_from(name) {
                    set(&mut extra, name, &value);
                }
            }
        }
        let bare_start = !auth.passes_at_once() && extra.is_empty();
        let is_local = registry.is_loopback() && access.plain_loopback;
        let schemes = match (is_local, access.tls_verify) {
            // What goes out with the first request (a given token, headers of a credential file) may be secret:
            // then TLS is tried first even here.
            (true, _) if bare_start && registry.port() != Some(443) => Schemes::HttpThenHttps,
            (true, _) | (false, false) => Schemes::HttpsThenHttp,
            (false, true) => Schemes::Https,
        };
        Client {
            registry: registry.clone(),
            wire: Wire::new(
                Connections::new(registry, access, timeouts),
                timeouts.clone(),
                context.limits.of(&registry.to_string()),
            ),
            auth: Arc::new(auth),
            schemes,
            root: Arc::default(),
            first: Arc::default(),
            met: Arc::default(),
            private_hosts: access.private_hosts.clone().into(),
            extra,
            cookies: None,
            keeps_signatures: Arc::default(),
            capabilities: Arc::default(),
            referrers_tags: Arc::default(),
        }
    }

    /// As [`Client::new`]; where `context` keeps what operations share, with the connections, tokens and knowledge of
    /// the clients that were made before. It counts its own requests.
    pub fn of(registry: &Registry, context: &Context) -> Client {
        let access = &context.access;
        let login = match access.login {
            Login::Files(_) => "files",
            Login::Given(_) => "given",
            Login::Anonymous => "anonymous",
        };
        let name = format!("{registry} {login} {}", access.tls_verify);
        let kept = context
            .kept
            .get_or_make(name, || Client::new(registry, context));
        match kept {
            Some(kept) => kept.share(),
            None => Client::new(registry, context),
        }
    }

    /// This client with a separate count of requests.
    fn share(&self) -> Client {
        Client {
            registry: self.registry.clone(),
            wire: self.wire.share(),
            auth: self.auth.clone(),
            schemes: self.schemes,
            root: self.root.clone(),
            first: self.first.clone(),
            met: self.met.clone(),
            private_hosts: self.private_hosts.clone(),
            extra: self.extra.clone(),
            cookies: self.cookies.clone(),
            keeps_signatures: self.keeps_signatures.clone(),
            capabilities: self.capabilities.clone(),
            referrers_tags: self.referrers_tags.clone(),
        }
    }

    /// A client of a V1 server, which gets its cookies back. With `root` it is reached there and nowhere else.
    #[cfg(feature = "legacy")]
    pub(crate) fn of_v1(registry: &Registry, context: &Context, root: Option<Admitted>) -> Client {
        let mut client = Client::new(registry, context);
        client.cookies = Some(Arc::default());
        if let Some(root) = root {
            client.root = Arc::new(OnceLock::from(root));
        }
        client
    }

    /// The origin of the registry, once an answer has shown which scheme it speaks.
    pub(crate) fn root(&self) -> Option<&Admitted> {
        self.root.get()
    }

    /// The URL under which the registry answers, once an answer has shown which scheme it speaks.
    pub fn origin(&self) -> Option<url::Url> {
        self.root().map(|root| root.url().clone())
    }

    /// The registry this is a client of.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The host of the token endpoint, if it belongs to another owner than the registry.
    pub(super) fn foreign_token_host(&self) -> Option<String> {
        self.auth.foreign_token_host()
    }

    /// The error that says that a credential was not sent to the token endpoint, if that is so.
    pub(super) fn withheld(&self) -> Option<Error> {
        self.auth.withheld()
    }

    /// Requests sent so far, by host: the registry's, and those it led to.
    pub fn requests(&self) -> BTreeMap<String, u64> {
        self.wire.requests()
    }

    /// Whether an answer has shown that the registry keeps signatures itself.
    pub(crate) fn keeps_signatures(&self) -> bool {
        self.keeps_signatures.load(Ordering::Relaxed)
    }

    /// How often the registry has shown that it wants fewer requests at a time: by 429, or by breaking off
    /// uploads (quirks E16, U26).
    pub fn pressure(&self) -> u64 {
        self.wire.pressure()
    }

    /// The shortest time from a request to the head of its answer so far.
    pub fn round_trip(&self) -> Option<Duration> {
        self.wire.round_trip()
    }

    /// Counts a sign of that which is not in the head of an answer.
    pub(super) fn press(&self) {
        self.wire.press();
    }

    /// Whether `e` is an answer that asks for a longer wait than is obeyed: no further request is sent (quirk E15).
    pub(crate) fn is_put_off(&self, e: &Error) -> bool {
        let asked = ApiError::of(e).and_then(|answer| answer.wait);
        e.kind() == Kind::Unavailable && asked.is_some_and(|wait| !self.wire.obeys(wait))
    }

    /// Waits before try `tries + 1` of something larger than one request; with 0 tries, for a moment only.
    pub(crate) async fn wait_before_try(&self, tries: usize) {
        self.wire
            .pause(u32::try_from(tries).unwrap_or(u32::MAX))
            .await;
    }

    /// Carries out `intent`. An answer with an error status becomes an [`Error`] with an [`ApiError`] as cause.
    pub(crate) async fn send(&self, intent: &Intent) -> Result<Answer> {
        if let Who::Preset(said) = &intent.who {
            let pass = said.as_ref().map(Authorization::said);
            let answer = self.follow(intent, pass.as_ref()).await?;
            return self.finish(answer, intent, pass.as_ref()).await;
        }
        let mut refused: Option<Authorization> = None;
        let mut extra_scopes = Vec::new();
        let mut sent_without = false;
        let mut exact: Option<Intent> = None;
        let mut renewals = intent.budget.of_kind(retry::TOKEN);
        loop {
            let intent = exact.as_ref().unwrap_or(intent);
            let (answer, pass) = self
                .attempt(intent, &extra_scopes, refused.as_ref())
                .await?;
            let own = self.is_own(&answer.url);
            if answer.status == StatusCode::FORBIDDEN
                && own
                && exact.is_none()
                && pass.as_ref().is_some_and(Authorization::is_exchanged)
                && let Some(scope) = intent
                    .scope
                    .as_ref()
                    .and_then(|s| s.of_read(&intent.method))
            {
                // A18: some refuse a token for more than the request needs.
                let mut narrow = intent.clone();
                narrow.scope = Some(scope);
                exact = Some(narrow);
                continue;
            }
            if answer.status != StatusCode::UNAUTHORIZED || !own {
                if answer.status != StatusCode::FORBIDDEN {
                    pass.iter().for_each(|p| p.accepted(&intent.method));
                }
                return self.finish(answer, intent, pass.as_ref()).await;
            }
            let again = match &pass {
                None => {
                    let first_time = !sent_without;
                    sent_without = true;
                    first_time && self.asks_for_something(&answer).await?
                }
                Some(pass)
                    if !renewals.is_spent()
                        && pass.may_be_stale(&intent.method, &answer.headers) =>
                {
                    renewals.spend();
                    true
                }
                Some(pass) if pass.is_exchanged() && extra_scopes.is_empty() => {
                    extra_scopes = missing_scopes(&answer, intent.scope.as_ref());
                    !extra_scopes.is_empty()
                }
                // A20: a new token with all that was asked for, and still no: this is about permission.
                Some(pass) if pass.is_exchanged() => false,
                Some(pass) => !sent_without && self.auth.retry_without(pass, intent.scope.as_ref()),
            };
            if !again {
                return self.finish(answer, intent, pass.as_ref()).await;
            }
            refused = pass;
        }
    }

    /// A document to be read, which may be asked for again as often as requests are sent.
    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading::new(&self.wire)
    }

    /// The answer to a GET and its whole body, of at most `cap` bytes, which is asked for again where it breaks off.
    pub(crate) async fn document(&self, get: &Intent, cap: usize) -> Result<(Answer, Bytes)> {
        let mut reading = self.reading();
        loop {
            let mut answer = self.send(get).await?;
            if let Some(bytes) = reading.body(&mut answer, cap).await? {
                return Ok((answer, bytes));
            }
        }
    }

    async fn finish(
        &self,
        answer: Answer,
        intent: &Intent,
        pass: Option<&Authorization>,
    ) -> Result<Answer> {
        if !(answer.status.is_client_error() || answer.status.is_server_error()) {
            return Ok(answer);
        }
        let refusal = ApiError::read(intent.method.clone(), answer).await;
        let refused = refusal.into_error(
            &Auth::describe(pass),
            pass.is_some_and(Authorization::is_credential),
        );
        Err(self.auth.explained(refused))
    }
}

/// Scopes that a refusal of a new token names and that were not asked for: a registry that keeps the repository
/// under another name inside.
fn missing_scopes(answer: &Answer, scope: Option<&Scope>) -> Vec<String> {
    let asked = scope.map(Scope::params).unwrap_or_default();
    let fields = answer.headers.get_all(header::WWW_AUTHENTICATE);
    parse_challenges(fields.iter().filter_map(|v| v.to_str().ok()))
        .iter()
        .filter_map(|c| c.param("scope"))
        .flat_map(|s| s.split(' '))
        .filter(|s| !s.is_empty() && !asked.iter().any(|a| covers(a, s)))
        .map(str::to_owned)
        .collect()
}

/// Whether the scope `asked` permits all that `named` does; servers write the actions in orders of their own.
fn covers(asked: &str, named: &str) -> bool {
    let (Some((ours, have)), Some((theirs, want))) =
        (asked.rsplit_once(':'), named.rsplit_once(':'))
    else {
        return asked == named;
    };
    ours == theirs
        && want
            .split(',')
            .all(|action| have.split(',').any(|h| h == action))
}
