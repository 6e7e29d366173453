//! What a registry answered in place of what was wanted, and how it becomes an [`Error`].

use std::fmt;
use std::time::Duration;

use http::{Method, StatusCode, header};

mod body;

use body::{challenged, envelope, first_line, short, start};

use super::admit::Admitted;
use super::body::Answer;
use super::gate::asked_wait;
use crate::image::Digest;
use crate::image::reference::DOCKER_IO;
use crate::{Error, Kind};

/// Bytes of an error body that are read (quirk E11).
const ERROR_BODY_CAP: usize = 64 << 10;

/// Entries of an error envelope that are read.
pub const MAX_ITEMS: usize = 8;

/// One entry of the `errors` array (OCI distribution-spec, "Error Codes").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiErrorItem {
    pub code: String,
    pub message: String,
    /// Further details of the entry, as JSON or text; empty without any.
    pub detail: String,
}

/// An answer with an error status; the typed cause of an [`Error`] from this room.
#[derive(Debug, Clone)]
pub struct ApiError {
    pub method: Method,
    /// The URL without its query.
    pub url: String,
    pub status: StatusCode,
    pub items: Vec<ApiErrorItem>,
    /// The first line of a body that is no error envelope.
    pub text: Option<String>,
    /// The first 50 bytes of the body, and dots for more.
    pub start: String,
    /// Why the token was refused, where the answer is a challenge that says so.
    pub challenged: Option<ApiErrorItem>,
    /// Whether an earlier try of the request may have been carried out, although nothing good was heard of it.
    pub maybe_done: bool,
    /// How long the server asks to wait before the next try.
    pub wait: Option<Duration>,
    /// The program that answered, as it calls itself: not always the registry's (quirk U22).
    pub server: Option<String>,
}

impl std::error::Error for ApiError {}

impl ApiError {
    /// Reads what `answer` says, its body included.
    pub(crate) async fn read(method: Method, answer: Answer) -> ApiError {
        let (status, url) = (answer.status, answer.url.clone());
        let wait = asked_wait(&answer.headers);
        let server = answer.header(&header::SERVER).map(short);
        let maybe_done = answer.maybe_done;
        let challenged = challenged(&answer.headers);
        let body = answer.some(ERROR_BODY_CAP).await;
        ApiError {
            maybe_done,
            wait,
            server,
            challenged,
            ..ApiError::new(method, &url, status, &body)
        }
    }

    /// Reads an error body: the registry envelope, the OAuth form, V1's `{"error"}`, or the first line of text.
    pub(crate) fn new(method: Method, url: &Admitted, status: StatusCode, body: &[u8]) -> ApiError {
        let items = envelope(body);
        let text = if items.is_empty() {
            first_line(body)
        } else {
            None
        };
        ApiError {
            method,
            url: url.redacted(),
            status,
            items,
            text,
            start: start(body),
            challenged: None,
            maybe_done: false,
            wait: None,
            server: None,
        }
    }

    /// The answer inside `error`, when a registry gave one.
    pub fn of(error: &Error) -> Option<&ApiError> {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(e) = cause {
            if let Some(api) = e.downcast_ref::<ApiError>() {
                return Some(api);
            }
            cause = e.source();
        }
        None
    }

    /// Whether the registry gave the error code `code`.
    pub fn has_code(&self, code: &str) -> bool {
        self.items.iter().any(|i| i.code == code)
    }

    fn kind(&self) -> Kind {
        let write = !matches!(self.method, Method::GET | Method::HEAD);
        match self.status.as_u16() {
            // U21, U23: a server forgot an upload; that says nothing of an image.
            404 if self.has_code("BLOB_UPLOAD_UNKNOWN") => Kind::Unavailable,
            // E4, E5: whatever the body says, 404 means that it is not there.
            404 | 410 => Kind::NotFound,
            _ if self.has_code("MANIFEST_UNKNOWN") || self.has_code("NAME_UNKNOWN") => {
                Kind::NotFound
            }
            // E7: Quay answers 409 for an immutable tag, ECR 400.
            401 | 403 if !self.has_code("TAG_INVALID") => Kind::NotAllowed,
            507 if write => Kind::Refused,
            408 | 429 | 499 | 522 | 500..=599 => Kind::Unavailable,
            _ if write => Kind::Refused,
            _ => Kind::Other,
        }
    }

