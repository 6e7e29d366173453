//! `barque login`.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::flags::Global;
use super::{Outcome, skopeo};
use crate::files::while_blocked;
use crate::image::Registry;
use crate::platform::Echo;
use crate::registry::Client;
use crate::settings::helper::TOKEN_USER;
use crate::settings::{
    Access, AuthFiles, AuthKey, Credential, CredentialStore, Found, Login, Secret, TokenHosts,
};
use crate::{Error, Kind, Result};

const EXAMPLES: &str = "\
Examples:
  Ask for the password at the terminal:
    barque login -u sailor registry.example.com

  Log in from a script:
    echo \"$TOKEN\" | barque login -u ci --password-stdin registry.example.com

  See who is logged in:
    barque login --get-login registry.example.com";

/// Log in to a registry
///
/// The credential is sent to the registry first and stored only when the registry takes it: in the credential
/// helper that registries.conf or the credential file names, else in the file itself. With no user given, a stored login that still works is kept.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct LoginArgs {
    /// A registry, as in quay.io, or a part of one, as in quay.io/team
    #[arg(value_name = "REGISTRY")]
    pub(super) registry: String,

    /// The name of the user; asked for at the terminal when missing
    #[arg(short, long, value_name = "USER")]
    username: Option<String>,

    /// The password; it shows in the list of processes. Asked for without echo when missing
    #[arg(
        short,
        long,
        value_name = "PASSWORD",
        allow_hyphen_values = true,
        requires = "username",
        conflicts_with = "password_stdin"
    )]
    password: Option<String>,

    /// Read the password from standard input, to its end
    #[arg(long, requires = "username")]
    password_stdin: bool,

    /// Print the name of the user that is logged in, and do nothing else
    #[arg(long, conflicts_with_all = ["username", "password", "password_stdin"])]
    get_login: bool,

    /// Store in this file [env: REGISTRY_AUTH_FILE]
    #[arg(long, value_name = "FILE", conflicts_with = "compat_auth_file")]
    authfile: Option<PathBuf>,

    /// Store in this file, in the form of Docker's config.json
    #[arg(long, value_name = "FILE")]
    compat_auth_file: Option<PathBuf>,

    /// Take certificates from this directory: *.crt authorities, *.cert with *.key for the client
    #[arg(long, value_name = "DIR")]
    cert_dir: Option<PathBuf>,

    /// With =false, accept any certificate and permit plain HTTP [default: true]
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true, value_parser = BoolishValueParser::new())]
    tls_verify: Option<bool>,

    /// Say where the login is stored
    #[arg(short, long)]
    verbose: bool,
}

pub(crate) async fn run(args: LoginArgs, global: &Global) -> Result<Outcome> {
    let key: AuthKey = args.registry.parse()?;
    let registries = global.login_helpers(args.compat_auth_file.as_deref());
    let stored = AuthFiles::find_or_new(args.authfile.clone().or(args.compat_auth_file.clone()))
        .helped_by(&registries);
    if args.get_login {
        return Ok(get_login(&stored, &key).await?.into());
    }
    let compat = args.compat_auth_file.as_ref();
    if key.path.is_some() && compat.is_some_and(|path| !path.as_os_str().is_empty()) {
        // Docker would not find it.
        let text = format!("Docker's files keep logins for whole registries, none for `{key}`");
        let hint = format!(
            "log in to `{}`, or write a file with `--authfile`",
            key.registry
        );
        return Err(Error::other(text).hint(hint));
    }
    let store = CredentialStore::find(args.authfile.clone(), args.compat_auth_file.clone())?
        .helped_by(&registries);
    store.check()?;
    let doing = |e: Error| e.context(format!("logging in to `{key}`"));
    // Before a password is asked for, and so that its refusal is not taken for the registry's.
    let conf = global.registries().get();
    conf.and_then(|conf| conf.check_allowed(&key.registry))
        .map_err(doing)?;
    if args.username.is_none()
        && let Some(found) = stored.lookup_key(&key).await.map_err(doing)?
    {
        let text = format!("Authenticating with existing credentials for {key}\n");
        match check(&args, global.token_hosts(), global, &key.registry, found).await {
            Ok(_) => {
                let valid = "Existing credentials are valid. Already logged in to";
                return Ok(format!("{text}{valid} {key}\n").into());
            }
            // It says that a refusal need not be about the credentials.
            Err(e) => tracing::warn!("the existing credentials for `{key}` are not valid: {e:#}"),
        }
    }
    let credential = credential(&args).await.map_err(doing)?;
    let found = Found {
        credential: credential.clone(),
        origin: "this login".to_owned(),
        token_hosts: Vec::new(),
    };
    // The password was typed in for this registry, so it goes wherever that has its tokens issued.
    let token_host = check(&args, TokenHosts::Any, global, &key.registry, found)
        .await
        .map_err(|e| match e.kind() {
            // skopeo's words, for which scripts look.
            Kind::NotAllowed => e.context("invalid username/password"),
            _ => e,
        })
        .map_err(doing)?;
    let place = store
        .store_with(&key, &credential, token_host.as_slice())
        .await
        .map_err(|e| e.context(format!("storing the login for `{key}`")))?;
    if let Some(host) = token_host {
        tracing::warn!(
            "`{}` has logins checked by another host, `{host}`: this login is now sent there too",
            key.registry
        );
    }
    Ok(match args.verbose {
        true if skopeo::is_called() => format!("Used:  {place}\nLogin Succeeded!\n").into(),
        true => format!("Login Succeeded!\nStored in {place}\n").into(),
        false => "Login Succeeded!\n".to_owned().into(),
    })
}

