//! The credential-helper protocol: `docker-credential-SUFFIX get|store|erase|list`.
//!
//! A helper is a program that keeps logins in the system's key store. It is run without a shell, from an
//! absolute folder of `PATH`, for a limited time and with limited output; what it says is shown without
//! control characters. It knows of no file: which helper is asked is decided by its callers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

use super::auth_key::HUB_KEY;
use super::paths::Environment;
use super::{Credential, Secret};
use crate::image::Registry;
use crate::{Error, Result};

/// How long a helper may take: it may have to ask its user to unlock the key store.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// How long a helper that has ended is still listened to.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How much a helper may write to each of its outputs, in bytes.
const OUTPUT_CAP: u64 = 1 << 20;

/// The user name that marks an identity token.
pub(crate) const TOKEN_USER: &str = "<token>";

/// What helpers say, word for word, when they do not know the registry (docker-credential-helpers,
/// `credentials/error.go`).
const NOT_FOUND: [&str; 3] = [
    "credentials not found in native keychain",
    "no credentials server URL",
    "no credentials username",
];

/// A helper program on this machine.
#[derive(Debug)]
pub struct Helper {
    program: String,
    path: PathBuf,
    named_in: String,
    time_limit: Duration,
}

/// A login as helpers read and write it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Entry {
    #[serde(rename = "ServerURL")]
    server_url: String,
    username: String,
    secret: String,
}

