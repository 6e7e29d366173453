//! Names of several images at one destination: what can hold several, and what each image is called there.

use std::path::PathBuf;

use crate::cli::copy::files::{is_once_only, is_piped};
use crate::cli::names;
use crate::image::{DaemonImage, ImageName, Reference, Selector, is_ref_name, parse_reference};
use crate::open::{all_tags, open_tags};
use crate::settings::Context;
use crate::{Error, Result};

/// Names of a layout or archive that are read to find the only one.
const MOST: usize = 10_000;

/// A place that holds several images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    Layout(PathBuf),
    OciArchive(PathBuf),
    DockerArchive(PathBuf),
    /// A directory of `dir:` images, with a `/` at its end.
    Directory(String),
    /// A registry with or without the beginning of a path.
    Registry(String),
}

impl Holder {
    /// Reads the destination of several images. Fails with a hint for a name that holds one image.
    pub(super) fn read(text: &str) -> Result<Holder> {
        let one = |hint: String| {
            let text = format!("`{text}` names one image, and there are several sources");
            Err(Error::other(text).hint(hint))
        };
        if let Some(rest) = text.strip_prefix("docker://") {
            let Some(base) = rest.strip_suffix('/') else {
                let prefix = rest.split(['@']).next().unwrap_or(rest);
                let prefix = match prefix.rsplit_once('/') {
                    Some((path, last)) => {
                        format!("{path}/{}", last.split(':').next().unwrap_or(last))
                    }
                    None => prefix.to_owned(),
                };
                return one(format!(
                    "write `docker://{prefix}/` to put each below it, with its repository and tag"
                ));
            };
            parse_reference(&format!("{base}/image"))?;
            return Ok(Holder::Registry(base.to_owned()));
        }
        if let Some(path) = text.strip_prefix("dir:").filter(|path| path.ends_with('/')) {
            names::in_full(text)?;
            return Ok(Holder::Directory(path.to_owned()));
        }
        let name = names::in_full(text)?;
        let (transport, path, selector) = match &name {
            ImageName::Oci { path, selector } => ("oci", path, selector),
            ImageName::OciArchive { path, selector } => ("oci-archive", path, selector),
            ImageName::DockerArchive { path, selector } => ("docker-archive", path, selector),
            ImageName::Dir { path } => {
                let parent = path.display();
                return one(format!(
                    "write `dir:{parent}/` for a directory of images below it"
                ));
            }
            _ => {
                return one(
                    "`oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`, `dir:PARENT/` and `docker://HOST/PREFIX/` hold several"
                        .to_owned(),
                );
            }
        };
        if *selector != Selector::Only {
            let bare = path.display();
            return one(format!(
                "write `{transport}:{bare}`; each image keeps its name there"
            ));
        }
        if is_once_only(&name) {
            let text = format!("`{text}`: an archive of several images goes to a file");
            return Err(Error::other(text)
                .hint("write it to a file, and send that on, as in `podman load -i FILE`"));
        }
        let path = path.clone();
        Ok(match transport {
            "oci" => Holder::Layout(path),
            "oci-archive" => Holder::OciArchive(path),
            _ => Holder::DockerArchive(path),
        })
    }

    /// Whether images are written to it one after the other.
    pub(super) fn is_archive(&self) -> bool {
        matches!(self, Holder::OciArchive(_) | Holder::DockerArchive(_))
    }

    /// Where the image that is `called` so goes.
    pub(super) fn name(&self, called: &Called) -> Result<ImageName> {
        let Called { full, below, .. } = called;
        match self {
            Holder::Layout(path) => Ok(ImageName::Oci {
                path: path.clone(),
                selector: Selector::Named(full.clone()),
            }),
            Holder::OciArchive(path) => Ok(ImageName::OciArchive {
                path: path.clone(),
                selector: Selector::Named(full.clone()),
            }),
            Holder::DockerArchive(path) => {
                let reference = parse_reference(called.repository()?)?.or_latest();
                if reference.tag.is_none() {
                    let text = format!("`{full}` has no tag for an archive of docker");
                    return Err(Error::other(text).hint(format!(
                        "copy it alone, to `docker-archive:{}:NAME:TAG`",
                        path.display()
                    )));
                }
                Ok(ImageName::DockerArchive {
                    path: path.clone(),
                    selector: Selector::Named(reference.to_string()),
                })
            }
            Holder::Directory(parent) => {
                let last = below.rsplit('/').next().unwrap_or(below);
                let path = format!("{parent}{last}").into();
                Ok(ImageName::Dir { path })
            }
            Holder::Registry(base) => {
                called.repository()?;
                let reference = parse_reference(&format!("{base}/{below}"))?;
                Ok(ImageName::Docker(reference.or_latest()))
            }
        }
    }
}

/// What an image is called where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Called {
    /// The whole name, as a layout has it.
    full: String,
    /// The name without its registry.
    below: String,
    /// It names a repository, and not only a tag.
    is_repository: bool,
}

impl Called {
    fn new(full: &str, below: &str, is_repository: bool) -> Called {
        Called {
            full: full.to_owned(),
            below: below.to_owned(),
            is_repository,
        }
    }

