//! Failures of commands, in skopeo's words where those are known.

mod files;
mod places;
mod policy;
mod registry;

use std::error::Error as StdError;
use std::io;

use super::Call;
use crate::image::{ImageName, PlatformError};
use crate::registry::ApiError;
use crate::report::failure::one_line;
use crate::{Error, Kind};
use places::{in_docker_archive, in_layout, is_unlisted, not_opened, nowhere};
use registry::Trouble;

/// What a copy says that would change a digest in spite of `--preserve-digests`.
const PRESERVED: [&str; 2] = ["would change ", "has another digest than the whole"];
/// What a copy says it was doing when it failed.
const READING: &str = "reading the source";
const WRITING: &str = "writing the destination";

/// `name` as skopeo repeats it: with its tag, and without the host of Docker Hub.
fn shown(name: &str) -> String {
    match ImageName::parse(name) {
        Ok(ImageName::Docker(reference)) => {
            let full = reference.or_latest().to_string();
            let at_hub = full.strip_prefix("docker.io/").unwrap_or(&full);
            let short = at_hub.strip_prefix("library/").unwrap_or(at_hub);
            format!("docker://{short}")
        }
        Ok(other) => other.to_string(),
        Err(_) => name.to_owned(),
    }
}

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
    let is_destination = says(error, WRITING) || says(error, "the destination's name");
    let at = usize::from(call.command == "copy" && is_destination);
    names.get(at).map_or("", String::as_str)
}

/// The message for `error` of a copy from `source` to `destination` that a run of `sync` makes, and whether the image is
/// missing.
#[cfg(feature = "sync")]
pub(super) fn of_copy(source: &str, destination: &str, error: &Error) -> (String, bool) {
    let call = Call {
        command: "copy",
        names: vec![source.to_owned(), destination.to_owned()],
        ..Call::default()
    };
    let name = about(&call, error);
    (message(&call, name, error), is_missing(name, error))
}

/// Why the tags of the repository `name` cannot be listed.
pub(super) fn of_tags(name: &str, error: &Error) -> String {
    match Trouble::find(name, error) {
        Some(Trouble::Answered(answer)) => format!("fetching tags list: {answer}"),
        Some(Trouble::Unreachable(why)) => why,
        None => own_words(&Call::default(), error),
    }
}

/// What the client of the image proxy reads of `error`.
#[cfg(target_os = "linux")]
pub(super) fn of_proxy(error: &Error) -> String {
    policy::refusal(error).unwrap_or_else(|| one_line(error))
}

fn message(call: &Call, name: &str, error: &Error) -> String {
    if let Some(text) = nowhere(call, name) {
        return text;
    }
    if let Some(text) = whatever_the_image(call, error) {
        return text;
    }
    let known = detail(name, error);
    let about = known.as_deref();
    let special = match call.command {
        "inspect" => about.map(|known| of_inspect(name, error, known)),
        "copy" => match about {
            Some(known) => of_copy_for(name, error, known),
            None => not_preserved(call, error),
        },
        "list-tags" if names_an_image(name) => {
            Some("No tag or digest allowed in reference".to_owned())
        }
        "list-tags" if known.is_some() && name.starts_with("docker:") => Some(format!(
            "Error listing repository tags: {}",
            of_tags(name, error)
        )),
        "delete" => of_delete(name, error, about),
        "manifest-digest" => Some(match missing_file(error) {
            Some(()) => format!(
                "Error reading manifest from {name}: open {name}: no such file or directory"
            ),
            None => own_words(call, error),
        }),
        "sync" if says(error, "the source directory `") => Some(format!(
            "Invalid source directory specified: stat {name}: no such file or directory"
        )),
        "sync" if missing_file(error).is_some() => {
            Some(format!("open {name}: no such file or directory"))
        }
        "login" if error.kind() == Kind::NotAllowed && ApiError::of(error).is_some() => Some(
            format!("logging into \"{name}\": invalid username/password"),
        ),
        "login" | "logout" if says(error, "not logged into") => {
            Some(format!("not logged into {name}"))
        }
        "login" => match Trouble::find(&format!("docker://{name}/x"), error) {
            Some(Trouble::Unreachable(why)) => {
                Some(format!("authenticating creds for \"{name}\": {why}"))
            }
            _ => None,
        },
        _ => None,
    };
    special.or(known).unwrap_or_else(|| own_words(call, error))
}

