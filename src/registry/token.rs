//! Bearer tokens: the exchange with the token endpoint and the cache (distribution's token and OAuth2
//! specifications; quirks A9, A11-A20).

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, header};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::admit::{Admitted, Purpose, admit};
use super::body::Answer;
use super::error::{ApiError, has_status};
use super::intent::Body;
use super::reading::Reading;
use super::retry::RetryBudget;
use super::wire::{Request, Wire, set};
use crate::settings::{Credential, Secret};
use crate::{Error, Result, locked};

const TOKEN_CAP: usize = 1 << 20;
/// A lifetime that is missing or shorter counts as this (quirk A14).
const MIN_LIFETIME: Duration = Duration::from_secs(60);
/// Tokens are renewed this long before they end.
const EARLY: Duration = Duration::from_secs(30);
const CLIENT_ID: &str = "barque";

/// The token endpoint that a challenge named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Realm {
    pub(crate) url: Admitted,
    /// The server that sent the challenge.
    pub(crate) named_by: Admitted,
    pub(crate) service: Option<String>,
}

/// A token and until when it is taken to be good.
#[derive(Clone)]
pub(crate) struct Token {
    pub(crate) value: Secret,
    /// Whether it was exchanged just now: a refusal then is about permission, not age (quirk A20).
    pub(crate) new: bool,
    /// What the registry has accepted tokens of these scopes for.
    pub(crate) worked: Arc<Worked>,
    fresh_until: Instant,
}

/// Whether tokens of some scopes were good for a read and for a write: if so, one that is refused has run out, and
/// is not one without permission.
#[derive(Default)]
pub(crate) struct Worked {
    read: AtomicBool,
    write: AtomicBool,
}

impl Worked {
    pub(crate) fn for_method(&self, method: &Method) -> &AtomicBool {
        match *method {
            Method::GET | Method::HEAD => &self.read,
            _ => &self.write,
        }
    }
}

type Slot = Arc<tokio::sync::Mutex<Option<Token>>>;

/// The tokens of one client, by what they permit. One exchange at a time for each.
#[derive(Default)]
pub(crate) struct Tokens {
    slots: Mutex<HashMap<Vec<String>, Slot>>,
    /// Set when a token died before its clamped end: from then on `expires_in` is believed as it is.
    believe_short: AtomicBool,
}

impl Tokens {
    /// A token for `scopes`: the cached one while it is good and not `stale`, else a new one from `exchange`.
    pub(crate) async fn get<F>(
        &self,
        scopes: Vec<String>,
        stale: Option<&Secret>,
        exchange: F,
    ) -> Result<Token>
    where
        F: AsyncFnOnce() -> Result<TokenAnswer>,
    {
        let slot = locked(&self.slots).entry(scopes).or_default().clone();
        let mut slot = slot.lock().await;
        if let Some(token) = slot.as_ref() {
            let is_stale = stale.is_some_and(|s| *s == token.value);
            if is_stale {
                self.believe_short.store(true, Ordering::Relaxed);
            } else if token.fresh_until > Instant::now() {
                return Ok(Token {
                    new: false,
                    ..token.clone()
                });
            }
        }
        // Counted from here: the server's clock may be off (quirk A14).
        let asked = Instant::now();
        let answer = exchange().await?;
        let named = Duration::from_secs(answer.expires_in.unwrap_or(0).min(86_400));
        let believe = self.believe_short.load(Ordering::Relaxed) && !named.is_zero();
        let lifetime = if believe {
            named
        } else {
            named.max(MIN_LIFETIME)
        };
        let token = Token {
            value: answer.token,
            new: true,
            worked: slot.as_ref().map(|t| t.worked.clone()).unwrap_or_default(),
            fresh_until: asked + lifetime - EARLY.min(lifetime / 4),
        };
        *slot = Some(token.clone());
        Ok(token)
    }
}

/// What a token endpoint gave.
pub(crate) struct TokenAnswer {
    token: Secret,
    expires_in: Option<u64>,
}

/// Asks `realm` for a token with `scopes`, as `credential` or anonymously.
///
/// GET with Basic for a password; OAuth2 POST for an identity token only (quirk A12), falling back to GET on
/// 400, 401, 404 and 405 when there is a password too.
pub(crate) async fn exchange(
    wire: &Wire,
    realm: &Realm,
    scopes: &[String],
    credential: Option<&Credential>,
) -> Result<TokenAnswer> {
    let login = match credential {
        Some(Credential::Login {
            username,
            password,
            identity_token,
        }) => Some((username, password, identity_token)),
        _ => None,
    };
    if let Some((_, password, Some(identity))) = login {
        match token(wire, post(realm, scopes, identity), true).await {
            Err(e) if has_status(&e, &[400, 401, 404, 405]) && !password.expose().is_empty() => {}
            other => return other,
        }
    }
    let basic = login.map(|(username, password, _)| (username.as_str(), password));
    token(wire, get(realm, scopes, basic), basic.is_some()).await
}

/// `Basic` and the credential, as the value of an `Authorization` header.
pub(crate) fn basic(username: &str, password: &Secret) -> String {
    format!(
        "Basic {}",
        STANDARD.encode(format!("{username}:{}", password.expose()))
    )
}

