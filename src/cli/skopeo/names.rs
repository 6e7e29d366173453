//! Names of images that skopeo refuses, or in other words than barque.

use crate::image::{Reference, TRANSPORTS};

/// What is wrong with the image name `name`.
pub(super) fn invalid(name: &str) -> Option<String> {
    let Some((transport, rest)) = name.split_once(':') else {
        return Some(format!(
            "Invalid image name \"{name}\", expected colon-separated transport:reference"
        ));
    };
    if let Some(why) = malformed(transport, rest) {
        return Some(why);
    }
    match transport {
        "ostree" => Some("The transport \"ostree:\" is not supported in this build".to_owned()),
        _ if is_transport(transport) => None,
        _ => Some(format!(
            "Invalid image name \"{name}\", unknown transport \"{transport}\""
        )),
    }
}

/// Whether skopeo knows the transport `name`.
pub(super) fn is_transport(name: &str) -> bool {
    let elsewhere = ["sif", "atomic", "ostree"];
    let known = |known: &&str| known.split(':').next() == Some(name);
    elsewhere.contains(&name) || TRANSPORTS.iter().any(known)
}

/// Whether the first part of a name has capital letters and is not a host.
fn is_upper(first: &str) -> bool {
    !first.contains(['.', ':']) && first.contains(|c: char| c.is_ascii_uppercase())
}

/// What is wrong with what follows the name of the transport, where skopeo refuses what barque does not, or in other words.
fn malformed(transport: &str, rest: &str) -> Option<String> {
    let opened = |file: &str| match std::path::Path::new(file).exists() {
        true => "it is of a kind that this program does not read".to_owned(),
        false => format!("open {file}: no such file or directory"),
    };
    let has_both = |name: &str| {
        let (tagged, _) = name.split_once("@sha").unwrap_or_default();
        tagged
            .rsplit('/')
            .next()
            .is_some_and(|last| last.contains(':'))
    };
    match transport {
        "docker" if !rest.starts_with("//") => Some(format!(
            "docker: image reference {rest} does not start with //"
        )),
        // A registry is a name of a host, and Docker Hub's repositories are lower case.
        "docker"
            if rest
                .trim_start_matches('/')
                .split(['/', '@'])
                .next()
                .is_some_and(is_upper) =>
        {
            Some("invalid reference format: repository name must be lowercase".into())
        }
        "docker" if has_both(rest) => {
            Some("Docker references with both a tag and digest are currently not supported".into())
        }
        "docker-daemon" if has_both(rest) => Some(
            "docker-daemon: references with both a tag and digest are currently not supported"
                .into(),
        ),
        "docker-daemon" if rest.is_empty() => Some("invalid reference format".into()),
        "docker-daemon" if !rest.contains([':', '@']) => Some(format!(
            "docker-daemon: reference {rest} has neither a tag nor a digest"
        )),
        "docker-archive" if rest.is_empty() => {
            Some("docker-archive reference  isn't of the form <path>[:<reference>]".into())
        }
        "docker-archive" => in_archive(rest.split_once(':')?.1),
        "oci" | "oci-archive" => in_layout(rest.split_once(':')?.1),
        "atomic" if rest.split('/').count() < 3 => Some(format!(
            "invalid image reference {rest}, expected format: 'hostname/namespace/stream:tag'"
        )),
        "sif" => Some(format!("loading SIF file: {}", opened(rest))),
        "tarball" => {
            let is_missing = |file: &&str| *file != "-" && !std::path::Path::new(file).exists();
            let file = rest.split(':').find(is_missing)?;
            Some(format!("error opening \"{file}\": {}", opened(file)))
        }
        _ => None,
    }
}

/// What is wrong with the name of an image in a `docker save` archive.
fn in_archive(name: &str) -> Option<String> {
    if let Some(place) = name.strip_prefix('@') {
        return no_place(place, "");
    }
    let (path, _) = name.split_once('@').unwrap_or((name, ""));
    let last = path.rsplit('/').next().unwrap_or_default();
    let repository = match last.contains(':') {
        true => path.rsplit_once(':').map_or(path, |(path, _)| path),
        false => path,
    };
    if repository.contains(|c: char| c.is_ascii_uppercase()) {
        return Some("docker-archive parsing reference: invalid reference format: repository name must be lowercase".into());
    }
    let is_digest = name.contains("@sha256:") && name.parse::<Reference>().is_ok();
    is_digest.then(|| format!("reference does not include a tag: {}", in_full(name)))
}

/// What is wrong with the name of an image in a layout.
fn in_layout(name: &str) -> Option<String> {
    if let Some(place) = name.strip_prefix('@') {
        return no_place(place, "not an integer: ");
    }
    let is_odd = |c: char| !c.is_ascii_alphanumeric() && !"-._:@+/".contains(c);
    name.contains(is_odd)
        .then(|| format!("Invalid image {name}"))
}

/// What is wrong with the number of an image in an archive or layout.
fn no_place(place: &str, why: &str) -> Option<String> {
    match place.parse::<i64>() {
        Ok(0..) => None,
        Ok(_) => Some(format!(
            "Invalid source index @{place}: must not be negative"
        )),
        Err(_) => Some(format!(
            "Invalid source index @{place}: {why}strconv.Atoi: parsing \"{place}\": invalid syntax"
        )),
    }
}

/// `name` with the host that it has by default.
fn in_full(name: &str) -> String {
    name.parse::<Reference>()
        .map_or(name.to_owned(), |reference| reference.to_string())
}
