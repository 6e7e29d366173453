//! The credential files of this machine in the order in which they are asked; the first that answers wins.
//!
//! Separate from `auth_file` because that one knows bytes only: here files are opened and helpers run. A file
//! is read once in the life of an [`AuthFiles`], for it may be a pipe.

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::auth_file::{AuthFile, Format, WantedHelper};
use super::helper::Helper;
use super::paths::Environment;
use super::registries_conf::{AUTH_FILES, ConfiguredRegistries};
use super::{AuthKey, Credential, Found};
use crate::files::read_whole;
use crate::image::{Registry, Repository};
use crate::{Error, Kind, Result};

/// More than this many bytes are no credential file.
const SIZE_CAP: u64 = 4 << 20;

/// The variable in which newer versions of Docker look first; it holds the text of a file.
pub(crate) const TEXT_VARIABLE: &str = "DOCKER_AUTH_CONFIG";

/// The credential files of this machine, in the order in which they are asked.
#[derive(Debug, Clone)]
pub struct AuthFiles {
    environment: Arc<Environment>,
    sources: Arc<[Source]>,
    registries: ConfiguredRegistries,
}

/// A place that may hold credentials.
struct Source {
    /// What messages call it.
    name: String,
    place: Place,
    format: Format,
    read: OnceLock<Option<AuthFile>>,
}

enum Place {
    File { path: PathBuf, expected: bool },
    Text(String),
}

impl AuthFiles {
    /// The files that apply: `explicit` (`--authfile`) or `REGISTRY_AUTH_FILE` alone when given; else
    /// `DOCKER_AUTH_CONFIG`, podman's `auth.json` of the session and of the user, Docker's `config.json` and
    /// `~/.dockercfg`. Nothing is opened yet.
    ///
    /// # Errors
    /// When the file `explicit` does not exist ([`Kind::Other`]); [`AuthFiles::find_or_new`] takes it for an empty one.
    pub fn find(explicit: Option<PathBuf>) -> Result<AuthFiles> {
        if let Some(path) = explicit
            .as_ref()
            .filter(|path| !path.as_os_str().is_empty())
            && path.metadata().is_err_and(|e| is_absent(&e))
        {
            let name = path.display();
            return Err(Error::other(format!("the credential file `{name}` does not exist"))
                .hint(format!(
                    "`barque login --authfile {name} REGISTRY` makes it; without `--authfile` the usual files are read"
                )));
        }
        Ok(AuthFiles::find_in(explicit, Environment::of_process()))
    }

    /// The same as [`AuthFiles::find`] for a login, which makes the file.
    pub fn find_or_new(explicit: Option<PathBuf>) -> AuthFiles {
        let mut files = AuthFiles::find_in(explicit, Environment::of_process());
        let sources = Arc::get_mut(&mut files.sources);
        for source in sources.into_iter().flatten() {
            if let Place::File { expected, .. } = &mut source.place {
                *expected = false;
            }
        }
        files
    }

    /// The same as [`AuthFiles::find`] in a given environment.
    pub fn find_in(explicit: Option<PathBuf>, environment: Environment) -> AuthFiles {
        // As for skopeo, an empty name is none.
        let explicit = explicit.filter(|path| !path.as_os_str().is_empty());
        let sources = match explicit.or_else(|| environment.named_auth_file()) {
            Some(path) => vec![Source::file(path, true, &environment)],
            None => {
                let text = environment.var(TEXT_VARIABLE).map(|text| Source {
                    name: TEXT_VARIABLE.to_owned(),
                    place: Place::Text(text.to_string_lossy().into_owned()),
                    format: Format::Config,
                    read: OnceLock::new(),
                });
                let files = [
                    environment.runtime_auth_file(),
                    environment.config_auth_file(),
                    environment.docker_config_file(),
                    environment.legacy_docker_file(),
                ];
                let files = files.into_iter().flatten();
                text.into_iter()
                    .chain(files.map(|path| Source::file(path, false, &environment)))
                    .collect()
            }
        };
        AuthFiles {
            environment: Arc::new(environment),
            sources: sources.into(),
            registries: ConfiguredRegistries::default(),
        }
    }

