//! Failures of commands, in skopeo's words where those are known.

use std::error::Error as StdError;
use std::io;

use super::Call;
use crate::image::{ImageName, PlatformError, Reference, Selector};
use crate::registry::ApiError;
use crate::report::failure::one_line;
use crate::{Error, Kind};

/// What the copy says it was doing when it failed.
const READING: &str = "reading the source";
const WRITING: &str = "writing the destination";

/// The message and the exit code for `error`: 2 for a missing image, 1 for all others.
pub(super) fn fatal(call: &Call, error: &Error) -> (String, u8) {
    let name = about(call, error);
    let code = match is_missing(name, error) {
        true => 2,
        false => 1,
    };
    (message(call, name, error), code)
}

/// The image that `error` is about.
fn about<'a>(call: &'a Call, error: &Error) -> &'a str {
    let names = &call.names;
    let at = usize::from(call.command == "copy" && says(error, WRITING));
    names.get(at).map_or("", String::as_str)
}

fn message(call: &Call, name: &str, error: &Error) -> String {
    let known = detail(name, error);
    let own = || own_words(call, error);
    let is_platform = is_no_match(error);
    match (call.command, known) {
        ("inspect", Some(known)) if is_platform => {
            format!("Error parsing manifest for image: choosing image instance: {known}")
        }
        ("inspect", Some(known)) if name.starts_with("dir:") => {
            format!("Error retrieving manifest for image: {known}")
        }
        ("inspect", Some(known)) => format!("Error parsing image name \"{name}\": {known}"),
        ("copy", Some(known)) if is_platform => {
            format!("choosing an image from manifest list {name}: {known}")
        }
        ("copy", Some(known)) if says(error, READING) => {
            format!("initializing source {name}: {known}")
        }
        ("copy", Some(known)) if says(error, WRITING) => {
            format!("initializing destination {name}: {known}")
        }
        ("list-tags", _) if names_an_image(name) => "No tag or digest allowed in reference".into(),
        ("list-tags", Some(known)) if name.starts_with("docker:") => {
            let known = known.split(": ").skip(1).collect::<Vec<_>>().join(": ");
            format!("Error listing repository tags: fetching tags list: {known}")
        }
        ("delete", _) if error.kind() == Kind::NotFound && name.starts_with("docker:") => format!(
            "Unable to delete {}. Image may not exist or is not stored with a v2 Schema in a v2 registry",
            name.trim_start_matches("docker://")
        ),
        ("delete", Some(known)) => {
            let known = known.rsplit(": ").next().unwrap_or_default().to_owned();
            format!("deleting {}: {known}", name.trim_start_matches("docker://"))
        }
        ("delete", None) if says(error, "cannot be deleted with this command") => {
            let transport = name.split(':').next().unwrap_or_default();
            format!("Deleting images not implemented for {transport}: images")
        }
        ("manifest-digest", _) => match missing_file(error) {
            Some(_) => format!(
                "Error reading manifest from {name}: open {name}: no such file or directory"
            ),
            None => own(),
        },
        ("login", _) if error.kind() == Kind::NotAllowed && ApiError::of(error).is_some() => {
            format!("logging into \"{name}\": invalid username/password")
        }
        ("login" | "logout", _) if says(error, "not logged into") => {
            format!("not logged into {name}")
        }
        (_, Some(known)) => known,
        _ => own(),
    }
}

/// What skopeo's library says of the cause; `None` where that is not known.
fn detail(name: &str, error: &Error) -> Option<String> {
    if let Some(PlatformError::NoMatch { wanted, .. }) = find(error) {
        let mut parts = wanted.split('/');
        let mut next = || parts.next().unwrap_or_default();
        let (os, architecture, variant) = (next(), next(), next());
        return Some(format!(
            "no image found in image index for architecture \"{architecture}\", variant \"{variant}\", OS \"{os}\""
        ));
    }
    if says(error, "repository names are lower case") {
        return Some("invalid reference format: repository name must be lowercase".into());
    }
    if says(error, "is not a valid image name") {
        return Some("invalid reference format".into());
    }
    if says(error, "the credential names no user") {
        return Some("credentials can't be empty".into());
    }
    if says(error, "don't want to overwrite important data") {
        let text = "not a containers image directory, don't want to overwrite important data";
        return Some(text.into());
    }
    match ImageName::parse(name).ok()? {
        ImageName::Docker(reference) => in_registry(&reference, error),
        ImageName::Oci { path, selector } => in_layout(&path.to_string_lossy(), &selector, error),
        ImageName::OciArchive { path, selector } => {
            let path = path.to_string_lossy();
            match missing_file(error) {
                Some(()) => Some(format!(
                    "creating temp directory: archive file not found: \"{path}\""
                )),
                None => in_layout(&path, &selector, error),
            }
        }
        ImageName::DockerArchive { path, .. } => {
            let path = path.display();
            missing_file(error).map(|()| {
                format!("opening file \"{path}\": open {path}: no such file or directory")
            })
        }
        ImageName::Dir { path } => {
            let path = path.join("manifest.json");
            let path = path.display();
            missing_file(error).map(|()| format!("open {path}: no such file or directory"))
        }
        _ => None,
    }
}

