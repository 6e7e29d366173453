//! What to mirror, as people write it down.
//!
//! Each form of declaration has a file here and becomes the same list of [`Entry`]s, in the order of the text. Reading
//! needs no network: tags that the declaration does not list by name are selected later by its [`TagRules`].

mod image_syncer;
mod list;
pub(super) mod names;
mod own;
mod skopeo;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::copy::Referrers;
use crate::image::{Digest, PlatformPattern, Repository};
use crate::settings::{PullLimit, Secret};
use crate::{Error, Result};

pub use super::pick::Pick;
pub use image_syncer::parse as parse_image_syncer;
pub use list::parse as parse_list;
pub use names::target_below;
pub use own::parse as parse_own;
pub use skopeo::parse as parse_skopeo;

use super::pattern::Glob;
use super::select::TagRules;
use super::target::Target;

/// A declaration that was read.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Declaration {
    /// What to mirror, in the order of the text.
    pub entries: Vec<Entry>,
    /// What was passed over, one sentence each: skopeo reads on after a mistake in one registry's part.
    pub warnings: Vec<String>,
    /// What applies to a registry wherever it is named, by host; `*` stands for any run of characters.
    pub registries: BTreeMap<String, RegistryRules>,
}

/// One source and where it goes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry {
    /// Where the images are.
    pub from: Origin,
    /// Which images.
    pub tags: Tags,
    /// Where they go; each image is read once for all of them.
    pub to: Vec<Target>,
    /// How they are copied.
    pub how: How,
    /// How the source's registry is reached, where the declaration says so itself.
    pub access: SourceAccess,
    /// The digest that the source has to have: another one is not copied.
    pub expect: Option<Digest>,
    /// What the target has to stand for, or that it has to be absent: one that has another image is left alone.
    pub expect_at_target: Option<Option<Digest>>,
}

/// Where the images of an entry are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// In a repository of a registry.
    Repository(Repository),
    /// In `dir:` directories somewhere below this one.
    Directory(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Repository(repository) => repository.fmt(f),
            Origin::Directory(path) => path.display().fmt(f),
        }
    }
}

/// Which images of an origin.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Tags {
    /// These.
    Listed(Vec<Pick>),
    /// Those that the rules select of all tags.
    Rules(Box<TagRules>),
}

impl Declaration {
    /// A declaration of these entries.
    pub fn of(entries: Vec<Entry>) -> Declaration {
        Declaration {
            entries,
            ..Declaration::default()
        }
    }
}

impl Entry {
    /// An entry for the images `tags` of `from`.
    pub fn new(from: Origin, tags: Tags, to: Vec<Target>, how: How, access: SourceAccess) -> Entry {
        Entry {
            from,
            tags,
            to,
            how,
            access,
            expect: None,
            expect_at_target: None,
        }
    }
}

/// How the images of an entry are copied.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct How {
    /// Which platforms of an index.
    pub platforms: Platforms,
    /// What to do with a target's tag that has another image.
    pub on_drift: OnDrift,
    /// What refers to the images and goes with them. Cosign's tags go with them unless this is none.
    pub referrers: Referrers,
    /// Tags that may point to another image later, so that finding them in the target's list is not enough.
    pub mutable: Vec<Glob>,
}

/// Which platforms of an index are mirrored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Platforms {
    /// All; the index keeps its digest.
    #[default]
    All,
    /// The image for this system alone, as skopeo's `sync` does it without `--all`.
    System,
    /// Those that fit; the index lists only these afterwards.
    Some(Vec<PlatformPattern>),
}

/// What to do when a target's tag has another image than the source's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDrift {
    /// Write the source's image over it.
    #[default]
    Overwrite,
    /// Leave it as it is, and say so.
    Report,
    /// Count it as a failure.
    Fail,
}

impl Default for How {
    fn default() -> How {
        How {
            platforms: Platforms::All,
            on_drift: OnDrift::Overwrite,
            referrers: Referrers::All,
            mutable: vec![Glob::new("latest")],
        }
    }
}

/// How a declaration says that its source is reached; what is `None` is taken from the command line.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct SourceAccess {
    /// User name and password.
    pub credentials: Option<(String, Secret)>,
    /// Whether certificates are checked.
    pub tls_verify: Option<bool>,
    /// A folder of certificates and keys.
    pub cert_dir: Option<PathBuf>,
}

impl SourceAccess {
    /// Whether everything is taken from the command line.
    pub fn is_empty(&self) -> bool {
        self.credentials.is_none() && self.tls_verify.is_none() && self.cert_dir.is_none()
    }

    /// Whether `other` says the same.
    pub(super) fn is_same(&self, other: &SourceAccess) -> bool {
        let credentials = |access: &SourceAccess| {
            let pair = access.credentials.as_ref();
            pair.map(|(user, secret)| (user.clone(), secret.expose().to_owned()))
        };
        self.tls_verify == other.tls_verify
            && self.cert_dir == other.cert_dir
            && credentials(self) == credentials(other)
    }
}

/// What a declaration says of one registry.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct RegistryRules {
    /// At most this many requests a second.
    pub rate: Option<f64>,
    /// At most this many manifests are read with GET.
    pub max_pulls: Option<PullLimit>,
    /// A program and its arguments that create a missing repository; `{repository}` stands for its name. No shell.
    pub create_repository: Option<Vec<String>>,
}

/// The keys of the map that `text` is.
///
/// # Errors
/// When it is not YAML or no map.
pub fn keys(text: &str) -> Result<Vec<String>> {
    let map: BTreeMap<String, serde::de::IgnoredAny> = from_yaml(text)?;
    Ok(map.into_keys().collect())
}

/// The platforms that the words of `list` stand for.
pub(super) fn patterns(list: &[String]) -> Result<Vec<PlatformPattern>> {
    let parse = |text: &String| {
        text.parse()
            .map_err(|e| Error::other(format!("`{text}` is not a platform: {e}")))
    };
    list.iter().map(parse).collect()
}

/// Reads YAML (or JSON, which is YAML) of the shape `T`. Fails with line and column when `text` is not YAML or not of this shape.
pub(super) fn from_yaml<T: serde::de::DeserializeOwned>(text: &str) -> Result<T> {
    serde_saphyr::from_str(text).map_err(|e| {
        let e = e.without_snippet();
        let text = e.to_string();
        // Advice for programmers.
        let (text, _) = text
            .split_once(", set DuplicateKeyPolicy")
            .unwrap_or((&text, ""));
        let Some(at) = e.location() else {
            return Error::other(text);
        };
        let place = format!("line {}, column {}", at.line(), at.column());
        // Most of its texts end with the place.
        let text = text.strip_suffix(&format!(" at {place}")).unwrap_or(text);
        Error::other(format!("{place}: {text}"))
    })
}
