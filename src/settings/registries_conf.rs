//! registries.conf: where images are really pulled from, and which registries are blocked or insecure.
//!
//! Separate from the credential files because it is about places, not about logins. [`RegistriesConf`] holds what all
//! its files say together, and answers questions about references; nothing is requested here. The format is that of
//! containers-registries.conf(5), version 2, and version 1 where it can be converted.

mod configured;
mod files;
mod parse;
mod rewrite;
mod short_names;
#[cfg(test)]
mod tests;
mod toml_file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::paths::Environment;
use crate::Result;
use parse::ConfFile;

pub use configured::ConfiguredRegistries;
pub use rewrite::PullSource;
pub use short_names::{ShortName, ShortNameMode};

/// The entry of `credential-helpers` that stands for the credential files.
pub const AUTH_FILES: &str = "containers-auth.json";

/// A `[[registry]]` table: what applies to repositories whose names begin with a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RegistryTable {
    /// `host[:port]/path` without a slash at the end, or `*.domain`.
    prefix: String,
    /// Replaces the prefix; empty for a wildcard that changes nothing.
    location: String,
    insecure: bool,
    blocked: bool,
    mirror_by_digest_only: bool,
    mirrors: Vec<Mirror>,
}

/// A `[[registry.mirror]]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mirror {
    location: String,
    insecure: bool,
    pull: PullFromMirror,
}

/// For which references a mirror is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum PullFromMirror {
    #[default]
    All,
    DigestOnly,
    TagOnly,
}

/// What all configuration files say together.
#[derive(Debug, Clone, Default)]
pub struct RegistriesConf {
    /// By prefix. Tables of later files replaced those of earlier ones.
    tables: BTreeMap<String, RegistryTable>,
    search: Vec<String>,
    helpers: Option<Vec<String>>,
    mode: ShortNameMode,
    aliases: BTreeMap<String, Option<String>>,
    /// The files that were read, in order, for messages.
    files: Vec<PathBuf>,
    /// The text of `files` for messages, with `~` for the home folder.
    shown: Arc<str>,
}

impl RegistriesConf {
    /// Reads the files of this machine: `explicit` (`--registries-conf`) in place of the main file, else
    /// `CONTAINERS_REGISTRIES_CONF` alone, else the user's or the system's file; then the drop-ins, and
    /// `CONTAINERS_REGISTRIES_CONF_OVERRIDE` last.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] for a file that cannot be read or is not valid, with the line and the key, and for a file
    /// that was named and does not exist.
    pub fn load(explicit: Option<&Path>) -> Result<RegistriesConf> {
        RegistriesConf::load_in(explicit, &Environment::of_process())
    }

    /// As [`RegistriesConf::load`] in a given environment.
    ///
    /// # Errors
    /// As [`RegistriesConf::load`].
    pub fn load_in(explicit: Option<&Path>, environment: &Environment) -> Result<RegistriesConf> {
        let mut conf = RegistriesConf::default();
        for file in files::find(explicit, environment)? {
            let text = files::read(&file.path)?;
            conf.merge(parse::parse(&file.path, &text, file.may_be_v1)?);
            conf.files.push(file.path);
        }
        let shown: Vec<_> = conf.files.iter().map(|f| environment.show(f)).collect();
        conf.shown = shown.join("`, `").into();
        Ok(conf)
    }

    /// Adds what a later file says. Tables and aliases replace those of the same name, lists replace lists.
    fn merge(&mut self, file: ConfFile) {
        for (prefix, table) in file.tables {
            self.tables.insert(prefix, table);
        }
        if let Some(search) = file.search {
            self.search = search;
        }
        if file.helpers.is_some() {
            self.helpers = file.helpers;
        }
        if let Some(mode) = file.mode {
            self.mode = mode;
        }
        self.aliases.extend(file.aliases);
    }

    /// Where credentials are looked for, in order: [`AUTH_FILES`], or the `NAME` of a program
    /// `docker-credential-NAME`. `None` where no file says, or an empty list, which means the same to skopeo.
    pub fn credential_helpers(&self) -> Option<&[String]> {
        self.helpers.as_deref().filter(|list| !list.is_empty())
    }

    /// The files that were read, in the order in which they apply.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }
}
