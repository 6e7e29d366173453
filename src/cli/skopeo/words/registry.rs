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
        let answer = match says(error, MANIFEST_UNKNOWN) {
            true => "manifest unknown".to_owned(),
            false => answered(api),
        };
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

/// An answer with an error as skopeo's library puts it.
fn answered(api: &ApiError) -> String {
    let Some(item) = api.items.first() else {
        let status = api.status;
        if status.is_server_error() {
            let reason = status.canonical_reason().unwrap_or_default();
            return format!(
                "received unexpected HTTP status: {} {reason}",
                status.as_u16()
            );
        }
        let text = api.text.as_deref().unwrap_or_default();
        return match status.as_u16() {
            401 => "authentication required".into(),
            code => format!(
                "StatusCode: {code}, \"{}\"",
                text.chars().take(50).collect::<String>()
            ),
        };
    };
    let code = item.code.to_lowercase().replace('_', " ");
    // The texts that the distribution specification has for its codes stand alone.
    let usual = [
        "authentication required",
        "manifest unknown",
        "repository name not known to registry",
        "requested access to the resource is denied",
        "blob unknown to registry",
        "too many requests",
    ];
    match item.message.as_str() {
        "" => code,
        message if usual.contains(&message) => message.to_owned(),
        message => format!("{code}: {message}"),
    }
}
