//! Which requirements of a policy apply to an image.
//!
//! The same search serves registries.d: most specific name first, then its parents, the host, and wildcards of the
//! host.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Policy, Requirement};
use crate::image::{DaemonImage, ImageName, Reference};

/// Where in a policy the requirements of an image are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// `default`.
    Default,
    /// `transports.TRANSPORT."SCOPE"`; an empty scope is the transport's default.
    Transport { transport: String, scope: String },
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scope::Default => f.write_str("default"),
            Scope::Transport { transport, scope } => {
                write!(f, "transports.{transport}.\"{scope}\"")
            }
        }
    }
}

impl Policy {
    /// The requirements for `image`, and where they are in the file. The first scope that is there applies alone.
    pub fn requirements(&self, image: &ImageName) -> (Scope, &[Requirement]) {
        let (transport, names) = candidates(image);
        if let Some(scopes) = self.transports.get(transport) {
            for scope in names.into_iter().chain([String::new()]) {
                if let Some(requirements) = scopes.get(&scope) {
                    let transport = transport.to_owned();
                    return (Scope::Transport { transport, scope }, requirements);
                }
            }
        }
        (Scope::Default, &self.default)
    }
}

/// The transport of `image` as a policy names it, and its scopes, the most specific first.
fn candidates(image: &ImageName) -> (&'static str, Vec<String>) {
    match image {
        // The oldest protocol has the same names, and must not be a way around the rules for them.
        ImageName::Docker(reference) => ("docker", of_reference(reference)),
        ImageName::DockerV1(old) => {
            let text = format!("{}/{}", old.registry, old.repository);
            let mut scopes = vec![format!("{text}:{}", old.tag)];
            scopes.extend(parents(&text));
            ("docker", scopes)
        }
        ImageName::DockerDaemon(DaemonImage::Named(name)) => ("docker-daemon", of_reference(name)),
        ImageName::DockerDaemon(DaemonImage::Id(_)) => ("docker-daemon", Vec::new()),
        ImageName::ContainersStorage(_) => ("containers-storage", Vec::new()),
        ImageName::Tarball(_) => ("tarball", Vec::new()),
        ImageName::DockerArchive { .. } => ("docker-archive", Vec::new()),
        ImageName::Dir { path } => ("dir", of_path(path)),
        ImageName::Oci { path, .. } => ("oci", of_path(path)),
        ImageName::OciArchive { path, .. } => ("oci-archive", of_path(path)),
    }
}

/// The scopes of an image in a registry: its full name, the repository and all above it, the host, its wildcards.
pub(in crate::settings) fn of_reference(reference: &Reference) -> Vec<String> {
    let repository = reference.repository.to_string();
    let mut scopes = Vec::new();
    // With both, the digest decides what the image is, and the tag is only a note.
    if let Some(digest) = &reference.digest {
        scopes.push(format!("{repository}@{digest}"));
    } else if let Some(tag) = &reference.tag {
        scopes.push(format!("{repository}:{tag}"));
    }
    scopes.extend(parents(&repository));
    scopes
}

/// `name`, all above it, and the wildcards of its host, which leave out the port.
fn parents(name: &str) -> Vec<String> {
    let mut scopes = vec![name.to_owned()];
    let mut rest = name;
    while let Some((parent, _)) = rest.rsplit_once('/') {
        scopes.push(parent.to_owned());
        rest = parent;
    }
    let host = match rest.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => rest,
    };
    let mut domain = host;
    while let Some((_, parent)) = domain.split_once('.') {
        scopes.push(format!("*.{parent}"));
        domain = parent;
    }
    scopes
}

/// The path with its links resolved, and all folders above it but the root.
fn of_path(path: &Path) -> Vec<String> {
    let resolved = resolved(path);
    let named = resolved.ancestors().filter(|p| p.parent().is_some());
    named.map(|p| p.to_string_lossy().into_owned()).collect()
}

/// `path` made absolute, with links resolved as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    if let Ok(whole) = path.canonicalize() {
        return whole;
    }
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent(), absolute.file_name()) {
        (Some(parent), Some(name)) => resolved(parent).join(name),
        _ => absolute,
    }
}
