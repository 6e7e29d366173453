//! The names in declarations: sources are in registries, targets there or in directories, layouts and archives.

use crate::image::{ImageName, Reference, Selector, has_transport, parse_reference};
use crate::sync::target::{Kind, Target};
use crate::{Error, Result};

/// Whether `text` begins with a transport other than `docker://`. `docker:24` is an image of Docker Hub.
pub(in crate::sync) fn is_elsewhere(text: &str) -> bool {
    has_transport(text) && !text.starts_with("docker:")
}

/// The repository or image in a registry that `text` names as a source.
pub(super) fn source(text: &str) -> Result<Reference> {
    if !is_elsewhere(text) {
        return parse_reference(text.strip_prefix("docker://").unwrap_or(text));
    }
    let transport = text
        .split_once(':')
        .map_or(text, |(transport, _)| transport);
    let instead = match ImageName::parse(text)? {
        ImageName::Dir { .. } => {
            "`barque sync --src dir --dest docker DIR HOST/PATH` mirrors a directory of images"
                .to_owned()
        }
        ImageName::Oci { .. } | ImageName::OciArchive { .. } => format!(
            "`barque copy --all-tags {text} docker://HOST/REPOSITORY` copies every image that it holds"
        ),
        _ => format!("`barque copy {text} docker://HOST/REPOSITORY:TAG` copies the image"),
    };
    let text =
        format!("`{text}`: `barque sync` cannot read from `{transport}:`, only from registries");
    Err(Error::other(text).hint(instead))
}

/// The target that `text` names: an image, or a place where images keep their names.
pub(super) fn target(text: &str) -> Result<Target> {
    if !is_elsewhere(text) {
        let parsed = parse_reference(text.strip_prefix("docker://").unwrap_or(text))?;
        return Ok(match parsed.tag.is_some() || parsed.digest.is_some() {
            true => Target::Image(parsed),
            false => Target::Repository(parsed.repository),
        });
    }
    let name = ImageName::parse(text)?;
    let instead = match &name {
        ImageName::Dir { .. } => {
            return Ok(Target::Below {
                kind: Kind::Dir,
                base: text["dir:".len()..].to_owned(),
                scoped: false,
                suffix: String::new(),
            });
        }
        ImageName::OciArchive { path, .. } if path.as_os_str() == "-" => {
            "write it to a file, and send that on"
        }
        ImageName::Oci { selector, .. } | ImageName::OciArchive { selector, .. } => {
            match selector {
                Selector::Only => return Ok(Target::Layout(name)),
                Selector::Named(_) => return Ok(Target::Place(name)),
                Selector::At(_) => "leave out the number: an image is added by its name",
            }
        }
        ImageName::DockerArchive { .. } => {
            "write `oci-archive:FILE`, or use `barque copy SOURCE... docker-archive:FILE`"
        }
        ImageName::DockerDaemon(_) => "use `barque copy SOURCE docker-daemon:NAME:TAG`",
        _ => "write a repository, `oci:DIR`, `oci-archive:FILE` or `dir:DIR`",
    };
    Err(Error::other(format!("`barque sync` cannot write to `{text}`")).hint(instead))
}

/// The target for the images of a list that name none: below `base`, after the source's registry if `scoped`.
///
/// # Errors
/// When `base` begins with a transport that cannot be a target.
pub fn target_below(base: &str, scoped: bool) -> Result<Target> {
    if !is_elsewhere(base) {
        return Ok(Target::Mirror {
            base: base.strip_prefix("docker://").unwrap_or(base).to_owned(),
            scoped,
        });
    }
    Ok(match target(base)? {
        Target::Below {
            kind, base, suffix, ..
        } => Target::Below {
            kind,
            base,
            scoped,
            suffix,
        },
        other => other,
    })
}