    /// This answer as an error. `who` says with which credential the request was sent; `shown` that it was there for
    /// the answering server to see, and not merely behind a token of another one.
    pub(crate) fn into_error(self, who: &str, shown: bool) -> Error {
        let kind = self.kind();
        let mut message = self.to_string();
        if kind == Kind::NotAllowed {
            message = format!("{message} (sent {who})");
        }
        let hint = self.hint(kind, shown);
        let error = Error::new(kind, message).because(self);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn hint(&self, kind: Kind, shown: bool) -> Option<String> {
        let host = self.url.split("://").nth(1)?.split('/').next()?;
        let text = self.text.as_deref().unwrap_or_default();
        // The name by which users and credential files know it.
        let known = match host {
            DOCKER_HUB => DOCKER_IO,
            host => host,
        };
        match (kind, self.status.as_u16()) {
            // E2: Docker Hub gives no other answer for names it cannot hold.
            (Kind::NotAllowed, 401) if host == DOCKER_HUB && self.has_deep_name() => {
                Some("repositories on Docker Hub have names of two parts at most".to_owned())
            }
            (Kind::NotAllowed, 401) if self.url.ends_with("/v2/") => Some(
                "check user name and password; some registries want an access token as password"
                    .to_owned(),
            ),
            (Kind::NotAllowed, 401) if shown => Some(format!(
                "`{host}` refuses this credential: check user name and password; some registries want an access token as password"
            )),
            (Kind::NotAllowed, 401) => Some(format!(
                "the repository does not exist or needs a login: check its name, or run `barque login {known}`"
            )),
            (Kind::NotAllowed, _) => Some(
                "this login may not do that here; ask for access or use another with `--creds`"
                    .to_owned(),
            ),
            // A25: a proxy in front of several registries, or another server altogether.
            (Kind::NotFound, _) if self.items.is_empty() && !text.starts_with('<') => {
                Some(format!(
                    "this is not how a registry answers; is a port or a path prefix missing after `{host}`?"
                ))
            }
            (Kind::NotFound, _) if self.has_code("NAME_UNKNOWN") => Some(format!(
                "the registry has no such repository: check its name; `barque repos {known}` lists all, where the registry permits"
            )),
            (Kind::NotFound, _) if self.has_code("MANIFEST_UNKNOWN") => {
                let path = self.url.split_once("/v2/")?.1;
                let repository = path.rsplit_once("/manifests/")?.0;
                Some(format!(
                    "list what there is with `barque tags docker://{known}/{repository}`"
                ))
            }
            (Kind::Unavailable, 429) => Some(match self.wait {
                // E15: sentinels beyond a day mean no more than "later".
                Some(wait) if wait.as_secs() < 86_400 => format!(
                    "the registry limits the rate and asks to wait {} s; log in for a higher limit, or try later",
                    wait.as_secs()
                ),
                _ => "the registry limits the rate; log in for a higher limit, or try later"
                    .to_owned(),
            }),
            // R7, R8: switched off, or not there at all.
            (_, 405 | 501) if self.method == Method::DELETE => Some(
                "the registry permits no deletion this way (distribution: `storage.delete.enabled`); hosted registries have a web page or a program of their own for it".to_owned(),
            ),
            (_, 507) => Some("the registry has no room: free some on its disk or raise its quota, then run the same command again".to_owned()),
            // U22: mostly a proxy, which says its name.
            (_, 413) => Some(match &self.server {
                Some(server) => format!(
                    "`{server}` gave this answer, maybe in front of the registry: raise its limit on bodies (nginx: `client_max_body_size`)"
                ),
                None => {
                    "a proxy in front of the registry may limit bodies: raise that limit".to_owned()
                }
            }),
            _ if text.starts_with('<') => Some(format!(
                "this looks like a web page, not a registry; check the name `{host}`"
            )),
            _ => None,
        }
    }
}

/// Whether a server answered with one of these statuses.
pub(crate) fn has_status(e: &Error, statuses: &[u16]) -> bool {
    ApiError::of(e).is_some_and(|a| statuses.contains(&a.status.as_u16()))
}

/// Whether something was not there when its deletion was asked for again: an earlier try, whose answer was lost, may
/// have deleted it.
pub(crate) fn may_have_gone(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|a| a.maybe_done && a.status == StatusCode::NOT_FOUND)
}

/// Whether `e` is the answer of a server without `/v2/`: a 404 without the errors of a registry.
pub(crate) fn has_no_v2(e: &Error) -> bool {
    ApiError::of(e).is_some_and(|answer| answer.status == 404 && answer.items.is_empty())
}

/// Error codes of the distribution-spec that a manifest gets when something that it names is not there.
const BLOB_UNKNOWN: [&str; 2] = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"];

/// See [`crate::transport::missing_blobs`].
pub(crate) fn missing_blobs(e: &Error) -> Option<Vec<Digest>> {
    let answer = ApiError::of(e).filter(|a| a.method == Method::PUT)?;
    let about = |item: &&ApiErrorItem| BLOB_UNKNOWN.contains(&item.code.as_str());
    let items: Vec<_> = answer.items.iter().filter(about).collect();
    // A list that was cut says nothing of what is behind its end.
    let whole = answer.items.len() < MAX_ITEMS;
    let named = items.iter().filter(|_| whole).flat_map(|item| {
        [&item.message, &item.detail]
            .into_iter()
            .flat_map(|text| digests(text))
    });
    (!items.is_empty()).then(|| named.collect())
}

