//! Who the client is to its registry: what the registry asked for, which credential answers it, and what happens
//! when that one is refused.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use http::{HeaderMap, Method, StatusCode};

use super::admit::{Admitted, Purpose, admit};
use super::challenge::{Challenge, challenges};
use super::error::ApiError;
use super::intent::{Actions, PresetAuth, Scope};
use super::token::{Realm, TO_THE_ENDPOINT, Token, TokenAnswer, Tokens, basic, exchange};
use super::token_hosts::TokenGuard;
use super::wire::Wire;
use crate::image::{Registry, RepositoryName};
use crate::settings::{Access, AuthKey, Credential, Found, Login, Secret};
use crate::{Error, Kind, Result, locked};

/// What the registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    Basic,
    Bearer(Box<Realm>),
}

/// The value of an `Authorization` header, with what is needed to judge a refusal of it.
pub(crate) struct Authorization {
    pub(crate) header: Secret,
    /// The exchanged token inside, when it is one.
    token: Option<Token>,
    /// Where the credential behind it came from; `None` for an anonymous token.
    origin: Option<String>,
}

impl Authorization {
    /// What a session of Registry V1 has made.
    pub(crate) fn said(said: &PresetAuth) -> Authorization {
        Authorization {
            header: said.header.clone(),
            token: None,
            origin: said.origin.clone(),
        }
    }

    /// Whether this is a token that may merely be too old, when the registry refused it for `method` with
    /// `headers`. A brand-new one may too: where tokens are good for a few uses or seconds, other requests may
    /// have been faster (quirk A15).
    pub(crate) fn may_be_stale(&self, method: &Method, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else {
            return false;
        };
        let worked = token.worked.for_method(method).load(Ordering::Relaxed);
        let forbidden = challenges(headers)
            .iter()
            .any(|c| c.param("error") == Some("insufficient_scope"));
        match token.new {
            true => worked && !forbidden,
            false => worked || !forbidden,
        }
    }

    /// Whether this is a token of a token endpoint.
    pub(crate) fn is_exchanged(&self) -> bool {
        self.token.is_some()
    }

    /// Whether this is the user's credential itself.
    pub(crate) fn is_credential(&self) -> bool {
        self.token.is_none() && self.origin.is_some()
    }

    /// Takes note that the registry accepted this for `method`.
    pub(crate) fn accepted(&self, method: &Method) {
        if let Some(token) = &self.token {
            token
                .worked
                .for_method(method)
                .store(true, Ordering::Relaxed);
        }
    }
}

/// The authentication state of one client.
pub(crate) struct Auth {
    registry: Registry,
    access: Access,
    asked: Mutex<Option<Asked>>,
    /// By repository; under `None`, the credential for the registry's catalog.
    found: tokio::sync::Mutex<HashMap<Option<RepositoryName>, Option<Found>>>,
    tokens: Tokens,
    guard: TokenGuard,
    /// The scopes for which the token endpoint refused the credential: asking again could lock the user out
    /// (quirk A24).
    refused: Mutex<HashMap<Vec<String>, ApiError>>,
    /// The stored credential was refused: go on without it.
    give_up_stored: AtomicBool,
}

impl Auth {
    pub(crate) fn new(registry: &Registry, access: &Access) -> Auth {
        Auth {
            registry: registry.clone(),
            access: access.clone(),
            asked: Mutex::default(),
            found: tokio::sync::Mutex::default(),
            tokens: Tokens::default(),
            guard: TokenGuard::default(),
            refused: Mutex::default(),
            give_up_stored: AtomicBool::new(false),
        }
    }

    /// Whether a pass is sent with the very first request.
    pub(crate) fn passes_at_once(&self) -> bool {
        matches!(
            &self.access.login,
            Login::Given(Found {
                credential: Credential::RegistryToken(_),
                ..
            })
        )
    }

    /// What the registry asked for so far.
    pub(crate) fn asked(&self) -> Option<Asked> {
        locked(&self.asked).clone()
    }

    /// Takes note of the challenge in the head of an answer from `url`. `Ok(None)`: there is none that barque
    /// can answer. Bearer is preferred over Basic, other schemes are passed over (quirks A5, A6).
    pub(crate) fn challenge(&self, url: &Admitted, headers: &HeaderMap) -> Result<Option<Asked>> {
        let asked = read_challenge(url, headers)?;
        if let Some(asked) = &asked {
            *locked(&self.asked) = Some(asked.clone());
        }
        Ok(asked)
    }

