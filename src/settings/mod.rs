//! What this machine says about credentials, certificates and proxies, as plain structs with their origin, and the
//! context that an operation is given.
//!
//! Files and credential helpers are read here; sockets are not opened, and nothing is known of manifests. Every
//! answer says where it came from, because an error about a credential must name its source.

mod auth_file;
mod auth_files;
mod auth_key;
pub mod certs_d;
mod context;
pub mod helper;
mod kept;
mod limits;
pub mod paths;
pub mod policy;
mod private_file;
pub mod registries_conf;
pub mod registries_d;
mod retries;
mod secret;
mod store;
mod timeouts;

pub use auth_files::AuthFiles;
#[cfg(feature = "cli")]
pub(crate) use auth_files::TEXT_VARIABLE;
pub use auth_key::AuthKey;
pub use context::Context;
pub use kept::Kept;
pub(crate) use limits::HostLimit;
pub use limits::{LimitRule, Limits, PullLimit, PullsSpent};
pub use retries::Retries;
pub use secret::Secret;
pub(crate) use secret::redacted;
pub use store::CredentialStore;
pub use timeouts::Timeouts;

use std::path::PathBuf;

use crate::{Error, Result};

/// What proves to a registry who is asking.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Credential {
    /// A user with a password; with an identity token too, that is exchanged by OAuth2 in its place.
    Login {
        username: String,
        password: Secret,
        identity_token: Option<Secret>,
    },
    /// A token sent as it is, as `Bearer`; the token endpoint is not asked.
    RegistryToken(Secret),
}

/// A credential and where it was found, in words for messages (`--creds`, a file, a helper).
#[derive(Debug, Clone)]
pub struct Found {
    pub credential: Credential,
    pub origin: String,
    /// Hosts of other owners whose token endpoints may see it: those that the login was made with.
    pub token_hosts: Vec<String>,
}

/// Hosts of other owners than the registry's whose token endpoints may see its credential, as `HOST` or `HOST:PORT`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TokenHosts {
    These(Vec<String>),
    /// Whatever host the registry names, as for a login that the user types in for this registry.
    Any,
}

impl Default for TokenHosts {
    fn default() -> TokenHosts {
        TokenHosts::These(Vec::new())
    }
}

/// Which credentials one side of a command uses.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Login {
    /// What the credential files and their helpers say of the repository.
    Files(AuthFiles),
    /// The credential given on the command line, for this side's registry only.
    Given(Found),
    /// None at all.
    Anonymous,
}

/// Certificate authorities that are trusted besides those that are given for a registry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Authorities {
    /// Those of the system, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`. On a system that has none, the built-in ones.
    #[default]
    System,
    /// The authorities of Mozilla's list that were built in.
    Builtin,
}

/// How one side of a command reaches its registry.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Access {
    pub login: Login,
    /// `false` accepts any certificate and permits plain HTTP.
    pub tls_verify: bool,
    /// Whether `tls_verify` was chosen for this operation; else registries.conf may mark the registry as insecure.
    pub tls_verify_is_given: bool,
    /// Whether a registry on this machine may be reached by plain HTTP unasked.
    pub plain_loopback: bool,
    /// A folder of `*.crt`, `*.cert` and `*.key` files in place of the host's certs.d folder.
    pub cert_dir: Option<PathBuf>,
    pub authorities: Authorities,
    /// Where a credential may be sent besides the registry and hosts of its owner.
    pub token_hosts: TokenHosts,
    /// Hosts at private addresses to which a public registry may send clients, as `HOST` or `HOST:PORT`: its storage or
    /// token endpoint within a private network.
    pub private_hosts: Vec<String>,
    /// How requests call their sender; by default `barque/VERSION`.
    pub user_agent: Option<String>,
}

/// No credentials, and certificates are verified.
impl Default for Access {
    fn default() -> Access {
        Access {
            login: Login::Anonymous,
            tls_verify: true,
            tls_verify_is_given: false,
            plain_loopback: true,
            cert_dir: None,
            authorities: Authorities::default(),
            token_hosts: TokenHosts::default(),
            private_hosts: Vec::new(),
            user_agent: None,
        }
    }
}

impl Access {
    /// The credential for `key`, when there is one. Helpers are run as needed.
    ///
    /// # Errors
    /// As [`AuthFiles::lookup_key`].
    pub async fn credential(&self, key: &AuthKey) -> Result<Option<Found>> {
        match &self.login {
            Login::Files(files) => files.lookup_key(key).await,
            Login::Given(found) => Ok(Some(found.clone())),
            Login::Anonymous => Ok(None),
        }
    }
}

/// Reads `USER[:PASSWORD]`, the value of `--creds`; without a colon the password is empty.
///
/// # Errors
/// [`crate::Kind::Other`] when the user is empty.
pub fn parse_creds(text: &str) -> Result<Credential> {
    let (username, password) = text.split_once(':').unwrap_or((text, ""));
    if username.is_empty() {
        return Err(
            Error::other("the credential names no user").hint("write it as `USER:PASSWORD`")
        );
    }
    Ok(Credential::Login {
        username: username.to_owned(),
        password: Secret::new(password),
        identity_token: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creds_are_split_at_the_first_colon() {
        for (text, user, pass) in [("u:p", "u", "p"), ("u", "u", ""), ("u:a:b", "u", "a:b")] {
            match parse_creds(text).unwrap() {
                Credential::Login {
                    username, password, ..
                } => {
                    assert_eq!((username.as_str(), password.expose()), (user, pass));
                }
                other => panic!("{other:?}"),
            }
        }
        assert!(parse_creds("").is_err() && parse_creds(":p").is_err());
    }
}