/// The message for a failure whose words do not depend on the image.
fn whatever_the_image(call: &Call, error: &Error) -> Option<String> {
    if let Some(refusal) = policy::refusal(error) {
        return Some(match call.command {
            "copy" => format!("Source image rejected: {refusal}"),
            _ => refusal,
        });
    }
    if let Some(known) = files::words(call, error) {
        return Some(known);
    }
    if says(error, "gpg failed: ") {
        let text = one_line(error);
        let why = text.rsplit("gpg failed: ").next().unwrap_or_default();
        return Some(match why.contains("Bad passphrase") {
            true => "creating signature: Bad passphrase".into(),
            false => format!("creating signature: {why}"),
        });
    }
    if says(error, "the credential names no user") {
        let is_named = |arg: String| arg.ends_with("creds=") || arg.is_empty();
        let is_empty = std::env::args_os().any(|arg| is_named(arg.to_string_lossy().into()));
        return Some(match is_empty {
            true => "credentials can't be empty".into(),
            false => "username can't be empty".into(),
        });
    }
    if says(error, "(`--command-timeout`)") {
        return Some("context deadline exceeded".into());
    }
    let no_group = [
        "only reads from podman's store",
        "holds one image, not an index",
    ];
    if call.is_all && no_group.iter().any(|text| says(error, text)) {
        let to = call.names.last().and_then(|name| name.split(':').next());
        let transport = to.unwrap_or_default();
        return Some(format!(
            "copying multiple images: destination transport \"{transport}\" does not support copying multiple images as a group"
        ));
    }
    match find(error) {
        Some(PlatformError::Format(text)) if call.command == "copy" => Some(format!(
            "unknown multi-arch option \"{text}\". Choose one of the supported options: 'system', 'all', 'index-only', or a comma-separated platform list like 'linux/amd64,linux/arm64'"
        )),
        _ => None,
    }
}

/// The message of `inspect`, whose cause skopeo's library calls `known`.
fn of_inspect(name: &str, error: &Error, known: &str) -> String {
    if is_no_match(error) {
        format!("Error parsing manifest for image: choosing image instance: {known}")
    } else if name.starts_with("dir:") || is_unlisted(name, error) {
        format!("Error retrieving manifest for image: {known}")
    } else {
        format!("Error parsing image name \"{name}\": {known}")
    }
}

/// The message of `copy`, whose cause skopeo's library calls `known`; `None` if it adds nothing.
fn of_copy_for(name: &str, error: &Error, known: &str) -> Option<String> {
    Some(if is_no_match(error) {
        let name = shown(name);
        format!("choosing an image from manifest list {name}: {known}")
    } else if says(error, "reading the source's name") {
        format!("Invalid source name {name}: {known}")
    } else if says(error, "the destination's name") {
        format!("Invalid destination name {name}: {known}")
    } else if is_unlisted(name, error)
        || name.starts_with("dir:") && missing_file(error).is_some() && !says(error, WRITING)
    {
        let name = shown(name);
        format!("determining manifest MIME type for {name}: {known}")
    } else if says(error, WRITING) {
        format!("initializing destination {}: {known}", shown(name))
    } else if says(error, READING) {
        format!("initializing source {}: {known}", shown(name))
    } else {
        return None;
    })
}

/// The message of a copy that `--preserve-digests` forbids.
fn not_preserved(call: &Call, error: &Error) -> Option<String> {
    let what = match call.is_all {
        true => {
            "Manifest list must be converted to type \"application/vnd.oci.image.index.v1+json\""
        }
        false => "Manifest must be converted",
    };
    is_preserved(error).then(|| {
        format!(
            "{what} to be written to destination, but we cannot modify it: \"Instructed to preserve digests\""
        )
    })
}

/// The message of `delete`; `known` is what skopeo's library calls the cause.
fn of_delete(name: &str, error: &Error, known: Option<&str>) -> Option<String> {
    let bare = match ImageName::parse(name) {
        Ok(ImageName::Docker(reference)) => reference.or_latest().to_string(),
        _ => name.to_owned(),
    };
    match known {
        Some(known) if says(error, "is blocked: ") => Some(known.to_owned()),
        _ if error.kind() == Kind::NotFound && name.starts_with("docker:") => Some(format!(
            "Unable to delete {bare}. Image may not exist or is not stored with a v2 Schema in a v2 registry"
        )),
        Some(known) if name.starts_with("oci:") || known.starts_with("pinging ") => {
            Some(known.to_owned())
        }
        Some(known) => {
            // Behind what was read when the answer came.
            let known = known.split_once(": ").map_or(known, |(_, answer)| answer);
            Some(format!("deleting {bare}: {known}"))
        }
        None if says(error, "cannot be deleted with this command") => {
            // An archive of a layout is deleted as the layout in it.
            let transport = match name.split(':').next().unwrap_or_default() {
                "oci-archive" => "oci",
                other => other,
            };
            Some(format!(
                "Deleting images not implemented for {transport}: images"
            ))
        }
        None => None,
    }
}