    /// What the image `name` is called. Of a layout or archive whose image is not named, its names are read. Fails for
    /// an image without a name, and with the errors of reading.
    pub(super) async fn of(name: &ImageName, from: &Context) -> Result<Called> {
        let called = match name {
            ImageName::Docker(reference)
            | ImageName::DockerDaemon(DaemonImage::Named(reference)) => {
                Called::by_reference(reference)
            }
            ImageName::DockerV1(reference) => Called::by_text(&reference.to_string()),
            ImageName::ContainersStorage(text) => {
                let text = text.rsplit(']').next().unwrap_or(text);
                Called::by_reference(&parse_reference(text)?.or_latest())
            }
            ImageName::Dir { path } => {
                let bare = name.unpinned();
                let path = match &bare {
                    Some((ImageName::Dir { path }, _)) => path,
                    _ => path,
                };
                let last = path.file_name().and_then(|last| last.to_str());
                let last = last.ok_or_else(|| nameless(name))?;
                Called::new(last, last, true)
            }
            _ => match name.selector() {
                Some(Selector::Named(text)) => Called::pinned(text, name),
                Some(Selector::Only) => Called::by_text(&only(name, from).await?),
                Some(Selector::At(_)) | None => return Err(nameless(name)),
            },
        };
        match is_ref_name(&called.full) {
            true => Ok(called),
            false => Err(Error::other(format!(
                "`{}` cannot be the name of an image",
                called.full
            ))),
        }
    }

    /// What the entry `text` of a layout or archive is called, which `name` may follow with a digest.
    fn pinned(text: &str, name: &ImageName) -> Called {
        let called = Called::by_text(text);
        let bare = name.unpinned().map(|(bare, _)| bare);
        match bare.as_ref().and_then(ImageName::selector) {
            // The digest of a full name is a part of it.
            Some(Selector::Named(bare)) if called.full == called.below => Called::by_text(bare),
            _ => called,
        }
    }

    fn by_reference(reference: &Reference) -> Called {
        let mut reference = reference.clone();
        if reference.tag.is_some() {
            reference.digest = None;
        }
        let full = reference.to_string();
        let registry = format!("{}/", reference.repository.registry);
        Called::new(&full, full.strip_prefix(&registry).unwrap_or(&full), true)
    }

    fn by_text(text: &str) -> Called {
        if let Ok(reference) = text.parse::<Reference>()
            && reference.to_string() == text
            && (reference.tag.is_some() || reference.digest.is_some())
        {
            return Called::by_reference(&reference);
        }
        Called::new(text, text, text.contains([':', '/']))
    }

    /// The whole name, which has to name a repository.
    fn repository(&self) -> Result<&str> {
        match self.is_repository {
            true => Ok(&self.full),
            false => {
                let text = format!("`{}` is a tag without a repository", self.full);
                Err(Error::other(text).hint("copy this image alone, with its name there"))
            }
        }
    }
}

fn nameless(name: &ImageName) -> Error {
    Error::other(format!("`{name}` has no name to keep"))
        .hint("copy this image alone, with its name there")
}

/// The only name in the layout or archive `name`.
async fn only(name: &ImageName, from: &Context) -> Result<String> {
    if is_piped(name) {
        return Err(nameless(name));
    }
    let tags = open_tags(name, from).await?;
    let names = all_tags(tags.pages, MOST, "name the image").await?;
    match &names[..] {
        [only] if !only.starts_with('@') => Ok(only.clone()),
        [] | [_] => Err(nameless(name)),
        several => {
            let text = format!("`{name}` has {} names", several.len());
            Err(Error::other(text).hint(format!("name one, as in `{name}:{}`", several[0])))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goes_to(holder: &str, source: &str) -> String {
        let called = match source.parse::<Reference>() {
            Ok(reference) if source.contains('.') => Called::by_reference(&reference.or_latest()),
            _ => Called::by_text(source),
        };
        let name = Holder::read(holder).and_then(|holder| holder.name(&called));
        name.map_or_else(|e| format!("{e:#}"), |name| name.to_string())
    }

    #[test]
    fn images_keep_their_names() {
        let app = "quay.io/org/app:1.2";
        for (holder, source, expected) in [
            ("oci:d", app, "oci:d:quay.io/org/app:1.2"),
            ("oci:d", "v1", "oci:d:v1"),
            (
                "oci-archive:a.tar",
                app,
                "oci-archive:a.tar:quay.io/org/app:1.2",
            ),
            (
                "docker-archive:a.tar",
                app,
                "docker-archive:a.tar:quay.io/org/app:1.2",
            ),
            (
                "docker-archive:a.tar",
                "app:1",
                "docker-archive:a.tar:docker.io/library/app:1",
            ),
            ("dir:all/", app, "dir:all/app:1.2"),
            (
                "docker://a.example/mirror/",
                app,
                "docker://a.example/mirror/org/app:1.2",
            ),
            (
                "docker://127.0.0.1:5000/",
                app,
                "docker://127.0.0.1:5000/org/app:1.2",
            ),
            (
                "docker://a.example/mirror/",
                "app:1",
                "docker://a.example/mirror/app:1",
            ),
        ] {
            assert_eq!(goes_to(holder, source), expected);
        }
        for (holder, source) in [
            ("docker://a.example/mirror/", "v1"),
            ("docker-archive:a.tar", "v1"),
        ] {
            let said = goes_to(holder, source);
            assert!(said.contains("without a repository"), "{said}");
        }
    }

    #[test]
    fn what_holds_one_image_is_refused_with_a_hint() {
        for (text, hint) in [
            ("docker://a.example/app:1", "docker://a.example/app/"),
            ("dir:out", "dir:out/"),
            ("oci:d:1", "`oci:d`"),
            ("docker-archive:a.tar:app:1", "`docker-archive:a.tar`"),
            ("docker-archive:-", "to a file"),
            ("docker-daemon:app:1", "docker-archive:FILE"),
        ] {
            let e = Holder::read(text).expect_err(text);
            let shown = format!("{e} {}", e.advice().unwrap_or_default());
            assert!(shown.contains(hint), "{text}: {shown}");
        }
    }
}
