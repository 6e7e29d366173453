//! Writing logins: the file and the helpers that `login` stores to and `logout` erases from.
//!
//! Separate from the lookup, which asks many files and changes none. A change is made under a lock, to a copy
//! that replaces the file in one step, so that two logins at once both stay and a crash leaves the old file;
//! what the file holds besides is kept, in its order.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde::Serialize;
use serde_json::{Map, Value};

use super::auth_file::{AuthFile, BASE64, Format, TOKEN_HOSTS, WantedHelper, parse_object};
use super::auth_files::read_file;
use super::auth_key::HUB_KEY;
use super::helper::Helper;
use super::paths::Environment;
use super::private_file::{lock, make_folder, replace};
use super::registries_conf::{AUTH_FILES, ConfiguredRegistries, RegistriesConf};
use super::{AuthKey, Credential};
use crate::files::follow;
use crate::image::reference::DOCKER_IO;
use crate::{Error, Kind, Result};

mod erase;

/// The credential file that `login` and `logout` change, and the helpers that are changed before or after it.
#[derive(Debug, Clone)]
pub struct CredentialStore {
    path: PathBuf,
    name: String,
    owner: Owner,
    environment: Environment,
    registries: ConfiguredRegistries,
}

/// Where a login may be stored.
enum Place<'a> {
    File,
    /// The `NAME` of a program `docker-credential-NAME` that registries.conf lists.
    Helper(&'a str),
}

/// Whose file it is; the two disagree about the key of Docker Hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Containers,
    Docker,
}

impl CredentialStore {
    /// The file to change: `--authfile`, `--compat-auth-file` (Docker's format), `REGISTRY_AUTH_FILE`, Docker's
    /// `config.json` when `DOCKER_CONFIG` is set, else the `containers/auth.json` of the session.
    ///
    /// # Errors
    /// [`Kind::Other`] when both files are given, and when none is and there is no home directory.
    pub fn find(authfile: Option<PathBuf>, compat: Option<PathBuf>) -> Result<CredentialStore> {
        CredentialStore::find_in(authfile, compat, Environment::of_process())
    }

    /// The same as [`CredentialStore::find`] in a given environment.
    ///
    /// # Errors
    /// As [`CredentialStore::find`].
    pub fn find_in(
        authfile: Option<PathBuf>,
        compat: Option<PathBuf>,
        environment: Environment,
    ) -> Result<CredentialStore> {
        // As for skopeo, an empty name is none.
        let given = |path: &PathBuf| !path.as_os_str().is_empty();
        let (path, owner) = match (authfile.filter(given), compat.filter(given)) {
            (Some(_), Some(_)) => {
                return Err(Error::other(
                    "`--authfile` and `--compat-auth-file` name two files: give one of them",
                ));
            }
            (Some(path), None) => (path, Owner::Containers),
            (None, Some(path)) => (path, Owner::Docker),
            (None, None) => default_file(&environment)?,
        };
        Ok(CredentialStore {
            name: environment.show(&path),
            path,
            owner,
            environment,
            registries: ConfiguredRegistries::default(),
        })
    }

    /// This store, with the `credential-helpers` of registries.conf changed before or after the file in the order that
    /// it says (containers-registries.conf(5)).
    #[must_use]
    pub fn helped_by(mut self, registries: &ConfiguredRegistries) -> CredentialStore {
        self.registries = registries.clone();
        self
    }

    /// Keeps `credential` for `key` in the first place that takes it: a helper of registries.conf, the helper that the
    /// file names for the registry, or the file itself. Returns in words where it is kept.
    ///
    /// # Errors
    /// As [`CredentialStore::store_with`].
    pub async fn store(&self, key: &AuthKey, credential: &Credential) -> Result<String> {
        self.store_with(key, credential, &[]).await
    }

