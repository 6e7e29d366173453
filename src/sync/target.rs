//! Names of mirrored images at their targets.

use std::path::{Path, PathBuf};

use crate::image::{ImageName, Reference, Repository, Selector, Tag};
use crate::{Error, Result};

use super::pick::Pick;

/// Where an image goes, as a rule that makes a name of the source's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// skopeo's rule: below `base`, under the last part of the source's name, or under all of it if `scoped`; `suffix`
    /// is appended to the whole.
    Below {
        /// In a registry or in a folder.
        kind: Kind,
        /// A registry with or without the beginning of a path, or a folder.
        base: String,
        /// Keep the source's registry and path.
        scoped: bool,
        /// Appended to the tag.
        suffix: String,
    },
    /// Below `base`, under the source's path, after its registry's name if `scoped`.
    Mirror {
        /// A registry with or without the beginning of a path.
        base: String,
        /// Keep the source's registry.
        scoped: bool,
    },
    /// A repository of a registry; the tag is the source's.
    Repository(Repository),
    /// In this layout or archive of a layout, under the source's whole name.
    Layout(ImageName),
    /// This image and no other name.
    Image(Reference),
    /// This place and no other name.
    Place(ImageName),
}

/// The kinds of place that skopeo's rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A registry.
    Docker,
    /// A folder of `dir:` images.
    Dir,
}

/// What the name of a target is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceName<'a> {
    /// An image in a registry.
    Registry(&'a Repository, &'a Pick),
    /// The path of a `dir:` image below the folder that is mirrored.
    Path(&'a Path),
}

impl SourceName<'_> {
    /// The name as skopeo writes it below a target.
    fn in_full(&self) -> String {
        match self {
            SourceName::Registry(repository, pick) => pick.kept_in(repository).to_string(),
            SourceName::Path(path) => path.to_string_lossy().into_owned(),
        }
    }
}

impl Target {
    /// What is appended to the source's tag.
    pub fn suffix(&self) -> &str {
        match self {
            Target::Below { suffix, .. } => suffix,
            _ => "",
        }
    }

    /// The name of the image `source` at this target.
    ///
    /// # Errors
    /// When the rule makes a text that is not a valid name.
    pub fn name(&self, source: &SourceName<'_>) -> Result<ImageName> {
        match self {
            Target::Below {
                kind,
                base,
                scoped,
                suffix,
            } => {
                let full = source.in_full();
                let name = match scoped {
                    true => full.trim_start_matches('/'),
                    false => full.rsplit('/').next().unwrap_or(&full),
                };
                let name = format!("{}/{name}{suffix}", base.trim_end_matches('/'));
                let name = name.trim_end_matches('/');
                match kind {
                    Kind::Dir => Ok(ImageName::Dir {
                        path: PathBuf::from(name),
                    }),
                    Kind::Docker => ImageName::parse(&format!("docker://{name}")),
                }
            }
            Target::Repository(repository) => match source {
                SourceName::Registry(_, pick) => Ok(ImageName::Docker(pick.kept_in(repository))),
                SourceName::Path(path) => {
                    let name = path.file_name().unwrap_or_default().to_string_lossy();
                    let tag = name.rsplit(':').next().unwrap_or(&name);
                    let tag = tag
                        .parse::<Tag>()
                        .map_err(|e| Error::other(format!("`{tag}`: {e}")))?;
                    Ok(ImageName::Docker(Pick::Tag(tag).of(repository)))
                }
            },
            Target::Mirror { base, scoped } => {
                let SourceName::Registry(repository, pick) = source else {
                    return Err(Error::other("a list names images of registries"));
                };
                let path = match scoped {
                    true => repository.to_string(),
                    false => repository.name.to_string(),
                };
                let to = format!("{}/{path}", base.trim_end_matches('/'));
                let to = to
                    .parse::<Reference>()
                    .map_err(|e| Error::other(format!("`{to}`: {e}")))?;
                Ok(ImageName::Docker(pick.kept_in(&to.repository)))
            }
            Target::Layout(place) => Ok(place.selecting(Selector::Named(source.in_full()))),
            Target::Image(reference) => Ok(ImageName::Docker(reference.clone())),
            Target::Place(name) => Ok(name.clone()),
        }
    }
}

/// What decides to which shard a target belongs, so that one run has all images of it: a repository, a layout or an
/// archive; for other places the name.
pub(super) fn place_of(target: &ImageName) -> String {
    match target {
        ImageName::Docker(reference) => reference.repository.to_string(),
        other => other.selecting(Selector::Only).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(target: &Target, source: &str) -> String {
        let source = source.parse::<Reference>().expect("a reference");
        let pick = match (source.tag, source.digest) {
            (Some(tag), _) => Pick::Tag(tag),
            (None, Some(digest)) => Pick::Digest(digest),
            (None, None) => panic!("no tag"),
        };
        let name = target.name(&SourceName::Registry(&source.repository, &pick));
        name.expect("a name").to_string()
    }

    fn below(kind: Kind, scoped: bool, suffix: &str) -> Target {
        let base = match kind {
            Kind::Docker => "a.example/mirror",
            Kind::Dir => "/backup/",
        };
        Target::Below {
            kind,
            base: base.to_owned(),
            scoped,
            suffix: suffix.to_owned(),
        }
    }

    #[test]
    fn names_below_a_target_are_those_of_skopeo() {
        let nginx = "docker.io/library/nginx:1.25";
        let cases = [
            (
                below(Kind::Docker, false, ""),
                nginx,
                "docker://a.example/mirror/nginx:1.25",
            ),
            (
                below(Kind::Docker, true, "-x"),
                nginx,
                "docker://a.example/mirror/docker.io/library/nginx:1.25-x",
            ),
            (below(Kind::Dir, false, ""), nginx, "dir:/backup/nginx:1.25"),
            (
                below(Kind::Dir, true, ""),
                nginx,
                "dir:/backup/docker.io/library/nginx:1.25",
            ),
            (
                Target::Repository(
                    "b.example/hub/web"
                        .parse::<Reference>()
                        .expect("one")
                        .repository,
                ),
                nginx,
                "docker://b.example/hub/web:1.25",
            ),
        ];
        for (target, source, expected) in cases {
            assert_eq!(named(&target, source), expected);
        }
    }

    #[test]
    fn a_folder_of_images_is_named_by_its_paths() {
        let path = Path::new("docker.io/library/nginx:1.25");
        let name = |scoped| {
            below(Kind::Docker, scoped, "")
                .name(&SourceName::Path(path))
                .expect("a name")
                .to_string()
        };
        assert_eq!(name(false), "docker://a.example/mirror/nginx:1.25");
        assert_eq!(
            name(true),
            "docker://a.example/mirror/docker.io/library/nginx:1.25"
        );
    }
}
