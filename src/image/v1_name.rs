//! Names of the time of Registry V1: repositories, references and image ids (protocols 10.3).
//!
//! Separate from `reference` because the grammar is another one: one or two parts, capitals allowed in names. What is
//! read here can be put into a URL as it is. The rules of all years are taken together: a name that any V1 registry
//! could hold can be asked for.

use std::fmt;
use std::str::FromStr;

use super::reference::{DOCKER_IO, is_identifier};
use super::{Reference, Registry, RepositoryName, Tag};
use crate::{Error, Result};

/// The namespace of names of one part.
const LIBRARY: &str = "library";
const MAX_PART: usize = 255;

/// A repository of a V1 registry, `NAMESPACE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct V1Repository(String);

impl V1Repository {
    /// Reads `NAME` (in the namespace `library`) or `NAMESPACE/NAME`; `None` when it is no such name.
    pub fn parse(text: &str) -> Option<V1Repository> {
        let (namespace, name) = text.split_once('/').unwrap_or((LIBRARY, text));
        (is_namespace(namespace) && is_name(name) && !is_identifier(text))
            .then(|| V1Repository(format!("{namespace}/{name}")))
    }

    /// The name under today's rules, as credentials are looked up by; `None` where they do not allow it.
    pub fn modern(&self) -> Option<RepositoryName> {
        self.0.to_lowercase().parse().ok()
    }

    /// `NAMESPACE/NAME`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An image in a V1 registry: `[HOST/][NAMESPACE/]NAME[:TAG]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct V1Reference {
    pub registry: Registry,
    pub repository: V1Repository,
    pub tag: Tag,
}

impl V1Reference {
    /// Reads a reference; without a host Docker Hub is meant, without a tag `latest`.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] when the host, the repository or the tag is not valid, or when the reference has a
    /// digest.
    pub fn parse(text: &str) -> Result<V1Reference> {
        let wrong = |what: &str| {
            Error::other(format!("`{text}` is not a valid V1 image name: {what}"))
                .hint("V1 names look like `HOST/NAMESPACE/NAME:TAG`")
        };
        if text.contains('@') {
            return Err(wrong("V1 images have no digests"));
        }
        let (host, rest) = match text.split_once('/') {
            Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) => {
                (first, rest)
            }
            _ => (DOCKER_IO, text),
        };
        let registry = host.parse().map_err(|_| wrong("the host is not valid"))?;
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, tag.parse().map_err(|e| wrong(&format!("{e}")))?),
            None => (rest, Tag::latest()),
        };
        let repository = V1Repository::parse(path)
            .ok_or_else(|| wrong("a repository is `NAME` or `NAMESPACE/NAME`"))?;
        Ok(V1Reference {
            registry,
            repository,
            tag,
        })
    }

    /// The V1 image that `reference` means on a server which knows nothing newer; `None` where V1 has no such name.
    pub fn of(reference: &Reference) -> Option<V1Reference> {
        let tag = match (&reference.digest, &reference.tag) {
            (Some(_), _) => return None,
            (None, tag) => tag.clone().unwrap_or_else(Tag::latest),
        };
        Some(V1Reference {
            registry: reference.repository.registry.clone(),
            repository: V1Repository::parse(reference.repository.name.as_str())?,
            tag,
        })
    }
}

impl fmt::Display for V1Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.registry, self.repository, self.tag)
    }
}

/// The id of a V1 image: 64 lower-case hex digits, which are the hash of nothing in particular.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct V1Id(Box<str>);

impl V1Id {
    /// Reads an id; `None` when `text` is not one.
    pub fn parse(text: &str) -> Option<V1Id> {
        is_identifier(text).then(|| V1Id(text.into()))
    }

    /// The 64 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for V1Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<V1Id> {
        V1Id::parse(text).ok_or_else(|| {
            let shown: String = text.chars().take(80).collect();
            Error::corrupt(format!("`{shown}` is not the id of a V1 image"))
        })
    }
}

/// `[a-z0-9_]`, and hyphens and dots inside: docker 1.8 and later pushed by the grammar of V2 here too.
fn is_namespace(s: &str) -> bool {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.".contains(&b);
    (1..=MAX_PART).contains(&s.len())
        && s.bytes().all(fine)
        && !s.starts_with(['-', '.'])
        && !s.ends_with(['-', '.'])
}

/// `[a-zA-Z0-9-_.]+`, but nothing that a path could take for a way up.
fn is_name(s: &str) -> bool {
    (1..=MAX_PART).contains(&s.len())
        && s.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        && s.bytes().any(|b| b != b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_of_all_years() {
        for (text, full) in [
            ("r.io/team/App_1.x:v1", "r.io/team/App_1.x:v1"),
            ("r.io:5000/app", "r.io:5000/library/app:latest"),
            ("localhost/a", "localhost/library/a:latest"),
            ("team/app", "docker.io/team/app:latest"),
            ("127.0.0.1:5000/foo42/bar:1", "127.0.0.1:5000/foo42/bar:1"),
            ("r.io/t/app", "r.io/t/app:latest"),
            ("r.io/my.old--team/app", "r.io/my.old--team/app:latest"),
        ] {
            assert_eq!(V1Reference::parse(text).unwrap().to_string(), full);
        }
        let id = "a".repeat(64);
        for wrong in [
            "",
            "r.io/",
            "r.io/a/b/c",
            "r.io/Team/app",
            "r.io/-a/app",
            "r.io/./app",
            "r.io/a./app",
            "r.io/ab/..",
            "r.io/../app",
            "r.io/ab/a b",
            "r.io/ab/c:",
            "r.io/ab/c@sha256:00",
            &id,
        ] {
            assert!(V1Reference::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_modern_name_means_on_an_old_server() {
        let of = |text: &str| V1Reference::of(&text.parse().unwrap()).map(|r| r.to_string());
        assert_eq!(of("r.io/a:1").unwrap(), "r.io/library/a:1");
        assert_eq!(of("r.io/ab/c").unwrap(), "r.io/ab/c:latest");
        assert_eq!(of("r.io/ab/c/d"), None);
        assert_eq!(of(&format!("r.io/ab/c@sha256:{}", "0".repeat(64))), None);
    }

    proptest! {
        #[test]
        fn what_is_read_is_fit_for_a_path(text in "\\PC{0,40}|[a-zA-Z0-9_./:-]{0,40}") {
            if let Ok(reference) = V1Reference::parse(&text) {
                let path = reference.repository.to_string();
                prop_assert_eq!(path.split('/').count(), 2);
                prop_assert!(path.split('/').all(|p| !p.is_empty() && p != "." && p != ".."));
                let again = V1Reference::parse(&reference.to_string());
                prop_assert_eq!(again.ok(), Some(reference));
            }
        }
    }
}
