//! Short names: what a name without a registry means on this machine.

use super::RegistriesConf;
use crate::image::reference::{Raw, parse_raw};
use crate::image::{Reference, Registry};
use crate::{Error, Result};

/// How a short name without an alias is resolved (`short-name-mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ShortNameMode {
    /// With several search registries a user has to be asked.
    #[default]
    Enforcing,
    /// As `Enforcing` at a terminal; elsewhere all search registries are tried.
    Permissive,
    /// All search registries are tried in order.
    Disabled,
}

/// What a short name means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ShortName {
    /// The configuration says nothing of it.
    Unknown,
    /// The full names that it may stand for, in the order in which they are tried.
    Candidates(Vec<Reference>),
}

impl RegistriesConf {
    /// What `name`, a reference without a registry, stands for; [`ShortName::Unknown`] where the configuration has
    /// neither an alias nor search registries, or `name` has a registry.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] when the mode forbids choosing between several search registries without asking, and when
    /// a full name is not valid.
    pub fn short_name(&self, name: &str) -> Result<ShortName> {
        let Ok(raw) = parse_raw(name) else {
            return Ok(ShortName::Unknown);
        };
        if names_registry(name) {
            return Ok(ShortName::Unknown);
        }
        let end = name.find([':', '@']).unwrap_or(name.len());
        let (bare, suffix) = name.split_at(end);
        if let Some(Some(target)) = self.aliases.get(bare) {
            return full(&format!("{target}{suffix}")).map(|r| ShortName::Candidates(vec![r]));
        }
        let full = |host: &String| full(&format!("{host}/{}", path(host, bare, &raw, suffix)));
        let candidates: Vec<_> = self.search.iter().map(full).collect::<Result<_>>()?;
        match (candidates.len(), self.mode) {
            (0, _) => Ok(ShortName::Unknown),
            (1, _) | (_, ShortNameMode::Permissive | ShortNameMode::Disabled) => {
                Ok(ShortName::Candidates(candidates))
            }
            (_, ShortNameMode::Enforcing) => {
                let list: Vec<_> = candidates.iter().map(|c| format!("`{c}`")).collect();
                let message = format!(
                    "the short name `{name}` may stand for {}, and `{}` does not allow to choose",
                    list.join(" or "),
                    self.shown
                );
                Err(Error::other(message).hint("write the name in full, with its registry"))
            }
        }
    }
}

fn full(text: &str) -> Result<Reference> {
    let parsed: Result<Reference, _> = text.parse();
    parsed.map_err(|e| Error::other(format!("`{text}` is not a valid image name: {e}")))
}

/// What follows the host in a full name.
fn path(host: &str, bare: &str, raw: &Raw, suffix: &str) -> String {
    let is_hub = host.parse().is_ok_and(|r: Registry| r.is_docker_hub());
    let single = raw.registry.is_none() && !bare.contains('/');
    let library = if is_hub && single { "library/" } else { "" };
    format!("{library}{bare}{suffix}")
}

/// Whether the first component of `name` is a registry.
fn names_registry(name: &str) -> bool {
    let first = name.split_once('/').map(|(first, _)| first);
    first.is_some_and(|first| first.contains(['.', ':']) || first == "localhost")
}

/// Checks the alias `name = "target"`; `None` where an empty target takes the alias of an earlier file back.
pub(super) fn alias(name: &str, target: &str) -> Result<Option<String>, String> {
    let short = bare(name).map_err(|why| format!("the short name `{name}` {why}"))?;
    if names_registry(short) {
        return Err(format!("the short name `{name}` has a registry"));
    }
    if target.is_empty() {
        return Ok(None);
    }
    let target = bare(target).map_err(|why| format!("the alias `{target}` {why}"))?;
    match names_registry(target) {
        true => Ok(Some(target.to_owned())),
        false => Err(format!("the alias `{target}` has no registry")),
    }
}

/// `name`, if it is a repository's.
fn bare(name: &str) -> Result<&str, String> {
    match parse_raw(name) {
        Ok(raw) if raw.tag.is_some() => Err("has a tag".to_owned()),
        Ok(raw) if raw.digest.is_some() => Err("has a digest".to_owned()),
        Ok(_) => Ok(name),
        Err(e) => Err(format!("is not a valid name: {e}")),
    }
}