async fn get_login(stored: &AuthFiles, key: &AuthKey) -> Result<String> {
    match stored.lookup_key(key).await?.map(|f| f.credential) {
        // An identity token has no user, or the name that helpers mark tokens with.
        Some(Credential::Login { username, .. })
            if !username.is_empty() && username != TOKEN_USER =>
        {
            Ok(username + "\n")
        }
        Some(
            Credential::Login {
                identity_token: Some(_),
                ..
            }
            | Credential::RegistryToken(_),
        ) => {
            let text = format!("logged into `{key}` with a token, which has no name of a user");
            Err(Error::not_allowed(text))
        }
        _ => Err(Error::not_allowed(format!("not logged into `{key}`"))
            .hint(format!("log in with `barque login {key}`"))),
    }
}

/// Asks the registry whether it takes the credential, which may be sent to the token endpoints on `token_hosts`. Returns the
/// host of that endpoint if it belongs to another owner.
async fn check(
    args: &LoginArgs,
    token_hosts: TokenHosts,
    global: &Global,
    registry: &Registry,
    found: Found,
) -> Result<Option<String>> {
    let access = Access {
        login: Login::Given(found),
        tls_verify: args.tls_verify.unwrap_or(true),
        tls_verify_is_given: args.tls_verify.is_some(),
        plain_loopback: !super::skopeo::is_called(),
        cert_dir: args.cert_dir.clone(),
        token_hosts,
        private_hosts: global.private_hosts(),
        user_agent: global.user_agent(),
        ..Access::default()
    };
    Client::new(registry, global.context(access).at(registry)?.as_ref())
        .check_login()
        .await
}

async fn credential(args: &LoginArgs) -> Result<Credential> {
    let username = match &args.username {
        Some(username) => username.clone(),
        None => ask("Username: ", false).await?,
    };
    if username.is_empty() {
        return Err(Error::other("a user name is needed"));
    }
    let password = if args.password_stdin {
        piped_password()?
    } else if let Some(password) = &args.password {
        password.clone()
    } else {
        ask("Password: ", true).await?
    };
    Ok(Credential::Login {
        username,
        password: Secret::new(password),
        identity_token: None,
    })
}

/// Bytes of a password that is read.
const PASSWORD_CAP: usize = 64 << 10;

/// Standard input to its end, without the newline that `echo` adds.
fn piped_password() -> Result<String> {
    let mut text = String::new();
    let mut input = std::io::stdin().take(PASSWORD_CAP as u64 + 1);
    while_blocked(|| input.read_to_string(&mut text))
        .map_err(|e| Error::other("the password cannot be read from standard input").because(e))?;
    if text.len() > PASSWORD_CAP {
        return Err(Error::other("standard input is too long for a password"));
    }
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text {
        "" => Err(Error::other("standard input holds no password")),
        text => Ok(text.to_owned()),
    }
}

/// Asks at the terminal; on a blocking thread, so that Ctrl-C still ends the program.
async fn ask(prompt: &'static str, secret: bool) -> Result<String> {
    if !std::io::stdin().is_terminal() {
        let what = match secret {
            true => "password",
            false => "user name",
        };
        let text = format!("cannot ask for a {what}: standard input is not a terminal");
        return Err(Error::other(text).hint("give `--username` and `--password-stdin`"));
    }
    let failed = |e: std::io::Error| Error::other("the terminal cannot be read").because(e);
    let _echo = Echo::kept();
    let asked = tokio::task::spawn_blocking(move || {
        if secret {
            return rpassword::prompt_password(prompt);
        }
        let mut stderr = std::io::stderr();
        stderr.write_all(prompt.as_bytes())?;
        stderr.flush()?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Ok(line.trim().to_owned())
    });
    asked.await.map_err(|e| failed(e.into()))?.map_err(failed)
}
