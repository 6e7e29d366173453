//! `Reference`: `[registry/]repository[:tag][@digest]`, the name of an image in a registry.
//!
//! Two readings of one grammar (docker's `reference` package, OCI distribution-spec "Pulling manifests"): the
//! raw one, where a first component that looks like a host is the host ([`parse_raw`]), and the familiar one
//! that users type, where `alpine` means `docker.io/library/alpine` ([`Reference::from_str`]). What comes out
//! is checked: a [`RepositoryName`] or a [`Tag`] can be put into a URL or a path as it is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::{Digest, DigestError};

/// The host that users mean when they name none.
pub const DOCKER_IO: &str = "docker.io";

const MAX_PATH: usize = 255;
const MAX_TAG: usize = 128;

/// Why a text is no reference. The text it was found in is for the caller to show.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    #[error("the image name is empty")]
    Empty,
    #[error("it does not read as NAME[:TAG][@DIGEST]")]
    Format,
    #[error(
        "the tag is not valid: letters, digits, `_`, `.` and `-`, at most {MAX_TAG}, not beginning with `.` or `-`"
    )]
    TagFormat,
    #[error("repository names are lower case")]
    Uppercase,
    #[error("the repository name is longer than {MAX_PATH} characters")]
    TooLong,
    #[error("64 hex digits are an image id, not an image name")]
    BareId,
    #[error(transparent)]
    Digest(#[from] DigestError),
}

/// A registry's host, with its port where one was given: `docker.io`, `localhost:5000`, `[::1]:5000`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Registry(String);

impl Registry {
    /// `host[:port]` as typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without port and brackets.
    pub fn host(&self) -> &str {
        let host = match self.0.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => &self.0,
        };
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port, where one was given.
    pub fn port(&self) -> Option<u16> {
        self.0
            .rsplit_once(':')
            .and_then(|(_, port)| port.parse().ok())
    }

    /// Whether the registry is on this machine: `localhost` or a loopback address.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        host.eq_ignore_ascii_case("localhost")
            || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// Whether this is Docker Hub, which goes by several names (quirk A23).
    pub fn is_docker_hub(&self) -> bool {
        matches!(
            self.0.as_str(),
            "docker.io" | "index.docker.io" | "registry-1.docker.io"
        )
    }

    /// `host[:port]` to connect to; Docker Hub's API lives on another host than its name (quirk A23).
    pub fn api_host(&self) -> &str {
        if self.0 == DOCKER_IO {
            "registry-1.docker.io"
        } else {
            &self.0
        }
    }
}

impl FromStr for Registry {
    type Err = ReferenceError;

    fn from_str(s: &str) -> Result<Self, ReferenceError> {
        match s {
            "" => Err(ReferenceError::Empty),
            "index.docker.io" => Ok(Registry(DOCKER_IO.to_owned())),
            s if is_domain(s) => Ok(Registry(s.to_owned())),
            _ => Err(ReferenceError::Format),
        }
    }
}

/// The path of a repository inside its registry: `library/alpine`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(String);

impl RepositoryName {
    /// The path as text; it holds nothing that a URL would have to escape.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = ReferenceError;

    fn from_str(s: &str) -> Result<Self, ReferenceError> {
        check_path(s)?;
        Ok(RepositoryName(s.to_owned()))
    }
}

/// A repository of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Repository {
    pub registry: Registry,
    pub name: RepositoryName,
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.name)
    }
}

/// A tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// The tag that is meant when neither tag nor digest is given.
    pub fn latest() -> Tag {
        Tag("latest".to_owned())
    }

    /// The tag as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Tag {
    type Err = ReferenceError;

    fn from_str(s: &str) -> Result<Self, ReferenceError> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let fine = s.len() <= MAX_TAG
            && s.bytes().next().is_some_and(word)
            && s.bytes().all(|b| word(b) || b == b'.' || b == b'-');
        if fine {
            Ok(Tag(s.to_owned()))
        } else {
            Err(ReferenceError::TagFormat)
        }
    }
}

/// An image in a registry, read as users mean it. With a digest the digest decides; the tag is kept as a note.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    pub repository: Repository,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

impl Reference {
    /// This reference with the tag `latest` where it has neither tag nor digest.
    pub fn or_latest(mut self) -> Reference {
        if self.tag.is_none() && self.digest.is_none() {
            self.tag = Some(Tag::latest());
        }
        self
    }

    /// The short form that users know: without `docker.io/`, and without `library/` before one component.
    pub fn familiar(&self) -> String {
        let Repository { registry, name } = &self.repository;
        let mut short = if registry.as_str() != DOCKER_IO {
            self.repository.to_string()
        } else {
            match name.as_str().strip_prefix("library/") {
                Some(rest) if !rest.contains('/') => rest.to_owned(),
                _ => name.to_string(),
            }
        };
        self.push_suffix(&mut short);
        short
    }

    fn push_suffix(&self, to: &mut String) {
        if let Some(tag) = &self.tag {
            to.push(':');
            to.push_str(tag.as_str());
        }
        if let Some(digest) = &self.digest {
            to.push('@');
            to.push_str(&digest.to_string());
        }
    }
}