fn get(realm: &Realm, scopes: &[String], login: Option<(&str, &Secret)>) -> Request {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    if let Some(service) = &realm.service {
        query.append_pair("service", service);
    }
    for scope in scopes {
        query.append_pair("scope", scope);
    }
    if let Some((username, _)) = login {
        query.append_pair("account", username);
    }
    query.append_pair("client_id", CLIENT_ID);
    let mut headers = HeaderMap::new();
    if let Some((username, password)) = login {
        set(
            &mut headers,
            header::AUTHORIZATION,
            &basic(username, password),
        );
    }
    let url = realm.url.with_query(&query.finish());
    asking(Method::GET, url, headers, Body::Empty)
}

fn post(realm: &Realm, scopes: &[String], identity: &Secret) -> Request {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token")
        .append_pair("refresh_token", identity.expose());
    if let Some(service) = &realm.service {
        form.append_pair("service", service);
    }
    form.append_pair("client_id", CLIENT_ID)
        .append_pair("scope", &scopes.join(" "));
    let mut headers = HeaderMap::new();
    set(
        &mut headers,
        header::CONTENT_TYPE,
        "application/x-www-form-urlencoded",
    );
    let body = Body::Bytes(form.finish().into());
    asking(Method::POST, realm.url.clone(), headers, body)
}

fn asking(method: Method, url: Admitted, headers: HeaderMap, body: Body) -> Request {
    Request {
        method,
        url,
        headers,
        body,
        bulk: false,
        repeatable: true,
        optional: false,
        budget: RetryBudget::default(),
    }
}

/// Sends a token request; redirects are followed without the credential when they leave the origin, and those of a POST,
/// whose body holds the credential, only within the origin (RFC 9110, sections 15.4.8 and 15.4.9).
async fn send(wire: &Wire, mut request: Request) -> Result<Answer> {
    for _ in 0..3 {
        let answer = wire
            .send(&request)
            .await
            .map_err(|e| e.context("asking for a token"))?;
        let location = answer.header(&header::LOCATION).map(str::to_owned);
        let Some(location) = location.filter(|_| answer.status.is_redirection()) else {
            return Ok(answer);
        };
        let next = admit(&answer.url, &location, Purpose::Redirect)?;
        let stays = next.same_origin(&request.url);
        let sends_body = matches!(answer.status.as_u16(), 307 | 308) && stays;
        if request.method != Method::GET && !sends_body {
            return Ok(answer);
        }
        if !stays {
            request.headers.remove(header::AUTHORIZATION);
        }
        request.url = next;
    }
    Err(Error::unavailable(format!(
        "the token endpoint {} redirects in circles",
        request.url.redacted()
    )))
}

/// The warning about a login that was sent there.
pub(crate) const TO_THE_ENDPOINT: &str = "with the credential to the token endpoint";

/// The token that the endpoint gives on `request`, which was sent with a login or without.
async fn token(wire: &Wire, request: Request, with_login: bool) -> Result<TokenAnswer> {
    let mut reading = Reading::new(wire);
    let (answer, body) = loop {
        let mut answer = send(wire, request.clone()).await?;
        if !answer.status.is_success() {
            let refusal = ApiError::read(request.method, answer).await;
            let how = match with_login {
                true => TO_THE_ENDPOINT,
                false => "to the token endpoint",
            };
            return Err(refusal.into_error(how, with_login));
        }
        if let Some(body) = reading.body(&mut answer, TOKEN_CAP).await? {
            break (answer, body);
        }
    };
    read(&body).ok_or_else(|| {
        // A9: a sign-in page answers 200 with HTML. The body is not shown: it may hold the token all the same.
        let (url, status) = (answer.url.redacted(), answer.status.as_u16());
        let text = match answer.header(&header::CONTENT_TYPE) {
            Some(kind) => format!("without a token, with `{}`", kind.escape_debug()),
            None => "without a token".to_owned(),
        };
        let text = format!("the token endpoint {url} answered {status} {text}");
        Error::unavailable(text)
    })
}

/// The token in the answer of an endpoint. What else is in there may be wrong in any way, as long as the whole is JSON.
fn read(body: &[u8]) -> Option<TokenAnswer> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    // Raw, so that a name may come twice, and numbers be too large for any type.
    let fields: HashMap<String, &RawValue> = serde_json::from_slice(body).ok()?;
    let text = |name: &str| serde_json::from_str::<String>(fields.get(name)?.get()).ok();
    let token = ["token", "access_token"]
        .iter()
        .find_map(|name| text(name).filter(|token| !token.is_empty()))?;
    // Some servers write numbers as floats or strings.
    let seconds = fields
        .get("expires_in")
        .map(|raw| raw.get().trim_matches('"'));
    let seconds = seconds.and_then(|text| text.parse::<f64>().ok());
    Some(TokenAnswer {
        token: Secret::new(token),
        expires_in: seconds.filter(|s| s.is_finite()).map(|s| s.max(0.0) as u64),
    })
}
