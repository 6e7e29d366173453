//! `barque logout`.

use std::path::PathBuf;

use clap::Args;

use super::Outcome;
use super::flags::Global;
use crate::settings::{AuthFiles, AuthKey, CredentialStore, Found, TEXT_VARIABLE};
use crate::{Error, Kind, Result};

const EXAMPLES: &str = "\
Examples:
  Log out of one registry:
    barque logout registry.example.com

  Forget all logins of a file:
    barque logout --all --authfile auth.json";

/// Remove a stored login
///
/// It is removed from the credential file and from the credential helpers that the file and registries.conf name. Nothing
/// is sent to the registry.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct LogoutArgs {
    /// A registry, as in quay.io, or a part of one, as in quay.io/team
    #[arg(
        value_name = "REGISTRY",
        required_unless_present = "all",
        conflicts_with = "all"
    )]
    pub(super) registry: Option<String>,

    /// Remove all logins of the file and of its credential helpers
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

pub(crate) async fn run(args: LogoutArgs, global: &Global) -> Result<Outcome> {
    let named = args.authfile.is_some() || args.compat_auth_file.is_some();
    let registries = global.login_helpers(args.compat_auth_file.as_deref());
    let store = CredentialStore::find(args.authfile, args.compat_auth_file)?.helped_by(&registries);
    store.check()?;
    let Some(registry) = &args.registry else {
        store
            .erase_all()
            .await
            .map_err(|e| Error::other("not all logins were removed").because(e))?;
        return Ok("Removed login credentials for all registries\n"
            .to_owned()
            .into());
    };
    let key: AuthKey = registry.parse()?;
    let erased = store.erase(&key).await;
    // Commands that read look in more files than this one changes.
    let left = match named || key.path.is_some() {
        true => None,
        false => {
            let files = AuthFiles::find(None)?.helped_by(&registries);
            files.lookup_key(&key).await.ok()
        }
    };
    match (erased, left.flatten()) {
        (Err(e), Some(left)) if e.kind() == Kind::Other => {
            let text = format!("the login for `{key}` is in {}", quoted(&left));
            return Err(Error::other(text).hint(how_to_remove(&key, &left)));
        }
        (Ok(_), Some(left)) => tracing::warn!(
            "there is still a login for `{key}` in {}: {}",
            quoted(&left),
            how_to_remove(&key, &left)
        ),
        (erased, _) => drop(erased?),
    }
    Ok(format!("Removed login credentials for {key}\n").into())
}

/// Where a login is, in words: a helper says so itself, a file is named.
fn quoted(left: &Found) -> String {
    match is_helper(left) {
        true => format!("the {}", left.origin),
        false => format!("`{}`", left.origin),
    }
}

fn is_helper(left: &Found) -> bool {
    left.origin.starts_with("credential helper ")
}

/// How to remove the login `left`, which this call does not change.
fn how_to_remove(key: &AuthKey, left: &Found) -> String {
    let file = left.origin.as_str();
    if file == TEXT_VARIABLE {
        return format!("unset the variable `{file}`, or take the login out of its text");
    }
    if is_helper(left) {
        return format!("remove it with `docker logout {key}`, or with the helper itself");
    }
    if file.ends_with(".dockercfg") {
        return format!("take the entry out of `{file}`");
    }
    let flag = match file.contains(".docker") {
        true => "--compat-auth-file",
        false => "--authfile",
    };
    format!("remove it with `barque logout {flag} {file} {key}`")
}