impl fmt::Display for Reference {
    /// The full form: registry, path, tag, digest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.repository.to_string();
        self.push_suffix(&mut text);
        f.write_str(&text)
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    /// Reads the familiar form; adds `docker.io/` and `library/`, but no tag.
    fn from_str(s: &str) -> Result<Self, ReferenceError> {
        if is_identifier(s) {
            return Err(ReferenceError::BareId);
        }
        let (domain, rest) = match s.split_once('/') {
            Some((first, rest)) if names_host(first) => (
                if first == "index.docker.io" {
                    DOCKER_IO
                } else {
                    first
                },
                rest,
            ),
            _ => (DOCKER_IO, s),
        };
        let path = &rest[..rest.find([':', '@']).unwrap_or(rest.len())];
        let library = domain == DOCKER_IO && !path.contains('/');
        // Upper case is looked for here because the raw reading would take `docker/Docker` for a host and a path.
        if path.bytes().any(|b| b.is_ascii_uppercase()) {
            let lower =
                format!("{domain}/{}{rest}", if library { "library/" } else { "" }).to_lowercase();
            return Err(if parse_raw(&lower).is_ok() {
                ReferenceError::Uppercase
            } else {
                ReferenceError::Format
            });
        }
        if s.is_empty() {
            return Err(ReferenceError::Empty);
        }
        if path.is_empty() {
            return Err(ReferenceError::Format);
        }
        let raw_text = format!("{domain}/{}{rest}", if library { "library/" } else { "" });
        let raw = parse_raw(&raw_text)?;
        let registry = raw.registry.ok_or(ReferenceError::Format)?;
        Ok(Reference {
            repository: Repository {
                registry,
                name: raw.name,
            },
            tag: raw.tag,
            digest: raw.digest,
        })
    }
}

/// The parts of a reference as written, nothing added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    pub registry: Option<Registry>,
    pub name: RepositoryName,
    pub tag: Option<Tag>,
    pub digest: Option<Digest>,
}

/// Reads `s` by the raw grammar: a first component that can be a host is the host.
///
/// # Errors
/// [`ReferenceError`] names the part that breaks the grammar.
pub fn parse_raw(s: &str) -> Result<Raw, ReferenceError> {
    if s.is_empty() {
        return Err(ReferenceError::Empty);
    }
    let (rest, digest) = match s.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest)),
        None => (s, None),
    };
    let path_start = rest.rfind('/').map_or(0, |i| i + 1);
    let (name, tag) = match rest[path_start..].find(':') {
        Some(i) => (&rest[..path_start + i], Some(&rest[path_start + i + 1..])),
        None => (rest, None),
    };
    let (registry, name) = split_name(name)?;
    let tag = tag.map(str::parse).transpose()?;
    if digest.is_some_and(|d| !looks_like_digest(d)) {
        return Err(ReferenceError::Format);
    }
    let digest = digest.map(str::parse).transpose()?;
    Ok(Raw {
        registry,
        name,
        tag,
        digest,
    })
}

/// Whether `s` is a bare image id: 64 lower-case hex digits.
pub fn is_identifier(s: &str) -> bool {
    s.len() == 64
        && s.bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn split_name(name: &str) -> Result<(Option<Registry>, RepositoryName), ReferenceError> {
    if let Some((first, rest)) = name.split_once('/')
        && is_domain(first)
        && !matches!(check_path(rest), Err(ReferenceError::Format))
    {
        return Ok((Some(Registry(first.to_owned())), rest.parse()?));
    }
    Ok((None, name.parse()?))
}

/// The rule by which the first component is a host in what users type. It is that of podman and skopeo; docker takes a part
/// with capitals for a host too, and names with such hosts are names that those cannot load.
fn names_host(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':'])
}

fn is_domain(s: &str) -> bool {
    let (host, port) = match s.rsplit_once(':') {
        Some((host, port)) if !s.ends_with(']') => (host, Some(port)),
        _ => (s, None),
    };
    if port.is_some_and(|p| p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit())) {
        return false;
    }
    if let Some(v6) = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')) {
        return !v6.is_empty() && v6.bytes().all(|b| b.is_ascii_hexdigit() || b == b':');
    }
    host.split('.').all(|part| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !part.starts_with('-')
            && !part.ends_with('-')
    })
}

/// Checks a repository path. Upper case has its own error because it is the most common slip.
fn check_path(path: &str) -> Result<(), ReferenceError> {
    if !path.split('/').all(is_component) {
        let lower = path.to_lowercase();
        let only_case = lower != path && lower.split('/').all(is_component);
        return Err(if only_case {
            ReferenceError::Uppercase
        } else {
            ReferenceError::Format
        });
    }
    if path.len() > MAX_PATH {
        Err(ReferenceError::TooLong)
    } else {
        Ok(())
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(s: &str) -> bool {
    let alnum = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase();
    let bytes = s.as_bytes();
    let edge = |b: Option<&u8>| b.is_some_and(|b| alnum(*b));
    edge(bytes.first())
        && edge(bytes.last())
        && bytes.split(|b| alnum(*b)).all(|separator| match separator {
            [] | b"." | b"_" | b"__" => true,
            dashes => dashes.iter().all(|b| *b == b'-'),
        })
}

/// The shape of a digest in a reference; whether it is one is for its own parser to say.
fn looks_like_digest(s: &str) -> bool {
    let Some((algorithm, hex)) = s.split_once(':') else {
        return false;
    };
    algorithm.split(['-', '_', '+', '.']).all(|p| {
        p.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
            && p.bytes().all(|b| b.is_ascii_alphanumeric())
    }) && hex.len() >= 32
        && hex.bytes().all(|b| b.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests;
