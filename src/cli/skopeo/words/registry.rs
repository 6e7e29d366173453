//! What skopeo's library says of a registry that answered with an error, or not at all.

use super::super::is_plain;
use super::{innermost, says};
use crate::Error;
use crate::image::{ImageName, Reference};
use crate::registry::ApiError;

/// The code by which a registry says that the image is what is missing. Where it is asked for tags after that, its second
/// answer says less.
pub(super) const MANIFEST_UNKNOWN: &str = "MANIFEST_UNKNOWN";

/// What went wrong with a registry.
pub(super) enum Trouble {
    /// It cannot be reached, or only in another way.
    Unreachable(String),
    /// It answered with this error.
    Answered(String),
}

impl Trouble {
    /// What `error`, which is about the repository or image `name`, says of a registry; `None` if it is about something
    /// else.
    pub(super) fn find(name: &str, error: &Error) -> Option<Trouble> {
        match ImageName::parse(name).ok()? {
            ImageName::Docker(reference) => trouble(&reference, error),
            _ => None,
        }
    }
}

/// What is said of an image in a registry; `None` where the registry is not to blame.
pub(super) fn words(reference: &Reference, error: &Error) -> Option<String> {
    if let Some(blocked) = blocked(error) {
        return Some(blocked);
    }
    let repository = &reference.repository;
    Some(match trouble(reference, error)? {
        Trouble::Unreachable(why) => why,
        Trouble::Answered(answer) => {
            let which = match (&reference.digest, &reference.tag) {
                (Some(digest), _) => digest.to_string(),
                (None, Some(tag)) => tag.to_string(),
                (None, None) => "latest".into(),
            };
            format!("reading manifest {which} in {repository}: {answer}")
        }
    })
}

/// What is said of a registry that registries.conf blocks.
fn blocked(error: &Error) -> Option<String> {
    let text = error
        .chain()
        .map(ToString::to_string)
        .find(|text| text.contains("is blocked: "))?;
    let mut named = text.split("is blocked: ").nth(1)?.split('`');
    let (prefix, file) = (named.nth(3)?, named.nth(1)?);
    Some(format!("registry {prefix} is blocked in {file}"))
}

fn trouble(reference: &Reference, error: &Error) -> Option<Trouble> {
    if let Some(api) = ApiError::of(error) {
        let answer = unknown(error).unwrap_or_else(|| answered(api));
        return Some(Trouble::Answered(answer));
    }
    let registry = &reference.repository.registry;
    let host = registry.api_host();
    // skopeo tells the last try.
    let scheme = match says(error, " http://") || is_plain() {
        true => "http",
        false => "https",
    };
    let ping = |scheme: &str, why: String| {
        Trouble::Unreachable(format!(
            "pinging container registry {host}: Get \"{scheme}://{host}/v2/\": {why}"
        ))
    };
    if says(error, "cannot resolve `") {
        let name = registry.host();
        let why = format!("dial tcp: lookup {name}: no such host");
        return Some(ping(scheme, why));
    }
    if says(error, "nothing listens there") {
        let why = format!("dial tcp {host}: connect: connection refused");
        return Some(ping(scheme, why));
    }
    if !says(error, "the TLS handshake failed") {
        return None;
    }
    let is_plain = |hint: &str| hint.contains("plain HTTP");
    let why = if error.advice().is_some_and(is_plain) {
        "http: server gave HTTP response to HTTPS client".to_owned()
    } else if says(error, "signed by no authority") || says(error, "unknown") {
        "tls: failed to verify certificate: x509: certificate signed by unknown authority"
            .to_owned()
    } else {
        let cause = innermost(error);
        format!("tls: failed to verify certificate: x509: {cause}")
    };
    Some(ping("https", why))
}

/// The codes that skopeo's library knows, with the texts that it has for them.
const CODES: [(&str, &str); 18] = [
    ("UNKNOWN", "unknown error"),
    ("UNSUPPORTED", "The operation is unsupported."),
    ("UNAUTHORIZED", "authentication required"),
    ("DENIED", "requested access to the resource is denied"),
    ("UNAVAILABLE", "service unavailable"),
    ("TOOMANYREQUESTS", "too many requests"),
    (
        "DIGEST_INVALID",
        "provided digest did not match uploaded content",
    ),
    (
        "SIZE_INVALID",
        "provided length did not match content length",
    ),
    ("NAME_INVALID", "invalid repository name"),
    ("TAG_INVALID", "manifest tag did not match URI"),
    ("NAME_UNKNOWN", "repository name not known to registry"),
    (MANIFEST_UNKNOWN, "manifest unknown"),
    ("MANIFEST_INVALID", "manifest invalid"),
    (
        "MANIFEST_UNVERIFIED",
        "manifest failed signature verification",
    ),
    ("MANIFEST_BLOB_UNKNOWN", "blob unknown to registry"),
    ("BLOB_UNKNOWN", "blob unknown to registry"),
    ("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
    ("BLOB_UPLOAD_INVALID", "blob upload invalid"),
];

/// An answer with an error as skopeo's library puts it: the registry's own text behind its code. A text that is the usual one
/// stands alone if the registry gives details, and is left out if it does not.
fn answered(api: &ApiError) -> String {
    let status = api.status.as_u16();
    if api.status.is_server_error() {
        let reason = api.status.canonical_reason().unwrap_or_default();
        return format!("received unexpected HTTP status: {status} {reason}");
    }
    // Codes in lower case are OAuth's, and not of the registry's API.
    let is_registry = |code: &str| !code.starts_with(|c: char| c.is_ascii_lowercase());
    let first = api.items.first().filter(|item| is_registry(&item.code));
    // Docker Hub's body says less than its challenge.
    let Some(item) = api.challenged.as_ref().or(first) else {
        return match status {
            401 => "authentication required".into(),
            _ => format!("StatusCode: {status}, {:?}", api.start),
        };
    };
    let code = match (item.code.as_str(), status) {
        ("", 401) => "UNAUTHORIZED",
        (code, _) => code,
    };
    let known = CODES.iter().find(|known| known.0 == code);
    let (code, usual) = known.unwrap_or(&CODES[0]);
    let code = code.to_lowercase().replace('_', " ");
    match (item.message.as_str(), item.detail.is_empty()) {
        ("", true) => code,
        (message, true) if message == *usual => code,
        (message, false) if message == *usual => message.to_owned(),
        (message, _) => format!("{code}: {message}"),
    }
}

/// The same of a registry that does not know the image, whose answer may be in `error` as text alone.
fn unknown(error: &Error) -> Option<String> {
    let text = error
        .chain()
        .map(ToString::to_string)
        .find(|text| text.contains(MANIFEST_UNKNOWN))?;
    let message = text.split_once(MANIFEST_UNKNOWN)?.1;
    Some(match message.strip_prefix(": ") {
        None | Some("manifest unknown") => "manifest unknown".into(),
        Some(message) => format!("manifest unknown: {message}"),
    })
}