/// How a run of a helper ended.
struct Outcome {
    success: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Helper {
    /// The helper `docker-credential-SUFFIX`, which the file `named_in` asks for.
    ///
    /// The suffix becomes part of a program's name, so it must not be able to leave the folders of `PATH`.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] when the program is not installed, or `suffix` cannot be a part of its name.
    pub fn find(suffix: &str, named_in: &str, environment: &Environment) -> Result<Helper> {
        let fine = !suffix.starts_with(['.', '-'])
            && !suffix.contains(['/', '\\', '\0'])
            && !suffix.is_empty();
        if !fine {
            return Err(Error::other(format!(
                "`{named_in}` names `{}` as credential helper, which cannot be the end of a program's name",
                cleaned(suffix.as_bytes())
            )));
        }
        let program = format!("docker-credential-{suffix}");
        let path = environment.program(&program).ok_or_else(|| {
            let helper = format!("the credential helper `{program}` named in `{named_in}`");
            match environment.in_path(&program, Path::is_file) {
                Some(file) => Error::other(format!("{helper} is no program that can be run"))
                    .hint(format!("make it one with `chmod +x {}`", file.display())),
                None => Error::other(format!("{helper} is not installed"))
                    .hint(format!("install it or remove it from `{named_in}`")),
            }
        })?;
        Ok(Helper {
            program,
            path,
            named_in: named_in.to_owned(),
            time_limit: TIME_LIMIT,
        })
    }

    /// The helper in words, for messages.
    pub fn origin(&self) -> String {
        format!(
            "credential helper `{}` named in {}",
            self.program, self.named_in
        )
    }

    /// The login for `registry`; `None` when the helper does not know it.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] when the helper fails; [`crate::Kind::Other`] when it cannot be run, takes too long, or answers
    /// with something that is not a login. The message never quotes that answer.
    pub async fn get(&self, registry: &Registry) -> Result<Option<Credential>> {
        let outcome = self.run("get", server(registry).as_bytes()).await?;
        if outcome.not_found() {
            return Ok(None);
        }
        // The answer holds the secret: a parse error must not quote it.
        let entry: Entry = serde_json::from_slice(self.checked("get", &outcome)?)
            .map_err(|_| self.error("get", "answered something that is not the JSON of a login"))?;
        if entry.secret.is_empty() && entry.username.is_empty() {
            return Ok(None);
        }
        let secret = Secret::new(entry.secret);
        Ok(Some(if entry.username == TOKEN_USER {
            Credential::Login {
                username: entry.username,
                password: Secret::new(""),
                identity_token: Some(secret),
            }
        } else {
            Credential::Login {
                username: entry.username,
                password: secret,
                identity_token: None,
            }
        }))
    }

    /// Keeps the login for `registry`.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] when the helper fails; [`crate::Kind::Other`] when it cannot be run or takes too long, and for a
    /// registry token, which the protocol does not have.
    pub async fn store(&self, registry: &Registry, credential: &Credential) -> Result<()> {
        let (username, secret) = match credential {
            Credential::Login {
                identity_token: Some(token),
                ..
            } => (TOKEN_USER, token),
            Credential::Login {
                username, password, ..
            } => (username.as_str(), password),
            Credential::RegistryToken(_) => {
                return Err(Error::other(format!(
                    "the {} cannot keep a registry token",
                    self.origin()
                )));
            }
        };
        let entry = Entry {
            server_url: server(registry).to_owned(),
            username: username.to_owned(),
            secret: secret.expose().to_owned(),
        };
        let input = serde_json::to_vec(&entry)
            .map_err(|e| self.error("store", "cannot be given the login").because(e))?;
        let outcome = self.run("store", &input).await?;
        let checked = self.checked_without(Some(secret.expose()), "store", &outcome);
        checked.map(drop)
    }

    /// Forgets the login for `registry`; `false` when the helper did not know it.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] when the helper fails for another reason; [`crate::Kind::Other`] when it cannot be run or takes
    /// too long.
    pub async fn erase(&self, registry: &Registry) -> Result<bool> {
        // Many helpers report success for a login that they do not have. One that cannot answer may still erase.
        let known = !matches!(self.get(registry).await, Ok(None));
        Ok(self.erase_server(server(registry)).await? && known)
    }

    /// Forgets all logins that the helper lists. One that cannot be erased does not keep the others.
    ///
    /// # Errors
    /// As [`Helper::erase`] and [`Helper::list`].
    pub async fn erase_all(&self) -> Result<()> {
        let mut failed = None;
        for server in self.list().await?.into_keys() {
            if let Err(error) = self.erase_server(&server).await {
                failed = failed.or(Some(error));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn erase_server(&self, server: &str) -> Result<bool> {
        let outcome = self.run("erase", server.as_bytes()).await?;
        if outcome.not_found() {
            return Ok(false);
        }
        self.checked("erase", &outcome)?;
        Ok(true)
    }

    /// The server keys that the helper knows, each with its user.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] when the helper fails; [`crate::Kind::Other`] when it cannot be run, takes too long, or answers
    /// with something that is not a list.
    pub async fn list(&self) -> Result<BTreeMap<String, String>> {
        let outcome = self.run("list", b"").await?;
        // Go's helpers may write an empty list as `null`.
        let list: Option<_> =
            serde_json::from_slice(self.checked("list", &outcome)?).map_err(|e| {
                self.error(
                    "list",
                    "answered something that is not a JSON object of texts",
                )
                .because(e)
            })?;
        Ok(list.unwrap_or_default())
    }

    /// What the helper wrote to its output, when it succeeded; an error with its own words otherwise.
    fn checked<'a>(&self, verb: &str, outcome: &'a Outcome) -> Result<&'a [u8]> {
        self.checked_without(None, verb, outcome)
    }

    /// As [`Helper::checked`], for a helper that was given `secret`.
    fn checked_without<'a>(
        &self,
        secret: Option<&str>,
        verb: &str,
        outcome: &'a Outcome,
    ) -> Result<&'a [u8]> {
        if outcome.success {
            return Ok(&outcome.stdout);
        }
        // The protocol has the message on stdout; what a program says about a crash comes on stderr.
        let said = [&outcome.stdout, &outcome.stderr];
        let said = said.map(|text| String::from_utf8_lossy(text));
        let said: Vec<_> = said.iter().filter(|text| !text.trim().is_empty()).collect();
        let words: Vec<String> = said
            .iter()
            .filter(|text| !may_tell(text, secret))
            .map(|text| cleaned(text.as_bytes()))
            .collect();
        let failed = match (words.as_slice(), said.as_slice()) {
            ([], []) => "failed and says nothing".to_owned(),
            ([], _) => "failed; what it says may hold a secret and is not shown".to_owned(),
            (words, _) => format!("failed: {}", words.join("; ")),
        };
        Err(Error::not_allowed(self.sentence(verb, &failed)))
    }