    /// The same as [`CredentialStore::store`] for a login that was made with the token endpoints on `token_hosts`, which
    /// belong to other owners than the registry. The file has their names, also where a helper has the credential.
    ///
    /// # Errors
    /// [`Kind::NotAllowed`] when the file may not be written or the helper fails; [`Kind::Other`] for a file that is
    /// not valid, and for a credential that cannot be kept there (a user name with `:` in a file, a login for a
    /// repository in a helper, which keeps one per registry).
    pub async fn store_with(
        &self,
        key: &AuthKey,
        credential: &Credential,
        token_hosts: &[String],
    ) -> Result<String> {
        let hosts = (!token_hosts.is_empty()).then(|| Value::from(token_hosts));
        let conf = self.registries.get()?;
        let mut failed: Option<Error> = None;
        for place in places(&conf) {
            let stored = match place {
                Place::File => self.store_in_file(key, credential, hosts.clone()).await,
                Place::Helper(name) => match self.listed_helper(name) {
                    Ok(helper) => {
                        self.store_in_helper(&helper, key, credential, hosts.clone())
                            .await
                    }
                    Err(error) => Err(error),
                },
            };
            match stored {
                Ok(place) => {
                    if let Some(error) = failed {
                        tracing::warn!("{error:#}; the login is stored in {place}");
                    }
                    return Ok(place);
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        Err(failed.unwrap_or_else(|| Error::other("no place takes logins")))
    }

    async fn store_in_helper(
        &self,
        helper: &Helper,
        key: &AuthKey,
        credential: &Credential,
        hosts: Option<Value>,
    ) -> Result<String> {
        if key.path.is_some() {
            return Err(Error::other(format!(
                "the {} keeps one login a registry, none for `{key}`",
                helper.origin()
            ))
            .hint(format!(
                "log in to `{}`, or have a file keep the login: one without helpers, named by `--authfile`, or {AUTH_FILES} in the list of registries.conf",
                key.registry
            )));
        }
        helper.store(&key.registry, credential).await?;
        // What was there in plain text goes; Docker lists its logins in the file even when a helper has them.
        let old = self.entry_keys(key)?;
        if self.owner == Owner::Docker || !old.is_empty() || hosts.is_some() {
            self.change(|entries| {
                old.iter().for_each(|key| drop(entries.shift_remove(key)));
                if self.owner == Owner::Docker || hosts.is_some() {
                    let hosts = hosts.map(|hosts| (TOKEN_HOSTS.to_owned(), hosts));
                    let entry = Map::from_iter(hosts);
                    entries.insert(self.file_key(key), Value::Object(entry));
                }
            })
            .await?;
        }
        Ok(helper.origin())
    }

    /// Stores to the helper that the file names for the registry, else to the file itself.
    async fn store_in_file(
        &self,
        key: &AuthKey,
        credential: &Credential,
        hosts: Option<Value>,
    ) -> Result<String> {
        if let Some(helper) = self.helper(key)? {
            return self.store_in_helper(&helper, key, credential, hosts).await;
        }
        let members = entry_of(credential)?;
        let written = self.change(|entries| {
            let file_key = self.file_key(key);
            if file_key == HUB_KEY {
                // These keys would win over Docker's own one when the file is read.
                entries.shift_remove(DOCKER_IO);
                entries.shift_remove(key.registry.as_str());
            }
            let entry = entries.entry(file_key).or_insert(Value::Null);
            if !entry.is_object() {
                *entry = Value::Object(Map::new());
            }
            if let Value::Object(entry) = entry {
                for old in [
                    "auth",
                    "username",
                    "password",
                    "identitytoken",
                    "registrytoken",
                    TOKEN_HOSTS,
                ] {
                    entry.shift_remove(old);
                }
                entry.extend(members);
                entry.extend(hosts.map(|hosts| (TOKEN_HOSTS.to_owned(), hosts)));
            }
        });
        let written = written.await?;
        Ok(self.environment.show(&written))
    }

    /// The key of `key` in the file.
    fn file_key(&self, key: &AuthKey) -> String {
        if self.owner == Owner::Docker && key.path.is_none() && key.registry.is_docker_hub() {
            HUB_KEY.to_owned()
        } else {
            key.to_string()
        }
    }

    /// An error where the file would be changed and is something else than a file: a pipe or a device is not replaced.
    ///
    /// # Errors
    /// [`Kind::Other`] for that, and what is wrong with registries.conf.
    pub fn check(&self) -> Result<()> {
        let conf = self.registries.get()?;
        let has_file = places(&conf)
            .iter()
            .any(|place| matches!(place, Place::File));
        match has_file {
            true => self.check_file(),
            false => Ok(()),
        }
    }

    fn check_file(&self) -> Result<()> {
        let other = self.path.metadata().is_ok_and(|about| !about.is_file());
        match other {
            true => Err(Error::other(format!(
                "`{}` is no regular file, so no login can be stored in it or removed from it",
                self.name
            ))
            .hint("name a file with `--authfile`")),
            false => Ok(()),
        }
    }

    fn read(&self) -> Result<Option<AuthFile>> {
        self.check_file()?;
        read_file(&self.path, &self.name)?
            .map(|bytes| AuthFile::parse(&bytes, Format::Config, &self.name))
            .transpose()
    }

    fn helper(&self, key: &AuthKey) -> Result<Option<Helper>> {
        let Some(file) = self.read()? else {
            return Ok(None);
        };
        match file.helper(&key.registry) {
            WantedHelper::None => Ok(None),
            WantedHelper::OfRegistry(suffix) | WantedHelper::OfAll(suffix) => {
                Helper::find(suffix, &self.name, &self.environment).map(Some)
            }
        }
    }

    /// The helper `docker-credential-NAME` that registries.conf lists.
    fn listed_helper(&self, name: &str) -> Result<Helper> {
        Helper::find(name, "registries.conf", &self.environment)
    }

    /// The keys of the file that hold the credential of exactly `key`.
    fn entry_keys(&self, key: &AuthKey) -> Result<Vec<String>> {
        let Some(file) = self.read()? else {
            return Ok(Vec::new());
        };
        Ok(file.keys_meaning(key))
    }

    /// Lets `change` work on the file's entries, then puts the result in place of the file. Returns its path.
    /// The lock is waited for on another thread, so that the program can still be interrupted.
    async fn change(&self, change: impl FnOnce(&mut Map<String, Value>)) -> Result<PathBuf> {
        let path = self.writable()?;
        let cannot = |e| cannot_write(&self.name, e);
        let locked = path.clone();
        let waiting = tokio::task::spawn_blocking(move || lock(&locked)).await;
        let _lock = waiting.map_err(|e| cannot(e.into()))?.map_err(cannot)?;
        let bytes = read_file(&path, &self.name)?.unwrap_or_default();
        let mut object = parse_object(&bytes, &self.name)?;
        change(entries(&mut object, &self.name)?);
        replace(&path, &to_json(&object).map_err(cannot)?).map_err(cannot)?;
        Ok(path)
    }

    /// The path of the file, links followed, with its folder made.
    fn writable(&self) -> Result<PathBuf> {
        if self.environment.runtime_auth_file().as_ref() == Some(&self.path)
            && let Some(runtime) = self.environment.path("XDG_RUNTIME_DIR")
            && !runtime.is_dir()
        {
            return Err(Error::other(format!(
                "the folder `{}` named by `XDG_RUNTIME_DIR` does not exist",
                runtime.display()
            ))
            .hint("make it, unset `XDG_RUNTIME_DIR`, or name a file with `--authfile`"));
        }
        self.check_file()?;
        make_folder(&self.path)
            .and_then(|()| follow(&self.path))
            .map_err(|e| cannot_write(&self.name, e))
    }
}

/// The places of logins in their order.
fn places(conf: &RegistriesConf) -> Vec<Place<'_>> {
    let Some(helpers) = conf.credential_helpers() else {
        return vec![Place::File];
    };
    let places = helpers.iter().map(|helper| match helper.as_str() {
        AUTH_FILES => Place::File,
        name => Place::Helper(name),
    });
    places.collect()
}

/// The file when none is named.
fn default_file(environment: &Environment) -> Result<(PathBuf, Owner)> {
    if let Some(path) = environment.named_auth_file() {
        return Ok((path, Owner::Containers));
    }
    if environment.var("DOCKER_CONFIG").is_some()
        && let Some(path) = environment.docker_config_file()
    {
        return Ok((path, Owner::Docker));
    }
    // Without XDG_RUNTIME_DIR the session's file lies below /run/containers, where only root can make a folder.
    let usable = |path: &PathBuf| {
        environment.var("XDG_RUNTIME_DIR").is_some()
            || environment.is_root()
            || path.parent().is_some_and(Path::is_dir)
    };
    let session = environment.runtime_auth_file().filter(usable);
    match session.or_else(|| environment.config_auth_file()) {
        Some(path) => Ok((path, Owner::Containers)),
        None => Err(Error::other("there is no home folder to keep a login in")
            .hint("name a file with `--authfile`")),
    }
}

/// The members of a file's entry that hold `credential`.
fn entry_of(credential: &Credential) -> Result<Map<String, Value>> {
    let mut entry = Map::new();
    let mut put = |member: &str, text: &str| {
        entry.insert(member.to_owned(), Value::String(text.to_owned()));
    };
    match credential {
        Credential::RegistryToken(token) => put("registrytoken", token.expose()),
        Credential::Login {
            username,
            password,
            identity_token,
        } => {
            if username.contains(':') {
                return Err(Error::other("a user name with `:` cannot be stored"));
            }
            put(
                "auth",
                &BASE64.encode(format!("{username}:{}", password.expose())),
            );
            if let Some(token) = identity_token {
                put("identitytoken", token.expose());
            }
        }
    }
    Ok(entry)
}

/// The object `auths` of a file, made when it is not there.
fn entries<'a>(file: &'a mut Map<String, Value>, name: &str) -> Result<&'a mut Map<String, Value>> {
    let auths = file.entry("auths").or_insert(Value::Null);
    if auths.is_null() {
        *auths = Value::Object(Map::new());
    }
    auths.as_object_mut().ok_or_else(|| {
        Error::other(format!(
            "credential file `{name}`: `auths` is not an object"
        ))
    })
}

/// Indented by tabs, as podman and Docker write these files.
fn to_json(object: &Map<String, Value>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let format = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    object.serialize(&mut serde_json::Serializer::with_formatter(
        &mut bytes, format,
    ))?;
    Ok(bytes)
}

fn cannot_write(name: &str, cause: std::io::Error) -> Error {
    use std::io::ErrorKind as E;
    let text = format!("cannot write the credential file `{name}`");
    let first = match cause.kind() {
        E::StorageFull | E::QuotaExceeded => "make room on its disk, or ",
        E::PermissionDenied | E::ReadOnlyFilesystem if cause.raw_os_error().is_some() => {
            "make the file and its directory writable, or "
        }
        _ => "",
    };
    Error::new(Kind::of_file(&cause), text)
        .because(cause)
        .hint(format!("{first}name another file with `--authfile`"))
}

#[cfg(test)]
mod tests;
