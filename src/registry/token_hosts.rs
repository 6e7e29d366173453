//! Which token endpoints may see the credential of a registry.
//!
//! A registry names its token endpoint in a header. A password goes there only if both belong to one owner, or if the
//! user said so, at the login or by a flag. Whoever gets no password is still asked for an anonymous token.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use url::{Host, Url};

use super::address::{is_below, is_loopback};
use super::error::ApiError;
use super::public_suffix::same_owner;
use crate::settings::{Found, TokenHosts};
use crate::{Error, Kind, locked};

/// Domains of one company: Docker Hub answers at names below both.
const DOCKER: [&str; 2] = ["docker.io", "docker.com"];

/// The decisions of one client, and the credential that was kept back.
#[derive(Default)]
pub(super) struct TokenGuard {
    /// By the two hosts; comparing them costs more than a look here.
    one_owner: Mutex<HashMap<[String; 2], bool>>,
    withheld: OnceLock<Withheld>,
}

/// A credential that was not sent to the token endpoint.
pub(super) struct Withheld {
    registry: String,
    realm: String,
    origin: String,
}

impl TokenGuard {
    /// Whether the token endpoint `realm`, which `registry` named, may see the credential `found`.
    pub(super) fn permits(
        &self,
        registry: &Url,
        realm: &Url,
        found: &Found,
        permitted: &TokenHosts,
    ) -> bool {
        let named = |entry: &String| *entry == host(realm) || *entry == with_port(realm);
        let permits = self.have_one_owner(registry, realm)
            || found.token_hosts.iter().any(named)
            || match permitted {
                TokenHosts::Any => true,
                TokenHosts::These(hosts) => hosts.iter().any(named),
            };
        if !permits {
            let (registry, realm) = (host(registry), host(realm));
            tracing::debug!(
                "`{registry}` names a token endpoint on another host, `{realm}`; asking it for an anonymous token"
            );
            self.withheld.get_or_init(|| Withheld {
                registry,
                realm,
                origin: found.origin.clone(),
            });
        }
        permits
    }

    /// Whether `registry` may have its tokens issued at `realm` without a word of the user.
    pub(super) fn have_one_owner(&self, registry: &Url, realm: &Url) -> bool {
        if registry.host() == realm.host() {
            return true;
        }
        let key = [host(registry), host(realm)];
        let mut known = locked(&self.one_owner);
        *known
            .entry(key)
            .or_insert_with(|| one_owner(registry, realm))
    }

    /// `e`, or why no credential was sent if that may be the reason for it.
    pub(super) fn explained(&self, e: Error) -> Error {
        match (self.withheld(), ApiError::of(&e)) {
            (Some(withheld), Some(answer))
                if matches!(e.kind(), Kind::NotAllowed | Kind::NotFound) =>
            {
                withheld.error(e.kind()).because(answer.clone())
            }
            _ => e,
        }
    }

    /// The credential that was not sent, if there is one.
    pub(super) fn withheld(&self) -> Option<&Withheld> {
        self.withheld.get()
    }
}

impl Withheld {
    /// The error that says so.
    pub(super) fn error(&self, kind: Kind) -> Error {
        let Withheld {
            registry,
            realm,
            origin,
        } = self;
        let text = format!(
            "the credential of {origin} was not sent, because `{registry}` has tokens issued by another host, `{realm}`"
        );
        Error::new(kind, text).hint(format!(
            "if `{realm}` may see this credential, add `--allow-token-host {realm}`, or log in again with `barque login`, which notes that host with the login until podman or skopeo rewrites the file"
        ))
    }
}

fn one_owner(a: &Url, b: &Url) -> bool {
    match (a.host(), b.host()) {
        // All addresses and names of this machine are one.
        (Some(a), Some(b)) if is_loopback(&a) && is_loopback(&b) => true,
        (Some(Host::Domain(a)), Some(Host::Domain(b))) => {
            let [a, b] = [a, b].map(|name| name.strip_suffix('.').unwrap_or(name));
            let is_docker = |name: &str| DOCKER.iter().any(|domain| is_below(name, domain));
            a == b || is_docker(a) && is_docker(b) || same_owner(a, b)
        }
        (a, b) => a == b,
    }
}

fn host(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

fn with_port(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{}:{port}", host(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(registry: &str, realm: &str) -> bool {
        let url = |text: &str| Url::parse(text).unwrap();
        TokenGuard::default().have_one_owner(&url(registry), &url(realm))
    }

    #[test]
    fn one_owner_by_host_domain_or_machine() {
        for (registry, realm) in [
            (
                "https://harbor.example.com",
                "https://harbor.example.com/service/token",
            ),
            (
                "https://gitlab.example.com:5050",
                "https://gitlab.example.com/jwt/auth",
            ),
            (
                "https://registry.example.com.",
                "https://auth.example.com/token",
            ),
            (
                "https://registry-1.docker.io",
                "https://auth.docker.io/token",
            ),
            (
                "https://registry.hub.docker.com",
                "https://auth.docker.io/token",
            ),
            ("http://127.0.0.1:5000", "http://127.0.0.2:81/token"),
            ("http://localhost:5000", "http://[::1]/token"),
            ("http://10.0.0.1:5000", "http://10.0.0.1/token"),
        ] {
            assert!(one(registry, realm), "{registry} {realm}");
        }
    }

    #[test]
    fn other_hosts_are_others() {
        for (registry, realm) in [
            (
                "https://rg.fr-par.scw.cloud",
                "https://api.scaleway.com/tokens",
            ),
            (
                "https://registry-1.docker.io",
                "https://auth.docker.io.example.com/token",
            ),
            ("https://registry-1.docker.io", "https://notdocker.io/token"),
            ("http://10.0.0.1:5000", "http://10.0.0.2/token"),
            ("http://127.0.0.1:5000", "http://10.0.0.2/token"),
            ("http://registry:5000", "http://auth:5001/token"),
        ] {
            assert!(!one(registry, realm), "{registry} {realm}");
        }
    }
}
