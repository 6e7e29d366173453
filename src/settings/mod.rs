//! What this machine says about credentials, certificates and proxies, as plain structs with their origin.
//!
//! Files and credential helpers are read here; sockets are not opened, and nothing is known of manifests. Every
//! answer says where it came from, because an error about a credential must name its source.

pub mod auth_file;
pub mod certs_d;
pub mod helper;
pub mod paths;
mod secret;

pub use auth_file::AuthFiles;
pub use secret::Secret;

use std::path::PathBuf;

use crate::Result;
use crate::image::Repository;

/// What proves to a registry who is asking.
#[derive(Debug, Clone)]
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
}

/// Which credentials one side of a command uses.
#[derive(Debug, Clone)]
pub enum Login {
    /// What the credential files and their helpers say of the repository.
    Files(AuthFiles),
    /// The credential given on the command line, for this side's registry only.
    Given(Found),
    /// None at all.
    Anonymous,
}

/// How one side of a command reaches its registry.
#[derive(Debug, Clone)]
pub struct Access {
    pub login: Login,
    /// `false` accepts any certificate and permits plain HTTP.
    pub tls_verify: bool,
    /// A folder of `*.crt`, `*.cert` and `*.key` files in place of the host's certs.d folder.
    pub cert_dir: Option<PathBuf>,
}

impl Access {
    /// The credential for `repository`, when there is one. Helpers are run as needed.
    pub async fn credential(&self, repository: &Repository) -> Result<Option<Found>> {
        match &self.login {
            Login::Files(files) => files.lookup(repository).await,
            Login::Given(found) => Ok(Some(found.clone())),
            Login::Anonymous => Ok(None),
        }
    }
}