    /// These files, with the `credential-helpers` of registries.conf asked before or after them in the order that it
    /// says (containers-registries.conf(5)).
    #[must_use]
    pub fn helped_by(mut self, registries: &ConfiguredRegistries) -> AuthFiles {
        self.registries = registries.clone();
        self
    }

    /// The credential for `repository`: longest key first, then its registry; `None` when no file has one.
    ///
    /// # Errors
    /// As [`AuthFiles::lookup_key`].
    pub async fn lookup(&self, repository: &Repository) -> Result<Option<Found>> {
        self.lookup_key(&repository.into()).await
    }

    /// The credential for the whole of `registry`.
    ///
    /// # Errors
    /// As [`AuthFiles::lookup_key`].
    pub async fn lookup_registry(&self, registry: &Registry) -> Result<Option<Found>> {
        self.lookup_key(&registry.clone().into()).await
    }

    /// The credential for `key`.
    ///
    /// # Errors
    /// The first failure of a file or helper, if no other has the answer: [`Kind::NotAllowed`] for a file that may not
    /// be read or a helper that fails, else [`Kind::Other`]; and those of reading registries.conf.
    pub async fn lookup_key(&self, key: &AuthKey) -> Result<Option<Found>> {
        let conf = self.registries.get()?;
        let mut failed = None;
        for asked in self.asked(conf.credential_helpers()) {
            let answer = match asked {
                Asked::File(source) => source.lookup(key, &self.environment).await,
                Asked::Helper(name) => self.ask_listed(name, key).await,
            };
            match answer {
                Ok(None) => {}
                Ok(Some(found)) => {
                    if let Some(error) = failed {
                        tracing::warn!("{error:#}; using the credential of {}", found.origin);
                    }
                    return Ok(Some(found));
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// The answer of the helper `name` of registries.conf.
    async fn ask_listed(&self, name: &str, key: &AuthKey) -> Result<Option<Found>> {
        let found = ask(name, "registries.conf", &key.registry, &self.environment).await?;
        // A helper cannot keep the token endpoints of a login: they are noted in a file.
        let files = self.sources.iter().filter_map(|s| s.file_read().ok()?);
        let noted = || {
            files
                .map(|file| file.token_hosts(key))
                .find(|h| !h.is_empty())
        };
        Ok(found.map(|found| Found {
            token_hosts: noted().unwrap_or_default(),
            ..found
        }))
    }

    /// What is asked, in order: `helpers` of registries.conf, among which one name stands for the files.
    fn asked<'a>(&'a self, helpers: Option<&'a [String]>) -> Vec<Asked<'a>> {
        let files = || self.sources.iter().map(Asked::File);
        let Some(helpers) = helpers else {
            return files().collect();
        };
        let each = helpers.iter().map(|helper| match helper.as_str() {
            AUTH_FILES => files().collect(),
            name => vec![Asked::Helper(name)],
        });
        each.collect::<Vec<_>>().concat()
    }

    /// Extra request headers: the first `HttpHeaders` of the files. A file that cannot be read has none here;
    /// the lookup says what is wrong with it when it matters.
    pub fn http_headers(&self) -> Vec<(String, String)> {
        let files = self
            .sources
            .iter()
            .filter_map(|source| source.file_read().ok().flatten());
        let headers = files.map(AuthFile::http_headers).find(|h| !h.is_empty());
        headers.unwrap_or_default().to_vec()
    }
}

/// What may know a credential.
#[derive(Clone)]
enum Asked<'a> {
    File(&'a Source),
    /// The `NAME` of a program `docker-credential-NAME`.
    Helper(&'a str),
}

// By hand, because what has been read holds secrets.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Source {
    fn file(path: PathBuf, expected: bool, environment: &Environment) -> Source {
        let legacy = path.file_name().is_some_and(|name| name == ".dockercfg");
        Source {
            name: if expected {
                path.display().to_string()
            } else {
                environment.show(&path)
            },
            place: Place::File { path, expected },
            format: if legacy {
                Format::Legacy
            } else {
                Format::Config
            },
            read: OnceLock::new(),
        }
    }

    async fn lookup(&self, key: &AuthKey, environment: &Environment) -> Result<Option<Found>> {
        let Some(file) = self.file_read()? else {
            return Ok(None);
        };
        let own = file.entry(key);
        let wanted = file.helper(&key.registry);
        // No helper can keep a registry token, so the file's own one holds.
        if wanted == WantedHelper::None || matches!(own, Ok(Some(Credential::RegistryToken(_)))) {
            return own.map(|own| self.found(own, file, key));
        }
        let ask = async |suffix| {
            let found = ask(suffix, file.name(), &key.registry, environment).await?;
            Ok(found.map(|found| Found {
                token_hosts: file.token_hosts(key),
                ..found
            }))
        };
        match wanted {
            WantedHelper::None => Ok(None),
            WantedHelper::OfRegistry(suffix) => ask(suffix).await,
            WantedHelper::OfAll(suffix) => match (ask(suffix).await, own) {
                (Ok(None), own) => own.map(|own| self.found(own, file, key)),
                (Err(error), Ok(Some(own))) => {
                    tracing::warn!("{error:#}; using the credential of {}", self.name);
                    Ok(self.found(Some(own), file, key))
                }
                (answer, _) => answer,
            },
        }
    }

    fn found(
        &self,
        credential: Option<Credential>,
        file: &AuthFile,
        key: &AuthKey,
    ) -> Option<Found> {
        credential.map(|credential| Found {
            credential,
            origin: self.name.clone(),
            token_hosts: file.token_hosts(key),
        })
    }

    /// The file as it was when it was first needed; `None` when there is none.
    fn file_read(&self) -> Result<Option<&AuthFile>> {
        if let Some(read) = self.read.get() {
            return Ok(read.as_ref());
        }
        let read = self.read_now()?;
        Ok(self.read.get_or_init(|| read).as_ref())
    }

    fn read_now(&self) -> Result<Option<AuthFile>> {
        let (path, expected) = match &self.place {
            Place::Text(text) => {
                return AuthFile::parse(text.as_bytes(), self.format, &self.name).map(Some);
            }
            Place::File { path, expected } => (path, *expected),
        };
        let Some(bytes) = read_file(path, &self.name)? else {
            if expected {
                // skopeo reads a file that is not there as one without logins; so do scripts that log in later.
                tracing::warn!("credential file `{}` does not exist", self.name);
            }
            return Ok(None);
        };
        let file = AuthFile::parse(&bytes, self.format, &self.name)?;
        if file.holds_secrets() && is_open_to_all(path) {
            tracing::warn!(
                "every user of this machine can read the passwords in `{name}`: run `chmod 600 {name}`",
                name = self.name
            );
        }
        Ok(Some(file))
    }
}

async fn ask(
    suffix: &str,
    file: &str,
    registry: &Registry,
    environment: &Environment,
) -> Result<Option<Found>> {
    let helper = Helper::find(suffix, file, environment).map_err(|e| {
        let hint = e.advice().unwrap_or_default();
        let hint = format!("{hint}; public images can be read with `--no-creds`");
        e.hint(hint)
    })?;
    let credential = helper.get(registry).await?;
    Ok(credential.map(|credential| Found {
        credential,
        origin: helper.origin(),
        token_hosts: Vec::new(),
    }))
}

/// The bytes of the credential file `path`, which messages call `name`; `None` when it does not exist.
pub(super) fn read_file(path: &Path, name: &str) -> Result<Option<Vec<u8>>> {
    use std::io::ErrorKind;
    match read_whole(path, SIZE_CAP) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::FileTooLarge => Err(Error::other(format!(
            "`{name}` is larger than {SIZE_CAP} bytes and so no credential file"
        ))),
        Err(e) if is_absent(&e) => Ok(None),
        Err(e) => Err(unreadable(name, e)),
    }
}

fn is_absent(e: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}

fn unreadable(name: &str, cause: std::io::Error) -> Error {
    let denied = cause.kind() == std::io::ErrorKind::PermissionDenied;
    let kind = if denied {
        Kind::NotAllowed
    } else {
        Kind::Other
    };
    let error =
        Error::new(kind, format!("cannot read the credential file `{name}`")).because(cause);
    if denied {
        error.hint(format!(
            "make it yours with `chown` and `chmod 600 {name}`, or name another with `--authfile`"
        ))
    } else {
        error.hint("name another file with `--authfile`")
    }
}

fn is_open_to_all(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|about| crate::platform::is_open_to_all(&about))
}