/// What skopeo's library says of the cause; `None` where that is not known.
fn detail(name: &str, error: &Error) -> Option<String> {
    if let Some(PlatformError::NoMatch {
        wanted, is_list, ..
    }) = find(error)
    {
        let mut parts = wanted.split('/');
        let mut next = || parts.next().unwrap_or_default();
        let (os, architecture, variant) = (next(), next(), next());
        let index = if *is_list {
            "manifest list"
        } else {
            "image index"
        };
        return Some(format!(
            "no image found in {index} for architecture \"{architecture}\", variant \"{variant}\", OS \"{os}\""
        ));
    }
    if says(error, "repository names are lower case") {
        return Some("invalid reference format: repository name must be lowercase".into());
    }
    if says(error, "is not a valid image name") {
        return Some("invalid reference format".into());
    }
    if says(error, "don't want to overwrite important data") {
        let text = match name.starts_with("docker-archive:") {
            true => "docker-archive doesn't support modifying existing images",
            false => "not a containers image directory, don't want to overwrite important data",
        };
        return Some(text.into());
    }
    if is_preserved(error) {
        return None;
    }
    match ImageName::parse(name).ok()? {
        ImageName::Docker(reference) => registry::words(&reference, error),
        ImageName::ContainersStorage(image) if says(error, "the store has no image") => Some(
            format!("reference \"{image}\" does not resolve to an image ID"),
        ),
        ImageName::Oci { path, selector } => {
            not_opened(&path.join("index.json").display().to_string(), error)
                .or_else(|| in_layout(&selector, error))
        }
        ImageName::OciArchive { path, selector } => match missing_file(error) {
            Some(()) => Some(format!(
                "creating temp directory: archive file not found: \"{}\"",
                path.display()
            )),
            None => in_layout(&selector, error),
        },
        ImageName::DockerArchive { path, selector } => {
            let path = path.display();
            missing_file(error)
                .map(|()| {
                    format!("opening file \"{path}\": open {path}: no such file or directory")
                })
                .or_else(|| in_docker_archive(&selector, error))
        }
        ImageName::DockerDaemon(_) => {
            let host = quoted(error, "no Docker Engine at `")?;
            Some(format!(
                "loading image from docker engine: Cannot connect to the Docker daemon at {host}. Is the docker daemon running?"
            ))
        }
        ImageName::Dir { path } => {
            let path = path.join("manifest.json");
            not_opened(&path.display().to_string(), error)
        }
        _ => None,
    }
}

/// What is in backticks behind `begin` in one of the messages of `error`; `begin` ends with the first backtick.
fn quoted(error: &Error, begin: &str) -> Option<String> {
    error.chain().find_map(|cause| {
        let text = cause.to_string();
        let rest = text.split_once(begin)?.1;
        Some(rest.split_once('`')?.0.to_owned())
    })
}

/// Whether the image itself is what is missing.
fn is_missing(name: &str, error: &Error) -> bool {
    if ApiError::of(error).is_some() {
        return says(error, registry::MANIFEST_UNKNOWN) && !says(error, "deleting `");
    }
    name.starts_with("oci") && says(error, "has no image named")
        || says(error, "the store has no image")
}

fn is_preserved(error: &Error) -> bool {
    PRESERVED.iter().any(|text| says(error, text))
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
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|e| e.kind() == io::ErrorKind::NotFound)
        .then_some(())
}

pub(super) fn says(error: &Error, text: &str) -> bool {
    error.chain().any(|cause| cause.to_string().contains(text))
}

fn find<T: StdError + 'static>(error: &Error) -> Option<&T> {
    error.chain().find_map(|cause| cause.downcast_ref::<T>())
}

fn innermost(error: &Error) -> String {
    error
        .chain()
        .last()
        .map(ToString::to_string)
        .unwrap_or_default()
}
