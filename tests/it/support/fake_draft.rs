//! A server of late 2014, in memory: the paths and uploads of the draft of Registry V2, none of those of its release.
//!
//! Blobs are held under any name, digest or TarSum; uploads are checked for order, length and digest. A guarded one asks
//! for a login, for its own paths alone: what it does not know is not there.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use serde_json::json;

use super::images::sha256;
use super::served::Served;

/// The user of a guarded server.
pub const USER: &str = "sailor";
/// That user's password.
pub const PASSWORD: &str = "anchors-aweigh";

/// How a server asks who comes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Guard {
    #[default]
    None,
    Basic,
    /// By tokens, which it gives out itself; each is good for the scope in it.
    Bearer,
}

/// What the server holds and saw.
#[derive(Default)]
pub struct Held {
    /// By `NAME:TAG`.
    pub manifests: BTreeMap<String, Vec<u8>>,
    pub blobs: BTreeMap<String, Vec<u8>>,
    pub uploads: BTreeMap<String, Vec<u8>>,
    /// The first chunk that does not begin at 0 is answered with 416, after this many bytes of the upload are lost.
    pub forget: Option<usize>,
    /// The next upload in one piece is taken, and never answered.
    pub mute: bool,
    /// The next deletion is answered with 504, and nothing is done.
    pub late: bool,
    /// Status answers say no `Range`.
    pub silent: bool,
    /// `METHOD PATH?QUERY -> STATUS`, with the `Content-Range` of the request.
    pub log: Vec<String>,
    started: usize,
    guard: Guard,
}

/// A running server; stopped when dropped.
pub struct FakeDraft {
    held: Arc<Mutex<Held>>,
    server: Served,
}

impl FakeDraft {
    pub fn start() -> FakeDraft {
        FakeDraft::guarded(Guard::None)
    }

    /// A server that asks who comes.
    pub fn guarded(guard: Guard) -> FakeDraft {
        let held = Held {
            guard,
            ..Held::default()
        };
        let held = Arc::new(Mutex::new(held));
        let app = Router::new().fallback(answer).with_state(held.clone());
        let server = Served::start("127.0.0.1", app);
        FakeDraft { held, server }
    }

    /// `IP:PORT`.
    pub fn address(&self) -> &str {
        self.server.address()
    }

    /// `docker://IP:PORT/NAME`.
    pub fn docker(&self, name: &str) -> String {
        format!("docker://{}/{name}", self.address())
    }

    /// Looks at, or changes, what the server holds.
    pub fn with<T>(&self, look: impl FnOnce(&mut Held) -> T) -> T {
        look(&mut self.held.lock().unwrap())
    }

    /// Lines of the log that begin so.
    pub fn requests(&self, begin: &str) -> Vec<String> {
        self.with(|held| {
            let lines = held.log.iter().filter(|line| line.starts_with(begin));
            lines.cloned().collect()
        })
    }
}

async fn answer(State(held): State<Arc<Mutex<Held>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20).await.unwrap();
    let (method, path) = (head.method.as_str(), head.uri.path());
    let query = head.uri.query().unwrap_or_default();
    let range = head.headers.get("content-range");
    let range = range.map(|v| format!(" {}", v.to_str().unwrap()));
    let whole = method == "PUT" && path.contains("/blob/upload/") && range.is_none();
    let (answer, mute) = {
        let mut held = held.lock().unwrap();
        let answer = held.answer(method, path, query, &head.headers, &body);
        let (range, status) = (range.unwrap_or_default(), answer.status().as_u16());
        let line = format!("{method} {path}?{query} -> {status}{range}");
        held.log.push(line);
        (answer, whole && std::mem::take(&mut held.mute))
    };
    if mute {
        std::future::pending::<()>().await;
    }
    answer
}

fn status(code: u16) -> Response {
    StatusCode::from_u16(code).unwrap().into_response()
}

fn knows_password(headers: &HeaderMap) -> bool {
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{USER}:{PASSWORD}"));
    headers
        .get("authorization")
        .is_some_and(|v| *v == format!("Basic {basic}"))
}

fn error(code: u16, word: &str) -> Response {
    let body = json!({"errors": [{"code": word, "message": word}]}).to_string();
    (StatusCode::from_u16(code).unwrap(), body).into_response()
}

