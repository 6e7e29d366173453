//! `AuthKey`: what a credential is kept under, `host[:port][/namespace[/repository]]`.
//!
//! One grammar serves looking up, `login` and `logout`. What the keys of a file look like besides (URLs,
//! Docker Hub's several names) is known here too, so that reading and erasing agree on it.

use std::fmt;
use std::str::FromStr;

use crate::image::reference::{DOCKER_IO, ReferenceError};
use crate::image::{Registry, Repository, RepositoryName, with_login};
use crate::{Error, Result};

/// Docker Hub's own key in Docker's files, and the name under which helpers know it.
pub(super) const HUB_KEY: &str = "https://index.docker.io/v1/";

/// A registry, or a part of its name space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthKey {
    pub registry: Registry,
    pub path: Option<RepositoryName>,
}

impl AuthKey {
    /// The keys that may hold its credential, the most particular first: `r/a/b`, `r/a`, `r`.
    pub(super) fn candidates(&self) -> Vec<String> {
        let full = self.to_string();
        let mut keys = vec![full.clone()];
        let mut rest = full.as_str();
        while let Some((parent, _)) = rest.rsplit_once('/') {
            keys.push(parent.to_owned());
            rest = parent;
        }
        keys
    }
}

impl fmt::Display for AuthKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}/{path}", self.registry),
            None => self.registry.fmt(f),
        }
    }
}

impl FromStr for AuthKey {
    type Err = Error;

    /// Reads `host[:port][/path]`. A scheme, and then the version of the API, and a final `/` are forgiven, for a registry is
    /// often pasted as URL.
    fn from_str(text: &str) -> Result<AuthKey> {
        if let Some((_, place)) = text.rsplit_once('@') {
            // Nothing of a password is shown.
            return Err(with_login(text).unwrap_or_else(|| {
                Error::other(format!("`…@{place}` is not a registry"))
                    .hint("name a registry as in `registry.example.com:5000`, without a login")
            }));
        }
        let wrong = |why: &ReferenceError| {
            let error = match why {
                // What it says is about images.
                ReferenceError::Format => Error::other(format!("`{text}` is not a registry")),
                why => Error::other(format!("`{text}` is not a registry: {why}")),
            };
            match text.strip_prefix("docker://") {
                Some(bare) => error.hint(format!("name the registry alone: `{bare}`")),
                None => error.hint("name a registry as in `registry.example.com:5000`"),
            }
        };
        if text == HUB_KEY {
            return Ok(Registry::from_str(DOCKER_IO).map_err(|e| wrong(&e))?.into());
        }
        let url = strip_scheme(text).map(|url| url.trim_end_matches('/'));
        let bare = match url {
            Some(url) => ["/v1", "/v2"]
                .iter()
                .find_map(|version| url.strip_suffix(version).filter(|host| !host.contains('/')))
                .unwrap_or(url),
            None => text.trim_end_matches('/'),
        };
        let (host, path) = match bare.split_once('/') {
            Some((host, path)) => (host, Some(path)),
            None => (bare, None),
        };
        Ok(AuthKey {
            registry: host.parse().map_err(|e| wrong(&e))?,
            path: path.map(str::parse).transpose().map_err(|e| wrong(&e))?,
        })
    }
}

impl From<Registry> for AuthKey {
    fn from(registry: Registry) -> AuthKey {
        AuthKey {
            registry,
            path: None,
        }
    }
}

impl From<&Repository> for AuthKey {
    fn from(repository: &Repository) -> AuthKey {
        AuthKey {
            registry: repository.registry.clone(),
            path: Some(repository.name.clone()),
        }
    }
}

/// Whether the key `key` of a file means the whole of `registry`, in whatever form it is written.
/// `legacy` is the form of `.dockercfg`, where any key may be followed by a path.
pub(super) fn names_registry(key: &str, registry: &Registry, legacy: bool) -> bool {
    // Docker keeps the Hub's web tokens beside its login, under keys of the same host.
    if key.ends_with("/v1/access-token") || key.ends_with("/v1/refresh-token") {
        return false;
    }
    let host = match strip_scheme(key) {
        Some(rest) => first_component(rest),
        None if legacy => first_component(key),
        None => ["/v1/", "/v2/", "/v1", "/"]
            .iter()
            .find_map(|suffix| key.strip_suffix(suffix))
            .unwrap_or(key),
    };
    one_name(host).eq_ignore_ascii_case(one_name(registry.as_str()))
}

/// The registry that the key `key` of a file belongs to.
pub(super) fn registry_of(key: &str) -> Option<Registry> {
    first_component(strip_scheme(key).unwrap_or(key))
        .parse()
        .ok()
}

fn strip_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
}

fn first_component(text: &str) -> &str {
    text.split('/').next().unwrap_or(text)
}

/// One name for the three of Docker Hub.
fn one_name(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" => DOCKER_IO,
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_people_write_them() {
        for (text, key) in [
            ("r.io", "r.io"),
            ("r.io:5000/a/b", "r.io:5000/a/b"),
            ("https://r.io/", "r.io"),
            ("index.docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("https://r.io:5000/v2/", "r.io:5000"),
            ("r.io/v2", "r.io/v2"),
            ("https://r.io/a/v2", "r.io/a/v2"),
        ] {
            assert_eq!(text.parse::<AuthKey>().unwrap().to_string(), key);
        }
        for text in ["", "r.io/A", "r.io/a:1", "a b", "https://"] {
            assert!(text.parse::<AuthKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_most_particular_key_comes_first() {
        let key: AuthKey = "r.io:1/a/b".parse().unwrap();
        assert_eq!(key.candidates(), ["r.io:1/a/b", "r.io:1/a", "r.io:1"]);
    }

    #[test]
    fn a_registry_goes_by_many_keys() {
        let is = |key, host: &str| names_registry(key, &host.parse().unwrap(), false);
        assert!(is("http://r.io", "r.io") && is("https://r.io/path/", "r.io"));
        assert!(is("R.io", "r.io") && is("r.io/v1/", "r.io"));
        assert!(
            !is("r.io/ns", "r.io") && !is("r.io:5000", "r.io") && !is("https://r.io:1", "r.io")
        );
        for key in [
            "docker.io",
            "index.docker.io",
            "https://index.docker.io/v1",
            HUB_KEY,
        ] {
            assert!(
                is(key, "docker.io") && is(key, "registry-1.docker.io"),
                "{key}"
            );
        }
        assert!(!is("https://index.docker.io/v1/access-token", "docker.io"));
        assert!(names_registry("r.io/any", &"r.io".parse().unwrap(), true));
    }
}