    /// The pass for a request, as far as one is asked for and can be had. `refused` is the pass that the registry
    /// just turned down, `extra` are scopes that it named when it did.
    pub(crate) async fn pass(
        &self,
        wire: &Wire,
        scope: Option<&Scope>,
        extra: &[String],
        refused: Option<&Authorization>,
    ) -> Result<Option<Authorization>> {
        let found = self.found(scope).await?;
        if let Some(Found {
            credential: Credential::RegistryToken(token),
            origin,
            ..
        }) = &found
        {
            let header = Secret::new(format!("Bearer {}", token.expose()));
            return Ok(Some(Authorization {
                header,
                token: None,
                origin: Some(origin.clone()),
            }));
        }
        match self.asked() {
            None => Ok(None),
            Some(Asked::Basic) => Ok(found.and_then(|found| match found.credential {
                Credential::Login {
                    username, password, ..
                } => Some(Authorization {
                    header: Secret::new(basic(&username, &password)),
                    token: None,
                    origin: Some(found.origin),
                }),
                Credential::RegistryToken(_) => None,
            })),
            Some(Asked::Bearer(realm)) => {
                // Another owner's token endpoint is asked without the credential.
                let found = found.filter(|found| {
                    let (registry, realm) = (realm.named_by.url(), realm.url.url());
                    let permitted = &self.access.token_hosts;
                    self.guard.permits(registry, realm, found, permitted)
                });
                // A17: some endpoints look at the first scope only, so what was missing comes first.
                let own = scope.map(Scope::params).unwrap_or_default();
                let scopes = extra.iter().cloned().chain(own).collect();
                self.bearer(wire, &realm, scope, scopes, found, refused)
                    .await
                    .map(Some)
                    .map_err(|e| self.explained(e))
            }
        }
    }

    async fn bearer(
        &self,
        wire: &Wire,
        realm: &Realm,
        scope: Option<&Scope>,
        scopes: Vec<String>,
        found: Option<Found>,
        refused: Option<&Authorization>,
    ) -> Result<Authorization> {
        let stale = refused.and_then(|p| p.token.as_ref()).map(|t| &t.value);
        let ask = |found: Option<Found>| {
            let scopes = scopes.clone();
            async move {
                let credential = found.as_ref().map(|f| &f.credential);
                let token = self
                    .tokens
                    .get(scopes.clone(), stale, async || {
                        self.exchange(wire, realm, &scopes, credential).await
                    })
                    .await?;
                let header = Secret::new(format!("Bearer {}", token.value.expose()));
                Ok::<_, Error>(Authorization {
                    header,
                    token: Some(token),
                    origin: found.map(|f| f.origin),
                })
            }
        };
        let had = found.is_some();
        match ask(found.clone()).await {
            Err(e) if e.kind() == Kind::NotAllowed && had && self.may_give_up(scope) => {
                self.give_up(found.as_ref().map(|f| f.origin.as_str()));
                ask(None)
                    .await
                    .map_err(|_: Error| refused_credential(e, found.as_ref()))
            }
            Err(e) if e.kind() == Kind::NotAllowed && had => {
                Err(refused_credential(e, found.as_ref()))
            }
            other => other,
        }
    }

    /// `e`, or why no credential was sent if that may be the reason for it.
    pub(crate) fn explained(&self, e: Error) -> Error {
        self.guard.explained(e)
    }

    /// The host of the token endpoint, if it is one of another owner than the registry.
    pub(crate) fn foreign_token_host(&self) -> Option<String> {
        let Some(Asked::Bearer(realm)) = self.asked() else {
            return None;
        };
        let (registry, realm) = (realm.named_by.url(), realm.url.url());
        let host = realm.host_str().map(str::to_owned);
        host.filter(|_| !self.guard.have_one_owner(registry, realm))
    }

    /// The error that says that a credential was not sent, if that is so.
    pub(crate) fn withheld(&self) -> Option<Error> {
        let withheld = self.guard.withheld();
        withheld.map(|withheld| withheld.error(Kind::NotAllowed))
    }

    /// A19: where the endpoint cannot read the action `delete`, `*` stands for it.
    async fn exchange(
        &self,
        wire: &Wire,
        realm: &Realm,
        scopes: &[String],
        credential: Option<&Credential>,
    ) -> Result<TokenAnswer> {
        let before = self.refused().get(scopes).cloned();
        if let (Some(_), Some(before)) = (credential, before) {
            return Err(before.into_error(TO_THE_ENDPOINT, true));
        }
        let first = exchange(wire, realm, scopes, credential).await;
        if let (Some(_), Err(e)) = (credential, &first)
            && let Some(api) = ApiError::of(e).filter(|a| a.status == StatusCode::UNAUTHORIZED)
        {
            self.refused().insert(scopes.to_vec(), api.clone());
        }
        match first {
            Err(e)
                if scopes.iter().any(|s| s.ends_with(":pull,delete"))
                    && ApiError::of(&e).is_some_and(|a| a.status == 400) =>
            {
                let wider: Vec<String> = scopes
                    .iter()
                    .map(|s| s.replace(":pull,delete", ":*"))
                    .collect();
                exchange(wire, realm, &wider, credential).await
            }
            other => other,
        }
    }

