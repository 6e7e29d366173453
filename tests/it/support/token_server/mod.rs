//! A small real token server for a registry with token authentication.
//!
//! It speaks both forms of the docker token protocol (GET with Basic or anonymous, OAuth2 POST), signs with a
//! key that [`super::peers::DockerRegistry`] is told to trust, can be told to misbehave as real servers do,
//! and keeps a log of who asked for what. It runs on a runtime and thread of its own, so that tests stay
//! synchronous.

mod grants;
mod sign;

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Form, Query, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use base64::Engine as _;
use serde_json::json;

use super::served::Served;
pub use grants::{READER, refresh_token};
use sign::Signer;

/// How the server departs from the protocol; the rows are those of the registry quirks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quirk {
    /// The token is under `access_token` only (A13).
    OnlyAccessToken,
    /// The token is under `token` only (A5).
    OnlyToken,
    /// No `expires_in` (A14).
    NoExpiresIn,
    /// Of several scopes only the last is granted (A16).
    LastScopeOnly,
    /// Of several scopes only the first is granted (A17).
    FirstScopeOnly,
    /// POST is answered with this status and nothing else (A12).
    PostAnswers(u16),
    /// Tokens come without this action, whoever asks (A20).
    Never(&'static str),
    /// This user is refused, whatever the password.
    Refuse(&'static str),
    /// A sign-in page, status 200, instead of JSON (A9).
    Html,
}

/// One request to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    pub method: &'static str,
    /// The user who proved to be one; none for anonymous and for refused requests.
    pub user: Option<String>,
    pub scopes: Vec<String>,
    pub service: String,
    /// `grant_type` of a POST, empty for a GET.
    pub grant_type: String,
    pub status: u16,
}

struct Shared {
    signer: Signer,
    state: Mutex<Knobs>,
    log: Mutex<Vec<TokenRequest>>,
}

#[derive(Clone)]
struct Knobs {
    lifetime: i64,
    announced: Option<i64>,
    quirks: Vec<Quirk>,
    /// Where the realm redirects to.
    moved: Option<String>,
}

/// A running token server; stopped when dropped.
pub struct TokenServer {
    shared: Arc<Shared>,
    server: Served,
}

const SERVICE: &str = "harbour";
const ISSUER: &str = "harbour-master";

impl TokenServer {
    /// Starts a well-behaved server; its tokens live for 300 s.
    pub fn start() -> TokenServer {
        let knobs = Knobs {
            lifetime: 300,
            announced: None,
            quirks: Vec::new(),
            moved: None,
        };
        let shared = Arc::new(Shared {
            signer: Signer::new(),
            state: Mutex::new(knobs),
            log: Mutex::default(),
        });
        let app = Router::new()
            .route("/token", get(by_get).post(by_post))
            .route("/old", any(redirected))
            .with_state(shared.clone());
        let server = Served::start("127.0.0.1", app);
        TokenServer { shared, server }
    }

    /// Later tokens live this many seconds, and say so unless [`TokenServer::announce`] says otherwise.
    /// With a negative number the registry refuses them from the start.
    pub fn lifetime(self, seconds: i64) -> TokenServer {
        self.set_lifetime(seconds);
        self
    }

    /// The same for a server in use: tokens given out from now on.
    pub fn set_lifetime(&self, seconds: i64) {
        self.shared.state.lock().unwrap().lifetime = seconds;
    }

    /// The `expires_in` that answers carry, whatever the truth is.
    pub fn announce(self, seconds: i64) -> TokenServer {
        self.set_announced(seconds);
        self
    }

    /// The same for a server in use.
    pub fn set_announced(&self, seconds: i64) {
        self.shared.state.lock().unwrap().announced = Some(seconds);
    }

    /// Adds a departure from the protocol.
    pub fn quirk(self, quirk: Quirk) -> TokenServer {
        self.shared.state.lock().unwrap().quirks.push(quirk);
        self
    }

    /// The `realm` of the challenge becomes another URL, which redirects with 307 to the right one.
    pub fn moved(self) -> TokenServer {
        self.set_moved("/token");
        self
    }

    /// From now on it redirects to `endpoint`.
    pub fn set_moved(&self, endpoint: &str) {
        self.shared.state.lock().unwrap().moved = Some(endpoint.to_owned());
    }

    /// The URL for the `realm` of a challenge.
    pub fn realm(&self) -> String {
        let path = match self.shared.state.lock().unwrap().moved {
            Some(_) => "old",
            None => "token",
        };
        format!("http://{}/{path}", self.server.address())
    }

    /// The `service` that registry and server agree on.
    pub fn service(&self) -> &'static str {
        SERVICE
    }

    /// The issuer that the registry expects in tokens.
    pub fn issuer(&self) -> &'static str {
        ISSUER
    }

    /// The certificate that the registry must trust, PEM.
    pub fn root_certificate(&self) -> &str {
        self.shared.signer.certificate()
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<TokenRequest> {
        self.shared.log.lock().unwrap().clone()
    }

    /// Forgets the requests so far.
    pub fn clear(&self) {
        self.shared.log.lock().unwrap().clear();
    }
}

