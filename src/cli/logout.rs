//! `barque logout`.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::Outcome;
use crate::settings::{AuthKey, CredentialStore};

const EXAMPLES: &str = "\
Examples:
  Log out of one registry:
    barque logout registry.example.com

  Forget all logins of a file:
    barque logout --all --authfile auth.json";

/// Remove a stored login
///
/// Nothing is sent to the registry.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct LogoutArgs {
    /// A registry, as in quay.io, or a part of one, as in quay.io/team
    #[arg(
        value_name = "REGISTRY",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    registry: Option<String>,

    /// Remove all logins that the file has
    #[arg(short, long)]
    all: bool,

    /// Remove from this file [env: REGISTRY_AUTH_FILE]
    #[arg(long, value_name = "FILE", conflicts_with = "compat_auth_file")]
    authfile: Option<PathBuf>,

    /// Remove from this file, which has the form of Docker's config.json
    #[arg(long, value_name = "FILE")]
    compat_auth_file: Option<PathBuf>,

    /// Accepted for compatibility with skopeo; nothing is sent
    #[arg(long, hide = true, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    tls_verify: Option<String>,
}

pub(crate) async fn run(args: LogoutArgs) -> anyhow::Result<Outcome> {
    let store = CredentialStore::find(args.authfile, args.compat_auth_file)?;
    let Some(registry) = &args.registry else {
        store.erase_all().await.context("removing all logins")?;
        return Ok("Removed login credentials for all registries\n"
            .to_owned()
            .into());
    };
    let key: AuthKey = registry.parse()?;
    store.erase(&key).await?;
    Ok(format!("Removed login credentials for {key}\n").into())
}