    fn refused(&self) -> MutexGuard<'_, HashMap<Vec<String>, ApiError>> {
        locked(&self.refused)
    }

    /// Whether a request with `pass` may be tried once more without the stored credential, and if so gives it up.
    pub(crate) fn retry_without(&self, pass: &Authorization, scope: Option<&Scope>) -> bool {
        let stored = pass.origin.is_some() && self.may_give_up(scope);
        if stored {
            self.give_up(pass.origin.as_deref());
        }
        stored
    }

    /// How a request was sent, in words for an error.
    pub(crate) fn describe(pass: Option<&Authorization>) -> String {
        match pass {
            None => "without credentials".to_owned(),
            // Of V2 an anonymous one was exchanged; this one was said.
            Some(Authorization {
                origin: None,
                token: None,
                ..
            }) => "with the token of the index".to_owned(),
            Some(Authorization { origin: None, .. }) => "with an anonymous token".to_owned(),
            Some(Authorization {
                origin: Some(origin),
                ..
            }) => format!("with the credential of {origin}"),
        }
    }

    /// Stored credentials may be left aside for reads only: a write without them would fail with worse words.
    /// Several requests at once may come to this: none of them is refused for another having been first.
    fn may_give_up(&self, scope: Option<&Scope>) -> bool {
        let read = scope.is_some_and(|s| s.actions == Actions::Pull);
        read && matches!(self.access.login, Login::Files(_))
    }

    fn give_up(&self, origin: Option<&str>) {
        if !self.give_up_stored.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "`{}` refuses the credential of {}; going on without it",
                self.registry,
                origin.unwrap_or_default()
            );
        }
    }

    async fn found(&self, scope: Option<&Scope>) -> Result<Option<Found>> {
        if self.give_up_stored.load(Ordering::Relaxed) {
            return Ok(None);
        }
        // A request without a scope (the check of a login) still belongs to the host.
        let Some(name) = scope.map(|s| &s.repository) else {
            return Ok(match &self.access.login {
                Login::Given(found) => Some(found.clone()),
                _ => None,
            });
        };
        if self.asked().is_none() && !matches!(self.access.login, Login::Given(_)) {
            // Nothing was asked: files are not read and helpers not run in vain.
            return Ok(None);
        }
        let mut cache = self.found.lock().await;
        if let Some(found) = cache.get(name) {
            return Ok(found.clone());
        }
        let key = AuthKey {
            registry: self.registry.clone(),
            path: name.clone(),
        };
        let found = self.access.credential(&key).await?;
        cache.insert(name.clone(), found.clone());
        Ok(found)
    }
}

/// A pass for a request that was redirected to another server, which asks on its own: an anonymous token of its
/// own realm, for this request only (quirk A21). Nothing of the registry's is sent there.
pub(crate) async fn foreign_pass(
    wire: &Wire,
    url: &Admitted,
    headers: &HeaderMap,
) -> Result<Option<Secret>> {
    let challenges = challenges(headers);
    let Some(challenge) = challenges.iter().find(|c| c.scheme == "bearer") else {
        return Ok(None);
    };
    let realm = realm(url, challenge)?;
    let scopes: Vec<String> = challenge
        .param("scope")
        .map(|s| s.split(' ').map(str::to_owned).collect())
        .unwrap_or_default();
    let tokens = Tokens::default();
    let token = tokens
        .get(scopes.clone(), None, async || {
            exchange(wire, &realm, &scopes, None).await
        })
        .await?;
    Ok(Some(Secret::new(format!(
        "Bearer {}",
        token.value.expose()
    ))))
}

fn read_challenge(url: &Admitted, headers: &HeaderMap) -> Result<Option<Asked>> {
    let challenges = challenges(headers);
    if let Some(bearer) = challenges
        .iter()
        .find(|c| c.scheme == "bearer" && c.param("realm").is_some())
    {
        let realm = realm(url, bearer)?;
        return Ok(Some(Asked::Bearer(Box::new(realm))));
    }
    Ok(challenges
        .iter()
        .any(|c| c.scheme == "basic")
        .then_some(Asked::Basic))
}

fn realm(url: &Admitted, challenge: &Challenge) -> Result<Realm> {
    let realm = challenge.param("realm").unwrap_or_default();
    let service = challenge
        .param("service")
        .filter(|s| !s.is_empty())
        .map(str::to_owned);
    Ok(Realm {
        url: admit(url, realm, Purpose::Realm)?,
        named_by: url.clone(),
        service,
    })
}

fn refused_credential(e: Error, found: Option<&Found>) -> Error {
    match found {
        Some(found) => e.context(format!("the credential of {} was refused", found.origin)),
        None => e,
    }
}
