//! What a request is refused with: a status and the error document of the distribution specification ("Error codes").
//!
//! Errors of the machine (disk, permissions) become 500 here; their text goes to the log and not to the client, because
//! it names files.

use std::io::{self, ErrorKind};

use http::header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{Answer, Body};
use crate::image::Digest;
use crate::registry::ApiError;
use crate::{Error, Kind};

/// The error codes that are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Code {
    BlobUnknown,
    BlobUploadUnknown,
    Denied,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    ManifestUnverified,
    NameInvalid,
    NameUnknown,
    PaginationNumberInvalid,
    RangeInvalid,
    SizeInvalid,
    TagInvalid,
    #[serde(rename = "TOOMANYREQUESTS")]
    TooManyRequests,
    Unauthorized,
    Unavailable,
    Unknown,
    Unsupported,
}

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    errors: Vec<Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// One error with `code`; `message` is for people.
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Refusal {
        let message: String = message.into();
        Refusal {
            status,
            errors: vec![json!({"code": code, "message": message})],
            headers: Vec::new(),
        }
    }

    /// A request that is wrong in itself (400).
    pub(super) fn bad(code: Code, message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Something that is not there (404).
    pub(super) fn missing(code: Code, message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, code, message)
    }

    /// A digest that cannot be read, or that is not of what was sent (400).
    pub(super) fn digest(message: impl Into<String>) -> Refusal {
        Refusal::bad(Code::DigestInvalid, message)
    }

    /// Another content than `If-Match` names (412).
    pub(super) fn unwanted() -> Refusal {
        let text = "the content is not what `If-Match` names";
        Refusal::new(StatusCode::PRECONDITION_FAILED, Code::Unknown, text)
    }

    /// A method that the route has not, or not here; `allowed` lists those that it has (405).
    pub(super) fn method(allowed: &'static str, message: &str) -> Refusal {
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, message);
        refusal.header(ALLOW, HeaderValue::from_static(allowed))
    }

    /// One error for each of the `missing` parts of a manifest, with the digest in `detail`, as the handler of
    /// distribution has it (400).
    pub(super) fn blobs_unknown(missing: &[Digest]) -> Refusal {
        let error = |digest: &Digest| {
            json!({
                "code": Code::ManifestBlobUnknown,
                "message": "manifest references a manifest or blob unknown to this repository",
                "detail": digest,
            })
        };
        Refusal {
            status: StatusCode::BAD_REQUEST,
            errors: missing.iter().map(error).collect(),
            headers: Vec::new(),
        }
    }

    /// The answer to OPTIONS, where this says which methods there are.
    pub(super) fn into_options(self) -> Result<Answer, Refusal> {
        match self.headers.first() {
            Some((ALLOW, methods)) => {
                let mut answer = super::answer::empty(StatusCode::OK);
                answer.headers_mut().insert(ALLOW, methods.clone());
                Ok(answer)
            }
            _ => Err(self),
        }
    }

    /// Adds a header to the answer.
    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Refusal {
        self.headers.push((name, value));
        self
    }

    /// Adds `detail` to the first error.
    pub(super) fn detail(mut self, detail: Value) -> Refusal {
        if let Some(Value::Object(error)) = self.errors.first_mut() {
            error.insert("detail".into(), detail);
        }
        self
    }

    /// The answer; to a HEAD request its body is left out.
    pub(super) fn answer(self, head: bool) -> Answer {
        let body = json!({ "errors": self.errors }).to_string();
        self.with(body, head)
    }

    /// The same in the form of Registry V1.
    pub(super) fn answer_v1(self, head: bool) -> Answer {
        let text = self.errors.first().map(|error| &error["message"]);
        let body = json!({ "error": text }).to_string();
        self.with(body, head)
    }

    fn with(self, body: String, head: bool) -> Answer {
        let mut answer = Response::new(Body::Empty);
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, body.len().into());
        for (name, value) in self.headers {
            headers.append(name, value);
        }
        if !head {
            *answer.body_mut() = Body::whole(body);
        }
        answer
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        if let Some(refusal) = of_upstream(&error) {
            tracing::warn!("{}", words(&error));
            return refusal;
        }
        tracing::error!("{}", words(&error));
        if cause(&error).is_some_and(is_full) {
            let (status, code) = (StatusCode::INSUFFICIENT_STORAGE, Code::Unknown);
            return Refusal::new(status, code, "the registry has no space left");
        }
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            Code::Unknown,
            "the registry failed to do this; its log says why",
        )
    }
}

/// The words for the log.
fn words(error: &Error) -> String {
    let mut all: Vec<String> = error.chain().map(ToString::to_string).collect();
    all.dedup();
    all.join(": ")
}

/// The failure of the system behind `error`.
fn cause(error: &Error) -> Option<&io::Error> {
    error.chain().find_map(|e| e.downcast_ref())
}

fn is_full(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

/// What a failure of an upstream is to the client; its words name no files.
fn of_upstream(error: &Error) -> Option<Refusal> {
    let answer = ApiError::of(error);
    let status = answer.map(|answer| answer.status);
    let (status, code) = match (status, error.kind()) {
        (Some(StatusCode::TOO_MANY_REQUESTS), _) => {
            (StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests)
        }
        // Also what the signature policy or registries.conf refuses.
        (_, Kind::NotAllowed) if cause(error).is_none() => (StatusCode::FORBIDDEN, Code::Denied),
        (_, Kind::Unavailable) => (StatusCode::BAD_GATEWAY, Code::Unavailable),
        _ => return None,
    };
    let refusal = Refusal::new(status, code, format!("the upstream: {error}"));
    Some(match answer.and_then(|answer| answer.wait) {
        Some(wait) => refusal.header(RETRY_AFTER, wait.as_secs().into()),
        None => refusal,
    })
}