/// The digests in a text that a server wrote for people.
fn digests(text: &str) -> Vec<Digest> {
    let ends = |c: char| !c.is_ascii_alphanumeric() && c != ':';
    text.split(ends)
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// The host that Docker Hub's registry answers on.
const DOCKER_HUB: &str = "registry-1.docker.io";

impl ApiError {
    /// Whether the URL is about a repository whose name has more than two parts.
    fn has_deep_name(&self) -> bool {
        let path = self.url.split_once("/v2/").map_or("", |(_, path)| path);
        let name = ["/manifests/", "/blobs/", "/tags/"]
            .iter()
            .find_map(|end| path.split_once(end))
            .map_or("", |(name, _)| name);
        name.matches('/').count() > 1
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {} answered {}",
            self.method,
            self.url,
            self.status.as_u16()
        )?;
        if let Some(reason) = self.status.canonical_reason() {
            write!(f, " {reason}")?;
        }
        for item in &self.items {
            match (item.code.is_empty(), item.message.is_empty()) {
                (false, false) => write!(f, ": {}: {}", item.code, item.message)?,
                (false, true) => write!(f, ": {}", item.code)?,
                _ => write!(f, ": {}", item.message)?,
            }
        }
        match &self.text {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(method: Method, status: u16, body: &str) -> Error {
        let url = Admitted::root("https", "r.io")
            .unwrap()
            .at("/v2/a/manifests/1?x=secret");
        ApiError::new(
            method,
            &url,
            StatusCode::from_u16(status).unwrap(),
            body.as_bytes(),
        )
        .into_error("without credentials", false)
    }

    #[test]
    fn the_envelope_is_told_with_its_codes_and_the_query_is_not() {
        let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown","detail":{"Tag":"1"}}]}"#;
        let e = error(Method::GET, 404, body);
        assert_eq!(e.kind(), Kind::NotFound);
        assert_eq!(
            e.to_string(),
            "GET https://r.io/v2/a/manifests/1 answered 404 Not Found: MANIFEST_UNKNOWN: manifest unknown"
        );
    }

    #[test]
    fn e4_e11_other_bodies_do_not_confuse() {
        assert_eq!(
            error(Method::GET, 404, "<html>gone\x1b[31m</html>").kind(),
            Kind::NotFound
        );
        assert!(
            !error(Method::GET, 404, "<html>gone\x1b[31m</html>")
                .to_string()
                .contains('\x1b')
        );
        assert_eq!(error(Method::GET, 502, "").kind(), Kind::Unavailable);
        assert_eq!(error(Method::PUT, 415, "{}").kind(), Kind::Refused);
        assert!(error(Method::GET, 400, &"x".repeat(9000)).to_string().len() < 400);
    }

    #[test]
    fn e2_a_name_too_deep_for_docker_hub_gets_a_hint() {
        let hint = |host: &str, path: &str| {
            let url = Admitted::root("https", host).unwrap().at(path);
            let error = ApiError::new(Method::GET, &url, StatusCode::UNAUTHORIZED, b"");
            error.into_error("", false).advice().unwrap().to_owned()
        };
        assert!(hint(DOCKER_HUB, "/v2/a/b/c/manifests/1").contains("two parts"));
        assert!(!hint(DOCKER_HUB, "/v2/a/b/manifests/1").contains("two parts"));
        assert!(!hint("r.io", "/v2/a/b/c/manifests/1").contains("two parts"));
    }

    #[test]
    fn a_refused_login_is_not_blamed_on_the_name_of_a_repository() {
        let url = Admitted::root("https", "r.io").unwrap();
        let refused = |path: &str| {
            let status = StatusCode::UNAUTHORIZED;
            let error = ApiError::new(Method::GET, &url.at(path), status, b"");
            let error = error.into_error("", false);
            error.advice().unwrap_or_default().to_owned()
        };
        assert!(refused("/v2/").starts_with("check user name and password"));
        assert!(refused("/v2/a/manifests/1").contains("does not exist or needs a login"));
        let status = StatusCode::UNAUTHORIZED;
        let error = ApiError::new(Method::GET, &url.at("/v2/a/manifests/1"), status, b"");
        let error = error.into_error("with the credential of `--creds`", true);
        assert!(
            error
                .advice()
                .unwrap()
                .starts_with("`r.io` refuses this credential")
        );
    }

    #[test]
    fn e6_a_403_shows_the_text_and_who_asked() {
        let e = error(
            Method::PUT,
            403,
            r#"{"errors":[{"code":"DENIED","message":"quota exceeded"}]}"#,
        );
        assert!(
            e.to_string()
                .ends_with("DENIED: quota exceeded (sent without credentials)")
        );
        assert_eq!(ApiError::of(&e.context("outer")).unwrap().status, 403);
    }
}
