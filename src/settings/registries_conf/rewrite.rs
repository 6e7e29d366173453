//! From the name that a user gave to the places that are asked for it: matching prefixes, mirrors, blocked and insecure
//! registries.

use std::fmt::Display;

use super::{PullFromMirror, RegistriesConf, RegistryTable};
use crate::image::Reference;
use crate::settings::redacted;
use crate::{Error, Result};

/// A place that an image is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullSource {
    /// The name of the image there.
    pub reference: Reference,
    /// Certificates are not checked there, and plain HTTP is allowed.
    pub insecure: bool,
    /// Whether it is a mirror; the place itself comes last.
    pub is_mirror: bool,
}

impl RegistriesConf {
    /// The places to read `reference` from, in the order in which they are asked; never empty.
    ///
    /// A name is rewritten once: what it becomes is not looked up again for another rewriting.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] when `reference` is blocked, or everything that it becomes; [`crate::Kind::Other`] when a
    /// rewritten name is not valid.
    pub fn sources(&self, reference: &Reference) -> Result<Vec<PullSource>> {
        let found = self.table(&reference.repository);
        // A place that is blocked and has mirrors is read from these alone; OpenShift's `NeverContactSource` is written so.
        if !found.is_some_and(|(table, _)| table.only_adds_mirrors()) {
            self.check_allowed(&reference.repository)?;
        }
        let Some((table, matched)) = found else {
            return Ok(vec![PullSource {
                reference: reference.clone(),
                insecure: false,
                is_mirror: false,
            }]);
        };
        let mut sources = Vec::new();
        for mirror in &table.mirrors {
            let by_digest = reference.digest.is_some();
            let is_asked = match mirror.pull {
                PullFromMirror::All => by_digest || !table.mirror_by_digest_only,
                PullFromMirror::DigestOnly => by_digest,
                PullFromMirror::TagOnly => !by_digest,
            };
            if !is_asked {
                continue;
            }
            let at = rewritten(reference, matched, &mirror.location)?;
            match self.check_allowed(&at.repository) {
                Ok(()) => sources.push(PullSource {
                    reference: at,
                    insecure: mirror.insecure,
                    is_mirror: true,
                }),
                Err(e) => tracing::debug!("the mirror is skipped: {e:#}"),
            }
        }
        let own = match table.location.as_str() {
            "" => reference.clone(),
            location => rewritten(reference, matched, location)?,
        };
        match self.check_allowed(&own.repository) {
            Ok(()) => sources.push(PullSource {
                reference: own,
                insecure: table.insecure,
                is_mirror: false,
            }),
            Err(e) if sources.is_empty() => return Err(e),
            Err(e) => tracing::debug!("only mirrors are asked: {e:#}"),
        }
        Ok(sources)
    }

    /// Checks that the configuration does not block `place`, a repository or a registry.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] with the prefix that blocks it.
    pub fn check_allowed(&self, place: &impl Display) -> Result<()> {
        let Some((table, _)) = self.table(place).filter(|(table, _)| table.blocked) else {
            return Ok(());
        };
        let several = self.shown.contains("`, `");
        let message = format!(
            "`{place}` is blocked: a `blocked = true` for `{}` in {}`{}`",
            table.prefix,
            if several { "one of " } else { "" },
            self.shown
        );
        Err(Error::not_allowed(message))
    }

    /// Whether `place`, a repository or a registry, is marked insecure, for requests that do not go through mirrors.
    pub fn is_insecure(&self, place: &impl Display) -> bool {
        self.table(place).is_some_and(|(table, _)| table.insecure)
    }

    /// The table that applies to `place`, and how many bytes of the name its prefix stands for. The longest prefix
    /// wins; of equally long ones the first in the order of bytes.
    fn table(&self, place: &impl Display) -> Option<(&RegistryTable, usize)> {
        let name = place.to_string();
        let mut best: Option<(&RegistryTable, usize)> = None;
        for table in self.tables.values() {
            if best.is_some_and(|(best, _)| best.prefix.len() >= table.prefix.len()) {
                continue;
            }
            if let Some(matched) = matches(&name, &table.prefix) {
                best = Some((table, matched));
            }
        }
        best
    }
}

impl RegistryTable {
    /// Whether it has mirrors, and leaves names as they are.
    fn only_adds_mirrors(&self) -> bool {
        let keeps_names = self.location.is_empty() || self.location == self.prefix;
        keeps_names && !self.mirrors.is_empty()
    }
}

/// How many bytes at the beginning of the repository name `name` are replaced where `prefix` applies to it.
///
/// `example.com` also matches `example.com:5000/x`: a colon counts as a separator, as for podman and skopeo.
fn matches(name: &str, prefix: &str) -> Option<usize> {
    if let Some(domain) = prefix.strip_prefix('*') {
        let host = name.split('/').next().unwrap_or(name);
        let without_port = host.split(':').next().unwrap_or(host);
        let is_below = without_port.len() > domain.len() && without_port.ends_with(domain);
        return (domain.starts_with('.') && is_below).then_some(without_port.len());
    }
    let rest = name.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with(['/', ':'])).then_some(prefix.len())
}

/// `reference` with its first `matched` bytes replaced by `location`.
fn rewritten(reference: &Reference, matched: usize, location: &str) -> Result<Reference> {
    let text = reference.to_string();
    let rest = text.get(matched..).unwrap_or_default();
    let (text, shown) = (format!("{location}{rest}"), redacted(location));
    let wrong = |why: String| {
        Error::other(format!(
            "the registries configuration makes `{shown}{rest}` of `{reference}`, which is not a valid name: {why}"
        ))
    };
    let read: Reference = text.parse().map_err(|e| wrong(format!("{e}")))?;
    match read.to_string() == text {
        true => Ok(read),
        false => Err(wrong(
            "it does not begin with the name of a registry".to_owned(),
        )),
    }
}