impl Held {
    fn answer(
        &mut self,
        method: &str,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Response {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        if let ["v2", a, b, "manifest" | "blob" | "tags", ..] = parts[..]
            && let Some(refusal) = self.refuses(method, &format!("{a}/{b}"), headers)
        {
            return refusal;
        }
        if method == "DELETE" && std::mem::take(&mut self.late) {
            return status(504);
        }
        match parts[..] {
            ["token"] if knows_password(headers) => {
                let scope = query.split('&').find_map(|p| p.strip_prefix("scope="));
                let scope = scope.unwrap_or_default().replace("%3A", ":");
                let token = scope.replace("%2F", "/").replace("%2C", ",");
                json!({ "token": token }).to_string().into_response()
            }
            ["token"] => status(401),
            ["v2", ""] => status(200),
            ["v2", a, b, "manifest", tag] => self.manifest(method, format!("{a}/{b}:{tag}"), body),
            ["v2", a, b, "tags", "list"] => {
                let name = format!("{a}/{b}:");
                let names = self.manifests.keys();
                let tags: Vec<_> = names.filter_map(|n| n.strip_prefix(&name)).collect();
                json!({"name": name, "tags": tags})
                    .to_string()
                    .into_response()
            }
            ["v2", _, _, "blob", "upload", ""] if method == "POST" => {
                self.started += 1;
                let id = format!("u{}", self.started);
                // A query of the server's own has to stay.
                let location = format!("{path}{id}?state=s%3D{id}");
                self.uploads.insert(id, Vec::new());
                (StatusCode::ACCEPTED, [("location", location)]).into_response()
            }
            ["v2", _, _, "blob", "upload", id] => self.upload(method, id, query, headers, body),
            ["v2", _, _, "blob", sum] => match self.blobs.get(sum) {
                None => error(404, "BLOB_UNKNOWN"),
                Some(blob) => match headers.get("range") {
                    None => blob.clone().into_response(),
                    Some(range) => {
                        let range = range.to_str().unwrap().strip_prefix("bytes=").unwrap();
                        let from: usize = range.strip_suffix('-').unwrap().parse().unwrap();
                        let all = blob.len();
                        let told = format!("bytes {from}-{}/{all}", all - 1);
                        let head = [("content-range", told)];
                        let rest = blob[from..].to_vec();
                        (StatusCode::PARTIAL_CONTENT, head, rest).into_response()
                    }
                },
            },
            // As Go's router says it.
            _ => (StatusCode::NOT_FOUND, "404 page not found\n").into_response(),
        }
    }

    /// The challenge to a request that does not show who it comes from.
    fn refuses(&self, method: &str, name: &str, headers: &HeaderMap) -> Option<Response> {
        let host = headers["host"].to_str().unwrap();
        let action = match method {
            "GET" | "HEAD" => "pull",
            "DELETE" => "delete",
            _ => "push",
        };
        let given = headers.get("authorization").map(|v| v.to_str().unwrap());
        let granted = given
            .and_then(|given| given.strip_prefix("Bearer "))
            .and_then(|scope| scope.strip_prefix(&format!("repository:{name}:")))
            // To cancel an upload is a matter of who pushes.
            .is_some_and(|actions| actions.contains(action) || actions.contains("push"));
        let challenge = match self.guard {
            Guard::None => return None,
            Guard::Basic if knows_password(headers) => return None,
            Guard::Bearer if granted => return None,
            Guard::Basic => "Basic realm=\"2014\"".to_owned(),
            Guard::Bearer => format!(
                "Bearer realm=\"http://{host}/token\",service=\"2014\",scope=\"repository:{name}:{action}\""
            ),
        };
        let head = [("www-authenticate", challenge)];
        Some((StatusCode::UNAUTHORIZED, head, "who?").into_response())
    }

    fn manifest(&mut self, method: &str, name: String, body: &[u8]) -> Response {
        match method {
            "PUT" => {
                self.manifests.insert(name, body.to_vec());
                status(200)
            }
            "DELETE" if self.manifests.remove(&name).is_some() => status(204),
            "GET" if self.manifests.contains_key(&name) => {
                self.manifests[&name].clone().into_response()
            }
            _ => error(404, "MANIFEST_UNKNOWN"),
        }
    }

    fn upload(
        &mut self,
        method: &str,
        id: &str,
        query: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Response {
        assert!(query.contains(&format!("state=s%3D{id}")), "{query}");
        let Some(upload) = self.uploads.get_mut(id) else {
            return error(404, "BLOB_UPLOAD_UNKNOWN");
        };
        let range = headers.get("content-range").map(|v| v.to_str().unwrap());
        match method {
            "GET" if self.silent => return status(204),
            "GET" => {
                let told = format!("bytes=0-{}/{}", upload.len(), upload.len());
                return (StatusCode::NO_CONTENT, [("range", told)]).into_response();
            }
            "DELETE" => {
                self.uploads.remove(id);
                return status(204);
            }
            "PUT" => {}
            _ => return status(405),
        }
        if let Some(range) = range {
            let (start, ends) = range.split_once('-').unwrap();
            let start: usize = start.parse().unwrap();
            let end = start + body.len();
            assert_eq!(ends, format!("{end}/{end}"));
            if start > 0
                && let Some(lost) = self.forget.take()
            {
                upload.truncate(upload.len() - lost);
            }
            if start != upload.len() {
                return status(416);
            }
        }
        upload.extend_from_slice(body);
        let Some(named) = query.split('&').find_map(|p| p.strip_prefix("digest=")) else {
            return status(202);
        };
        let whole = self.uploads.remove(id).unwrap();
        let length = format!("length={}", whole.len());
        if !query.split('&').any(|p| p == length) || sha256(&whole).to_string() != named {
            return error(400, "DIGEST_INVALID");
        }
        self.blobs.insert(named.to_owned(), whole);
        status(201)
    }
}