fn in_layout(path: &str, selector: &Selector, error: &Error) -> Option<String> {
    if missing_file(error).is_some() {
        return Some(format!("open {path}/index.json: no such file or directory"));
    }
    if says(error, "and none is named") {
        return Some("more than one image in oci, choose an image".into());
    }
    match selector {
        Selector::Named(name) if says(error, "has no image named") => {
            Some(format!("no descriptor found for reference \"{name}\""))
        }
        _ => None,
    }
}

/// What is said of a registry that answered with an error, or not at all.
fn in_registry(reference: &Reference, error: &Error) -> Option<String> {
    let repository = &reference.repository;
    let host = repository.registry.api_host();
    let ping = |scheme: &str, why: &str| {
        format!("pinging container registry {host}: Get \"{scheme}://{host}/v2/\": {why}")
    };
    let scheme = match says(error, " http://") {
        true => "http",
        false => "https",
    };
    if let Some(api) = ApiError::of(error) {
        let which = match (&reference.digest, &reference.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.to_string(),
            (None, None) => "latest".into(),
        };
        return Some(format!(
            "reading manifest {which} in {repository}: {}",
            answered(api)
        ));
    }
    if says(error, "cannot resolve `") {
        let name = repository.registry.host();
        return Some(ping(
            scheme,
            &format!("dial tcp: lookup {name}: no such host"),
        ));
    }
    if says(error, "nothing listens there") {
        let why = format!("dial tcp {host}: connect: connection refused");
        return Some(ping(scheme, &why));
    }
    if says(error, "the TLS handshake failed") {
        let why = match error
            .advice()
            .is_some_and(|hint| hint.contains("plain HTTP"))
        {
            true => "http: server gave HTTP response to HTTPS client".to_owned(),
            false if says(error, "signed by no authority") || says(error, "unknown") => {
                "tls: failed to verify certificate: x509: certificate signed by unknown authority"
                    .to_owned()
            }
            false => format!(
                "tls: failed to verify certificate: x509: {}",
                innermost(error)
            ),
        };
        return Some(ping("https", &why));
    }
    None
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

/// Whether the image itself is what is missing.
fn is_missing(name: &str, error: &Error) -> bool {
    if let Some(api) = ApiError::of(error) {
        return api.has_code("MANIFEST_UNKNOWN") && !says(error, "deleting `");
    }
    name.starts_with("oci") && says(error, "has no image named")
}

fn is_no_match(error: &Error) -> bool {
    matches!(find(error), Some(PlatformError::NoMatch { .. }))
}

fn names_an_image(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    name.starts_with("docker://") && last.contains([':', '@']) && name.matches('/').count() > 2
}

/// barque's own words, without what was being done.
fn own_words(call: &Call, error: &Error) -> String {
    let text = one_line(error);
    let doing = error.to_string();
    let text = match text.strip_prefix(&format!("{doing}: ")) {
        Some(rest) if doing.contains('`') => rest,
        _ => &text,
    };
    text.replace("barque inspect", "skopeo inspect").replace(
        "barque",
        if call.command.is_empty() {
            "barque"
        } else {
            "skopeo"
        },
    )
}

/// `Some` if a file that was to be read is not there.
fn missing_file(error: &Error) -> Option<()> {
    chain(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|e| e.kind() == io::ErrorKind::NotFound)
        .then_some(())
}

fn says(error: &Error, text: &str) -> bool {
    chain(error).any(|cause| cause.to_string().contains(text))
}

fn find<T: StdError + 'static>(error: &Error) -> Option<&T> {
    chain(error).find_map(|cause| cause.downcast_ref::<T>())
}

fn innermost(error: &Error) -> String {
    chain(error)
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// `error` and its causes, outermost first.
fn chain(error: &Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    let first: &(dyn StdError + 'static) = error;
    std::iter::successors(Some(first), |&e| e.source())
}