async fn redirected(State(shared): State<Arc<Shared>>, RawQuery(query): RawQuery) -> Redirect {
    let moved = shared.state.lock().unwrap().moved.clone();
    let query = query.unwrap_or_default();
    Redirect::temporary(&format!("{}?{query}", moved.unwrap_or_default()))
}

type Pairs = Vec<(String, String)>;

async fn by_get(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<Pairs>,
) -> Response {
    let basic = headers
        .get(header::AUTHORIZATION)
        .map(|v| basic_user(v.as_bytes()));
    let offline = first(&query, "offline_token") == "true";
    shared.answer("GET", &query, basic, offline)
}

async fn by_post(State(shared): State<Arc<Shared>>, Form(form): Form<Pairs>) -> Response {
    let user = match first(&form, "grant_type") {
        "refresh_token" => grants::user_of_refresh_token(first(&form, "refresh_token")),
        "password" => grants::user_of(first(&form, "username"), first(&form, "password")),
        _ => None,
    };
    let offline = first(&form, "access_type") == "offline";
    shared.answer("POST", &form, Some(user), offline)
}

fn first<'a>(pairs: &'a Pairs, name: &str) -> &'a str {
    let found = pairs.iter().find(|(n, _)| n == name);
    found.map_or("", |(_, value)| value.as_str())
}

/// The user of an `Authorization: Basic` value, none if the account or the header is wrong.
fn basic_user(header: &[u8]) -> Option<String> {
    let encoded = header.strip_prefix(b"Basic ")?;
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (name, password) = text.split_once(':')?;
    grants::user_of(name, password)
}

impl Shared {
    /// Answers one request; `user` is `None` for anonymous and `Some(None)` for refused credentials.
    fn answer(
        &self,
        method: &'static str,
        pairs: &Pairs,
        user: Option<Option<String>>,
        offline: bool,
    ) -> Response {
        let Knobs {
            lifetime,
            announced,
            quirks,
            ..
        } = self.state.lock().unwrap().clone();
        let has = |quirk: Quirk| quirks.contains(&quirk);
        let refused = |name: &str| {
            quirks
                .iter()
                .any(|q| matches!(q, Quirk::Refuse(r) if *r == name))
        };
        let asked = pairs.iter().filter(|(name, _)| name == "scope");
        let mut scopes: Vec<String> = asked
            .flat_map(|(_, value)| value.split(' ').map(String::from))
            .collect();
        let anonymous = user.is_none();
        let user = user.flatten().filter(|name| !refused(name));
        let forced = quirks.iter().find_map(|q| match q {
            Quirk::PostAnswers(status) if method == "POST" => Some(*status),
            _ => None,
        });
        let status = match forced {
            Some(status) => status,
            None if user.is_none() && !anonymous => 401,
            None => 200,
        };
        self.log.lock().unwrap().push(TokenRequest {
            method,
            user: user.clone(),
            scopes: scopes.clone(),
            service: first(pairs, "service").into(),
            grant_type: first(pairs, "grant_type").into(),
            status,
        });
        if status != 200 {
            let body =
                json!({ "errors": [{ "code": "UNAUTHORIZED", "message": "no such account" }] });
            let status = StatusCode::from_u16(status).unwrap();
            return (status, axum::Json(body)).into_response();
        }
        if has(Quirk::Html) {
            return axum::response::Html("<html><body>Sign in</body></html>").into_response();
        }
        if has(Quirk::LastScopeOnly) && !scopes.is_empty() {
            scopes.drain(..scopes.len() - 1);
        }
        if has(Quirk::FirstScopeOnly) {
            scopes.truncate(1);
        }
        let mut access = grants::access(user.as_deref(), &scopes);
        for entry in &mut access {
            let actions = entry["actions"].as_array_mut().unwrap();
            actions.retain(|a| {
                !quirks
                    .iter()
                    .any(|q| matches!(q, Quirk::Never(n) if a == n))
            });
        }
        let claims = json!({
            "iss": ISSUER,
            "aud": SERVICE,
            "sub": user.clone().unwrap_or_default(),
            "jti": format!("{}", self.log.lock().unwrap().len()),
            "access": access,
        });
        let token = self.signer.token(claims, lifetime);
        let mut body = json!({});
        if !has(Quirk::OnlyToken) {
            body["access_token"] = json!(token);
        }
        if method == "GET" && !has(Quirk::OnlyAccessToken) {
            body["token"] = json!(token);
        }
        if !has(Quirk::NoExpiresIn) {
            body["expires_in"] = json!(announced.unwrap_or(lifetime));
        }
        if let (true, Some(user)) = (
            offline || first(pairs, "grant_type") == "refresh_token",
            &user,
        ) {
            body["refresh_token"] = json!(refresh_token(user));
        }
        axum::Json(body).into_response()
    }
}