    fn error(&self, verb: &str, what: &str) -> Error {
        Error::other(self.sentence(verb, what))
    }

    fn sentence(&self, verb: &str, what: &str) -> String {
        format!(
            "`{} {verb}`, named in {}, {what}",
            self.program, self.named_in
        )
    }

    /// Runs the program with `verb`, `input` on its stdin. It is killed when it takes too long or says too much.
    async fn run(&self, verb: &str, input: &[u8]) -> Result<Outcome> {
        tracing::debug!(program = %self.path.display(), verb, "asking a credential helper");
        let cannot = |e| self.error(verb, "cannot be run").because(e);
        let mut child = Command::new(&self.path)
            .arg(verb)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(cannot)?;
        let (stdin, stdout, stderr) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let talk = async {
            let give = async {
                if let Some(mut stdin) = stdin {
                    // A helper that does not read its input may still answer.
                    let _ = stdin.write_all(input).await;
                    let _ = stdin.shutdown().await;
                }
                Ok(())
            };
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let mut hear = Box::pin(async {
                tokio::try_join!(capped(stdout, &mut out), capped(stderr, &mut err), give)
            });
            let status = tokio::select! {
                heard = &mut hear => {
                    heard?;
                    child.wait().await?
                }
                status = child.wait() => {
                    // A program that it left running may hold its outputs open for ever.
                    if let Ok(heard) = tokio::time::timeout(LAST_WORDS, &mut hear).await {
                        heard?;
                    }
                    status?
                }
            };
            drop(hear);
            Ok(Outcome {
                success: status.success(),
                stdout: out,
                stderr: err,
            })
        };
        match tokio::time::timeout(self.time_limit, talk).await {
            Ok(ended) => {
                ended.map_err(|e: std::io::Error| self.error(verb, "was stopped").because(e))
            }
            Err(_) => Err(Error::not_allowed(self.sentence(
                verb,
                &format!("did not answer within {:?}", self.time_limit),
            ))
            .hint("it may be waiting for a key store that is locked")),
        }
    }
}

impl Outcome {
    fn not_found(&self) -> bool {
        !self.success
            && NOT_FOUND
                .iter()
                .any(|text| self.stdout.trim_ascii() == text.as_bytes())
    }
}

/// Whether `text`, which a helper wrote, may hold a secret: the one that it was given, or one in a login as the protocol
/// has it.
fn may_tell(text: &str, secret: Option<&str>) -> bool {
    let is_told = |secret: &str| !secret.is_empty() && text.contains(secret);
    text.trim_start().starts_with(['{', '['])
        || text.to_ascii_lowercase().contains("\"secret\"")
        || secret.is_some_and(is_told)
}

/// The name under which helpers know `registry`.
fn server(registry: &Registry) -> &str {
    if registry.is_docker_hub() {
        HUB_KEY
    } else {
        registry.as_str()
    }
}

/// Reads all of `output` into `bytes`, where what has come stays; an error when it is more than the cap.
async fn capped(
    output: Option<impl AsyncRead + Unpin>,
    bytes: &mut Vec<u8>,
) -> std::io::Result<()> {
    if let Some(output) = output {
        let mut output = output.take(OUTPUT_CAP + 1);
        while output.read_buf(bytes).await? > 0 {}
    }
    if bytes.len() as u64 > OUTPUT_CAP {
        return Err(std::io::Error::other(format!(
            "it wrote more than {OUTPUT_CAP} bytes"
        )));
    }
    Ok(())
}

/// Foreign text on one line, without control characters, at most 300 characters long.
fn cleaned(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(300).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
